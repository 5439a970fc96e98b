//! `segment_size`: how many members a segment has, out of how many.

use std::sync::Arc;

use arrow::array::{Decimal128Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};

use super::segment::Segment;
use crate::error::Result;
use crate::planner::Planner;

/// A share, `numeric` with six digits behind the point.
pub const SHARE: DataType = DataType::Decimal128(9, SHARE_DIGITS);
const SHARE_DIGITS: i8 = 6;

/// One row: members, universe, share (NULL when there is no member at all).
pub async fn answer(planner: &Planner, segment: &Segment, schema: SchemaRef) -> Result<RecordBatch> {
    let members = planner.count(segment.members(planner)?).await?;
    let universe = planner.count(planner.universe()?).await?;
    let columns = vec![
        Arc::new(Int64Array::from(vec![members])) as _,
        Arc::new(Int64Array::from(vec![universe])) as _,
        Arc::new(shares([(members, universe)])?) as _,
    ];
    super::batch(schema, columns)
}

/// Parts of wholes, rounded half up; NULL of nothing.
pub fn shares(pairs: impl IntoIterator<Item = (i64, i64)>) -> Result<Decimal128Array> {
    let unit = 10_i128.pow(SHARE_DIGITS.unsigned_abs().into());
    let share = |(part, whole): (i64, i64)| {
        let whole = i128::from(whole);
        (whole > 0).then(|| (i128::from(part) * unit * 2 + whole) / (whole * 2))
    };
    let shares: Decimal128Array = pairs.into_iter().map(share).collect();
    Ok(shares.with_data_type(SHARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_as_numeric_is() {
        // SELECT round(391::numeric / 55044, 6), round(2::numeric / 3, 6) on PostgreSQL 15.
        let shares = shares([(391, 55_044), (2, 3), (0, 0), (5, 5)]).unwrap();
        let expected = Decimal128Array::from(vec![Some(7_103), Some(666_667), None, Some(1_000_000)]);
        assert_eq!(shares, expected.with_data_type(SHARE));
    }
}
