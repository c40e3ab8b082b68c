//! What a run needs from outside, and the bundle of hands that is made of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::door::{Credential, door};
use super::memory::Memory;
use super::trace;
use crate::azure::{self, Azure, CredentialSource};
use crate::base::{Clock, Cloud};
use crate::desired::resolve;
use crate::event::Stream;
use crate::execute::{Hands, StackHands};
use crate::host::files;
use crate::journal::{self, Database, Journal, LEASE, Lease, LockError, Owner, RunId, StackLock, Start};
use crate::kube::Door;
use crate::spec::Spec;
use crate::spec::file::Engine as FileEngine;
use crate::terraform::{self, Engine, Environment, Value, Workdir};

/// The journal within the stack's directory.
const JOURNAL: &str = "journal.db";

/// The journal of a stack that keeps to files, by the stack's directory.
#[must_use]
pub fn journal_file(directory: &Path) -> PathBuf {
    directory.join(JOURNAL)
}

/// Long enough for a terraform that outlived a killed run to end and to give its lock back.
const LOCK_TIMEOUT: Duration = Duration::from_mins(2);
/// Files that `terraform init` depends on.
const INIT_INPUTS: [&str; 2] = ["versions.tf", "provider.tf"];

/// Where a run's journal and lock are, and with a shared database terraform's state.
#[derive(Clone, Debug)]
pub enum Store {
    /// Files in the stack's directory.
    Files,
    /// A database that others use, too.
    Shared(Box<Shared>),
}

/// A stack in a shared database.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The database.
    pub db: Database,
    /// The stack's name in it.
    pub stack: String,
    /// The lease that somebody holds for this run; without one, the run takes it.
    pub held: Option<Held>,
}

/// A lease that is held for a run.
#[derive(Clone, Debug)]
pub struct Held {
    /// The journal under that lease.
    pub journal: Journal,
    /// Cancelled when the lease is lost.
    pub lost: CancellationToken,
}

impl Store {
    /// The shared database, if it is one.
    #[must_use]
    pub fn shared(&self) -> Option<&Shared> {
        match self {
            Self::Files => None,
            Self::Shared(shared) => Some(shared),
        }
    }
}

/// What the face decided before anything runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The command, for example `provision`.
    pub command: String,
    /// The stack's directory: journal, lock, and `terraform` below it. Rehearsals have one of their own.
    pub directory: PathBuf,
    /// Where journal and lock are.
    pub store: Store,
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
    /// A connection that other stacks use, too, so that nobody signs in again; without one, the run makes its own.
    pub connection: Option<Azure>,
    /// Counts what is asked of ARM.
    pub meter: Arc<azure::Meter>,
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
    /// What leads to its API server.
    pub credential: Credential,
    /// Terraform's directory.
    pub terraform: Workdir,
    /// Where the plan that is shown is kept.
    pub plan_file: PathBuf,
    /// The stack's journal.
    pub journal: Journal,
    /// This run.
    pub run: RunId,
    pub(super) memory: Memory,
    setup: Setup,
    hold: Hold,
}

/// What keeps others from the stack while this run lives.
#[derive(Debug)]
struct Hold {
    _lock: Option<StackLock>,
    lease: Mutex<Option<Lease>>,
    lost: CancellationToken,
    /// Stops the run when the lease is lost.
    _guard: Option<AbortOnDropHandle<()>>,
}

impl Hold {
    /// Takes the stack, and opens its journal.
    async fn take(setup: &Setup, owner: &Owner) -> Result<(Self, Journal), Unready> {
        let (lock, lease, lost, journal) = match &setup.store {
            Store::Files => {
                let lock = StackLock::acquire(&setup.directory, owner, owner.since)?;
                (Some(lock), None, CancellationToken::new(), Journal::open(&journal_file(&setup.directory)).await?)
            }
            Store::Shared(shared) => {
                if let Some(Held { journal, lost }) = &shared.held {
                    (None, None, lost.clone(), journal.clone())
                } else {
                    let lease = Lease::acquire(&shared.db, &shared.stack, owner, LEASE).await?;
                    let (lost, journal) = (lease.lost().clone(), lease.journal());
                    (None, Some(lease), lost, journal)
                }
            }
        };
        let guard = setup.store.shared().map(|_| {
            let (lost, cancel, again) = (lost.clone(), setup.cancel.clone(), setup.again.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                lost.cancelled().await;
                cancel.cancel();
                again.cancel();
            }))
        });
        Ok((Self { _lock: lock, lease: Mutex::new(lease), lost, _guard: guard }, journal))
    }
}

