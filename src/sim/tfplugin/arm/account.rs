//! Who we are and where: azurerm's provider arguments and `ARM_*` variables, the cloud they lead to, and a token for it.

use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::ArmError;
use crate::base::Secret;
use crate::sim::tfplugin::value::Value;

/// What the provider block and the environment say.
#[derive(Debug)]
pub(in crate::sim::tfplugin) struct Settings {
    subscription: Option<String>,
    tenant: Option<String>,
    client: Option<String>,
    secret: Option<Secret>,
    environment: String,
    metadata_host: Option<String>,
}

impl Settings {
    /// Arguments win over the variables; `lookup` reads one of those.
    pub(in crate::sim::tfplugin) fn new(config: &Value, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let setting = |argument: &str, variable: &str| {
            let written = config.get(argument).text().map(str::to_owned);
            written.filter(|text| !text.is_empty()).or_else(|| lookup(variable)).filter(|text| !text.is_empty())
        };
        Self {
            subscription: setting("subscription_id", "ARM_SUBSCRIPTION_ID"),
            tenant: setting("tenant_id", "ARM_TENANT_ID"),
            client: setting("client_id", "ARM_CLIENT_ID"),
            secret: setting("client_secret", "ARM_CLIENT_SECRET").map(Secret::new),
            environment: setting("environment", "ARM_ENVIRONMENT").unwrap_or_else(|| "public".into()),
            metadata_host: setting("metadata_host", "ARM_METADATA_HOSTNAME"),
        }
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
    /// The tenant.
    pub(in crate::sim::tfplugin) tenant: String,
    /// The client id.
    pub(in crate::sim::tfplugin) client: String,
    pub(super) cloud: Cloud,
    pub(super) http: reqwest::Client,
    secret: Secret,
    token: Mutex<Option<(Secret, Instant)>>,
}

impl Account {
    /// Finds the cloud; the first token is fetched with the first request.
    pub(in crate::sim::tfplugin) async fn open(settings: Settings) -> Result<Self, ArmError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_mins(2))
            .user_agent(concat!("aksight/", env!("CARGO_PKG_VERSION"), " terraform-provider-azurerm/5.2.0 (stand-in)"))
            .build()
            .map_err(super::unreachable)?;
        let cloud = match &settings.metadata_host {
            Some(host) => described(&http, host, &settings.environment).await?,
            None => named(&settings.environment)?,
        };
        Ok(Self {
            subscription: settings.subscription.ok_or(ArmError::Missing("subscription_id"))?,
            tenant: settings.tenant.ok_or(ArmError::Missing("tenant_id"))?,
            client: settings.client.ok_or(ArmError::Missing("client_id"))?,
            secret: settings.secret.ok_or(ArmError::Missing("client_secret"))?,
            cloud,
            http,
            token: Mutex::new(None),
        })
    }

    /// An account with everything at one plain address, for tests.
    #[cfg(test)]
    pub(in crate::sim::tfplugin) fn at(address: &str) -> Self {
        let (arm, authority) = (address.to_owned(), address.to_owned());
        Self {
            subscription: "s".into(),
            tenant: "t".into(),
            client: "c".into(),
            cloud: Cloud { arm, scope: "scope".into(), authority },
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            secret: Secret::new("secret".into()),
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
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client),
            ("client_secret", self.secret.expose()),
            ("scope", &self.cloud.scope),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.cloud.authority, self.tenant);
        let response = self.http.post(url).form(&form).send().await.map_err(super::unreachable)?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(super::unreachable)?;
        let answer: Json = serde_json::from_str(&body).unwrap_or_default();
        let Some(token) = answer["access_token"].as_str() else { return Err(ArmError::Token { status, body }) };
        let seconds = answer["expires_in"].as_u64().unwrap_or(3600);
        let token = Secret::new(token.to_owned());
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
        let settings = Settings::new(&config, |name| Some(format!("from {name}")));
        assert_eq!(settings.subscription.as_deref(), Some("written"));
        assert_eq!(settings.tenant.as_deref(), Some("from ARM_TENANT_ID"));
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
