//! Time zones: from a name to local time and back, as PostgreSQL does it, fast enough for tens of millions of instants.
//!
//! A [`Zone`] is a list of spans of constant offset, found once per process for each zone that is used. A [`Cursor`]
//! remembers the span of its last answer: receipts near each other in time cost two comparisons each.
//!
//! What always holds: a local time that is ambiguous (clocks went back) takes the later instant, one that does not
//! exist
//! (clocks went forward) is read with the offset before the change and so moves forward by the gap.
//! Conversions never fail: beyond 292,000 years from 1970 they stop at the last microsecond.
//! Not here: POSIX zone strings and nonzero numeric offsets, which are refused (see [`parse`]).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::refusal::Refusal;

/// The edition of the IANA time zone data that is built in, such as `2025b`.
pub const DATA_EDITION: &str = chrono_tz::IANA_TZDB_VERSION;

/// Seconds east of Greenwich of the abbreviations that PostgreSQL puts before zone names. They are fixed: `CET` is one
/// hour east in July too, although a zone of that name exists. Those with another meaning elsewhere (`IST`) are left
/// out.
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("utc", 0),
    ("uct", 0),
    ("ut", 0),
    ("z", 0),
    ("zulu", 0),
    ("gmt", 0),
    ("wet", 0),
    ("bst", 3_600),
    ("cet", 3_600),
    ("met", 3_600),
    ("cest", 7_200),
    ("mest", 7_200),
    ("eet", 7_200),
    ("eest", 10_800),
    ("nst", -12_600),
    ("ndt", -9_000),
    ("ast", -14_400),
    ("adt", -10_800),
    ("est", -18_000),
    ("edt", -14_400),
    ("cst", -21_600),
    ("cdt", -18_000),
    ("mst", -25_200),
    ("mdt", -21_600),
    ("pst", -28_800),
    ("pdt", -25_200),
    ("akst", -32_400),
    ("akdt", -28_800),
    ("hst", -36_000),
    ("hkt", 28_800),
    ("awst", 28_800),
    ("jst", 32_400),
    ("kst", 32_400),
    ("acst", 34_200),
    ("acdt", 37_800),
    ("aest", 36_000),
    ("aedt", 39_600),
    ("nzst", 43_200),
    ("nzdt", 46_800),
];

/// A time zone, ready to convert. Cloning is cheap.
#[derive(Clone)]
pub struct Zone(Arc<Table>);

/// A zone's name and its spans, in order, without holes, from the first microsecond to the last.
struct Table {
    name: String,
    spans: Vec<Span>,
}

/// A stretch of time with one offset. Microseconds; the ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    until: i64,
    /// The local time at which this span's reading begins to win, and at which the next one's does.
    local_from: i64,
    local_until: i64,
    /// Local time minus UTC.
    offset: i64,
}

/// Reads a zone's name: an IANA name in any case (`Europe/Stockholm`, `UTC`), one of PostgreSQL's common abbreviations
/// (`CET`, `EST`; fixed offsets, as there), or a zero offset (`+00:00`, `Z`).
///
/// Other numeric offsets are refused: PostgreSQL reads `+02:00` as two hours **west** of Greenwich, nearly everyone
/// else as east, and a store on the wrong side would shift every lunch by four hours without a word.
///
/// Errors: 22023 `time zone "x" not recognized`.
pub fn parse(name: &str) -> Result<Zone, Refusal> {
    let lower = name.to_ascii_lowercase();
    if let Some((_, seconds)) = ABBREVIATIONS.iter().find(|(abbreviation, _)| *abbreviation == lower) {
        return Ok(Zone::fixed(name, *seconds));
    }
    if let Some(known) = NAMED.get(&lower) {
        return Ok(Zone(Arc::clone(known.table.get_or_init(|| Arc::new(Table::of(known.tz))))));
    }
    if matches!(lower.trim_start_matches(['+', '-']), "0" | "00" | "00:00" | "00:00:00") {
        return Ok(Zone::fixed(name, 0));
    }
    Err(unrecognized(name))
}

/// The local time of an instant: microseconds since 1970-01-01 00:00 UTC in, since 1970-01-01 00:00 local out.
///
/// For many instants of one zone, a [`Cursor`] is faster.
pub fn local_of(instant_us: i64, zone: &Zone) -> i64 {
    instant_us.saturating_add(zone.span_at(instant_us).offset)
}

/// The instant of a local time, see the module for ambiguous and missing ones. Microseconds.
pub fn instant_of(local_us: i64, zone: &Zone) -> i64 {
    local_us.saturating_sub(zone.span_at_local(local_us).offset)
}

impl Zone {
    /// The name; an IANA name in its own spelling, anything else as it was written.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A converter for many values.
    pub fn cursor(&self) -> Cursor {
        Cursor { last: self.0.spans[0], zone: self.clone() }
    }

