//! A certificate by whose key an application signs in (contract §10.2).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::json;
use uuid::Uuid;

use super::Error;
use crate::base::Secret;

/// Where a certificate was found, so that terraform finds it, too.
#[derive(Clone, Debug)]
pub enum Found {
    /// In a PKCS#12 file.
    File(PathBuf),
    /// In the environment, as base64.
    Inline(Secret),
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Certificate {
    /// Where it came from.
    pub found: Found,
    /// What opens it.
    pub password: Option<Secret>,
    key: Arc<RsaKeyPair>,
    /// Base64url of the SHA-1 of the certificate, by which Entra finds it.
    thumbprint: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("found", &self.found).field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Opens a certificate.
    ///
    /// # Errors
    /// [`Error::ReadFile`]; [`Error::OpenCertificate`] when it is no PKCS#12, the password is wrong, or it has no RSA key.
    pub fn open(found: Found, password: Option<Secret>) -> Result<Self, Error> {
        let (bytes, name) = match &found {
            Found::File(path) => {
                let read = std::fs::read(path);
                let purpose = "the client certificate";
                (read.map_err(|source| Error::ReadFile { path: path.clone(), purpose, source })?, format!("`{}`", path.display()))
            }
            Found::Inline(text) => {
                let packed: String = text.expose().split_whitespace().collect();
                let name = "`ARM_CLIENT_CERTIFICATE`".to_owned();
                let bytes = STANDARD.decode(packed);
                (bytes.map_err(|_| Error::OpenCertificate { name: name.clone(), why: "it is not base64".to_owned() })?, name)
            }
        };
        let refused = |why: &str| Error::OpenCertificate { name: name.clone(), why: why.to_owned() };
        if bytes.starts_with(b"-----BEGIN") {
            return Err(refused("it is PEM, and azurerm reads PKCS#12 alone; make one with `openssl pkcs12 -export`"));
        }
        let opened = KeyStore::from_pkcs12(&bytes, password.as_ref().map_or("", Secret::expose), Pkcs12ImportPolicy::Relaxed);
        let store = opened.map_err(|error| refused(&format!("it cannot be opened ({error}); is the password right?")))?;
        let (_, chain) = store.private_key_chain().ok_or_else(|| refused("it holds no private key"))?;
        let leaf = chain.certs().first().ok_or_else(|| refused("it holds no certificate"))?;
        let key =
            RsaKeyPair::from_pkcs8(chain.key().as_der()).map_err(|_| refused("its key is no RSA key of 2048 bits or more"))?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf.as_der()));
        Ok(Self { found, password, key: Arc::new(key), thumbprint })
    }

    /// The SHA-1 of the certificate in hexadecimal digits, as the portal lists it.
    pub(super) fn thumbprint(&self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(&self.thumbprint).unwrap_or_default();
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).map(|digit| digit.to_ascii_uppercase()).collect()
    }

    /// A statement that the application asks for a token at `endpoint`, good for ten minutes.
    ///
    /// # Errors
    /// The key cannot sign, in words.
    pub(super) fn assertion(&self, client_id: &str, endpoint: &str) -> Result<String, String> {
        let now = Timestamp::now();
        let (from, until) = (now - SignedDuration::from_mins(1), now + SignedDuration::from_mins(10));
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": self.thumbprint});
        let claims = json!({
            "aud": endpoint, "iss": client_id, "sub": client_id, "jti": Uuid::new_v4(),
            "nbf": from.as_second(), "exp": until.as_second(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let sign = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        sign.map_err(|_| "the certificate's key cannot sign".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
