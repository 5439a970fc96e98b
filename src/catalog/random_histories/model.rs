//! The state of a catalog as one would write it on paper: what each statement does to it, and what two sides give together.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Snapshot;
use crate::catalog::fixture::at;
use crate::catalog::object::{FIRST_USER_OID, PUBLIC_OID};
use crate::error::SqlState;
use crate::pg_type::Oid;

/// Runs of a list whose rows are kept.
pub(super) const KEPT: usize = 2;

/// The state as one would write it on paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// OID → name, comment.
    schemas: BTreeMap<Oid, (String, Option<String>)>,
    pub(super) views: BTreeMap<Oid, ModelView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelView {
    schema: Oid,
    name: String,
    reads: BTreeSet<Oid>,
    comment: Option<String>,
    /// When it was last created or replaced, in seconds: makes each replacement distinct.
    saved_at: i64,
    /// What it holds, when it is a list.
    pub(super) list: Option<ModelList>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModelList {
    /// The runs that are kept, newest first: number, and when, in seconds.
    runs: Vec<(u32, i64)>,
    last_run: u32,
    is_populated: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    CreateSchema { name: String },
    DropSchema { name: String, cascade: bool },
    CommentSchema { name: String, comment: Option<String> },
    CreateView { schema: String, name: String, reads: Vec<Oid>, or_replace: bool },
    Rename { view: Oid, name: String },
    DropView { schema: String, name: String, cascade: bool },
    Comment { view: Oid, comment: Option<String> },
    CreateList { schema: String, name: String, reads: Vec<Oid> },
    Refresh { list: Oid },
    Empty { list: Oid },
    RenameList { list: Oid, name: String },
    DropList { schema: String, name: String, cascade: bool },
}

/// The objects that statements wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Writes {
    objects: BTreeSet<Oid>,
    /// Those among them that went with something else that was dropped.
    along: BTreeSet<Oid>,
}

impl Writes {
    fn dropped(named: Oid, all: BTreeSet<Oid>) -> Self {
        let along = all.iter().copied().filter(|oid| *oid != named).collect();
        Self { objects: all, along }
    }

    pub(super) fn extend(&mut self, more: &Self) {
        self.objects.extend(&more.objects);
        self.along.extend(&more.along);
    }
}

impl<const N: usize> From<[Oid; N]> for Writes {
    fn from(objects: [Oid; N]) -> Self {
        Self { objects: objects.into(), along: BTreeSet::new() }
    }
}

impl Model {
    fn schema_named(&self, name: &str) -> Option<Oid> {
        if name == "public" {
            return Some(PUBLIC_OID);
        }
        self.schemas.iter().find(|(_, (known, _))| known == name).map(|(oid, _)| *oid)
    }

    fn view_named(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.views.iter().find(|(_, view)| view.schema == schema && view.name == name).map(|(oid, _)| *oid)
    }

    /// Everything that goes when these views go: read by read until nothing is added.
    fn with_readers(&self, mut going: BTreeSet<Oid>) -> BTreeSet<Oid> {
        loop {
            let more: Vec<Oid> = self
                .views
                .iter()
                .filter(|(oid, view)| !going.contains(oid) && !view.reads.is_disjoint(&going))
                .map(|(oid, _)| *oid)
                .collect();
            if more.is_empty() {
                return going;
            }
            going.extend(more);
        }
    }

    fn reaches(&self, from: &BTreeSet<Oid>, goal: Oid) -> bool {
        from.iter()
            .any(|read| *read == goal || self.views.get(read).is_some_and(|view| self.reaches(&view.reads, goal)))
    }