    fn fixed(name: &str, seconds: i32) -> Self {
        let offset = i64::from(seconds) * 1_000_000;
        let span = Span { from: i64::MIN, until: i64::MAX, local_from: i64::MIN, local_until: i64::MAX, offset };
        Self(Arc::new(Table { name: name.to_owned(), spans: vec![span] }))
    }

    fn span_at(&self, instant_us: i64) -> Span {
        let after = self.0.spans.partition_point(|span| span.from <= instant_us);
        self.0.spans[after - 1]
    }

    fn span_at_local(&self, local_us: i64) -> Span {
        let after = self.0.spans.partition_point(|span| span.local_from <= local_us);
        self.0.spans[after - 1]
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name()).finish()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.name == other.0.name && self.0.spans == other.0.spans)
    }
}

impl Eq for Zone {}

impl std::str::FromStr for Zone {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        parse(name)
    }
}

/// Converts many values of one zone, remembering where the last one lay.
#[derive(Debug, Clone)]
pub struct Cursor {
    zone: Zone,
    last: Span,
}

impl Cursor {
    /// As [`local_of`].
    pub fn local_of(&mut self, instant_us: i64) -> i64 {
        if instant_us < self.last.from || instant_us >= self.last.until {
            self.last = self.zone.span_at(instant_us);
        }
        instant_us.saturating_add(self.last.offset)
    }

    /// As [`instant_of`].
    pub fn instant_of(&mut self, local_us: i64) -> i64 {
        if local_us < self.last.local_from || local_us >= self.last.local_until {
            self.last = self.zone.span_at_local(local_us);
        }
        local_us.saturating_sub(self.last.offset)
    }
}

/// A zone that may be asked for, with its table once it was.
struct Known {
    tz: Tz,
    table: OnceLock<Arc<Table>>,
}

/// Every IANA zone by its name in lower case.
static NAMED: LazyLock<HashMap<String, Known>> = LazyLock::new(|| {
    TZ_VARIANTS.iter().map(|tz| (tz.name().to_ascii_lowercase(), Known { tz: *tz, table: OnceLock::new() })).collect()
});

/// Where changes of offset are looked for: the first is of 1844, and the data ends with the year 2099.
const FIRST_SECOND: i64 = -4_102_444_800; // 1840-01-01
const LAST_SECOND: i64 = 4_102_444_800; // 2100-01-01

/// Closer than any two changes of a zone's offset (the nearest are 6.96 days apart), so that no pair slips through.
const STEP_SECONDS: i64 = 6 * 86_400;

impl Table {
    /// The time zone data is reachable only through questions about single instants; so walk in steps and bisect
    /// where the offset differs.
    fn of(tz: Tz) -> Self {
        let mut changes = vec![(i64::MIN, offset_seconds(tz, FIRST_SECOND))];
        let mut before = (FIRST_SECOND, changes[0].1);
        while before.0 < LAST_SECOND {
            let next = before.0 + STEP_SECONDS;
            let after = (next, offset_seconds(tz, next));
            if after.1 != before.1 {
                let second = first_second_with(tz, after.1, before.0, next);
                changes.push((second * 1_000_000, after.1));
            }
            before = after;
        }
        Self { name: tz.name().to_owned(), spans: spans(&changes) }
    }
}

/// From `(beginning in microseconds, offset in seconds)` to spans.
fn spans(changes: &[(i64, i64)]) -> Vec<Span> {
    let local_from = |at: usize| match changes.get(at) {
        Some((i64::MIN, _)) => i64::MIN,
        Some((from, seconds)) => from + seconds * 1_000_000,
        None => i64::MAX,
    };
    let until = |at: usize| changes.get(at + 1).map_or(i64::MAX, |(from, _)| *from);
    changes
        .iter()
        .enumerate()
        .map(|(at, (from, seconds))| Span {
            from: *from,
            until: until(at),
            local_from: local_from(at),
            local_until: local_from(at + 1),
            offset: seconds * 1_000_000,
        })
        .collect()
}

/// The second in `(without, with]` from which the offset is `offset`.
fn first_second_with(tz: Tz, offset: i64, mut without: i64, mut with: i64) -> i64 {
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        if offset_seconds(tz, middle) == offset {
            with = middle;
        } else {
            without = middle;
        }
    }
    with
}

