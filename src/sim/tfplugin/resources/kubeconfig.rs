//! A kubeconfig as the attributes `kube_config` and `kube_admin_config` show it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::sim::tfplugin::value::Value;

/// The text of a credential as ARM wraps it.
pub(super) fn decode(wrapped: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(wrapped).ok()?).ok()
}

/// One element with the first cluster and user; none when the text is no kubeconfig.
pub(super) fn flatten(text: &str) -> Value {
    let Ok(config) = serde_saphyr::from_str::<Json>(text) else { return Value::List(vec![]) };
    let cluster = &config["clusters"][0]["cluster"];
    let (name, user) = (&config["users"][0]["name"], &config["users"][0]["user"]);
    let word = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    Value::List(vec![Value::from_json(&json!({
        "client_certificate": word(&user["client-certificate-data"]),
        "client_key": word(&user["client-key-data"]),
        "cluster_ca_certificate": word(&cluster["certificate-authority-data"]),
        "host": word(&cluster["server"]),
        "password": word(&user["token"]),
        "username": word(name),
    }))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_becomes_one_element() {
        let text = "clusters:\n- cluster: {server: 'https://api', certificate-authority-data: Y2E=}\nusers:\n- name: u\n  user: {token: t}\n";
        let element = flatten(&decode(&STANDARD.encode(text)).unwrap()).items()[0].clone();
        let shown = |key: &str| element.get(key).text().unwrap().to_owned();
        assert_eq!((shown("host"), shown("username"), shown("password")), ("https://api".into(), "u".into(), "t".into()));
        assert_eq!(flatten(": no"), Value::List(vec![]));
    }
}
