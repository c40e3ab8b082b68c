//! Who we are and where: azurerm's provider arguments and `ARM_*` variables, the cloud they lead to, and a token for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::ArmError;
use super::sign_in::{SignIn, Words};
use crate::base::Secret;
use crate::sim::tfplugin::value::Value;

/// What the provider block and the environment say.
#[derive(Debug)]
pub(in crate::sim::tfplugin) struct Settings {
    subscription: Option<String>,
    sign_in: SignIn,
    environment: String,
    metadata_host: Option<String>,
}

impl Settings {
    /// Arguments win over the variables; `lookup` reads one of those.
    pub(in crate::sim::tfplugin) fn new(config: &Value, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ArmError> {
        let text = |argument: &str, variables: &[&str]| {
            let written = config.get(argument).text().map(str::to_owned).filter(|text| !text.is_empty());
            written.or_else(|| variables.iter().find_map(|name| lookup(name).filter(|text| !text.is_empty())))
        };
        let switch = |argument: &str, variable: &str| match config.get(argument) {
            Value::Bool(written) => Some(*written),
            // The spellings of Go's `ParseBool`.
            _ => lookup(variable).map(|text| matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")),
        };
        Ok(Self {
            subscription: text("subscription_id", &["ARM_SUBSCRIPTION_ID"]),
            sign_in: SignIn::choose(&Words { text: &text, switch: &switch })?,
            environment: text("environment", &["ARM_ENVIRONMENT"]).unwrap_or_else(|| "public".into()),
            metadata_host: text("metadata_host", &["ARM_METADATA_HOSTNAME"]),
        })
    }
}

/// Where a cloud's services are. The provider has its own table, as azurerm has, so that it cannot agree with the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cloud {
    /// ARM, without trailing `/`.
    pub(super) arm: String,
    scope: String,
    authority: String,
}

/// A signed-in account.
#[derive(Debug)]
pub(in crate::sim::tfplugin) struct Account {
    /// The subscription that resources go to.
    pub(in crate::sim::tfplugin) subscription: String,
    pub(super) cloud: Cloud,
    pub(super) http: reqwest::Client,
    sign_in: SignIn,
    token: Mutex<Option<(Secret, Instant)>>,
}

/// Who is signed in, by the claims of the token; azurerm reads them too.
#[derive(Debug, Default)]
pub(in crate::sim::tfplugin) struct Who {
    /// The tenant.
    pub(in crate::sim::tfplugin) tenant: String,
    /// The client id.
    pub(in crate::sim::tfplugin) client: String,
    /// The object id.
    pub(in crate::sim::tfplugin) object: String,
}

impl Account {
    /// Finds the cloud and signs in: azurerm does not begin without a token either.
    pub(in crate::sim::tfplugin) async fn open(settings: Settings) -> Result<Self, ArmError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_mins(2))
            .user_agent(super::AGENT)
            .build()
            .map_err(super::unreachable)?;
        let cloud = match &settings.metadata_host {
            Some(host) => described(&http, host, &settings.environment).await?,
            None => named(&settings.environment)?,
        };
        let account = Self {
            subscription: settings.subscription.ok_or(ArmError::Missing("subscription_id"))?,
            sign_in: settings.sign_in,
            cloud,
            http,
            token: Mutex::new(None),
        };
        account.token().await?;
        Ok(account)
    }

    /// Who is signed in.
    pub(in crate::sim::tfplugin) async fn who(&self) -> Result<Who, ArmError> {
        let token = self.token().await?;
        let claims = token.expose().split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
        let claims: Json = serde_json::from_slice(&claims).unwrap_or_default();
        let claim = |name: &str| claims[name].as_str().map(str::to_owned);
        Ok(Who {
            tenant: self.sign_in.tenant.clone().or_else(|| claim("tid")).unwrap_or_default(),
            client: self.sign_in.client.clone().or_else(|| claim("appid")).unwrap_or_default(),
            object: claim("oid").unwrap_or_default(),
        })
    }

    /// An account with everything at one plain address, for tests.
    #[cfg(test)]
    pub(in crate::sim::tfplugin) fn at(address: &str) -> Self {
        let (arm, authority) = (address.to_owned(), address.to_owned());
        Self {
            subscription: "s".into(),
            cloud: Cloud { arm, scope: "scope".into(), authority },
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            sign_in: SignIn {
                tenant: Some("t".into()),
                client: Some("c".into()),
                method: super::sign_in::Method::Secret(Secret::new("secret".into())),
            },
            token: Mutex::new(None),
        }
    }

    /// A token for ARM, kept until five minutes before its end.
    pub(in crate::sim::tfplugin) async fn token(&self) -> Result<Secret, ArmError> {
        let mut kept = self.token.lock().await;
        if let Some((token, end)) = kept.as_ref()
            && Instant::now() < *end
        {
            return Ok(token.clone());
        }
        let (token, seconds) = self.sign_in.token(&self.http, &self.cloud.authority, &self.cloud.scope).await?;
        *kept = Some((token.clone(), Instant::now() + Duration::from_secs(seconds.saturating_sub(300))));
        Ok(token)
    }
}

