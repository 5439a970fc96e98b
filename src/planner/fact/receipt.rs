//! Receipts with all that facts need to know of them: one row each, and beside them what refunds take back.
//!
//! [`Receipts::rows`] gives a relation with the columns named below. Its rows are
//! - every completed receipt, `is_own`, with what its own lines add up to;
//! - where net sums are asked for, every refund that is not folded into it: linked, it has member, store, channel and time of
//!   its purchase; not linked, or pointing nowhere, its own.
//!
//! Lines of each [set of products](Sets) that a fact asks about are added up apart, once for each receipt. A receipt
//! without lines is one whose lines are unknown: its amount is that of the receipt.
//!
//! How often files are read depends on what is asked, not on how many facts ask: receipts and lines once; once more for
//! what refunds take back of a product; and for net sums the refunds with the purchases that they belong to.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::functions::expr_fn::{abs, coalesce};
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::Lowering;
use super::filter::{Ids, Scope};
use super::lower::{column, one_of};

/// A scope and what is asked within it.
#[derive(Debug, Clone)]
pub struct Use {
    pub scope: Arc<Scope>,
    /// Receipts: their number, days, first and last.
    pub counts: bool,
    pub amount: bool,
    pub quantity: bool,
}

impl Use {
    fn sums(&self) -> bool {
        self.amount || self.quantity
    }

    /// The products whose lines alone tell all that is asked; `None` for all lines.
    fn line_products(&self) -> Option<impl Iterator<Item = &Ids>> {
        let scope = &self.scope;
        let needs_all = scope.min_amount.is_some()
            || (self.sums() && scope.products.is_none())
            || (scope.products.is_none() && scope.all_products.is_empty());
        (!needs_all).then(|| scope.products.iter().chain(&scope.all_products))
    }
}

/// The sets of products by which lines are added up; `None` stands for all lines.
#[derive(Debug, Default)]
struct Sets {
    /// Of these the net quantity on the receipt is asked, or the greatest quantity of one line where nothing comes back.
    on_receipt: Vec<(Ids, bool)>,
    amounts: Vec<Option<Ids>>,
    quantities: Vec<Option<Ids>>,
}

impl Sets {
    fn of(uses: &[Use]) -> Self {
        let mut sets = Self::default();
        for Use { scope, counts, amount, quantity } in uses {
            let products = scope.products.iter().filter(|_| *counts);
            for set in products.chain(&scope.all_products) {
                put(&mut sets.on_receipt, (Arc::clone(set), scope.is_gross));
            }
            if *amount {
                put(&mut sets.amounts, scope.products.clone());
            }
            if *quantity {
                put(&mut sets.quantities, scope.products.clone());
            }
        }
        sets
    }
}

fn put<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

fn at<T: PartialEq>(all: &[T], one: &T) -> usize {
    all.iter().position(|known| known == one).unwrap_or_default()
}

/// What a receipt's row has beside its sums.
const ATTRIBUTES: [&str; 5] = ["store_id", "channel", "business_date", "weekday", "local_time"];

/// Plans receipts for the uses of one node.
pub struct Receipts<'a> {
    lowering: &'a Lowering<'a>,
    uses: &'a [Use],
    sets: Sets,
    /// Of [`ATTRIBUTES`], those that are asked for.
    attributes: Vec<&'static str>,
}

impl<'a> Receipts<'a> {
    /// `needs_store`: whether the store is needed beyond the filters.
    pub fn new(lowering: &'a Lowering<'a>, uses: &'a [Use], needs_store: bool) -> Self {
        let any = |test: fn(&Scope) -> bool| uses.iter().any(|one| test(&one.scope));
        let attributes = ATTRIBUTES.into_iter().filter(|name| match *name {
            "store_id" => needs_store || any(|scope| scope.stores.is_some()),
            "channel" => any(|scope| scope.channels.is_some()),
            "weekday" => any(|scope| scope.weekdays.is_some()),
            "local_time" => any(|scope| scope.hours.is_some()),
            _ => uses.iter().any(|one| one.counts) || any(|scope| scope.from_day.is_some() || scope.to_day.is_some()),
        });
        Self { lowering, uses, sets: Sets::of(uses), attributes: attributes.collect() }
    }

