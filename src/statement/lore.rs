//! What the relations of the schema `regulars` show that the catalog cannot know: what a text means, which functions there
//! are, how lists stand today.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use regulars_udfs::Tables;

use crate::audience::schedule::Schedule;
use crate::catalog::delivery::RecordedDelivery;
use crate::catalog::object::Relation;
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::{FunctionRow, Lore, Standing};
use crate::catalog::{Catalog, RecordedRun, SavedDefinition};
use crate::error::Result;
use crate::history::History;
use crate::planner::fact::Fact;
use crate::planner::{NameScope, question, text_of_today, texts_behind};
use crate::sql;
use crate::storage::member_file::{MemberFile, MemberFolder};

/// For one statement.
#[derive(Debug)]
pub struct SegmentLore {
    pub snapshot: Arc<Snapshot>,
    pub search_path: Vec<String>,
    pub catalog: Arc<Catalog>,
    pub history: Arc<History>,
    pub now: DateTime<Utc>,
    /// Where the recipients of deliveries are kept.
    pub recipients: MemberFolder,
}

impl Lore for SegmentLore {
    fn may_repeat_members(&self, segment: &Relation) -> bool {
        let scope = NameScope { snapshot: &self.snapshot, search_path: &self.search_path };
        let text = segment.definition().map(|definition| text_of_today(&self.snapshot, definition));
        match text.map(|text| sql::parse_query(&text)) {
            Some(Ok(query)) => question::may_repeat_members(scope, &query),
            _ => true,
        }
    }

    fn standing(&self, list: &Relation) -> Standing {
        let Some(materialized) = list.materialized() else {
            return Standing { due: None, is_overdue: false, definition_changed: false };
        };
        let newest = materialized.runs.first();
        let head_office = self.history.head_office_zone();
        let schedule = materialized.options.refresh.as_deref().and_then(Schedule::parse);
        let last = newest.map_or(list.created_at, |run| run.started_at);
        let is_overdue = schedule.is_some_and(|schedule| schedule.is_due(last, self.now, head_office));
        let due = schedule.and_then(|schedule| {
            if is_overdue {
                schedule.last_before(self.now, head_office)
            } else {
                schedule.next_after(self.now, head_office)
            }
        });
        let definition_changed =
            newest.is_some_and(|run| run.definition_hash != question::hash(&texts_behind(&self.snapshot, list)));
        Standing { due, is_overdue, definition_changed }
    }

    fn runs(&self) -> Result<Vec<RecordedRun>> {
        self.catalog.runs()
    }

    fn deliveries(&self) -> Result<Vec<RecordedDelivery>> {
        self.catalog.deliveries()
    }

    fn recipients(&self, name: &str) -> Arc<MemberFile> {
        self.recipients.published(name)
    }

    fn saved_definitions(&self) -> Result<Vec<SavedDefinition>> {
        self.catalog.saved_definitions(None)
    }

    fn functions(&self) -> Vec<FunctionRow> {
        functions()
    }
}

fn functions() -> Vec<FunctionRow> {
    let mut rows: Vec<FunctionRow> = Fact::ALL.into_iter().map(of_fact).collect();
    rows.push(FunctionRow {
        name: "asof".to_owned(),
        family: "Member facts".to_owned(),
        signature: "asof() → date".to_owned(),
        description: "The day asked about: regulars.as_of, or today's business date".to_owned(),
        example: Some("SELECT asof() - 30".to_owned()),
    });
    rows.extend(question::Kind::ALL.into_iter().map(of_question));
    rows.extend(regulars_udfs::functions(&Tables::default()).iter().filter_map(|function| {
        let page = function.documentation()?;
        Some(FunctionRow {
            name: function.name().to_owned(),
            family: page.doc_section.label.to_owned(),
            signature: page.syntax_example.clone(),
            description: first_sentence(&page.description),
            example: page.sql_example.as_deref().and_then(|example| example.lines().next()).map(str::to_owned),
        })
    }));
    rows
}

fn of_fact(fact: Fact) -> FunctionRow {
    let filters = if fact.has_filters() { " [, filter => value, …]" } else { "" };
    FunctionRow {
        name: fact.name().to_owned(),
        family: "Member facts".to_owned(),
        signature: format!("{}(member_id{filters}) → {}", fact.name(), fact.type_name()),
        description: fact.description().to_owned(),
        example: Some(fact.example().to_owned()),
    }
}

fn of_question(kind: question::Kind) -> FunctionRow {
    FunctionRow {
        name: kind.name().to_owned(),
        family: "Questions about a segment".to_owned(),
        signature: kind.signature().to_owned(),
        description: kind.description().to_owned(),
        example: Some(kind.example().to_owned()),
    }
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or(text).trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::system::{Argument, house_functions};
    use crate::planner::fact::filter::FilterName;

    /// `pg_proc` shows each function of `regulars.functions`, and each fact with the filters that it takes.
    #[test]
    fn all_functions_are_in_pg_proc() {
        for function in functions() {
            let found = house_functions().iter().any(|known| known.name == function.name);
            assert!(found || function.name == "timezone", "{} is not in pg_proc", function.name);
        }
        for fact in Fact::ALL {
            let shown = house_functions().iter().find(|known| known.name == fact.name()).unwrap();
            let filters: Vec<&Argument> = shown.arguments.iter().filter(|argument| argument.is_optional).collect();
            let names: Vec<&str> = filters.iter().map(|argument| argument.name).collect();
            let taken: Vec<&str> = FilterName::ALL.into_iter().map(FilterName::name).collect();
            assert_eq!(names, if fact.has_filters() { taken } else { Vec::new() }, "{}", fact.name());
            for filter in filters.iter().filter(|filter| filter.name != "all_products") {
                let named = FilterName::named(filter.name).unwrap();
                assert_eq!(filter.type_oid, named.parameter_type().oid, "{}", filter.name);
            }
        }
    }
}
