//! Deliveries to LINE, against a stand-in after its published API (line-openapi, manage-audience.yml): limits, 202 and
//! polling, names that are taken, refusals, answers that get lost.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::deliveries::{World, refusal, rows};
use crate::receiver::{Answer, Received, Receiver};

const EARLIER: &str = "2026-10-01T00:00:00Z";
const TOKEN: &str = "a channel access token";
const MEMBERS: i64 = 130;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is done, and its answer gets lost.
    AnswerLost,
    /// The connection is cut before it is done.
    Cut,
    Status(u16),
}

#[derive(Debug, Clone)]
struct Job {
    description: String,
    ids: Vec<String>,
    /// How often it is still asked for in vain.
    asked_in_vain: u32,
}

#[derive(Debug, Clone)]
struct Group {
    id: i64,
    description: String,
    jobs: Vec<Job>,
}

/// LINE, as far as audiences of user ids go.
#[derive(Debug, Default)]
struct Line {
    groups: Vec<Group>,
    requests: usize,
    /// The number of the request that goes wrong, from 0.
    fault: Option<(usize, Fault)>,
    fails_jobs: bool,
}

impl Line {
    fn answer(&mut self, request: &Received) -> Answer {
        let number = self.requests;
        self.requests += 1;
        match self.fault.filter(|(at, _)| *at == number) {
            Some((_, Fault::Cut)) => Answer::Cut,
            Some((_, Fault::Status(status))) => Answer::status(status),
            Some((_, Fault::AnswerLost)) => {
                self.done(request);
                Answer::Cut
            }
            None => {
                let (status, body) = self.done(request);
                Answer::Of(status, "content-type: application/json\r\n", body.to_string())
            }
        }
    }

    fn done(&mut self, request: &Received) -> (u16, Value) {
        let refused = |message: &str| (400, json!({ "message": message, "details": [] }));
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return (401, json!({ "message": "Authentication failed" }));
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match (request.method.as_str(), path) {
            ("POST", "/v2/bot/audienceGroup/upload") => {
                let body = request.json();
                let description = body["description"].as_str().unwrap().to_owned();
                let is_taken = self.groups.iter().any(|group| {
                    // Without case, as LINE compares them.
                    group.description.to_lowercase() == description.to_lowercase()
                });
                if description.is_empty() || description.chars().count() > 120 || is_taken {
                    return refused("the name is wrong");
                }
                let Some(job) = job(&body) else { return refused("too many ids") };
                let id = 1_234_567_890_123 + self.groups.len() as i64;
                self.groups.push(Group { id, description: description.clone(), jobs: vec![job] });
                (202, json!({ "audienceGroupId": id, "description": description, "type": "UPLOAD" }))
            }
            ("PUT", "/v2/bot/audienceGroup/upload") => {
                let body = request.json();
                let Some(job) = job(&body) else { return refused("too many ids") };
                let id = body["audienceGroupId"].as_i64().unwrap();
                match self.groups.iter_mut().find(|group| group.id == id) {
                    Some(group) => group.jobs.push(job),
                    None => return refused("audience group not found"),
                }
                (202, json!({}))
            }
            ("GET", "/v2/bot/audienceGroup/list") => {
                let wanted = query.split('&').find_map(|pair| pair.strip_prefix("description=")).unwrap();
                let found = self.groups.iter().filter(|group| group.description.contains(wanted));
                let found: Vec<Value> = found
                    .map(|group| json!({ "audienceGroupId": group.id, "description": group.description }))
                    .collect();
                (200, json!({ "audienceGroups": found, "hasNextPage": false, "page": 1 }))
            }
            ("GET", path) => {
                let id: i64 = path.strip_prefix("/v2/bot/audienceGroup/").unwrap().parse().unwrap();
                let fails = self.fails_jobs;
                let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else {
                    return refused("audience group not found");
                };
                let jobs: Vec<Value> = group.jobs.iter_mut().map(|job| shown(job, fails)).collect();
                let group = json!({ "audienceGroupId": id, "description": group.description, "status": "IN_PROGRESS" });
                (200, json!({ "audienceGroup": group, "jobs": jobs }))
            }
            _ => (404, json!({ "message": "Not found" })),
        }
    }
}

