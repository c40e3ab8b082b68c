//! Floor 5: the hosts of repositories. One comment, one thread, one issue, found by a hidden marker and kept up to date.
//!
//! What they hold is Markdown that somebody else made; this room neither reads nor makes it.

mod azdo;
mod client;
mod github;

pub use azdo::PullRequest;
pub use client::Error;
pub use github::Repository;

/// What is to be said, and where it was said before.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// The hidden first line by which the note is found again, for example `<!-- aksight:plan:1f2e -->`.
    pub marker: &'a str,
    /// Markdown, without the marker.
    pub body: &'a str,
    /// Whether all is well: then nothing new is begun, and what was begun is brought to its end.
    pub clean: bool,
}

impl Note<'_> {
    fn text(&self) -> String {
        format!("{}\n{}", self.marker, self.body)
    }

    /// Whether a text is this note, as it was written some other time.
    fn is_in(&self, text: &str) -> bool {
        text.lines().next().is_some_and(|first| first.trim_end() == self.marker)
    }
}

/// What came of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// All is well and nothing was there.
    Nothing,
    /// It said so already.
    Kept,
    /// It was written for the first time.
    Begun,
    /// It was brought up to date.
    Updated,
    /// It says that all is well, and is closed where that is possible.
    Closed,
    /// The token may not do that: a fork's, or one without the right. What the host said.
    Refused(String),
}

/// A refusal is an answer, too.
fn settled(ended: Result<Posted, Error>) -> Result<Posted, Error> {
    match ended {
        Err(Error::Refused { message, .. }) => Ok(Posted::Refused(message)),
        other => other,
    }
}
