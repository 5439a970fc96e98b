//! Days and microseconds as years, months, days and times of day: the proleptic Gregorian calendar.
//!
//! Own arithmetic instead of chrono's, because PostgreSQL's and Arrow's ranges (millions of years) are wider.
//! Instants count from 1970-01-01; PostgreSQL's binary forms count from 2000-01-01.

/// Days from 1970-01-01 to 2000-01-01.
pub const DAYS_TO_2000: i32 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub const MICROS_TO_2000: i64 = DAYS_TO_2000 as i64 * MICROS_PER_DAY;
pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A day of the calendar. Year 0 is 1 BC, as astronomers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub year: i64,
    /// 1–12.
    pub month: u32,
    /// 1–31.
    pub day: u32,
}

/// Days of the 400 years after which the calendar repeats.
const DAYS_OF_CYCLE: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01: years are counted from March, so that a leap day is the last of its year.
const DAYS_FROM_MARCH_0: i64 = 719_468;

impl Day {
    /// `days` since 1970-01-01. Any `i64` that stands for microseconds or 32-bit days is in range.
    pub fn from_days(days: i64) -> Self {
        let shifted = days + DAYS_FROM_MARCH_0;
        let cycle = shifted.div_euclid(DAYS_OF_CYCLE);
        let day_of_cycle = shifted.rem_euclid(DAYS_OF_CYCLE);
        let leap_corrected = day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096;
        let year_of_cycle = leap_corrected / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        // March is month 0; five months in a row from March (and from August) have 153 days.
        let march_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
        let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// Days since 1970-01-01; `None` when there is no such day or the year lies beyond ten million.
    pub fn to_days(self) -> Option<i64> {
        let in_range = (-10_000_000..=10_000_000).contains(&self.year) && (1..=12).contains(&self.month);
        if !in_range || self.day < 1 || self.day > days_of_month(self.year, self.month) {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let cycle = year.div_euclid(400);
        let year_of_cycle = year.rem_euclid(400);
        let march_month = i64::from((self.month + 9) % 12);
        let day_of_year = (153 * march_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
        Some(cycle * DAYS_OF_CYCLE + day_of_cycle - DAYS_FROM_MARCH_0)
    }
}

pub fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Nanoseconds as microseconds, a half to the even neighbour, as PostgreSQL reads seven digits after the point.
pub fn nanos_to_micros(nanos: i64) -> i64 {
    let micros = nanos.div_euclid(1_000);
    match nanos.rem_euclid(1_000) {
        0..500 => micros,
        500 => micros + (micros & 1),
        _ => micros + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_postgresql() {
        // SELECT '…'::date - '1970-01-01'::date on PostgreSQL 15.
        for (year, month, day, days) in [
            (1970, 1, 1, 0),
            (2000, 1, 1, 10_957),
            (2024, 2, 29, 19_782),
            (1, 1, 1, -719_162),
            (-43, 3, 15, -735_160),
            (12_345, 6, 7, 3_789_548),
            (-4712, 1, 1, -2_440_550),
        ] {
            let calendar = Day { year, month, day };
            assert_eq!(calendar.to_days(), Some(days), "{calendar:?}");
            assert_eq!(Day::from_days(days), calendar);
        }
        assert_eq!(Day { year: 2025, month: 2, day: 29 }.to_days(), None);
        assert_eq!(Day { year: 1900, month: 2, day: 29 }.to_days(), None);
    }

    #[test]
    fn every_day_of_nine_centuries_reads_back() {
        let mut last = Day::from_days(-200_001);
        for days in -200_000..130_000 {
            let day = Day::from_days(days);
            assert_eq!(day.to_days(), Some(days));
            assert!((day.year, day.month, day.day) > (last.year, last.month, last.day), "{day:?} after {last:?}");
            last = day;
        }
    }
}
