//! How the terminal behaves that somebody types into.

use super::system;

/// The modes of standard input, when it is a terminal. On Windows reading a key changes none.
#[derive(Debug)]
pub struct Modes(system::Modes);

impl Modes {
    /// As they are now.
    #[must_use]
    pub fn now() -> Self {
        Self(system::Modes::now())
    }

    /// Makes them so again. A terminal that cannot be told stays as it is.
    pub fn restore(&self) {
        self.0.restore();
    }
}
