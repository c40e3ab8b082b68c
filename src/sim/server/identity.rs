//! Who lives here: tenant, subscription, one service principal, and the tokens that are issued to it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::keeper::write_whole;
use super::{Error, Options};
use crate::base::Secret;
use crate::sim::effects::access::Caller;
use crate::sim::planes::router::Audience;

const FILE: &str = "identity.json";
/// How long a token is good for, in seconds of real time.
const LIFETIME: i64 = 3600;
/// Audiences that ARM answers to, without trailing `/`.
const ARM: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];
const PROMETHEUS: &str = "https://prometheus.monitor.azure.com";
const GRAFANA: &str = "ce34e7e5-485f-4d76-964f-b3d2b16d1e4f";
const KUBERNETES: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Who lives here.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) tenant: String,
    /// The main one first.
    pub(super) subscriptions: Vec<String>,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) object_id: String,
    pub(super) port: Option<u16>,
    key: Secret,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: String,
    subscription: String,
    client_id: String,
    client_secret: String,
    object_id: String,
    key: String,
    port: Option<u16>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    /// There is none, or it is none of ours.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was issued for another service.
    OtherAudience,
}

fn guid() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Identity {
    /// Reads who lived here, or moves somebody in.
    pub(super) fn open(options: &Options) -> Result<Self, Error> {
        let path = options.state_dir.join(FILE);
        let kept = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| Error::damaged(&path, &error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept {
                tenant: guid(),
                subscription: guid(),
                client_id: guid(),
                client_secret: format!("sim~{}", uuid::Uuid::new_v4().simple()),
                object_id: guid(),
                key: guid() + &guid(),
                port: None,
            },
            Err(error) => return Err(Error::file(&path, error)),
        };
        Ok(Self {
            tenant: options.tenant.clone().unwrap_or(kept.tenant),
            subscriptions: std::iter::once(options.subscription.clone().unwrap_or(kept.subscription))
                .chain(options.further_subscriptions.iter().cloned())
                .collect(),
            client_id: kept.client_id,
            client_secret: Secret::new(kept.client_secret),
            object_id: kept.object_id,
            port: kept.port,
            key: Secret::new(kept.key),
        })
    }

    /// The main subscription.
    pub(super) fn subscription(&self) -> &str {
        self.subscriptions.first().map_or("", String::as_str)
    }

    /// The subscription that a path speaks of; the main one when it speaks of none of ours.
    pub(super) fn spoken_of(&self, path: &str) -> &str {
        let asked = path.split('/').skip_while(|part| !part.eq_ignore_ascii_case("subscriptions")).nth(1).unwrap_or_default();
        self.subscriptions.iter().find(|one| one.eq_ignore_ascii_case(asked)).map_or_else(|| self.subscription(), String::as_str)
    }

    /// Remembers everything, the port included.
    pub(super) fn settle(&mut self, directory: &Path, port: u16) -> Result<(), Error> {
        self.port = Some(port);
        let kept = Kept {
            tenant: self.tenant.clone(),
            subscription: self.subscription().to_owned(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.expose().to_owned(),
            object_id: self.object_id.clone(),
            key: self.key.expose().to_owned(),
            port: self.port,
        };
        let path = directory.join(FILE);
        let bytes = serde_json::to_vec_pretty(&kept).map_err(|error| Error::damaged(&path, &error))?;
        write_whole(&path, &bytes)
    }

    /// The one who is signed in.
    pub(super) fn caller(&self) -> Caller {
        Caller { oid: self.object_id.clone(), groups: Vec::new(), name: self.client_id.clone() }
    }

    /// Issues a token for an audience; gives back its lifetime in seconds too.
    pub(super) fn issue(&self, audience: &str, now: jiff::Timestamp) -> (String, i64) {
        let claims = json!({"aud": audience, "iss": format!("https://sts.windows.net/{}/", self.tenant), "iat": now.as_second(),
            "nbf": now.as_second(), "exp": now.as_second() + LIFETIME, "appid": self.client_id, "idtyp": "app", "oid": self.object_id,
            "sub": self.object_id, "tid": self.tenant, "ver": "1.0"});
        let head = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "HS256"}).to_string());
        let body = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signed = format!("{head}.{body}");
        let seal = self.seal(&signed);
        (format!("{signed}.{seal}"), LIFETIME)
    }

    /// Nested hashing, so that nothing can be appended to what was signed.
    fn seal(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.key.expose()).chain_update(text).finalize();
        URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(self.key.expose()).chain_update(inner).finalize())
    }

    /// The audience of a token that is ours and still good.
    fn audience(&self, token: &str, now: jiff::Timestamp) -> Result<String, BadToken> {
        let (signed, seal) = token.rsplit_once('.').ok_or(BadToken::Unknown)?;
        if self.seal(signed) != seal {
            return Err(BadToken::Unknown);
        }
        let body = signed.split_once('.').and_then(|(_, body)| URL_SAFE_NO_PAD.decode(body).ok()).ok_or(BadToken::Unknown)?;
        let claims: Value = serde_json::from_slice(&body).map_err(|_| BadToken::Unknown)?;
        if claims["exp"].as_i64().unwrap_or(0) <= now.as_second() {
            return Err(BadToken::Expired);
        }
        Ok(claims["aud"].as_str().unwrap_or_default().trim_end_matches('/').to_owned())
    }

    /// Who may speak to ARM with this token.
    pub(super) fn for_arm(&self, token: Option<&str>, now: jiff::Timestamp) -> Result<Caller, BadToken> {
        let audience = self.audience(token.ok_or(BadToken::Unknown)?, now)?;
        if ARM.contains(&audience.as_str()) { Ok(self.caller()) } else { Err(BadToken::OtherAudience) }
    }

    /// Who may speak to a data plane with this token.
    pub(super) fn for_plane(&self, token: &str, plane: Audience, now: jiff::Timestamp) -> Option<Caller> {
        let wanted = match plane {
            Audience::Prometheus => PROMETHEUS,
            Audience::Grafana => GRAFANA,
            Audience::Kubernetes => KUBERNETES,
        };
        (self.audience(token, now).ok()? == wanted).then(|| self.caller())
    }

    /// Whether tokens are issued for an audience at all.
    pub(super) fn serves(audience: &str) -> bool {
        ARM.contains(&audience) || [PROMETHEUS, GRAFANA, KUBERNETES].contains(&audience)
    }
}
