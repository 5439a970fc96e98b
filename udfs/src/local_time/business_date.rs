//! `business_date`: the day on a store's books: local time, less the hour at which its day begins.

use std::sync::LazyLock;

use arrow::array::{Date32Array, Time64MicrosecondArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Texts};
use crate::time_of_day;
use crate::zone::{self, Zone, local_of};

/// `business_date(instant, zone, day_start) → date`. The day's beginning is subtracted **after** the conversion to
/// local time:
/// before it, the date would be wrong on a day on which the clocks change.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct BusinessDate {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("instant", Kind::Instant), ("zone", Kind::Text), ("day_start", Kind::Time)]];

impl BusinessDate {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for BusinessDate {
    fn name(&self) -> &str {
        "business_date"
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
        let field = argument::accept(self.name(), FORMS, &args, DataType::Date32)?;
        argument::written(&args, 1).map(zone::parse).transpose()?;
        argument::written(&args, 2).map(time_of_day::parse).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let (instants, zones, day_starts) = (arguments.timestamps(0)?, arguments.texts(1)?, arguments.times(2)?);
        arguments.answer(business_dates(arguments.rows, &instants, &zones, &day_starts)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The business date of an instant: its local time in the zone, less the time at which the day begins, \
                 as a date. One o'clock on Saturday morning belongs to Friday in a store whose day begins at 04:00. \
                 The zone may be a column, such as the time zone of each store.",
                "business_date(instant, zone, day_start)",
                &[
                    ("instant", "timestamptz. A timestamp without time zone is refused: say its zone first."),
                    ("zone", "text. The name of a time zone, see `timezone`. An unknown zone is an error (22023)."),
                    ("day_start", "time. When the business day begins, such as '04:00'."),
                ],
                r"SELECT business_date('2026-11-14 00:00:00Z', 'Europe/Stockholm', '04:00') AS business_date;
 business_date
---------------
 2026-11-13
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The business date (days since 1970-01-01) of an instant (microseconds since 1970-01-01 00:00 UTC) in a store whose
/// day begins `day_start_us` microseconds after midnight.
///
/// For many instants of one zone: a [`crate::Cursor`] with [`business_date_of_local`].
pub fn business_date_of(instant_us: i64, zone: &Zone, day_start_us: i64) -> i32 {
    business_date_of_local(local_of(instant_us, zone), day_start_us)
}

/// As [`business_date_of`], from a local time in microseconds.
pub fn business_date_of_local(local_us: i64, day_start_us: i64) -> i32 {
    argument::date_of(local_us.saturating_sub(day_start_us))
}

/// The kernel. Errors: an unknown zone in a row whose other values are known.
fn business_dates(
    rows: usize,
    instants: &ByRow<TimestampMicrosecondArray>,
    zones: &ByRow<Texts>,
    day_starts: &ByRow<Time64MicrosecondArray>,
) -> Result<Date32Array> {
    let mut zones = argument::zones(zones);
    (0..rows)
        .map(|row| {
            let (Some(instant), Some(day_start)) = (instants.at(row), day_starts.at(row)) else {
                return Ok(None);
            };
            let zone = zones.at(row)?;
            Ok(zone.map(|zone| business_date_of_local(zone.local_of(instant), day_start)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::tests::{constant, days, rows, text_rows, us};

    #[test]
    fn each_row_in_the_zone_of_its_store() {
        let instants = TimestampMicrosecondArray::from(vec![
            Some(us("2026-11-14 00:00:00")), // 01:00 on Saturday in Stockholm, 19:00 on Friday in New York
            Some(us("2026-11-14 00:00:00")),
            Some(us("2026-03-29 02:30:00")), // 04:30 on the day of the change; 00:30 before it, if subtracted first
            None,
            Some(0),
        ]);
        let zones = text_rows(&[
            Some("Europe/Stockholm"),
            Some("America/New_York"),
            Some("Europe/Stockholm"),
            Some("Nowhere"),
            None,
        ]);
        let day_starts = constant(Time64MicrosecondArray::from(vec![time_of_day::parse("04:00").unwrap()]));
        let dates = business_dates(5, &rows(instants), &zones, &day_starts).unwrap();
        let expected = ["2026-11-13", "2026-11-13", "2026-03-29"].map(|date| Some(days(date)));
        assert_eq!(dates.iter().collect::<Vec<_>>(), [&expected[..], &[None, None]].concat());
    }

    #[test]
    fn an_unknown_zone_in_the_data_is_an_error() {
        let instants = rows(TimestampMicrosecondArray::from(vec![0]));
        let midnight = constant(Time64MicrosecondArray::from(vec![0]));
        let error = business_dates(1, &instants, &text_rows(&[Some("Nowhere")]), &midnight).unwrap_err();
        assert!(error.to_string().contains("time zone \"Nowhere\" not recognized"), "{error}");
    }

    #[test]
    fn the_ends_of_time_do_not_wrap() {
        let zone = zone::parse("UTC").unwrap();
        assert_eq!(business_date_of(i64::MIN, &zone, 1), -106_751_992);
        assert_eq!(business_date_of(i64::MAX, &zone, 0), 106_751_991);
    }
}
