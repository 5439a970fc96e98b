//! `member_level`: the loyalty level of a member on the day asked about.
//!
//! Of the level history the newest row not after that day counts; a member of whom the history says nothing has the
//! level that `members` shows. A member whose first level lies after that day had none.

use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::Lowering;
use super::filter::days_of;
use super::lower::{MEMBER, column};

/// One row for each member: [`MEMBER`] and the level under this name.
pub fn levels(lowering: &Lowering<'_>, name: &str) -> Result<LogicalPlan> {
    let shows_level = lowering.has("members", "loyalty_level");
    let shown: &[&str] = if shows_level { &["member_id", "loyalty_level"] } else { &["member_id"] };
    let members = LogicalPlanBuilder::from(lowering.scan("members", shown)?);
    let own = if shows_level { column("loyalty_level") } else { lit(ScalarValue::Utf8View(None)) };
    if !lowering.has("member_levels", "member_id") {
        return members.project([column("member_id").alias(MEMBER), own.alias(name)])?.build();
    }
    let reached = business_date(lowering, column("reached_at"))?;
    let is_past = reached.lt_eq(lit(ScalarValue::Date32(Some(days_of(lowering.day)))));
    // Of two rows of one instant, the higher level.
    let rank = lowering.function("level_rank")?.call(vec![column("level")]);
    let order = ["is_past", "reached_at", "rank"].map(|name| column(name).sort(false, false));
    let newest = row_number().partition_by(vec![column("member_id")]).order_by(order.to_vec()).build()?;
    let place = column(&newest.schema_name().to_string());
    let history = LogicalPlanBuilder::from(lowering.scan("member_levels", &["member_id", "level", "reached_at"])?)
        .project([
            column("member_id"),
            column("level"),
            column("reached_at"),
            is_past.alias("is_past"),
            rank.alias("rank"),
        ])?
        .window(vec![newest])?
        .filter(place.eq(lit(1_u64)))?
        .project([
            column("member_id").alias(HISTORY_OF),
            when(column("is_past"), column("level")).end()?.alias("newest"),
        ])?
        .build()?;
    let value: Expr = when(column(HISTORY_OF).is_not_null(), column("newest")).otherwise(own)?;
    members
        .join(history, JoinType::Left, (vec!["member_id"], vec![HISTORY_OF]), None)?
        .project([column("member_id").alias(MEMBER), value.alias(name)])?
        .build()
}

/// The business date of an instant at the head office.
fn business_date(lowering: &Lowering<'_>, at: Expr) -> Result<Expr> {
    let function = lowering.function("business_date")?;
    let zone = lowering.history.head_office_zone().name().to_owned();
    let day_starts = ScalarValue::Time64Microsecond(Some(lowering.history.head_office_day_starts_us()));
    Ok(function.call(vec![at, lit(zone), lit(day_starts)]))
}

const HISTORY_OF: &str = "history_of";
