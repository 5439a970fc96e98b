//! The items of an array with their places, for `information_schema._pg_expandarray`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::scalar::ScalarValue;

use super::Body;

/// A list of records: `x` is the item, `n` its place from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExpandArray;

impl Body for ExpandArray {
    fn name(&self) -> &str {
        "expand_array"
    }

    fn gives(&self, given: &[DataType], _values: &[Option<&ScalarValue>]) -> Result<DataType> {
        match given {
            [DataType::List(item)] => Ok(DataType::List(Arc::new(Field::new("item", record(item.data_type()), true)))),
            _ => plan_err!("function _pg_expandarray takes one array"),
        }
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let lists = args[0].as_list::<i32>();
        let DataType::List(item) = gives else { return plan_err!("function _pg_expandarray gives a list") };
        let DataType::Struct(fields) = item.data_type() else { return plan_err!("its items are records") };
        let offsets = lists.offsets();
        let first = offsets.first().copied().unwrap_or(0);
        let last = offsets.last().copied().unwrap_or(0);
        let mut places = Vec::with_capacity((last - first) as usize);
        for bounds in offsets.windows(2) {
            places.extend(1..=bounds[1] - bounds[0]);
        }
        let items = lists.values().slice(first as usize, (last - first) as usize);
        let records = StructArray::try_new(fields.clone(), vec![items, Arc::new(Int32Array::from(places))], None)?;
        let lengths = offsets.windows(2).map(|bounds| (bounds[1] - bounds[0]) as usize);
        let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, Arc::new(records), lists.nulls().cloned())?))
    }
}

fn record(item: &DataType) -> DataType {
    DataType::Struct(Fields::from(vec![Field::new("x", item.clone(), true), Field::new("n", DataType::Int32, true)]))
}
