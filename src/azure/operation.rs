//! Long-running operations: the decision table of contract §9.2, as values that survive a crash.
//!
//! A write returns [`Accepted::Running`] with an [`Operation`]. It is journalled before the first poll, and a later process can
//! poll it all the same. `azure_core`'s poller knows neither `Azure-AsyncOperation` nor `provisioningState`, so this is ours.

use std::time::Duration;

use azure_core::http::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::client::{Accepted, Azure, object};
use super::request::{Answer, Call};
use super::{Error, Method, Refusal, body, wait};
use crate::base::clock::Timestamp;
use crate::base::{ArmId, ArmObject, Class};

/// A poll URL may be unknown to a replica this long after the operation was accepted.
const REPLICATION: Duration = Duration::from_mins(2);

/// How often, and how far apart, a fresh resource is looked for again.
const READ_BACKS: u32 = 5;
const READ_BACK_PAUSE: Duration = Duration::from_secs(2);

/// How an operation is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// `Azure-AsyncOperation`: the body's `status` speaks.
    AsyncOperation,
    /// `Location`: 202 is running, anything else 2xx is the result.
    Location,
    /// No header: the resource's own `provisioningState`.
    Resource,
}

/// An operation under way. Serialisable: it is all that is needed to go on after a crash; nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What is polled; the newest URL that the service gave, verbatim.
    pub url: String,
    /// How it is polled.
    pub style: Style,
    /// The method that started it.
    pub method: Method,
    /// What is being written.
    pub resource: ArmId,
    /// Api-version for reading the resource at the end.
    pub api_version: String,
    /// Where a POST's result lies, when it is polled through another URL.
    pub result: Option<String>,
    /// When it was accepted.
    pub started: Timestamp,
    /// The wait until the next poll, milliseconds.
    pub wait_ms: u64,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It goes on; poll again after [`Operation::wait`].
    Running {
        /// The state, as the service spells it; what went wrong with the poll, if it got no answer.
        state: String,
        /// Percent done, if the service says.
        percent: Option<f64>,
    },
    /// It ended well; the resource as read afterwards, or the result of a POST. Nothing after a delete.
    Done(Option<ArmObject>),
}

impl Operation {
    /// The wait until the next poll.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }

    fn set_wait(&mut self, wait: Option<Duration>) {
        self.wait_ms = u64::try_from(wait.unwrap_or(wait::DEFAULT_POLL).as_millis()).unwrap_or(u64::MAX);
    }

    /// An answer may move the operation: the newest headers win.
    fn follow(&mut self, answer: &Answer, arm: &Url) -> Result<(), Error> {
        if let Some(link) = answer.header("azure-asyncoperation") {
            self.url = same_host(arm, link)?.into();
            self.style = Style::AsyncOperation;
        }
        if let Some(link) = answer.header("location") {
            let link = same_host(arm, link)?;
            match self.style {
                Style::AsyncOperation => self.result = Some(link.into()),
                Style::Location => self.url = link.into(),
                Style::Resource => {}
            }
        }
        Ok(())
    }
}

/// A link, if it stays on ARM's scheme, host and port.
pub(super) fn same_host(arm: &Url, link: &str) -> Result<Url, Error> {
    let elsewhere = || Error::FollowElsewhere {
        expected: arm.origin().ascii_serialization(),
        found: link.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect(),
    };
    arm.join(link).ok().filter(|url| url.origin() == arm.origin() && url.username().is_empty()).ok_or_else(elsewhere)
}

/// What the state words mean; without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Succeeded,
    Failed,
    Running,
}

fn state_of(word: &str) -> State {
    match word.to_ascii_lowercase().as_str() {
        "succeeded" => State::Succeeded,
        "failed" | "canceled" | "cancelled" => State::Failed,
        _ => State::Running,
    }
}

