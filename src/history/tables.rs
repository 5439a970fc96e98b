//! Small tables that functions take as constants: loyalty levels, parts of the day, RFM groups.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Time64MicrosecondType, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlanBuilder;
use regulars_udfs::{DayPart, DayParts, Level, Levels, RfmGroup, RfmGroups, Tables, time_of_day};

use super::engine::{Engine, fault};
use super::mapped::column;
use crate::error::{Result, message};

/// Reads both. Without levels there are none, without parts of the day or RFM groups those of `regulars-udfs`.
///
/// # Errors
/// 22023 for levels or parts that contradict each other, 22003 for a rank that is too large, XX001 for an empty cell or
/// a table of parts that lacks a column.
pub async fn read(
    levels: Option<&Arc<dyn TableProvider>>,
    day_parts: Option<&Arc<dyn TableProvider>>,
    rfm_groups: Option<&Arc<dyn TableProvider>>,
    engine: &Engine,
) -> Result<Tables> {
    let mut tables = Tables::default();
    if let Some(provider) = levels {
        tables.levels = Levels::new(read_levels(provider, engine).await?).map_err(DataFusionError::from)?;
    }
    if let Some(provider) = day_parts {
        tables.day_parts = DayParts::new(read_day_parts(provider, engine).await?).map_err(DataFusionError::from)?;
    }
    if let Some(provider) = rfm_groups {
        tables.rfm_groups = RfmGroups::new(read_rfm_groups(provider, engine).await?).map_err(DataFusionError::from)?;
    }
    Ok(tables)
}

async fn read_levels(provider: &Arc<dyn TableProvider>, engine: &Engine) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    for batch in rows("loyalty_levels", provider, engine).await? {
        let (names, ranks) = (named(&batch, "level")?, named(&batch, "rank")?);
        for row in 0..batch.num_rows() {
            if names.is_null(row) || ranks.is_null(row) {
                return Err(message::empty_cell("loyalty_levels", if names.is_null(row) { "level" } else { "rank" }));
            }
            let name = names.as_string_view().value(row).to_owned();
            let rank = ranks.as_primitive::<Int64Type>().value(row);
            let rank = i32::try_from(rank).map_err(|_| message::rank_too_large(&name, rank))?;
            let points_from = batch
                .column_by_name("points_from")
                .and_then(|points| ScalarValue::try_from_array(points, row).ok())
                .and_then(|points| whole_points(&points));
            levels.push(Level { name, rank, points_from });
        }
    }
    Ok(levels)
}

/// The threshold in whole points; a fraction of a point is only reached with the next whole one.
fn whole_points(points: &ScalarValue) -> Option<i64> {
    match points {
        ScalarValue::Int64(points) => *points,
        ScalarValue::Decimal128(Some(points), _, scale) => {
            let unit = 10_i128.pow(u32::try_from(*scale).ok()?);
            let whole = points.div_euclid(unit) + i128::from(points.rem_euclid(unit) != 0);
            i64::try_from(whole).ok()
        }
        _ => None,
    }
}

async fn read_day_parts(provider: &Arc<dyn TableProvider>, engine: &Engine) -> Result<Vec<DayPart>> {
    let schema = provider.schema();
    for name in ["day_part", "from_time", "to_time"] {
        let usable = schema.field_with_name(name).is_ok_and(|field| match field.data_type() {
            DataType::Utf8View => true,
            DataType::Time32(_) | DataType::Time64(_) => name != "day_part",
            _ => false,
        });
        if !usable {
            return Err(message::day_parts_lack_column(name));
        }
    }
    let mut parts = Vec::new();
    for batch in rows("day_parts", provider, engine).await? {
        let names = named(&batch, "day_part")?;
        let (from, to) = (times(&batch, "from_time")?, times(&batch, "to_time")?);
        for row in 0..batch.num_rows() {
            let cells = [names.is_valid(row).then_some(0), from[row], to[row]];
            let [Some(_), Some(from_us), Some(to_us)] = cells else {
                let empty = cells.iter().position(Option::is_none).unwrap_or(0);
                return Err(message::empty_cell("day_parts", ["day_part", "from_time", "to_time"][empty]));
            };
            parts.push(DayPart { name: names.as_string_view().value(row).to_owned(), from_us, to_us });
        }
    }
    Ok(parts)
}

/// The columns of a table of RFM groups that hold scores, in pairs of from and to.
const RFM_BOUNDS: [&str; 6] =
    ["recency_from", "recency_to", "frequency_from", "frequency_to", "monetary_from", "monetary_to"];

/// Groups in the order of their positions.
async fn read_rfm_groups(provider: &Arc<dyn TableProvider>, engine: &Engine) -> Result<Vec<RfmGroup>> {
    let schema = provider.schema();
    for name in ["position", "name"].into_iter().chain(RFM_BOUNDS) {
        let usable = schema.field_with_name(name).is_ok_and(|field| match name {
            "name" => *field.data_type() == DataType::Utf8View,
            _ => field.data_type().is_integer(),
        });
        if !usable {
            return Err(message::rfm_groups_lack_column(name));
        }
    }
    let mut groups = Vec::new();
    for batch in rows("rfm_groups", provider, engine).await? {
        let names = named(&batch, "name")?;
        let whole = |name: &str| -> Result<Vec<Option<i64>>> {
            let numbers = cast(named(&batch, name)?, &DataType::Int64)?;
            Ok(numbers.as_primitive::<Int64Type>().iter().collect())
        };
        let positions = whole("position")?;
        let bounds = RFM_BOUNDS.map(whole).into_iter().collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let bound = |at: usize| {
                // What is no score is outside every box, and told when the table is checked.
                bounds[at][row]
                    .map(|score| u8::try_from(score).unwrap_or(0))
                    .ok_or_else(|| message::empty_cell("rfm_groups", RFM_BOUNDS[at]))
            };
            let position = positions[row].ok_or_else(|| message::empty_cell("rfm_groups", "position"))?;
            if names.is_null(row) {
                return Err(message::empty_cell("rfm_groups", "name"));
            }
            let group = RfmGroup {
                name: names.as_string_view().value(row).to_owned(),
                recency: (bound(0)?, bound(1)?),
                frequency: (bound(2)?, bound(3)?),
                monetary: (bound(4)?, bound(5)?),
            };
            groups.push((position, group));
        }
    }
    groups.sort_by_key(|(position, _)| *position);
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

/// Microseconds since midnight of a column of times, or of texts such as `24:00`.
fn times(batch: &RecordBatch, name: &str) -> Result<Vec<Option<i64>>> {
    let column = named(batch, name)?;
    if let Some(texts) = column.as_string_view_opt() {
        return texts
            .iter()
            .map(|text| Ok(text.map(time_of_day::parse).transpose().map_err(DataFusionError::from)?))
            .collect();
    }
    let times = cast(column, &DataType::Time64(TimeUnit::Microsecond))?;
    Ok(times.as_primitive::<Time64MicrosecondType>().iter().collect())
}

async fn rows(name: &str, provider: &Arc<dyn TableProvider>, engine: &Engine) -> Result<Vec<RecordBatch>> {
    let what = format!("table \"{name}\"");
    let names: Vec<String> = provider.schema().fields().iter().map(|field| field.name().clone()).collect();
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(provider)), None)
        .and_then(|scan| scan.project(names.iter().map(column))?.build())
        .map_err(|error| fault(error, &what))?;
    engine.rows(&plan, &what).await
}

fn named<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| message::internal(format!("column \"{name}\" was asked for and not given")))
}
