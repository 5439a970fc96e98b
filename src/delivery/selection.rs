//! Who of a list may be reached: matched, consented, deliverable, and for whoever is dropped the one reason.
//!
//! What is known of members is read from the history as it is now, whatever day the statement asks about: consents and
//! suppressions are those of today.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::Expr;
use sha2::{Digest, Sha256};

use super::Channel;
use crate::catalog::delivery::Counts;
use crate::error::{Result, message};
use crate::ident::{quote, split};
use crate::planner::{Found, Planner, find_relation};
use crate::sql;

/// The audience's column that says who is left out on purpose.
pub const HELD_OUT: &str = "holdout";
/// The audience's column that holds the message for a member.
pub const TEXT: &str = "text";

/// What becomes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Gone,
    Suppressed,
    Withdrawn,
    NoConsent,
    NoIdentifier,
    InvalidIdentifier,
    NoText,
    SharedIdentifier,
    HeldOut,
    Deliverable,
}

impl Verdict {
    pub fn count(self, counts: &mut Counts) {
        counts.matched += 1;
        match self {
            Self::Gone => counts.gone += 1,
            Self::Suppressed => counts.suppressed += 1,
            Self::Withdrawn => counts.withdrawn += 1,
            Self::NoConsent => counts.no_consent += 1,
            Self::NoIdentifier => counts.no_identifier += 1,
            Self::InvalidIdentifier => counts.invalid_identifier += 1,
            Self::NoText => counts.no_text += 1,
            Self::SharedIdentifier => counts.shared_identifier += 1,
            Self::HeldOut => counts.held_out += 1,
            Self::Deliverable => counts.deliverable += 1,
        }
    }
}

/// The rows of a list, in the order of their members, with what is known of each.
///
/// `list` has its columns under the qualifier `list`, `member_id` first in the type of the history's members; what is known
/// follows behind them.
///
/// Errors: 42P01 for a suppression or a table that is not there, 42703 for a column that `members` lacks.
pub fn with_standing(
    planner: &Planner,
    channel: &Channel,
    suppress: &[String],
    list: LogicalPlan,
) -> Result<LogicalPlan> {
    let text = standing(planner, channel, suppress)?;
    let query = sql::parse_query(&text)?;
    let house = Planner { is_clients_text: false, ..planner.clone() };
    let plan = house.plan(&query, &text, &[]).map_err(|error| error.without_position())?;
    let plan = LogicalPlanBuilder::from(plan).alias("standing")?.build()?;
    let member = |relation: &str, name: &str| Column::new(Some(relation), name);
    let on = (vec![member("list", "member_id")], vec![member("standing", "member")]);
    Ok(LogicalPlanBuilder::from(list)
        .join(plan, JoinType::Left, on, None)?
        .sort([Expr::Column(member("list", "member_id")).sort(true, true)])?
        .build()?)
}

/// A row for each member: member, is_suppressed, consents (NULL where nothing was ever said), each identifier.
fn standing(planner: &Planner, channel: &Channel, suppress: &[String]) -> Result<String> {
    let history = &planner.history;
    let members = history.relation("members").ok_or_else(|| message::table_not_configured("members"))?.schema();
    let mut columns = vec!["m.member_id AS member".to_owned()];
    let mut joins = String::new();
    let mut suppressed = vec!["false".to_owned()];
    for (at, segment) in suppress.iter().enumerate() {
        let name = suppression(planner, segment)?;
        joins.push_str(&format!(
            " LEFT JOIN (SELECT DISTINCT member_id FROM {name}) s{at} ON s{at}.member_id = m.member_id"
        ));
        suppressed.push(format!("s{at}.member_id IS NOT NULL"));
    }
    columns.push(format!("{} AS is_suppressed", suppressed.join(" OR ")));
    match &channel.consent {
        None => columns.push("true AS consents".to_owned()),
        Some(consent) => {
            if history.relation("consents").is_none() {
                return Err(message::consents_missing(&channel.name));
            }
            // The newest word holds; of two at one instant, the no. A no that says no instant holds for ever.
            joins.push_str(&format!(
                " LEFT JOIN (SELECT member_id,
                             max(CASE WHEN status = 'granted' THEN changed_at END) AS yes_at,
                             max(CASE WHEN status = 'granted' THEN NULL
                                      ELSE coalesce(changed_at, TIMESTAMPTZ '9999-12-31 00:00:00+00') END) AS no_at
                             FROM public.consents WHERE channel = {} GROUP BY member_id) c
                   ON c.member_id = m.member_id",
                literal(consent)
            ));
            columns.push(
                "CASE WHEN c.no_at >= c.yes_at OR (c.no_at IS NOT NULL AND c.yes_at IS NULL) THEN false
                      WHEN c.yes_at IS NOT NULL THEN true END AS consents"
                    .to_owned(),
            );
        }
    }
    for identifier in &channel.identifiers {
        let column = identifier.column();
        if members.field_with_name(column).is_err() {
            return Err(message::identifier_missing(&channel.name, column));
        }
        columns.push(format!("CAST(m.{column} AS text) AS {column}"));
    }
    Ok(format!("SELECT {} FROM public.members m{joins}", columns.join(", ")))
}