    /// The relation of the head of this file.
    pub fn rows(&self) -> Result<LogicalPlan> {
        let own = self.own(Own::Counted)?;
        let nets = self.uses.iter().any(|one| one.sums() && !one.scope.is_gross);
        if !nets {
            return Ok(own);
        }
        LogicalPlanBuilder::from(own).union(self.refunds()?)?.build()
    }

    /// Whether a row is one of a use's receipts.
    pub fn is_counted(&self, one: &Use) -> Expr {
        let scope = &one.scope;
        let mut all = vec![column("is_own"), column("is_purchase")];
        if let Some(products) = &scope.products {
            all.push(self.has(products, scope.is_gross));
        }
        all.extend(self.of_scope(scope));
        all_of(all)
    }

    /// Whether a row's lines are among those that a use adds up.
    pub fn is_summed(&self, one: &Use) -> Expr {
        let scope = &one.scope;
        let mut all = self.of_scope(scope);
        if scope.is_gross {
            all.push(column("is_own"));
        }
        if scope.min_amount.is_some() || !scope.all_products.is_empty() {
            all.push(column("is_purchase"));
        }
        all_of(all)
    }

    /// The conditions that are the same for receipts and lines.
    fn of_scope(&self, scope: &Scope) -> Vec<Expr> {
        let mut all = self.of_attributes(scope);
        if let Some(least) = &scope.min_amount {
            all.push(column("total").gt_eq(lit(least.clone())));
        }
        all.extend(scope.all_products.iter().map(|set| self.has(set, scope.is_gross)));
        all
    }

    fn of_attributes(&self, scope: &Scope) -> Vec<Expr> {
        let mut all = Vec::new();
        let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
        if let Some(from) = scope.from_day {
            all.push(column("business_date").gt_eq(day(from)));
        }
        if let Some(to) = scope.to_day {
            all.push(column("business_date").lt_eq(day(to)));
        }
        if let Some(stores) = &scope.stores {
            all.push(one_of(column("store_id"), stores));
        }
        if let Some(channels) = &scope.channels {
            let channels = channels.iter().map(|channel| lit(ScalarValue::Utf8View(Some(channel.clone()))));
            all.push(column("channel").in_list(channels.collect(), false));
        }
        if let Some(weekdays) = scope.weekdays {
            let days = (1..=7_u8).filter(|day| weekdays.contains(*day)).map(|day| lit(i16::from(day)));
            all.push(column("weekday").in_list(days.collect(), false));
        }
        if let Some(hours) = scope.hours {
            all.extend(within(column("local_time"), hours));
        }
        all
    }

    fn has(&self, set: &Ids, is_gross: bool) -> Expr {
        column(&has_name(at(&self.sets.on_receipt, &(Arc::clone(set), is_gross))))
    }

    /// The column that holds what a use adds up of money.
    pub fn amount(&self, scope: &Scope) -> Expr {
        column(&amount_name(at(&self.sets.amounts, &scope.products)))
    }

    /// The column that holds what a use adds up of pieces.
    pub fn quantity(&self, scope: &Scope) -> Expr {
        column(&quantity_name(at(&self.sets.quantities, &scope.products)))
    }

    /// The receipts that are completed, with where and when they were.
    fn completed(&self, what: Own, more: Option<&'static str>) -> Result<LogicalPlanBuilder> {
        let mut shown = vec!["purchase_id", "member_id", "status"];
        shown.extend(self.attributes.iter().copied().chain(more));
        let mut all = vec![column("status").eq(lit("completed"))];
        if what == Own::Counted {
            all.push(column("member_id").is_not_null());
            all.extend(self.common_condition());
        }
        let receipts = LogicalPlanBuilder::from(self.lowering.scan("purchases", &shown)?);
        receipts.filter(all_of(all))
    }

