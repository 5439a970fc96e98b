//! `holdout`: a share of the members, drawn by chance, that stays the same.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};
use sha2::{Digest, Sha256};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Texts, texts};

/// `holdout(member_id, salt, percent) → boolean`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Holdout {
    signature: Signature,
}

const FORMS: &[Form] = &[&[("member_id", Kind::Id), ("salt", Kind::Text), ("percent", Kind::Share)]];

impl Holdout {
    pub fn new() -> Self {
        Self { signature: argument::signature() }
    }
}

impl ScalarUDFImpl for Holdout {
    fn name(&self) -> &str {
        "holdout"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        argument::accept(self.name(), FORMS, &args, DataType::Boolean)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let members = Members::of(arguments.array(0)?)?;
        let (salts, percents) = (arguments.texts(1)?, arguments.array(2)?);
        let shares = percents.values.as_primitive::<Float64Type>();
        let percents = ByRow { values: shares.clone(), same: percents.same };
        let held = |row: usize| Some(f64::from(bucket(salts.at(row)?, &members.at(row)?)) < percents.at(row)?);
        let held: BooleanArray = (0..arguments.rows).map(held).collect();
        arguments.answer(held)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "Whether a member belongs to a share that is held out of an offer, so that its effect can be measured. \
                 Drawn once by chance and for ever: the same member and salt give the same answer at every refresh and \
                 in every program. Another salt draws anew. It is the first four bytes of the SHA-256 of salt, colon \
                 and member, as a big-endian number, modulo 100, compared with the percentage.",
                "holdout(member_id, salt, percent)",
                &[
                    ("member_id", "bigint or text. The member."),
                    ("salt", "text. The name of the experiment."),
                    ("percent", "numeric. The share to hold out, from 0 (nobody) to 100 (everybody)."),
                ],
                r"SELECT holdout(4711, 'spring', 10) AS spring, holdout(4711, 'spring', 100) AS everybody;
 spring | everybody
--------+-----------
 f      | t
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// From 0 to 99.
fn bucket(salt: &str, member: &str) -> u32 {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(":");
    hash.update(member);
    let digest = hash.finalize();
    let mut first = [0; 4];
    first.copy_from_slice(&digest[..4]);
    u32::from_be_bytes(first) % 100
}

/// Identifiers as text.
enum Members {
    Numbers(ByRow<arrow::array::Int64Array>),
    Texts(ByRow<Texts>),
}

impl Members {
    fn of(ids: ByRow<ArrayRef>) -> Result<Self> {
        Ok(match ids.values.as_primitive_opt::<Int64Type>() {
            Some(numbers) => Self::Numbers(ByRow { values: numbers.clone(), same: ids.same }),
            None => Self::Texts(ByRow { values: texts(&Arc::clone(&ids.values))?, same: ids.same }),
        })
    }

    fn at(&self, row: usize) -> Option<String> {
        match self {
            Self::Numbers(numbers) => numbers.at(row).map(|number| number.to_string()),
            Self::Texts(texts) => texts.at(row).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_postgresqls() {
        // SELECT (('x' || substr(encode(sha256(convert_to('exp1:' || m, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint
        //         & 4294967295) % 100 FROM unnest(ARRAY['1', '2', '4711', 'lunch']) m; on PostgreSQL 15.
        let buckets = ["1", "2", "4711", "lunch"].map(|member| bucket("exp1", member));
        assert_eq!(buckets, [13, 44, 38, 21]);
    }
}
