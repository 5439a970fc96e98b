//! The members: when they joined, where they go, how often, and who of them stands in front of a till on a given day.
//!
//! Nobody here has a name. Addresses are under `example.com` and `example.org`; phone numbers come from the ranges
//! that regulators keep free for fiction (Sweden 070-1740605–699, United Kingdom 07700 900000–900999, United States
//! 555-0100–0199), which are short, so numbers repeat; Taiwan keeps no such range, so its members have none.

use std::ops::Range;

use super::chance::{Chance, Stream, Weights};
use super::loyalty::Reached;
use super::products::{Category, PRODUCTS};
use super::stores::{Market, STORES};

pub const DAY_MICROS: i64 = 86_400_000_000;

/// The id of the first member; ids count upwards in the order of joining.
pub const FIRST_MEMBER_ID: i64 = 100_001;

/// One more row for every so many members, of someone who was erased.
const MEMBERS_PER_ERASED: u32 = 400;

/// What the receipts need to know of a member, and what they leave on it. Days count from 1970-01-01.
#[derive(Debug, Clone)]
pub struct Member {
    pub joined: i32,
    /// When an account in the app was made, in microseconds.
    pub verified_at: Option<i64>,
    pub home: usize,
    /// Days without visits: a pause, or for good.
    pub away: Range<i32>,
    /// Place in `PRODUCTS` of what this member has as a habit, and how often, in thousandths.
    pub favourite: usize,
    pub habit: u32,
    pub points: u64,
    /// Place in `LEVELS` of the highest level ever reached.
    pub level: usize,
    pub business_customer: Option<usize>,
    pub erased_at: Option<i64>,
}

impl Member {
    pub fn is_verified_on(&self, day: i32) -> bool {
        self.verified_at.is_some_and(|at| at < i64::from(day) * DAY_MICROS)
    }
}

/// All members, and for each store those who have it as their home.
#[derive(Debug)]
pub struct Crowd {
    pub members: Vec<Member>,
    /// Levels reached, in the order in which they were reached for each member.
    pub reached: Vec<Reached>,
    by_store: Vec<Roster>,
    by_market: Vec<Roster>,
}

/// Some members in the order of joining, with how often they come.
#[derive(Debug, Default)]
struct Roster {
    members: Vec<u32>,
    weights: Weights,
}

impl Crowd {
    /// `members` that are not erased, and a few more that are. `history` is the range of business days.
    pub fn new(members: u32, history: &Range<i32>, business_customers: usize, seed: u64) -> Self {
        let mut chance = Chance::new(seed, Stream::Members);
        let erased = members / MEMBERS_PER_ERASED;
        let rows = members as usize + erased as usize;
        let mut joined: Vec<i32> = (0..rows).map(|_| joining_day(history, &mut chance)).collect();
        joined.sort_unstable();
        let homes: Weights = STORES.iter().map(|store| store.size).collect();
        let favourites: Weights =
            PRODUCTS.iter().enumerate().map(|(place, product)| liking(place, product.category)).collect();
        let mut members: Vec<Member> = joined
            .into_iter()
            .map(|joined| new_member(joined, history, &homes, &favourites, business_customers, &mut chance))
            .collect();
        erase(&mut members, erased, history, &mut chance);
        let reached = members
            .iter()
            .enumerate()
            .filter_map(|(place, member)| Some(Reached { member: place as u32, at: member.verified_at?, level: 0 }))
            .collect();
        let activity = activity(&members, &mut chance);
        let by_store =
            (0..STORES.len()).map(|store| Roster::new(&members, &activity, |member| member.home == store)).collect();
        let by_market = Market::ALL
            .iter()
            .map(|&market| Roster::new(&members, &activity, |member| STORES[member.home].market == market))
            .collect();
        Self { members, reached, by_store, by_market }
    }

    /// Who stands at the till of a store on a day; `None` is someone who is no member, or did not say so.
    pub fn buyer(&self, store: usize, day: i32, chance: &mut Chance) -> Option<u32> {
        const ANONYMOUS: u32 = 112;
        const TRIES: usize = 6;
        if chance.per_mille(ANONYMOUS) {
            return None;
        }
        for _ in 0..TRIES {
            let roster = if chance.per_mille(820) {
                &self.by_store[store]
            } else if chance.per_mille(970) {
                &self.by_market[STORES[store].market as usize]
            } else {
                &self.by_market[chance.place(Market::ALL.len())]
            };
            let Some(place) = roster.pick(&self.members, day, chance) else { continue };
            if !self.members[place as usize].away.contains(&day) {
                return Some(place);
            }
        }
        None
    }
}

