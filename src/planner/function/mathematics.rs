//! Functions on numbers whose types or refusals differ from the engine's, or that it does not have.

use arrow::array::Array;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, i256};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::datum::Datum;
use super::numeric::rescaled;
use super::overload::{Call, Overloaded, Takes, float8, form, form_from, int4, int8, strict};
use crate::error::{Error, message};

const TWO_INT4: &[Takes] = &[Takes::Int4, Takes::Int4];
const TWO_INT8: &[Takes] = &[Takes::Int8, Takes::Int8];
const TWO_NUMERIC: &[Takes] = &[Takes::Numeric, Takes::Numeric];

pub const FUNCTIONS: &[Overloaded] = &[
    strict(
        "div",
        &[form_from(TWO_NUMERIC, whole_type, |_, args| {
            let (left, right, _) = aligned(&args[0], &args[1])?;
            let quotient = left.checked_div(right).ok_or_else(message::division_by_zero)?;
            Ok(Datum::Numeric(quotient, 0))
        })],
    ),
    strict(
        "mod",
        &[
            form(TWO_INT4, int4, remainder),
            form(TWO_INT8, int8, remainder),
            form_from(TWO_NUMERIC, widest_type, |_, args| {
                let (left, right, scale) = aligned(&args[0], &args[1])?;
                let rest = left.checked_rem(right).ok_or_else(message::division_by_zero)?;
                Ok(Datum::Numeric(rest, scale))
            }),
        ],
    ),
    // The operator `~`.
    strict(
        "bit_not",
        &[
            form(&[Takes::Int4], int4, |_, args| Ok(Datum::Int(!args[0].int()))),
            form(&[Takes::Int8], int8, |_, args| Ok(Datum::Int(!args[0].int()))),
        ],
    ),
    strict("gcd", &[form(TWO_INT4, int4, common_divisor), form(TWO_INT8, int8, common_divisor)]),
    strict("lcm", &[form(TWO_INT4, int4, common_multiple), form(TWO_INT8, int8, common_multiple)]),
    strict(
        "factorial",
        &[form_from(&[Takes::Int8], whole_type, |_, args| {
            let n = args[0].int();
            if n < 0 {
                return Err(message::factorial_of_negative());
            }
            let product = (1..=i128::from(n)).try_fold(1_i128, |product, factor| product.checked_mul(factor));
            product.map(|product| Datum::Numeric(product, 0)).ok_or_else(message::numeric_overflow)
        })],
    ),
    strict(
        "abs",
        &[
            form(&[Takes::Int4], int4, absolute),
            form(&[Takes::Int8], int8, absolute),
            form(&[Takes::Float], float8, |_, args| Ok(Datum::Float(args[0].float().abs()))),
            form_from(&[Takes::Numeric], same_type, |_, args| {
                let (value, scale) = args[0].numeric();
                Ok(Datum::Numeric(value.abs(), scale))
            }),
        ],
    ),
    strict(
        "sign",
        &[
            form(&[Takes::Float], float8, |_, args| {
                let value = args[0].float();
                Ok(Datum::Float(if value == 0.0 { 0.0 } else { value.signum() }))
            }),
            form_from(&[Takes::Numeric], whole_type, |_, args| Ok(Datum::Numeric(args[0].numeric().0.signum(), 0))),
        ],
    ),
    strict(
        "trunc",
        &[
            form(&[Takes::Float], float8, |_, args| Ok(Datum::Float(args[0].float().trunc()))),
            form_from(&[Takes::Numeric], whole_type, |_, args| truncated(&args[0], 0)),
            form_from(&[Takes::Numeric, Takes::Int4], digits_type, |_, args| truncated(&args[0], args[1].int())),
        ],
    ),
    strict("scale", &[form(&[Takes::Numeric], int4, |_, args| Ok(Datum::Int(args[0].numeric().1.into())))]),
    strict(
        "min_scale",
        &[form(&[Takes::Numeric], int4, |_, args| {
            let (mut value, mut scale) = args[0].numeric();
            while scale > 0 && value % 10 == 0 {
                (value, scale) = (value / 10, scale - 1);
            }
            Ok(Datum::Int(scale.into()))
        })],
    ),
    strict(
        "power",
        &[form(&[Takes::Float, Takes::Float], float8, |_, args| {
            let (base, exponent) = (args[0].float(), args[1].float());
            if base == 0.0 && exponent < 0.0 {
                return Err(message::power_of_zero());
            }
            if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
                return Err(message::power_complex());
            }
            let power = base.powf(exponent);
            if power.is_infinite() && base.is_finite() && exponent.is_finite() {
                return Err(message::out_of_range_overflow());
            }
            Ok(Datum::Float(power))
        })],
    ),
    strict(
        "width_bucket",
        &[
            form(&[Takes::Float, Takes::Float, Takes::Float, Takes::Int4], int4, |_, args| {
                let [value, low, high] = [args[0].float(), args[1].float(), args[2].float()];
                if [value, low, high].iter().any(|bound| bound.is_nan()) || low.is_infinite() || high.is_infinite() {
                    return Err(message::bucket_bounds_not_finite());
                }
                let count = bucket_count(args[3].int(), low == high)?;
                let share = (value - low) / (high - low);
                let bucket = match share {
                    share if share < 0.0 => 0,
                    share if share >= 1.0 => count + 1,
                    share => (share * count as f64).floor() as i64 + 1,
                };
                bucket_number(bucket)
            }),
            form(&[Takes::Numeric, Takes::Numeric, Takes::Numeric, Takes::Int4], int4, bucket_of_numeric),
            form(&[Takes::Any, Takes::List], int4, bucket_of_list),
        ],
    ),
];

