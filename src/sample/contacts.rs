//! How members can be reached and what they agreed to. No names; see `members` for where the numbers come from.

use chrono::{Datelike, NaiveDate};

use super::chance::{Chance, Stream};
use super::members::{DAY_MICROS, FIRST_MEMBER_ID, Member};
use super::stores::{Market, STORES};
use super::visits::date_of;

/// What a member told about themselves; everything is missing for some, and all of it for the erased.
#[derive(Debug, Default)]
pub struct Address {
    /// Days since 1970-01-01.
    pub birthday: Option<i32>,
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub line_user_id: Option<String>,
    pub country: Option<&'static str>,
    pub locale: Option<&'static str>,
    /// Whether the home store is on file.
    pub knows_home: bool,
}

/// A member said yes or no to a channel. The newest row of a channel holds.
#[derive(Debug, Clone, Copy)]
pub struct Consent {
    pub member: u32,
    pub channel: &'static str,
    pub granted: bool,
    /// Microseconds since 1970 UTC.
    pub at: i64,
}

/// One address for each member, in their order.
pub fn addresses(members: &[Member], seed: u64) -> Vec<Address> {
    let mut chance = Chance::new(seed, Stream::Contacts);
    (FIRST_MEMBER_ID..).zip(members).map(|(member_id, member)| address(member_id, member, &mut chance)).collect()
}

/// Consents for the channels a member can be reached by; some withdrew later. `end` is the day after the history.
pub fn consents(members: &[Member], addresses: &[Address], end: i32, seed: u64) -> Vec<Consent> {
    let mut chance = Chance::new(seed, Stream::Consents);
    let mut consents = Vec::new();
    for (member, (facts, address)) in (0..).zip(members.iter().zip(addresses)) {
        let channels = [
            ("email", address.email.is_some(), 720),
            ("sms", address.phone.is_some(), 560),
            ("line", address.line_user_id.is_some(), 800),
            ("push", facts.verified_at.is_some(), 640),
        ];
        let asked_at = facts.verified_at.unwrap_or(i64::from(facts.joined) * DAY_MICROS + DAY_MICROS / 2);
        for (channel, reachable, answered) in channels {
            if !reachable || !chance.per_mille(answered) {
                continue;
            }
            let granted = chance.per_mille(860);
            consents.push(Consent { member, channel, granted, at: asked_at });
            let later = asked_at + i64::from(chance.between(3, 900)) * DAY_MICROS;
            if granted && chance.per_mille(140) && later < i64::from(end) * DAY_MICROS {
                consents.push(Consent { member, channel, granted: false, at: later });
            }
        }
    }
    consents
}

fn address(member_id: i64, member: &Member, chance: &mut Chance) -> Address {
    // The same number of draws for everyone, so that one member's answers do not move another's.
    let market = STORES[member.home].market;
    let abroad = chance.per_mille(30).then(|| ABROAD[chance.place(ABROAD.len())]);
    let (country, locale) = abroad.unwrap_or_else(|| at_home(market, chance));
    let address = Address {
        birthday: birthday(member.joined, chance),
        email: chance.per_mille(820).then(|| email(member_id, chance)),
        phone: phone(market, chance),
        line_user_id: line_user_id(market, chance),
        country: (!chance.per_mille(60)).then_some(country),
        locale: (!chance.per_mille(20)).then_some(locale),
        knows_home: !chance.per_mille(30),
    };
    if member.erased_at.is_some() { Address::default() } else { address }
}

const ABROAD: [(&str, &str); 6] =
    [("NO", "nb-NO"), ("DK", "da-DK"), ("FI", "fi-FI"), ("DE", "de-DE"), ("FR", "fr-FR"), ("JP", "ja-JP")];

fn at_home(market: Market, chance: &mut Chance) -> (&'static str, &'static str) {
    let other = chance.per_mille(80);
    let locale = match (market, other) {
        (Market::Sweden, false) => "sv-SE",
        (Market::Taiwan, false) => "zh-TW",
        (Market::America, false) => "en-US",
        (Market::America, true) => "es-US",
        (Market::Britain, _) | (Market::Sweden, true) => "en-GB",
        (Market::Taiwan, true) => "en-US",
    };
    (market.country(), locale)
}

/// Three in four tell theirs; members are 15 to 79 years old when they join. Now and then one is born on 29 February.
fn birthday(joined: i32, chance: &mut Chance) -> Option<i32> {
    let born = joined - chance.between(15 * 365 + 4, 79 * 365);
    let leap_day = NaiveDate::from_ymd_opt(date_of(born).year(), 2, 29).filter(|_| chance.per_mille(4));
    let born = leap_day.map_or(born, |date| date.to_epoch_days());
    chance.per_mille(750).then_some(born)
}

fn email(member_id: i64, chance: &mut Chance) -> String {
    let domain = if chance.per_mille(700) { "example.com" } else { "example.org" };
    format!("member-{member_id}@{domain}")
}

fn phone(market: Market, chance: &mut Chance) -> Option<String> {
    const AREA_CODES: [u32; 8] = [212, 646, 718, 917, 201, 516, 914, 203];
    let told = chance.per_mille(680);
    let number = match market {
        Market::Sweden => format!("+4670174{:04}", chance.between(605, 699)),
        Market::Britain => format!("+447700900{:03}", chance.between(0, 999)),
        Market::America => {
            let area = AREA_CODES[chance.place(AREA_CODES.len())];
            format!("+1{area}55501{:02}", chance.between(0, 99))
        }
        Market::Taiwan => return None,
    };
    told.then_some(number)
}

/// Nearly all in Taiwan, hardly anyone elsewhere.
fn line_user_id(market: Market, chance: &mut Chance) -> Option<String> {
    let linked = chance.per_mille(if market == Market::Taiwan { 780 } else { 12 });
    let id = format!("U{:016x}{:016x}", chance.below(u64::MAX), chance.below(u64::MAX));
    linked.then_some(id)
}
