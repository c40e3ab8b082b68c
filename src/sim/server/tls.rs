//! A throw-away certificate authority and the server's certificate, made once per directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::Error;
use super::keeper::write_whole;

/// Where Linux distributions keep their roots.
const SYSTEM_BUNDLES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// Certificates on disk.
#[derive(Debug)]
pub(super) struct Certificates {
    /// The authority in PEM.
    pub(super) authority: String,
    pub(super) authority_file: PathBuf,
    pub(super) bundle_file: PathBuf,
    server_file: PathBuf,
    key_file: PathBuf,
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Certificate(error.to_string())
}

impl Certificates {
    /// Reads what is there, or makes it. The authority's key is never written: it signs one certificate in its life.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let at = |name: &str| directory.join(name);
        let (authority_file, server_file, key_file) = (at("ca.pem"), at("server.pem"), at("server.key"));
        if !(authority_file.exists() && server_file.exists() && key_file.exists()) {
            let made = Made::new().map_err(broken)?;
            write_whole(&server_file, made.server.as_bytes())?;
            write_whole(&key_file, made.key.as_bytes())?;
            write_whole(&authority_file, made.authority.as_bytes())?;
        }
        let authority = std::fs::read_to_string(&authority_file).map_err(|error| Error::file(&authority_file, error))?;
        let bundle_file = at("ca-bundle.pem");
        let system = SYSTEM_BUNDLES.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        write_whole(&bundle_file, format!("{authority}\n{system}").as_bytes())?;
        Ok(Self { authority, authority_file, bundle_file, server_file, key_file })
    }

    /// What accepts connections, HTTP/2 and HTTP/1.1.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let chain = CertificateDer::pem_file_iter(&self.server_file).and_then(Iterator::collect).map_err(broken)?;
        let key = PrivateKeyDer::from_pem_file(&self.key_file).map_err(broken)?;
        let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(broken)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

struct Made {
    authority: String,
    server: String,
    key: String,
}

impl Made {
    fn new() -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.distinguished_name.push(DnType::CommonName, "aksight embedded Azure (throw-away)");
        let root_key = KeyPair::generate()?;
        let authority = root.self_signed(&root_key)?.pem();
        let issuer = Issuer::new(root, root_key);
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Self { authority, server: leaf.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
    }
}
