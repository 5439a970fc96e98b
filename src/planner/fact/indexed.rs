//! Facts from the member index, where it holds the files that the statement sees.
//!
//! Two relations take the place of receipts: [`IndexedFacts`], a row for each member of whom there is something, which is
//! joined to whatever asks; and [`IndexedMembers`], the table of members with its facts as further columns, which needs no
//! join when nothing else of the members is asked for. Both name the parts that facts are made of, as the aggregates over
//! receipts do, so that what stands above is the same; `SET regulars.member_index = off` plans without them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, DFSchema, JoinType, Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown, TableType, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use regulars_index::{Comparison, Condition, Part, Parts};

use super::index_exec::{Asked, IndexColumn, MemberIndexExec, Members, Question};
use super::lower::{MEMBER, column, least_name, most_name, part_name};
use super::node::Wanted;
use super::receipt::Use;
use super::{Fact, Lowering, MemberFacts};
use crate::history::AsOf;
use crate::history::id::Id;
use crate::history::index::Wanted as IndexWanted;
use crate::history::relation::{inner_plan, plain_columns};
use crate::planner::parameter::is_parameter;

/// A part of facts, and where it comes from in the index.
#[derive(Debug, Clone)]
struct PartColumn {
    name: String,
    from: IndexColumn,
    data_type: DataType,
}

/// What the facts of one node ask of the index.
#[derive(Debug, Clone)]
pub struct Indexed {
    question: Arc<Question>,
    parts: Vec<PartColumn>,
    member: DataType,
}

