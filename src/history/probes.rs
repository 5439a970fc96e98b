//! What `regulars check` looks for: each probe is a plan whose rows are surprising.

use chrono::{DateTime, Days, Utc};
use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::History;
use super::keys::repeated;
use super::mapped::{column, text};

/// One thing to look for.
#[derive(Debug)]
pub struct Probe {
    pub subject: String,
    pub next: &'static str,
    pub severity: Severity,
    /// Its rows are what is looked for; its columns are shown of examples.
    pub plan: LogicalPlan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Answers are wrong because of it.
    Fault,
    /// Worth knowing.
    Notice,
}

/// Receipts before this year are taken for mistakes.
const FIRST_YEAR: &str = "1990-01-01T00:00:00Z";

/// Everything that can be looked for in this history.
pub fn probes(history: &History, now: DateTime<Utc>) -> Result<Vec<Probe>> {
    let look = Look { history };
    let mut probes = Vec::new();
    look.keys(&mut probes)?;
    look.references(&mut probes)?;
    look.receipts(&mut probes, now)?;
    look.lines(&mut probes)?;
    look.members_and_stores(&mut probes)?;
    Ok(probes)
}

/// A scan of a relation.
pub fn scan(history: &History, name: &str) -> Result<LogicalPlanBuilder> {
    match history.relation(name) {
        Some(provider) => LogicalPlanBuilder::scan(name, provider_as_source(provider), None),
        None => datafusion::common::plan_err!("there is no table {name}"),
    }
}

struct Look<'a> {
    history: &'a History,
}

