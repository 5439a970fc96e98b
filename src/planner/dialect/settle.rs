//! What only the planned query shows: IN lists, BETWEEN and IS DISTINCT FROM as comparisons, the columns of UNION.
//!
//! Literals without a type are read as what they meet; types that do not meet are refused: 42883 for an operator that
//! PostgreSQL does not have, 42804 for values that no column can hold together.

use std::cell::Cell;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, InList, NullTreatment, ScalarFunction, Sort,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Distinct, Expr, ExprSchemable, Join, Like, LogicalPlan, Operator, Projection, Union,
};
use datafusion::scalar::ScalarValue;

use super::Session;
use super::kind::{Kind, Operand, target_of};
use super::operator::{arithmetic, compare};
use crate::error::message;
use crate::pg_type::PgType;
use crate::planner::function::{self, Cast, IntegerOp, OfRegproc, Target};
use crate::planner::size;

pub fn settle(plan: LogicalPlan, session: Session) -> Result<LogicalPlan> {
    // Once a type has changed, whatever stands above has its schema made anew.
    let changed = Cell::new(false);
    let settled = plan.transform_up_with_subqueries(|plan| {
        let plan = match plan {
            LogicalPlan::Union(union) => {
                let settled = settle_union(union, session)?;
                changed.set(changed.get() || settled.transformed);
                settled.data
            }
            LogicalPlan::Join(join) => {
                check_keys(&join)?;
                LogicalPlan::Join(join)
            }
            other => other,
        };
        let plan = if changed.get() { plan.recompute_schema()? } else { plan };
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        let plan = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| settle_expr(expr, &schema, session))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })?;
        if plan.transformed {
            changed.set(true);
            return plan.map_data(LogicalPlan::recompute_schema);
        }
        Ok(Transformed::new(plan.data, changed.get(), plan.tnr))
    })?;
    Ok(settled.data)
}

fn settle_expr(expr: Expr, schema: &DFSchema, session: Session) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InList(list) => settle_list(list, schema, session),
        Expr::Between(between) => settle_between(between, schema, session),
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            match (Operand::of(*left, schema)?, Operand::of(*right, schema)?) {
                (Ok(left), Ok(right)) => Ok(Transformed::yes(compare(session, op, left, right)?)),
                (left, right) => {
                    let expr =
                        |side: Result<Operand, Expr>| Box::new(side.map_or_else(|expr| expr, |known| known.expr));
                    Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left: expr(left), op, right: expr(right) })))
                }
            }
        }
        Expr::Like(like) => {
            check_like(&like, schema)?;
            Ok(Transformed::no(Expr::Like(like)))
        }
        Expr::ScalarFunction(call) if call.func.name() == "array_has" => settle_any(call, schema),
        Expr::ScalarFunction(call) => match (function::as_cast(&call.func), call.args.as_slice()) {
            (Some(Target::Text(None)), [arg]) if is_regproc(arg, schema) => {
                Ok(Transformed::yes(function::call(OfRegproc::Text, call.args)))
            }
            _ => settle_call(call, schema, session),
        },
        Expr::Cast(cast) if *cast.field.data_type() == DataType::UInt32 && is_regproc(&cast.expr, schema) => {
            Ok(Transformed::yes(function::call(OfRegproc::Oid, vec![*cast.expr])))
        }
        Expr::AggregateFunction(aggregate) => settle_extreme(aggregate, schema),
        Expr::WindowFunction(mut window) => {
            if is_extreme_of_intervals(window.fun.name(), &window.params.args, schema)? {
                return Err(message::interval_order(window.fun.name()).into());
            }
            let mut is_changed = false;
            for key in &mut window.params.order_by {
                if matches!(key.expr.get_type(schema)?, DataType::Interval(_)) {
                    let by = std::mem::take(&mut key.expr);
                    key.expr = function::call(function::Span, vec![by]);
                    is_changed = true;
                }
            }
            let window = Expr::WindowFunction(window);
            Ok(if is_changed { Transformed::yes(window) } else { Transformed::no(window) })
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The engine compares intervals by months, then days, then time: the least by length is the first one in that order.
fn settle_extreme(aggregate: AggregateFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if !is_extreme_of_intervals(aggregate.func.name(), &aggregate.params.args, schema)? {
        return Ok(Transformed::no(Expr::AggregateFunction(aggregate)));
    }
    let asc = aggregate.func.name() == "min";
    let length = function::call(function::Span, aggregate.params.args.clone());
    let params = AggregateFunctionParams {
        distinct: false,
        order_by: vec![Sort { expr: length, asc, nulls_first: false }],
        null_treatment: Some(NullTreatment::IgnoreNulls),
        ..aggregate.params
    };
    Ok(Transformed::yes(Expr::AggregateFunction(AggregateFunction { func: first_value_udaf(), params })))
}

fn is_extreme_of_intervals(name: &str, args: &[Expr], schema: &DFSchema) -> Result<bool> {
    let Some(arg) = args.first().filter(|_| matches!(name, "min" | "max")) else { return Ok(false) };
    Ok(matches!(arg.get_type(schema)?, DataType::Interval(_)))
}

fn is_regproc(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr, Expr::Column(_))
        && expr.to_field(schema).is_ok_and(|(_, field)| PgType::of_field(&field) == PgType::REGPROC)
}