impl Lowering<'_> {
    /// The question to the index that answers these parts of these uses; `None` when there is no index of the files that
    /// the statement sees, or it cannot tell. `checks`: whether a use's currencies are looked at; `scores`: those that are
    /// wanted, and of which use.
    pub fn indexed(
        &self,
        uses: &[Use],
        parts: &[(Fact, usize)],
        checks: &[bool],
        scores: &[(Fact, usize)],
    ) -> Option<Indexed> {
        let built = self.index.as_ref()?;
        let as_of = self.state.config().get_extension::<AsOf>();
        // The index knows days, not instants.
        if as_of.as_ref().is_some_and(|as_of| as_of.until.is_some()) {
            return None;
        }
        let as_of = as_of.map(|as_of| super::filter::days_of(as_of.day));
        let names = self.currency_names();
        let stores = self.dictionary.stores.currencies().iter();
        let places: BTreeMap<Id, u16> = stores
            .map(|(store, currency)| Some((store.clone(), u16::try_from(names.binary_search(currency).ok()?).ok()?)))
            .collect::<Option<_>>()?;
        let mut asked = Vec::with_capacity(uses.len());
        let mut columns = Vec::new();
        for (at, one) in uses.iter().enumerate() {
            let mut wanted = Parts { currencies: checks[at], ..Parts::default() };
            for (fact, _) in parts.iter().filter(|(_, of)| *of == at) {
                let (part, data_type) = match fact {
                    Fact::VisitDays => (Part::VisitDays, DataType::Int64),
                    Fact::FirstPurchase => (Part::FirstDay, DataType::Date32),
                    Fact::LastPurchase => (Part::LastDay, DataType::Date32),
                    Fact::AmountSpent => (Part::Amount, widest(&self.types.amount)?),
                    Fact::QuantityBought => (Part::Quantity, widest(&self.types.quantity)?),
                    _ => (Part::Count, DataType::Int64),
                };
                match part {
                    Part::VisitDays => wanted.visit_days = true,
                    Part::FirstDay => wanted.first_day = true,
                    Part::LastDay => wanted.last_day = true,
                    Part::Amount => wanted.amount = true,
                    Part::Quantity => wanted.quantity = true,
                    _ => wanted.count = true,
                }
                columns.push(PartColumn { name: part_name(*fact, at), from: IndexColumn::Part(at, part), data_type });
            }
            if wanted.currencies {
                for (name, part) in
                    [(least_name(&at.to_string()), Part::Least), (most_name(&at.to_string()), Part::Most)]
                {
                    let from = IndexColumn::Part(at, part);
                    columns.push(PartColumn { name, from, data_type: DataType::Utf8View });
                }
            }
            let wanted = IndexWanted { scope: &one.scope, parts: wanted, as_of, currencies: &places };
            asked.push(wanted.in_numbers(&built.index)?);
        }
        let mut found_out = Vec::with_capacity(scores.len());
        for (score, at) in scores {
            let by = match score {
                Fact::RfmRecency => Part::LastDay,
                Fact::RfmFrequency => Part::Count,
                _ => Part::Amount,
            };
            found_out.push((*at, by, OnceLock::new()));
            let (name, from) = (part_name(*score, *at), IndexColumn::Score(*at, by));
            columns.push(PartColumn { name, from, data_type: DataType::Int16 });
        }
        let question = Question { built: Arc::clone(built), uses: asked, currencies: names, scores: found_out };
        Some(Indexed { question: Arc::new(question), parts: columns, member: self.types.member.clone() })
    }

    /// The names of the currencies, in order.
    fn currency_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.dictionary.stores.currencies().values().cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The input with its facts, when that is the table of members and the index tells all of them; else `None`.
    pub fn members_with_facts(&self, node: &MemberFacts) -> Result<Option<LogicalPlan>> {
        let LogicalPlan::TableScan(scan) = node.input.as_ref() else { return Ok(None) };
        let is_plain = scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none();
        let of_member = matches!(&node.member, Expr::Column(column) if column.name == "member_id");
        let apart = |wanted: &Wanted| wanted.fact == Fact::MemberLevel;
        let Some(members) = self.history.relation("members") else { return Ok(None) };
        let is_members = source_as_provider(&scan.source).is_ok_and(|found| Arc::ptr_eq(&found, &members));
        if !is_plain || !of_member || !is_members || node.facts.iter().any(apart) {
            return Ok(None);
        }
        let facts: Vec<&Wanted> = node.facts.iter().collect();
        let asked = self.asked(&facts);
        let Some(scores) = asked.scores(&facts) else { return Ok(None) };
        let Some(indexed) = self.indexed(&asked.uses, &asked.parts, &asked.checks, &scores) else { return Ok(None) };
        let relation = IndexedMembers::new(indexed, members)?;
        let mut exprs: Vec<Expr> = node.input.schema().columns().into_iter().map(Expr::Column).collect();
        for wanted in &facts {
            let value = self.value(wanted, &asked, &|fact, at| column(&part_name(fact, at)))?;
            exprs.push(value.alias(&wanted.column));
        }
        let plan = LogicalPlanBuilder::scan(scan.table_name.clone(), provider_as_source(Arc::new(relation)), None)?;
        plan.project(exprs)?.build().map(Some)
    }
}

/// A type that holds any sum of values of this one; `None` for what the index does not add up.
fn widest(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int64 => Some(DataType::Int64),
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(38, *scale)),
        _ => None,
    }
}

impl Indexed {
    /// The parts of facts by member: `member_id` and a column for each part.
    pub fn into_plan(self) -> Result<LogicalPlan> {
        let facts: Arc<dyn TableProvider> = Arc::new(IndexedFacts::new(self, "member_id"));
        let columns: Vec<Expr> = facts.schema().fields().iter().map(|field| column(field.name())).collect();
        // Under plain names, as those of aggregates are.
        let names: Vec<Expr> = columns
            .into_iter()
            .map(|expr| match expr {
                Expr::Column(Column { name, .. }) => {
                    Expr::Column(Column::new(Some(RELATION), name.clone())).alias(name)
                }
                other => other,
            })
            .collect();
        LogicalPlanBuilder::scan(RELATION, provider_as_source(facts), None)?.project(names)?.build()
    }