fn job(body: &Value) -> Option<Job> {
    let ids: Vec<String> = body["audiences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|audience| audience["id"].as_str().unwrap().to_owned())
        .collect();
    let description = body["uploadDescription"].as_str().unwrap().to_owned();
    (ids.len() <= 10_000).then_some(Job { description, ids, asked_in_vain: 2 })
}

/// Of the last id LINE knows nothing: its user has blocked the account, say.
fn shown(job: &mut Job, fails: bool) -> Value {
    if job.asked_in_vain > 0 {
        job.asked_in_vain -= 1;
        return json!({ "description": job.description, "jobStatus": "WORKING" });
    }
    if fails {
        let failed = "AUDIENCE_GROUP_AUDIENCE_INSUFFICIENT";
        return json!({ "description": job.description, "jobStatus": "FAILED", "failedType": failed });
    }
    json!({ "description": job.description, "jobStatus": "FINISHED", "audienceCount": job.ids.len() - 1 })
}

fn world(members: i64) -> World {
    let rows: Vec<_> = (1..=members).map(|member| (member, None, None)).collect();
    let consents: Vec<_> = (1..=members).map(|member| (member, "line", "granted", EARLIER)).collect();
    World::new(&rows, &consents, &[(1, 1, "2026-11-19T12:00:00Z", 10)])
}

fn channel(world: &World, receiver: &Receiver) -> String {
    let path = world.folder.path().join("token");
    std::fs::write(&path, TOKEN).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let url = receiver.url();
    format!(
        "[channels.line]\nkind = \"line\"\nurl = \"{url}\"\ntoken = {{ file = \"token\" }}\nbatch_members = 50\n\
         timeout_ms = 2000\n"
    )
}

async fn stand_in() -> (Arc<Mutex<Line>>, Receiver) {
    let line: Arc<Mutex<Line>> = Arc::default();
    let answering = Arc::clone(&line);
    let receiver = Receiver::start(move |request: &Received| answering.lock().answer(request)).await;
    (line, receiver)
}

const AUDIENCE: &str = "CREATE MATERIALIZED VIEW everybody WITH (channel = 'line') AS SELECT member_id FROM members";
const DELIVER: &str = "CALL regulars.deliver('everybody')";

/// Every user once, in three jobs.
fn check(line: &Line) {
    assert_eq!(line.groups.len(), 1);
    let jobs = &line.groups[0].jobs;
    assert_eq!(jobs.iter().map(|job| job.ids.len()).collect::<Vec<_>>(), [50, 50, 30]);
    let ids: Vec<&String> = jobs.iter().flat_map(|job| &job.ids).collect();
    let expected: Vec<String> = (1..=MEMBERS).map(|member| format!("U{member:032x}")).collect();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_made_added_to_and_waited_for() {
    let world = world(MEMBERS);
    let (line, receiver) = stand_in().await;
    let server = world.server(&channel(&world, &receiver)).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    let sent = rows(&client, DELIVER).await;
    // What LINE took is what LINE says: one fewer in each batch.
    assert!(sent[0].ends_with("|delivered|130|130|130|130|127|NULL|3|NULL"), "{sent:?}");
    check(&line.lock());
    let id = sent[0].split('|').next().unwrap();
    assert_eq!(line.lock().groups[0].description, format!("everybody 1 {id}"));
    assert_eq!(rows(&client, "SELECT reference FROM regulars.deliveries").await, ["1234567890123"]);
    let requests = line.lock().requests;
    assert_eq!(rows(&client, DELIVER).await, sent);
    assert_eq!(line.lock().requests, requests, "nothing is asked again");
    // A refreshed list is a new audience, for LINE only adds.
    client.batch_execute("REFRESH MATERIALIZED VIEW everybody").await.unwrap();
    rows(&client, DELIVER).await;
    assert_eq!(line.lock().groups.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_fifty_are_not_uploaded() {
    let world = world(49);
    let (line, receiver) = stand_in().await;
    let server = world.server(&channel(&world, &receiver)).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    let (state, told) = refusal(&client, DELIVER).await;
    assert_eq!(state, "55000");
    assert!(told.contains("49 can be delivered to; the minimum is 50."), "{told}");
    assert_eq!(line.lock().requests, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_wrong_and_a_job_that_fails_are_told() {
    let world = world(MEMBERS);
    let (line, receiver) = stand_in().await;
    let config = channel(&world, &receiver);
    std::fs::write(world.folder.path().join("token"), "another").unwrap();
    let server = world.server(&config).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    let (state, told) = refusal(&client, DELIVER).await;
    assert_eq!(state, "58030");
    assert!(told.contains("batch 1 was not taken: HTTP 401") && !told.contains("another"), "{told}");
    server.stop().await;
    // With the right one it goes on; then LINE's own work fails.
    std::fs::write(world.folder.path().join("token"), TOKEN).unwrap();
    line.lock().fails_jobs = true;
    let server = world.server(&config).await;
    let client = server.client().await;
    let (_, told) = refusal(&client, DELIVER).await;
    assert!(told.contains("batch 1 was not taken: AUDIENCE_GROUP_AUDIENCE_INSUFFICIENT"), "{told}");
    assert_eq!(rows(&client, "SELECT state FROM regulars.deliveries").await, ["failed"]);
    server.stop().await;
}

/// Each of the requests of a delivery goes wrong once, in each way that networks have: every user is uploaded once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_gets_lost_nobody_is_uploaded_twice() {
    for fault in [Fault::AnswerLost, Fault::Cut, Fault::Status(500), Fault::Status(429)] {
        for at in 0..12 {
            let world = world(MEMBERS);
            let (line, receiver) = stand_in().await;
            line.lock().fault = Some((at, fault));
            let server = world.server(&channel(&world, &receiver)).await;
            let client = server.client().await;
            client.batch_execute(AUDIENCE).await.unwrap();
            let sent = rows(&client, DELIVER).await;
            assert!(sent[0].ends_with("|delivered|130|130|130|130|127|NULL|3|NULL"), "{fault:?} at {at}: {sent:?}");
            check(&line.lock());
            server.stop().await;
        }
    }
}
