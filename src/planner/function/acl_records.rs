//! The privileges of an access list as records, for `aclexplode` in a SELECT list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::scalar::ScalarValue;

use super::Body;

/// Four lists of one length become one list of records: `grantor`, `grantee`, `privilege_type`, `is_grantable`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AclRecords;

const NAMES: [&str; 4] = ["grantor", "grantee", "privilege_type", "is_grantable"];

impl Body for AclRecords {
    fn name(&self) -> &str {
        "acl_records"
    }

    fn gives(&self, given: &[DataType], _values: &[Option<&ScalarValue>]) -> Result<DataType> {
        let fields: Option<Vec<Field>> = NAMES
            .iter()
            .zip(given)
            .map(|(name, list)| match list {
                DataType::List(item) => Some(Field::new(*name, item.data_type().clone(), true)),
                _ => None,
            })
            .collect();
        let Some(fields) = fields.filter(|fields| fields.len() == NAMES.len()) else {
            return plan_err!("function aclexplode takes one array");
        };
        Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(Fields::from(fields)), true))))
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let DataType::List(item) = gives else { return plan_err!("function aclexplode gives a list") };
        let DataType::Struct(fields) = item.data_type() else { return plan_err!("its items are records") };
        let columns = args.iter().map(|arg| Arc::clone(arg.as_list::<i32>().values())).collect();
        let records = StructArray::try_new(fields.clone(), columns, None)?;
        let first = args[0].as_list::<i32>();
        let (offsets, nulls) = (first.offsets().clone(), first.nulls().cloned());
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, Arc::new(records), nulls)?))
    }
}
