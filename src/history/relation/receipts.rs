//! Receipts and their lines: as mapped, grouped from lines, joined with each other; with local time by the store.

use std::sync::Arc;

use datafusion::common::{JoinType, Result};
use datafusion::functions_aggregate::expr_fn::{min, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::{Ask, Needed, Shape, implied_bounds, needs_local, with};
use crate::history::contract::{BORROWED_COLUMNS, LOCAL_COLUMNS};
use crate::history::local_time::{StoreClocks, business_date, local_at, local_time, weekday};
use crate::history::mapped::{Mapped, column};

/// Receipts from their own table.
#[derive(Debug)]
pub struct Purchases(pub Mapped);

impl Shape for Purchases {
    fn columns(&self) -> Vec<String> {
        let (extra, own): (Vec<_>, Vec<_>) = self.0.columns.iter().partition(|column| column.is_extra);
        in_order([
            own.iter().map(|c| c.name.as_str()).collect(),
            LOCAL_COLUMNS.to_vec(),
            extra.iter().map(|c| c.name.as_str()).collect(),
        ])
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        needs_local(needed) || self.0.needs_clocks(needed)
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        dated_plan(&self.0, ask)
    }
}

/// Lines of a source that has no receipts: each says itself what belongs to its receipt.
#[derive(Debug)]
pub struct LinesAlone(pub Mapped);

impl Shape for LinesAlone {
    fn columns(&self) -> Vec<String> {
        let is_borrowed = |name: &str| BORROWED_COLUMNS.contains(&name);
        let own = self.0.columns.iter().filter(|c| !c.is_extra && !is_borrowed(&c.name)).map(|c| c.name.as_str());
        let extra = self.0.columns.iter().filter(|c| c.is_extra).map(|c| c.name.as_str());
        in_order([own.collect(), [BORROWED_COLUMNS.as_slice(), LOCAL_COLUMNS.as_slice()].concat(), extra.collect()])
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        needs_local(needed) || self.0.needs_clocks(needed)
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        dated_plan(&self.0, ask)
    }
}

/// Receipts that are only known by their lines: one for each `purchase_id`, with the least member, store, channel,
/// status and time of its lines and the sum of their amounts.
#[derive(Debug)]
pub struct GroupedPurchases(pub Mapped);

impl GroupedPurchases {
    fn own_columns(&self) -> Vec<&'static str> {
        let refund_of = self.0.has("refund_of").then_some("refund_of");
        ["purchase_id", "member_id", "store_id", "purchased_at", "channel", "status", "amount"]
            .into_iter()
            .chain(refund_of)
            .collect()
    }
}

impl Shape for GroupedPurchases {
    fn columns(&self) -> Vec<String> {
        in_order([self.own_columns(), LOCAL_COLUMNS.to_vec(), vec![]])
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        needs_local(needed) || self.0.needs_clocks(needed)
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        let base = base_columns(ask.needed, ask.clocks);
        let lines = self.0.plan(&with(&base, ["purchase_id"]), ask.clocks, None)?;
        let aggregates: Vec<Expr> = self
            .own_columns()
            .into_iter()
            .filter(|name| *name != "purchase_id" && base.contains(*name))
            .map(|name| match name {
                "amount" => sum(column(name)).alias(name),
                _ => min(column(name)).alias(name),
            })
            .collect();
        let receipts = LogicalPlanBuilder::from(lines).aggregate(vec![column("purchase_id")], aggregates)?.build()?;
        with_local_time(receipts, ask)
    }
}

/// Lines with what they borrow of their receipt, which is read only when one of the borrowed columns is.
#[derive(Debug)]
pub struct JoinedLines {
    pub lines: Mapped,
    pub purchases: Mapped,
}

