//! `audience_changes` and `audience_members`: who entered and left an audience from one run to another, and why.
//!
//! Why is told by asking the definition about circumstances that mix both runs: had the member been in already, given
//! the receipts and the day of the earlier run? Then the definition is another one (*definition changed*), or the receipts
//! of that time have become others since (*data corrected*). Would the day of the later run alone have done it? Then *time
//! passed*. Otherwise it was what happened since: *bought*. A definition that is no longer today's cannot be asked, and
//! tells no cause.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::JoinType;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::scalar::ScalarValue;

use super::segment::distinct_members;
use crate::catalog::object::{Materialized, Relation, Run};
use crate::error::{Result, message};
use crate::ident;
use crate::planner::fact::lower::column;
use crate::planner::names::{Found, check_readable, find_relation};
use crate::planner::view::{kept_schema, plan_of_list, texts_behind};
use crate::planner::{Planner, state};
use crate::storage::member_table::MemberTable;

/// An audience as a question names it.
pub struct Audience {
    relation: Arc<Relation>,
}

impl Audience {
    /// Errors: 42P01 for a name that is not there, 42809 for what is no audience.
    pub fn of(planner: &Planner, given: &str) -> Result<Self> {
        let not_one = || message::not_an_audience(given.trim());
        let (schema, name) = match ident::split(given)?.as_slice() {
            [name] => (None, name.clone()),
            [schema, name] => (Some(schema.clone()), name.clone()),
            _ => return Err(not_one()),
        };
        match find_relation(&planner.snapshot, &planner.search_path, schema.as_deref(), &name)? {
            Found::Relation(relation) if relation.is_audience() => {
                check_readable(&planner.snapshot, planner.system.current_user, &relation)?;
                Ok(Self { relation })
            }
            _ => Err(not_one()),
        }
    }

    fn list(&self) -> Result<&Materialized> {
        self.relation.materialized().ok_or_else(|| message::not_an_audience(&self.relation.name))
    }

    /// The run of this number; NULL is the newest.
    ///
    /// Errors: 42704 for one whose rows are not kept, 55000 for a list that was never refreshed.
    fn run(&self, number: &ScalarValue) -> Result<Arc<Run>> {
        let list = self.list()?;
        match whole(number)? {
            None => list.runs.first().cloned().ok_or_else(|| message::not_populated(&self.relation.name)),
            Some(number) => u32::try_from(number)
                .ok()
                .and_then(|number| list.run(number))
                .cloned()
                .ok_or_else(|| message::run_missing(&self.relation.name, number)),
        }
    }

    /// The members of a run, in one column `member_id` of this type.
    ///
    /// Errors: those of the run.
    pub fn members(&self, number: &ScalarValue, member: &DataType) -> Result<LogicalPlan> {
        self.members_of(&*self.run(number)?, member)
    }

    fn members_of(&self, run: &Run, member: &DataType) -> Result<LogicalPlan> {
        let table = MemberTable::new(Arc::clone(&run.file), run.bytes, kept_schema(&self.relation.columns)?);
        Ok(LogicalPlanBuilder::scan("members_of_run", provider_as_source(Arc::new(table)), None)?
            .project([cast(column("member_id"), member.clone()).alias("member_id")])?
            .build()?)
    }
}

/// A whole number; NULL is none.
pub fn whole(value: &ScalarValue) -> Result<Option<i64>> {
    match value.cast_to(&DataType::Int64)? {
        ScalarValue::Int64(number) => Ok(number),
        _ => Err(message::internal("a whole number is none")),
    }
}

