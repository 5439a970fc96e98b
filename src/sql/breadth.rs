//! What a query joins, lists and nests, bounded before it is planned: relations are planned one inside the other, a common
//! table anew wherever it is read, the engine looks at a subquery twice for each level, and some expressions are written
//! out twice ([`repeat`]).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::ptr;

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, Select, Visit, Visitor};

use super::{RELATIONS_MAX, place::Places, repeat};
use crate::error::{Error, Result, message};
use crate::ident::folded;

/// Columns that one SELECT may list, as in PostgreSQL.
const COLUMNS_MAX: usize = 1664;
/// Subqueries of expressions that may stand inside one another.
const SUBQUERIES_MAX: usize = 10;
/// Relations that may be read in all, those of a common table wherever it is read.
const READ_MAX: usize = 1_000;
/// Subqueries of expressions in all, those of a common table wherever it is read.
const SUBQUERIES_READ_MAX: usize = 250;
/// Terms that are planned anew for each form around them that repeats them.
const REPEATED_MAX: usize = 10_000;
/// How often a term may be repeated without counting: forms that stand beside one another only add up.
const REPEATED_FREELY: usize = 2;
/// Database, schema, relation and column.
const NAME_PARTS_MAX: usize = 4;

/// Errors: 54001; 54011 for too many columns; 42601 for a name of too many parts.
pub(super) fn check(query: &Query, places: &Places<'_>) -> Result<()> {
    match query.visit(&mut Counter {
        places,
        queries: Vec::new(),
        subqueries: 0,
        repeats: HashMap::new(),
        times: vec![1],
        repeated: 0,
    }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Counter<'a> {
    places: &'a Places<'a>,
    /// The queries that are open, outermost first.
    queries: Vec<Open>,
    subqueries: usize,
    /// How often what is still to be visited is repeated by what it stands in, by where it is.
    repeats: HashMap<*const Expr, usize>,
    /// How often what is being visited is repeated, by all that it stands in; the last counts.
    times: Vec<usize>,
    /// Terms that are repeated, each as often as it is.
    repeated: usize,
}

/// A query that is being counted.
#[derive(Default)]
struct Open {
    read: Read,
    /// Its common tables that are still to be visited, by where they are.
    waiting: HashMap<*const Query, String>,
    /// What its common tables read.
    common: HashMap<String, Read>,
}

/// What a query reads, with all that it reads it from.
#[derive(Debug, Default, Clone, Copy)]
struct Read {
    relations: usize,
    subqueries: usize,
}

impl Read {
    fn add(&mut self, other: Self) {
        self.relations = self.relations.saturating_add(other.relations);
        self.subqueries = self.subqueries.saturating_add(other.subqueries);
    }
}

impl Visitor for Counter<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let mut open = Open::default();
        if let Some(with) = &query.with {
            bounded("common tables", with.cte_tables.len(), RELATIONS_MAX)?;
            let places = with.cte_tables.iter().map(|table| (ptr::from_ref(&*table.query), folded(&table.alias.name)));
            open.waiting = places.collect();
        }
        self.queries.push(open);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let Some(done) = self.queries.pop() else { return ControlFlow::Continue(()) };
        if let Some(outer) = self.queries.last_mut() {
            match outer.waiting.remove(&ptr::from_ref(query)) {
                Some(name) => {
                    // One that reads nothing is planned anew as well.
                    outer.common.insert(name, Read { relations: done.read.relations.max(1), ..done.read });
                }
                None => outer.read.add(done.read),
            }
        }
        bounded(
            "subqueries, those of common tables wherever they are read",
            done.read.subqueries,
            SUBQUERIES_READ_MAX,
        )?;
        bounded("relations read, common tables wherever they are", done.read.relations, READ_MAX)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Error> {
        let name = match relation.0.as_slice() {
            [name] => name.as_ident().map(folded),
            _ => None,
        };
        let common = name.and_then(|name| self.queries.iter().rev().find_map(|open| open.common.get(&name).copied()));
        if let Some(open) = self.queries.last_mut() {
            open.read.add(common.unwrap_or(Read { relations: 1, subqueries: 0 }));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        if select.projection.len() > COLUMNS_MAX {
            return ControlFlow::Break(message::too_many_output_columns(COLUMNS_MAX));
        }
        let joined = select.from.iter().map(|from| 1 + from.joins.len()).sum();
        bounded("relations in one FROM", joined, RELATIONS_MAX)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if let Expr::CompoundIdentifier(parts) = expr
            && parts.len() > NAME_PARTS_MAX
            && let Some(first) = parts.first()
        {
            let position = self.places.position(first.span.start);
            return ControlFlow::Break(message::too_many_dotted_names().with_position(position));
        }
        if is_subquery(expr) {
            self.subqueries += 1;
            if let Some(open) = self.queries.last_mut() {
                open.read.add(Read { relations: 0, subqueries: 1 });
            }
        }
        bounded("subqueries inside one another", self.subqueries, SUBQUERIES_MAX)?;
        let outer = self.times.last().copied().unwrap_or(1);
        let times = outer.saturating_mul(self.repeats.remove(&ptr::from_ref(expr)).unwrap_or(1));
        self.times.push(times);
        if times > REPEATED_FREELY {
            self.repeated = self.repeated.saturating_add(times);
        }
        self.repeats.extend(repeat::repeated(expr).map(|(part, times)| (ptr::from_ref(part), times)));
        bounded(
            "terms under CASE, COALESCE, NULLIF, BETWEEN, IN, LIKE ANY and ROW inside one another",
            self.repeated,
            REPEATED_MAX,
        )
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        self.subqueries -= usize::from(is_subquery(expr));
        self.times.pop();
        ControlFlow::Continue(())
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. })
}

