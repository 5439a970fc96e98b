//! The chain's stores: where they are, when their day starts, and the rhythm of their hours, weekdays and seasons.

use chrono::Weekday;
use chrono_tz::Tz;

/// What a store is, which decides what sells there and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Cafe,
    Kitchen,
    /// Open past midnight; its business day starts at 05:00.
    Bar,
}

/// A country the chain sells in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Market {
    Sweden,
    Britain,
    Taiwan,
    America,
}

#[derive(Debug, Clone, Copy)]
pub struct Store {
    pub name: &'static str,
    pub city: &'static str,
    pub market: Market,
    pub kind: Kind,
    /// How busy, against 100 for a store of middling size.
    pub size: u64,
    /// Days from the first business day of the history to the opening; negative if it was there before.
    pub opened: i32,
}

impl Market {
    pub const ALL: [Market; 4] = [Market::Sweden, Market::Britain, Market::Taiwan, Market::America];

    /// ISO 3166.
    pub fn country(self) -> &'static str {
        match self {
            Self::Sweden => "SE",
            Self::Britain => "GB",
            Self::Taiwan => "TW",
            Self::America => "US",
        }
    }

    /// ISO 4217.
    pub fn currency(self) -> &'static str {
        match self {
            Self::Sweden => "SEK",
            Self::Britain => "GBP",
            Self::Taiwan => "TWD",
            Self::America => "USD",
        }
    }

    pub fn time_zone(self) -> Tz {
        match self {
            Self::Sweden => Tz::Europe__Stockholm,
            Self::Britain => Tz::Europe__London,
            Self::Taiwan => Tz::Asia__Taipei,
            Self::America => Tz::America__New_York,
        }
    }

    /// A price in hundredths of the market's currency, from hundredths of a krona, rounded to the prices one sees there.
    pub fn price(self, ore: i64) -> i64 {
        let (thousandths, step) = match self {
            Self::Sweden => (1000, 100),
            Self::Britain => (82, 10),
            Self::Taiwan => (2900, 500),
            Self::America => (105, 25),
        };
        ((ore * thousandths / 1000 + step / 2) / step * step).max(step)
    }

    /// Hundredths of the currency that earn one loyalty point: ten kronor or their worth.
    pub fn hundredths_per_point(self) -> i64 {
        match self {
            Self::Sweden => 1000,
            Self::Britain => 82,
            Self::Taiwan => 2900,
            Self::America => 105,
        }
    }
}

impl Store {
    /// Hour of the local day at which the business day starts.
    pub fn day_starts_hour(&self) -> u32 {
        match self.kind {
            Kind::Bar => 5,
            Kind::Cafe | Kind::Kitchen => 4,
        }
    }

    /// How busy a business day is: weekday and month of the year; 0 when the store is closed.
    pub fn busyness(&self, weekday: Weekday, month: u32, day_of_month: u32) -> u64 {
        let closed = matches!((month, day_of_month), (1, 1) | (12, 25)) && self.kind != Kind::Bar;
        if closed {
            return 0;
        }
        let by_weekday: [u64; 7] = match self.kind {
            Kind::Cafe => [100, 102, 104, 106, 112, 96, 74],
            Kind::Kitchen => [84, 86, 90, 98, 128, 134, 96],
            Kind::Bar => [30, 36, 58, 92, 210, 230, 40],
        };
        let by_month: [u64; 12] = [88, 92, 96, 98, 102, 104, 92, 96, 102, 104, 106, 118];
        self.size * by_weekday[weekday.num_days_from_monday() as usize] * by_month[month as usize - 1]
    }

    /// Weights of the local hours 0–28; hours from 24 are the night that still belongs to the business day.
    pub fn hours(&self, weekday: Weekday) -> &'static [u64; 29] {
        let weekend = matches!(weekday, Weekday::Sat | Weekday::Sun);
        match (self.kind, weekend) {
            (Kind::Cafe, false) => &CAFE_WEEKDAY,
            (Kind::Cafe, true) => &CAFE_WEEKEND,
            (Kind::Kitchen, false) => &KITCHEN_WEEKDAY,
            (Kind::Kitchen, true) => &KITCHEN_WEEKEND,
            (Kind::Bar, _) => &BAR,
        }
    }
}

