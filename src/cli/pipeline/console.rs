//! Standard output as a pipeline reads it: commands are ours alone, everything else is text in which none is found.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::view::pipeline::{azdo, github};

/// Whose pipeline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// GitHub Actions.
    Github,
    /// Azure Pipelines.
    Azdo,
}

/// The one stream of a step. Cheap to clone; what is written in one call stays together.
#[derive(Clone)]
pub(crate) struct Console(Arc<Mutex<Lines>>);

struct Lines {
    host: Host,
    out: Box<dyn Write + Send>,
    /// The word that makes GitHub's runner listen again, while it does not.
    deaf: Option<String>,
    group: bool,
    broken: Option<std::io::Error>,
}

impl Console {
    /// A console on a stream.
    pub(crate) fn new(host: Host, out: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(Lines { host, out, deaf: None, group: false, broken: None })))
    }

    /// Whose it is.
    pub(crate) fn host(&self) -> Host {
        self.lines().host
    }

    /// Text of whatever origin.
    pub(crate) fn text(&self, text: &str) {
        self.lines().text(text);
    }

    /// A command, made by `view::pipeline`.
    pub(crate) fn command(&self, command: &str) {
        self.lines().command(command);
    }

    /// Opens a group of lines, and closes the one before.
    pub(crate) fn group(&self, title: &str) {
        self.lines().group(title);
    }

    /// A group of its own with everything in it.
    pub(crate) fn section(&self, title: &str, text: &str) {
        let mut lines = self.lines();
        lines.group(title);
        lines.text(text);
        lines.end_group();
    }

    /// Closes the group, if there is one.
    pub(crate) fn end_group(&self) {
        self.lines().end_group();
    }

    /// Leaves the stream as it was found.
    ///
    /// # Errors
    /// Something could not be written.
    pub(crate) fn finish(&self) -> std::io::Result<()> {
        let mut lines = self.lines();
        lines.end_group();
        lines.listen();
        match lines.broken.take() {
            Some(error) => Err(error),
            None => lines.out.flush(),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.host {
            Host::Github => {
                if self.deaf.is_none() {
                    let word = uuid::Uuid::new_v4().simple().to_string();
                    self.raw(&github::command("stop-commands", &[], &word));
                    self.deaf = Some(word);
                }
                self.raw(text);
            }
            Host::Azdo => self.raw(&azdo::defused(text)),
        }
    }

    fn command(&mut self, command: &str) {
        self.listen();
        self.raw(command);
    }

    fn listen(&mut self) {
        if let Some(word) = self.deaf.take() {
            self.raw(&github::command(&word, &[], ""));
        }
    }

    fn group(&mut self, title: &str) {
        self.end_group();
        let opening = match self.host {
            Host::Github => github::command("group", &[], title),
            Host::Azdo => azdo::group(&azdo::defused(title)),
        };
        self.command(&opening);
        self.group = true;
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.group) {
            let closing = match self.host {
                Host::Github => github::command("endgroup", &[], ""),
                Host::Azdo => azdo::END_GROUP.to_owned(),
            };
            self.command(&closing);
        }
    }

    /// Lines as they are. The first failure is kept; who reads may have gone.
    fn raw(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        if let Err(error) = write!(self.out, "{text}{end}") {
            self.broken.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(host: Host) -> String {
        let paper = Paper::default();
        let console = Console::new(host, Box::new(paper.clone()));
        console.group("reading\n::error::title");
        console.text("::error::not a command");
        console.text("##vso[task.complete result=Failed;] neither");
        console.section("plan", "::set-output::x\n");
        console.text("last");
        console.finish().unwrap();
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// The commands that GitHub's runner hears.
    fn heard(log: &str) -> Vec<String> {
        let (mut deaf, mut told) = (None::<String>, Vec::new());
        for line in log.lines() {
            match &deaf {
                Some(word) if line == format!("::{word}::") => deaf = None,
                Some(_) => {}
                None => match line.strip_prefix("::stop-commands::") {
                    Some(word) => deaf = Some(word.to_owned()),
                    None if line.starts_with("::") => told.push(line.to_owned()),
                    None => panic!("text is open to commands: {line}"),
                },
            }
        }
        assert_eq!(deaf, None, "the runner is left deaf");
        told
    }

    #[test]
    fn the_runner_hears_our_commands_only() {
        let log = written(Host::Github);
        assert_eq!(heard(&log), ["::group::reading%0A::error::title", "::endgroup::", "::group::plan", "::endgroup::"], "{log}");
        let words: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("::stop-commands::")).collect();
        assert_eq!(words.len(), 3);
        assert!(words[0] != words[1] && words[1] != words[2], "a word that was used is known");
    }

    #[test]
    fn the_agent_finds_no_command_in_text() {
        insta::assert_snapshot!(written(Host::Azdo), @r"
        ##[group]reading ::error::title
        ::error::not a command
        ##vso [task.complete result=Failed;] neither
        ##[endgroup]
        ##[group]plan
        ::set-output::x
        ##[endgroup]
        last
        ");
    }
}