fn offset_seconds(tz: Tz, second: i64) -> i64 {
    let utc = DateTime::from_timestamp(second, 0).unwrap_or_default().naive_utc();
    i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

fn unrecognized(name: &str) -> Refusal {
    let refusal = Refusal::parameter(format!("time zone \"{name}\" not recognized"));
    if name.starts_with(['+', '-', '<']) || name.starts_with(|first: char| first.is_ascii_digit()) {
        return refusal
            .with_detail(
                "PostgreSQL counts numeric offsets west of Greenwich, most other systems east; so none but zero is \
                 accepted.",
            )
            .with_hint("Write the name of a place, such as 'Europe/Stockholm'.");
    }
    let mut places: Vec<&str> = TZ_VARIANTS.iter().map(|tz| tz.name()).filter(|zone| is_place(zone, name)).collect();
    places.sort_unstable();
    match places.first() {
        Some(place) => refusal.with_hint(format!("Write '{place}'.")),
        None => refusal.with_hint("Write an IANA name, such as 'Europe/Stockholm' or 'America/New_York'."),
    }
}

/// `stockholm` and ` New York` are near enough to a zone's last part to name the zone.
fn is_place(zone: &str, name: &str) -> bool {
    let wanted = name.trim().replace(' ', "_");
    let last = zone.rsplit('/').next().unwrap_or(zone);
    last.eq_ignore_ascii_case(&wanted) || zone.eq_ignore_ascii_case(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        let parsed =
            chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a test writes it right");
        parsed.and_utc().timestamp_micros()
    }

    #[test]
    fn clock_changes_as_postgresql_reads_them() {
        let stockholm = parse("europe/STOCKHOLM").unwrap();
        assert_eq!(stockholm.name(), "Europe/Stockholm");
        assert_eq!(instant_of(us("2026-10-25 02:30:00"), &stockholm), us("2026-10-25 01:30:00"));
        assert_eq!(instant_of(us("2026-03-29 02:30:00"), &stockholm), us("2026-03-29 01:30:00"));
        assert_eq!(local_of(us("2026-03-29 00:59:59"), &stockholm), us("2026-03-29 01:59:59"));
        assert_eq!(local_of(us("2026-03-29 01:00:00"), &stockholm), us("2026-03-29 03:00:00"));
    }

    #[test]
    fn abbreviations_are_fixed_offsets() {
        // PostgreSQL 15: timestamptz '2026-07-25 00:00Z' AT TIME ZONE 'CET' is 01:00, AT TIME ZONE 'PST8PDT' is 17:00.
        let july = us("2026-07-25 00:00:00");
        assert_eq!(local_of(july, &parse("CET").unwrap()), us("2026-07-25 01:00:00"));
        assert_eq!(local_of(july, &parse("PST8PDT").unwrap()), us("2026-07-24 17:00:00"));
        for zero in ["UTC", "utc", "Z", "+00", "-00:00", "00:00", "Etc/UTC"] {
            assert_eq!(local_of(july, &parse(zero).unwrap()), july, "{zero}");
        }
    }

    #[test]
    fn what_is_refused_says_how_to_write_it() {
        for (written, hint) in [
            ("Stockholm", "Write 'Europe/Stockholm'."),
            (" Europe/Stockholm", "Write 'Europe/Stockholm'."),
            ("new york", "Write 'America/New_York'."),
            ("+02:00", "Write the name of a place, such as 'Europe/Stockholm'."),
            ("Nowhere", "Write an IANA name, such as 'Europe/Stockholm' or 'America/New_York'."),
            ("", "Write an IANA name, such as 'Europe/Stockholm' or 'America/New_York'."),
        ] {
            let refusal = parse(written).unwrap_err();
            assert_eq!(refusal.sqlstate, "22023");
            assert_eq!(refusal.message, format!("time zone \"{written}\" not recognized"));
            assert_eq!(refusal.hint.as_deref(), Some(hint), "{written:?}");
        }
    }

    #[test]
    fn spans_cover_all_time_and_agree_with_single_questions() {
        for name in
            ["Europe/Stockholm", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo"]
        {
            let zone = parse(name).unwrap();
            let spans = &zone.0.spans;
            assert_eq!((spans[0].from, spans[spans.len() - 1].until), (i64::MIN, i64::MAX));
            for pair in spans.windows(2) {
                assert_eq!(pair[0].until, pair[1].from, "{name}");
                assert!(pair[0].local_from < pair[1].local_from, "{name}: local readings overtake each other");
                let (tz, second) = (name.parse::<Tz>().unwrap(), pair[1].from / 1_000_000);
                assert_eq!(offset_seconds(tz, second - 1) * 1_000_000, pair[0].offset, "{name}");
                assert_eq!(offset_seconds(tz, second) * 1_000_000, pair[1].offset, "{name}");
            }
        }
    }

    #[test]
    fn the_ends_of_time_do_not_wrap() {
        let tokyo = parse("Asia/Tokyo").unwrap();
        assert_eq!(local_of(i64::MAX, &tokyo), i64::MAX);
        assert_eq!(tokyo.cursor().local_of(i64::MAX), i64::MAX);
        assert_eq!(instant_of(i64::MIN, &tokyo), i64::MIN);
    }
}
