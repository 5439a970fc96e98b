//! A scope in the numbers of an index.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use regulars_index::{Filter, MemberIndex, Parts, ProductSet, Use};

use crate::history::id::Id;
use crate::history::scope::{Ids, Scope};

/// What is wanted of a scope.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub scope: &'a Scope,
    pub parts: Parts,
    /// Later business dates do not exist.
    pub as_of: Option<i32>,
    /// For [`Parts::currencies`]: the stores that say their currency, with its place among all currencies' names.
    pub currencies: &'a BTreeMap<Id, u16>,
}

const SECOND_US: i64 = 1_000_000;

impl Wanted<'_> {
    /// The question to ask; `None` where the index is not fine enough for it.
    pub fn in_numbers(&self, index: &MemberIndex) -> Option<Use> {
        let scope = self.scope;
        if self.as_of.is_some() && !index.knows_earlier_days() {
            return None;
        }
        let products = |ids: &Ids| -> ProductSet {
            index.product_set(ids.iter().map(|id| match id {
                Id::Number(number) => index.product_of_number(*number),
                Id::Text(text) => index.product_of_text(text),
            }))
        };
        let store = |id: &Id| match id {
            Id::Number(number) => index.store_of_number(*number),
            Id::Text(text) => index.store_of_text(text),
        };
        let seconds = match scope.hours.map(regulars_udfs::TimeWindow::bounds_us) {
            None => None,
            Some((from, to)) if from % SECOND_US != 0 || to % SECOND_US != 0 => return None,
            // The whole day, whatever the time.
            Some((from, to)) if from == to => None,
            Some((from, to)) => Some((u32::try_from(from / SECOND_US).ok()?, u32::try_from(to / SECOND_US).ok()?)),
        };
        let least_total = match &scope.min_amount {
            None => None,
            Some(least) => Some(least_total(least, index.amount_scale())?),
        };
        let mut currency_of_store = Vec::new();
        if self.parts.currencies {
            currency_of_store = vec![None; index.stores()];
            for (id, currency) in self.currencies {
                if let Some(place) = store(id).and_then(|store| currency_of_store.get_mut(store as usize)) {
                    *place = Some(*currency);
                }
            }
        }
        let weekday_bits = |days: regulars_udfs::WeekdaySet| {
            (1..=7_u8).filter(|day| days.contains(*day)).fold(0, |bits, day| bits | (1 << day))
        };
        let filter = Filter {
            products: scope.products.as_ref().map(products),
            all_products: scope.all_products.iter().map(products).collect(),
            stores: scope.stores.as_ref().map(|stores| index.store_flags(stores.iter().map(store))),
            channels: scope
                .channels
                .as_ref()
                .map(|channels| index.channel_flags(channels.iter().map(|channel| index.channel(channel)))),
            weekdays: scope.weekdays.map(weekday_bits),
            seconds,
            from_day: scope.from_day,
            to_day: scope.to_day,
            least_total,
            is_gross: scope.is_gross,
            as_rows: scope.as_rows,
            as_of: self.as_of,
        };
        Some(Use { filter, parts: self.parts, currency_of_store })
    }
}

/// The least amount, as the index has amounts, that is no less than this.
fn least_total(least: &ScalarValue, scale: i8) -> Option<i64> {
    let ScalarValue::Decimal128(Some(least), _, own) = least else { return None };
    let digits = i32::from(scale) - i32::from(*own);
    let power = 10_i128.checked_pow(digits.unsigned_abs())?;
    let at_scale = if digits >= 0 { least.checked_mul(power)? } else { div_ceil(*least, power) };
    i64::try_from(at_scale).ok()
}

fn div_ceil(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn least(digits: i128, own: i8, scale: i8) -> Option<i64> {
        least_total(&ScalarValue::Decimal128(Some(digits), 38, own), scale)
    }

    #[test]
    fn a_least_amount_is_rounded_up() {
        // 60, 59.999 and 60.001 in hundredths; -0.5 in whole units.
        assert_eq!(least(60, 0, 2), Some(6000));
        assert_eq!(least(59_999, 3, 2), Some(6000));
        assert_eq!(least(60_001, 3, 2), Some(6001));
        assert_eq!(least(-5, 1, 0), Some(0));
        assert_eq!(least(-15, 1, 0), Some(-1));
    }

    #[test]
    fn an_amount_that_the_index_has_not_is_left_to_the_files() {
        assert_eq!(least(i128::MAX / 2, 0, 2), None);
    }
}