//                              0  1  2  3  4  5  6  7   8   9   10  11  12  13  14  15 16 17 18  19  20  21  22  23 24 25 26 27 28
const CAFE_WEEKDAY: [u64; 29] =
    [0, 0, 0, 0, 0, 0, 3, 10, 13, 9, 8, 10, 13, 9, 7, 7, 6, 5, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
const CAFE_WEEKEND: [u64; 29] =
    [0, 0, 0, 0, 0, 0, 0, 1, 4, 8, 12, 12, 12, 12, 12, 10, 7, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const KITCHEN_WEEKDAY: [u64; 29] =
    [0, 0, 0, 0, 0, 0, 0, 3, 5, 3, 2, 10, 17, 11, 4, 3, 5, 9, 12, 10, 6, 4, 2, 0, 0, 0, 0, 0, 0];
const KITCHEN_WEEKEND: [u64; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 8, 11, 12, 9, 7, 7, 9, 12, 12, 9, 7, 5, 2, 0, 0, 0, 0, 0];
const BAR: [u64; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 7, 8, 8, 9, 10, 12, 13, 12, 9, 6, 2, 0];

const fn store(name: &'static str, city: &'static str, market: Market, kind: Kind, size: u64, opened: i32) -> Store {
    Store { name, city, market, kind, size, opened }
}

/// Every store; `store_id` is the place in this list, counted from 1. The first of each market has always been there.
pub const STORES: [Store; 24] = [
    store("Stockholm Central", "Stockholm", Market::Sweden, Kind::Cafe, 240, -2600),
    store("Stockholm Slussen", "Stockholm", Market::Sweden, Kind::Cafe, 190, -2210),
    store("Stockholm Odenplan", "Stockholm", Market::Sweden, Kind::Cafe, 160, -1800),
    store("Stockholm Hornstull", "Stockholm", Market::Sweden, Kind::Kitchen, 150, -1500),
    store("Stockholm Nattbar", "Stockholm", Market::Sweden, Kind::Bar, 90, -900),
    store("Uppsala Station", "Uppsala", Market::Sweden, Kind::Cafe, 110, -1320),
    store("Göteborg Avenyn", "Göteborg", Market::Sweden, Kind::Cafe, 150, -1610),
    store("Göteborg Järntorget", "Göteborg", Market::Sweden, Kind::Kitchen, 110, -400),
    store("Malmö Triangeln", "Malmö", Market::Sweden, Kind::Cafe, 120, -1100),
    store("Malmö Hamnen", "Malmö", Market::Sweden, Kind::Kitchen, 80, 210),
    store("London Bridge", "London", Market::Britain, Kind::Cafe, 150, -1400),
    store("London Soho", "London", Market::Britain, Kind::Kitchen, 120, -1010),
    store("London Shoreditch", "London", Market::Britain, Kind::Cafe, 110, -730),
    store("London Camden", "London", Market::Britain, Kind::Cafe, 80, -300),
    store("London Greenwich", "London", Market::Britain, Kind::Cafe, 60, 455),
    store("Taipei Main Station", "Taipei", Market::Taiwan, Kind::Cafe, 140, -1250),
    store("Taipei Xinyi", "Taipei", Market::Taiwan, Kind::Cafe, 130, -980),
    store("Taipei Daan", "Taipei", Market::Taiwan, Kind::Kitchen, 90, -610),
    store("Taipei Ximen", "Taipei", Market::Taiwan, Kind::Kitchen, 80, -120),
    store("Taipei Tamsui", "Taipei", Market::Taiwan, Kind::Cafe, 50, 620),
    store("New York Bryant Park", "New York", Market::America, Kind::Cafe, 110, -700),
    store("New York Union Square", "New York", Market::America, Kind::Kitchen, 90, -520),
    store("New York Brooklyn Heights", "New York", Market::America, Kind::Cafe, 70, 90),
    store("New York Harlem", "New York", Market::America, Kind::Cafe, 50, 700),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_hour_belongs_to_its_own_business_day() {
        for store in &STORES {
            let starts = store.day_starts_hour() as usize;
            for weekday in [Weekday::Mon, Weekday::Sat] {
                for (hour, &weight) in store.hours(weekday).iter().enumerate() {
                    assert!(weight == 0 || (starts..starts + 24).contains(&hour), "{} at {hour}", store.name);
                }
            }
        }
    }

    #[test]
    fn the_first_store_of_each_market_has_always_been_there() {
        for market in Market::ALL {
            let first = STORES.iter().find(|store| store.market == market).expect("each market has a store");
            assert!(first.opened < 0, "{}", first.name);
        }
    }

    #[test]
    fn prices_look_like_prices() {
        assert_eq!(Market::Sweden.price(3200), 3200);
        assert_eq!(Market::Britain.price(3200), 260);
        assert_eq!(Market::Taiwan.price(3200), 9500);
        assert_eq!(Market::America.price(3200), 325);
    }
}
