//! From [`MemberFacts`] to relations: receipts, grouped by member, joined to the input.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int64Type};
use chrono::NaiveDate;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, JoinType, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::SessionState;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF, cast, lit,
};

use super::filter::{FilterName, Ids, Reader};
use super::node::Wanted;
use super::receipt::{Receipts, Use};
use super::{Fact, FactCall, MemberFacts, Scope, Types, currency, level, rank};
use crate::error::message;
use crate::history::id::Id;
use crate::history::{Dictionary, History};
use crate::pg_type::PgType;
use crate::planner::dialect::Session;
use crate::planner::function::{self, Body};
use crate::planner::{Told, is_text};
use crate::wire::text_value;

/// What lowering needs to know of the statement and the history.
pub struct Lowering<'a> {
    pub history: &'a History,
    pub state: &'a SessionState,
    pub types: &'a Types,
    pub dictionary: &'a Dictionary,
    /// `asof()`.
    pub day: NaiveDate,
    pub session: Session,
    pub simplify: SimplifyContext,
    pub told: &'a Told,
}

/// The plan without [`MemberFacts`].
pub fn lower(plan: LogicalPlan, lowering: &Lowering<'_>) -> Result<LogicalPlan> {
    let lowered = plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Extension(extension) = &plan else { return Ok(Transformed::no(plan)) };
        match extension.node.as_any().downcast_ref::<MemberFacts>() {
            Some(facts) => Ok(Transformed::yes(lowering.joined(facts)?)),
            None => Ok(Transformed::no(plan)),
        }
    })?;
    Ok(lowered.data)
}