    /// Completed receipts with what their lines add up to.
    fn own(&self, what: Own) -> Result<LogicalPlan> {
        let has_amount = self.lowering.has("purchases", "amount");
        let mut receipts = self.completed(what, has_amount.then_some("amount"))?;
        let lines = if self.lowering.has_lines() { Some(self.line_sums(what)?) } else { None };
        let has_lines = lines.is_some();
        if let Some(lines) = lines {
            // A purchase that has none of the products is still the purchase that a refund names.
            let is_left_out = what == Own::Counted && self.line_products().is_some();
            let how = if is_left_out { JoinType::Inner } else { JoinType::Left };
            receipts = receipts.join(lines, how, (vec!["purchase_id"], vec![LINES_OF]), None)?;
        }
        let takes_back = has_lines
            && self.lowering.has("purchases", "refund_of")
            && self.sets.on_receipt.iter().any(|(_, is_gross)| !is_gross);
        if takes_back {
            let taken = self.taken_back()?;
            receipts = receipts.join(taken, JoinType::Left, (vec!["purchase_id"], vec![TAKEN_OF]), None)?;
        }
        let amount = if has_amount { column("amount") } else { self.no_amount()? };
        let sums = OwnSums { receipts: self, has_lines, takes_back, amount };
        let mut exprs = vec![column("purchase_id"), column("member_id")];
        exprs.extend(self.attributes.iter().map(|name| column(name)));
        exprs.push(lit(true).alias("is_own"));
        exprs.extend(sums.exprs()?);
        receipts.project(exprs)?.build()
    }

    /// What all uses ask of a receipt, so that others need not be read: the days from the first to the last, and where
    /// all ask the same, that.
    fn common_condition(&self) -> Option<Expr> {
        let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
        let scopes = || self.uses.iter().map(|one| one.scope.as_ref());
        let [first, others @ ..] = self.uses else { return None };
        if others.iter().all(|one| self.of_attributes(&one.scope) == self.of_attributes(&first.scope)) {
            return conjunction(self.of_attributes(&first.scope));
        }
        let from: Option<i32> = scopes().map(|scope| scope.from_day).collect::<Option<Vec<_>>>()?.into_iter().min();
        let to: Option<Vec<i32>> = scopes().map(|scope| scope.to_day).collect();
        let from = from.map(|from| column("business_date").gt_eq(day(from)));
        let to = to.and_then(|to| to.into_iter().max()).map(|to| column("business_date").lt_eq(day(to)));
        conjunction(from.into_iter().chain(to))
    }

    /// The products whose lines alone are needed; `None` for all.
    fn line_products(&self) -> Option<Ids> {
        let mut all = std::collections::BTreeSet::new();
        for one in self.uses {
            for set in one.line_products()? {
                all.extend(set.iter().cloned());
            }
        }
        Some(Arc::new(all))
    }

    fn lines(&self) -> Result<LogicalPlanBuilder> {
        let lines = self.lowering.scan("purchase_lines", &["purchase_id", "product_id", "quantity", "amount"])?;
        let lines = LogicalPlanBuilder::from(lines);
        match self.line_products() {
            Some(products) => lines.filter(one_of(column("product_id"), &products)),
            None => Ok(lines),
        }
    }

