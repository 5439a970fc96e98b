//! Plans that are kept from one run of a statement to the next.
//!
//! A plan is good for a text under certain [`Circumstances`] and for one state of what it was made from
//! ([`MadeFrom`]): the catalog, the files of the history, the day. It holds its parameters in slots, so it serves one run
//! at a time: a run borrows it, and gives it back when it has given its last row. Nothing is kept of a run that was given
//! up, for parts of it may still be at work.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::scalar::ScalarValue;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::QueryRuntime;
use super::slots::Slots;
use crate::catalog::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::pg_type::{Oid, PgType};
use crate::session::TextFormat;

/// Statements of which plans are kept.
const STATEMENTS_MAX: usize = 1_024;
/// The longest text of which a plan is kept.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Plans of one statement, for sessions that run it at the same time.
const PLANS_MAX: usize = 64;

/// What a plan depends on beside its parameters' values, as far as a session decides about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PlanKey {
    text: Arc<str>,
    parameters: Arc<[PgType]>,
    circumstances: Circumstances,
}

/// What a session's plans depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Circumstances {
    pub role: Oid,
    /// As it was set; what a user is called the catalog says.
    pub search_path: Arc<str>,
    pub text_format: TextFormat,
    /// A day that the session asks about.
    pub as_of: Option<NaiveDate>,
    pub uses_index: bool,
}

/// The state of the world that a plan was made from.
#[derive(Debug, Clone)]
pub struct MadeFrom {
    snapshot: Weak<Snapshot>,
    files: u64,
    day: NaiveDate,
}

impl MadeFrom {
    /// `files`: as of before the files were listed. `day`: `asof()`.
    pub fn new(snapshot: &Arc<Snapshot>, files: u64, day: NaiveDate) -> Self {
        Self { snapshot: Arc::downgrade(snapshot), files, day }
    }
}

impl PartialEq for MadeFrom {
    fn eq(&self, other: &Self) -> bool {
        // The place of a snapshot is not used again as long as somebody knows it.
        Weak::ptr_eq(&self.snapshot, &other.snapshot) && self.files == other.files && self.day == other.day
    }
}

/// A plan that can be run again and again, by one at a time.
#[derive(Debug, Clone)]
pub struct ReusablePlan {
    pub plan: Arc<dyn ExecutionPlan>,
    pub task: Arc<TaskContext>,
    pub slots: Arc<Slots>,
    /// It looks at one member, and is done before another thread would have begun.
    pub is_short: bool,
    /// The same without streams, on one thread, if all rows of each step are one batch.
    pub at_once: Option<Arc<dyn ComputesAtOnce>>,
}

/// A plan whose rows are computed where they are asked for, in one go. Each run begins as if it were the first.
pub trait ComputesAtOnce: fmt::Debug + Send + Sync {
    fn rows(&self) -> Result<RecordBatch>;
}

#[derive(Debug, Default)]
pub struct PlanCache {
    statements: Mutex<HashMap<PlanKey, Kept>>,
}

#[derive(Debug)]
struct Kept {
    made_from: MadeFrom,
    plans: Vec<ReusablePlan>,
    /// It has no plan that can be kept.
    is_unfit: bool,
    /// How often it was asked for; half as much whenever another statement has gone.
    uses: u64,
}

/// Where the plans of one session's statements are, as of one statement.
#[derive(Debug, Clone)]
pub struct PlanScope {
    cache: Arc<PlanCache>,
    circumstances: Circumstances,
    made_from: MadeFrom,
}

impl PlanScope {
    pub fn new(cache: Arc<PlanCache>, circumstances: Circumstances, made_from: MadeFrom) -> Self {
        Self { cache, circumstances, made_from }
    }

    /// Whether it is of this state of the catalog.
    pub fn is_of(&self, snapshot: &Arc<Snapshot>) -> bool {
        std::ptr::eq(self.made_from.snapshot.as_ptr(), Arc::as_ptr(snapshot))
    }

    /// The place of a statement's plans; `None` when it can have none.
    pub fn place(&self, text: &Arc<str>, parameters: &Arc<[PgType]>) -> Option<PlanPlace> {
        // How many digits a numeric has its value says.
        let numeric = [PgType::NUMERIC.oid, PgType::NUMERIC.array_oid()];
        if text.len() > TEXT_BYTES_MAX || parameters.iter().any(|pg_type| numeric.contains(&pg_type.oid)) {
            return None;
        }
        let (text, parameters) = (Arc::clone(text), Arc::clone(parameters));
        let key = PlanKey { text, parameters, circumstances: self.circumstances.clone() };
        Some(PlanPlace { cache: Arc::clone(&self.cache), key, made_from: self.made_from.clone() })
    }
}

/// The place of one statement's plans.
#[derive(Debug, Clone)]
pub struct PlanPlace {
    cache: Arc<PlanCache>,
    key: PlanKey,
    made_from: MadeFrom,
}

