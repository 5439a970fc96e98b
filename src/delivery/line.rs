//! LINE: an audience of a LINE Official Account, uploaded by user id (Messaging API, "Manage Audience").
//!
//! The first batch makes the audience, those behind it add to it; LINE answers 202 and does the work later, so its job is
//! asked for until it is done. There is no key that LINE would take a batch once by. But an audience is found by its name,
//! which holds the delivery's id, and a job by its description, which holds the batch's: who does not know whether a batch
//! arrived looks first. LINE only adds, so a refreshed list is a new audience there; it keeps them for 180 days.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::http::{Reply, once};
use crate::catalog::delivery::Delivery;
use crate::config::Secret;

/// User ids in one request.
pub const BATCH_MEMBERS_MAX: u32 = 10_000;
/// LINE sends to no smaller audience.
pub const MINIMUM: u32 = 50;
/// Characters of an audience's name.
const DESCRIPTION_MAX: usize = 120;
/// LINE tells of so many jobs of an audience, and of no more.
const JOBS_MAX: usize = 50;

#[derive(Debug)]
pub struct Line {
    /// `https://api.line.me/`, or what stands in for it.
    pub base: Url,
    pub client: Client,
    /// Channel access token.
    pub token: Secret,
    pub timeout: Duration,
    /// How often a request is tried before the delivery fails.
    pub attempts: u32,
}

/// What came of an upload.
#[derive(Debug, PartialEq, Eq)]
pub enum Upload {
    /// LINE has it, in this audience.
    Taken(i64),
    Later {
        told: String,
        after: Option<Duration>,
    },
    Refused(String),
    InDoubt(String),
}

/// How far LINE is with an upload that it has taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Work {
    /// This many were added.
    Done(u64),
    UnderWay,
    Failed(String),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    audience_group_id: i64,
    #[serde(default)]
    description: String,
    #[serde(default)]
    status: String,
    failed_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    #[serde(default)]
    description: String,
    #[serde(default)]
    job_status: String,
    failed_type: Option<String>,
    audience_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    audience_groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupWithJobs {
    audience_group: Group,
    #[serde(default)]
    jobs: Vec<Job>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    audience_group_id: i64,
}

/// The name of a delivery's audience at LINE.
pub fn description(delivery: &Delivery) -> String {
    let tail = format!(" {} {}", delivery.run, delivery.id);
    let name: String = delivery.name.chars().take(DESCRIPTION_MAX - tail.chars().count()).collect();
    name + &tail
}

/// The name of a batch's job at LINE.
pub fn job(delivery: &Delivery, batch: u32) -> String {
    format!("{}-{batch}", delivery.id)
}

impl Line {
    /// Uploads a batch once: into a new audience when there is none yet.
    ///
    /// `may_be_there`: an earlier attempt may have arrived, so it is looked for first; it is set when this one may have.
    pub async fn upload(
        &self,
        delivery: &Delivery,
        group: Option<i64>,
        batch: u32,
        ids: &[String],
        may_be_there: &mut bool,
    ) -> Upload {
        let mut group = group;
        if *may_be_there {
            match self.look_up(delivery, group, batch).await {
                Ok(Found::Batch(group)) => return Upload::Taken(group),
                Ok(Found::Group(found)) => group = Some(found),
                Ok(Found::Nothing) => {}
                Err(upload) => return upload,
            }
        }
        let audiences: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let job = job(delivery, batch);
        let (method, body) = match group {
            None => (
                Method::POST,
                json!({
                    "description": description(delivery),
                    "isIfaAudience": false,
                    "uploadDescription": job,
                    "audiences": audiences,
                }),
            ),
            Some(group) => {
                (Method::PUT, json!({ "audienceGroupId": group, "uploadDescription": job, "audiences": audiences }))
            }
        };
        let request = self.request(method, "v2/bot/audienceGroup/upload");
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        match once(request, self.timeout).await {
            Reply::Accepted(body) => {
                match group.or_else(|| read::<Created>(&body).map(|made| made.audience_group_id)) {
                    Some(group) => Upload::Taken(group),
                    // It is there, and its number is found when it is looked for.
                    None => {
                        *may_be_there = true;
                        Upload::Later { told: "the answer cannot be read".to_owned(), after: None }
                    }
                }
            }
            Reply::NotNow { told, after } => Upload::Later { told, after },
            Reply::Unknown { told } => {
                *may_be_there = true;
                Upload::Later { told, after: None }
            }
            // The name may be taken by ourselves: by an attempt whose answer got lost.
            Reply::Refused { status: StatusCode::BAD_REQUEST, told } if group.is_none() => {
                match self.look_up(delivery, None, batch).await {
                    Ok(Found::Batch(group)) => Upload::Taken(group),
                    Ok(Found::Group(_)) => {
                        *may_be_there = true;
                        Upload::Later { told, after: None }
                    }
                    Ok(Found::Nothing) => Upload::Refused(told),
                    Err(upload) => upload,
                }
            }
            Reply::Refused { told, .. } => Upload::Refused(told),
        }
    }