fn whole_type(_given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))
}

fn same_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match given.first() {
        Some(given @ DataType::Decimal128(..)) => given.clone(),
        _ => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
    })
}

fn widest_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let scale = given.iter().map(|given| if let DataType::Decimal128(_, scale) = given { *scale } else { 0 }).max();
    Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale.unwrap_or(0)))
}

/// Digits that are written out are the scale; others leave that of the number.
fn digits_type(given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let digits = literals.get(1).copied().flatten().and_then(|digits| digits.cast_to(&DataType::Int64).ok());
    Ok(match digits {
        Some(ScalarValue::Int64(Some(digits))) => {
            let scale = i8::try_from(digits.clamp(0, 36)).unwrap_or(0);
            DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
        }
        _ => same_type(given, literals)?,
    })
}

/// Two numbers at the scale of the more exact one.
fn aligned(left: &Datum<'_>, right: &Datum<'_>) -> Result<(i128, i128, i8), Error> {
    let ((left, left_scale), (right, right_scale)) = (left.numeric(), right.numeric());
    let scale = left_scale.max(right_scale);
    Ok((
        rescaled(i256::from_i128(left), left_scale - scale)?,
        rescaled(i256::from_i128(right), right_scale - scale)?,
        scale,
    ))
}

fn remainder<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    match args[1].int() {
        0 => Err(message::division_by_zero()),
        divisor => Ok(Datum::Int(args[0].int().wrapping_rem(divisor))),
    }
}

fn common_divisor<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    bigint(divisor(args[0].int(), args[1].int()))
}

fn divisor(left: i64, right: i64) -> i128 {
    let (mut left, mut right) = (i128::from(left).abs(), i128::from(right).abs());
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn common_multiple<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let (left, right) = (args[0].int(), args[1].int());
    if left == 0 || right == 0 {
        return Ok(Datum::Int(0));
    }
    bigint(i128::from(left).abs() / divisor(left, right) * i128::from(right).abs())
}

fn absolute<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    bigint(i128::from(args[0].int()).abs())
}

/// Whether an `integer` holds it is seen when the array is made.
fn bigint<'a>(value: i128) -> Result<Datum<'a>, Error> {
    i64::try_from(value).map(Datum::Int).map_err(|_| message::out_of_range_of_type("bigint"))
}

/// Towards zero, to so many digits behind the point; before it when negative.
fn truncated<'a>(value: &Datum<'_>, digits: i64) -> Result<Datum<'a>, Error> {
    let (value, scale) = value.numeric();
    let cut = u32::try_from((i64::from(scale) - digits).max(0)).unwrap_or(u32::MAX);
    let unit = 10_i128.checked_pow(cut);
    Ok(Datum::Numeric(unit.map_or(0, |unit| value / unit * unit), scale))
}

/// Errors: 2201G.
fn bucket_count(count: i64, is_empty: bool) -> Result<i64, Error> {
    if count <= 0 {
        return Err(message::bucket_count());
    }
    if is_empty { Err(message::bucket_bounds_equal()) } else { Ok(count) }
}

fn bucket_number<'a>(bucket: i64) -> Result<Datum<'a>, Error> {
    i32::try_from(bucket).map(|bucket| Datum::Int(bucket.into())).map_err(|_| message::out_of_range_of_type("integer"))
}

fn bucket_of_numeric<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let scale = args[..3].iter().map(|arg| arg.numeric().1).max().unwrap_or(0);
    let at = |at: usize| {
        let (value, own) = args[at].numeric();
        rescaled(i256::from_i128(value), own - scale)
    };
    let (value, low, high) = (at(0)?, at(1)?, at(2)?);
    let count = bucket_count(args[3].int(), low == high)?;
    let (passed, width) = if high > low { (value - low, high - low) } else { (low - value, low - high) };
    if passed < 0 {
        return Ok(Datum::Int(0));
    }
    if passed >= width {
        return bucket_number(count + 1);
    }
    let bucket = passed.checked_mul(count.into()).ok_or_else(message::numeric_overflow)? / width;
    bucket_number(i64::try_from(bucket).unwrap_or(0) + 1)
}

/// How many of the bounds, which rise, are not above the value.
fn bucket_of_list<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let Datum::Any(array, row) = &args[0] else {
        return Err(message::internal("an argument of any type is handed on whole"));
    };
    let bounds = args[1].list();
    if bounds.null_count() > 0 {
        return Err(message::bucket_bounds_null());
    }
    let value = ScalarValue::try_from_array(array, *row).and_then(|value| value.cast_to(&DataType::Float64));
    let ScalarValue::Float64(Some(value)) = value.map_err(Error::from)? else {
        return Err(message::unsupported("width_bucket over values that are no numbers"));
    };
    let bounds = arrow::compute::cast(&bounds, &DataType::Float64).map_err(datafusion::error::DataFusionError::from);
    let bounds = bounds.map_err(Error::from)?;
    let bounds = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(&bounds);
    bucket_number(i64::try_from(bounds.values().partition_point(|bound| *bound <= value)).unwrap_or(i64::MAX))
}
