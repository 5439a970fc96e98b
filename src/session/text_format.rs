//! How values are written as text, and read, in one session.

use chrono_tz::Tz;

/// The settings that decide about text: TimeZone, DateStyle, IntervalStyle, bytea_output, extra_float_digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextFormat {
    /// `timestamp with time zone` is shown in this zone.
    pub time_zone: Tz,
    pub date_style: DateStyle,
    /// Whether `01/02/2026` is in February.
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    pub bytea_output: ByteaOutput,
    /// Below 1, floating point is rounded to 15 (or 6) digits and so many more; else it is exact.
    pub extra_float_digits: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DateStyle {
    #[default]
    Iso,
    Sql,
    Postgres,
    German,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DateOrder {
    #[default]
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntervalStyle {
    #[default]
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ByteaOutput {
    #[default]
    Hex,
    Escape,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self::in_zone(Tz::UTC)
    }
}

impl TextFormat {
    /// PostgreSQL's defaults, in this zone.
    pub const fn in_zone(time_zone: Tz) -> Self {
        Self {
            time_zone,
            date_style: DateStyle::Iso,
            date_order: DateOrder::MonthDayYear,
            interval_style: IntervalStyle::Postgres,
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
        }
    }

    pub const UTC: Self = Self::in_zone(Tz::UTC);
}