/// Reads the first answer to a change: the upper half of the decision table.
pub(super) fn accepted(answer: &Answer, method: Method, id: &ArmId, version: &str, arm: &Url) -> Result<Accepted, Error> {
    let (by_operation, by_location) = (answer.header("azure-asyncoperation").is_some(), answer.header("location").is_some());
    let found = if matches!(answer.status, 200 | 201) { object(answer, id)? } else { None };
    let state = found.as_ref().and_then(ArmObject::provisioning_state).map(str::to_owned);
    let style = match answer.status {
        _ if by_operation => Style::AsyncOperation,
        202 if by_location => Style::Location,
        202 => {
            tracing::warn!(%id, "the service accepted without saying where to look; the resource itself is watched");
            Style::Resource
        }
        200 | 201 => match state.as_deref().map(state_of) {
            Some(State::Failed) if method != Method::Post => return Err(failed(id, state.as_deref(), found.as_ref())),
            Some(State::Running) if by_location => Style::Location,
            Some(State::Running) if method != Method::Post => Style::Resource,
            _ => return Ok(Accepted::Done(found.filter(|_| method != Method::Delete))),
        },
        _ => return Ok(Accepted::Done(None)),
    };
    let mut operation = Operation {
        url: String::new(),
        style,
        method,
        resource: id.clone(),
        api_version: version.to_owned(),
        result: None,
        started: answer.at,
        wait_ms: 0,
    };
    operation.follow(answer, arm)?;
    operation.set_wait(wait::until_poll(&answer.headers, answer.at));
    Ok(Accepted::Running(operation))
}

fn failed(id: &ArmId, state: Option<&str>, found: Option<&ArmObject>) -> Error {
    let said = found.map(|object| body::read_value(&object.body)).unwrap_or_default();
    let refusal = Refusal {
        code: said.code,
        outer_codes: said.outer_codes,
        message: said.message,
        target: said.target,
        structured: true,
        ..Refusal::default()
    };
    Error::FailOperation { resource: id.clone(), state: state.unwrap_or("Failed").to_owned(), refusal: Box::new(refusal) }
}

impl Azure {
    /// Looks once how an operation fares. Trouble on the way (throttling, a broken connection, a replica that does not know the
    /// operation yet) is not the operation's failure: it goes on.
    ///
    /// # Errors
    /// [`Error::FailOperation`] when it ended badly; other [`Error`]s when it cannot be followed.
    pub async fn poll(&self, operation: &mut Operation) -> Result<Progress, Error> {
        if operation.style == Style::Resource {
            return self.poll_resource(operation).await;
        }
        let url = self.same_host(&operation.url)?;
        let answer = match self.arm(Call::get(url).about(operation.resource.as_str())).await {
            Ok(answer) => answer,
            Err(error) if error.class() == Class::Transient => return Ok(trouble(operation, &error)),
            Err(error) => return Err(error),
        };
        if !answer.succeeded() {
            return self.poll_refused(operation, &answer).await;
        }
        operation.follow(&answer, &self.arm_endpoint()?)?;
        operation.set_wait(wait::until_poll(&answer.headers, answer.at));
        match operation.style {
            Style::AsyncOperation => self.read_status(operation, &answer).await,
            _ => self.read_location(operation, &answer).await,
        }
    }

