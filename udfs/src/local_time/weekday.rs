//! `weekday`: the ISO weekday of a date.

use std::sync::LazyLock;

use arrow::array::{Date32Array, Int16Array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, Form, Kind};
use crate::weekday::iso_weekday_of;

/// `weekday(date) → smallint`, 1 for Monday to 7 for Sunday.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Weekday {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("date", Kind::Date)]];

impl Weekday {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for Weekday {
    fn name(&self) -> &str {
        "weekday"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int16)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        argument::accept(self.name(), FORMS, &args, DataType::Int16)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let dates = arguments.dates(0)?;
        arguments.answer(weekdays(&dates.values))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The ISO weekday of a date: 1 is Monday, 7 is Sunday. Give it a business date, so that Friday's night \
                 stays on Friday.",
                "weekday(date)",
                &[(
                    "date",
                    "date; or timestamp, of which the date counts. A timestamptz is refused: it has no weekday before \
                     it is read in a zone.",
                )],
                r"SELECT weekday(DATE '2026-11-13') AS weekday;
 weekday
---------
       5
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel.
fn weekdays(dates: &Date32Array) -> Int16Array {
    dates.unary(|days| i16::from(iso_weekday_of(days)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::days;

    #[test]
    fn monday_is_one_and_sunday_is_seven() {
        let dates = Date32Array::from(vec![Some(days("2026-09-07")), Some(days("2026-09-13")), None]);
        assert_eq!(weekdays(&dates), Int16Array::from(vec![Some(1), Some(7), None]));
    }
}
