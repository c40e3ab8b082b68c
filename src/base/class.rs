//! Error classes: what an error means for the caller, independent of where it came from.

use std::time::Duration;

/// What a failure means. One table in `execute::retry` turns class and patience into wait, try again or stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is wrong; repeating it cannot help.
    Invalid,
    /// The service refuses by rule (policy, quota, lock); a person must decide.
    Refused,
    /// The caller lacks a right. May heal by itself for about ten minutes after a role was granted (contract §4.5).
    Permission,
    /// Credentials are missing, expired or for another tenant.
    Credential,
    /// Somebody else holds a lock.
    Locked,
    /// Too many requests; the service may have said how long to wait.
    Throttled(Option<Duration>),
    /// Another operation is in progress on the same resource: wait for it to end, read again, try again.
    Busy,
    /// The world is not ready yet (replication, registration): wait and try again.
    NotYet,
    /// Network or server trouble that repeats may cure.
    Transient,
    /// The thing is not there.
    Absent,
    /// Somebody wrote in between (ETag, resourceVersion): read, merge, try again.
    Conflict,
    /// It exists already, which is what was wanted.
    Exists,
    /// The run was cancelled.
    Cancelled,
    /// A mistake in this program.
    Bug,
}