impl Shape for JoinedLines {
    fn columns(&self) -> Vec<String> {
        let (extra, own): (Vec<_>, Vec<_>) = self.lines.columns.iter().partition(|column| column.is_extra);
        in_order([
            own.iter().map(|c| c.name.as_str()).collect(),
            [BORROWED_COLUMNS.as_slice(), LOCAL_COLUMNS.as_slice()].concat(),
            extra.iter().map(|c| c.name.as_str()).collect(),
        ])
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        needs_local(needed) || self.lines.needs_clocks(needed) || self.purchases.needs_clocks(needed)
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        let is_borrowed = |name: &str| BORROWED_COLUMNS.contains(&name) || LOCAL_COLUMNS.contains(&name);
        let borrowed: Needed = ask.needed.iter().filter(|name| is_borrowed(name)).cloned().collect();
        let own: Needed = ask.needed.iter().filter(|name| !is_borrowed(name)).cloned().collect();
        if borrowed.is_empty() {
            return self.lines.plan(&own, ask.clocks, None);
        }
        let lines = self.lines.plan(&with(&own, ["purchase_id"]), ask.clocks, None)?;
        let receipts = dated_plan(&self.purchases, &Ask { needed: &with(&borrowed, ["purchase_id"]), ..*ask })?;
        // Under a name of its own, so that the names of both sides stay apart.
        let key = column("purchase_id").alias(RECEIPT_KEY);
        let receipts = LogicalPlanBuilder::from(receipts).project(borrowed.iter().map(column).chain([key]))?;
        let joined = receipts.join(lines, JoinType::Right, (vec![RECEIPT_KEY], vec!["purchase_id"]), None)?;
        joined.project(ask.needed.iter().map(column))?.build()
    }
}

const RECEIPT_KEY: &str = "__receipt";

/// The needed columns of a table that has the receipt's time and store on each row.
fn dated_plan(table: &Mapped, ask: &Ask<'_>) -> Result<LogicalPlan> {
    let bounds =
        table.raw_time("purchased_at").and_then(|(raw, raw_type)| implied_bounds(ask.filters, &raw, &raw_type));
    with_local_time(table.plan(&base_columns(ask.needed, ask.clocks), ask.clocks, bounds)?, ask)
}

/// What has to be there for the needed columns: without the local ones, with what those come from.
fn base_columns(needed: &Needed, clocks: &StoreClocks) -> Needed {
    let base: Needed = needed.iter().filter(|name| !LOCAL_COLUMNS.contains(&name.as_str())).cloned().collect();
    match (needs_local(needed), clocks.is_uniform()) {
        (false, _) => base,
        (true, true) => with(&base, ["purchased_at"]),
        (true, false) => with(&base, ["purchased_at", "store_id"]),
    }
}

/// Adds the needed ones of the local columns to a plan that has `purchased_at` and, unless all clocks are the same, `store_id`.
fn with_local_time(plan: LogicalPlan, ask: &Ask<'_>) -> Result<LogicalPlan> {
    if !needs_local(ask.needed) {
        return Ok(plan);
    }
    let clocks = ask.clocks;
    let store = || (!clocks.is_uniform()).then(|| column("store_id"));
    let mut shown: Vec<Expr> = plan.schema().fields().iter().map(|field| column(field.name())).collect();
    // Made once and cloned: each of these remembers its last answers, whichever condition asked.
    let at = local_at(clocks, column("purchased_at"), store());
    let date = business_date(clocks, at.clone(), store());
    for name in LOCAL_COLUMNS.into_iter().filter(|name| ask.needed.contains(*name)) {
        let value = match name {
            "local_at" => at.clone(),
            "business_date" => date.clone(),
            "local_time" => local_time(clocks, at.clone()),
            _ => weekday(clocks, date.clone()),
        };
        shown.push(value.alias(name));
    }
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}

fn in_order(parts: [Vec<&str>; 3]) -> Vec<String> {
    parts.into_iter().flatten().map(str::to_owned).collect()
}

/// The rows in which members, stores and products of receipts are found without grouping receipts.
#[derive(Debug, Clone)]
pub struct ReceiptRows(pub Arc<Mapped>);

impl ReceiptRows {
    /// The distinct values of an identifier, without NULL.
    pub fn distinct(&self, name: &str, clocks: &Arc<StoreClocks>) -> Result<LogicalPlan> {
        LogicalPlanBuilder::from(self.0.plan(&with(&Needed::new(), [name]), clocks, None)?)
            .filter(column(name).is_not_null())?
            .distinct()?
            .build()
    }
}
