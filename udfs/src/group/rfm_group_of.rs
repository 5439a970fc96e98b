//! `rfm_group_of`: the name of a cell of recency, frequency and money.

use std::sync::LazyLock;

use arrow::array::{AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::FAMILY;
use crate::argument::{self, Arguments, ByRow, Form, Kind};
use crate::rfm::RfmGroups;

/// `rfm_group_of(recency, frequency, monetary) → text`: NULL for scores that are not from 1 to 5.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct RfmGroupOf {
    signature: Signature,
    groups: RfmGroups,
}

const FORMS: &[Form] = &[&[("recency", Kind::Whole), ("frequency", Kind::Whole), ("monetary", Kind::Whole)]];

impl RfmGroupOf {
    pub fn new(groups: RfmGroups) -> Self {
        Self { signature: argument::signature(), groups }
    }
}

impl ScalarUDFImpl for RfmGroupOf {
    fn name(&self) -> &str {
        "rfm_group_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument::coerce(FORMS, given))
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        argument::accept(self.name(), FORMS, &args, DataType::Utf8View)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::of(&call);
        let scores = [scores(&arguments, 0)?, scores(&arguments, 1)?, scores(&arguments, 2)?];
        let score = |at: usize, row: usize| scores[at].at(row).and_then(|score| u8::try_from(score).ok());
        let name = |row| self.groups.name_of(score(0, row)?, score(1, row)?, score(2, row)?);
        let names: StringViewArray = (0..arguments.rows).map(name).collect();
        arguments.answer(names)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            argument::documentation(
                FAMILY,
                "The group of a cell of recency, frequency and money, each a score from 1 to 5 (best). The groups are an \
                 ordered table, in which the first row that holds the scores wins; every one of the 125 cells has a \
                 name. A table rfm_groups of your own replaces it. Scores that are not from 1 to 5 give NULL.",
                "rfm_group_of(recency, frequency, monetary)",
                &[
                    ("recency", "integer. How recently, from 1 to 5."),
                    ("frequency", "integer. How often, from 1 to 5."),
                    ("monetary", "integer. How much, from 1 to 5."),
                ],
                r"SELECT rfm_group_of(5, 5, 5) AS best, rfm_group_of(5, 1, 2) AS new, rfm_group_of(1, 1, 1) AS last;
   best    | new | last
-----------+-----+------
 champions | new | lost
(1 row)",
            )
        });
        Some(&PAGE)
    }
}

fn scores(arguments: &Arguments<'_>, at: usize) -> Result<ByRow<Int64Array>> {
    let ByRow { values, same } = arguments.array(at)?;
    Ok(ByRow { values: values.as_primitive::<Int64Type>().clone(), same })
}
