//! Dice that fall the same way for the same seed, on every machine.
//!
//! Whole numbers only: no logarithm or power whose last bit may differ from one platform to the next.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One stream of chance. Each concern draws from a stream of its own, so that a change to one leaves the others as they were.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

/// Which concern draws.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    Visits = 1,
    Members = 2,
    Receipts = 3,
    Contacts = 4,
    Consents = 5,
}

impl Chance {
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// A number in `from..=to`; `from` when the range is empty.
    pub fn between(&mut self, from: i32, to: i32) -> i32 {
        if from >= to { from } else { self.0.random_range(from..=to) }
    }

    /// True in `share` of a thousand cases.
    pub fn per_mille(&mut self, share: u32) -> bool {
        self.below(1000) < u64::from(share)
    }

    /// A place in a slice of `len` elements; 0 when it is empty.
    pub fn place(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// The numbers `0..len` in some order.
    pub fn permutation(&mut self, len: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len as u32).collect();
        for last in (1..len).rev() {
            let other = self.place(last + 1);
            order.swap(last, other);
        }
        order
    }
}

/// Places that are drawn in proportion to their weights.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    /// Sum of the weights up to and including each place.
    cumulative: Vec<u64>,
}

impl Weights {
    /// A place; `None` when nothing has weight.
    pub fn pick(&self, chance: &mut Chance) -> Option<usize> {
        self.pick_among_first(self.cumulative.len(), chance)
    }

    /// One of the first `count` places; `None` when none of them has weight.
    pub fn pick_among_first(&self, count: usize, chance: &mut Chance) -> Option<usize> {
        let total = self.cumulative[..count].last().copied().unwrap_or(0);
        if total == 0 {
            return None;
        }
        let drawn = chance.below(total);
        Some(self.cumulative.partition_point(|&sum| sum <= drawn))
    }

    /// Divides `total` over the places in proportion to their weights, exactly: the parts add up to `total` whenever
    /// anything has weight.
    pub fn divide(&self, total: u64) -> Vec<u64> {
        let whole = u128::from(self.cumulative.last().copied().unwrap_or(0)).max(1);
        let mut before = 0;
        let share_up_to = |&sum: &u64| (u128::from(total) * u128::from(sum) / whole) as u64;
        self.cumulative
            .iter()
            .map(share_up_to)
            .map(|upto| {
                let part = upto - before;
                before = upto;
                part
            })
            .collect()
    }
}

impl FromIterator<u64> for Weights {
    fn from_iter<I: IntoIterator<Item = u64>>(weights: I) -> Self {
        let mut sum = 0;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { cumulative }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole() {
        let weights: Weights = [3, 0, 5, 2].into_iter().collect();
        assert_eq!(weights.divide(10), [3, 0, 5, 2]);
        assert_eq!(weights.divide(7), [2, 0, 3, 2]);
        assert_eq!(weights.divide(0), [0, 0, 0, 0]);
    }

    #[test]
    fn nothing_is_drawn_where_nothing_has_weight() {
        let mut chance = Chance::new(1, Stream::Visits);
        let weights: Weights = [0, 0, 4].into_iter().collect();
        assert_eq!(weights.pick_among_first(2, &mut chance), None);
        assert_eq!(weights.pick(&mut chance), Some(2));
        assert_eq!(Weights::default().pick(&mut chance), None);
    }

    #[test]
    fn a_permutation_holds_each_number_once() {
        let mut order = Chance::new(7, Stream::Members).permutation(50);
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
