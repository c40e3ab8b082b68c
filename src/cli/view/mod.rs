//! Values as text. Every function here is pure; who prints is elsewhere.

pub(crate) mod diagnostic;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod fleet;
pub(crate) mod pipeline;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod progress;
pub(crate) mod report;

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

/// Narrower than this, lines are not wrapped any further.
const NARROWEST: usize = 40;
/// Lines hang below the first word of a paragraph as long as its lead is no longer than this, else by the short hang.
const LONGEST_HANG: usize = 14;
const SHORT_HANG: usize = 6;
/// The width of what is not shown on a screen.
const USUAL: usize = 100;

/// What a stream can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Columns.
    pub(crate) width: usize,
    /// Whether colours are wanted: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM` and pipes are respected.
    pub(crate) colour: bool,
    /// Whether lines may be drawn over.
    pub(crate) live: bool,
}

impl Terminal {
    /// Standard output.
    pub(crate) fn of_stdout() -> Self {
        let choice = anstream::AutoStream::choice(&std::io::stdout());
        Self::of(std::io::stdout().is_terminal(), choice, terminal_size::terminal_size_of(std::io::stdout()))
    }

    /// Standard error.
    pub(crate) fn of_stderr() -> Self {
        let choice = anstream::AutoStream::choice(&std::io::stderr());
        Self::of(std::io::stderr().is_terminal(), choice, terminal_size::terminal_size_of(std::io::stderr()))
    }

    fn of(is_terminal: bool, choice: anstream::ColorChoice, size: Option<(terminal_size::Width, terminal_size::Height)>) -> Self {
        let named = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = size.map(|(width, _)| usize::from(width.0)).or(named).unwrap_or(USUAL).max(NARROWEST);
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { width, colour: choice != anstream::ColorChoice::Never, live: is_terminal && !dumb }
    }

    /// Text in a style, where colours are wanted.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }

    /// A paragraph behind `lead`, wrapped; further lines stand below its first word, or a little indented when the lead is long.
    /// Words longer than a line are never cut.
    pub(crate) fn paragraph(&self, lead: &str, text: &str) -> String {
        let indent = " ".repeat(if lead.width() > LONGEST_HANG { SHORT_HANG } else { lead.width() });
        let mut told = lead.to_owned();
        let mut column = lead.width();
        for (index, part) in text.lines().enumerate() {
            if index > 0 {
                told = told.trim_end().to_owned() + "\n" + &indent;
                column = indent.width();
            }
            let mut first = true;
            for word in part.split_whitespace() {
                let room = column + usize::from(!first) + word.width() <= self.width;
                if room || (first && column <= indent.width()) {
                    told.push_str(if first { "" } else { " " });
                    column += usize::from(!first) + word.width();
                } else {
                    told = told.trim_end().to_owned() + "\n" + &indent;
                    column = indent.width() + word.width();
                }
                told.push_str(word);
                first = false;
            }
        }
        told.trim_end().to_owned() + "\n"
    }
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Good.
    Good,
    /// Changes something.
    Change,
    /// Destroys, or is wrong.
    Bad,
    /// Less important.
    Quiet,
    /// A heading.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Change => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// A time as people say it.
pub(crate) fn duration(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `1 thing`, `2 things`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
pub(crate) mod sample {
    //! Terminals to test with.
    use super::Terminal;

    /// Wide and colourless.
    pub(crate) const WIDE: Terminal = Terminal { width: 100, colour: false, live: false };
    /// As narrow as it must work.
    pub(crate) const NARROW: Terminal = Terminal { width: 60, colour: false, live: false };
}

#[cfg(test)]
mod tests {
    use super::sample::NARROW;
    use super::*;

    #[test]
    fn paragraphs_wrap_and_never_cut_a_word() {
        let id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Monitor/accounts/a";
        let told = NARROW.paragraph("  - ", &format!("the workspace {id} was not found, and nothing was changed because of it"));
        assert!(told.contains(id));
        assert!(told.lines().filter(|line| !line.contains(id)).all(|line| line.width() <= 60), "{told}");
        assert_eq!(NARROW.paragraph("x ", ""), "x\n");
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(NARROW.paint(Tone::Bad, "x"), "x");
        assert!(Terminal { colour: true, ..NARROW }.paint(Tone::Bad, "x").contains("\u{1b}["));
    }
}
