//! AKS run-command: a shell line inside the cluster through ARM alone (contract §5.9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Call;
use super::{Accepted, Azure, Error, Method};
use crate::base::{ArmId, ArmObject, Kind, Secret};

/// What came of a command. It succeeded only if [`CommandResult::succeeded`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    /// `Succeeded` says only that the pod ran.
    pub provisioning_state: String,
    /// The command's exit code, if it came to that.
    pub exit_code: Option<i64>,
    /// Standard output and error, mixed; cut at 512 kB by the service.
    pub logs: String,
    /// Why the pod did not run.
    pub reason: Option<String>,
}

impl CommandResult {
    /// Whether the pod ran and the command ended with 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.provisioning_state.eq_ignore_ascii_case("Succeeded") && self.exit_code == Some(0)
    }

    /// Reads the body of a command's result.
    ///
    /// # Errors
    /// [`Error::ReadAnswer`] when it has no `provisioningState`.
    pub fn read(object: &ArmObject) -> Result<Self, Error> {
        let state = object.provisioning_state().ok_or_else(|| Error::ReadAnswer {
            method: "GET",
            target: object.id.to_string(),
            reason: "it has no `properties.provisioningState`".to_owned(),
        })?;
        Ok(Self {
            provisioning_state: state.to_owned(),
            exit_code: object.at("/properties/exitCode").and_then(Value::as_i64),
            logs: object.text("/properties/logs").unwrap_or_default().to_owned(),
            reason: object.text("/properties/reason").filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }
}

impl Azure {
    /// Starts a command in the cluster. `context_zip` is a ZIP whose files land in the working directory, empty for none; what is
    /// secret goes there and never into `command`. `cluster_token` is a token for [`crate::base::Cloud::kubernetes_scope`], needed
    /// on clusters with Entra sign-in. Sent once: after a lost answer the caller must look at the cluster before it sends again.
    /// The result of the operation is read with [`CommandResult::read`].
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn run_command(
        &self,
        cluster: &ArmId,
        command: &str,
        context_zip: &[u8],
        cluster_token: Option<&Secret>,
    ) -> Result<Accepted, Error> {
        let mut body = json!({"command": command, "context": STANDARD.encode(context_zip)});
        if let Some(token) = cluster_token {
            body["clusterToken"] = Value::from(token.expose());
        }
        // Not a `Write`, which can be printed: the body holds a token.
        let path = format!("{cluster}/runCommand");
        let url = self.url(&path, Kind::ManagedCluster.api_version(), &[])?;
        self.submit(Call::new(Method::Post, url).about(&path).json(&body), cluster, Kind::ManagedCluster).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{azure, empty};
    use super::*;

    fn result(properties: &Value) -> CommandResult {
        let id = ArmId::of_group("s", "g");
        CommandResult::read(&ArmObject { id, body: json!({"id": "abc", "properties": properties}), etag: None }).unwrap()
    }

    #[tokio::test]
    async fn a_command_is_sent_once_with_its_files_and_token() {
        let location = "https://management.azure.com/subscriptions/s/commandResults/c?api-version=1";
        let (azure, script, _) = azure([empty(202).with("location", location)]);
        let cluster = ArmId::of_group("s", "g").resource("Microsoft.ContainerService/managedClusters", "c1");
        let token = Secret::new("raw-token".to_owned());
        let accepted = azure.run_command(&cluster, "kubectl version", b"PK", Some(&token)).await.unwrap();
        assert!(!format!("{accepted:?}").contains("raw-token"));
        let Accepted::Running(operation) = accepted else { panic!("it takes time") };
        assert_eq!(operation.url, location);
        let sent = &script.seen()[0];
        assert!(sent.url.ends_with("/managedClusters/c1/runCommand?api-version=2026-06-01"), "{}", sent.url);
        insta::assert_snapshot!(sent.body, @r#"{"command":"kubectl version","context":"UEs=","clusterToken":"raw-token"}"#);
    }

    #[test]
    fn success_needs_the_exit_code() {
        assert!(result(&json!({"provisioningState": "Succeeded", "exitCode": 0, "logs": "ok"})).succeeded());
        assert!(!result(&json!({"provisioningState": "Succeeded", "exitCode": 1, "logs": "Forbidden"})).succeeded());
        let failed =
            result(&json!({"provisioningState": "Failed", "reason": "KubernetesPerformanceError: x", "exitCode": 0, "logs": ""}));
        assert!(!failed.succeeded());
        assert!(failed.reason.unwrap().starts_with("KubernetesPerformanceError"));
    }
}
