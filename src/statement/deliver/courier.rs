//! Takes a delivery to its end, batch by batch: told apart anew, on record as being sent, sent, on record with its fate.
//!
//! A crash at any moment leaves a record from which the next start goes on: batches that were accepted are not sent again,
//! and one that was on its way is sent again only where the receiver takes it once however often it comes.

mod post;

use std::sync::Arc;

use futures::StreamExt;

use super::Doubt;
use crate::catalog::RecordedRun;
use crate::catalog::delivery::{Batch, DeliveryState, RecordedDelivery};
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::delivery::channel::{Channel, Sender};
use crate::delivery::desk::Held;
use crate::delivery::file::{self, Draft, FileChannel, Finished};
use crate::delivery::manifest::manifest;
use crate::delivery::recipients::stream;
use crate::delivery::selection::{Verdict, with_standing};
use crate::delivery::{Judge, payload};
use crate::engine::Engine;
use crate::error::{Error, Result, message};
use crate::planner::Planner;
use crate::planner::recipients::Recipients;
use crate::statement::context::house_planner;
use crate::storage::member_file::MemberFile;

/// Goes on with what was on its way when the server went down.
pub async fn resume(engine: &Arc<Engine>) -> Result<()> {
    let catalog = Arc::clone(&engine.catalog);
    let deliveries = blocking(move || catalog.deliveries()).await?;
    for recorded in deliveries {
        if recorded.delivery.state != DeliveryState::Sending {
            continue;
        }
        let delivery = &recorded.delivery;
        let Some(held) = engine.desk.hold(&delivery.id) else { continue };
        match engine.desk.channel(&delivery.channel) {
            Ok(channel) => {
                tracing::info!("delivery {} of \"{}\" goes on", delivery.id, delivery.name);
                tokio::spawn(send(Arc::clone(engine), held, recorded, channel));
            }
            Err(error) => {
                tracing::error!("delivery {} cannot go on: {error}", delivery.id);
                failed(engine, recorded, DeliveryState::Failed, &error).await?;
            }
        }
    }
    Ok(())
}

/// The delivery of this id as the catalog has it.
pub async fn recorded(engine: &Arc<Engine>, id: &str) -> Result<Option<RecordedDelivery>> {
    let catalog = Arc::clone(&engine.catalog);
    let deliveries = blocking(move || catalog.deliveries()).await?;
    Ok(deliveries.into_iter().find(|known| known.delivery.id == id))
}

/// Puts a delivery, and a batch of it, on record; durable when it returns.
pub async fn record(engine: &Arc<Engine>, recorded: &RecordedDelivery, batch: Option<&Batch>) -> Result<()> {
    let (catalog, delivery, batch) = (Arc::clone(&engine.catalog), recorded.delivery.clone(), batch.cloned());
    blocking(move || catalog.record_delivery(delivery, batch)).await
}

/// Puts a new delivery on record and takes it to its end, as [`send`] does.
pub async fn begin(
    engine: Arc<Engine>,
    held: Held,
    recorded: RecordedDelivery,
    recipients: Arc<MemberFile>,
    channel: Arc<Channel>,
) -> Result<RecordedDelivery> {
    // Before the record has it: a file that no record has is swept away, but a record without its file cannot go on.
    recipients.publish();
    if let Err(error) = record(&engine, &recorded, None).await {
        recipients.retire();
        return Err(error);
    }
    send(engine, held, recorded, channel).await
}

/// Takes a delivery to its end that ended before, as [`send`] does.
pub async fn go_on(
    engine: Arc<Engine>,
    held: Held,
    recorded: RecordedDelivery,
    doubt: Option<Doubt>,
    channel: Arc<Channel>,
) -> Result<RecordedDelivery> {
    let recorded = settled(&engine, recorded, doubt).await?;
    send(engine, held, recorded, channel).await
}

async fn settled(
    engine: &Arc<Engine>,
    mut recorded: RecordedDelivery,
    doubt: Option<Doubt>,
) -> Result<RecordedDelivery> {
    let now = engine.clock.now();
    for mut batch in recorded.batches.clone() {
        match (batch.state, doubt) {
            (DeliveryState::InDoubt, Some(Doubt::Accept)) => {
                batch = Batch {
                    state: DeliveryState::Delivered,
                    accepted: batch.members,
                    finished_at: Some(now),
                    error: None,
                    ..batch
                };
            }
            // Failed is what did not get through: it may be sent.
            (DeliveryState::InDoubt, Some(Doubt::Send)) => batch.state = DeliveryState::Failed,
            _ => continue,
        }
        record(engine, &recorded, Some(&batch)).await?;
        recorded.put_batch(batch);
    }
    // Last: from here on a start goes on with it by itself.
    recorded.delivery.state = DeliveryState::Sending;
    recorded.delivery.error = None;
    recorded.delivery.finished_at = None;
    record(engine, &recorded, None).await?;
    Ok(recorded)
}