impl Lowering<'_> {
    /// What a call's filters say. Errors: those of [`Reader::scope`], at the place of the call.
    pub fn scope(&self, call: &FactCall, filters: &[(FilterName, &Expr)]) -> Result<Arc<Scope>> {
        let reader = Reader {
            dictionary: self.dictionary,
            day: self.day,
            session: self.session,
            simplify: &self.simplify,
            told: self.told,
        };
        match reader.scope(call, filters) {
            Ok(scope) => Ok(Arc::new(scope)),
            Err(error) => Err(match call.position.filter(|_| call.is_own) {
                Some(position) => error.with_position(position),
                None => error,
            }
            .into()),
        }
    }

    /// A member as an identifier of the history's type.
    ///
    /// Errors: 42883 for a value that is none, 22P02 for a text that is no number where members are numbers.
    pub fn member(&self, call: &FactCall, member: Expr, schema: &DFSchema) -> Result<Expr> {
        let (given, needed) = (member.get_type(schema)?, &self.types.member);
        if let (Expr::Literal(ScalarValue::Utf8(Some(text)), _), DataType::Int64) = (&member, needed) {
            return Ok(lit(text_value(text, PgType::INT8, &self.session.text_format())?));
        }
        match (&given, needed) {
            (given, needed) if given == needed => Ok(member),
            (DataType::Null, _) => Ok(cast(member, needed.clone())),
            (given, needed) if is_text(given) && is_text(needed) => Ok(cast(member, needed.clone())),
            (given, DataType::Int64) if given.is_integer() => Ok(cast(member, needed.clone())),
            _ => {
                let name = |data_type: &DataType| message::type_name(data_type);
                let error = message::fact_member_type(call.fact.name(), &name(&given), &name(needed));
                Err(match call.position.filter(|_| call.is_own) {
                    Some(position) => error.with_position(position),
                    None => error,
                }
                .into())
            }
        }
    }

    /// Some columns of a table, under their plain names.
    ///
    /// Lines come without the cut of an as-of day: they are joined to receipts, which have it.
    pub fn scan(&self, table: &str, names: &[&str]) -> Result<LogicalPlan> {
        let relation = if table == "purchase_lines" { self.history.all_lines() } else { self.history.relation(table) };
        let provider = relation.ok_or_else(|| message::table_not_configured(table))?;
        let columns = names.iter().map(|name| Expr::Column(Column::new(Some(table), *name)).alias(*name));
        LogicalPlanBuilder::scan(table, provider_as_source(provider), None)?.project(columns)?.build()
    }

    pub fn has(&self, table: &str, name: &str) -> bool {
        let relation = self.history.relations().find(|relation| relation.name == table);
        relation.is_some_and(|relation| relation.schema.index_of(name).is_ok())
    }

    pub fn has_lines(&self) -> bool {
        self.has("purchase_lines", "purchase_id")
    }

    /// A function of the house.
    pub fn function(&self, name: &str) -> Result<Arc<ScalarUDF>> {
        let function = self.state.scalar_functions().get(name).cloned();
        Ok(function.ok_or_else(|| message::internal(format!("there is no function {name}")))?)
    }

    /// `sum`, as a query has it: it never wraps.
    pub fn sum(&self, value: Expr) -> Result<Expr> {
        let sum = function::aggregate("sum", self.state).ok_or_else(|| message::internal("there is no sum"))?;
        Ok(sum.call(vec![value]))
    }

    /// The input with its facts.
    fn joined(&self, node: &MemberFacts) -> Result<LogicalPlan> {
        let columns: Vec<Expr> = node.input.schema().columns().into_iter().map(Expr::Column).collect();
        // The member as a column, which a join can have as its key whatever it is.
        let asked = format!("{ASKED}{}", node.facts.first().map_or("", |wanted| wanted.column.as_str()));
        let with_member = columns.iter().cloned().chain([node.member.clone().alias(&asked)]);
        let mut plan = LogicalPlanBuilder::from(node.input.as_ref().clone()).project(with_member)?.build()?;
        let by_member = |plan: LogicalPlan, members: LogicalPlan| {
            LogicalPlanBuilder::from(plan)
                .join(members, JoinType::Left, (vec![asked.as_str()], vec![MEMBER]), None)?
                .build()
        };
        let mut exprs = columns;
        let (levels, facts): (Vec<&Wanted>, Vec<&Wanted>) =
            node.facts.iter().partition(|wanted| wanted.fact == Fact::MemberLevel);
        if !facts.is_empty() {
            let members = self.members(&facts)?;
            plan = by_member(plan, members)?;
            for wanted in facts {
                let mut value = column(&format!("{VALUE}{}", wanted.column));
                if wanted.fact == Fact::AmountSpent && self.mixes_currencies(&wanted.scope) {
                    // Above the join: what members add up who are not asked about is nobody's fault.
                    let [least, most] = [least_name, most_name].map(|name| column(&name(&wanted.column)));
                    value = currency::single(value, least, most);
                }
                let without = wanted.fact.without_purchases(self.types)?;
                let value = if without.is_null() { value } else { coalesce(vec![value, lit(without)]) };
                exprs.push(value.alias(&wanted.column));
            }
        }
        if let Some(first) = levels.first() {
            let name = format!("{VALUE}{}", first.column);
            // The first join's member is not that of the second.
            let shown = plan.schema().columns().into_iter().filter(|known| known.name() != MEMBER).map(Expr::Column);
            let shown: Vec<Expr> = shown.collect();
            plan = LogicalPlanBuilder::from(plan).project(shown)?.build()?;
            plan = by_member(plan, level::levels(self, &name)?)?;
            let value = column(&name);
            exprs.extend(levels.iter().map(|wanted| value.clone().alias(&wanted.column)));
        }
        LogicalPlanBuilder::from(plan).project(exprs)?.build()
    }

    /// One row for each member with purchases or refunds: [`MEMBER`] and a column for each fact.
    fn members(&self, facts: &[&Wanted]) -> Result<LogicalPlan> {
        let mut uses: Vec<Use> = Vec::new();
        for wanted in facts {
            for part in wanted.fact.parts() {
                let at = uses.iter().position(|one| one.scope == wanted.scope).unwrap_or_else(|| {
                    let scope = Arc::clone(&wanted.scope);
                    uses.push(Use { scope, counts: false, amount: false, quantity: false });
                    uses.len() - 1
                });
                match part {
                    Fact::AmountSpent => uses[at].amount = true,
                    Fact::QuantityBought => uses[at].quantity = true,
                    _ => uses[at].counts = true,
                }
            }
        }
        let checks: Vec<bool> = uses.iter().map(|one| one.amount && self.mixes_currencies(&one.scope)).collect();
        let receipts = Receipts::new(self, &uses, checks.iter().any(|check| *check));
        let mut parts = Parts { lowering: self, receipts: &receipts, names: Vec::new(), aggregates: Vec::new() };
        for wanted in facts {
            for part in wanted.fact.parts() {
                let at = place_of(&uses, &wanted.scope);
                parts.add(*part, at, &uses[at], checks[at])?;
            }
        }
        let (names, aggregates) = (parts.names, parts.aggregates);
        let anything = uses
            .iter()
            .flat_map(|one| {
                let counted = one.counts.then(|| receipts.is_counted(one));
                let summed = (one.amount || one.quantity).then(|| receipts.is_summed(one));
                counted.into_iter().chain(summed)
            })
            .reduce(Expr::or)
            .unwrap_or_else(|| lit(true));
        let mut members = LogicalPlanBuilder::from(receipts.rows()?)
            .filter(anything)?
            .aggregate(vec![column("member_id")], aggregates)?
            .build()?;
        let part = |fact: Fact, scope: &Arc<Scope>| -> Result<Expr> {
            let at = place_of(&uses, scope);
            if !names.contains(&(fact, at)) {
                return Err(message::internal("a part of a fact is missing").into());
            }
            let value = column(&part_name(fact, at));
            Ok(match fact {
                Fact::AmountSpent if checks[at] => {
                    let [least, most] = [least_name, most_name].map(|name| column(&name(&at.to_string())));
                    currency::single(value, least, most)
                }
                _ => value,
            })
        };
        members = rank::with_ranks(self, members, facts, &part)?;
        let mut exprs = vec![column("member_id").alias(MEMBER)];
        for wanted in facts {
            let value = match wanted.fact {
                Fact::Bought => column(&part_name(Fact::PurchaseCount, place_of(&uses, &wanted.scope))).gt(lit(0_i64)),
                fact if rank::is_rank(fact) => rank::value(self, fact, &wanted.column)?,
                fact => column(&part_name(fact, place_of(&uses, &wanted.scope))),
            };
            let value = cast(value, wanted.fact.data_type(self.types));
            exprs.push(value.alias(format!("{VALUE}{}", wanted.column)));
            if wanted.fact == Fact::AmountSpent && self.mixes_currencies(&wanted.scope) {
                let at = place_of(&uses, &wanted.scope).to_string();
                for name in [least_name, most_name] {
                    exprs.push(column(&name(&at)).alias(name(&wanted.column)));
                }
            }
        }
        LogicalPlanBuilder::from(members).project(exprs)?.build()
    }

    /// Whether the stores of a scope have several currencies, so that a sum might mix them.
    fn mixes_currencies(&self, scope: &Scope) -> bool {
        let currencies = self.dictionary.stores.currencies();
        let mut among = currencies
            .iter()
            .filter(|(store, _)| scope.stores.as_ref().is_none_or(|stores| stores.contains(*store)))
            .map(|(_, currency)| currency);
        let Some(first) = among.next() else { return false };
        among.any(|currency| currency != first)
    }
}