/// `x = ANY ($1)`: the parameter is an array of what `x` is, where nothing else says its type.
fn settle_any(mut call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let [Expr::Placeholder(list), item] = call.args.as_mut_slice() else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let (None, Ok(known)) = (&list.field, Operand::of(item.clone(), schema)?) else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let array = DataType::List(Arc::new(Field::new("item", known.data_type, true)));
    list.field = Some(Arc::new(Field::new("", array, true)));
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

/// `x IN (a, b)` stays a list where all that changes is constants; else it becomes comparisons joined by OR.
fn settle_list(list: InList, schema: &DFSchema, session: Session) -> Result<Transformed<Expr>> {
    let InList { expr, list: items, negated } = list;
    let mut comparisons = Vec::with_capacity(items.len());
    for item in &items {
        let (Ok(left), Ok(right)) = (Operand::of((*expr).clone(), schema)?, Operand::of(item.clone(), schema)?) else {
            return Ok(Transformed::no(Expr::InList(InList { expr, list: items, negated })));
        };
        match compare(session, Operator::Eq, left, right)? {
            Expr::BinaryExpr(comparison) => comparisons.push(comparison),
            _ => return Err(message::internal("a comparison is not one").into()),
        }
    }
    if comparisons.iter().all(|comparison| comparison.left == expr) {
        let list = comparisons.into_iter().map(|comparison| *comparison.right).collect();
        return Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })));
    }
    size::refuse_to_repeat(&expr, comparisons.len())?;
    let any = comparisons.into_iter().map(Expr::BinaryExpr).reduce(Expr::or);
    let any = any.ok_or_else(|| message::internal("a list is empty"))?;
    Ok(Transformed::yes(if negated { Expr::Not(Box::new(any)) } else { any }))
}

fn settle_between(between: Between, schema: &DFSchema, session: Session) -> Result<Transformed<Expr>> {
    let Between { expr, negated, low, high } = between;
    let (Ok(above), Ok(low_known)) = (Operand::of((*expr).clone(), schema)?, Operand::of((*low).clone(), schema)?)
    else {
        return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
    };
    let (Ok(below), Ok(high_known)) = (Operand::of((*expr).clone(), schema)?, Operand::of((*high).clone(), schema)?)
    else {
        return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
    };
    Ok(Transformed::yes(if negated {
        compare(session, Operator::Lt, above, low_known)?.or(compare(session, Operator::Gt, below, high_known)?)
    } else {
        compare(session, Operator::GtEq, above, low_known)?.and(compare(session, Operator::LtEq, below, high_known)?)
    }))
}

fn check_like(like: &Like, schema: &DFSchema) -> Result<()> {
    let (Ok(value), Ok(pattern)) =
        (Operand::of((*like.expr).clone(), schema)?, Operand::of((*like.pattern).clone(), schema)?)
    else {
        return Ok(());
    };
    let is_textual = |kind| matches!(kind, Kind::Text | Kind::Unknown | Kind::Other);
    if is_textual(value.kind) && is_textual(pattern.kind) {
        return Ok(());
    }
    let symbol = if like.case_insensitive { "~~*" } else { "~~" };
    Err(message::operator_missing(&format!("{} {symbol} {}", value.type_name(), pattern.type_name())).into())
}

