//! The comment, the thread and the issue that a command keeps up to date.

use aksight::azure;
use aksight::base::digest::sha256_hex;
use aksight::forge::{Error, Note, Posted, PullRequest, Repository};
use serde_json::Value;

use super::Desk;
use super::console::{Console, Host};
use super::surroundings::Surroundings;
use crate::cli::view::pipeline::{Account, markdown};

/// The longest body that GitHub takes, in characters; Azure DevOps takes more. We count bytes, of which there are never fewer.
const LONGEST: usize = 65_536;

/// Keeps what is wanted. Gives warnings; that the token may not comment is none: the summary has it all.
pub(super) async fn keep(desk: &Desk, console: &Console, account: &Account<'_>) -> Vec<String> {
    // A run that was stopped knows nothing.
    if matches!(account.exit_code, 130 | 143) {
        return Vec::new();
    }
    let marker = format!("<!-- aksight:{}:{} -->", account.command, &sha256_hex(desk.subject.as_bytes())[..16]);
    let body = markdown::summary(account, LONGEST - marker.len() - 1);
    let note = Note { marker: &marker, body: &body, clean: account.exit_code == 0 };
    let mut warnings = Vec::new();
    let mut say = |what: &str, ended: Result<Posted, String>| match ended {
        Ok(posted) => console.text(&told(what, &posted)),
        Err(why) => warnings.push(format!("the {what} was not kept up to date: {why}")),
    };
    if desk.args.comment {
        let what = if console.host() == Host::Azdo { "thread" } else { "comment" };
        match comment(&desk.around, console.host(), &note).await {
            Some(ended) => say(what, ended),
            None => console.text("no comment: this run belongs to no pull request"),
        }
    }
    if desk.args.issue && console.host() == Host::Github {
        // Only what was seen says something about the stack: an error may be the runner's.
        if matches!(account.exit_code, 0 | 2 | 10 | 11 | 13) {
            let title = format!("aksight {}: {} needs a look", account.command, account.subject());
            say("issue", issue(&desk.around, &title, &note).await);
        }
    }
    warnings
}

fn told(what: &str, posted: &Posted) -> String {
    match posted {
        Posted::Nothing => format!("{what}: none, there is nothing to say"),
        Posted::Kept => format!("{what}: it said so already"),
        Posted::Begun => format!("{what}: written"),
        Posted::Updated => format!("{what}: brought up to date"),
        Posted::Closed => format!("{what}: all is well, and it says so"),
        Posted::Refused(why) => format!("{what}: not written, the token may not ({why}); the summary has it all"),
    }
}

/// Nothing for a run without a pull request.
async fn comment(around: &Surroundings, host: Host, note: &Note<'_>) -> Option<Result<Posted, String>> {
    match host {
        Host::Github => {
            let number = pull_request(around)?;
            Some(match repository(around) {
                Ok(repository) => repository.comment(number, note).await.map_err(plain),
                Err(why) => Err(why),
            })
        }
        Host::Azdo => {
            let number = around.get("SYSTEM_PULLREQUEST_PULLREQUESTID")?;
            Some(match thread(around, number) {
                Ok(pull) => pull.thread(note).await.map_err(plain),
                Err(why) => Err(why),
            })
        }
    }
}

async fn issue(around: &Surroundings, title: &str, note: &Note<'_>) -> Result<Posted, String> {
    repository(around)?.issue(title, note).await.map_err(plain)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` wants")]
fn plain(error: Error) -> String {
    error.to_string()
}

fn needed<'a>(around: &'a Surroundings, name: &str) -> Result<&'a str, String> {
    around.get(name).ok_or_else(|| format!("`{name}` is not set"))
}

fn client() -> Result<reqwest::Client, String> {
    azure::http::client_for_notices().map_err(|error| error.to_string())
}

fn repository(around: &Surroundings) -> Result<Repository, String> {
    let token = around.secret("GITHUB_TOKEN").ok_or("`GITHUB_TOKEN` is not set")?;
    let api = around.get("GITHUB_API_URL").unwrap_or("https://api.github.com");
    Repository::new(client()?, api, needed(around, "GITHUB_REPOSITORY")?, token).map_err(plain)
}

fn thread(around: &Surroundings, number: &str) -> Result<PullRequest, String> {
    let token =
        around.secret("SYSTEM_ACCESSTOKEN").ok_or("`SYSTEM_ACCESSTOKEN` is not set: map `$(System.AccessToken)` to it")?;
    let place = (needed(around, "SYSTEM_TEAMPROJECT")?, needed(around, "BUILD_REPOSITORY_ID")?);
    PullRequest::new(client()?, needed(around, "SYSTEM_COLLECTIONURI")?, place, number, token).map_err(plain)
}

/// The number of the pull request that started the run: from the event, or from the ref of its merge.
fn pull_request(around: &Surroundings) -> Option<u64> {
    let event = || {
        let text = std::fs::read_to_string(around.get("GITHUB_EVENT_PATH")?).ok()?;
        let event: Value = serde_json::from_str(&text).ok()?;
        event["pull_request"]["number"].as_u64().or_else(|| {
            let issue = &event["issue"];
            issue.get("pull_request").and_then(|_| issue["number"].as_u64())
        })
    };
    let of_ref = || around.get("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok();
    event().or_else(of_ref)
}
