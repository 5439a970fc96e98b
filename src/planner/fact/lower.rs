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
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF, UserDefinedLogicalNodeCore, cast,
    lit,
};

use super::filter::{FilterName, Ids, Reader};
use super::node::Wanted;
use super::receipt::{Receipts, Use};
use super::{Fact, FactCall, MemberFacts, Scope, Types, currency, level, rank};
use crate::error::message;
use crate::history::id::Id;
use crate::history::index::Built;
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
    /// The member index, where it holds the files that the statement sees and may be used.
    pub index: Option<Arc<Built>>,
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
        if let Some(scope) = &call.scope {
            return Ok(Arc::clone(scope));
        }
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
        if let Some(plan) = self.members_with_facts(node)? {
            return Ok(plan);
        }
        if let Some(plan) = self.apart(node)? {
            return Ok(plan);
        }
        let columns: Vec<Expr> = node.input.schema().columns().into_iter().map(Expr::Column).collect();
        // The member as a column, which a join can have as its key whatever it is. A column of the input is taken as it
        // is, so that a condition on it is one on the facts' member too.
        let asked = format!("{ASKED}{}", node.facts.first().map_or("", |wanted| wanted.column.as_str()));
        let (mut plan, key) = match &node.member {
            Expr::Column(member) => (node.input.as_ref().clone(), member.clone()),
            member => {
                let with_member = columns.iter().cloned().chain([member.clone().alias(&asked)]);
                let plan = LogicalPlanBuilder::from(node.input.as_ref().clone()).project(with_member)?.build()?;
                (plan, Column::new_unqualified(&asked))
            }
        };
        let by_member = |plan: LogicalPlan, members: LogicalPlan| {
            LogicalPlanBuilder::from(plan)
                .join(members, JoinType::Left, (vec![key.clone()], vec![Column::new_unqualified(MEMBER)]), None)?
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

    /// Rows as they stand are told by the index alone. Where it cannot tell the other facts, they are computed apart.
    fn apart(&self, node: &MemberFacts) -> Result<Option<LogicalPlan>> {
        let (rows, others): (Vec<Wanted>, Vec<Wanted>) =
            node.facts.iter().cloned().partition(|wanted| wanted.scope.as_rows);
        if rows.is_empty() || others.is_empty() {
            return Ok(None);
        }
        let asked =
            self.asked(&node.facts.iter().filter(|wanted| wanted.fact != Fact::MemberLevel).collect::<Vec<_>>());
        if self.indexed(&asked.uses, &asked.parts, &asked.checks, &[]).is_some() {
            return Ok(None);
        }
        let columns: Vec<Expr> = node.schema().columns().into_iter().map(Expr::Column).collect();
        let with_rows = MemberFacts::new(Arc::clone(&node.input), node.member.clone(), rows, self.types)?;
        let with_rows = Arc::new(self.joined(&with_rows)?);
        let all = self.joined(&MemberFacts::new(with_rows, node.member.clone(), others, self.types)?)?;
        LogicalPlanBuilder::from(all).project(columns)?.build().map(Some)
    }

    /// What facts are made of: each scope once, with the parts that are wanted of it.
    pub fn asked(&self, facts: &[&Wanted]) -> Asked {
        let mut asked = Asked::default();
        for wanted in facts {
            for part in wanted.fact.parts() {
                let at = asked.uses.iter().position(|one| one.scope == wanted.scope).unwrap_or_else(|| {
                    let scope = Arc::clone(&wanted.scope);
                    asked.uses.push(Use { scope, counts: false, amount: false, quantity: false });
                    asked.uses.len() - 1
                });
                match part {
                    Fact::AmountSpent => asked.uses[at].amount = true,
                    Fact::QuantityBought => asked.uses[at].quantity = true,
                    _ => asked.uses[at].counts = true,
                }
                if !asked.parts.contains(&(*part, at)) {
                    asked.parts.push((*part, at));
                }
            }
        }
        asked.checks = asked.uses.iter().map(|one| one.amount && self.mixes_currencies(&one.scope)).collect();
        asked
    }

    /// A fact that comes straight from its part, for a relation that has every member.
    pub fn value(&self, wanted: &Wanted, asked: &Asked, part: &dyn Fn(Fact, usize) -> Expr) -> Result<Expr> {
        let at = asked.at(&wanted.scope);
        let value = match wanted.fact {
            Fact::Bought => part(Fact::PurchaseCount, at).gt(lit(0_i64)),
            Fact::AmountSpent if asked.checks[at] => {
                let [least, most] = [least_name, most_name].map(|name| column(&name(&at.to_string())));
                currency::single(part(Fact::AmountSpent, at), least, most)
            }
            fact if rank::is_rank(fact) => {
                let value = rank::value_of(self, fact, &|score| part(score, at))?;
                let without = fact.without_purchases(self.types)?;
                if without.is_null() { value } else { coalesce(vec![value, lit(without)]) }
            }
            fact => part(fact, at),
        };
        Ok(cast(value, wanted.fact.data_type(self.types)))
    }

    /// One row for each member with purchases or refunds: [`MEMBER`] and a column for each fact.
    fn members(&self, facts: &[&Wanted]) -> Result<LogicalPlan> {
        let asked = self.asked(facts);
        let scores = asked.scores(facts);
        let mut is_scored = false;
        let mut members =
            match self.indexed(&asked.uses, &asked.parts, &asked.checks, scores.as_deref().unwrap_or_default()) {
                Some(indexed) => {
                    is_scored = scores.is_some();
                    indexed.into_plan()?
                }
                None if asked.uses.iter().any(|one| one.scope.as_rows) => {
                    return Err(message::internal("rows as they stand are not in the index").into());
                }
                None => self.grouped(&asked)?,
            };
        let part = |fact: Fact, scope: &Arc<Scope>| -> Result<Expr> {
            let at = asked.at(scope);
            if !asked.parts.contains(&(fact, at)) {
                return Err(message::internal("a part of a fact is missing").into());
            }
            let value = column(&part_name(fact, at));
            Ok(match fact {
                Fact::AmountSpent if asked.checks[at] => {
                    let [least, most] = [least_name, most_name].map(|name| column(&name(&at.to_string())));
                    currency::single(value, least, most)
                }
                _ => value,
            })
        };
        if !is_scored {
            members = rank::with_ranks(self, members, facts, &part)?;
        }
        let mut exprs = vec![column("member_id").alias(MEMBER)];
        for wanted in facts {
            let at = asked.at(&wanted.scope);
            let value = match wanted.fact {
                Fact::Bought => column(&part_name(Fact::PurchaseCount, at)).gt(lit(0_i64)),
                fact if rank::is_rank(fact) && is_scored => {
                    rank::value_of(self, fact, &|score| column(&part_name(score, at)))?
                }
                fact if rank::is_rank(fact) => rank::value(self, fact, &wanted.column)?,
                fact => column(&part_name(fact, at)),
            };
            let value = cast(value, wanted.fact.data_type(self.types));
            exprs.push(value.alias(format!("{VALUE}{}", wanted.column)));
            if wanted.fact == Fact::AmountSpent && asked.checks[at] {
                for name in [least_name, most_name] {
                    exprs.push(column(&name(&at.to_string())).alias(name(&wanted.column)));
                }
            }
        }
        LogicalPlanBuilder::from(members).project(exprs)?.build()
    }

    /// The parts of facts by member, from receipts: `member_id` and a column for each part.
    fn grouped(&self, asked: &Asked) -> Result<LogicalPlan> {
        let Asked { uses, parts: wanted, checks } = asked;
        let receipts = Receipts::new(self, uses, checks.iter().any(|check| *check));
        let mut parts = Parts { lowering: self, receipts: &receipts, aggregates: Vec::new() };
        for (part, at) in wanted {
            parts.add(*part, *at, &uses[*at], checks[*at])?;
        }
        let aggregates = parts.aggregates;
        let anything = uses
            .iter()
            .flat_map(|one| {
                let counted = one.counts.then(|| receipts.is_counted(one));
                let summed = (one.amount || one.quantity).then(|| receipts.is_summed(one));
                counted.into_iter().chain(summed)
            })
            .reduce(Expr::or)
            .unwrap_or_else(|| lit(true));
        LogicalPlanBuilder::from(receipts.rows()?)
            .filter(anything)?
            .aggregate(vec![column("member_id")], aggregates)?
            .build()
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

/// What facts are made of.
#[derive(Debug, Default)]
pub struct Asked {
    pub uses: Vec<Use>,
    /// A part and the place of its scope among the uses, each once.
    pub parts: Vec<(Fact, usize)>,
    /// Of each use, whether its sum might mix currencies.
    pub checks: Vec<bool>,
}

impl Asked {
    /// The scores that facts are made of, each once; `None` where money may be of several currencies.
    pub fn scores(&self, facts: &[&Wanted]) -> Option<Vec<(Fact, usize)>> {
        let mut scores = Vec::new();
        for wanted in facts {
            let at = self.at(&wanted.scope);
            for score in rank::scores_of(wanted.fact) {
                if score == Fact::RfmMonetary && self.checks[at] {
                    return None;
                }
                if !scores.contains(&(score, at)) {
                    scores.push((score, at));
                }
            }
        }
        Some(scores)
    }

    fn at(&self, scope: &Arc<Scope>) -> usize {
        self.uses.iter().position(|one| one.scope == *scope).unwrap_or_default()
    }
}

/// The aggregates by member.
struct Parts<'a> {
    lowering: &'a Lowering<'a>,
    receipts: &'a Receipts<'a>,
    aggregates: Vec<Expr>,
}

impl Parts<'_> {
    fn add(&mut self, part: Fact, at: usize, one: &Use, checks_currency: bool) -> Result<()> {
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

pub fn part_name(part: Fact, at: usize) -> String {
    format!("{}_{at}", part.name())
}

pub fn least_name(of: &str) -> String {
    format!("__least_currency_{of}")
}

pub fn most_name(of: &str) -> String {
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