/// Arithmetic that was planned before the types under it were known (the columns of a UNION): planned again.
fn settle_call(call: ScalarFunction, schema: &DFSchema, session: Session) -> Result<Transformed<Expr>> {
    if call.func.name() == "timezone" {
        return settle_time_zone(call, schema);
    }
    if let Some(bounded) = function::bounded(&call.func) {
        return Ok(Transformed::yes(bounded.call(call.args)));
    }
    let Some(integer) = function::as_integer(&call.func) else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let wanted = integer.width.data_type();
    let types = call.args.iter().map(|arg| arg.get_type(schema)).collect::<Result<Vec<_>>>()?;
    if types.iter().all(|given| *given == wanted) {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let ops = integer.ops.clone();
    let mut operands = call.args.into_iter();
    let Some(mut value) = operands.next() else {
        return Err(message::internal("an operator has operands").into());
    };
    for (op, operand) in ops.into_iter().zip(operands) {
        let op = match op {
            IntegerOp::Add => Operator::Plus,
            IntegerOp::Subtract => Operator::Minus,
            IntegerOp::Multiply => Operator::Multiply,
        };
        let (Ok(left), Ok(right)) = (Operand::of(value, schema)?, Operand::of(operand, schema)?) else {
            return Err(message::internal("an operand has no type").into());
        };
        value = arithmetic(session, op, &op.to_string(), left, right)?;
    }
    Ok(Transformed::yes(value))
}

/// A local time's `timezone` becomes a function of its own: to the engine's optimizer two literals are equal whether or
/// not they have a zone, and so would be two calls of one function on them.
fn settle_time_zone(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let [zone, moment] = call.args.as_slice() else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let given = [zone.get_type(schema)?, moment.get_type(schema)?];
    if !matches!(given[1], DataType::Timestamp(_, None)) || function::is_of_local_time(&call.func) {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let wanted = call.func.coerce_types(&given)?;
    let args = call.args.into_iter().zip(wanted).map(|(arg, to)| arg.cast_to(&to, schema)).collect::<Result<_>>()?;
    Ok(Transformed::yes(function::of_local_time(call.func).call(args)))
}

/// Columns of UNION in one type each; literals without a type are read as what the others are.
fn settle_union(union: Union, session: Session) -> Result<Transformed<LogicalPlan>> {
    let width = union.schema.fields().len();
    let mut wanted: Vec<Option<DataType>> = vec![None; width];
    for (at, wanted) in wanted.iter_mut().enumerate() {
        for input in &union.inputs {
            let Some(field) = input.schema().fields().get(at) else {
                return Ok(Transformed::no(LogicalPlan::Union(union)));
            };
            if is_literal(input, at) || *field.data_type() == DataType::Null {
                continue;
            }
            *wanted = Some(match wanted.take() {
                None => field.data_type().clone(),
                Some(one) => function::meet_types(&one, field.data_type())?,
            });
        }
    }
    let is_settled = |input: &LogicalPlan| {
        let fields = input.schema().fields().iter().zip(&wanted);
        fields.into_iter().all(|(field, wanted)| wanted.as_ref().is_none_or(|wanted| wanted == field.data_type()))
    };
    if union.inputs.iter().all(|input| is_settled(input)) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union
        .inputs
        .iter()
        .map(|input| if is_settled(input) { Ok(Arc::clone(input)) } else { typed(input, &wanted, session) })
        .collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// A query whose columns have these types, under the names that they had.
fn typed(input: &Arc<LogicalPlan>, wanted: &[Option<DataType>], session: Session) -> Result<Arc<LogicalPlan>> {
    let mut exprs = Vec::with_capacity(wanted.len());
    for (at, wanted) in wanted.iter().enumerate() {
        let (qualifier, field) = input.schema().qualified_field(at);
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != field.data_type()) else {
            exprs.push(column);
            continue;
        };
        let expr = match (literal_text(input, at), target_of(Kind::of(wanted), wanted)) {
            (Some(text), Some(target)) => {
                let value = Cast::read(target, &text, session)?;
                Expr::Literal(if value.data_type() == *wanted { value } else { value.cast_to(wanted)? }, None)
            }
            _ => Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(column), wanted.clone())),
        };
        exprs.push(expr.alias_qualified(qualifier.cloned(), field.name()));
    }
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(exprs, Arc::clone(input))?)))
}

/// Whether a column of a query is a literal without a type.
fn is_literal(plan: &LogicalPlan, at: usize) -> bool {
    literal_text(plan, at).is_some()
}

fn literal_text(plan: &LogicalPlan, at: usize) -> Option<String> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(at)?.clone().unalias() {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text),
            _ => None,
        },
        LogicalPlan::SubqueryAlias(alias) => literal_text(&alias.input, at),
        LogicalPlan::Distinct(Distinct::All(input)) => literal_text(input, at),
        _ => None,
    }
}

/// INTERSECT, EXCEPT and USING compare columns without an operator that anyone wrote.
fn check_keys(join: &Join) -> Result<()> {
    for (left, right) in &join.on {
        let (Ok(left), Ok(right)) =
            (Operand::of(left.clone(), join.left.schema())?, Operand::of(right.clone(), join.right.schema())?)
        else {
            continue;
        };
        if !left.kind.unites_with(right.kind) {
            return Err(message::types_do_not_match("JOIN", &left.type_name(), &right.type_name()).into());
        }
    }
    Ok(())
}
