//! Members, stores and products that are only known by the receipts that name them.

use std::sync::Arc;

use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::receipts::ReceiptRows;
use super::{Ask, ERASED_AT, Needed, Shape, with};
use crate::history::mapped::{Mapped, column};

/// Every member that any receipt names.
#[derive(Debug)]
pub struct DerivedMembers(pub ReceiptRows);

impl Shape for DerivedMembers {
    fn columns(&self) -> Vec<String> {
        vec!["member_id".to_owned()]
    }

    fn needs_clocks(&self, _needed: &Needed) -> bool {
        false
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        self.0.distinct("member_id", ask.clocks)
    }
}

/// Every member that a file knows or a receipt names, less those whom the file calls erased.
#[derive(Debug)]
pub struct UnitedMembers {
    pub file: Mapped,
    pub receipts: ReceiptRows,
}

impl Shape for UnitedMembers {
    fn columns(&self) -> Vec<String> {
        self.file.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        self.file.needs_clocks(needed)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        let shown = with(ask.needed, ["member_id"]);
        let mut known = LogicalPlanBuilder::from(match self.file.has(ERASED_AT) {
            true => self.file.plan(&with(&shown, [ERASED_AT]), ask.clocks, None)?,
            false => self.file.plan(&shown, ask.clocks, None)?,
        })
        .filter(column("member_id").is_not_null())?;
        if self.file.has(ERASED_AT) {
            known = known.filter(column(ERASED_AT).is_null())?;
        }
        let known = known.project(shown.iter().map(column))?.build()?;

        let in_file =
            LogicalPlanBuilder::from(self.file.plan(&with(&Needed::new(), ["member_id"]), ask.clocks, None)?)
                .project([column("member_id").alias(FILE_KEY)])?
                .build()?;
        let unknown = LogicalPlanBuilder::from(self.receipts.distinct("member_id", ask.clocks)?).join(
            in_file,
            JoinType::LeftAnti,
            (vec!["member_id"], vec![FILE_KEY]),
            None,
        )?;
        let columns = known
            .schema()
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "member_id" => Ok(column("member_id")),
                name => Ok(lit(ScalarValue::try_from(field.data_type())?).alias(name)),
            })
            .collect::<Result<Vec<Expr>>>()?;
        LogicalPlanBuilder::from(known).union(unknown.project(columns)?.build()?)?.build()
    }
}

const FILE_KEY: &str = "__file_member";

/// Every store that any receipt names, with the history's own clock.
#[derive(Debug)]
pub struct DerivedStores {
    pub receipts: ReceiptRows,
    pub time_zone: ScalarValue,
    pub day_starts_at: ScalarValue,
}

impl Shape for DerivedStores {
    fn columns(&self) -> Vec<String> {
        ["store_id", "time_zone", "day_starts_at"].map(str::to_owned).to_vec()
    }

    fn needs_clocks(&self, _needed: &Needed) -> bool {
        false
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        LogicalPlanBuilder::from(self.receipts.distinct("store_id", ask.clocks)?)
            .project([
                column("store_id"),
                lit(self.time_zone.clone()).alias("time_zone"),
                lit(self.day_starts_at.clone()).alias("day_starts_at"),
            ])?
            .build()
    }
}

/// Every product that any line names.
#[derive(Debug)]
pub struct DerivedProducts(pub Arc<Mapped>);

impl Shape for DerivedProducts {
    fn columns(&self) -> Vec<String> {
        vec!["product_id".to_owned()]
    }

    fn needs_clocks(&self, _needed: &Needed) -> bool {
        false
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        ReceiptRows(Arc::clone(&self.0)).distinct("product_id", ask.clocks)
    }
}