/// The full name of a segment whose members are never delivered.
fn suppression(planner: &Planner, segment: &str) -> Result<String> {
    let not_one = || message::suppression_refused(segment);
    let (schema, name) = match split(segment)?.as_slice() {
        [name] => ("public".to_owned(), name.clone()),
        [schema, name] => (schema.clone(), name.clone()),
        _ => return Err(not_one()),
    };
    match find_relation(&planner.snapshot, &planner.search_path, Some(&schema), &name) {
        Ok(Found::Relation(relation)) if relation.is_segment() || relation.is_audience() => {
            Ok(format!("{}.{}", quote(&schema), quote(&name)))
        }
        Ok(_) => Err(not_one()),
        Err(error) => Err(not_one().with_cause(error)),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Rows told apart.
pub struct Judged {
    pub verdicts: Vec<Verdict>,
    /// For each identifier of the channel its value as it is sent, for each row that is deliverable or held out.
    pub identifiers: Vec<Vec<Option<String>>>,
}

impl Judged {
    /// The rows with this verdict.
    pub fn mask(&self, wanted: Verdict) -> BooleanArray {
        self.verdicts.iter().map(|verdict| Some(*verdict == wanted)).collect()
    }
}

/// Tells the rows of one list apart, from its first to its last.
pub struct Judge {
    channel: Arc<Channel>,
    /// How many columns the list has; what is known of its members stands behind them.
    width: usize,
    held_out: Option<usize>,
    text: Option<usize>,
    /// What somebody was reached by already. Of each only a part of its SHA-256, for there may be millions.
    reached: HashSet<[u8; 16]>,
}

impl Judge {
    /// `columns` are the names of the list's columns, in order.
    ///
    /// Errors: 42703 for a list without texts where the channel needs them.
    pub fn new(channel: Arc<Channel>, list: &str, columns: &[&str]) -> Result<Self> {
        let position = |wanted: &str| columns.iter().position(|column| *column == wanted);
        let text = channel.needs_text.then(|| position(TEXT)).flatten();
        if channel.needs_text && text.is_none() {
            return Err(message::text_missing(&channel.name, list));
        }
        Ok(Self { held_out: position(HELD_OUT), text, width: columns.len(), reached: HashSet::new(), channel })
    }

    /// Errors: 42804 for a holdout that is no boolean.
    pub fn judge(&mut self, batch: &RecordBatch) -> Result<Judged> {
        let known = |at: usize| batch.column(self.width + at);
        let (members, suppressed, consents) = (known(0), known(1).as_boolean(), known(2).as_boolean());
        let values: Vec<StringArray> =
            (0..self.channel.identifiers.len()).map(|at| as_text(known(3 + at))).collect::<Result<_>>()?;
        let text = self.text.map(|at| as_text(batch.column(at))).transpose()?;
        let held_out = match self.held_out {
            Some(at) if *batch.column(at).data_type() != DataType::Boolean => {
                return Err(message::holdout_refused());
            }
            at => at.map(|at| batch.column(at).as_boolean().clone()),
        };
        let mut verdicts = Vec::with_capacity(batch.num_rows());
        let mut identifiers: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(batch.num_rows()); values.len()];
        for row in 0..batch.num_rows() {
            let given: Vec<Option<&str>> =
                values.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect();
            let given: Vec<Option<&str>> =
                given.into_iter().map(|value| value.filter(|value| !value.trim().is_empty())).collect();
            let sent: Vec<Option<String>> =
                self.channel.identifiers.iter().zip(&given).map(|(of, value)| self.sent(*of, *value)).collect();
            let has_text = text.as_ref().is_none_or(|text| text.is_valid(row) && !text.value(row).trim().is_empty());
            let is_held_out = held_out.as_ref().is_some_and(|column| column.is_valid(row) && column.value(row));
            let verdict = if members.is_null(row) {
                Verdict::Gone
            } else if suppressed.is_valid(row) && suppressed.value(row) {
                Verdict::Suppressed
            } else if consents.is_null(row) {
                Verdict::NoConsent
            } else if !consents.value(row) {
                Verdict::Withdrawn
            } else if !self.channel.identifiers.is_empty() && given.iter().all(Option::is_none) {
                Verdict::NoIdentifier
            } else if !self.channel.identifiers.is_empty() && sent.iter().all(Option::is_none) {
                Verdict::InvalidIdentifier
            } else if !has_text {
                Verdict::NoText
            } else if self.is_reached_already(&sent) {
                Verdict::SharedIdentifier
            } else if is_held_out {
                Verdict::HeldOut
            } else {
                Verdict::Deliverable
            };
            verdicts.push(verdict);
            for (column, value) in identifiers.iter_mut().zip(sent) {
                column.push(value);
            }
        }
        Ok(Judged { verdicts, identifiers })
    }

    fn sent(&self, identifier: crate::config::Identifier, value: Option<&str>) -> Option<String> {
        let value = value?;
        match self.channel.platform {
            Some(platform) => identifier.hashed(value, platform),
            None => identifier.sent(value),
        }
    }

    /// Two members with one telephone would get the message twice. Where there are several identifiers, none of them
    /// tells who gets it.
    fn is_reached_already(&mut self, sent: &[Option<String>]) -> bool {
        let [Some(only)] = sent else { return false };
        let digest = Sha256::digest(only.as_bytes());
        let mut part = [0; 16];
        part.copy_from_slice(&digest[..16]);
        !self.reached.insert(part)
    }
}

fn as_text(column: &arrow::array::ArrayRef) -> Result<StringArray> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}
