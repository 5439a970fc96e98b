//! LIMIT and UNION over the questions.

use std::sync::Arc;

use datafusion::common::{Column, Result};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::logical_plan::{
    FetchType, Limit, LogicalPlan, LogicalPlanBuilder, Projection, SkipType, Union,
};
use datafusion::logical_expr::{Expr, ExprFunctionExt, lit};

use super::{Lift, Lifted};

impl Lift<'_> {
    /// Cuts off within each question: its rows are numbered, in the order that stands below.
    pub(super) fn lift_limit(&mut self, limit: &Limit) -> Result<Option<Lifted>> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Ok(None);
        };
        self.lift_cut(&limit.input, skip, fetch)
    }

    fn lift_cut(&mut self, plan: &LogicalPlan, skip: usize, fetch: Option<usize>) -> Result<Option<Lifted>> {
        // A select list neither adds nor drops rows, and the order may stand below it.
        if let LogicalPlan::Projection(projection) = plan {
            let Some(below) = self.lift_cut(&projection.input, skip, fetch)? else { return Ok(None) };
            return self.lift_select_list(projection, below).map(Some);
        }
        let (input, order) = match plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => (&*sort.input, sort.expr.as_slice()),
            other => (other, [].as_slice()),
        };
        let Some(below) = self.lift(input)? else { return Ok(None) };
        let order = order
            .iter()
            .map(|by| Ok(SortExpr::new(self.without_outer(&by.expr, &below.keys)?, by.asc, by.nulls_first)))
            .collect::<Result<Vec<_>>>()?;
        let columns: Vec<Expr> = below.plan.schema().columns().into_iter().map(Expr::Column).collect();
        let partitions = below.keys.iter().cloned().map(Expr::Column).collect();
        let number = row_number().partition_by(partitions).order_by(order).build()?.alias(self.names.next("place"));
        let numbered = LogicalPlanBuilder::from(below.plan).window(vec![number])?;
        // The engine puts the number behind the other columns.
        let place = numbered.schema().columns().pop().map(Expr::Column).unwrap_or_else(|| lit(0_u64));
        let (skip, fetch) = (skip as u64, fetch.map(|fetch| fetch as u64));
        let mut kept = place.clone().gt(lit(skip));
        if let Some(fetch) = fetch {
            kept = kept.and(place.lt_eq(lit(skip.saturating_add(fetch))));
        }
        let plan = numbered.filter(kept)?.project(columns)?.build()?;
        Ok(Some(Lifted { plan, keys: below.keys }))
    }

    pub(super) fn lift_select_list(&self, projection: &Projection, below: Lifted) -> Result<Lifted> {
        let mut exprs = self.all_without_outer(&projection.expr, &below.keys)?;
        exprs.extend(below.keys.iter().cloned().map(Expr::Column));
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(below.plan))?);
        Ok(Lifted { plan, keys: below.keys })
    }

    /// Each part carries the questions, under the same names.
    pub(super) fn lift_union(&mut self, union: &Union) -> Result<Option<Lifted>> {
        let names: Vec<String> = self.outer.iter().map(|_| self.names.next("asked")).collect();
        let mut whole: Option<LogicalPlanBuilder> = None;
        for input in &union.inputs {
            let Some(lifted) = self.lift(input)? else { return Ok(None) };
            let columns = input.schema().columns().into_iter().map(Expr::Column).zip(union.schema.columns());
            let columns = columns.map(|(from, to)| from.alias_qualified(to.relation, to.name));
            let keys = lifted.keys.into_iter().zip(&names).map(|(key, name)| Expr::Column(key).alias(name));
            let part = LogicalPlanBuilder::from(lifted.plan).project(columns.chain(keys))?.build()?;
            whole = Some(match whole {
                Some(whole) => whole.union(part)?,
                None => LogicalPlanBuilder::from(part),
            });
        }
        let Some(whole) = whole else { return Ok(None) };
        let keys = names.into_iter().map(Column::new_unqualified).collect();
        Ok(Some(Lifted { plan: whole.build()?, keys }))
    }
}
