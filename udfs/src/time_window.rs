//! Windows of the day such as `11:00-14:00`, half-open and able to run past midnight.

use crate::refusal::Refusal;
use crate::time_of_day::{self, DAY_US};

/// A part of every day: `[from, to)`; past midnight when `from > to`; the whole day when they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeWindow {
    from_us: i64,
    to_us: i64,
}

impl TimeWindow {
    /// A window between two times of day in microseconds since midnight, both from 0 to 86,400,000,000 (`24:00`).
    ///
    /// A window that begins at `24:00` begins at midnight. Errors: 22008 for a time outside the day.
    pub fn new(from_us: i64, to_us: i64) -> Result<Self, Refusal> {
        for time_us in [from_us, to_us] {
            if !(0..=DAY_US).contains(&time_us) {
                return Err(Refusal::new("22008", "time of day out of range")
                    .with_detail(format!("{time_us} microseconds after midnight is not between 00:00 and 24:00.")));
            }
        }
        Ok(Self { from_us: from_us % DAY_US, to_us })
    }

    /// Reads `HH:MM-HH:MM`; `24:00` is the end of the day, spaces do not matter.
    ///
    /// Errors: 22023 for anything else; the detail names what is wrong, the hint shows what is accepted.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let Some((from, to)) = text.split_once('-') else {
            return Err(refusal(text).with_detail("It is not two times with a hyphen between them."));
        };
        let time = |part: &str| {
            time_of_day::parse(part)
                .map_err(|_| refusal(text).with_detail(format!("\"{}\" is not a time of day.", part.trim())))
        };
        Self::new(time(from)?, time(to)?)
    }

    /// Where the window begins and where it ends, in microseconds since midnight; the end may be 24:00.
    pub fn bounds_us(self) -> (i64, i64) {
        (self.from_us, self.to_us)
    }

    /// Whether a time of day (microseconds since midnight) lies in the window.
    pub fn contains(self, time_us: i64) -> bool {
        if self.from_us < self.to_us {
            return self.from_us <= time_us && time_us < self.to_us;
        }
        time_us >= self.from_us || time_us < self.to_us
    }
}

impl std::str::FromStr for TimeWindow {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::parse(text)
    }
}

fn refusal(text: &str) -> Refusal {
    Refusal::parameter(format!("time window \"{text}\" is not valid"))
        .with_hint("Write two times from 00:00 to 24:00, as in '11:00-14:00'; '22:00-02:00' runs past midnight.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(window: &str, time: &str) -> bool {
        TimeWindow::parse(window).unwrap().contains(time_of_day::parse(time).unwrap())
    }

    #[test]
    fn bounds_are_half_open() {
        assert!(holds("11:00-14:00", "11:00"));
        assert!(holds("11:00-14:00", "13:59:59.999999"));
        assert!(!holds("11:00-14:00", "14:00"));
        assert!(!holds(" 11:00 - 14:00 ", "10:59:59.999999"));
    }

    #[test]
    fn windows_run_past_midnight() {
        for (time, expected) in [("21:59", false), ("22:00", true), ("00:00", true), ("01:59", true), ("02:00", false)]
        {
            assert_eq!(holds("22:00-02:00", time), expected, "{time}");
        }
    }

    #[test]
    fn the_end_of_the_day_and_whole_days() {
        assert!(holds("22:00-24:00", "23:59:59.999999"));
        assert!(!holds("22:00-24:00", "00:00"));
        for whole in ["00:00-24:00", "00:00-00:00", "11:00-11:00", "24:00-24:00", "24:00-00:00"] {
            for time in ["00:00", "11:00", "23:59:59"] {
                assert!(holds(whole, time), "{whole} {time}");
            }
        }
        assert!(holds("24:00-02:00", "01:00") && !holds("24:00-02:00", "12:00"));
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, detail) in [
            ("11:00-25:00", "\"25:00\" is not a time of day."),
            ("11:00", "It is not two times with a hyphen between them."),
            ("", "It is not two times with a hyphen between them."),
            ("11-14", "\"11\" is not a time of day."),
            ("-11:00", "\"\" is not a time of day."),
            ("11:00-14:00-15:00", "\"14:00-15:00\" is not a time of day."),
        ] {
            let refusal = TimeWindow::parse(text).unwrap_err();
            assert_eq!(refusal.sqlstate, "22023");
            assert_eq!(refusal.message, format!("time window \"{text}\" is not valid"));
            assert_eq!(refusal.detail.as_deref(), Some(detail));
        }
        assert_eq!(TimeWindow::new(-1, 0).unwrap_err().sqlstate, "22008");
    }
}