fn bounded(what: &str, count: usize, limit: usize) -> ControlFlow<Error> {
    if count > limit { ControlFlow::Break(message::too_deep(what, limit)) } else { ControlFlow::Continue(()) }
}

#[cfg(test)]
mod tests {
    use crate::error::SqlState;
    use crate::sql::parse;

    fn state(text: &str) -> Option<SqlState> {
        parse(text).err().map(|error| error.state())
    }

    /// Each reads the one before twice.
    fn doubling(first: &str, steps: usize) -> String {
        let steps = (1..steps).map(|at| format!(", t{at} AS (SELECT a.n FROM t{0} a JOIN t{0} b USING (n))", at - 1));
        format!("WITH t0 AS ({first}){} SELECT n FROM t0", steps.collect::<String>())
    }

    #[test]
    fn common_tables_count_wherever_they_are_read() {
        for first in ["SELECT n FROM m", "SELECT 1 AS n", "VALUES (1)"] {
            assert_eq!(state(&doubling(first, 10)), None);
            assert_eq!(state(&doubling(first, 12)), Some(SqlState::StatementTooComplex));
        }
        let steps =
            (1..8).map(|at| format!(", t{at} AS (SELECT (SELECT n FROM t{0}) + (SELECT n FROM t{0}) AS n)", at - 1));
        let subqueries =
            |steps: &[String]| format!("WITH t0 AS (SELECT 1 AS n){} SELECT n FROM t{}", steps.concat(), steps.len());
        let steps: Vec<String> = steps.collect();
        assert_eq!(state(&subqueries(&steps[..6])), None);
        assert_eq!(state(&subqueries(&steps)), Some(SqlState::StatementTooComplex));
        // A name of another query is no common table.
        assert_eq!(state("SELECT * FROM (WITH a AS (SELECT 1 FROM b) SELECT * FROM a) c, a"), None);
    }

    #[test]
    fn subqueries_are_bounded_inside_one_another_and_not_beside() {
        let nested = |count: usize| format!("SELECT {}1{}", "(SELECT ".repeat(count), ")".repeat(count));
        assert_eq!(state(&nested(super::SUBQUERIES_MAX)), None);
        assert_eq!(state(&nested(super::SUBQUERIES_MAX + 1)), Some(SqlState::StatementTooComplex));
        assert_eq!(state(&format!("SELECT {}", vec!["(SELECT 1)"; 50].join(", "))), None);
    }

    #[test]
    fn what_is_written_out_again_at_each_level_is_bounded_and_wide_forms_are_not() {
        for (before, inner, after) in [
            ("coalesce(", "a", ", 1)"),
            ("coalesce(1, ", "a", ", 1)"),
            ("nullif(", "a", ", 1)"),
            ("nullif(1, ", "a", ")"),
            ("(", "a", " BETWEEN false AND true)"),
            ("(", "a", " IN (false, true))"),
            ("(", "a", " = ANY (ARRAY[false, true]))"),
            ("(", "a", " LIKE ANY (ARRAY['a', 'b']))::text"),
            ("CASE WHEN ", "a", " THEN b ELSE c END"),
            ("ROW(", "a", ", 1)"),
        ] {
            let nested = |count: usize| format!("SELECT {}{inner}{}", before.repeat(count), after.repeat(count));
            assert_eq!(state(&nested(9)), None, "{before}{after}");
            assert_eq!(state(&nested(16)), Some(SqlState::StatementTooComplex), "{before}{after}");
        }
        let many = |part: &str| vec![part; 5_000].join(" ");
        assert_eq!(state(&format!("SELECT CASE {} END", many("WHEN a = 1 THEN b"))), None);
        assert_eq!(state(&format!("SELECT coalesce({}, 1)", vec!["a.b"; 5_000].join(", "))), None);
        assert_eq!(state(&format!("SELECT lower(a) IN ({})", vec!["'b'"; 5_000].join(", "))), None);
        let otherwise = format!("{}1{}", "CASE WHEN a > 1 THEN 2 ELSE ".repeat(100), " END".repeat(100));
        assert_eq!(state(&format!("SELECT {otherwise}")), None);
        assert_eq!(state(&format!("SELECT {}1{}", "coalesce(a, ".repeat(100), ")".repeat(100))), None);
    }

    /// Words and states as PostgreSQL 15 has them.
    #[test]
    fn columns_and_parts_of_names_are_bounded_as_in_postgresql() {
        assert_eq!(state(&format!("SELECT {}", vec!["1"; 1664].join(", "))), None);
        let error = parse(&format!("SELECT {}", vec!["1"; 1665].join(", "))).unwrap_err();
        assert_eq!(error.message(), "target lists can have at most 1664 entries");
        assert_eq!(error.state(), SqlState::TooManyColumns);
        let error = parse(&format!("SELECT a{}", ".a".repeat(20_000))).unwrap_err();
        assert_eq!(error.state(), SqlState::SyntaxError);
        let error = parse("SELECT 1, a.b.c.d.e FROM a").unwrap_err();
        assert_eq!((error.state(), error.position()), (SqlState::SyntaxError, Some(11)));
    }
}
