//! Clouds that are described by a metadata host, as azurerm reads `ARM_METADATA_HOSTNAME` (contract §9.8).

use serde_json::Value;

use super::{Error, http as transport, request};
use crate::base::Cloud;
use crate::base::cloud::CloudName;

/// The version that go-azure-sdk asks for.
const PATH: &str = "/metadata/endpoints?api-version=2022-09-01";
/// A longer description is none.
const MOST_BYTES: usize = 1 << 20;

/// Asks a metadata host what its cloud looks like. `host` is a host name with an optional port; a leading `https://` is tolerated.
///
/// # Errors
/// [`Error::Reach`], [`Error::ReadAnswer`] when the description lacks ARM or Entra, [`Error::ReadAddress`].
pub async fn discover(host: &str, http: &reqwest::Client) -> Result<Cloud, Error> {
    let bare = host.trim().trim_end_matches('/');
    let bare = bare.strip_prefix("https://").unwrap_or(bare);
    let url = request::https(&format!("https://{bare}{PATH}"))?;
    let target = request::without_query(&url);
    let lost = |error: reqwest::Error| match transport::untrusted(&error) {
        Some(untrusted) => Error::TrustServer { target: target.clone(), reason: untrusted.to_string() },
        None => Error::Reach { method: "GET", target: target.clone(), source: Box::new(error.without_url()) },
    };
    let unreadable = |reason: String| Error::ReadAnswer { method: "GET", target: target.clone(), reason };
    let answer = http.get(url.as_str()).header("accept", "application/json").send().await.map_err(lost)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(lost)?;
    if !status.is_success() || bytes.len() > MOST_BYTES {
        return Err(unreadable(format!("status {status}, {} bytes", bytes.len())));
    }
    let description: Value = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    read(&description, bare).map_err(unreadable)
}

/// Reads a description: one object (2022-09-01) or a list of clouds (2019 and Azure Stack), of which the one with this host counts.
fn read(description: &Value, host: &str) -> Result<Cloud, String> {
    let one = match description {
        Value::Array(all) => all
            .iter()
            .find(|cloud| text(cloud, "/resourceManager").is_some_and(|arm| arm.contains(host)))
            .or_else(|| all.first())
            .ok_or("it describes no cloud")?,
        other => other,
    };
    let arm = text(one, "/resourceManager").ok_or("`resourceManager` is missing")?;
    let authority = text(one, "/authentication/loginEndpoint").ok_or("`authentication.loginEndpoint` is missing")?;
    for address in [arm, authority] {
        request::https(address).map_err(|error| error.to_string())?;
    }
    let (arm, authority) = (arm.trim_end_matches('/').to_owned(), authority.trim_end_matches('/').to_owned());
    let audience = text(one, "/authentication/audiences/0").unwrap_or(&arm).trim_end_matches('/');
    let name = text(one, "/name").map(known).unwrap_or_default();
    // What a description does not tell (data planes) is as in the cloud it is named after.
    let row = Cloud::named(name);
    let portal = text(one, "/portal").filter(|portal| portal.starts_with("https://")).unwrap_or(&row.portal);
    let portal = portal.trim_end_matches('/').to_owned();
    Ok(Cloud { portal, arm_scope: format!("{audience}/.default"), arm, authority, metadata_host: Some(host.to_owned()), ..row })
}

fn known(name: &str) -> CloudName {
    match name {
        "AzureUSGovernment" => CloudName::UsGovernment,
        "AzureChinaCloud" => CloudName::China,
        _ => CloudName::Public,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack() -> Value {
        json!({"name": "AzureStack", "resourceManager": "https://arm.local:8443/",
            "authentication": {"loginEndpoint": "https://login.local/", "audiences": ["https://arm.local", "https://x"]}})
    }

    #[test]
    fn object_and_list_are_both_read() {
        let other = json!({"name": "AzureCloud", "resourceManager": "https://management.azure.com/",
            "authentication": {"loginEndpoint": "https://login.microsoftonline.com/", "audiences": []}});
        let alone = read(&stack(), "arm.local:8443").unwrap();
        assert_eq!(read(&json!([other, stack()]), "arm.local:8443").unwrap(), alone);
        assert_eq!((alone.arm.as_str(), alone.authority.as_str()), ("https://arm.local:8443", "https://login.local"));
        assert_eq!(alone.arm_scope, "https://arm.local/.default");
        assert_eq!((alone.environment.as_str(), alone.metadata_host.as_deref()), ("public", Some("arm.local:8443")));
    }

    #[test]
    fn sovereign_clouds_keep_their_own_data_planes() {
        let mut description = stack();
        description["name"] = json!("AzureUSGovernment");
        let cloud = read(&description, "arm.local").unwrap();
        assert_eq!(cloud.environment, "usgovernment");
        assert!(cloud.prometheus_scope.contains(".azure.us"));
    }

    #[test]
    fn a_description_that_would_send_tokens_in_the_clear_is_refused() {
        let mut description = stack();
        description["authentication"]["loginEndpoint"] = json!("http://login.local");
        assert!(read(&description, "x").unwrap_err().contains("not an https"));
        assert!(read(&json!([]), "x").is_err());
    }
}
