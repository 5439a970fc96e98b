//! `day_part`: the name of the part of the day that a time lies in.

use std::sync::LazyLock;

use arrow::array::{StringArray, Time64MicrosecondArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, Form, Kind};
use crate::day_part::DayParts;
use crate::time_of_day;

/// `day_part(time) → text`, by a table of day parts that the function carries as a constant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DayPartName {
    signature: Signature,
    parts: DayParts,
}

const FORMS: &[Form] = &[&[("time", Kind::LocalTime)]];

impl DayPartName {
    pub fn new(parts: DayParts) -> Self {
        Self { signature: argument::signature(), parts }
    }
}

impl ScalarUDFImpl for DayPartName {
    fn name(&self) -> &str {
        "day_part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = argument::accept(self.name(), FORMS, &args, DataType::Utf8)?;
        argument::written(&args, 0).map(time_of_day::parse).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let times = arguments.times(0)?;
        arguments.answer(names(&times.values, &self.parts))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The part of the day that a time lies in. Unless the user brings a table of their own, the parts are \
                 breakfast from 05:00, lunch from 11:00, afternoon from 14:00, dinner from 17:00 and night from 22:00 \
                 to 05:00. A table must hold every time of day exactly once.",
                "day_part(time)",
                &[("time", "time; or timestamp, of which the time counts. A timestamptz is refused.")],
                r"SELECT day_part(TIME '11:00:00') AS at_eleven, day_part(TIME '04:59:00') AS before_five;
 at_eleven | before_five
-----------+-------------
 lunch     | night
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel.
fn names(times: &Time64MicrosecondArray, parts: &DayParts) -> StringArray {
    times.iter().map(|time| time.map(|time| parts.name_of(time))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day_part::DayPart;
    use crate::time_of_day::DAY_US;

    #[test]
    fn names_come_from_the_table() {
        let noon = DAY_US / 2;
        let part = |name: &str, from_us, to_us| DayPart { name: name.to_owned(), from_us, to_us };
        let parts = DayParts::new(vec![part("am", 0, noon), part("pm", noon, DAY_US)]).unwrap();
        let times = Time64MicrosecondArray::from(vec![Some(0), Some(noon - 1), Some(noon), None]);
        assert_eq!(names(&times, &parts), StringArray::from(vec![Some("am"), Some("am"), Some("pm"), None]));
    }
}