fn named(environment: &str) -> Result<Cloud, ArmError> {
    let (arm, authority) = match environment.to_lowercase().as_str() {
        "public" => ("https://management.azure.com", "https://login.microsoftonline.com"),
        "usgovernment" => ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
        "china" => ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        _ => return Err(ArmError::Environment(environment.to_owned())),
    };
    Ok(Cloud { arm: arm.to_owned(), scope: format!("{arm}/.default"), authority: authority.to_owned() })
}

/// The cloud that a metadata host describes (contract §9.8); some hosts answer with a list of clouds.
async fn described(http: &reqwest::Client, host: &str, environment: &str) -> Result<Cloud, ArmError> {
    let url = format!("https://{host}/metadata/endpoints?api-version=2022-09-01");
    let response = http.get(url).send().await.map_err(super::unreachable)?;
    let answer: Json = response.json().await.map_err(super::unreachable)?;
    cloud(&answer, environment).ok_or_else(|| ArmError::Metadata(host.to_owned()))
}

fn cloud(answer: &Json, environment: &str) -> Option<Cloud> {
    let described = match answer {
        Json::Array(clouds) => {
            let name = |cloud: &&Json| cloud["name"].as_str().is_some_and(|name| name.to_lowercase().contains(environment));
            clouds.iter().find(name).or_else(|| clouds.first())?
        }
        one => one,
    };
    let arm = described["resourceManager"].as_str()?.trim_end_matches('/').to_owned();
    let authority = described["authentication"]["loginEndpoint"].as_str()?.trim_end_matches('/').to_owned();
    let audience = described["authentication"]["audiences"].get(0).and_then(Json::as_str);
    let scope = format!("{}/.default", audience.unwrap_or(&arm).trim_end_matches('/'));
    Some(Cloud { arm, scope, authority })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_win_over_variables() {
        let config = Value::from_json(&json!({"subscription_id": "written", "tenant_id": ""}));
        let lookup = |name: &str| Some(format!("from {name}")).filter(|_| !name.contains("CERTIFICATE"));
        let settings = Settings::new(&config, lookup).unwrap();
        assert_eq!(settings.subscription.as_deref(), Some("written"));
        assert_eq!(settings.sign_in.tenant.as_deref(), Some("from ARM_TENANT_ID"));
        assert!(!format!("{settings:?}").contains("from ARM_CLIENT_SECRET"));
    }

    #[test]
    fn a_cloud_is_read_alone_and_from_a_list() {
        let one = json!({"name": "AzureCloud", "resourceManager": "https://arm.test/",
            "authentication": {"loginEndpoint": "https://login.test/", "audiences": ["https://aud.test/"]}});
        let alone = cloud(&one, "public").unwrap();
        assert_eq!(
            (alone.arm.as_str(), alone.authority.as_str(), alone.scope.as_str()),
            ("https://arm.test", "https://login.test", "https://aud.test/.default")
        );
        assert_eq!(cloud(&json!([one]), "public"), Some(alone));
        assert_eq!(cloud(&json!({"galleryEndpoint": ""}), "public"), None);
    }
}
