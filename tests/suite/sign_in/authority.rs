//! Certificates, keys and signed statements of the doubles.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An RSA key, and its public half as verifiers want it.
pub(super) struct Key {
    pair: RsaKeyPair,
    pub(super) made: rcgen::KeyPair,
}

impl Key {
    pub(super) fn new() -> Self {
        let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        Self { pair: RsaKeyPair::from_pkcs8(&made.serialize_der()).unwrap(), made }
    }

    /// A JSON Web Token.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": "issuer-key-1"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A certificate of this key, as DER, and the PKCS#12 store that holds both.
    pub(super) fn certify(&self, password: &str) -> (Vec<u8>, Vec<u8>) {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&self.made).unwrap();
        let chain = PrivateKeyChain::new(
            vec![1_u8],
            PrivateKey::from_der(&self.made.serialize_der()).unwrap(),
            [Certificate::from_der(certificate.der()).unwrap()],
        );
        let mut store = KeyStore::new();
        store.add_entry("application", KeyStoreEntry::PrivateKeyChain(chain));
        (certificate.der().to_vec(), store.writer(password).write().unwrap())
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.made.public_key_raw().to_vec()
    }
}

/// A token in its parts; nothing when it is none.
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(super) fn read(token: &str) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return None };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice(&bytes(part)?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed: format!("{header}.{claims}"),
            signature: bytes(signature)?,
        })
    }

    pub(super) fn is_signed_by(&self, public: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        self.header["alg"] == "RS256" && key.verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    pub(super) fn text(&self, claim: &str) -> &str {
        self.claims[claim].as_str().unwrap_or_default()
    }

    /// Whether the header names this certificate: by `x5t`, `x5t#S256`, or by `kid`, as azurerm does.
    pub(super) fn names(&self, certificate: &[u8]) -> bool {
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let sha256 = digest(&SHA256, certificate);
        let is = |field: &str, print: &[u8]| {
            let named = self.header[field].as_str().unwrap_or_default();
            named == URL_SAFE_NO_PAD.encode(print) || named == URL_SAFE.encode(print)
        };
        is("x5t", sha1.as_ref()) || is("x5t#S256", sha256.as_ref()) || is("kid", sha1.as_ref())
    }
}

/// TLS on a port of this machine, under an authority of its own.
pub(super) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Opens the port; gives the authority as PEM, too.
    pub(super) async fn open() -> (Self, u16, String) {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) }, port, made.cert.pem())
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // Who does not trust us hangs up here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
