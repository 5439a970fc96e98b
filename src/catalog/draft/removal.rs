//! DROP VIEW and DROP SCHEMA: refused while something else depends on it, unless CASCADE takes that along.

use super::{
    Doomed, Draft, Error, MustBe, Notice, RelationKind, RelationName, Result, SqlState, fitted, message, notice,
};
use crate::catalog::dependency::doomed;
use crate::catalog::invariant::BUILT_IN_SCHEMAS;
use crate::ident;
use crate::pg_type::Oid;

/// As many dependents as PostgreSQL lists to a client; of the rest the number is told.
const LISTED_MAX: usize = 100;

impl Draft {
    /// DROP SCHEMA of one; see [`Self::drop_schemas`].
    pub fn drop_schema(&mut self, name: &str, if_exists: bool, cascade: bool) -> Result<Vec<Notice>> {
        self.drop_schemas(&[name], if_exists, cascade)
    }

    /// DROP SCHEMA; several names go together. 3F000 when one is missing (a notice with IF EXISTS); 2BP01 when it
    /// is built in, or when something in it or reading from it stays and CASCADE was not said.
    pub fn drop_schemas(&mut self, names: &[&str], if_exists: bool, cascade: bool) -> Result<Vec<Notice>> {
        let mut notices = Vec::new();
        let mut named = Vec::new();
        for name in names {
            let name = fitted(name);
            match self.working.schema_named(name) {
                Some(schema) if BUILT_IN_SCHEMAS.iter().any(|(oid, _)| *oid == schema.oid) => {
                    return Err(message::schema_required(&ident::quote(name)));
                }
                Some(schema) => {
                    self.refuse_anothers_schema(schema)?;
                    named.push(schema.oid);
                }
                None if if_exists => notices.push(skipping("schema", name)),
                None => return Err(message::schema_missing(name)),
            }
        }
        notices.extend(self.drop_all(&named, cascade)?);
        Ok(notices)
    }

    /// DROP VIEW; several names go together. 42P01 when one is missing (a notice with IF EXISTS), 3F000 when its
    /// schema is, 42809 when it is something else, 2BP01 when something else reads it and CASCADE was not said. System
    /// relations are not found here: who resolves names refuses them before.
    pub fn drop_views(&mut self, names: &[RelationName], if_exists: bool, cascade: bool) -> Result<Vec<Notice>> {
        self.drop_relations(names, MustBe::View, if_exists, cascade)
    }

    /// DROP MATERIALIZED VIEW, as [`Self::drop_views`].
    pub fn drop_materialized_views(
        &mut self,
        names: &[RelationName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<Vec<Notice>> {
        self.drop_relations(names, MustBe::MaterializedView, if_exists, cascade)
    }

    fn drop_relations(
        &mut self,
        names: &[RelationName],
        must_be: MustBe,
        if_exists: bool,
        cascade: bool,
    ) -> Result<Vec<Notice>> {
        let (named, mut notices) = self.named(names, must_be, if_exists)?;
        for relation in named.iter().filter_map(|oid| self.working.relation(*oid)) {
            // Who owns a schema may clear it.
            if !self.working.schema(relation.schema).is_some_and(|schema| self.may_act_for(schema.owner)) {
                self.refuse_anothers(relation)?;
            }
        }
        notices.extend(self.drop_all(&named, cascade)?);
        Ok(notices)
    }

    /// DROP TABLE: only IF EXISTS of what does not exist succeeds, since the tables are the purchase history.
    /// 42P01 when one is missing, 42809 with a hint when it is a view, otherwise 0A000.
    pub fn drop_tables(&self, names: &[RelationName], if_exists: bool) -> Result<Vec<Notice>> {
        let (named, notices) = self.named(names, MustBe::Table, if_exists)?;
        match named.first().and_then(|oid| self.working.relation(*oid)) {
            Some(table) => Err(message::table_cannot_be_dropped(&table.name)),
            None => Ok(notices),
        }
    }

    /// The relations of these names, and a notice for each that does not exist.
    fn named(&self, names: &[RelationName], must_be: MustBe, if_exists: bool) -> Result<(Vec<Oid>, Vec<Notice>)> {
        let kind = must_be.kind();
        let mut found = Vec::new();
        let mut notices = Vec::new();
        for name in names {
            if let Some(relation) = self.find(name) {
                let oid = relation.oid;
                self.require(oid, must_be).map_err(|error| match relation.kind {
                    RelationKind::View(_) => error.with_hint("Use DROP VIEW to remove a view."),
                    RelationKind::MaterializedView(_) => {
                        error.with_hint("Use DROP MATERIALIZED VIEW to remove a materialized view.")
                    }
                    RelationKind::Table { .. } => error,
                })?;
                found.push(oid);
                continue;
            }
            let missing_schema = name.schema.as_deref().filter(|schema| self.working.schema_named(schema).is_none());
            match missing_schema {
                Some(schema) if if_exists => notices.push(skipping("schema", schema)),
                Some(schema) => return Err(message::schema_missing(schema)),
                None if if_exists => notices.push(skipping(kind, fitted(&name.name))),
                None => return Err(message::relation_missing(kind, fitted(&name.name))),
            }
        }
        Ok((found, notices))
    }

    /// Drops these and, with CASCADE, what depends on them; tells what was taken along.
    fn drop_all(&mut self, named: &[Oid], cascade: bool) -> Result<Option<Notice>> {
        let all = doomed(&self.working, named);
        let others: Vec<&Doomed> = all.iter().filter(|object| object.because_of.is_some()).collect();
        if !cascade && !others.is_empty() {
            return Err(self.still_needed(named, &others));
        }
        let notice = self.cascade_notice(&others);
        for object in &all {
            self.remove(object.oid);
            if object.because_of.is_some() {
                self.taken_along.insert(object.oid);
            }
        }
        Ok(notice)
    }

    fn still_needed(&self, named: &[Oid], others: &[&Doomed]) -> Error {
        let lines = others.iter().map(|object| {
            let on = object.because_of.map(|oid| self.describe(oid)).unwrap_or_default();
            format!("{} depends on {on}", self.describe(object.oid))
        });
        // With several names PostgreSQL does not say which of them is held.
        let single = match named {
            [one] => Some(self.describe(*one)),
            _ => None,
        };
        message::still_needed(single.as_deref(), listed(lines))
    }

    fn cascade_notice(&self, others: &[&Doomed]) -> Option<Notice> {
        let lines = others.iter().map(|object| format!("drop cascades to {}", self.describe(object.oid)));
        match others.len() {
            0 => None,
            1 => Some(notice(SqlState::SuccessfulCompletion, listed(lines))),
            count => {
                let notice = notice(SqlState::SuccessfulCompletion, message::drop_cascades(count));
                Some(Notice { detail: Some(listed(lines)), ..notice })
            }
        }
    }
}

fn skipping(kind: &str, name: &str) -> Notice {
    notice(SqlState::SuccessfulCompletion, message::missing_skipping(kind, name))
}

/// One line each, the first hundred, then how many more.
pub(super) fn listed(lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(LISTED_MAX);
    let mut listed: Vec<String> = lines.take(LISTED_MAX).collect();
    match more {
        0 => {}
        1 => listed.push("and 1 other object".to_owned()),
        more => listed.push(format!("and {more} other objects")),
    }
    listed.join("\n")
}
