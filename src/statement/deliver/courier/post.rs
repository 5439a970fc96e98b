//! Batches that go over the network: webhook and LINE, with repetition, and with the doubts that networks leave.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use futures::StreamExt;

use super::{Courier, Stopped, judge, open};
use crate::catalog::delivery::{Batch, DeliveryState, RecordedDelivery};
use crate::delivery::http::Reply;
use crate::delivery::identifier::sha256;
use crate::delivery::line::{Line, Upload, Work};
use crate::delivery::payload;
use crate::delivery::recipients::stream;
use crate::delivery::selection::{Verdict, with_standing};
use crate::delivery::webhook::{Posted, Webhook};
use crate::error::{Result, message};

/// Before the second attempt; doubled before each that follows.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause, also where a receiver asks for a longer one.
const PAUSE_LAST: Duration = Duration::from_secs(60);
/// How often LINE is asked whether it is done, a little less often each time: an hour in all.
const ASKED_MAX: u32 = 130;
const ASK_LAST: Duration = Duration::from_secs(30);

/// The members of a batch as they are sent, and how many may not be written to any more.
struct Formed {
    members: RecordBatch,
    dropped: u64,
}

impl Courier<'_> {
    /// Posts a batch until it is accepted, refused, or has been tried often enough.
    pub(super) async fn post(
        &self,
        recorded: &mut RecordedDelivery,
        number: u32,
        webhook: &Webhook,
    ) -> Result<(), Stopped> {
        if let Some(known) = recorded.batch(number).cloned()
            && matches!(known.state, DeliveryState::Sending | DeliveryState::InDoubt)
            && !webhook.takes_once
        {
            // The server went down between the request and its answer; or before somebody said what to do about it.
            return self.stop(recorded, known, DeliveryState::InDoubt, "the server went down while it was sent").await;
        }
        let Some((batch, formed)) = self.formed_batch(recorded, number).await? else { return Ok(()) };
        let body = Posted::of(&recorded.delivery, number, payload::objects(&formed.members)).body()?;
        let batch = self.put_down(recorded, Batch { sha256: sha256(&body), bytes: body.len() as u64, ..batch }).await?;
        let id = Webhook::id(&recorded.delivery, number);
        let mut pause = PAUSE_FIRST;
        for attempt in 1.. {
            let (told, after) = match webhook.post(&id, &body, self.engine.clock.now()).await {
                Reply::Accepted(_) => return self.taken(recorded, batch, None).await,
                Reply::Refused { told, .. } => {
                    return self.stop(recorded, batch, DeliveryState::Failed, &told).await;
                }
                Reply::Unknown { told } if !webhook.takes_once => {
                    return self.stop(recorded, batch, DeliveryState::InDoubt, &told).await;
                }
                Reply::Unknown { told } => (told, None),
                Reply::NotNow { told, after } => (told, after),
            };
            if attempt >= webhook.attempts {
                return self.stop(recorded, batch, DeliveryState::Failed, &told).await;
            }
            self.wait(&told, &mut pause, after).await;
        }
        Ok(())
    }

    /// Uploads a batch until LINE has it, then waits until its work is done.
    pub(super) async fn upload(
        &self,
        recorded: &mut RecordedDelivery,
        number: u32,
        line: &Line,
    ) -> Result<(), Stopped> {
        let mut may_be_there = recorded.batch(number).is_some();
        let Some((batch, formed)) = self.formed_batch(recorded, number).await? else { return Ok(()) };
        let ids = user_ids(&formed.members)?;
        let text = ids.join("\n");
        let batch = self
            .put_down(recorded, Batch { sha256: sha256(text.as_bytes()), bytes: text.len() as u64, ..batch })
            .await?;
        let mut pause = PAUSE_FIRST;
        let mut group = recorded.delivery.reference.as_deref().and_then(|reference| reference.parse().ok());
        for attempt in 1.. {
            let uploaded = line.upload(&recorded.delivery, group, number, &ids, &mut may_be_there).await;
            let (told, after) = match uploaded {
                Upload::Taken(taken) => {
                    group = Some(taken);
                    break;
                }
                Upload::Refused(told) => return self.stop(recorded, batch, DeliveryState::Failed, &told).await,
                Upload::InDoubt(told) => return self.stop(recorded, batch, DeliveryState::InDoubt, &told).await,
                Upload::Later { told, after } => (told, after),
            };
            if attempt >= line.attempts {
                return self.stop(recorded, batch, DeliveryState::Failed, &told).await;
            }
            self.wait(&told, &mut pause, after).await;
        }
        let group = group.ok_or_else(|| message::internal("an upload was taken nowhere"))?;
        recorded.delivery.reference = Some(group.to_string());
        super::record(self.engine, recorded, None).await?;
        let mut pause = PAUSE_FIRST;
        for _asked in 0..ASKED_MAX {
            match line.work(&recorded.delivery, group, number, batch.members).await {
                Work::Done(accepted) => return self.taken(recorded, batch, Some(accepted)).await,
                Work::Failed(told) => return self.stop(recorded, batch, DeliveryState::Failed, &told).await,
                Work::UnderWay => {
                    self.engine.clock.sleep(pause).await;
                    pause = (pause * 2).min(ASK_LAST);
                }
            }
        }
        self.stop(recorded, batch, DeliveryState::Failed, "LINE has not done its work in an hour").await
    }

    /// The members of a batch as of now. `None` when nobody of it may be written to any more: then it is done with.
    async fn formed_batch(&self, recorded: &mut RecordedDelivery, number: u32) -> Result<Option<(Batch, Formed)>> {
        let formed = self.formed(recorded, number).await?;
        let members = formed.members.num_rows() as u64;
        let batch = self.begin(recorded, number, members, formed.dropped, &sha256(b""), 0);
        if members == 0 {
            let batch = self.put_down(recorded, batch).await?;
            self.end(recorded, batch, DeliveryState::Delivered, None).await?;
            return Ok(None);
        }
        Ok(Some((batch, formed)))
    }

    async fn formed(&self, recorded: &RecordedDelivery, number: u32) -> Result<Formed> {
        let (engine, channel) = (Arc::clone(self.engine), Arc::clone(self.channel));
        let planner = self.planner(recorded);
        let delivery = recorded.delivery.clone();
        let work = async move {
            let recipients = open(&engine, delivery.recipients.as_deref())?;
            let list = recipients.columns();
            let mut judge = judge(&channel, &delivery.name, &list)?;
            let plan = with_standing(&planner, &channel, &engine.desk.suppress, recipients.batch(number)?)?;
            let mut batches = stream(&planner, plan).await?;
            let mut parts = Vec::new();
            let mut dropped = 0;
            while let Some(batch) = batches.next().await.transpose()? {
                let judged = judge.judge(&batch)?;
                dropped += judged.verdicts.iter().filter(|verdict| **verdict != Verdict::Deliverable).count() as u64;
                parts.push(payload::formed(&channel, &list, &batch, &judged)?);
            }
            let members = arrow::compute::concat_batches(&payload::columns(&channel, &list), &parts)?;
            Ok(Formed { members, dropped })
        };
        self.engine.queries.run(work).await
    }

    /// Puts a batch on record as being sent.
    async fn put_down(&self, recorded: &mut RecordedDelivery, batch: Batch) -> Result<Batch> {
        super::record(self.engine, recorded, Some(&batch)).await?;
        recorded.put_batch(batch.clone());
        Ok(batch)
    }

    /// The receiver has it: all of it, or so many.
    async fn taken(
        &self,
        recorded: &mut RecordedDelivery,
        mut batch: Batch,
        accepted: Option<u64>,
    ) -> Result<(), Stopped> {
        batch.accepted = accepted.unwrap_or(batch.members);
        Ok(self.end(recorded, batch, DeliveryState::Delivered, None).await?)
    }

    async fn stop(
        &self,
        recorded: &mut RecordedDelivery,
        batch: Batch,
        state: DeliveryState,
        told: &str,
    ) -> Result<(), Stopped> {
        let error = message::batch_not_taken(batch.number, told);
        self.end(recorded, batch, state, Some(&error)).await?;
        Err(Stopped { state, error })
    }

    async fn wait(&self, told: &str, pause: &mut Duration, after: Option<Duration>) {
        let wait = after.unwrap_or(*pause).clamp(*pause, PAUSE_LAST);
        tracing::info!("channel \"{}\": {told}; again in {} s", self.channel.name, wait.as_secs());
        self.engine.clock.sleep(wait).await;
        *pause = (*pause * 2).min(PAUSE_LAST);
    }
}

/// The only identifier of the channel stands last.
fn user_ids(members: &RecordBatch) -> Result<Vec<String>> {
    let column = members.columns().last().ok_or_else(|| message::internal("a batch has no identifiers"))?;
    let ids = column.as_string_opt::<i32>().ok_or_else(|| message::internal("an identifier is no text"))?;
    Ok(ids.iter().flatten().map(str::to_owned).collect())
}