    fn fields(&self) -> Vec<Field> {
        self.parts.iter().map(|part| Field::new(&part.name, part.data_type.clone(), true)).collect()
    }

    /// The members that filters leave: one, none, or all up to `members`.
    fn members(&self, filters: &[Expr], key: &str, members: u32, state: &dyn Session) -> Result<Members> {
        let ids: Vec<&Expr> = filters.iter().filter_map(|filter| member_of(filter, key)).collect();
        match ids.as_slice() {
            [] => Ok(Members::All(0..members)),
            [Expr::Literal(id, _)] => Ok(Members::All(self.question.range_of(id, members))),
            // Parameters, whose values come when the plan runs.
            _ => {
                let ids = ids.into_iter().map(|id| state.create_physical_expr(id.clone(), &DFSchema::empty()));
                Ok(Members::OneOf { ids: ids.collect::<Result<_>>()?, members })
            }
        }
    }

    fn exec(
        &self,
        columns: Vec<IndexColumn>,
        schema: SchemaRef,
        asked: Asked,
        filters: &[Expr],
        state: &dyn Session,
    ) -> Arc<dyn ExecutionPlan> {
        let partitions = state.config().target_partitions().max(1);
        let mut conditions: Vec<Condition> = filters.iter().filter_map(|filter| self.condition(filter)).collect();
        let condition = if conditions.len() > 1 { Some(Condition::All(conditions)) } else { conditions.pop() };
        Arc::new(MemberIndexExec::new(Arc::clone(&self.question), columns, schema, asked, condition, partitions))
    }

    /// What a filter says of parts alone, where the index can tell it exactly.
    fn condition(&self, filter: &Expr) -> Option<Condition> {
        self.condition_if(filter, true)
    }

    /// When a filter is true, or false; never when it is NULL.
    fn condition_if(&self, filter: &Expr, wanted: bool) -> Option<Condition> {
        match filter {
            Expr::Cast(Cast { expr, field }) if *field.data_type() == DataType::Boolean => {
                self.condition_if(expr, wanted)
            }
            Expr::Not(expr) => self.condition_if(expr, !wanted),
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                let both = vec![self.condition_if(left, wanted)?, self.condition_if(right, wanted)?];
                Some(if (*op == Operator::And) == wanted { Condition::All(both) } else { Condition::Any(both) })
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let op = if wanted { *op } else { op.negate()? };
                match (self.plain(left), self.plain(right)) {
                    (Expr::Column(column), Expr::Literal(value, _)) => self.compared(column, comparison(op)?, value),
                    (Expr::Literal(value, _), Expr::Column(column)) => {
                        self.compared(column, comparison(op.swap()?)?, value)
                    }
                    _ => None,
                }
            }
            Expr::IsNull(column) => self.known(column, !wanted),
            Expr::IsNotNull(column) => self.known(column, wanted),
            _ => None,
        }
    }

    /// A part without a cast to the type that it has.
    fn plain<'a>(&self, expr: &'a Expr) -> &'a Expr {
        match expr {
            Expr::Cast(Cast { expr: inner, field }) => match inner.as_ref() {
                Expr::Column(column)
                    if self.parts.iter().any(|p| p.name == column.name && p.data_type == *field.data_type()) =>
                {
                    inner
                }
                _ => expr,
            },
            _ => expr,
        }
    }

    fn compared(&self, column: &Column, is: Comparison, value: &ScalarValue) -> Option<Condition> {
        let part_column = self.parts.iter().find(|part| part.name == column.name)?;
        let IndexColumn::Part(of, part) = part_column.from else { return None };
        let to = match (part, value) {
            (Part::Count | Part::VisitDays, ScalarValue::Int64(Some(value))) => i128::from(*value),
            (Part::FirstDay | Part::LastDay, ScalarValue::Date32(Some(day))) => i128::from(*day),
            (Part::Amount | Part::Quantity, value) if value.data_type() == part_column.data_type => match value {
                ScalarValue::Int64(Some(value)) => i128::from(*value),
                ScalarValue::Decimal128(Some(value), _, _) => *value,
                _ => return None,
            },
            _ => return None,
        };
        Some(Condition::Compare { of, part, is, to })
    }

    fn known(&self, column: &Expr, known: bool) -> Option<Condition> {
        let Expr::Column(column) = self.plain(column) else { return None };
        match self.parts.iter().find(|part| part.name == column.name)?.from {
            IndexColumn::Part(of, part @ (Part::FirstDay | Part::LastDay)) => {
                Some(Condition::IsKnown { of, part, known })
            }
            _ => None,
        }
    }
}

