//! Receipts that are looked at, and the marks of those that are asked for: a byte each, 1 or 0.

use std::ops::Range;

use super::question::ProductSet;

/// The receipts of a piece that are looked at, in the order of their members and days.
pub enum Rows<'a> {
    All(Range<usize>),
    /// Those on which some of a set's products stand.
    Listed {
        receipts: &'a [u32],
        set: &'a ProductSet,
    },
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::All(range) => range.len(),
            Self::Listed { receipts, .. } => receipts.len(),
        }
    }

    /// Those with a mark, in order.
    pub fn marked<'b>(&'b self, marks: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
        places(marks).map(|at| self.receipt(at))
    }

    /// The one at a place.
    fn receipt(&self, at: usize) -> usize {
        match self {
            Self::All(range) => range.start + at,
            Self::Listed { receipts, .. } => receipts[at] as usize,
        }
    }

    /// Takes the mark off whatever does not hold. Nothing here depends on a row before it and nothing branches, so that the
    /// processor takes many rows at once.
    pub fn keep<T: Copy>(&self, marks: &mut [u8], values: &[T], holds: impl Fn(T) -> bool) {
        match self {
            Self::All(range) => {
                for (mark, value) in marks.iter_mut().zip(&values[range.clone()]) {
                    *mark &= u8::from(holds(*value));
                }
            }
            Self::Listed { receipts, .. } => {
                for (mark, receipt) in marks.iter_mut().zip(*receipts) {
                    *mark &= u8::from(holds(values[*receipt as usize]));
                }
            }
        }
    }

    /// The same for what is asked only of rows with a mark.
    pub fn keep_marked(&self, marks: &mut [u8], holds: impl Fn(usize) -> bool) {
        let off: Vec<usize> = places(marks).filter(|at| !holds(self.receipt(*at))).collect();
        for at in off {
            marks[at] = 0;
        }
    }
}

/// Where marks are; eight places at a time are looked at together.
fn places(marks: &[u8]) -> impl Iterator<Item = usize> {
    marks.chunks(8).enumerate().flat_map(|(number, chunk)| {
        let mut eight = [0_u8; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        let mut left = u64::from_le_bytes(eight);
        std::iter::from_fn(move || {
            // Each byte is 1 or 0, so that the lowest bit that is set is that of the next mark.
            let at = (left != 0).then(|| number * 8 + (left.trailing_zeros() / 8) as usize);
            left &= left.wrapping_sub(1);
            at
        })
    })
}

/// How many marks there are; eight at a time.
pub fn sum_of_marks(marks: &[u8]) -> i64 {
    let (eights, rest) = marks.as_chunks::<8>();
    // Each byte is 1 or 0, so that the sum of eight of them stands in the highest byte of the product.
    let sum = |eight: &[u8; 8]| (u64::from_le_bytes(*eight).wrapping_mul(0x0101_0101_0101_0101) >> 56) as i64;
    eights.iter().map(sum).sum::<i64>() + rest.iter().map(|mark| i64::from(*mark)).sum::<i64>()
}