    /// Lines added up for each receipt.
    fn line_sums(&self, what: Own) -> Result<LogicalPlan> {
        let mut lines = self.lines()?;
        // Of many lines, those of the receipts that are asked about: looking them up is cheaper than adding all up.
        if what == Own::Counted && self.common_condition().is_some() && self.line_products().is_none() {
            let asked = self.completed(what, None)?.project([column("purchase_id").alias(ASKED)])?.build()?;
            lines = lines.join(asked, JoinType::LeftSemi, (vec!["purchase_id"], vec![ASKED]), None)?;
        }
        let (quantity, amount) = (|| column("quantity"), || column("amount"));
        let mut sums = vec![count(lit(1_i64)).alias("lines"), max(quantity()).alias("most")];
        for (at, (set, is_gross)) in self.sets.on_receipt.iter().enumerate() {
            let of_set = one_of(column("product_id"), set);
            let value = if *is_gross { max(quantity()).filter(of_set) } else { self.sum(quantity())?.filter(of_set) };
            sums.push(value.build()?.alias(format!("on_receipt_{at}")));
        }
        for (at, set) in self.sets.amounts.iter().enumerate() {
            sums.push(self.sum_of(amount(), set.as_ref())?.alias(format!("line_amount_{at}")));
        }
        for (at, set) in self.sets.quantities.iter().enumerate() {
            sums.push(self.sum_of(quantity(), set.as_ref())?.alias(format!("line_quantity_{at}")));
        }
        if self.needs_total() {
            sums.push(self.sum(amount())?.alias("line_total"));
        }
        lines.aggregate(vec![column("purchase_id").alias(LINES_OF)], sums)?.build()
    }

    /// What refunds that name a purchase take back of each set, for each purchase.
    fn taken_back(&self) -> Result<LogicalPlan> {
        let refunds =
            LogicalPlanBuilder::from(self.lowering.scan("purchases", &["purchase_id", "status", "refund_of"])?)
                .filter(column("status").eq(lit("refund")).and(column("refund_of").is_not_null()))?
                .project([column("purchase_id").alias(ASKED), column("refund_of").alias(TAKEN_OF)])?
                .build()?;
        let lines = self.lines()?.join(refunds, JoinType::Inner, (vec!["purchase_id"], vec![ASKED]), None)?;
        let mut sums = Vec::new();
        for (at, (set, _)) in self.sets.on_receipt.iter().enumerate().filter(|(_, (_, is_gross))| !is_gross) {
            let back = self.sum(abs(column("quantity")))?.filter(one_of(column("product_id"), set)).build()?;
            sums.push(back.alias(format!("taken_{at}")));
        }
        lines.aggregate(vec![column(TAKEN_OF)], sums)?.build()
    }