impl PlanPlace {
    /// A plan, which is not there for others until it is given back.
    pub fn borrow(&self) -> Found {
        let mut statements = self.cache.statements.lock();
        let Some(kept) = statements.get_mut(&self.key) else { return Found::Nothing };
        if kept.made_from != self.made_from {
            statements.remove(&self.key);
            return Found::Nothing;
        }
        kept.uses += 1;
        match kept.plans.pop() {
            Some(plan) => Found::Plan(self.clone().lent(plan)),
            None if kept.is_unfit => Found::Unfit,
            None => Found::Nothing,
        }
    }

    /// A new plan, to be kept when it has run.
    pub fn lent(self, plan: ReusablePlan) -> Borrowed {
        Borrowed { place: self, plan }
    }

    /// Remembers that the statement has no plan that can be kept.
    pub fn mark_unfit(self) {
        self.cache.keep(self.key, self.made_from, None);
    }
}

/// What is known of a statement.
#[derive(Debug)]
pub enum Found {
    Plan(Borrowed),
    /// All its plans are in use, or there is none yet.
    Nothing,
    /// It cannot have one.
    Unfit,
}

impl PlanCache {
    /// How many plans wait to be used again.
    pub fn plans(&self) -> usize {
        self.statements.lock().values().map(|kept| kept.plans.len()).sum()
    }

    /// Forgets all plans, and with them what they hold: to be called when the member index is another.
    pub fn clear(&self) {
        self.statements.lock().clear();
    }

    fn keep(&self, key: PlanKey, made_from: MadeFrom, plan: Option<ReusablePlan>) {
        let mut statements = self.statements.lock();
        if statements.len() >= STATEMENTS_MAX && !statements.contains_key(&key) {
            // The least used goes; the others count anew, so that what was in use long ago goes too one day.
            let least = statements.iter().min_by_key(|(_, kept)| kept.uses).map(|(key, _)| key.clone());
            least.and_then(|key| statements.remove(&key));
            statements.values_mut().for_each(|kept| kept.uses /= 2);
        }
        let kept = statements.entry(key).or_insert_with(|| Kept {
            made_from: made_from.clone(),
            plans: Vec::new(),
            is_unfit: plan.is_none(),
            uses: 1,
        });
        if kept.made_from == made_from && kept.plans.len() < PLANS_MAX {
            kept.plans.extend(plan);
        }
    }
}

/// A plan in use. Dropped, it is forgotten.
#[derive(Debug)]
pub struct Borrowed {
    place: PlanPlace,
    plan: ReusablePlan,
}

impl Borrowed {
    pub fn schema(&self) -> SchemaRef {
        self.plan.plan.schema()
    }

    /// Whether the plan was made for values of these types.
    pub fn fits(&self, values: &[ScalarValue]) -> bool {
        self.plan.slots.fit(values)
    }

    /// To be called when its run is through, or there was none.
    pub fn give_back(self) {
        let Self { place: PlanPlace { cache, key, made_from }, plan } = self;
        cache.keep(key, made_from, Some(plan));
    }

    /// Runs it with these values, and gives it back behind the last row.
    pub async fn run(
        self,
        queries: &QueryRuntime,
        values: Vec<ScalarValue>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if self.plan.is_short || self.plan.at_once.is_some() {
            let is_short = self.plan.is_short;
            let all = self.collect(values);
            // Of a short one another thread would take longer to begin than this takes.
            let batches = if is_short { all.await? } else { queries.run(all).await? };
            return Ok(stream::iter(batches.into_iter().map(Ok)).boxed());
        }
        let plan = self.prepared(values)?;
        let batches = queries.stream(plan, Arc::clone(&self.plan.task));
        let running = (batches, Some(self));
        let batches = stream::unfold(running, |(mut batches, borrowed)| async move {
            match batches.next().await {
                Some(Ok(batch)) => Some((Ok(batch), (batches, borrowed))),
                Some(Err(error)) => Some((Err::<RecordBatch, Error>(error), (batches, None))),
                None => {
                    if let Some(borrowed) = borrowed {
                        borrowed.give_back();
                    }
                    None
                }
            }
        });
        Ok(batches.boxed())
    }

    /// Runs it with these values on the caller's thread, and gives it back.
    pub async fn collect(self, values: Vec<ScalarValue>) -> Result<Vec<RecordBatch>> {
        if let Some(at_once) = &self.plan.at_once {
            self.plan.slots.put(values);
            let rows = at_once.rows();
            self.give_back();
            return Ok(vec![rows?]);
        }
        let plan = self.prepared(values)?;
        let batches = execute_stream(plan, Arc::clone(&self.plan.task))?.try_collect().await?;
        self.give_back();
        Ok(batches)
    }

    /// The plan as if it had never run, with its values in place.
    fn prepared(&self, values: Vec<ScalarValue>) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = reset_plan_states(Arc::clone(&self.plan.plan))?;
        self.plan.slots.put(values);
        Ok(plan)
    }
}
