//! `level_rank`: the rank of a loyalty level.

use std::sync::LazyLock;

use arrow::array::Int32Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Texts};
use crate::level::Levels;

/// `level_rank(level) → integer`: higher is better; NULL for a level in the data that the table does not know.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LevelRank {
    signature: Signature,
    levels: Levels,
}

const FORMS: &[Form] = &[&[("level", Kind::Text)]];

impl LevelRank {
    pub fn new(levels: Levels) -> Self {
        Self { signature: argument::signature(), levels }
    }
}

impl ScalarUDFImpl for LevelRank {
    fn name(&self) -> &str {
        "level_rank"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = argument::accept(self.name(), FORMS, &args, DataType::Int32)?;
        argument::written(&args, 0).map(|level| self.levels.parse(level)).transpose()?;
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let names = arguments.texts(0)?;
        arguments.answer(ranks(arguments.rows, &names, &self.levels))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The rank of a loyalty level; higher is better. A level in the data that is not defined has no rank \
                 (NULL); one that is written in the statement is an error (22023). In the example, bronze has rank 1, \
                 silver 2 and gold 3.",
                "level_rank(level)",
                &[("level", "text. The name of a level, exactly as it is defined.")],
                r"SELECT level_rank('silver') AS silver, level_rank('gold') > level_rank('silver') AS gold_is_higher;
 silver | gold_is_higher
--------+----------------
      2 | t
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel.
fn ranks(rows: usize, names: &ByRow<Texts>, levels: &Levels) -> Int32Array {
    (0..rows).map(|row| levels.rank_of(names.at(row)?)).collect()
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

    #[test]
    fn unknown_levels_in_the_data_have_no_rank() {
        let names = crate::argument::tests::text_rows(&[Some("gold"), Some("platinum"), None, Some("bronze")]);
        assert_eq!(ranks(4, &names, &levels()), Int32Array::from(vec![Some(3), None, None, Some(1)]));
    }
}
