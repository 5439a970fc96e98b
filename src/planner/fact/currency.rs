//! One currency at a time: the currency of a store, and the refusal of a sum that mixes two.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::error::message;
use crate::history::id::Id;
use crate::planner::function::{self, Body};

/// The currency of a store; NULL where the store does not say it.
pub fn of_store(store: Expr, currencies: &BTreeMap<Id, String>) -> Expr {
    function::call(OfStore { currencies: Arc::new(currencies.clone()) }, vec![store])
}

/// A sum, refused (22023) when the least and the greatest currency in it differ.
pub fn single(sum: Expr, least: Expr, most: Expr) -> Expr {
    function::call(Single, vec![sum, least, most])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfStore {
    currencies: Arc<BTreeMap<Id, String>>,
}

impl Body for OfStore {
    fn name(&self) -> &str {
        "currency_of"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let [stores] = args else { return Err(message::internal("currency_of takes a store").into()) };
        let currency = |row| self.currencies.get(&Id::of_row(stores, row)?).map(String::as_str);
        let currencies: StringViewArray = (0..stores.len()).map(currency).collect();
        Ok(Arc::new(currencies))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Single;

impl Body for Single {
    fn name(&self) -> &str {
        "in_one_currency"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        given.first().cloned().ok_or_else(|| message::internal("in_one_currency takes a sum").into())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let [sums, least, most] = args else {
            return Err(message::internal("in_one_currency takes a sum and two currencies").into());
        };
        let (least, most) = (least.as_string_view(), most.as_string_view());
        for row in 0..sums.len() {
            if least.is_valid(row) && most.is_valid(row) && least.value(row) != most.value(row) {
                return Err(message::currencies_mixed(least.value(row), most.value(row)).into());
            }
        }
        Ok(Arc::clone(sums))
    }

    /// A sum of nothing is in no currency.
    fn is_strict(&self) -> bool {
        false
    }
}
