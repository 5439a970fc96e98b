//! `loyalty_level`: the level that a number of points gives.

use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, Form, Kind};
use crate::level::Levels;

/// `loyalty_level(points) → text`: the highest level whose points are reached, NULL below the first.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LoyaltyLevel {
    signature: Signature,
    levels: Levels,
}

const FORMS: &[Form] = &[&[("points", Kind::Points)]];

impl LoyaltyLevel {
    pub fn new(levels: Levels) -> Self {
        Self { signature: argument::signature(), levels }
    }
}

impl ScalarUDFImpl for LoyaltyLevel {
    fn name(&self) -> &str {
        "loyalty_level"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        argument::accept(self.name(), FORMS, &args, DataType::Utf8)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let points = arguments.array(0)?;
        arguments.answer(names(&points.values, &self.levels)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The loyalty level that a number of points gives: the highest level whose first point is reached. \
                 NULL below the first level, and when no levels are defined. In the example, bronze begins at 0 \
                 points, silver at 500 and gold at 2000.",
                "loyalty_level(points)",
                &[("points", "a number of any type.")],
                r"SELECT loyalty_level(499.99) AS almost, loyalty_level(500) AS reached;
 almost | reached
--------+---------
 bronze | silver
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel over `bigint`, `double precision` or `numeric`.
fn names(points: &ArrayRef, levels: &Levels) -> Result<StringArray> {
    match points.data_type() {
        DataType::Int64 => Ok(highest(argument::primitive::<Int64Type>(points)?, levels, |from| from)),
        DataType::Float64 => Ok(highest(argument::primitive::<Float64Type>(points)?, levels, |from| from as f64)),
        _ => {
            let points = argument::primitive::<Decimal128Type>(points)?;
            // Compared at the column's own scale, so nothing is rounded; a level beyond all its numbers is never reached.
            let one = 10_i128.checked_pow(u32::from(points.scale().unsigned_abs()));
            let at_scale = |from: i64| one.and_then(|one| one.checked_mul(i128::from(from)));
            Ok(highest(points, levels, |from| at_scale(from).unwrap_or(if from < 0 { i128::MIN } else { i128::MAX })))
        }
    }
}

/// `from` turns a level's first point into the type of the points. Not-a-number is above everything, as in PostgreSQL.
fn highest<T: ArrowPrimitiveType>(
    points: &PrimitiveArray<T>,
    levels: &Levels,
    from: impl Fn(i64) -> T::Native,
) -> StringArray
where
    T::Native: PartialOrd,
{
    let levels: Vec<(T::Native, &str)> = levels.by_points().map(|(first, name)| (from(first), name)).collect();
    let name_of = |points: T::Native| {
        let above = levels.partition_point(|(first, _)| !is_below(&points, first));
        above.checked_sub(1).map(|highest| levels[highest].1)
    };
    points.iter().map(|points| points.and_then(name_of)).collect()
}

fn is_below<N: PartialOrd>(points: &N, first: &N) -> bool {
    matches!(points.partial_cmp(first), Some(std::cmp::Ordering::Less))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    fn levels() -> Levels {
        let level = |name: &str, rank, points_from| Level { name: name.to_owned(), rank, points_from };
        Levels::new(vec![level("gold", 3, Some(2000)), level("silver", 2, Some(500)), level("bronze", 1, Some(0))])
            .unwrap()
    }

    fn names_of(points: impl Array + 'static) -> Vec<Option<String>> {
        let points: ArrayRef = std::sync::Arc::new(points);
        names(&points, &levels()).unwrap().iter().map(|name| name.map(str::to_owned)).collect()
    }

    fn some(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| (!name.is_empty()).then(|| (*name).to_owned())).collect()
    }

    #[test]
    fn the_first_point_of_a_level_reaches_it_in_every_type() {
        let integers =
            PrimitiveArray::<Int64Type>::from(vec![Some(-1), Some(0), Some(499), Some(500), Some(i64::MAX), None]);
        assert_eq!(names_of(integers), some(&["", "bronze", "bronze", "silver", "gold", ""]));
        let floats = PrimitiveArray::<Float64Type>::from(vec![-0.5, 499.999, 500.0, f64::NAN]);
        assert_eq!(names_of(floats), some(&["", "bronze", "silver", "gold"]));
        let decimals =
            PrimitiveArray::<Decimal128Type>::from(vec![-1, 49_999, 50_000]).with_precision_and_scale(18, 2).unwrap();
        assert_eq!(names_of(decimals), some(&["", "bronze", "silver"]));
        let narrow = PrimitiveArray::<Decimal128Type>::from(vec![1]).with_precision_and_scale(38, 38).unwrap();
        assert_eq!(names_of(narrow), some(&["bronze"]));
    }
}
