//! Azure DevOps: threads of pull requests. The REST API 7.1.

use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::client::{Client, Error};
use super::{Note, Posted, settled};
use crate::base::Secret;

/// A pull request in Azure Repos.
#[derive(Clone, Debug)]
pub struct PullRequest {
    client: Client,
    project: String,
    repository: String,
    number: String,
}

impl PullRequest {
    /// A pull request by its organisation (`SYSTEM_COLLECTIONURI`), project (`SYSTEM_TEAMPROJECT`), repository (`BUILD_REPOSITORY_ID`)
    /// and number (`SYSTEM_PULLREQUEST_PULLREQUESTID`).
    ///
    /// # Errors
    /// [`Error::Address`] for an address that a token must not go to.
    pub fn new(
        http: reqwest::Client,
        collection: &str,
        (project, repository): (&str, &str),
        number: &str,
        token: Secret,
    ) -> Result<Self, Error> {
        let client = Client::new(http, collection, token)?;
        Ok(Self { client, project: project.to_owned(), repository: repository.to_owned(), number: number.to_owned() })
    }

    /// Keeps one thread up to date: active while something is to be looked at, closed when all is well.
    ///
    /// # Errors
    /// The host cannot be reached or answers with something unexpected. That the token may not comment is no error.
    pub async fn thread(&self, note: &Note<'_>) -> Result<Posted, Error> {
        settled(self.keep(note).await)
    }

    async fn keep(&self, note: &Note<'_>) -> Result<Posted, Error> {
        let threads = self.client.call(Method::GET, self.address(&[]), &[], None).await?;
        let found = threads["value"].as_array().into_iter().flatten().find_map(|thread| ours(thread, note));
        let Some(found) = found else {
            if note.clean {
                return Ok(Posted::Nothing);
            }
            let comment = json!({"parentCommentId": 0, "commentType": "text", "content": note.text()});
            let body = json!({"comments": [comment], "status": "active"});
            return self.client.call(Method::POST, self.address(&[]), &[], Some(&body)).await.map(|_| Posted::Begun);
        };
        let status = if note.clean { "closed" } else { "active" };
        let (same_text, same_status) = (found.text == note.text(), found.status == status);
        if same_text && same_status {
            return Ok(Posted::Kept);
        }
        if !same_text {
            let url = self.address(&[&found.thread, "comments", &found.comment]);
            self.client.call(Method::PATCH, url, &[], Some(&json!({"content": note.text()}))).await?;
        }
        if !same_status {
            self.client.call(Method::PATCH, self.address(&[&found.thread]), &[], Some(&json!({"status": status}))).await?;
        }
        Ok(if note.clean { Posted::Closed } else { Posted::Updated })
    }

    fn address(&self, rest: &[&str]) -> Url {
        let path = [&self.project, "_apis", "git", "repositories", &self.repository, "pullRequests", &self.number, "threads"];
        self.client.address(&[&path[..], rest].concat(), &[("api-version", "7.1")])
    }
}

/// A thread that is ours.
struct Found {
    thread: String,
    comment: String,
    text: String,
    status: String,
}

/// A thread is ours when its first comment is; a deleted one is not.
fn ours(thread: &Value, note: &Note<'_>) -> Option<Found> {
    let first = thread["comments"].as_array()?.first()?;
    let text = first["content"].as_str().filter(|text| note.is_in(text))?;
    if thread["isDeleted"] == true || first["isDeleted"] == true {
        return None;
    }
    Some(Found {
        thread: thread["id"].as_u64()?.to_string(),
        comment: first["id"].as_u64()?.to_string(),
        text: text.replace("\r\n", "\n"),
        status: thread["status"].as_str().unwrap_or_default().to_owned(),
    })
}