impl Roster {
    fn new(members: &[Member], activity: &[u64], belongs: impl Fn(&Member) -> bool) -> Self {
        let places: Vec<u32> = (0..members.len() as u32).filter(|&place| belongs(&members[place as usize])).collect();
        let weights = places.iter().map(|&place| activity[place as usize]).collect();
        Self { members: places, weights }
    }

    /// One of those who had joined by `day`.
    fn pick(&self, members: &[Member], day: i32, chance: &mut Chance) -> Option<u32> {
        let joined = self.members.partition_point(|&place| members[place as usize].joined <= day);
        self.weights.pick_among_first(joined, chance).map(|place| self.members[place])
    }
}

/// A third had joined before the history starts, over four years; later more and more join.
fn joining_day(history: &Range<i32>, chance: &mut Chance) -> i32 {
    if chance.per_mille(340) {
        return history.start - 1 - chance.between(0, 4 * 365);
    }
    let one = chance.between(history.start, history.end - 1);
    let other = chance.between(history.start, history.end - 1);
    if chance.per_mille(500) { one } else { one.max(other) }
}

/// How many have a product as their favourite.
fn liking(place: usize, category: Category) -> u64 {
    let category = match category {
        Category::Coffee => 100,
        Category::Burger => 36,
        Category::Bakery | Category::Salad => 24,
        Category::Tea => 20,
        Category::Drinks | Category::Alcohol => 12,
        Category::Dessert => 6,
        Category::Merch => 0,
    };
    category * 100 / (place as u64 % 12 + 2)
}

fn new_member(
    joined: i32,
    history: &Range<i32>,
    homes: &Weights,
    favourites: &Weights,
    business_customers: usize,
    chance: &mut Chance,
) -> Member {
    let mut home = homes.pick(chance).unwrap_or(0);
    if history.start + STORES[home].opened > joined {
        let market = STORES[home].market;
        home = STORES.iter().position(|store| store.market == market).unwrap_or(0);
    }
    let verified_at = chance.per_mille(610).then(|| {
        let day = if chance.per_mille(700) { joined } else { joined + chance.between(1, 60) };
        i64::from(day) * DAY_MICROS + i64::from(chance.between(6 * 3600, 21 * 3600)) * 1_000_000
    });
    let away = match chance.below(100) {
        0..34 => joined + chance.between(1, 500)..i32::MAX,
        34..44 => {
            let from = joined + chance.between(20, 600);
            from..from + chance.between(60, 300)
        }
        _ => i32::MAX..i32::MAX,
    };
    let business_customer = (business_customers > 0 && chance.per_mille(16)).then(|| chance.place(business_customers));
    Member {
        joined,
        verified_at: verified_at.filter(|&at| at < i64::from(history.end) * DAY_MICROS),
        home,
        away,
        favourite: favourites.pick(chance).unwrap_or(0),
        habit: chance.below(650) as u32,
        points: 0,
        level: 0,
        business_customer,
        erased_at: None,
    }
}

/// Erases `count` members, spread over all: they leave some day after joining and never come back.
fn erase(members: &mut [Member], count: u32, history: &Range<i32>, chance: &mut Chance) {
    let stretch = MEMBERS_PER_ERASED as usize + 1;
    for number in 0..count as usize {
        let member = &mut members[number * stretch + chance.place(stretch)];
        let day = chance.between(member.joined.max(history.start), history.end - 1);
        member.erased_at = Some(i64::from(day) * DAY_MICROS + i64::from(chance.between(0, 86_399)) * 1_000_000);
        member.away = day..i32::MAX;
        member.verified_at = None;
    }
}

/// How often each comes, as in Zipf's law: the keenest of a home far more often than most, one in twelve never.
fn activity(members: &[Member], chance: &mut Chance) -> Vec<u64> {
    let order = chance.permutation(members.len());
    let mut rank_at_home = [0u64; STORES.len()];
    let mut activity = vec![0; members.len()];
    for place in order {
        let rank = &mut rank_at_home[members[place as usize].home];
        *rank += 1;
        activity[place as usize] = if chance.below(12) == 0 { 0 } else { 10_000_000 / (*rank + 30) };
    }
    activity
}
