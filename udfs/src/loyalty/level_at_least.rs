//! `level_at_least`: whether a loyalty level is as high as another, or higher.

use std::sync::LazyLock;

use arrow::array::BooleanArray;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind, Texts};
use crate::level::Levels;

/// `level_at_least(level, 'silver') → boolean`, by rank; NULL for a level in the data that the table does not know.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LevelAtLeast {
    signature: Signature,
    levels: Levels,
}

const FORMS: &[Form] = &[&[("level", Kind::Text), ("least", Kind::Text)]];

impl LevelAtLeast {
    pub fn new(levels: Levels) -> Self {
        Self { signature: argument::signature(), levels }
    }
}

impl ScalarUDFImpl for LevelAtLeast {
    fn name(&self) -> &str {
        "level_at_least"
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
        let field = argument::accept(self.name(), FORMS, &args, DataType::Boolean)?;
        for at in [0, 1] {
            argument::written(&args, at).map(|level| self.levels.parse(level)).transpose()?;
        }
        Ok(field)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let (names, least) = (arguments.texts(0)?, arguments.texts(1)?);
        arguments.answer(at_least(arguments.rows, &names, &least, &self.levels))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "Whether a loyalty level is at least another one, by the order of the levels and not of the alphabet. \
                 A level in the data that is not defined gives NULL; one that is written in the statement is an error \
                 (22023) that names the defined ones. In the example, the levels are bronze, silver and gold.",
                "level_at_least(level, least)",
                &[
                    ("level", "text. The level in question."),
                    ("least", "text. The level that must be reached, such as 'silver'."),
                ],
                r"SELECT level_at_least('gold', 'silver') AS gold, level_at_least('bronze', 'silver') AS bronze;
 gold | bronze
------+--------
 t    | f
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

/// The kernel.
fn at_least(rows: usize, names: &ByRow<Texts>, least: &ByRow<Texts>, levels: &Levels) -> BooleanArray {
    (0..rows).map(|row| Some(levels.rank_of(names.at(row)?)? >= levels.rank_of(least.at(row)?)?)).collect()
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
    fn ranks_decide_and_not_names() {
        use crate::argument::tests::text_rows;
        let names = text_rows(&[Some("gold"), Some("silver"), Some("bronze"), Some("platinum"), None, Some("gold")]);
        let least =
            text_rows(&[Some("silver"), Some("silver"), Some("silver"), Some("silver"), Some("silver"), Some("x")]);
        let expected = BooleanArray::from(vec![Some(true), Some(true), Some(false), None, None, None]);
        assert_eq!(at_least(6, &names, &least, &levels()), expected);
    }
}
