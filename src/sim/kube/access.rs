//! Who may come in (contract §5.10), and the kubeconfig that leads there.

use serde_json::{Value, json};

use super::status::Refusal;
use crate::sim::effects::access::{Caller, holds, role};
use crate::sim::effects::cluster::Cluster;
use crate::sim::planes::{ClusterPlane, View};

/// What a request carried in its `Authorization` header.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// A bearer token that is no token of Entra's for the AKS server application.
    Token(String),
    /// A valid Entra token for the AKS server application.
    Entra(Caller),
}

/// Somebody inside: who, and whether anything is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The user name.
    pub name: String,
    /// Whether the visitor may read and write.
    pub trusted: bool,
}

/// Lets somebody in, or not.
pub fn enter(view: &View, cluster: &Cluster, plane: &ClusterPlane, credential: &Credential) -> Result<Visitor, Refusal> {
    match credential {
        Credential::Token(token) if token == plane.token() && !(cluster.entra && cluster.local_accounts_off) => {
            Ok(Visitor { name: "masterclient".to_owned(), trusted: true })
        }
        Credential::Entra(caller) if cluster.entra => {
            let by_group =
                caller.groups.iter().any(|group| cluster.admin_groups.iter().any(|admin| admin.eq_ignore_ascii_case(group)));
            let by_role = cluster.azure_rbac
                && role::KUBERNETES_WRITERS
                    .iter()
                    .any(|role| holds(view.resources, caller, role, &cluster.id, view.now, view.delays.roles));
            Ok(Visitor { name: caller.oid.clone(), trusted: by_group || by_role })
        }
        _ => Err(Refusal::unauthorized()),
    }
}

/// Which kubeconfig is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `listClusterUserCredential`.
    User,
    /// `listClusterAdminCredential`.
    Admin,
}

/// The kubeconfig as YAML, for the server's address and its certificate authority (PEM in base64).
///
/// # Errors
/// ARM's status, code and message when static credentials are refused.
pub fn kubeconfig(
    cluster: &Cluster,
    plane: &ClusterPlane,
    server: &str,
    authority: &str,
    wanted: Wanted,
) -> Result<String, (u16, &'static str, String)> {
    if wanted == Wanted::Admin && cluster.local_accounts_off {
        let message = "Getting static credential isn't allowed because this cluster is set to disable local accounts.";
        return Err((400, "BadRequest", message.to_owned()));
    }
    let group = cluster.id.split('/').nth(4).unwrap_or_default();
    let (user, context) = match wanted {
        Wanted::User => (format!("clusterUser_{group}_{}", cluster.name), cluster.name.clone()),
        Wanted::Admin => (format!("clusterAdmin_{group}_{}", cluster.name), format!("{}-admin", cluster.name)),
    };
    let login = if cluster.entra && wanted == Wanted::User {
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "provideClusterInfo": false, "env": Value::Null,
            "args": ["get-token", "--environment", "AzurePublicCloud", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630", "--login", "devicecode"],
        }})
    } else {
        json!({"token": plane.token()})
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": context,
        "clusters": [{"name": cluster.name, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "contexts": [{"name": context, "context": {"cluster": cluster.name, "user": user}}],
        "users": [{"name": user, "user": login}],
    });
    serde_saphyr::to_string(&config).map_err(|why| (500, "InternalServerError", why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::chain::sample::resources;
    use crate::sim::effects::cluster::sample::ID;
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::sample::{settled, t};

    #[test]
    fn doors() {
        let world = resources(true);
        let planes = settled(&world, 600);
        let plane = planes.cluster(&ID.to_lowercase()).unwrap();
        let delays = Delays::at_pace(1.0);
        let view = View { resources: &world, now: t(600), delays: &delays };
        let mut cluster = Cluster::read(&world[&ID.to_lowercase()]).unwrap();
        let caller = Caller { oid: "me".into(), groups: vec!["g".into()], name: "me".into() };
        let fixed = Credential::Token(plane.token().to_owned());
        let entra = Credential::Entra(caller);
        let trusted =
            |cluster: &Cluster, credential: &Credential| enter(&view, cluster, plane, credential).map(|visitor| visitor.trusted);
        assert_eq!(trusted(&cluster, &fixed), Ok(true));
        assert_eq!(trusted(&cluster, &entra).unwrap_err().code, 401, "no Entra on this cluster");
        assert_eq!(trusted(&cluster, &Credential::None).unwrap_err().code, 401);
        cluster.entra = true;
        assert_eq!(trusted(&cluster, &entra), Ok(false));
        cluster.admin_groups = vec!["G".into()];
        assert_eq!(trusted(&cluster, &entra), Ok(true));
        cluster.local_accounts_off = true;
        assert_eq!(trusted(&cluster, &fixed).unwrap_err().code, 401);
        assert_eq!(kubeconfig(&cluster, plane, "https://x", "QQ==", Wanted::Admin).unwrap_err().0, 400);
        let config: Value =
            serde_saphyr::from_str(&kubeconfig(&cluster, plane, "https://x/kube/c", "QQ==", Wanted::User).unwrap()).unwrap();
        assert_eq!(config.pointer("/users/0/user/exec/command").and_then(Value::as_str), Some("kubelogin"));
        assert_eq!(config.pointer("/clusters/0/cluster/server").and_then(Value::as_str), Some("https://x/kube/c"));
    }
}