/// A row for each member who entered or left: member_id, change, cause; those who entered first, in order of members.
/// Without numbers, from the newest run but one to the newest.
pub async fn answer(
    planner: &Planner,
    audience: &Audience,
    [from, to]: [&ScalarValue; 2],
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let list = audience.list()?;
    let to = audience.run(to)?;
    let from = match from {
        number if number.is_null() => list
            .runs
            .iter()
            .find(|run| run.number < to.number)
            .cloned()
            .ok_or_else(|| message::run_missing(&audience.relation.name, i64::from(to.number) - 1))?,
        number => audience.run(number)?,
    };
    let member = schema.field(0).data_type().clone();
    let (before, after) = (audience.members_of(&from, &member)?, audience.members_of(&to, &member)?);
    let mut members: Vec<ArrayRef> = Vec::new();
    let (mut changes, mut causes) = (Vec::new(), Vec::new());
    let causes_of = Causes { planner, audience, from: &from, to: &to, member: &member };
    for (change, one, other) in [("entered", &after, &before), ("left", &before, &after)] {
        let changed = without(one.clone(), other.clone())?;
        let found = concatenated(&planner.collect(changed).await?, &member)?;
        let told = causes_of.of(&found, change == "entered").await?;
        changes.extend(std::iter::repeat_n(change, found.len()));
        causes.extend(told);
        members.push(found);
    }
    let members = arrow::compute::concat(&members.iter().map(|part| part.as_ref()).collect::<Vec<_>>())?;
    let changes: StringViewArray = changes.into_iter().map(Some).collect();
    let causes: StringViewArray = causes.into_iter().collect();
    super::batch(schema, vec![members, Arc::new(changes), Arc::new(causes)])
}

/// Those of one that are not in the other, in order.
fn without(one: LogicalPlan, other: LogicalPlan) -> Result<LogicalPlan> {
    let other = LogicalPlanBuilder::from(other).project([column("member_id").alias("other_member")])?.build()?;
    Ok(LogicalPlanBuilder::from(one)
        .join(other, JoinType::LeftAnti, (vec!["member_id"], vec!["other_member"]), None)?
        .sort([column("member_id").sort(true, true)])?
        .build()?)
}

fn concatenated(batches: &[RecordBatch], member: &DataType) -> Result<ArrayRef> {
    let columns: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(0).as_ref()).collect();
    if columns.is_empty() {
        return Ok(arrow::array::new_empty_array(member));
    }
    Ok(arrow::compute::concat(&columns)?)
}

struct Causes<'a> {
    planner: &'a Planner,
    audience: &'a Audience,
    from: &'a Run,
    to: &'a Run,
    member: &'a DataType,
}

impl Causes<'_> {
    /// The cause for each of these members, all of whom entered, or left.
    async fn of(&self, members: &ArrayRef, entered: bool) -> Result<Vec<Option<&'static str>>> {
        let today = super::hash(&texts_behind(&self.planner.snapshot, &self.audience.relation));
        if members.is_empty() || self.to.definition_hash != today {
            return Ok(vec![None; members.len()]);
        }
        // The receipts that the earlier run knew, or would know today, on its own day and on that of the later run.
        let then = self.who_would_be_in(members, self.from.as_of).await?;
        let later = self.who_would_be_in(members, self.to.as_of).await?;
        let is_same_question = self.from.definition_hash == self.to.definition_hash;
        (0..members.len())
            .map(|row| {
                let member = ScalarValue::try_from_array(members, row)?.to_string();
                Ok(Some(match (then.contains(&member) == entered, later.contains(&member) == entered) {
                    (true, _) if is_same_question => "data corrected",
                    (true, _) => "definition changed",
                    (false, true) => "time passed",
                    (false, false) => "bought",
                }))
            })
            .collect()
    }

    /// Which of these members the definition gives on a day, with the receipts up to the earlier run.
    async fn who_would_be_in(&self, members: &ArrayRef, day: chrono::NaiveDate) -> Result<BTreeSet<String>> {
        let known = state::asked_about(&self.planner.state, self.from.as_of, Some(self.from.started_at));
        let planner = Planner { day, state: known, ..self.planner.clone() };
        let asked = distinct_members(plan_of_list(&planner, &self.audience.relation)?)?;
        let asked = LogicalPlanBuilder::from(asked)
            .project([cast(column("member_id"), self.member.clone()).alias("member_id")])?;
        let rows = (0..members.len())
            .map(|row| Ok(vec![datafusion::logical_expr::lit(ScalarValue::try_from_array(members, row)?)]))
            .collect::<Result<Vec<_>>>()?;
        let changed =
            LogicalPlanBuilder::values(rows)?.project([column("column1").alias("changed_member")])?.build()?;
        let found =
            asked.join(changed, JoinType::LeftSemi, (vec!["member_id"], vec!["changed_member"]), None)?.build()?;
        let mut names = BTreeSet::new();
        for batch in planner.collect(found).await? {
            for row in 0..batch.num_rows() {
                names.insert(ScalarValue::try_from_array(batch.column(0), row)?.to_string());
            }
        }
        Ok(names)
    }
}
