//! Questions to a person, on standard error, and only where somebody can answer.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use aksight::host::terminal::Modes;
use aksight::run::Answer;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Whether somebody is there: input and the stream of questions are terminals.
pub(crate) fn possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The terminal as it was before a question that was given up.
static GIVEN_UP: Mutex<Option<Modes>> = Mutex::new(None);

/// What a person says to a yes-or-no question. Who is told to stop meanwhile gives the question up: a signal presses no key.
pub(crate) fn answer(question: &str, usual: bool, cancel: &CancellationToken) -> Answer {
    let (modes, question) = (Modes::now(), question.to_owned());
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || tell.send(confirm(&question, usual)));
    let answered = async {
        tokio::select! {
            () = cancel.cancelled() => None,
            told = told => told.ok(),
        }
    };
    match tokio::task::block_in_place(|| Handle::current().block_on(answered)) {
        Some(Ok(true)) => Answer::Yes,
        Some(Ok(false)) => Answer::No,
        Some(Err(_)) => Answer::BrokenOff,
        None => {
            *GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner) = Some(modes);
            Answer::BrokenOff
        }
    }
}

/// Leaves the terminal as it was, at the end of the program: a question that was given up still waits for a key, in its own modes.
pub(crate) fn leave() {
    if let Some(modes) = GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner).take() {
        modes.restore();
    }
}

/// Yes or no. An error means that the question was broken off.
fn confirm(question: &str, usual: bool) -> Result<bool, dialoguer::Error> {
    dialoguer::Confirm::new().with_prompt(question).default(usual).wait_for_newline(true).interact_on(&console())
}

/// A line of text that `check` accepts. An error means that the question was broken off.
pub(crate) fn text(
    question: &str,
    usual: Option<&str>,
    check: impl Fn(&str) -> Result<(), String> + Clone,
) -> Result<String, dialoguer::Error> {
    let input = dialoguer::Input::<String>::new().with_prompt(question);
    let input = match usual {
        Some(usual) => input.default(usual.to_owned()),
        None => input,
    };
    input.validate_with(move |answer: &String| check(answer)).interact_text_on(&console())
}

fn console() -> dialoguer::console::Term {
    dialoguer::console::Term::stderr()
}
