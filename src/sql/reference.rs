//! The relations that a query names, with the place of each name: what a view's dependencies are made of.
//!
//! A name that a WITH clause defines is not a relation, from the place on where it is visible.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, TableFactor, Visit, Visitor};

use super::Places;
use super::statement::Name;
use crate::ident::folded;

/// One mention of a relation in a FROM clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub name: Name,
    /// Bytes of the (perhaps qualified) name, counted in the text that was parsed.
    pub range: Range<usize>,
    /// No alias follows, so that columns may be qualified by this very name.
    pub needs_alias: bool,
}

/// All mentions of relations, in the order of the text. `places` belongs to the text that was parsed.
pub fn mentions(query: &Query, places: &Places<'_>) -> Vec<Mention> {
    let mut finder = Finder { places, scopes: Vec::new(), found: Vec::new() };
    let _: ControlFlow<()> = Visit::visit(query, &mut finder);
    finder.found.sort_by_key(|mention| mention.range.start);
    finder.found
}

struct Finder<'a> {
    places: &'a Places<'a>,
    /// One for each query that surrounds the present place.
    scopes: Vec<Scope>,
    found: Vec<Mention>,
}

struct Scope {
    /// The names that WITH defines, each with the query that defines it.
    defined: Vec<(String, *const Query)>,
    /// How many of them are visible already.
    visible: usize,
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let (defined, recursive) = match &query.with {
            Some(with) => (
                with.cte_tables
                    .iter()
                    .map(|cte| (folded(&cte.alias.name), std::ptr::from_ref::<Query>(&cte.query)))
                    .collect(),
                with.recursive,
            ),
            None => (Vec::new(), false),
        };
        let visible = if recursive { defined.len() } else { 0 };
        self.scopes.push(Scope { defined, visible });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some(scope) = self.scopes.last_mut()
            && let Some(at) = scope.defined.iter().position(|(_, body)| std::ptr::eq(*body, query))
        {
            scope.visible = scope.visible.max(at + 1);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, alias, .. } = factor {
            self.mention(name, alias.is_none());
        }
        ControlFlow::Continue(())
    }
}

impl Finder<'_> {
    fn mention(&mut self, name: &ObjectName, needs_alias: bool) {
        let idents: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let (Some(first), Some(last)) = (idents.first(), idents.last()) else {
            return;
        };
        let bare = folded(last);
        if idents.len() == 1 && self.is_defined(&bare) {
            return;
        }
        let schema = (idents.len() > 1).then(|| folded(idents[idents.len() - 2]));
        let range = self.places.byte(first.span.start)..self.places.byte(last.span.end);
        let position = self.places.position(first.span.start);
        self.found.push(Mention { name: Name { schema, name: bare, position }, range, needs_alias });
    }

    fn is_defined(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.defined[..scope.visible].iter().any(|(defined, _)| defined == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_query;

    fn found(text: &str) -> Vec<(String, String, bool)> {
        let query = parse_query(text).unwrap();
        mentions(&query, &Places::new(text))
            .into_iter()
            .map(|mention| (mention.name.to_string(), text[mention.range].to_owned(), mention.needs_alias))
            .collect()
    }

    fn mention(name: &str, written: &str, needs_alias: bool) -> (String, String, bool) {
        (name.to_owned(), written.to_owned(), needs_alias)
    }

    #[test]
    fn finds_names_where_they_stand() {
        assert_eq!(
            found("SELECT * FROM Members m JOIN public . \"Lunch\" ON å IN (SELECT 1 FROM visits)"),
            [
                mention("members", "Members", false),
                mention("public.Lunch", "public . \"Lunch\"", true),
                mention("visits", "visits", true),
            ]
        );
    }

    #[test]
    fn a_name_of_with_is_a_relation_only_before_it_is_defined() {
        // The inner `members` is the table, the outer one is what WITH defines.
        assert_eq!(
            found("WITH members AS (SELECT * FROM members), b AS (SELECT * FROM members) SELECT * FROM b, members, c"),
            [mention("members", "members", true), mention("c", "c", true)]
        );
        assert_eq!(found("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r) SELECT * FROM r"), []);
    }
}
