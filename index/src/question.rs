//! What is asked of an index, in its own numbers.

use super::columns::{MemberIndex, NO_DAY, NO_NUMBER};
use super::tally::Tally;

/// Products, by their numbers.
#[derive(Debug, Clone, Default)]
pub struct ProductSet {
    has: Vec<bool>,
    numbers: Vec<u32>,
}

impl ProductSet {
    pub(crate) fn contains(&self, product: u32) -> bool {
        self.has.get(product as usize).copied().unwrap_or(false)
    }

    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

/// Which receipts, and which lines of them, are looked at. All of it holds on the same receipt.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Lines of these products.
    pub products: Option<ProductSet>,
    /// Of each of these the receipt has some.
    pub all_products: Vec<ProductSet>,
    /// By their codes.
    pub stores: Option<Vec<bool>>,
    pub channels: Option<Vec<bool>>,
    /// A bit each, Monday's the second lowest.
    pub weekdays: Option<u8>,
    /// Local time from the first to before the second, in seconds; past midnight where the second is less.
    pub seconds: Option<(u32, u32)>,
    /// Business dates, both inclusive.
    pub from_day: Option<i32>,
    pub to_day: Option<i32>,
    /// Of the receipt's gross total, at the index's scale.
    pub least_total: Option<i64>,
    /// As if nothing had been returned.
    pub is_gross: bool,
    /// Completed receipts as they stand, whether they count as purchases or not, and products as they stand on lines, whether
    /// they came back or not. Sums are not asked of them.
    pub as_rows: bool,
    /// Receipts of later business dates do not exist, nor do refunds.
    pub as_of: Option<i32>,
}

/// What of a filter's receipts is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    pub count: bool,
    pub visit_days: bool,
    pub first_day: bool,
    pub last_day: bool,
    pub amount: bool,
    pub quantity: bool,
    /// The least and the greatest currency of what makes up the amount.
    pub currencies: bool,
}

impl Parts {
    pub(crate) fn of_receipts(self) -> bool {
        self.count || self.visit_days || self.first_day || self.last_day
    }

    pub(crate) fn of_sums(self) -> bool {
        self.amount || self.quantity
    }
}

/// A filter and what is wanted of its receipts.
#[derive(Debug, Clone, Default)]
pub struct Use {
    pub filter: Filter,
    pub parts: Parts,
    /// For [`Parts::currencies`]: a store's currency, numbered in the order of their names, by the store's code.
    pub currency_of_store: Vec<Option<u16>>,
}

impl MemberIndex {
    /// Those of these products that occur; what occurs nowhere is on no receipt.
    pub fn product_set(&self, products: impl IntoIterator<Item = Option<u32>>) -> ProductSet {
        let mut set = ProductSet { has: vec![false; self.products.len()], numbers: Vec::new() };
        for product in products.into_iter().flatten() {
            if let Some(has) = set.has.get_mut(product as usize).filter(|has| !**has) {
                *has = true;
                set.numbers.push(product);
            }
        }
        set
    }

    pub fn product_of_number(&self, id: i64) -> Option<u32> {
        self.products.of_number(id)
    }

    pub fn product_of_text(&self, id: &str) -> Option<u32> {
        self.products.of_text(id)
    }

    pub fn store_of_number(&self, id: i64) -> Option<u32> {
        self.stores.of_number(id)
    }

    pub fn store_of_text(&self, id: &str) -> Option<u32> {
        self.stores.of_text(id)
    }

    pub fn channel(&self, name: &str) -> Option<u32> {
        self.channels.of_text(name)
    }

    pub fn stores(&self) -> usize {
        self.stores.len()
    }

    /// A flag for each store, or channel, by code.
    pub fn store_flags(&self, stores: impl IntoIterator<Item = Option<u32>>) -> Vec<bool> {
        flags(self.stores.len(), stores)
    }

    pub fn channel_flags(&self, channels: impl IntoIterator<Item = Option<u32>>) -> Vec<bool> {
        flags(self.channels.len(), channels)
    }
}

