//! Exit codes, for ever (design §6).

use std::process::{ExitCode, Termination};

use aksight::event::{Outcome, Report};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// An error.
    Error,
    /// Bad usage or a bad file.
    Usage,
    /// What a report says.
    Reported(u8),
}

impl Exit {
    /// The end of a run; `terminated` is whether SIGTERM interrupted it.
    pub(crate) fn of(report: &Report, terminated: bool) -> Self {
        let interrupted = report.result == Outcome::Interrupted;
        Self::Reported(if interrupted && terminated { 143 } else { report.exit_code })
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 64,
            Self::Reported(code) => code,
        })
    }
}
