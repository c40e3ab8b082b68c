//! The door's certificate. It is read anew when its files change, because certificates are renewed while the daemon runs.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Where certificate and key lie, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The certificate as it was last read.
#[derive(Clone)]
pub(super) struct Certificate {
    files: Files,
    last: Arc<Mutex<Read>>,
}

/// When the files were written that were read, and what they say.
type Read = (Vec<Option<SystemTime>>, Arc<ServerConfig>);

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Certificate").field(&self.files).finish()
    }
}

impl Certificate {
    /// Reads it.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not belong together.
    pub(super) fn read(files: Files) -> std::io::Result<Self> {
        let last = Arc::new(Mutex::new((files.times(), files.config()?)));
        Ok(Self { files, last })
    }

    /// What accepts connections. A new certificate that cannot be used leaves the old one in place.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let times = self.files.times();
        if last.0 != times {
            match self.files.config() {
                Ok(config) => *last = (times, config),
                Err(error) => tracing::error!(%error, "the renewed certificate cannot be used; the old one is kept"),
            }
        }
        TlsAcceptor::from(last.1.clone())
    }
}

impl Files {
    fn times(&self) -> Vec<Option<SystemTime>> {
        let time = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        [&self.certificate, &self.key].map(time).to_vec()
    }

    fn config(&self) -> std::io::Result<Arc<ServerConfig>> {
        let invalid = |path: &PathBuf, why: String| Error::new(ErrorKind::InvalidData, format!("`{}`: {why}", path.display()));
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|why| invalid(&self.certificate, why.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|why| invalid(&self.key, why.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|why| invalid(&self.certificate, why.to_string()))?;
        Ok(Arc::new(config))
    }
}