    /// Receipts that are no purchases and not voided: refunds, in place of the purchase that they belong to.
    fn refunds(&self) -> Result<LogicalPlan> {
        let links = self.lowering.has("purchases", "refund_of");
        let has_amount = self.lowering.has("purchases", "amount");
        let mut shown = vec!["purchase_id", "member_id", "status"];
        shown.extend(&self.attributes);
        shown.extend(links.then_some("refund_of").into_iter().chain(has_amount.then_some("amount")));
        let refund = |name: &str| format!("refund_{name}");
        let mut refunds = LogicalPlanBuilder::from(self.lowering.scan("purchases", &shown)?)
            .filter(column("status").not_eq(lit("completed")).and(column("status").not_eq(lit("voided"))))?
            .project(shown.iter().map(|name| column(name).alias(refund(name))))?;
        let is_refund = || column("refund_status").eq(lit("refund"));
        let signed = |value: Expr| -> Result<Expr> {
            when(is_refund(), Expr::Negative(Box::new(abs(value.clone())))).otherwise(value)
        };
        let has_lines = self.lowering.has_lines();
        if has_lines {
            let lines = self.lines()?.build()?;
            let mut sums = vec![count(column("purchase_id")).alias("known_lines")];
            for (at, set) in self.sets.amounts.iter().enumerate() {
                sums.push(self.sum_of(signed(column("amount"))?, set.as_ref())?.alias(format!("line_amount_{at}")));
            }
            for (at, set) in self.sets.quantities.iter().enumerate() {
                sums.push(self.sum_of(signed(column("quantity"))?, set.as_ref())?.alias(format!("line_quantity_{at}")));
            }
            refunds = refunds
                .join(lines, JoinType::Left, (vec!["refund_purchase_id"], vec!["purchase_id"]), None)?
                .aggregate(shown.iter().map(|name| column(&refund(name))), sums)?;
            // As for purchases: NULL when nothing is known of the lines.
            let known = when(column("known_lines").gt(lit(0_i64)), column("known_lines")).end()?.alias("lines");
            let rest = refunds.schema().columns().into_iter().filter(|known| known.name() != "known_lines");
            let exprs: Vec<Expr> = rest.map(Expr::Column).chain([known]).collect();
            refunds = refunds.project(exprs)?;
        }
        let conditions = self.uses.iter().any(|one| {
            let scope = &one.scope;
            one.sums() && !scope.is_gross && (scope.min_amount.is_some() || !scope.all_products.is_empty())
        });
        if links {
            let purchases =
                if conditions { self.own(Own::Linked)? } else { self.completed(Own::Linked, None)?.build()? };
            let key = when(is_refund(), column("refund_refund_of")).end()?.alias(LINK);
            let mut exprs: Vec<Expr> = refunds.schema().columns().into_iter().map(Expr::Column).collect();
            exprs.push(key);
            refunds = refunds.project(exprs)?;
            refunds = refunds.join(purchases, JoinType::Left, (vec![LINK], vec!["purchase_id"]), None)?;
        }
        let is_linked = || if links { column("purchase_id").is_not_null() } else { lit(false) };
        let mut exprs = vec![column("refund_purchase_id").alias("purchase_id")];
        let of_purchase = |name: &str| -> Result<Expr> {
            let own = column(&refund(name));
            Ok(match (links, name) {
                (false, _) => own,
                // A channel that the purchase does not know is unknown.
                (true, "channel") => when(is_linked(), column(name)).otherwise(own)?,
                (true, _) => coalesce(vec![column(name), own]),
            }
            .alias(name))
        };
        exprs.push(of_purchase("member_id")?);
        for name in &self.attributes {
            exprs.push(of_purchase(name)?);
        }
        exprs.push(lit(false).alias("is_own"));
        // A condition on the purchase holds of one that is there, and that is this member's.
        let of_link = |name: &str| if links && conditions { column(name) } else { lit(false) };
        exprs.push(coalesce(vec![of_link("is_purchase"), lit(false)]).alias("is_purchase"));
        if self.needs_total() {
            let total = if links && conditions { column("total") } else { self.no_amount()? };
            exprs.push(total.alias("total"));
        }
        for set in 0..self.sets.on_receipt.len() {
            let name = has_name(set);
            let has = if links && conditions {
                coalesce(vec![column(&name).and(column("member_id").is_not_null()), lit(false)])
            } else {
                lit(false)
            };
            exprs.push(has.alias(name));
        }
        let amount = if has_amount { signed(column("refund_amount"))? } else { self.no_amount()? };
        exprs.extend(self.sum_exprs(has_lines, amount)?);
        refunds.project(exprs)?.filter(column("member_id").is_not_null())?.build()
    }

    fn needs_total(&self) -> bool {
        self.uses.iter().any(|one| one.scope.min_amount.is_some())
    }

    /// The sums of a receipt under their final names; `amount` is the receipt's own, for one whose lines are unknown.
    fn sum_exprs(&self, has_lines: bool, amount: Expr) -> Result<Vec<Expr>> {
        let mut exprs = Vec::new();
        let types = self.lowering.types;
        for (at, set) in self.sets.amounts.iter().enumerate() {
            let of_lines = column(&format!("line_amount_{at}"));
            let value = match (has_lines, set) {
                (true, None) => when(column("lines").is_null(), amount.clone()).otherwise(of_lines)?,
                (true, Some(_)) => of_lines,
                (false, None) => amount.clone(),
                (false, Some(_)) => lit(ScalarValue::try_from(&types.amount)?),
            };
            exprs.push(cast(value, &types.amount).alias(amount_name(at)));
        }
        for at in 0..self.sets.quantities.len() {
            let value = match has_lines {
                true => column(&format!("line_quantity_{at}")),
                false => lit(ScalarValue::try_from(&types.quantity)?),
            };
            exprs.push(cast(value, &types.quantity).alias(quantity_name(at)));
        }
        Ok(exprs)
    }