fn comparison(op: Operator) -> Option<Comparison> {
    Some(match op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// The name under which the index stands in plans.
const RELATION: &str = "member_index";

/// The identifier that a filter wants the member to have: a literal or a parameter.
fn member_of<'a>(filter: &'a Expr, key: &str) -> Option<&'a Expr> {
    let Expr::BinaryExpr(comparison) = filter else { return None };
    if comparison.op != Operator::Eq {
        return None;
    }
    match (comparison.left.as_ref(), comparison.right.as_ref()) {
        (Expr::Column(column), id) | (id, Expr::Column(column)) => {
            let is_id = matches!(id, Expr::Literal(..)) || is_parameter(id);
            (column.name == key && is_id).then_some(id)
        }
        _ => None,
    }
}

/// A row for each member of whom there is something.
#[derive(Debug)]
struct IndexedFacts {
    indexed: Indexed,
    schema: SchemaRef,
    key: &'static str,
}

impl IndexedFacts {
    /// `key`: what the member's column is called.
    fn new(indexed: Indexed, key: &'static str) -> Self {
        let member = Field::new(key, indexed.member.clone(), true);
        let schema = Schema::new([vec![member], indexed.fields()].concat());
        Self { indexed, schema: Arc::new(schema), key }
    }
}

#[async_trait]
impl TableProvider for IndexedFacts {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match member_of(filter, self.key) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None if self.indexed.condition(filter).is_some() => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let at: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let from = |at: &usize| match at.checked_sub(1).and_then(|at| self.indexed.parts.get(at)) {
            Some(part) => part.from,
            None => IndexColumn::Member,
        };
        let columns = at.iter().map(from).collect();
        let members = self.indexed.members(filters, self.key, self.indexed.question.built.index.members(), state)?;
        let schema = Arc::new(self.schema.project(&at)?);
        Ok(self.indexed.exec(columns, schema, Asked { members, only_bought: true, only_known: false }, filters, state))
    }
}

/// The table of members with parts of their facts behind its columns.
#[derive(Debug)]
struct IndexedMembers {
    indexed: Indexed,
    members: Arc<dyn TableProvider>,
    schema: SchemaRef,
}

