//! The embedded Azure as a server: TLS, metadata, Entra, the request log, faults and the file in which the world is kept.
//!
//! One address serves everything: `https://localhost:PORT`. Whoever is given `ARM_METADATA_HOSTNAME`, `SSL_CERT_FILE` and the
//! credentials finds the rest by asking, as with any Azure.

mod arm;
mod entra;
mod error;
mod faults;
mod identity;
mod keeper;
mod listener;
mod metadata;
mod principal;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use faults::{BadFault, Fault};
pub use identity::Resident;
pub use principal::{BadPrincipal, Grant, Principal};

use crate::base::Secret;
use crate::sim::arm::rights;
use crate::sim::effects::delays::Delays;
use identity::Identity;
use keeper::Keeper;
use tls::Certificates;

/// How an embedded Azure shall be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it keeps everything. Made if missing, 0700.
    pub state_dir: PathBuf,
    /// Forget what was there.
    pub fresh: bool,
    /// Seconds of real life per second of Azure's: 1.0 is real time, 0.01 a hundred times faster.
    pub pace: f64,
    /// The port; else the one it had, else one made from the directory's name.
    pub port: Option<u16>,
    /// The subscription's GUID; else the one it had, else a random one.
    pub subscription: Option<String>,
    /// Further subscriptions of the same tenant.
    pub further_subscriptions: Vec<String>,
    /// Whether the world is written only when it ends, not before every answer that changed it.
    pub write_at_end: bool,
    /// The tenant's GUID; likewise.
    pub tenant: Option<String>,
    /// Ordered faults.
    pub faults: Vec<Fault>,
    /// Applications beside the one that owns the subscriptions, with what they may do.
    pub principals: Vec<Principal>,
}

/// What every request needs.
#[derive(Debug)]
struct Shared {
    keeper: Keeper,
    identity: Identity,
    base_url: String,
    ca_pem: String,
    pace: f64,
    delays: Delays,
}

impl Shared {
    /// Gives the declared principals what they shall be allowed. It has been so for a day, and takes no time to take effect.
    fn admit(&self, principals: &[Principal]) -> Result<(), Error> {
        if principals.is_empty() {
            return Ok(());
        }
        let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
        self.keeper.visit(true, |world| {
            for principal in principals {
                let Some(resident) = self.identity.named(&principal.name) else { continue };
                world.memory.principals.entry(resident.object_id.clone()).or_insert(since);
                for given in &principal.grants {
                    rights::grant(world, &resident.object_id, given.role, &given.at(self.identity.subscription()), since);
                }
            }
        })
    }
}

/// A running embedded Azure. Dropping it ends it without a goodbye; [`Azure::stop`] writes down what is not yet written.
#[derive(Debug)]
pub struct Azure {
    shared: Arc<Shared>,
    certificates: Certificates,
    metadata_host: String,
    stop: CancellationToken,
    served: JoinHandle<()>,
    _lock: std::fs::File,
}

impl Azure {
    /// Starts serving.
    ///
    /// # Errors
    /// [`Error`]: the directory is in use or cannot be used, or the port is taken.
    pub async fn start(options: Options) -> Result<Self, Error> {
        // A second installation is refused and harmless: the provider is the same.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let lock = keeper::lock(&options.state_dir)?;
        if options.fresh {
            keeper::forget(&options.state_dir)?;
        }
        let mut identity = Identity::open(&options)?;
        let listener = listener::bind(&options, identity.port).await?;
        let port = listener.port;
        identity.settle(&options.state_dir, port)?;
        let certificates = Certificates::open(&options.state_dir)?;
        let base_url = format!("https://localhost:{port}");
        let shared = Arc::new(Shared {
            keeper: Keeper::open(&options.state_dir, options.faults.clone(), options.write_at_end)?,
            identity,
            base_url,
            ca_pem: certificates.authority.clone(),
            pace: options.pace,
            delays: Delays::at_pace(options.pace),
        });
        shared.admit(&options.principals)?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(listener::serve(listener, certificates.acceptor()?, listener::router(&shared), stop.clone()));
        Ok(Self { shared, certificates, metadata_host: format!("localhost:{port}"), stop, served, _lock: lock })
    }

    /// The address of everything, without trailing `/`.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// What `ARM_METADATA_HOSTNAME` shall be.
    pub fn metadata_host(&self) -> &str {
        &self.metadata_host
    }

    /// The certificate authority in PEM.
    pub fn ca_file(&self) -> &Path {
        &self.certificates.authority_file
    }

    /// The same together with the machine's own roots: what `SSL_CERT_FILE` shall be for programs that also speak to others.
    pub fn ca_bundle_file(&self) -> &Path {
        &self.certificates.bundle_file
    }

    /// The tenant's GUID.
    pub fn tenant(&self) -> &str {
        &self.shared.identity.tenant
    }

    /// The subscription's GUID.
    pub fn subscription(&self) -> &str {
        self.shared.identity.subscription()
    }

    /// The client id of the service principal that owns the subscriptions.
    pub fn client_id(&self) -> &str {
        &self.shared.identity.owner().client_id
    }

    /// Its secret: a throw-away of this directory.
    pub fn client_secret(&self) -> &Secret {
        &self.shared.identity.owner().client_secret
    }

    /// Its object id.
    pub fn object_id(&self) -> &str {
        &self.shared.identity.owner().object_id
    }

    /// One of the other principals, by its name.
    pub fn principal(&self, name: &str) -> Option<&Resident> {
        self.shared.identity.named(name)
    }

    /// Ends serving and writes down what is not yet written.
    pub async fn stop(self) {
        self.stop.cancel();
        // A connection handler that broke off has no say in how this ends.
        drop(self.served.await);
        self.shared.keeper.end();
    }
}

#[cfg(test)]
mod tests;