    /// Follows an operation to its end, at most `bound`. `on_progress` sees every poll, with the operation as it should be
    /// journalled now.
    ///
    /// # Errors
    /// [`Error::OutlastBound`] with the resource's state, [`Error::Cancel`], and those of [`Azure::poll`].
    pub async fn await_operation(
        &self,
        mut operation: Operation,
        bound: Duration,
        cancel: &CancellationToken,
        mut on_progress: impl FnMut(&Operation, &Progress) + Send,
    ) -> Result<Option<ArmObject>, Error> {
        // An operation taken over from the journal may be old: it gets the whole bound, and its first poll at once.
        let begun = self.now();
        let mut pause = operation.wait().saturating_sub(elapsed(operation.started, begun));
        loop {
            let waited = self.clock().passed(begun);
            if waited >= bound {
                return self.outlasted(&operation, waited).await;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::Cancel(operation.resource)),
                () = self.clock().sleep(pause.min(bound.saturating_sub(waited))) => {}
            }
            let progress = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::Cancel(operation.resource)),
                progress = self.poll(&mut operation) => progress?,
            };
            on_progress(&operation, &progress);
            if let Progress::Done(found) = progress {
                return Ok(found);
            }
            pause = operation.wait();
        }
    }

    /// The bound is over. The operation may have ended without our seeing it, so the resource has the last word.
    async fn outlasted(&self, operation: &Operation, waited: Duration) -> Result<Option<ArmObject>, Error> {
        let found = self.get_version(&operation.resource, &operation.api_version).await.ok().flatten();
        let state = found.as_ref().and_then(ArmObject::provisioning_state).unwrap_or("unknown").to_owned();
        Err(Error::OutlastBound { resource: operation.resource.clone(), waited, state })
    }

    fn arm_endpoint(&self) -> Result<Url, Error> {
        super::request::https(&self.cloud().arm)
    }

    async fn poll_resource(&self, operation: &mut Operation) -> Result<Progress, Error> {
        let found = match self.get_version(&operation.resource, &operation.api_version).await {
            Ok(found) => found,
            Err(error) if matches!(error.class(), Class::Transient | Class::Throttled(_)) => {
                return Ok(trouble(operation, &error));
            }
            Err(error) => return Err(error),
        };
        operation.set_wait(None);
        let Some(found) = found else {
            return match operation.method {
                Method::Delete => Ok(Progress::Done(None)),
                // Reads may lag writes by seconds (contract §9.6).
                _ if self.young(operation) => Ok(running("not visible yet", None)),
                _ => Err(failed(&operation.resource, Some("absent"), None)),
            };
        };
        match found.provisioning_state().map(state_of) {
            Some(State::Failed) => Err(failed(&operation.resource, found.provisioning_state(), Some(&found))),
            Some(State::Running) => Ok(running(found.provisioning_state().unwrap_or_default(), None)),
            _ if operation.method == Method::Delete => Ok(running("still there", None)),
            _ => Ok(Progress::Done(Some(found))),
        }
    }

    /// A poll was answered with an error: replication, trouble, or the record of the operation is gone.
    async fn poll_refused(&self, operation: &mut Operation, answer: &Answer) -> Result<Progress, Error> {
        let error = Error::Refuse(Box::new(answer.refusal()));
        match error.class() {
            Class::Transient | Class::Throttled(_) => Ok(trouble(operation, &error)),
            Class::Absent if self.young(operation) => {
                operation.set_wait(wait::until_poll(&answer.headers, answer.at));
                Ok(running("not visible yet", None))
            }
            Class::Absent if operation.method == Method::Delete && operation.style == Style::Location => Ok(Progress::Done(None)),
            // Services forget finished operations; the resource still knows how it went.
            Class::Absent if operation.method != Method::Post => {
                operation.style = Style::Resource;
                self.poll_resource(operation).await
            }
            _ => Err(error),
        }
    }

    async fn read_status(&self, operation: &Operation, answer: &Answer) -> Result<Progress, Error> {
        let status = answer.json()?.unwrap_or_default();
        // Some services answer with the resource itself.
        let word = status.get("status").or_else(|| status.pointer("/properties/provisioningState")).and_then(Value::as_str);
        let word = word.unwrap_or(if answer.status == 202 { "Running" } else { "" });
        match state_of(word) {
            State::Running if word.is_empty() => Err(answer.unreadable("it has no `status`")),
            State::Running => Ok(running(word, status.get("percentComplete").and_then(Value::as_f64))),
            State::Succeeded => self.finish(operation, Some(status)).await,
            State::Failed => {
                let as_object = ArmObject { id: operation.resource.clone(), body: status.clone(), etag: None };
                Err(failed(&operation.resource, Some(word), Some(&as_object)))
            }
        }
    }

    async fn read_location(&self, operation: &Operation, answer: &Answer) -> Result<Progress, Error> {
        if answer.status == 202 {
            return Ok(running("Running", None));
        }
        let found = object(answer, &operation.resource)?;
        // Some services point `Location` at the resource itself.
        match (operation.method, found.as_ref().and_then(ArmObject::provisioning_state).map(|word| (word, state_of(word)))) {
            (_, Some((word, State::Running))) => Ok(running(word, None)),
            // A POST's result is the caller's to judge: a run-command that failed is an answer.
            (Method::Post, _) => Ok(Progress::Done(found)),
            (_, Some((word, State::Failed))) => Err(failed(&operation.resource, Some(word), found.as_ref())),
            _ => self.finish(operation, None).await,
        }
    }

    /// The operation succeeded: read what it made.
    async fn finish(&self, operation: &Operation, status: Option<Value>) -> Result<Progress, Error> {
        match (operation.method, &operation.result) {
            (Method::Delete, _) => Ok(Progress::Done(None)),
            (Method::Post, Some(url)) => {
                let answer = self.arm(Call::get(self.same_host(url)?).about(operation.resource.as_str())).await?.accepted()?;
                Ok(Progress::Done(object(&answer, &operation.resource)?))
            }
            (Method::Post, None) => {
                Ok(Progress::Done(status.map(|body| ArmObject { id: operation.resource.clone(), body, etag: None })))
            }
            _ => self.read_back(operation).await,
        }
    }

    /// Reads what was written; a replica may not know it for some seconds (contract §9.5, 404).
    async fn read_back(&self, operation: &Operation) -> Result<Progress, Error> {
        for _ in 0..READ_BACKS {
            if let Some(found) = self.get_version(&operation.resource, &operation.api_version).await? {
                return Ok(Progress::Done(Some(found)));
            }
            self.clock().sleep(READ_BACK_PAUSE).await;
        }
        Ok(Progress::Done(self.get_version(&operation.resource, &operation.api_version).await?))
    }

    fn young(&self, operation: &Operation) -> bool {
        elapsed(operation.started, self.now()) < REPLICATION
    }
}

