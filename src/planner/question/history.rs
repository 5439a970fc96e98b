//! `segment_history`: the size of a segment on past days, and on days to come what time alone will change.

use std::sync::Arc;

use arrow::array::{BooleanArray, Date32Array, Int64Array, RecordBatch};
use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::{Days, Months, NaiveDate};
use datafusion::scalar::ScalarValue;

use super::segment::Segment;
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::planner::Planner;
use crate::wire::text_value;

/// Days that one question may ask about: each is a query of its own.
const DAYS_MAX: usize = 1_000;

/// A row for each day from the first to the last, in steps (a day, unless said otherwise).
///
/// Errors: 22004 for a missing day, 22023 for a step that does not go on, 54000 for too many days.
pub async fn answer(
    planner: &Planner,
    segment: &Segment,
    [from, to, step]: [&ScalarValue; 3],
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let (from, to) = (date(planner, "from_date", from)?, date(planner, "to_date", to)?);
    let step = Step::of(planner, step)?;
    let mut days = Vec::new();
    // Counted from the first day: a month after 31 January and another one is 31 March.
    while let Some(day) = step.after(from, days.len()).filter(|day| *day <= to) {
        if days.len() == DAYS_MAX {
            return Err(message::too_many_days(DAYS_MAX));
        }
        days.push(day);
    }
    let mut members = Vec::with_capacity(days.len());
    for day in &days {
        let planner = planner.on(*day);
        members.push(planner.count(segment.members(&planner)?).await?);
    }
    let is_forecast: Vec<bool> = days.iter().map(|day| *day > planner.day).collect();
    let days = days.into_iter().map(Date32Type::from_naive_date).collect::<Vec<_>>();
    super::batch(
        schema,
        vec![
            Arc::new(Date32Array::from(days)),
            Arc::new(Int64Array::from(members)),
            Arc::new(BooleanArray::from(is_forecast)),
        ],
    )
}

fn date(planner: &Planner, name: &str, value: &ScalarValue) -> Result<NaiveDate> {
    let value = match value.try_as_str().flatten() {
        Some(text) => &text_value(text.trim(), PgType::DATE, &planner.session().text_format())?,
        None => value,
    };
    match value {
        ScalarValue::Date32(Some(days)) => {
            Date32Type::to_naive_date_opt(*days).ok_or_else(|| message::fact_window_too_long(name))
        }
        value if value.is_null() => Err(message::fact_filter_null(name)),
        _ => Err(message::fact_filter_type(name, "anything but a date", "Write it as in '2026-11-20'.")),
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    months: u32,
    days: u64,
}

impl Step {
    fn of(planner: &Planner, value: &ScalarValue) -> Result<Self> {
        let refused = || message::step_unusable(&value.to_string());
        let whole = match value {
            ScalarValue::Null => Some(1),
            ScalarValue::Int64(Some(days)) => Some(*days),
            ScalarValue::Int32(Some(days)) => Some(i64::from(*days)),
            _ => None,
        };
        if let Some(days) = whole {
            let days = u64::try_from(days).ok().filter(|days| *days > 0).ok_or_else(refused)?;
            return Ok(Self { months: 0, days });
        }
        let interval = match value.try_as_str().flatten() {
            Some(text) => &text_value(text, PgType::INTERVAL, &planner.session().text_format())?,
            None => value,
        };
        let ScalarValue::IntervalMonthDayNano(Some(interval)) = interval else { return Err(refused()) };
        let (months, days) = (u32::try_from(interval.months), u64::try_from(interval.days));
        match (months, days, interval.nanoseconds) {
            (Ok(months), Ok(days), 0) if months > 0 || days > 0 => Ok(Self { months, days }),
            _ => Err(refused()),
        }
    }

    fn after(self, from: NaiveDate, steps: usize) -> Option<NaiveDate> {
        let steps = u32::try_from(steps).ok()?;
        from.checked_add_months(Months::new(self.months.checked_mul(steps)?))?
            .checked_add_days(Days::new(self.days.checked_mul(u64::from(steps))?))
    }
}
