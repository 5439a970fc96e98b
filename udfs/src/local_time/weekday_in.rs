//! `weekday_in`: whether a date falls on one of the given weekdays.

use std::sync::LazyLock;

use arrow::array::{BooleanArray, Date32Array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Parsed, Texts};
use crate::weekday::WeekdaySet;

/// `weekday_in(date, 'mon-thu,sat') → boolean`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WeekdayIn {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("date", Kind::Date), ("days", Kind::Text)]];

impl WeekdayIn {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for WeekdayIn {
    fn name(&self) -> &str {
        "weekday_in"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = argument::accept(self.name(), FORMS, &args, DataType::Boolean)?;
        argument::written(&args, 1).map(WeekdaySet::parse).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let (dates, sets) = (arguments.dates(0)?, arguments.texts(1)?);
        arguments.answer(on_the_days(arguments.rows, &dates, &sets)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "Whether a date falls on one of the days of a set. A set is a list, separated by commas, of days \
                 (`mon` or `monday`), ranges that may wrap (`fri-mon`), `weekdays` and `weekend`, in any case.",
                "weekday_in(date, days)",
                &[
                    ("date", "date; or timestamp, of which the date counts. A timestamptz is refused."),
                    ("days", "text. The set, such as 'mon-thu,sat'. Anything else is an error (22023)."),
                ],
                r"SELECT weekday_in(DATE '2026-11-13', 'mon-thu,sat') AS mon_thu_sat,
       weekday_in(DATE '2026-11-13', 'fri-mon') AS long_weekend;
 mon_thu_sat | long_weekend
-------------+--------------
 f           | t
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel. Errors: a text that is not a set, in a row whose date is known.
fn on_the_days(rows: usize, dates: &ByRow<Date32Array>, sets: &ByRow<Texts>) -> Result<BooleanArray> {
    let mut sets = Parsed::new(sets, WeekdaySet::parse);
    (0..rows)
        .map(|row| {
            let Some(days) = dates.at(row) else {
                return Ok(None);
            };
            Ok(sets.at(row)?.map(|set| set.contains_date(days)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::{constant, days, rows, text_rows};

    #[test]
    fn sets_may_differ_by_row() {
        let friday = constant(Date32Array::from(vec![days("2026-11-13")]));
        let sets = text_rows(&[Some("fri"), Some("mon-thu"), None, Some("sat-fri")]);
        let expected = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
        assert_eq!(on_the_days(4, &friday, &sets).unwrap(), expected);
        let unknown = rows(Date32Array::from(vec![None]));
        assert_eq!(on_the_days(1, &unknown, &text_rows(&[Some("someday")])).unwrap(), BooleanArray::from(vec![None]));
        assert!(on_the_days(1, &friday, &text_rows(&[Some("someday")])).is_err());
    }
}