    /// How far LINE is with a batch that it has taken, of so many members.
    pub async fn work(&self, delivery: &Delivery, group: i64, batch: u32, members: u64) -> Work {
        let found = match self.group(group).await {
            Ok(found) => found,
            Err(Upload::Refused(told)) => return Work::Failed(told),
            Err(_) => return Work::UnderWay,
        };
        let wanted = job(delivery, batch);
        match found.jobs.iter().find(|job| job.description == wanted) {
            Some(job) => match job.job_status.as_str() {
                "FINISHED" => Work::Done(job.audience_count.unwrap_or(members).min(members)),
                "FAILED" => Work::Failed(job.failed_type.clone().unwrap_or_else(|| "the job failed".to_owned())),
                _ => Work::UnderWay,
            },
            None => match found.audience_group.status.as_str() {
                "READY" | "ACTIVATING" | "INACTIVE" => Work::Done(members),
                "FAILED" | "EXPIRED" => {
                    let status = found.audience_group.status;
                    Work::Failed(found.audience_group.failed_type.unwrap_or(status))
                }
                _ => Work::UnderWay,
            },
        }
    }

    async fn look_up(&self, delivery: &Delivery, group: Option<i64>, batch: u32) -> Result<Found, Upload> {
        let group = match group {
            Some(group) => group,
            None => match self.named(delivery).await? {
                Some(group) => group,
                None => return Ok(Found::Nothing),
            },
        };
        let found = self.group(group).await?;
        let wanted = job(delivery, batch);
        if found.jobs.iter().any(|job| job.description == wanted) {
            return Ok(Found::Batch(group));
        }
        if found.jobs.len() >= JOBS_MAX {
            return Err(Upload::InDoubt(format!(
                "LINE tells of {JOBS_MAX} jobs of an audience, and this is none of them"
            )));
        }
        Ok(Found::Group(group))
    }

    /// The audience of a delivery. Names are compared without case.
    async fn named(&self, delivery: &Delivery) -> Result<Option<i64>, Upload> {
        let request = self.request(Method::GET, "v2/bot/audienceGroup/list").query(&[
            ("page", "1"),
            ("size", "40"),
            ("description", delivery.id.as_str()),
        ]);
        let groups: Groups = self.asked(request).await?;
        let wanted = description(delivery).to_lowercase();
        let found = groups.audience_groups.into_iter().find(|group| group.description.to_lowercase() == wanted);
        Ok(found.map(|group| group.audience_group_id))
    }

    async fn group(&self, group: i64) -> Result<GroupWithJobs, Upload> {
        self.asked(self.request(Method::GET, &format!("v2/bot/audienceGroup/{group}"))).await
    }

    async fn asked<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Result<T, Upload> {
        match once(request, self.timeout).await {
            Reply::Accepted(body) => {
                let unread = || Upload::Later { told: "the answer cannot be read".to_owned(), after: None };
                read(&body).ok_or_else(unread)
            }
            Reply::NotNow { told, after } => Err(Upload::Later { told, after }),
            Reply::Unknown { told } => Err(Upload::Later { told, after: None }),
            Reply::Refused { told, .. } => Err(Upload::Refused(told)),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        self.client.request(method, url).bearer_auth(self.token.reveal())
    }
}

enum Found {
    /// The batch is in this audience.
    Batch(i64),
    /// The audience is there, without the batch.
    Group(i64),
    Nothing,
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
