//! Lists as rows in FROM: `unnest(a, b) WITH ORDINALITY`, under the names that PostgreSQL gives them.
//!
//! What a function gives as rows arrives here as a list (`sql/compat/set_returning.rs`). [`lateral`] takes lists apart
//! that depend on what stands before them.

use arrow::datatypes::DataType;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Column, DFSchema, NullHandling, Result, TableReference, UnnestOptions};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::TableFactor;

use crate::error::message;
use crate::pg_type::told_metadata;
use crate::sql::compat::{column_of, function_of, type_of};
use crate::sql::repeated_name;

/// Plans the lists in a FROM clause.
#[derive(Debug)]
pub struct RowsPlanner;

impl RelationPlanner for RowsPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality, .. } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let called = function_of(&array_exprs);
        let is_single = array_exprs.len() == 1;
        let mut names: Vec<String> = array_exprs.iter().map(column_of).collect();
        let types: Vec<Option<&str>> = array_exprs.iter().map(type_of).collect();
        let mut lists = Vec::with_capacity(array_exprs.len() + 1);
        for list in array_exprs {
            let list = context.sql_to_expr(list, &DFSchema::empty())?;
            let data_type = list.get_type(&DFSchema::empty())?;
            if !matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) {
                return Err(message::function_missing_for("unnest", &[data_type]).into());
            }
            lists.push(list);
        }
        if with_ordinality {
            let ordinals = context.context_provider().get_function_meta("list:ordinals");
            let ordinals = ordinals.ok_or_else(|| message::internal("the ordinals of lists are missing"))?;
            lists.push(ordinals.call(lists.clone()));
            names.push("ordinality".to_owned());
        }
        let table = match alias {
            Some(alias) => {
                let table = context.normalize_ident(alias.name);
                if is_single && names[0] == called {
                    // The alias names the only column too.
                    names[0].clone_from(&table);
                }
                if alias.columns.len() > names.len() {
                    return Err(message::alias_columns(&table, names.len(), alias.columns.len()).into());
                }
                for (name, column) in names.iter_mut().zip(alias.columns) {
                    *name = context.normalize_ident(column.name);
                }
                table
            }
            None => called,
        };
        let plan = LogicalPlanBuilder::empty(true)
            .project(lists.into_iter().enumerate().map(|(at, list)| list.alias(inner_name(at))))?
            .unnest_columns_with_options(
                (0..names.len()).map(|at| Column::from_name(inner_name(at))).collect(),
                UnnestOptions::new().with_null_handling(NullHandling::Drop),
            )?
            .project(names.iter().enumerate().map(|(at, name)| {
                let repeats = names[..at].iter().filter(|earlier| *earlier == name).count();
                let told = types.get(at).copied().flatten().map(|name| FieldMetadata::from(told_metadata(name)));
                Expr::Column(Column::from_name(inner_name(at))).alias_with_metadata(repeated_name(name, repeats), told)
            }))?
            .alias(TableReference::bare(table))?
            .build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))))
    }
}

/// The name of a list while it is taken apart, which no table has.
fn inner_name(at: usize) -> String {
    format!("list:{at}")
}