/// The aggregates by member, each once.
struct Parts<'a> {
    lowering: &'a Lowering<'a>,
    receipts: &'a Receipts<'a>,
    /// A part and the place of its scope among the uses.
    names: Vec<(Fact, usize)>,
    aggregates: Vec<Expr>,
}

impl Parts<'_> {
    fn add(&mut self, part: Fact, at: usize, one: &Use, checks_currency: bool) -> Result<()> {
        if self.names.contains(&(part, at)) {
            return Ok(());
        }
        self.names.push((part, at));
        let day = || column("business_date");
        let counted = || self.receipts.is_counted(one);
        let value = match part {
            Fact::VisitDays => count(day()).distinct().filter(counted()),
            Fact::FirstPurchase => min(day()).filter(counted()),
            Fact::LastPurchase => max(day()).filter(counted()),
            Fact::AmountSpent => {
                let amount = self.receipts.amount(&one.scope);
                let summed = self.receipts.is_summed(one);
                if checks_currency {
                    let known = summed.clone().and(amount.clone().is_not_null());
                    let currency = currency::of_store(column("store_id"), self.lowering.dictionary.stores.currencies());
                    let least = min(currency.clone()).filter(known.clone()).build()?;
                    let most = max(currency).filter(known).build()?;
                    self.aggregates.push(least.alias(least_name(&at.to_string())));
                    self.aggregates.push(most.alias(most_name(&at.to_string())));
                }
                self.lowering.sum(amount)?.filter(summed)
            }
            Fact::QuantityBought => {
                self.lowering.sum(self.receipts.quantity(&one.scope))?.filter(self.receipts.is_summed(one))
            }
            _ => count(lit(1_i64)).filter(counted()),
        };
        self.aggregates.push(value.build()?.alias(part_name(part, at)));
        Ok(())
    }
}

