//! Who lives here: tenant, subscriptions, service principals, and the tokens that are issued to them.

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
    /// The one who owns the subscriptions.
    owner: Resident,
    /// Further ones.
    others: Vec<Resident>,
    pub(super) port: Option<u16>,
    key: Secret,
}

/// A service principal.
#[derive(Clone, Debug)]
pub struct Resident {
    /// What it is called here; the owner has no name.
    pub name: String,
    /// Its application's client id.
    pub client_id: String,
    /// The application's secret: a throw-away of this directory.
    pub client_secret: Secret,
    /// Its object id.
    pub object_id: String,
}

impl Resident {
    fn new(name: &str) -> Self {
        let client_secret = Secret::new(format!("sim~{}", uuid::Uuid::new_v4().simple()));
        Self { name: name.to_owned(), client_id: guid(), client_secret, object_id: guid() }
    }

    fn kept(&self) -> KeptResident {
        KeptResident {
            name: self.name.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.expose().to_owned(),
            object_id: self.object_id.clone(),
        }
    }

    fn caller(&self) -> Caller {
        Caller { oid: self.object_id.clone(), groups: Vec::new(), name: self.client_id.clone() }
    }
}

impl From<KeptResident> for Resident {
    fn from(kept: KeptResident) -> Self {
        let client_secret = Secret::new(kept.client_secret);
        Self { name: kept.name, client_id: kept.client_id, client_secret, object_id: kept.object_id }
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: String,
    subscription: String,
    #[serde(flatten)]
    owner: KeptResident,
    #[serde(default)]
    others: Vec<KeptResident>,
    key: String,
    port: Option<u16>,
}

#[derive(Serialize, Deserialize)]
struct KeptResident {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    client_id: String,
    client_secret: String,
    object_id: String,
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
                owner: Resident::new("").kept(),
                others: Vec::new(),
                key: guid() + &guid(),
                port: None,
            },
            Err(error) => return Err(Error::file(&path, error)),
        };
        let mut others: Vec<Resident> = kept.others.into_iter().map(Resident::from).collect();
        for wanted in &options.principals {
            if others.iter().all(|known| known.name != wanted.name) {
                others.push(Resident::new(&wanted.name));
            }
        }
        Ok(Self {
            tenant: options.tenant.clone().unwrap_or(kept.tenant),
            subscriptions: std::iter::once(options.subscription.clone().unwrap_or(kept.subscription))
                .chain(options.further_subscriptions.iter().cloned())
                .collect(),
            owner: kept.owner.into(),
            others,
            port: kept.port,
            key: Secret::new(kept.key),
        })
    }

    /// The one who owns the subscriptions.
    pub(super) fn owner(&self) -> &Resident {
        &self.owner
    }

    /// Another one, by its name here.
    pub(super) fn named(&self, name: &str) -> Option<&Resident> {
        self.others.iter().find(|one| one.name == name)
    }

    /// Whose application has this client id.
    pub(super) fn with_client_id(&self, client_id: &str) -> Option<&Resident> {
        std::iter::once(&self.owner).chain(&self.others).find(|one| one.client_id.eq_ignore_ascii_case(client_id))
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
            owner: self.owner.kept(),
            others: self.others.iter().map(Resident::kept).collect(),
            key: self.key.expose().to_owned(),
            port: self.port,
        };
        let path = directory.join(FILE);
        let bytes = serde_json::to_vec_pretty(&kept).map_err(|error| Error::damaged(&path, &error))?;
        write_whole(&path, &bytes)
    }

    /// Issues a token for an audience to one of us; gives back its lifetime in seconds too.
    pub(super) fn issue(&self, resident: &Resident, audience: &str, now: jiff::Timestamp) -> (String, i64) {
        let claims = json!({"aud": audience, "iss": format!("https://sts.windows.net/{}/", self.tenant), "iat": now.as_second(),
            "nbf": now.as_second(), "exp": now.as_second() + LIFETIME, "appid": resident.client_id, "idtyp": "app", "oid": resident.object_id,
            "sub": resident.object_id, "tid": self.tenant, "ver": "1.0"});
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

    /// Audience and owner of a token that is ours and still good.
    fn read(&self, token: &str, now: jiff::Timestamp) -> Result<(String, Caller), BadToken> {
        let (signed, seal) = token.rsplit_once('.').ok_or(BadToken::Unknown)?;
        if self.seal(signed) != seal {
            return Err(BadToken::Unknown);
        }
        let body = signed.split_once('.').and_then(|(_, body)| URL_SAFE_NO_PAD.decode(body).ok()).ok_or(BadToken::Unknown)?;
        let claims: Value = serde_json::from_slice(&body).map_err(|_| BadToken::Unknown)?;
        if claims["exp"].as_i64().unwrap_or(0) <= now.as_second() {
            return Err(BadToken::Expired);
        }
        let resident = claims["appid"].as_str().and_then(|id| self.with_client_id(id)).ok_or(BadToken::Unknown)?;
        Ok((claims["aud"].as_str().unwrap_or_default().trim_end_matches('/').to_owned(), resident.caller()))
    }

    /// Who may speak to ARM with this token.
    pub(super) fn for_arm(&self, token: Option<&str>, now: jiff::Timestamp) -> Result<Caller, BadToken> {
        let (audience, caller) = self.read(token.ok_or(BadToken::Unknown)?, now)?;
        if ARM.contains(&audience.as_str()) { Ok(caller) } else { Err(BadToken::OtherAudience) }
    }

    /// Who may speak to a data plane with this token.
    pub(super) fn for_plane(&self, token: &str, plane: Audience, now: jiff::Timestamp) -> Option<Caller> {
        let wanted = match plane {
            Audience::Prometheus => PROMETHEUS,
            Audience::Grafana => GRAFANA,
            Audience::Kubernetes => KUBERNETES,
        };
        let (audience, caller) = self.read(token, now).ok()?;
        (audience == wanted).then_some(caller)
    }

    /// Whether tokens are issued for an audience at all.
    pub(super) fn serves(audience: &str) -> bool {
        ARM.contains(&audience) || [PROMETHEUS, GRAFANA, KUBERNETES].contains(&audience)
    }
}
