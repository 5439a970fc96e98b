//! What filters on local time say about the instant in the file, so that row groups of other times are not read.

use arrow::datatypes::{DataType, Date32Type, TimeUnit};
use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, lit};
use regulars_udfs::time_of_day::DAY_US;

/// Columns that follow from the instant and differ from it by less than the widths below.
const TIME_COLUMNS: [&str; 3] = ["business_date", "local_at", "purchased_at"];

/// A zone is at most 16 hours away from UTC, a business day starts at most 24 hours late: rounded up to days.
const DAYS_BEFORE: i64 = 2;
const DAYS_AFTER: i64 = 3;

/// A condition on `raw`, a timestamp in the file in UTC or in wall-clock time, that holds for every row for which all of
/// `filters` hold. `None` when nothing follows.
pub fn implied_bounds(filters: &[Expr], raw: &Expr, raw_type: &DataType) -> Option<Expr> {
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = raw_type else { return None };
    let at = |us: i64| lit(ScalarValue::TimestampMicrosecond(Some(us), zone.clone()));
    let (mut lower, mut upper) = (None, None);
    for condition in filters.iter().flat_map(split_conjunction) {
        for (operator, us) in comparisons(condition) {
            match operator {
                Operator::Gt | Operator::GtEq => lower = lower.max(Some(us)),
                Operator::Lt | Operator::LtEq => upper = Some(upper.map_or(us, |upper: i64| upper.min(us))),
                _ => {}
            }
        }
    }
    let lower = lower.map(|us| raw.clone().gt_eq(at(us.saturating_sub(DAYS_BEFORE * DAY_US))));
    let upper = upper.map(|us| raw.clone().lt_eq(at(us.saturating_add(DAYS_AFTER * DAY_US))));
    conjunction(lower.into_iter().chain(upper))
}

/// Comparisons of a time column with a constant, in microseconds.
fn comparisons(condition: &Expr) -> Vec<(Operator, i64)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (operator, value) = if is_time_column(left) {
                (Some(*op), micros(right))
            } else if is_time_column(right) {
                (op.swap(), micros(left))
            } else {
                return Vec::new();
            };
            match (operator, value) {
                (Some(Operator::Eq), Some(us)) => vec![(Operator::GtEq, us), (Operator::LtEq, us)],
                (Some(operator), Some(us)) => vec![(operator, us)],
                _ => Vec::new(),
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_time_column(expr) => {
            let low = micros(low).map(|us| (Operator::GtEq, us));
            let high = micros(high).map(|us| (Operator::LtEq, us));
            low.into_iter().chain(high).collect()
        }
        Expr::InList(list) if !list.negated && is_time_column(&list.expr) => {
            let values: Option<Vec<i64>> = list.list.iter().map(micros).collect();
            let Some(values) = values else { return Vec::new() };
            let low = values.iter().min().map(|us| (Operator::GtEq, *us));
            let high = values.iter().max().map(|us| (Operator::LtEq, *us));
            low.into_iter().chain(high).collect()
        }
        _ => Vec::new(),
    }
}

fn is_time_column(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if TIME_COLUMNS.contains(&column.name.as_str()))
}

fn micros(expression: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expression else { return None };
    match value {
        ScalarValue::Date32(Some(days)) => {
            let date: NaiveDate = Date32Type::to_naive_date_opt(*days)?;
            Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
        }
        ScalarValue::TimestampSecond(Some(value), _) => value.checked_mul(1_000_000),
        ScalarValue::TimestampMillisecond(Some(value), _) => value.checked_mul(1_000),
        ScalarValue::TimestampMicrosecond(Some(value), _) => Some(*value),
        ScalarValue::TimestampNanosecond(Some(value), _) => Some(value.div_euclid(1_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::mapped::column;

    #[test]
    fn a_span_of_business_dates_bounds_the_instant_and_nothing_else_does() {
        let day = |text: &str| lit(ScalarValue::Date32(Some(Date32Type::from_naive_date(text.parse().unwrap()))));
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let raw = column("t");
        let bounds = |filter: Expr| implied_bounds(&[filter], &raw, &utc).map(|bounds| bounds.to_string());
        let date = || column("business_date");
        assert_eq!(
            bounds(date().between(day("2026-03-10"), day("2026-03-12"))).unwrap(),
            "t >= TimestampMicrosecond(1772928000000000, Some(\"UTC\")) AND t <= TimestampMicrosecond(1773532800000000, Some(\"UTC\"))"
        );
        assert_eq!(
            bounds(day("2026-03-10").lt(date())).unwrap(),
            "t >= TimestampMicrosecond(1772928000000000, Some(\"UTC\"))"
        );
        assert_eq!(bounds(date().not_between(day("2026-03-10"), day("2026-03-12"))), None);
        assert_eq!(bounds(date().eq(day("2026-03-10")).or(column("channel").eq(lit("app")))), None);
        assert_eq!(bounds(date().not_eq(day("2026-03-10"))), None);
    }
}
