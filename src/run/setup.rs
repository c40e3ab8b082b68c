//! What a run needs from outside, and the bundle of hands that is made of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::door::door;
use crate::azure::{self, Azure, CredentialSource};
use crate::base::{Clock, Cloud};
use crate::event::Stream;
use crate::execute::Hands;
use crate::journal::{self, Journal, LockError, Owner, RunId, StackLock, Start};
use crate::kube::Door;
use crate::spec::Spec;
use crate::spec::file::Engine as FileEngine;
use crate::terraform::{self, Engine, Environment, Workdir};

/// The journal within the stack's directory.
pub(super) const JOURNAL: &str = "journal.db";
/// Long enough for a terraform that outlived a killed run to end and to give its lock back.
const LOCK_TIMEOUT: Duration = Duration::from_mins(2);
/// Files that `terraform init` depends on.
const INIT_INPUTS: [&str; 2] = ["versions.tf", "provider.tf"];

/// What the face decided before anything runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The command, for example `provision`.
    pub command: String,
    /// The stack's directory: journal, lock, and `terraform` below it. Rehearsals have one of their own.
    pub directory: PathBuf,
    /// The directory of the user's file; paths in the file count from it.
    pub base: PathBuf,
    /// Where installed terraform releases are kept.
    pub cache: PathBuf,
    /// The environment that terraform gets, complete.
    pub environment: Environment,
    /// The `PATH` to look for terraform on.
    pub search_path: Option<OsString>,
    /// The cloud.
    pub cloud: Cloud,
    /// Who signs in.
    pub credential: CredentialSource,
    /// The one HTTP client.
    pub http: reqwest::Client,
    /// The subscription's GUID.
    pub subscription: String,
    /// `user@host`, for the lock.
    pub who: String,
    /// Whether this runs against the embedded Azure.
    pub rehearsal: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where events go.
    pub events: Stream,
    /// The user wants to stop.
    pub cancel: CancellationToken,
    /// The user wants to stop and says so again.
    pub again: CancellationToken,
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Somebody else is at work on the stack, or the lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error("the journal of the stack cannot be used")]
    Journal(#[from] journal::Error),
    /// No usable terraform.
    #[error("terraform cannot be used")]
    Terraform(#[from] terraform::Error),
    /// No way to Azure.
    #[error("azure cannot be reached")]
    Azure(#[from] azure::Error),
    /// The state directory cannot be used.
    #[error("`{}` cannot be used", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The bundle of hands of one run; the stack is locked while it lives.
#[derive(Debug)]
pub struct Outside {
    /// Azure.
    pub azure: Azure,
    /// The way into the cluster.
    pub door: Door,
    /// Terraform's directory.
    pub terraform: Workdir,
    /// Where the plan that is shown is kept.
    pub plan_file: PathBuf,
    /// The stack's journal.
    pub journal: Journal,
    /// This run.
    pub run: RunId,
    setup: Setup,
    _lock: StackLock,
}

impl Outside {
    /// Locks the stack, opens its journal, finds terraform and connects. Sends nothing yet.
    ///
    /// # Errors
    /// [`Unready`]; nothing was changed then.
    pub async fn open(setup: Setup, spec: &Spec) -> Result<Self, Unready> {
        make_private(&setup.directory)?;
        let now = setup.clock.now();
        let pid = std::process::id();
        let owner = Owner { who: setup.who.clone(), pid, run: setup.command.clone(), command: setup.command.clone(), since: now };
        let lock = StackLock::acquire(&setup.directory, &owner, now)?;
        let journal = Journal::open(&setup.directory.join(JOURNAL)).await?;
        let engine = match spec.stack.terraform.engine {
            FileEngine::Terraform => Engine::Terraform,
            FileEngine::OpenTofu => Engine::OpenTofu,
        };
        let path = setup.search_path.as_deref();
        let binary = terraform::find(engine, None, path, &setup.cache, &setup.environment).await?;
        let directory = setup.directory.join("terraform");
        let terraform = Workdir::open(binary, &directory, setup.environment.clone(), LOCK_TIMEOUT, INIT_INPUTS.to_vec())?;
        let settings =
            azure::Settings::new(setup.cloud.clone(), setup.credential.clone(), setup.http.clone(), setup.clock.clone());
        let azure = Azure::connect(settings)?;
        let start = Start { command: setup.command.clone(), version: env!("CARGO_PKG_VERSION").to_owned(), pid };
        let run = journal.begin(&start, now).await?;
        Ok(Self {
            door: door(&azure, spec.stack.delivery, &setup.cancel),
            plan_file: terraform.dir().join("aksight.tfplan"),
            azure,
            terraform,
            journal,
            run,
            setup,
            _lock: lock,
        })
    }

    /// What the face decided.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The hands for the engine.
    #[must_use]
    pub fn hands(&self) -> Hands {
        Hands {
            azure: self.azure.clone(),
            terraform: self.terraform.clone(),
            plan_file: self.plan_file.clone(),
            door: self.door.clone(),
            journal: self.journal.clone(),
            run: self.run.clone(),
            intent: None,
            subscription: self.setup.subscription.clone(),
            clock: self.setup.clock.clone(),
            events: self.setup.events.clone(),
            cancel: self.setup.cancel.clone(),
            again: self.setup.again.clone(),
        }
    }
}

fn make_private(directory: &Path) -> Result<(), Unready> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| Unready::Directory { path: directory.to_owned(), source })
}
