//! Recency, frequency, money: where a member stands among all members with a purchase in the window.
//!
//! Scores are from 1 to 5 (best): `ceil(5 * cume_dist())`, so that equal members have equal scores. The population are
//! the members of the history with a purchase in the scope; everybody else has no score and is a [`PROSPECT`]. Here they are
//! ranked by a window over parts of facts; the member index ranks by itself (`regulars_index::Scores`).

use arrow::datatypes::DataType;
use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::functions::expr_fn::ceil;
use datafusion::functions_window::expr_fn::cume_dist;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use std::sync::Arc;

use super::lower::column;
use super::node::Wanted;
use super::{Fact, Lowering, Scope};

/// The group of a member without purchases.
pub const PROSPECT: &str = "prospect";

pub fn is_rank(fact: Fact) -> bool {
    matches!(fact, Fact::RfmRecency | Fact::RfmFrequency | Fact::RfmMonetary | Fact::RfmGroup)
}

/// What each score is ranked by.
const SCORES: [(Fact, Fact); 3] = [
    (Fact::RfmRecency, Fact::LastPurchase),
    (Fact::RfmFrequency, Fact::PurchaseCount),
    (Fact::RfmMonetary, Fact::AmountSpent),
];

fn needs(fact: Fact, score: Fact) -> bool {
    fact == score || fact == Fact::RfmGroup
}

fn score_name(score: Fact, column: &str) -> String {
    format!("{}_of_{column}", score.name())
}

/// Adds the scores that the facts need to a relation of members; `part` is what they are computed from.
pub fn with_ranks(
    lowering: &Lowering<'_>,
    members: LogicalPlan,
    facts: &[&Wanted],
    part: &dyn Fn(Fact, &Arc<Scope>) -> Result<Expr>,
) -> Result<LogicalPlan> {
    let ranked: Vec<&&Wanted> = facts.iter().filter(|wanted| is_rank(wanted.fact)).collect();
    if ranked.is_empty() {
        return Ok(members);
    }
    // Receipts may name members who are erased, or whom nobody knows: they are of no population.
    let known = LogicalPlanBuilder::from(lowering.scan("members", &["member_id"])?)
        .project([column("member_id").alias(KNOWN)])?
        .build()?;
    let mut plan = LogicalPlanBuilder::from(members)
        .join(known, JoinType::Left, (vec!["member_id"], vec![KNOWN]), None)?
        .build()?;
    let mut windows = Vec::new();
    let mut scores = Vec::new();
    for wanted in ranked {
        let in_population = column(KNOWN).is_not_null().and(part(Fact::PurchaseCount, &wanted.scope)?.gt(lit(0_i64)));
        for (score, by) in SCORES.into_iter().filter(|(score, _)| needs(wanted.fact, *score)) {
            let name = score_name(score, &wanted.column);
            let by = part(by, &wanted.scope)?;
            // A member of the population whose sum is empty spent nothing.
            let by = if score == Fact::RfmMonetary {
                let nothing = ScalarValue::new_zero(&lowering.types.amount)?;
                datafusion::functions::expr_fn::coalesce(vec![cast(by, lowering.types.amount.clone()), lit(nothing)])
            } else {
                by
            };
            let place = cume_dist().partition_by(vec![in_population.clone()]).order_by(vec![by.sort(true, false)]);
            let place = place.build()?;
            let score = cast(ceil(lit(5.0_f64) * column(&place.schema_name().to_string())), DataType::Int16);
            if !windows.contains(&place) {
                windows.push(place);
            }
            scores.push(when(in_population.clone(), score).end()?.alias(name));
        }
    }
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    plan = LogicalPlanBuilder::window_plan(plan, windows)?;
    LogicalPlanBuilder::from(plan).project(columns.into_iter().chain(scores))?.build()
}

/// The scores that a fact is made of.
pub fn scores_of(fact: Fact) -> impl Iterator<Item = Fact> {
    SCORES.into_iter().map(|(score, _)| score).filter(move |score| is_rank(fact) && needs(fact, *score))
}

/// The value of a fact that is made of scores, from where [`with_ranks`] put them.
pub fn value(lowering: &Lowering<'_>, fact: Fact, name: &str) -> Result<Expr> {
    value_of(lowering, fact, &|score| column(&score_name(score, name)))
}

/// The same from wherever a score is.
pub fn value_of(lowering: &Lowering<'_>, fact: Fact, score: &dyn Fn(Fact) -> Expr) -> Result<Expr> {
    if fact != Fact::RfmGroup {
        return Ok(score(fact));
    }
    let group = lowering.function("rfm_group_of")?;
    Ok(group.call(SCORES.iter().map(|(of, _)| score(*of)).collect()))
}

const KNOWN: &str = "known_member";