/// Takes a delivery to its end and gives how it ended. Not cancelled with the statement that asked for it.
///
/// Errors: those of the catalog; then the delivery stands as being sent and goes on at the next start or call.
pub async fn send(
    engine: Arc<Engine>,
    held: Held,
    mut recorded: RecordedDelivery,
    channel: Arc<Channel>,
) -> Result<RecordedDelivery> {
    let sent = Courier { engine: &engine, channel: &channel }.take(&mut recorded).await;
    let ended = match sent {
        Ok(()) => Ok(recorded),
        Err(Stopped { state, error }) => failed(&engine, recorded, state, &error).await,
    };
    if let Err(error) = &ended {
        tracing::error!("a delivery to channel \"{}\" cannot be recorded: {error}", channel.name);
    }
    drop(held);
    ended
}

/// Why a delivery ended before its end.
struct Stopped {
    /// Failed, or in doubt.
    state: DeliveryState,
    error: Error,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self { state: DeliveryState::Failed, error }
    }
}

async fn failed(
    engine: &Arc<Engine>,
    mut recorded: RecordedDelivery,
    state: DeliveryState,
    error: &Error,
) -> Result<RecordedDelivery> {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    recorded.delivery.state = state;
    recorded.delivery.error = Some(format!("{}{detail}", error.message()));
    recorded.delivery.finished_at = Some(engine.clock.now());
    record(engine, &recorded, None).await?;
    tracing::warn!("delivery {} is {}: {error}", recorded.delivery.id, state.name());
    Ok(recorded)
}

struct Courier<'a> {
    engine: &'a Arc<Engine>,
    channel: &'a Arc<Channel>,
}

