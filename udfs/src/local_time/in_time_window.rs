//! `in_time_window`: whether a time of day lies in a window, which may run past midnight.

use std::sync::LazyLock;

use arrow::array::{BooleanArray, Time64MicrosecondArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Parsed, Texts};
use crate::time_of_day;
use crate::time_window::TimeWindow;

/// `in_time_window(time, '11:00-14:00') → boolean` and `in_time_window(time, from, to) → boolean`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct InTimeWindow {
    signature: Signature,
}

const FORMS: &[Form] = &[
    &[("time", Kind::LocalTime), ("window", Kind::Text)],
    &[("time", Kind::LocalTime), ("from", Kind::Time), ("to", Kind::Time)],
];

impl InTimeWindow {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for InTimeWindow {
    fn name(&self) -> &str {
        "in_time_window"
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
        argument::written(&args, 0).map(time_of_day::parse).transpose()?;
        if args.arg_fields.len() == 2 {
            argument::written(&args, 1).map(TimeWindow::parse).transpose()?;
            return Ok(field);
        }
        argument::written(&args, 1).map(time_of_day::parse).transpose()?;
        argument::written(&args, 2).map(time_of_day::parse).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let times = arguments.times(0)?;
        if arguments.len() == 2 {
            return arguments.answer(in_windows(arguments.rows, &times, &arguments.texts(1)?)?);
        }
        let (from, to) = (arguments.times(1)?, arguments.times(2)?);
        arguments.answer(between(arguments.rows, &times, &from, &to)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "Whether a time of day lies in a window. The beginning belongs to the window, the end does not: \
                 14:00:00 is outside 11:00-14:00. A window whose beginning is after its end runs past midnight; one \
                 whose ends are equal is the whole day; 24:00 is the end of the day.",
                "in_time_window(time, window) or in_time_window(time, from, to)",
                &[
                    (
                        "time",
                        "time; or timestamp, of which the time counts. A timestamptz is refused: it has no time of \
                         day before it is read in a zone.",
                    ),
                    ("window", "text, such as '11:00-14:00'. An hour that does not exist is an error (22023)."),
                    ("from", "time. The first moment of the window, such as '22:00'."),
                    ("to", "time. The first moment after the window, such as '02:00' or '24:00'."),
                ],
                r"SELECT in_time_window(TIME '11:00:00', '11:00-14:00') AS opens,
       in_time_window(TIME '14:00:00', '11:00-14:00') AS closes,
       in_time_window(TIME '01:00:00', '22:00', '02:00') AS night;
 opens | closes | night
-------+--------+-------
 t     | f      | t
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel over windows as texts. Errors: a text that is not a window, in a row whose time is known.
fn in_windows(rows: usize, times: &ByRow<Time64MicrosecondArray>, windows: &ByRow<Texts>) -> Result<BooleanArray> {
    let mut windows = Parsed::new(windows, TimeWindow::parse);
    (0..rows)
        .map(|row| {
            let Some(time) = times.at(row) else {
                return Ok(None);
            };
            Ok(windows.at(row)?.map(|window| window.contains(time)))
        })
        .collect()
}

/// The kernel over windows as two times. Errors: a time outside the day.
fn between(
    rows: usize,
    times: &ByRow<Time64MicrosecondArray>,
    from: &ByRow<Time64MicrosecondArray>,
    to: &ByRow<Time64MicrosecondArray>,
) -> Result<BooleanArray> {
    (0..rows)
        .map(|row| match (times.at(row), from.at(row), to.at(row)) {
            (Some(time), Some(from), Some(to)) => Ok(Some(TimeWindow::new(from, to)?.contains(time))),
            _ => Ok(None),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::{constant, rows, text_rows};

    fn times(texts: &[&str]) -> Time64MicrosecondArray {
        texts.iter().map(|text| Some(time_of_day::parse(text).unwrap())).collect()
    }

    #[test]
    fn both_forms_agree() {
        let at = rows(times(&["00:00", "01:59:59", "02:00", "11:00", "13:59:59", "14:00", "22:00"]));
        for (from, to) in [("11:00", "14:00"), ("22:00", "02:00"), ("00:00", "24:00"), ("11:00", "11:00")] {
            let text = format!("{from}-{to}");
            let windows = vec![Some(text.as_str()); 7];
            let two_times = between(7, &at, &constant(times(&[from])), &constant(times(&[to]))).unwrap();
            assert_eq!(in_windows(7, &at, &text_rows(&windows)).unwrap(), two_times, "{text}");
        }
    }

    #[test]
    fn nights_hold_both_sides_of_midnight() {
        let at = rows(times(&["21:59", "22:00", "01:59", "02:00"]));
        let night = text_rows(&[Some("22:00-02:00"); 4]);
        assert_eq!(in_windows(4, &at, &night).unwrap(), BooleanArray::from(vec![false, true, true, false]));
    }
}
