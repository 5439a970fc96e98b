//! How many relations a query joins, as they are planned one inside the other, and how many columns it lists.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Select, Visit, Visitor};

use super::RELATIONS_MAX;
use crate::error::{Error, Result, message};

/// Columns that one SELECT may list, as in PostgreSQL.
const COLUMNS_MAX: usize = 1664;

/// Errors: 54001; 54011 for too many columns.
pub(super) fn check(query: &Query) -> Result<()> {
    match query.visit(&mut Counter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Counter;

impl Visitor for Counter {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        bounded("common tables", query.with.as_ref().map_or(0, |with| with.cte_tables.len()))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        if select.projection.len() > COLUMNS_MAX {
            return ControlFlow::Break(message::too_many_output_columns(COLUMNS_MAX));
        }
        bounded("relations in one FROM", select.from.iter().map(|from| 1 + from.joins.len()).sum())
    }
}

fn bounded(what: &str, count: usize) -> ControlFlow<Error> {
    if count > RELATIONS_MAX {
        return ControlFlow::Break(message::too_deep(what, RELATIONS_MAX));
    }
    ControlFlow::Continue(())
}
