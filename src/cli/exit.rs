//! Exit codes, for ever (design §6).

use std::process::{ExitCode, Termination};

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