    fn sum_of(&self, value: Expr, set: Option<&Ids>) -> Result<Expr> {
        let sum = self.sum(value)?;
        match set {
            Some(set) => sum.filter(one_of(column("product_id"), set)).build(),
            None => Ok(sum),
        }
    }

    fn sum(&self, value: Expr) -> Result<Expr> {
        self.lowering.sum(value)
    }

    fn no_amount(&self) -> Result<Expr> {
        Ok(lit(ScalarValue::try_from(&self.lowering.types.amount)?))
    }
}

/// Which completed receipts, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    /// Those of members, to be counted and added up: others than the uses ask for are left out.
    Counted,
    /// All, for refunds to be linked to.
    Linked,
}

struct OwnSums<'a> {
    receipts: &'a Receipts<'a>,
    has_lines: bool,
    takes_back: bool,
    amount: Expr,
}

impl OwnSums<'_> {
    fn exprs(&self) -> Result<Vec<Expr>> {
        let Self { receipts, has_lines, takes_back, amount } = self;
        let zero = || lit(0_i64);
        let is_purchase = match has_lines {
            // With lines unknown it counts; known, one of them must be more than nothing.
            true => column("lines").is_null().or(coalesce(vec![column("most").gt(zero()), lit(false)])),
            false => lit(true),
        };
        let mut exprs = vec![is_purchase.alias("is_purchase")];
        if receipts.needs_total() {
            let of_lines = has_lines.then(|| column("line_total"));
            let nothing = lit(ScalarValue::new_zero(&receipts.lowering.types.amount)?);
            let total = coalesce(of_lines.into_iter().chain([amount.clone(), nothing]).collect());
            exprs.push(cast(total, &receipts.lowering.types.amount).alias("total"));
        }
        for (at, (_, is_gross)) in receipts.sets.on_receipt.iter().enumerate() {
            let on_receipt = || column(&format!("on_receipt_{at}"));
            let has = match (has_lines, is_gross) {
                (false, _) => lit(false),
                (true, false) if *takes_back => {
                    let taken = column(&format!("taken_{at}"));
                    coalesce(vec![on_receipt(), zero()]).gt(coalesce(vec![taken, zero()]))
                }
                (true, _) => coalesce(vec![on_receipt().gt(zero()), lit(false)]),
            };
            exprs.push(has.alias(has_name(at)));
        }
        exprs.extend(receipts.sum_exprs(*has_lines, amount.clone())?);
        Ok(exprs)
    }
}

/// The receipt that a row of line sums belongs to.
const LINES_OF: &str = "lines_of";
/// The purchase that a row of refunded quantities belongs to.
const TAKEN_OF: &str = "taken_of";
/// A receipt that is asked about.
const ASKED: &str = "asked";
/// The purchase that a refund names.
const LINK: &str = "link";

fn has_name(at: usize) -> String {
    format!("has_{at}")
}

fn amount_name(at: usize) -> String {
    format!("amount_{at}")
}

fn quantity_name(at: usize) -> String {
    format!("quantity_{at}")
}

fn cast(value: Expr, to: &DataType) -> Expr {
    datafusion::logical_expr::cast(value, to.clone())
}

/// All of them; true of none.
fn all_of(all: Vec<Expr>) -> Expr {
    conjunction(all).unwrap_or_else(|| lit(true))
}

/// Whether a time of day lies in a window.
fn within(time: Expr, window: regulars_udfs::TimeWindow) -> Option<Expr> {
    let at = |us: i64| lit(ScalarValue::Time64Microsecond(Some(us)));
    let (from, to) = window.bounds_us();
    let from_on = || time.clone().gt_eq(at(from));
    let before = || time.clone().lt(at(to));
    match (from, to) {
        (from, to) if from == to => None,
        // The end of the day is behind every time of it.
        (_, to) if to >= regulars_udfs::time_of_day::DAY_US => Some(from_on()),
        (from, to) if from < to => Some(from_on().and(before())),
        _ => Some(from_on().or(before())),
    }
}
