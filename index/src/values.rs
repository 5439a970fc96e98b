//! Values of the relations in the narrow types of the index.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};

use super::builder::Unfit;
use super::columns::{NO_AMOUNT, NO_CODE, NO_NUMBER, NO_QUANTITY};
use super::draft::AMOUNT_MAX;

/// Numbers of what there are few of.
pub fn codes(numbers: Vec<u32>, what: &'static str) -> Result<Vec<u16>, Unfit> {
    let code = |number: u32| match number {
        NO_NUMBER => Ok(NO_CODE),
        number => u16::try_from(number).ok().filter(|code| *code != NO_CODE).ok_or(Unfit::TooMany(what)),
    };
    numbers.into_iter().map(code).collect()
}

/// Amounts with so many digits after the point; never fewer than they have.
pub fn scaled_amounts(amounts: &ArrayRef, scale: i8) -> Result<Vec<i64>, Unfit> {
    let scaled = scaled(amounts, scale, "amount")?;
    let narrow = |amount: Option<i128>| match amount {
        None => Ok(NO_AMOUNT),
        Some(amount) => {
            i64::try_from(amount).ok().filter(|amount| amount.abs() < AMOUNT_MAX).ok_or(Unfit::TooLarge("amount"))
        }
    };
    scaled.into_iter().map(narrow).collect()
}

pub fn scaled_quantities(quantities: &ArrayRef, scale: i8) -> Result<Vec<i32>, Unfit> {
    let scaled = scaled(quantities, scale, "quantity")?;
    let narrow = |quantity: Option<i128>| match quantity {
        None => Ok(NO_QUANTITY),
        Some(quantity) => i32::try_from(quantity).ok().filter(|q| *q > -i32::MAX).ok_or(Unfit::TooLarge("quantity")),
    };
    scaled.into_iter().map(narrow).collect()
}

fn scaled(values: &ArrayRef, scale: i8, column: &'static str) -> Result<Vec<Option<i128>>, Unfit> {
    let other = || Unfit::Type { column, data_type: values.data_type().clone() };
    let (values, own): (Vec<Option<i128>>, i8) = match values.data_type() {
        DataType::Int64 => (values.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from)).collect(), 0),
        DataType::Decimal128(_, own) => (values.as_primitive::<Decimal128Type>().iter().collect(), *own),
        _ => return Err(other()),
    };
    let digits = u32::try_from(i16::from(scale) - i16::from(own)).map_err(|_| other())?;
    let factor = 10_i128.checked_pow(digits).ok_or(Unfit::TooLarge(column))?;
    if factor == 1 {
        return Ok(values);
    }
    values.into_iter().map(|v| v.map(|v| v.checked_mul(factor).ok_or(Unfit::TooLarge(column))).transpose()).collect()
}
