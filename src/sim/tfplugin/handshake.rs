//! How Terraform starts a plugin: the cookie, the one line on stdout, and TLS with a certificate on either side.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use super::Error;

const COOKIE: (&str, &str) = ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Whether the environment says that Terraform started this process as a plugin. `lookup` reads one variable.
pub fn is_plugin_launch(lookup: impl Fn(&str) -> Option<String>) -> bool {
    lookup(COOKIE.0).as_deref() == Some(COOKIE.1)
}

/// Whether `program`, the first word of the command line, is the provider's link in the mirror. Without Terraform's cookie that is
/// a person who runs it by hand, to be told [`BY_HAND`](super::BY_HAND).
pub fn is_plugin_name(program: &Path) -> bool {
    program.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("terraform-provider-azurerm"))
}

/// The server's side of mutual TLS, and its certificate for the handshake line.
pub(super) struct Identity {
    pub(super) config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

impl Identity {
    /// Makes a certificate for this run and admits nobody but the holder of `client`, a PEM.
    pub(super) fn new(client: &str) -> Result<Self, Error> {
        let client = CertificateDer::from_pem_slice(client.as_bytes()).map_err(|_| Error::ClientCertificate)?;
        let key = rcgen::KeyPair::generate()?;
        // A plain leaf: Terraform takes the certificate from the handshake line as its only root, and accepts a root as leaf.
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?.der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Pinned { client, algorithms: provider.signature_verification_algorithms };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), certificate })
    }

    /// The server's certificate, DER.
    #[cfg(test)]
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Tells Terraform where to call and whom to expect.
    pub(super) fn announce(&self, port: u16) -> Result<(), Error> {
        let certificate = STANDARD_NO_PAD.encode(&self.certificate);
        let mut out = std::io::stdout().lock();
        writeln!(out, "1|6|tcp|127.0.0.1:{port}|grpc|{certificate}").and_then(|()| out.flush()).map_err(Error::Announce)
    }
}

/// Admits exactly one certificate. Terraform's is a leaf that calls itself a CA, which the usual verifier refuses
/// (`CaUsedAsEndEntity`); since we were handed its very bytes, comparing them is the stronger test anyway.
#[derive(Debug)]
struct Pinned {
    client: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if *shown == self.client {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terraforms_cookie_counts() {
        assert!(is_plugin_launch(|name| (name == COOKIE.0).then(|| COOKIE.1.to_owned())));
        assert!(!is_plugin_launch(|_| None));
        assert!(!is_plugin_launch(|_| Some("d602".into())));
    }

    #[test]
    fn the_link_is_known_by_its_name() {
        assert!(is_plugin_name(Path::new("/m/terraform-provider-azurerm_v5.2.0")));
        assert!(!is_plugin_name(Path::new("/usr/bin/aksight")));
    }

    #[test]
    fn a_stranger_is_refused() {
        let certificate = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap().cert;
        let (friend, stranger) = (certificate("friend"), certificate("stranger"));
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let pinned = Pinned { client: friend.der().clone(), algorithms };
        assert!(pinned.verify_client_cert(friend.der(), &[], UnixTime::since_unix_epoch(std::time::Duration::ZERO)).is_ok());
        assert!(pinned.verify_client_cert(stranger.der(), &[], UnixTime::since_unix_epoch(std::time::Duration::ZERO)).is_err());
        assert!(Identity::new(&friend.pem()).is_ok());
        assert!(matches!(Identity::new("no pem"), Err(Error::ClientCertificate)));
    }
}
