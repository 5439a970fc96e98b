//! `timezone`: PostgreSQL's function behind `x AT TIME ZONE zone`, with the zone from a column where wanted.

use std::sync::LazyLock;

use arrow::array::TimestampMicrosecondArray;
use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Texts};
use crate::zone;

/// `timezone(zone, timestamptz) → timestamp` and `timezone(zone, timestamp) → timestamptz`.
///
/// An ambiguous local time takes the later instant, one that does not exist moves forward by the gap.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Timezone {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("zone", Kind::Text), ("moment", Kind::InstantOrLocal)]];

impl Timezone {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for Timezone {
    fn name(&self) -> &str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(returns(given.get(1)))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let given = args.arg_fields.get(1).map(|field| field.data_type());
        let field = argument::accept(self.name(), FORMS, &args, returns(given))?;
        argument::written(&args, 0).map(zone::parse).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let (zones, moments) = (arguments.texts(0)?, arguments.timestamps(1)?);
        if call.return_type() == &argument::instant_type() {
            return arguments.answer(argument::tagged(instants(arguments.rows, &zones, &moments)?));
        }
        arguments.answer(local_times(arguments.rows, &zones, &moments)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "PostgreSQL's function behind `moment AT TIME ZONE zone`. An instant (timestamptz) becomes the local \
                 time in the zone, a local time (timestamp) becomes the instant. When clocks go back, a local time \
                 that occurs twice is the later of the two; when they go forward, a local time that does not exist \
                 moves forward by the gap. Zones are IANA names in any case, `UTC`, or common abbreviations, which \
                 are fixed offsets as in PostgreSQL (`CET` is one hour east in July too). Numeric offsets other than \
                 zero are refused, because PostgreSQL counts them west of Greenwich and nearly everyone else east.",
                "timezone(zone, moment)",
                &[
                    ("zone", "text. The name of a time zone; may be a column. An unknown zone is an error (22023)."),
                    ("moment", "timestamptz, giving a timestamp; or timestamp, giving a timestamptz."),
                ],
                r"SELECT timezone('Europe/Stockholm', TIMESTAMPTZ '2026-11-14 00:00:00Z') AS local_at;
      local_at
---------------------
 2026-11-14 01:00:00
(1 row)

SELECT timezone('Europe/Stockholm', TIMESTAMP '2026-10-25 02:30:00') AS happens_twice,
       timezone('Europe/Stockholm', TIMESTAMP '2026-03-29 02:30:00') AS never_happens;
     happens_twice      |     never_happens
------------------------+------------------------
 2026-10-25 01:30:00+00 | 2026-03-29 01:30:00+00
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

fn returns(moment: Option<&DataType>) -> DataType {
    match moment {
        Some(DataType::Timestamp(_, None)) => argument::instant_type(),
        _ => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// The kernel from instants to local times.
fn local_times(
    rows: usize,
    zones: &ByRow<Texts>,
    instants: &ByRow<TimestampMicrosecondArray>,
) -> Result<TimestampMicrosecondArray> {
    let mut zones = argument::zones(zones);
    (0..rows)
        .map(|row| {
            let Some(instant) = instants.at(row) else {
                return Ok(None);
            };
            Ok(zones.at(row)?.map(|zone| zone.local_of(instant)))
        })
        .collect()
}

/// The kernel from local times to instants.
fn instants(
    rows: usize,
    zones: &ByRow<Texts>,
    local_times: &ByRow<TimestampMicrosecondArray>,
) -> Result<TimestampMicrosecondArray> {
    let mut zones = argument::zones(zones);
    (0..rows)
        .map(|row| {
            let Some(local) = local_times.at(row) else {
                return Ok(None);
            };
            Ok(zones.at(row)?.map(|zone| zone.instant_of(local)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::{rows, text_rows, us};

    #[test]
    fn there_and_back_in_the_zone_of_each_row() {
        let moments = rows(TimestampMicrosecondArray::from(vec![
            Some(us("2026-07-25 12:00:00")),
            Some(us("2026-07-25 12:00:00")),
            None,
            Some(0),
        ]));
        let zones = text_rows(&[Some("Asia/Taipei"), Some("america/sao_paulo"), Some("UTC"), None]);
        let local = local_times(4, &zones, &moments).unwrap();
        let expected = [Some(us("2026-07-25 20:00:00")), Some(us("2026-07-25 09:00:00")), None, None];
        assert_eq!(local.iter().collect::<Vec<_>>(), expected);
        let back = instants(4, &zones, &rows(local)).unwrap();
        assert_eq!(back.iter().collect::<Vec<_>>(), [moments.at(0), moments.at(1), None, None]);
    }
}
