//! GitHub: comments of pull requests, issues. The REST API of 2022-11-28.

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, Error};
use super::{Note, Posted, settled};
use crate::base::Secret;

const HEADERS: [(&str, &str); 2] = [("Accept", "application/vnd.github+json"), ("X-GitHub-Api-Version", "2022-11-28")];
/// Entries of a page; the most that can be had.
const PAGE: usize = 100;
/// A conversation that is longer is not read to its end.
const MOST_PAGES: usize = 100;
/// What our issues are found by.
const LABEL: &str = "aksight";

/// A repository on GitHub.
#[derive(Clone, Debug)]
pub struct Repository {
    client: Client,
    owner: String,
    name: String,
}

impl Repository {
    /// A repository by its API's address (`GITHUB_API_URL`) and its name (`GITHUB_REPOSITORY`, `owner/name`).
    ///
    /// # Errors
    /// [`Error::Address`] for an address that a token must not go to, or a name that is none.
    pub fn new(http: reqwest::Client, api: &str, repository: &str, token: Secret) -> Result<Self, Error> {
        let (owner, name) = repository.split_once('/').ok_or_else(|| Error::Address(repository.to_owned()))?;
        Ok(Self { client: Client::new(http, api, token)?, owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Keeps one comment of a pull request up to date. A comment cannot be closed; when all is well it says so.
    ///
    /// # Errors
    /// The host cannot be reached or answers with something unexpected. That the token may not comment is no error.
    pub async fn comment(&self, pull: u64, note: &Note<'_>) -> Result<Posted, Error> {
        settled(self.keep_comment(pull, note).await)
    }

    /// Keeps one issue: open with this title while something is wrong, closed when all is well.
    ///
    /// # Errors
    /// As for [`Repository::comment`].
    pub async fn issue(&self, title: &str, note: &Note<'_>) -> Result<Posted, Error> {
        settled(self.keep_issue(title, note).await)
    }

    async fn keep_comment(&self, pull: u64, note: &Note<'_>) -> Result<Posted, Error> {
        let number = pull.to_string();
        let found = self.find(&["issues", &number, "comments"], &[], note).await?;
        let body = json!({"body": note.text()});
        match found {
            None if note.clean => Ok(Posted::Nothing),
            None => self.send(Method::POST, &["issues", &number, "comments"], &body).await.map(|_| Posted::Begun),
            Some((_, text)) if text == note.text() => Ok(Posted::Kept),
            Some((id, _)) => {
                self.send(Method::PATCH, &["issues", "comments", &id.to_string()], &body).await?;
                Ok(if note.clean { Posted::Closed } else { Posted::Updated })
            }
        }
    }

    async fn keep_issue(&self, title: &str, note: &Note<'_>) -> Result<Posted, Error> {
        let found = self.find(&["issues"], &[("state", "open"), ("labels", LABEL)], note).await?;
        let mut body = json!({"title": title, "body": note.text()});
        match found {
            None if note.clean => Ok(Posted::Nothing),
            None => {
                body["labels"] = json!([LABEL]);
                self.send(Method::POST, &["issues"], &body).await.map(|_| Posted::Begun)
            }
            Some((number, text)) => {
                if note.clean {
                    // The title says what was wrong; it stays.
                    body = json!({"body": note.text(), "state": "closed", "state_reason": "completed"});
                } else if text == note.text() {
                    return Ok(Posted::Kept);
                }
                self.send(Method::PATCH, &["issues", &number.to_string()], &body).await?;
                Ok(if note.clean { Posted::Closed } else { Posted::Updated })
            }
        }
    }

    /// The first entry that is ours: its number (an issue's) or id (a comment's), and its text.
    async fn find(&self, path: &[&str], query: &[(&str, &str)], note: &Note<'_>) -> Result<Option<(u64, String)>, Error> {
        for page in 1..=MOST_PAGES {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let query = [query, &[("per_page", &size), ("page", &page)]].concat();
            let url = self.client.address(&self.path(path), &query);
            let answer = self.client.call(Method::GET, url, &HEADERS, None).await?;
            let entries = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours = entries.iter().filter(|entry| is_trusted(entry) && entry.get("pull_request").is_none());
            for entry in ours {
                let id = entry.get("number").or_else(|| entry.get("id")).and_then(Value::as_u64);
                if let (Some(id), Some(text)) = (id, entry["body"].as_str())
                    && note.is_in(text)
                {
                    // Hosts keep lines of texts that were typed with a carriage return.
                    return Ok(Some((id, text.replace("\r\n", "\n"))));
                }
            }
            if entries.len() < PAGE {
                break;
            }
        }
        Ok(None)
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["repos", &self.owner, &self.name][..], rest].concat()
    }

    async fn send(&self, method: Method, path: &[&str], body: &Value) -> Result<Value, Error> {
        self.client.call(method, self.client.address(&self.path(path), &[]), &HEADERS, Some(body)).await
    }
}

/// Whether an entry may be ours. Somebody from outside can write our marker, and could change the text later: such an entry is
/// left alone.
fn is_trusted(entry: &Value) -> bool {
    let insider = |text: &str| matches!(text, "OWNER" | "MEMBER" | "COLLABORATOR");
    entry["user"]["type"] == "Bot" || entry["author_association"].as_str().is_some_and(insider)
}