impl IndexedMembers {
    fn new(indexed: Indexed, members: Arc<dyn TableProvider>) -> Result<Self> {
        let own = members.schema();
        let fields = own.fields().iter().map(|field| field.as_ref().clone()).chain(indexed.fields());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { indexed, members, schema })
    }

    /// Where a column comes from; `None` for one that only the files have.
    fn place_in_index(&self, at: usize) -> Option<IndexColumn> {
        let own = self.members.schema();
        match at.checked_sub(own.fields().len()) {
            Some(part) => self.indexed.parts.get(part).map(|part| part.from),
            None => (own.field(at).name() == "member_id").then_some(IndexColumn::Member),
        }
    }

    /// Members from the files, joined to their parts.
    fn joined(&self, names: &[String], filters: &[Expr]) -> Result<LogicalPlan> {
        let own = self.members.schema();
        let (of_facts, filters): (Vec<Expr>, Vec<Expr>) =
            filters.iter().cloned().partition(|filter| self.indexed.condition(filter).is_some());
        let mut given = names.to_vec();
        for asked in of_facts.iter().flat_map(Expr::column_refs) {
            if !given.contains(&asked.name) {
                given.push(asked.name.clone());
            }
        }
        let mut needed: Vec<&str> =
            given.iter().map(String::as_str).filter(|name| own.index_of(name).is_ok()).collect();
        for name in filters.iter().flat_map(Expr::column_refs).map(|column| column.name.as_str()).chain(["member_id"]) {
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
        let qualified = |name: &str| Expr::Column(Column::new(Some("members"), name));
        let mut members = LogicalPlanBuilder::scan("members", provider_as_source(Arc::clone(&self.members)), None)?
            .project(needed.iter().map(|name| qualified(name).alias(*name)))?;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            members = members.filter(filter)?;
        }
        let facts: Arc<dyn TableProvider> = Arc::new(IndexedFacts::new(self.indexed.clone(), MEMBER));
        let joined = members.join(
            LogicalPlanBuilder::scan(RELATION, provider_as_source(facts), None)?.build()?,
            JoinType::Left,
            (vec![Column::new_unqualified("member_id")], vec![Column::new(Some(RELATION), MEMBER)]),
            None,
        )?;
        let exprs = given.iter().map(|name| {
            let Some(part) = self.indexed.parts.iter().find(|part| part.name == *name) else { return Ok(column(name)) };
            let value = Expr::Column(Column::new(Some(RELATION), name));
            let IndexColumn::Part(_, from) = part.from else { return Ok(value.alias(name)) };
            Ok(match from {
                // What a member without anything has.
                Part::Count | Part::VisitDays | Part::Amount | Part::Quantity => {
                    coalesce(vec![value, lit(ScalarValue::new_zero(&part.data_type)?)]).alias(name)
                }
                Part::FirstDay | Part::LastDay | Part::Least | Part::Most => value.alias(name),
            })
        });
        let rows = joined.project(exprs.collect::<Result<Vec<_>>>()?)?;
        match conjunction(of_facts) {
            Some(filter) => rows.filter(filter)?.project(names.iter().map(|name| column(name)))?.build(),
            None => rows.build(),
        }
    }
}

#[async_trait]
impl TableProvider for IndexedMembers {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Conditions on the members alone leave out members before anything is added up; those on their facts alone leave out
    /// rows before they are made.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let own = self.members.schema();
        let of_members = |filter: &Expr| {
            let columns = filter.column_refs();
            !columns.is_empty() && columns.iter().all(|column| own.index_of(&column.name).is_ok())
        };
        let answers = self.members.supports_filters_pushdown(filters)?;
        let answers = filters.iter().zip(answers).map(|(filter, answer)| match answer {
            _ if self.indexed.condition(filter).is_some() => TableProviderFilterPushDown::Exact,
            _ if member_of(filter, "member_id").is_some() => TableProviderFilterPushDown::Exact,
            TableProviderFilterPushDown::Unsupported => TableProviderFilterPushDown::Unsupported,
            _ if of_members(filter) => TableProviderFilterPushDown::Inexact,
            _ => TableProviderFilterPushDown::Unsupported,
        });
        Ok(answers.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let at: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        if let Some(columns) = at.iter().map(|at| self.place_in_index(*at)).collect::<Option<Vec<_>>>() {
            let index = &self.indexed.question.built.index;
            // Those of the relation, mostly the first ones; others are left out as they come.
            let known = index.known_first();
            let members = self.indexed.members(filters, "member_id", known.unwrap_or(index.members()), state)?;
            let schema = Arc::new(self.schema.project(&at)?);
            let asked = Asked { members, only_bought: false, only_known: known.is_none() };
            return Ok(self.indexed.exec(columns, schema, asked, filters, state));
        }
        let names: Vec<String> = at.iter().map(|at| self.schema.field(*at).name().clone()).collect();
        let filters: Vec<Expr> = filters.iter().map(plain_columns).collect::<Result<_>>()?;
        inner_plan(state, &self.joined(&names, &filters)?).await
    }
}
