//! Questions to a person, on standard error, and only where somebody can answer.

use std::io::IsTerminal as _;

use aksight::run::Answer;

/// Whether somebody is there: input and the stream of questions are terminals.
pub(crate) fn possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// What a person says to a plan; what is usual is no.
pub(crate) fn answer(question: &str) -> Answer {
    match confirm(question, false) {
        Ok(true) => Answer::Yes,
        Ok(false) => Answer::No,
        Err(_) => Answer::BrokenOff,
    }
}

/// Yes or no. An error means that the question was broken off.
pub(crate) fn confirm(question: &str, usual: bool) -> Result<bool, dialoguer::Error> {
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