impl Courier<'_> {
    async fn take(&self, recorded: &mut RecordedDelivery) -> Result<(), Stopped> {
        for number in 1..=recorded.delivery.batches {
            if recorded.batch(number).is_some_and(|batch| batch.state == DeliveryState::Delivered) {
                continue;
            }
            match &self.channel.sender {
                Sender::File(file) => self.send_file(recorded, number, file).await?,
                Sender::Webhook(webhook) => self.post(recorded, number, webhook).await?,
                Sender::Line(line) => self.upload(recorded, number, line).await?,
            }
        }
        let run = self.run(recorded).await?;
        let manifest = manifest(recorded, run.as_ref()).to_string();
        if let Sender::File(file) = &self.channel.sender {
            self.put_manifest(recorded, file, &manifest).await?;
        }
        recorded.delivery.manifest = Some(manifest);
        recorded.delivery.state = DeliveryState::Delivered;
        recorded.delivery.finished_at = Some(self.engine.clock.now());
        record(self.engine, recorded, None).await?;
        Ok(())
    }

    /// Puts the file where it belongs. Putting it again changes nothing.
    async fn send_file(
        &self,
        recorded: &mut RecordedDelivery,
        number: u32,
        channel: &FileChannel,
    ) -> Result<(), Stopped> {
        let (finished, dropped) = self.draft(recorded, number).await?;
        let mut batch = self.begin(recorded, number, finished.members, dropped, &finished.sha256, finished.bytes);
        record(self.engine, recorded, Some(&batch)).await?;
        recorded.put_batch(batch.clone());
        match file::put(channel, &channel.name(&recorded.delivery), &finished.path()).await {
            Ok(place) => {
                recorded.delivery.reference = Some(place);
                batch.accepted = batch.members;
                self.end(recorded, batch, DeliveryState::Delivered, None).await?;
                Ok(())
            }
            Err(error) => {
                self.end(recorded, batch, DeliveryState::Failed, Some(&error)).await?;
                Err(error.into())
            }
        }
    }

    /// Writes the members of a batch who may still be written to; gives how many may not.
    async fn draft(&self, recorded: &RecordedDelivery, number: u32) -> Result<(Finished, u64)> {
        let (engine, channel) = (Arc::clone(self.engine), Arc::clone(self.channel));
        let planner = self.planner(recorded);
        let delivery = recorded.delivery.clone();
        let work = async move {
            let Sender::File(file_channel) = &channel.sender else {
                return Err(message::internal("a file is written for a channel without files"));
            };
            let recipients = open(&engine, delivery.recipients.as_deref())?;
            let list = recipients.columns();
            let mut judge = judge(&channel, &delivery.name, &list)?;
            let plan = with_standing(&planner, &channel, &engine.desk.suppress, recipients.batch(number)?)?;
            let mut batches = stream(&planner, plan).await?;
            let (file, out) = engine.desk.folder.create(delivery.audience, delivery.run)?;
            let mut draft = Draft::begin(file_channel, &payload::columns(&channel, &list), file, out)?;
            let mut dropped = 0;
            while let Some(batch) = batches.next().await.transpose()? {
                let judged = judge.judge(&batch)?;
                dropped += judged.verdicts.iter().filter(|verdict| **verdict != Verdict::Deliverable).count() as u64;
                draft.write(&payload::formed(&channel, &list, &batch, &judged)?)?;
            }
            Ok((draft.finish()?, dropped))
        };
        self.engine.queries.run(work).await
    }

    async fn put_manifest(&self, recorded: &RecordedDelivery, channel: &FileChannel, manifest: &str) -> Result<()> {
        let delivery = &recorded.delivery;
        let (file, mut out) = self.engine.desk.folder.create(delivery.audience, delivery.run)?;
        let text = manifest.to_owned();
        let path = file.path().to_owned();
        blocking(move || {
            std::io::Write::write_all(&mut out, text.as_bytes())
                .map_err(|error| message::file_fault(&path, "be written", error))
        })
        .await?;
        file::put(channel, &format!("{}.manifest.json", channel.name(delivery)), file.path()).await.map(drop)
    }

    /// A batch that is about to be sent.
    fn begin(
        &self,
        recorded: &RecordedDelivery,
        number: u32,
        members: u64,
        dropped: u64,
        sha256: &str,
        bytes: u64,
    ) -> Batch {
        Batch {
            number,
            members,
            dropped,
            state: DeliveryState::Sending,
            accepted: 0,
            sha256: sha256.to_owned(),
            bytes,
            attempts: recorded.batch(number).map_or(0, |batch| batch.attempts) + 1,
            sent_at: self.engine.clock.now(),
            finished_at: None,
            error: None,
        }
    }

    /// Puts the fate of a batch on record.
    async fn end(
        &self,
        recorded: &mut RecordedDelivery,
        mut batch: Batch,
        state: DeliveryState,
        error: Option<&Error>,
    ) -> Result<()> {
        batch.state = state;
        batch.error = error.map(|error| error.message().to_owned());
        batch.finished_at = Some(self.engine.clock.now());
        record(self.engine, recorded, Some(&batch)).await?;
        recorded.put_batch(batch);
        Ok(())
    }

    /// What the catalog remembers of the run.
    async fn run(&self, recorded: &RecordedDelivery) -> Result<Option<RecordedRun>> {
        let catalog = Arc::clone(&self.engine.catalog);
        let (audience, number) = (recorded.delivery.audience, recorded.delivery.run);
        let runs = blocking(move || catalog.runs()).await?;
        Ok(runs.into_iter().find(|run| {
            let is_wanted = |outcome: &crate::catalog::RunOutcome| {
                matches!(outcome, crate::catalog::RunOutcome::Done { number: of, .. } if *of == number)
            };
            run.audience == audience && is_wanted(&run.outcome)
        }))
    }

    /// Reads as who asked for the delivery; as the first superuser when they are gone.
    fn planner(&self, recorded: &RecordedDelivery) -> Planner {
        let role = self.engine.catalog.snapshot().role_named(&recorded.delivery.by).map(|role| role.oid);
        house_planner(self.engine, role.unwrap_or(BOOTSTRAP_ROLE_OID))
    }
}

fn open(engine: &Engine, recipients: Option<&str>) -> Result<Recipients> {
    let name = recipients.ok_or_else(|| message::internal("a delivery has no recipients"))?;
    Recipients::open(engine.desk.folder.published(name))
}

fn judge(channel: &Arc<Channel>, audience: &str, list: &arrow::datatypes::Schema) -> Result<Judge> {
    let names: Vec<&str> = list.fields().iter().map(|field| field.name().as_str()).collect();
    Judge::new(Arc::clone(channel), audience, &names)
}

/// Work that waits for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(message::internal("the catalog failed because of a bug").with_cause(error)),
    }
}
