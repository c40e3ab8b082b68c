//! Fetching the pinned terraform release into the user's cache.

use semver::Version;

/// The release that aksight fetches when it is asked to.
pub const PINNED: Version = Version::new(1, 11, 4);
