//! `next_anniversary`: the next day on which a date comes round again.

use std::sync::LazyLock;

use arrow::array::Date32Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind};
use chrono::{Datelike, NaiveDate};

use crate::refusal::Refusal;

/// `next_anniversary(date, asof) → date`: the first anniversary on or after `asof`.
///
/// The anniversary of 29 February is 28 February in common years. Of a date after `asof`, the year is ignored too.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NextAnniversary {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("date", Kind::Date), ("asof", Kind::Date)]];

impl NextAnniversary {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for NextAnniversary {
    fn name(&self) -> &str {
        "next_anniversary"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        argument::accept(self.name(), FORMS, &args, DataType::Date32)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let (dates, asof) = (arguments.dates(0)?, arguments.dates(1)?);
        arguments.answer(anniversaries(arguments.rows, &dates, &asof)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The next anniversary of a date, such as a birthday, on or after a day; the year of the date is \
                 ignored. 29 February is celebrated on 28 February in common years, and the turn of the year is no \
                 obstacle.",
                "next_anniversary(date, asof)",
                &[
                    ("date", "date; or timestamp, of which the date counts."),
                    ("asof", "date. The earliest day that counts."),
                ],
                r"SELECT next_anniversary(DATE '1985-01-03', DATE '2026-12-28') AS over_new_year,
       next_anniversary(DATE '1992-02-29', DATE '2027-02-01') AS leap_day;
 over_new_year |  leap_day
---------------+------------
 2027-01-03    | 2027-02-28
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel. Errors: 22008 when a date is more than 262,000 years away.
fn anniversaries(rows: usize, dates: &ByRow<Date32Array>, asof: &ByRow<Date32Array>) -> Result<Date32Array> {
    (0..rows)
        .map(|row| match (dates.at(row), asof.at(row)) {
            (Some(date), Some(asof)) => {
                let next = next(date, asof).ok_or_else(|| Refusal::new("22008", "date out of range"))?;
                Ok(Some(next))
            }
            _ => Ok(None),
        })
        .collect()
}

/// Days since 1970-01-01 in and out; `None` when the calendar ends.
fn next(date: i32, asof: i32) -> Option<i32> {
    let (date, asof) = (NaiveDate::from_epoch_days(date)?, NaiveDate::from_epoch_days(asof)?);
    let this_year = in_year(date, asof.year())?;
    let next = if this_year >= asof { this_year } else { in_year(date, asof.year() + 1)? };
    Some(next.to_epoch_days())
}

fn in_year(date: NaiveDate, year: i32) -> Option<NaiveDate> {
    // Only 29 February is missing in some years.
    date.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 2, 28))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::{constant, days, rows};

    fn next_of(date: &str, asof: &str) -> i32 {
        next(days(date), days(asof)).unwrap()
    }

    #[test]
    fn leap_days_and_new_year() {
        for (date, asof, expected) in [
            ("1990-12-30", "2026-12-28", "2026-12-30"),
            ("1985-01-03", "2026-12-28", "2027-01-03"),
            ("1992-02-29", "2027-02-28", "2027-02-28"),
            ("1992-02-29", "2027-03-01", "2028-02-29"),
            ("1992-02-29", "2028-02-28", "2028-02-29"),
            ("1985-06-15", "2026-06-15", "2026-06-15"),
            ("2030-06-15", "2026-01-01", "2026-06-15"),
        ] {
            assert_eq!(next_of(date, asof), days(expected), "{date} as of {asof}");
        }
    }

    #[test]
    fn missing_dates_have_none_and_far_ones_are_refused() {
        let asof = constant(Date32Array::from(vec![days("2026-12-28")]));
        assert_eq!(anniversaries(1, &rows(Date32Array::from(vec![None])), &asof).unwrap().iter().next(), Some(None));
        let error = anniversaries(1, &rows(Date32Array::from(vec![i32::MAX])), &asof).unwrap_err();
        assert!(error.to_string().contains("date out of range"), "{error}");
    }
}