    /// Applies a step and gives the objects it wrote, also with what they were already; refuses with the SQLSTATE.
    /// `new` is the OID of what the step creates.
    pub(super) fn apply(&mut self, step: &Step, new: Oid, second: i64) -> Result<Writes, SqlState> {
        Ok(match step {
            Step::CreateSchema { name } => {
                if self.schema_named(name).is_some() {
                    return Err(SqlState::DuplicateSchema);
                }
                self.schemas.insert(new, (name.clone(), None));
                [new].into()
            }
            Step::DropSchema { name, cascade } => {
                let schema = self.schema_named(name).ok_or(SqlState::InvalidSchemaName)?;
                let inside = self.views.iter().filter(|(_, view)| view.schema == schema).map(|(oid, _)| *oid);
                let going = self.with_readers(inside.collect());
                if !cascade && !going.is_empty() {
                    return Err(SqlState::DependentObjectsStillExist);
                }
                self.views.retain(|oid, _| !going.contains(oid));
                self.schemas.remove(&schema);
                Writes::dropped(schema, going.into_iter().chain([schema]).collect())
            }
            Step::CommentSchema { name, comment } => {
                let schema = self.schema_named(name).ok_or(SqlState::InvalidSchemaName)?;
                self.schemas.entry(schema).and_modify(|(_, known)| known.clone_from(comment));
                [schema].into()
            }
            Step::CreateView { schema, name, reads, or_replace } => {
                self.create_view(schema, name, reads, *or_replace, new, second)?
            }
            Step::Rename { view, name } => self.rename(*view, name, false)?,
            Step::RenameList { list, name } => self.rename(*list, name, true)?,
            Step::DropView { schema, name, cascade } => self.drop_view(schema, name, *cascade, false)?,
            Step::DropList { schema, name, cascade } => self.drop_view(schema, name, *cascade, true)?,
            Step::CreateList { schema, name, reads } => self.create_list(schema, name, reads, new, second)?,
            Step::Refresh { list } => {
                let held = self.list(*list)?;
                held.last_run += 1;
                held.runs.insert(0, (held.last_run, second));
                held.runs.truncate(KEPT);
                held.is_populated = true;
                [*list].into()
            }
            Step::Empty { list } => {
                self.list(*list)?.is_populated = false;
                [*list].into()
            }
            Step::Comment { view, comment } => {
                self.views.get_mut(view).ok_or(SqlState::UndefinedTable)?.comment.clone_from(comment);
                [*view].into()
            }
        })
    }

    /// Errors: 42P01, and 42809 for what is no list.
    fn list(&mut self, oid: Oid) -> Result<&mut ModelList, SqlState> {
        let view = self.views.get_mut(&oid).ok_or(SqlState::UndefinedTable)?;
        view.list.as_mut().ok_or(SqlState::WrongObjectType)
    }

    fn rename(&mut self, oid: Oid, name: &str, is_list: bool) -> Result<Writes, SqlState> {
        let view = self.views.get(&oid).ok_or(SqlState::UndefinedTable)?;
        if view.list.is_some() != is_list {
            return Err(SqlState::WrongObjectType);
        }
        if self.view_named(view.schema, name).is_some() {
            return Err(SqlState::DuplicateTable);
        }
        self.views.entry(oid).and_modify(|view| name.clone_into(&mut view.name));
        Ok([oid].into())
    }

    fn drop_view(&mut self, schema: &str, name: &str, cascade: bool, is_list: bool) -> Result<Writes, SqlState> {
        let schema = self.schema_named(schema).ok_or(SqlState::InvalidSchemaName)?;
        let oid = self.view_named(schema, name).ok_or(SqlState::UndefinedTable)?;
        if self.views.get(&oid).is_some_and(|view| view.list.is_some() != is_list) {
            return Err(SqlState::WrongObjectType);
        }
        let going = self.with_readers(BTreeSet::from([oid]));
        if !cascade && going.len() > 1 {
            return Err(SqlState::DependentObjectsStillExist);
        }
        self.views.retain(|oid, _| !going.contains(oid));
        Ok(Writes::dropped(oid, going))
    }

    fn create_list(
        &mut self,
        schema: &str,
        name: &str,
        reads: &[Oid],
        new: Oid,
        second: i64,
    ) -> Result<Writes, SqlState> {
        let written = self.create_view(schema, name, reads, false, new, second)?;
        self.views.entry(new).and_modify(|view| view.list = Some(ModelList::default()));
        Ok(written)
    }