fn flags(count: usize, set: impl IntoIterator<Item = Option<u32>>) -> Vec<bool> {
    let mut flags = vec![false; count];
    for number in set.into_iter().flatten().filter(|number| *number != NO_NUMBER) {
        if let Some(flag) = flags.get_mut(number as usize) {
            *flag = true;
        }
    }
    flags
}

/// A number of a use's [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Count,
    VisitDays,
    FirstDay,
    LastDay,
    Amount,
    Quantity,
    Least,
    Most,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What must hold of the sums of a member whose row is wanted. A day that there is none of satisfies no comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// A part of the use at this place, at the index's scale where it has one.
    Compare {
        of: usize,
        part: Part,
        is: Comparison,
        to: i128,
    },
    /// Whether there is such a day.
    IsKnown {
        of: usize,
        part: Part,
        known: bool,
    },
}

impl Condition {
    /// Every use that is asked.
    pub fn uses(&self) -> Vec<usize> {
        match self {
            Self::All(of) | Self::Any(of) => of.iter().flat_map(Self::uses).collect(),
            Self::Compare { of, .. } | Self::IsKnown { of, .. } => vec![*of],
        }
    }

    /// For each of so many members, whether it holds of what their uses add up to.
    pub fn holds(&self, tallies: &[Tally], members: usize) -> Vec<bool> {
        match self {
            Self::All(of) => joined(of, tallies, members, true, |one, other| one & other),
            Self::Any(of) => joined(of, tallies, members, false, |one, other| one | other),
            Self::Compare { of, part, is, to } => {
                let tally = &tallies[*of];
                match part {
                    Part::Count => compared(&tally.count, *is, *to),
                    Part::VisitDays => compared(&tally.visit_days, *is, *to),
                    Part::FirstDay => compared_days(&tally.first_day, *is, *to),
                    Part::LastDay => compared_days(&tally.last_day, *is, *to),
                    Part::Amount => compared(&tally.amount, *is, *to),
                    Part::Quantity => compared(&tally.quantity, *is, *to),
                    Part::Least | Part::Most => vec![false; members],
                }
            }
            Self::IsKnown { of, part, known } => {
                let tally = &tallies[*of];
                let days = if *part == Part::FirstDay { &tally.first_day } else { &tally.last_day };
                days.iter().map(|day| (*day != NO_DAY) == *known).collect()
            }
        }
    }
}

fn joined(
    of: &[Condition],
    tallies: &[Tally],
    members: usize,
    start: bool,
    join: impl Fn(bool, bool) -> bool,
) -> Vec<bool> {
    let mut holds = vec![start; members];
    for condition in of {
        for (one, other) in holds.iter_mut().zip(condition.holds(tallies, members)) {
            *one = join(*one, other);
        }
    }
    holds
}

fn compared<T: Copy + TryFrom<i128> + Ord>(values: &[T], is: Comparison, to: i128) -> Vec<bool> {
    let Ok(to) = T::try_from(to) else {
        // Beyond every value that there can be.
        let is_above = match is {
            Comparison::Equal => false,
            Comparison::NotEqual => true,
            Comparison::Less | Comparison::LessOrEqual => to > 0,
            Comparison::Greater | Comparison::GreaterOrEqual => to < 0,
        };
        return vec![is_above; values.len()];
    };
    match is {
        Comparison::Equal => values.iter().map(|value| *value == to).collect(),
        Comparison::NotEqual => values.iter().map(|value| *value != to).collect(),
        Comparison::Less => values.iter().map(|value| *value < to).collect(),
        Comparison::LessOrEqual => values.iter().map(|value| *value <= to).collect(),
        Comparison::Greater => values.iter().map(|value| *value > to).collect(),
        Comparison::GreaterOrEqual => values.iter().map(|value| *value >= to).collect(),
    }
}

fn compared_days(days: &[i32], is: Comparison, to: i128) -> Vec<bool> {
    let mut holds = compared(days, is, to);
    for (holds, day) in holds.iter_mut().zip(days) {
        *holds &= *day != NO_DAY;
    }
    holds
}