impl Look<'_> {
    fn has(&self, table: &str, name: &str) -> bool {
        self.history.relation(table).is_some_and(|relation| relation.schema().field_with_name(name).is_ok())
    }

    /// Whether a table has files of its own, as opposed to being derived.
    fn is_mapped(&self, table: &str) -> bool {
        self.history.0.checked.tables.contains_key(table)
    }

    fn scan(&self, table: &str) -> Result<LogicalPlanBuilder> {
        scan(self.history, table)
    }

    fn keys(&self, probes: &mut Vec<Probe>) -> Result<()> {
        for table in self.history.0.checked.tables.values() {
            let Some(key) = table.key else { continue };
            let mut all = table.clone();
            all.first_only = false;
            let keys = || all.plan(&[key.to_owned()].into(), &self.history.0.checked.clocks.own(), None);
            probes.push(Probe {
                subject: format!("values of {key} that repeat in {}", table.name),
                next: "Remove the overlap between the files, or set [history] duplicates = \"first\".",
                severity: Severity::Fault,
                plan: repeated(keys()?, key)?.build()?,
            });
            probes.push(Probe {
                subject: format!("rows of {} without a {key}", table.name),
                next: "Look at the export: such rows belong to nothing.",
                severity: Severity::Notice,
                plan: LogicalPlanBuilder::from(keys()?).filter(column(key).is_null())?.build()?,
            });
        }
        if self.has("purchase_lines", "line_no") {
            let plan = self
                .scan("purchase_lines")?
                .aggregate(vec![column("purchase_id"), column("line_no")], vec![count(lit(1_i64)).alias("rows")])?
                .filter(column("rows").gt(lit(1_i64)))?
                .build()?;
            probes.push(Probe {
                subject: "line numbers that repeat within a receipt".to_owned(),
                next: "Remove the overlap between the files: these lines count more than once.",
                severity: Severity::Fault,
                plan,
            });
        }
        Ok(())
    }

    fn references(&self, probes: &mut Vec<Probe>) -> Result<()> {
        let mut missing = |subject: &str, next, severity, from: &str, by: &str, to: &str, key: &str| -> Result<()> {
            if self.has(from, by) && self.is_mapped(to) && self.is_mapped(from) {
                let plan = self.without_match(from, by, to, key)?;
                probes.push(Probe { subject: subject.to_owned(), next, severity, plan });
            }
            Ok(())
        };
        missing(
            "stores that receipts name and table stores does not have",
            "Add the stores with their time zone: until then their receipts are read in the history's own zone.",
            Severity::Fault,
            if self.is_mapped("purchases") { "purchases" } else { "purchase_lines" },
            "store_id",
            "stores",
            "store_id",
        )?;
        missing(
            "products that lines name and table products does not have",
            "Add the products: conditions on a name or category do not find these lines.",
            Severity::Fault,
            "purchase_lines",
            "product_id",
            "products",
            "product_id",
        )?;
        missing(
            "receipts that lines name and table purchases does not have",
            "Load the missing receipts: these lines have no member, store or time.",
            Severity::Fault,
            "purchase_lines",
            "purchase_id",
            "purchases",
            "purchase_id",
        )?;
        missing(
            "receipts without lines",
            "Nothing to do if the source has no lines for them: they count, with their own amount.",
            Severity::Notice,
            "purchases",
            "purchase_id",
            "purchase_lines",
            "purchase_id",
        )?;
        missing(
            "members that receipts name and table members does not have",
            "Add them to members if they are to be in segments.",
            Severity::Notice,
            "purchases",
            "member_id",
            "members",
            "member_id",
        )?;
        missing(
            "loyalty levels that members have and table loyalty_levels does not",
            "Add the levels with their rank: comparisons of levels are null for these members.",
            Severity::Fault,
            "members",
            "loyalty_level",
            "loyalty_levels",
            "level",
        )?;
        Ok(())
    }

    /// Distinct values of `from.by` that are no `to.key`.
    fn without_match(&self, from: &str, by: &str, to: &str, key: &str) -> Result<LogicalPlan> {
        // The files' own rows: members who are erased are known, though the relation hides them.
        let keys = match self.history.0.checked.tables.get(to) {
            Some(mapped) => LogicalPlanBuilder::from(mapped.plan(
                &[key.to_owned()].into(),
                &self.history.0.checked.clocks.own(),
                None,
            )?),
            None => self.scan(to)?,
        };
        let keys = keys.project([column(key).alias("__key")])?.build()?;
        self.scan(from)?
            .filter(column(by).is_not_null())?
            .project([column(by)])?
            .distinct()?
            .join(keys, JoinType::LeftAnti, (vec![by], vec!["__key"]), None)?
            .build()
    }

    fn receipts(&self, probes: &mut Vec<Probe>, now: DateTime<Utc>) -> Result<()> {
        let receipts = |condition: Expr, more: &[&str]| -> Result<LogicalPlan> {
            let columns = ["purchase_id"].iter().chain(more).map(|name| column(*name));
            self.scan("purchases")?.filter(condition)?.project(columns)?.build()
        };
        if self.has("purchases", "refund_of") {
            let completed = self
                .scan("purchases")?
                .filter(column("status").eq(lit(text("completed"))))?
                .project([column("purchase_id").alias("__original")])?
                .build()?;
            let plan = self
                .scan("purchases")?
                .filter(column("status").eq(lit(text("refund"))).and(column("refund_of").is_not_null()))?
                .project([column("purchase_id"), column("refund_of")])?
                .join(completed, JoinType::LeftAnti, (vec!["refund_of"], vec!["__original"]), None)?
                .build()?;
            probes.push(Probe {
                subject: "refunds of a receipt that is not there or not completed".to_owned(),
                next: "Load the receipts they refund: until then they lower sums, but take nothing back from a purchase.",
                severity: Severity::Fault,
                plan,
            });
        }
        let tomorrow = now.checked_add_days(Days::new(1)).unwrap_or(now);
        let first = FIRST_YEAR.parse::<DateTime<Utc>>().unwrap_or_default();
        let at = |time: DateTime<Utc>| {
            lit(ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), Some("UTC".into())))
        };
        let purchased_at = || column("purchased_at");
        probes.push(Probe {
            subject: "receipts before 1990 or more than a day after now".to_owned(),
            next: "Mend the clock or the export: such dates fall out of every window, or into none.",
            severity: Severity::Fault,
            plan: receipts(purchased_at().lt(at(first)).or(purchased_at().gt(at(tomorrow))), &["purchased_at"])?,
        });
        probes.push(Probe {
            subject: "receipts without a time".to_owned(),
            next: "Look at the export: they are in no period.",
            severity: Severity::Fault,
            plan: receipts(purchased_at().is_null(), &[])?,
        });
        let known = ["completed", "voided", "refund"].map(|status| lit(text(status))).to_vec();
        let plan = self
            .scan("purchases")?
            .filter(column("status").in_list(known, true))?
            .aggregate(vec![column("status")], vec![count(lit(1_i64)).alias("receipts")])?
            .build()?;
        probes.push(Probe {
            subject: "statuses that are not completed, voided or refund".to_owned(),
            next: "Map them: values = { status = { SALE = \"completed\" } }",
            severity: Severity::Fault,
            plan,
        });
        Ok(())
    }

    fn lines(&self, probes: &mut Vec<Probe>) -> Result<()> {
        if !self.is_mapped("purchase_lines") {
            return Ok(());
        }
        let negative = column("quantity").lt(lit(0_i64)).and(column("status").eq(lit(text("completed"))));
        let plan = self
            .scan("purchase_lines")?
            .filter(negative)?
            .project(["purchase_id", "product_id", "quantity"].map(column))?
            .build()?;
        probes.push(Probe {
            subject: "lines of negative quantity on completed receipts".to_owned(),
            next: "If they are returns, give their receipts the status refund.",
            severity: Severity::Notice,
            plan,
        });
        if self.is_mapped("purchases") {
            return Ok(());
        }
        let told = ["member_id", "store_id", "channel", "status", "business_date"];
        let spans = told.iter().flat_map(|name| {
            [min(column(*name)).alias(format!("{name}_min")), max(column(*name)).alias(format!("{name}_max"))]
        });
        let differ = told.iter().map(|name| column(format!("{name}_min")).not_eq(column(format!("{name}_max"))));
        let mut receipts =
            self.scan("purchase_lines")?.aggregate(vec![column("purchase_id")], spans.collect::<Vec<_>>())?;
        if let Some(differ) = disjunction(differ) {
            receipts = receipts.filter(differ)?;
        }
        probes.push(Probe {
            subject: "receipts whose lines disagree about member, store, channel, status or business date".to_owned(),
            next: "Look whether purchase_id is unique over all stores and days; if not, map a column that is.",
            severity: Severity::Fault,
            plan: receipts.project([column("purchase_id")])?.build()?,
        });
        Ok(())
    }

    fn members_and_stores(&self, probes: &mut Vec<Probe>) -> Result<()> {
        if self.is_mapped("members") {
            probes.push(Probe {
                subject: "members without purchases".to_owned(),
                next: "Nothing to do if they have not bought yet; else compare how both tables write member_id.",
                severity: Severity::Notice,
                plan: self.without_match("members", "member_id", "purchases", "member_id")?,
            });
        }
        if self.has("stores", "currency") {
            let currencies = || -> Result<LogicalPlanBuilder> {
                self.scan("stores")?
                    .filter(column("currency").is_not_null())?
                    .aggregate(vec![column("currency")], vec![count(lit(1_i64)).alias("stores")])
            };
            let several = currencies()?
                .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("__currencies")])?
                .filter(column("__currencies").gt(lit(1_i64)))?
                .build()?;
            let plan = currencies()?.cross_join(several)?.project([column("currency"), column("stores")])?.build()?;
            probes.push(Probe {
                subject: "currencies beside each other".to_owned(),
                next: "Sum one currency at a time, such as WHERE currency = 'SEK'.",
                severity: Severity::Notice,
                plan,
            });
        }
        Ok(())
    }
}