    fn create_view(
        &mut self,
        schema: &str,
        name: &str,
        reads: &[Oid],
        or_replace: bool,
        new: Oid,
        second: i64,
    ) -> Result<Writes, SqlState> {
        let schema = self.schema_named(schema).ok_or(SqlState::InvalidSchemaName)?;
        let reads: BTreeSet<Oid> = reads.iter().copied().collect();
        if reads.iter().any(|read| !self.views.contains_key(read)) {
            return Err(SqlState::UndefinedTable);
        }
        match self.view_named(schema, name) {
            Some(_) if !or_replace => Err(SqlState::DuplicateTable),
            Some(existing) if self.list(existing).is_ok() => Err(SqlState::WrongObjectType),
            Some(existing) if self.reaches(&reads, existing) => Err(SqlState::InvalidObjectDefinition),
            Some(existing) => {
                self.views.entry(existing).and_modify(|view| (view.reads, view.saved_at) = (reads, second));
                Ok([existing].into())
            }
            None => {
                let view =
                    ModelView { schema, name: name.to_owned(), reads, comment: None, saved_at: second, list: None };
                self.views.insert(new, view);
                Ok([new].into())
            }
        }
    }

    /// Mine on top of theirs, if nobody else wrote what I wrote and the whole is lawful: both began at `base`.
    pub(super) fn merged(base: &Self, mine: &Self, writes: &Writes, theirs: &Self) -> Option<Self> {
        if base == mine {
            return Some(theirs.clone());
        }
        let merged = Self {
            schemas: merged_map(&base.schemas, &mine.schemas, writes, &theirs.schemas)?,
            views: merged_map(&base.views, &mine.views, writes, &theirs.views)?,
        };
        merged.is_lawful().then_some(merged)
    }

    fn is_lawful(&self) -> bool {
        let schema_names: BTreeSet<_> = self.schemas.values().map(|(name, _)| name).collect();
        let view_names: BTreeSet<_> = self.views.values().map(|view| (view.schema, &view.name)).collect();
        let homes =
            self.views.values().all(|view| view.schema == PUBLIC_OID || self.schemas.contains_key(&view.schema));
        let reads = self.views.values().all(|view| view.reads.iter().all(|read| self.views.contains_key(read)));
        schema_names.len() == self.schemas.len()
            && view_names.len() == self.views.len()
            && homes
            && reads
            && self.ends()
    }

    /// Whether taking away views that read nothing, again and again, takes away all.
    fn ends(&self) -> bool {
        let mut left = self.views.clone();
        loop {
            let names: BTreeSet<Oid> = left.keys().copied().collect();
            left.retain(|_, view| !view.reads.is_disjoint(&names));
            if left.len() == names.len() {
                return left.is_empty();
            }
        }
    }

    /// The state of a snapshot, on paper.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let user_schemas = snapshot.schemas().filter(|schema| schema.oid >= FIRST_USER_OID);
        Self {
            schemas: user_schemas.map(|schema| (schema.oid, (schema.name.clone(), schema.comment.clone()))).collect(),
            views: snapshot
                .relations()
                .map(|view| {
                    let saved_at = view.replaced_at.unwrap_or(view.created_at);
                    let paper = ModelView {
                        schema: view.schema,
                        name: view.name.clone(),
                        reads: view.reads(),
                        comment: view.comment.clone(),
                        saved_at: (saved_at - at(0)).num_seconds(),
                        list: view.materialized().map(|list| ModelList {
                            runs: list
                                .runs
                                .iter()
                                .map(|run| (run.number, (run.started_at - at(0)).num_seconds()))
                                .collect(),
                            last_run: list.last_run,
                            is_populated: list.is_populated,
                        }),
                    };
                    (view.oid, paper)
                })
                .collect(),
        }
    }
}

/// Theirs with my entries where I wrote; nothing when they wrote there too, but to drop what went along with mine.
fn merged_map<T: Clone + PartialEq>(
    base: &BTreeMap<Oid, T>,
    mine: &BTreeMap<Oid, T>,
    writes: &Writes,
    theirs: &BTreeMap<Oid, T>,
) -> Option<BTreeMap<Oid, T>> {
    let mut merged = theirs.clone();
    for oid in &writes.objects {
        if base.get(oid) != theirs.get(oid) {
            // What I took along unnamed may be gone already.
            if theirs.get(oid).is_none() && writes.along.contains(oid) {
                continue;
            }
            return None;
        }
        match mine.get(oid) {
            Some(value) => drop(merged.insert(*oid, value.clone())),
            None => drop(merged.remove(oid)),
        }
    }
    Some(merged)
}