/// Time between two moments; none if the clock went back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn running(state: &str, percent: Option<f64>) -> Progress {
    Progress::Running { state: state.to_owned(), percent }
}

fn trouble(operation: &mut Operation, error: &Error) -> Progress {
    let asked = error.refusal().and_then(|refusal| refusal.retry_after).map(|wait| wait.min(Duration::from_mins(1)));
    operation.set_wait(asked);
    Progress::Running { state: format!("poll failed: {error}"), percent: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::Write;
    use super::super::testing::{ARM, Reply, amw, azure, empty, refusal, reply, workspace};
    use super::*;
    use crate::base::Kind;

    const KIND: Kind = Kind::MonitorWorkspace;
    const HOUR: Duration = Duration::from_hours(1);

    fn url(name: &str) -> String {
        format!("{ARM}/subscriptions/s1/operations/{name}?api-version=2099-01-01&t=%2B")
    }

    async fn started(first: Reply, method: Method) -> Result<Accepted, Error> {
        let (azure, ..) = azure([first]);
        azure.write(Write { method, ..Write::put(amw(), KIND, json!({})) }).await
    }

    /// `done`, or the style of the operation.
    fn shape(accepted: &Accepted) -> &'static str {
        match accepted {
            Accepted::Done(None) => "done",
            Accepted::Done(Some(_)) => "done with body",
            Accepted::Running(Operation { style: Style::AsyncOperation, .. }) => "operation",
            Accepted::Running(Operation { style: Style::Location, .. }) => "location",
            Accepted::Running(Operation { style: Style::Resource, .. }) => "resource",
        }
    }

    #[tokio::test]
    async fn every_row_of_the_first_answer() {
        let by_operation = |reply: Reply| reply.with("azure-asyncoperation", url("a"));
        let by_location = |reply: Reply| reply.with("location", url("l"));
        let put = Method::Put;
        let rows = [
            (put, by_operation(reply(201, &workspace("Creating"))), "operation"),
            (put, by_operation(reply(200, &workspace("Succeeded"))), "operation"),
            (put, reply(200, &json!({"id": amw().as_str()})), "done with body"),
            (put, reply(201, &workspace("Succeeded")), "done with body"),
            (put, reply(200, &workspace("Updating")), "resource"),
            (put, by_location(reply(201, &workspace("Creating"))), "location"),
            (put, by_operation(by_location(empty(202))), "operation"),
            (put, by_location(empty(202)), "location"),
            (put, empty(202), "resource"),
            (Method::Delete, empty(204), "done"),
            (Method::Delete, reply(200, &workspace("Succeeded")), "done"),
            (Method::Delete, by_location(empty(202)), "location"),
            (Method::Post, by_location(empty(202)), "location"),
            (Method::Post, reply(200, &json!({"any": 1})), "done with body"),
            (Method::Patch, reply(200, &workspace("Updating")), "resource"),
        ];
        for (number, (method, first, expected)) in rows.into_iter().enumerate() {
            let accepted = started(first, method).await.unwrap();
            assert_eq!(shape(&accepted), expected, "row {number}");
        }
        let failed = started(reply(201, &workspace("Failed")), put).await.unwrap_err();
        assert!(matches!(failed, Error::FailOperation { state, .. } if state == "Failed"));
        let elsewhere = started(empty(202).with("location", "https://evil.example/op"), put).await.unwrap_err();
        assert!(matches!(elsewhere, Error::FollowElsewhere { .. }));
    }

    async fn follow(method: Method, replies: Vec<Reply>) -> (Result<Option<ArmObject>, Error>, Vec<String>, Vec<Duration>) {
        let (azure, script, clock) = azure(replies);
        let write = Write { method, ..Write::put(amw(), KIND, json!({})) };
        let Accepted::Running(operation) = azure.write(write).await.unwrap() else { panic!("it should go on") };
        // What a crash leaves behind is enough.
        let journalled = serde_json::to_string(&operation).unwrap();
        let operation: Operation = serde_json::from_str(&journalled).unwrap();
        let end = azure.await_operation(operation, HOUR, &CancellationToken::new(), |_, _| {}).await;
        let slept = clock.slept.lock().unwrap().clone();
        (end, script.lines(), slept)
    }

    fn status(word: &str) -> Reply {
        reply(200, &json!({"name": "a", "status": word}))
    }

    #[tokio::test]
    async fn an_operation_is_polled_verbatim_and_ends_with_a_read() {
        let (end, lines, slept) = follow(
            Method::Put,
            vec![
                reply(201, &workspace("Creating")).with("azure-asyncoperation", url("a")).with("retry-after", "1"),
                status("InProgress").with("azure-asyncoperation", url("b")).with("retry-after-ms", "30"),
                status("Running"),
                reply(202, &json!({"status": "Accepted"})).with("retry-after", "900"),
                status("succeeded"),
                refusal(404, "ResourceNotFound"),
                reply(200, &workspace("Succeeded")).with("etag", "9"),
            ],
        )
        .await;
        assert_eq!(end.unwrap().unwrap().etag.as_deref(), Some("9"));
        let path = |name: &str| format!("GET {}", url(name).strip_prefix(ARM).unwrap());
        assert_eq!(lines[1..5], [path("a"), path("b"), path("b"), path("b")]);
        let millis: Vec<_> = slept.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [2_000, 30, 10_000, 60_000, 2_000], "clamped, in milliseconds, by default, clamped, replication");
    }

    #[tokio::test]
    async fn a_failed_operation_tells_the_deepest_code() {
        let body = json!({"status": "Failed", "error": {"code": "CreateVMSSAgentPoolFailed", "message": "m",
            "details": [{"code": "QuotaExceeded", "message": "cores"}]}});
        let first = empty(202).with("azure-asyncoperation", url("a"));
        let (end, ..) = follow(Method::Put, vec![first, reply(200, &body)]).await;
        let error = end.unwrap_err();
        assert_eq!((error.code(), error.class()), (Some("QuotaExceeded"), Class::Refused));
        insta::assert_snapshot!(error, @"the operation on `/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Monitor/accounts/amw1` ended in `Failed`: `QuotaExceeded`: cores");
        let first = empty(202).with("azure-asyncoperation", url("a"));
        let (end, ..) = follow(Method::Put, vec![first, status("Canceled")]).await;
        assert!(matches!(end, Err(Error::FailOperation { state, .. }) if state == "Canceled"));
    }

    #[tokio::test]
    async fn a_location_is_polled_while_it_says_202() {
        let accepted = || empty(202).with("location", url("l"));
        let result = json!({"id": "abc", "properties": {"provisioningState": "Failed", "reason": "no nodes"}});
        let running = json!({"id": "abc", "properties": {"provisioningState": "Running"}});
        let (end, lines, _) = follow(Method::Post, vec![accepted(), empty(202), reply(200, &running), reply(200, &result)]).await;
        assert_eq!(
            end.unwrap().unwrap().text("/properties/reason"),
            Some("no nodes"),
            "a POST's result is the caller's to judge"
        );
        assert_eq!(lines.len(), 4);

        let itself = || empty(202).with("location", format!("{ARM}{}?api-version=2025-10-03", amw()));
        let settled = || reply(200, &workspace("Succeeded"));
        let (end, ..) = follow(Method::Put, vec![itself(), reply(200, &workspace("Updating")), settled(), settled()]).await;
        assert_eq!(end.unwrap().unwrap().provisioning_state(), Some("Succeeded"));
        let (end, ..) = follow(Method::Put, vec![itself(), reply(200, &workspace("Failed"))]).await;
        assert!(matches!(end, Err(Error::FailOperation { .. })));
        let (end, ..) = follow(Method::Delete, vec![accepted(), empty(202), empty(204)]).await;
        assert_eq!(end.unwrap(), None);
    }

    #[tokio::test]
    async fn a_resource_is_watched_until_it_settles() {
        let states = ["Updating", "Reconciling", "Succeeded"].map(|state| reply(200, &workspace(state)));
        let (end, _, slept) = follow(Method::Put, states.into_iter().collect()).await;
        assert_eq!(end.unwrap().unwrap().provisioning_state(), Some("Succeeded"));
        assert_eq!(slept, [Duration::from_secs(10); 2]);
        let gone = vec![empty(202), reply(200, &workspace("Deleting")), refusal(404, "ResourceNotFound")];
        assert_eq!(follow(Method::Delete, gone).await.0.unwrap(), None);
    }

    #[tokio::test]
    async fn trouble_on_the_way_is_not_the_operations_failure() {
        let first = empty(202).with("azure-asyncoperation", url("a"));
        let mut replies = vec![first, refusal(404, "NotFound"), refusal(429, "TooManyRequests").with("retry-after", "400")];
        replies.extend((0..6).map(|_| empty(503)));
        replies.extend((0..6).map(|_| Reply::Broken));
        replies.extend([status("Succeeded"), reply(200, &workspace("Succeeded"))]);
        let (end, ..) = follow(Method::Put, replies).await;
        assert!(end.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_forgotten_operation_is_read_off_the_resource() {
        let first = empty(202).with("azure-asyncoperation", url("a"));
        let mut replies = vec![first];
        replies.extend((0..12).map(|_| status("InProgress")));
        replies.extend([refusal(404, "NotFound"), reply(200, &workspace("Succeeded"))]);
        let (end, lines, _) = follow(Method::Put, replies).await;
        assert!(end.unwrap().is_some());
        assert!(lines.last().unwrap().contains("/accounts/amw1?"));
    }

    #[tokio::test]
    async fn an_operation_taken_over_after_hours_is_still_polled() {
        let (client, script, clock) = azure([status("Succeeded"), reply(200, &workspace("Succeeded"))]);
        let operation = Operation {
            url: url("a"),
            style: Style::AsyncOperation,
            method: Method::Put,
            resource: amw(),
            api_version: KIND.api_version().to_owned(),
            result: None,
            started: "2026-08-01T01:00:00Z".parse().unwrap(),
            wait_ms: 10_000,
        };
        let end = client.await_operation(operation, Duration::from_mins(1), &CancellationToken::new(), |_, _| {}).await;
        assert!(end.unwrap().is_some());
        assert_eq!((script.lines().len(), clock.slept.lock().unwrap().clone()), (2, vec![Duration::ZERO]));
    }

    #[tokio::test]
    async fn a_bound_and_a_cancel_end_the_wait() {
        let (client, ..) =
            azure([reply(200, &workspace("Updating")), reply(200, &workspace("Updating")), reply(200, &workspace("Updating"))]);
        let Accepted::Running(operation) = client.write(Write::put(amw(), KIND, json!({}))).await.unwrap() else { panic!() };
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        let end = client.await_operation(operation.clone(), HOUR, &cancelled, |_, _| {}).await;
        assert_eq!(end.unwrap_err().class(), Class::Cancelled);
        let end = client.await_operation(operation, Duration::from_secs(5), &CancellationToken::new(), |_, _| {}).await;
        insta::assert_snapshot!(end.unwrap_err(), @"the operation on `/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Monitor/accounts/amw1` did not end within 5 s; the resource's state is `Updating`");
    }
}
