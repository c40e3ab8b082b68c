//! What goes wrong on the way into a cluster, and what a person can do about it (contract §5.9, §5.10).

use std::time::Duration;

use crate::base::Class;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the cluster could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do this in the cluster.
    #[error(
        "the cluster forbids it; assign `Azure Kubernetes Service RBAC Writer` on the cluster or join one of its admin groups: {message}"
    )]
    Forbidden {
        /// The API server's own words.
        message: String,
    },
    /// The token or certificate was not accepted.
    #[error("the cluster does not accept the credentials (wrong tenant, audience or expired): {message}")]
    Unauthorized {
        /// The API server's own words.
        message: String,
    },
    /// No connection to the API server.
    #[error("cannot reach the API server `{server}`; it may be private or restricted to `authorizedIPRanges`")]
    Unreachable {
        /// Its URL.
        server: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Run-command is switched off.
    #[error(
        "run-command is disabled; set `apiServerAccessProfile.disableRunCommand` to false or deliver through the Kubernetes API"
    )]
    Disabled {
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The command's pod was refused by Azure Policy.
    #[error("Azure Policy denies the command's pod; exempt the namespace `aks-command`: {message}")]
    Gatekeeper {
        /// Gatekeeper's own words.
        message: String,
    },
    /// The command's pod found no node in time.
    #[error("the command's pod did not start; the nodes may be full, tainted or not ready: {reason}")]
    NoRoom {
        /// The service's own words.
        reason: String,
    },
    /// The command's output was cut by the service, at 512 kB.
    #[error("the command printed more than run-command hands on ({bytes} bytes arrived)")]
    Cut {
        /// What arrived.
        bytes: usize,
    },
    /// Somebody wrote in between, or created it first.
    #[error("`{object}` was changed by somebody else")]
    Conflict {
        /// The object.
        object: String,
    },
    /// The object is not there.
    #[error("`{object}` does not exist in the cluster")]
    Absent {
        /// The object.
        object: String,
    },
    /// Too many requests.
    #[error("the API server asks to slow down: {message}")]
    Throttled {
        /// The API server's own words.
        message: String,
        /// How long to wait, if it said so.
        wait: Option<Duration>,
    },
    /// The API server refuses the content.
    #[error("the API server refuses `{object}` ({status}): {message}")]
    Refused {
        /// The object.
        object: String,
        /// HTTP status.
        status: u16,
        /// The API server's own words.
        message: String,
    },
    /// The API server is in trouble.
    #[error("the API server answers {status}: {message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The API server's own words.
        message: String,
    },
    /// The command ended with an exit code that has no meaning of its own.
    #[error("the command ended with exit code {exit_code}: {tail}")]
    Command {
        /// Its exit code.
        exit_code: i64,
        /// The last line that it printed.
        tail: String,
    },
    /// The command could not be sent or awaited.
    #[error("cannot run a command in the cluster")]
    Send {
        /// What it means for the caller.
        class: Class,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The answer is not what the API promises.
    #[error("cannot read the cluster's answer: {reason}")]
    ReadAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// The kubeconfig cannot be used.
    #[error("cannot use the cluster's kubeconfig")]
    Kubeconfig {
        /// The cause.
        #[source]
        source: Cause,
    },
    /// A name that Kubernetes does not allow.
    #[error("`{name}` is not a name that Kubernetes allows")]
    Name {
        /// The name.
        name: String,
    },
    /// The command's files could not be packed.
    #[error("cannot pack the files of a command")]
    Pack {
        /// The cause.
        #[source]
        source: Cause,
    },
}

impl Error {
    /// What it means for the caller.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Forbidden { .. } => Class::Permission,
            Self::Unauthorized { .. } => Class::Credential,
            Self::Unreachable { .. } | Self::Server { .. } | Self::ReadAnswer { .. } => Class::Transient,
            Self::Disabled { .. } | Self::Gatekeeper { .. } | Self::Refused { .. } => Class::Refused,
            Self::NoRoom { .. } => Class::NotYet,
            Self::Conflict { .. } => Class::Conflict,
            Self::Absent { .. } => Class::Absent,
            Self::Throttled { wait, .. } => Class::Throttled(*wait),
            Self::Send { class, .. } => class.clone(),
            Self::Cut { .. } | Self::Command { .. } | Self::Kubeconfig { .. } | Self::Name { .. } => Class::Invalid,
            Self::Pack { .. } => Class::Bug,
        }
    }
}