impl Outside {
    /// Locks the stack, opens its journal, finds terraform and connects. Sends nothing yet.
    ///
    /// # Errors
    /// [`Unready`]; nothing was changed then.
    pub async fn open(mut setup: Setup, spec: &Spec) -> Result<Self, Unready> {
        let unusable = |source| Unready::Directory { path: setup.directory.clone(), source };
        make_private(&setup.directory).map_err(unusable)?;
        // Losing a lease stops this run, not those beside it.
        (setup.cancel, setup.again) = (setup.cancel.child_token(), setup.again.child_token());
        let now = setup.clock.now();
        let pid = std::process::id();
        let owner = Owner { who: setup.who.clone(), pid, run: setup.command.clone(), command: setup.command.clone(), since: now };
        let (hold, journal) = Hold::take(&setup, &owner).instrument(trace::phase("claim")).await?;
        let path = setup.search_path.as_deref();
        let binary = terraform::find(engine(spec), None, path, &setup.cache, &setup.environment).await?;
        let directory = setup.directory.join(match setup.store {
            Store::Files => "terraform",
            // Its state is elsewhere: what lies here can be made anew at any time.
            Store::Shared(_) => "terraform-shared",
        });
        if let Store::Shared(shared) = &setup.store
            && let Some(address) = shared.db.address().await
        {
            setup.environment.set("PG_CONN_STR", Value::Secret(address));
        }
        let terraform = Workdir::open(binary, &directory, setup.environment.clone(), LOCK_TIMEOUT, INIT_INPUTS.to_vec())?;
        let settings = azure::Settings {
            meter: setup.meter.clone(),
            ..azure::Settings::new(setup.cloud.clone(), setup.credential.clone(), setup.http.clone(), setup.clock.clone())
        };
        let azure = match &setup.connection {
            Some(connection) => connection.clone(),
            None => Azure::connect(settings)?,
        };
        let start = Start { command: setup.command.clone(), version: env!("CARGO_PKG_VERSION").to_owned(), pid };
        let run = journal.begin(&start, now).await?;
        let credential = Credential::new(&azure, resolve(spec, &setup.subscription).cluster);
        Ok(Self {
            memory: Memory::recall(&journal).await?,
            door: door(&credential, spec.stack.delivery, &setup.cancel),
            credential,
            plan_file: terraform.dir().join("aksight.tfplan"),
            azure,
            terraform,
            journal,
            run,
            setup,
            hold,
        })
    }

    /// Whether somebody else may be at work on the stack by now.
    #[must_use]
    pub fn was_overtaken(&self) -> bool {
        self.hold.lost.is_cancelled()
    }

    /// Gives the stack back.
    pub async fn close(&self) {
        self.journal.close().await;
        let lease = self.hold.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(lease) = lease {
            lease.release().await;
        }
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
            stack: Some(StackHands {
                terraform: self.terraform.clone(),
                plan_file: self.plan_file.clone(),
                door: self.door.clone(),
                journal: self.journal.clone(),
                run: self.run.clone(),
            }),
            intent: None,
            subscription: self.setup.subscription.clone(),
            clock: self.setup.clock.clone(),
            events: self.setup.events.clone(),
            cancel: self.setup.cancel.clone(),
            again: self.setup.again.clone(),
        }
    }
}

/// The program that the file wants.
pub(super) const fn engine(spec: &Spec) -> Engine {
    match spec.stack.terraform.engine {
        FileEngine::Terraform => Engine::Terraform,
        FileEngine::OpenTofu => Engine::OpenTofu,
    }
}

/// Makes a directory that only its owner may look into.
pub(super) fn make_private(directory: &Path) -> std::io::Result<()> {
    files::make_private_dir(directory)
}
