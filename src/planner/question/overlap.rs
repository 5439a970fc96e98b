//! `segment_overlap`: how many members each pair of segments shares, counted in one pass.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::functions_aggregate::expr_fn::{bit_or, count};
use datafusion::logical_expr::{LogicalPlanBuilder, lit};

use super::segment::Segment;
use super::size::shares;
use crate::error::{Result, message};
use crate::planner::Planner;
use crate::planner::fact::lower::column;

/// Segments that can be compared with each other at once: one bit each.
const SEGMENTS_MAX: usize = 62;

/// A row for each pair, in the order given: sizes of both, members shared, and that as a share of each.
///
/// Errors: 54000 for too many segments.
pub async fn answer(planner: &Planner, segments: &[Segment], schema: SchemaRef) -> Result<RecordBatch> {
    if segments.len() > SEGMENTS_MAX {
        return Err(message::too_many_segments(segments.len(), SEGMENTS_MAX));
    }
    // Each member once for each segment it is in, with the segment's bit; then the bits of each member together.
    let mut all: Option<LogicalPlanBuilder> = None;
    for (at, segment) in segments.iter().enumerate() {
        let members = LogicalPlanBuilder::from(segment.members(planner)?)
            .project([column("member_id"), lit(1_i64 << at).alias("bit")])?;
        all = Some(match all {
            None => members,
            Some(all) => all.union(members.build()?)?,
        });
    }
    let all = all.ok_or_else(|| message::internal("there is no segment"))?;
    let plan = all
        .aggregate(vec![column("member_id")], vec![bit_or(column("bit")).alias("bits")])?
        .aggregate(vec![column("bits")], vec![count(lit(1_i64)).alias("members")])?
        .build()?;
    let mut counts: Vec<(i64, i64)> = Vec::new();
    for batch in planner.collect(plan).await? {
        let (bits, members) =
            (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
        counts.extend(
            (0..batch.num_rows()).filter(|row| bits.is_valid(*row)).map(|row| (bits.value(row), members.value(row))),
        );
    }
    let in_all = |wanted: i64| -> i64 {
        counts.iter().filter(|(bits, _)| bits & wanted == wanted).map(|(_, members)| members).sum()
    };
    let pairs: Vec<(usize, usize)> =
        (0..segments.len()).flat_map(|one| (one + 1..segments.len()).map(move |other| (one, other))).collect();
    let sizes: Vec<i64> = (0..segments.len()).map(|at| in_all(1 << at)).collect();
    let both: Vec<i64> = pairs.iter().map(|(one, other)| in_all((1 << one) | (1 << other))).collect();
    let names = |pick: fn(&(usize, usize)) -> usize| -> StringViewArray {
        pairs.iter().map(|pair| Some(segments[pick(pair)].name.as_str())).collect()
    };
    let firsts: Vec<i64> = pairs.iter().map(|(one, _)| sizes[*one]).collect();
    let seconds: Vec<i64> = pairs.iter().map(|(_, other)| sizes[*other]).collect();
    super::batch(
        schema,
        vec![
            Arc::new(names(|pair| pair.0)),
            Arc::new(names(|pair| pair.1)),
            Arc::new(Int64Array::from(firsts.clone())),
            Arc::new(Int64Array::from(seconds.clone())),
            Arc::new(Int64Array::from(both.clone())),
            Arc::new(shares(both.iter().copied().zip(firsts))?),
            Arc::new(shares(both.iter().copied().zip(seconds))?),
        ],
    )
}