/// The member that a row of facts belongs to.
pub const MEMBER: &str = "__member";
/// Before the name of a node's first fact: the member that its rows name.
const ASKED: &str = "__asked";
/// Before the name of a fact's column, while its relation is not joined.
pub const VALUE: &str = "__value";

fn part_name(part: Fact, at: usize) -> String {
    format!("{}_{at}", part.name())
}

fn place_of(uses: &[Use], scope: &Arc<Scope>) -> usize {
    uses.iter().position(|one| one.scope == *scope).unwrap_or_default()
}

fn least_name(of: &str) -> String {
    format!("__least_currency_{of}")
}

fn most_name(of: &str) -> String {
    format!("__most_currency_{of}")
}

/// A column by its exact name.
pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// Identifiers that are listed one by one, so that a plan shows them and files are left out by them.
const LISTED_MAX: usize = 32;

/// Whether an identifier is one of these.
pub fn one_of(id: Expr, ids: &Ids) -> Expr {
    match ids.len() {
        0 => lit(false),
        1..=LISTED_MAX => id.in_list(ids.iter().map(|id| lit(id.scalar())).collect(), false),
        _ => function::call(OneOf { ids: Arc::clone(ids) }, vec![id]),
    }
}

/// `one_of(id)`: membership in a set that is too large to be listed.
#[derive(Debug)]
struct OneOf {
    ids: Ids,
}

/// Sets are the same when they are one and the same: comparing them would cost more than it saves.
impl PartialEq for OneOf {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ids, &other.ids)
    }
}

impl Eq for OneOf {}

impl Hash for OneOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.ids).hash(state);
    }
}

impl Body for OneOf {
    fn name(&self) -> &str {
        "one_of"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let [ids] = args else { return Err(message::internal("one_of takes an identifier").into()) };
        let found: BooleanArray = if let Some(numbers) = ids.as_primitive_opt::<Int64Type>() {
            let known: std::collections::HashSet<i64> = self
                .ids
                .iter()
                .filter_map(|id| match id {
                    Id::Number(number) => Some(*number),
                    Id::Text(_) => None,
                })
                .collect();
            numbers.iter().map(|id| id.map(|id| known.contains(&id))).collect()
        } else {
            let known: std::collections::HashSet<&str> = self.ids.iter().filter_map(Id::as_text).collect();
            let texts = arrow::compute::cast(ids, &DataType::Utf8View)?;
            texts.as_string_view().iter().map(|id| id.map(|id| known.contains(id))).collect()
        };
        debug_assert_eq!(found.len(), ids.len());
        Ok(Arc::new(found))
    }
}
