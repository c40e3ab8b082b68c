//! The resources, each a table row; what azurerm does beyond "write the arguments, read them back" is in the modules below.

mod cluster;
mod group;
mod kubeconfig;

use std::fmt;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::arm::{Arm, ArmError};
use super::mapping::{expand, flatten, slot};
use super::schema::{self, Block};
use super::value::Value;

/// What the resource's own code has to do besides the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Group,
    Cluster,
    Plain,
}

/// A resource type of azurerm.
#[derive(Debug)]
pub(super) struct Kind {
    /// Terraform's name.
    pub(super) name: &'static str,
    /// Its schema.
    pub(super) table: &'static Block,
    /// The schema's version.
    pub(super) version: i64,
    /// ARM's type; empty for the resource group, which has none in its id.
    arm_type: &'static str,
    /// The api-version azurerm pins (contract §0.2).
    api: &'static str,
    /// What azurerm calls it in errors, and the operation it says it performed.
    noun: &'static str,
    operation: &'static str,
    /// How long azurerm waits for a write.
    limit: Duration,
    habit: Habit,
}

/// The resource types of the stand-in.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "azurerm_resource_group",
        table: &schema::RESOURCE_GROUP,
        version: 0,
        arm_type: "",
        api: "2021-04-01",
        noun: "Resource Group",
        operation: "CreateOrUpdate",
        limit: Duration::from_mins(90),
        habit: Habit::Group,
    },
    Kind {
        name: "azurerm_monitor_workspace",
        table: &schema::MONITOR_WORKSPACE,
        version: 0,
        arm_type: "Microsoft.Monitor/accounts",
        api: "2023-04-03",
        noun: "Account",
        operation: "Create",
        limit: Duration::from_mins(30),
        habit: Habit::Plain,
    },
    Kind {
        name: "azurerm_dashboard_grafana",
        table: &schema::GRAFANA,
        version: 0,
        arm_type: "Microsoft.Dashboard/grafana",
        api: "2025-08-01",
        noun: "Grafana",
        operation: "Create",
        limit: Duration::from_mins(30),
        habit: Habit::Plain,
    },
    Kind {
        name: "azurerm_kubernetes_cluster",
        table: &schema::CLUSTER,
        version: 2,
        arm_type: "Microsoft.ContainerService/managedClusters",
        api: "2025-10-01",
        noun: "Kubernetes Cluster",
        operation: "CreateOrUpdate",
        limit: Duration::from_mins(90),
        habit: Habit::Cluster,
    },
];

/// Why a resource could not be worked on; the text is azurerm's.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResourceError {
    /// The id does not name a resource of this type.
    #[error("parsing {id:?}: the ID of a resource of the type `{noun}` looks like {example:?}")]
    Id {
        /// What was given.
        id: String,
        /// What azurerm calls the type.
        noun: &'static str,
        /// A pattern.
        example: String,
    },
    /// Somebody made it before.
    #[error(
        "a resource with the ID {id:?} already exists - to be managed via Terraform this resource needs to be imported into the \
         State. Please see the resource documentation for {kind:?} for more information."
    )]
    Exists {
        /// Its id.
        id: String,
        /// Terraform's name of its type.
        kind: &'static str,
    },
    /// A call to ARM failed.
    #[error("{doing}: {cause}")]
    Call {
        /// What was being done, in azurerm's words.
        doing: String,
        /// Why it failed.
        cause: ArmError,
    },
    /// The resource group is not empty and the provider was not told to delete it nevertheless.
    #[error(
        "deleting {group}: the Resource Group still contains Resources.\n\nTerraform is configured to check for Resources within \
         the Resource Group when deleting the Resource Group - and raise an error if nested Resources still exist to avoid \
         unintentionally deleting these Resources.\n\nThe following Resources still exist within the Resource Group:\n\n{resources}"
    )]
    NotEmpty {
        /// The group.
        group: String,
        /// One line per resource.
        resources: String,
    },
    /// A node pool can only change by being replaced, and no name was given for its stand-in.
    #[error("`temporary_name_for_rotation` must be specified when updating any of the following properties: {0}")]
    Rotation(String),
    /// A combination that azurerm refuses.
    #[error("{0}")]
    Combination(&'static str),
    /// An argument that azurerm knows and this stand-in does not carry out.
    #[error("the rehearsal's stand-in for azurerm does not carry out `{0}`: rehearse with the real provider instead")]
    NotCarriedOut(&'static str),
}

/// An id, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    subscription: String,
    group: String,
    name: String,
    kind: &'static str,
    noun: &'static str,
    arm_type: &'static str,
}

impl Id {
    /// The id as ARM takes it.
    fn path(&self) -> String {
        let group = format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group);
        if self.arm_type.is_empty() { group } else { format!("{group}/providers/{}/{}", self.arm_type, self.name) }
    }

    fn failed<T>(&self, verb: &str, operation: &str, outcome: Result<T, ArmError>) -> Result<T, ResourceError> {
        outcome.map_err(|cause| {
            let performing = if operation.is_empty() { String::new() } else { format!(": performing {operation}") };
            ResourceError::Call { doing: format!("{verb} {self}{performing}"), cause }
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Subscription: {:?}\nResource Group Name: {:?}", self.noun, self.subscription, self.group)?;
        if !self.arm_type.is_empty() {
            write!(f, "\n{} Name: {:?}", self.noun, self.name)?;
        }
        f.write_str(")")
    }
}

/// What the provider block switches about deletions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Features {
    /// `features.resource_group.prevent_deletion_if_contains_resources`, true unless written otherwise.
    pub(super) keep_full_groups: bool,
}

impl Kind {
    /// The resource type of that name.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    fn id(&self, subscription: &str, group: &str, name: &str) -> Id {
        let (subscription, group, name) = (subscription.to_owned(), group.to_owned(), name.to_owned());
        Id { subscription, group, name, kind: self.name, noun: self.noun, arm_type: self.arm_type }
    }

    /// Takes an id apart; the spelling of its fixed parts matters, as it does to azurerm.
    pub(super) fn parse(&self, text: &str) -> Result<Id, ResourceError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, rest) = self.arm_type.split_once('/').unwrap_or_default();
        let found = match parts.as_slice() {
            ["", "subscriptions", subscription, "resourceGroups", group] if self.arm_type.is_empty() => {
                Some(self.id(subscription, group, group))
            }
            ["", "subscriptions", subscription, "resourceGroups", group, "providers", space, middle, name]
                if *space == namespace && *middle == rest =>
            {
                Some(self.id(subscription, group, name))
            }
            _ => None,
        };
        found.filter(|id| ![&id.subscription, &id.group, &id.name].iter().any(|part| part.is_empty())).ok_or_else(|| {
            let example = self.id("00000000-0000-0000-0000-000000000000", "group", "name").path();
            ResourceError::Id { id: text.to_owned(), noun: self.noun, example }
        })
    }

    /// The state of a resource, or nothing when it is gone.
    pub(super) async fn read(&self, arm: &Arm, state: &Value) -> Result<Option<Value>, ResourceError> {
        let id = self.parse(state.get("id").text().unwrap_or_default())?;
        let mut body = match arm.get(&id.path(), self.api).await {
            Err(error) if error.is_absent() => return Ok(None),
            body => id.failed("retrieving", "", body)?,
        };
        if self.habit == Habit::Cluster {
            cluster::arrange(&mut body, state);
        }
        let mut read = flatten(self.table, &body, state);
        read.put("id", Value::Text(id.path()));
        read.put("name", Value::Text(id.name.clone()));
        if self.table.attribute("resource_group_name").is_some() {
            read.put("resource_group_name", Value::Text(id.group.clone()));
        }
        if self.habit == Habit::Cluster {
            cluster::dress(arm, &id, &body, &mut read).await?;
        }
        Ok(Some(read))
    }

    /// Creates what was planned.
    pub(super) async fn create(&self, arm: &Arm, planned: &Value) -> Result<Value, ResourceError> {
        let text = |name: &str| planned.get(name).text().unwrap_or_default();
        let group = if self.habit == Habit::Group { text("name") } else { text("resource_group_name") };
        let id = self.id(arm.subscription(), group, text("name"));
        match arm.get(&id.path(), self.api).await {
            Ok(_) => return Err(ResourceError::Exists { id: id.path(), kind: id.kind }),
            Err(error) if error.is_absent() => {}
            Err(error) => return id.failed("checking for presence of existing", "", Err(error)),
        }
        let mut body = json!({});
        expand(self.table, &Value::Null, planned, &mut body);
        remove_name(&mut body);
        if self.habit == Habit::Cluster {
            cluster::complete(planned, &mut body)?;
        }
        if body["tags"].is_null() {
            body["tags"] = json!({});
        }
        id.failed("creating", self.operation, arm.put(&id.path(), self.api, &body, self.limit).await)?;
        self.read_back(arm, &id, planned).await
    }

    /// Turns `prior` into `planned`: reads the resource, writes the changed arguments into it, puts all of it back.
    pub(super) async fn update(&self, arm: &Arm, prior: &Value, planned: &Value) -> Result<Value, ResourceError> {
        let id = self.parse(prior.get("id").text().unwrap_or_default())?;
        let before = id.failed("retrieving existing", "", arm.get(&id.path(), self.api).await)?;
        let mut body = before.clone();
        let mut wanted = planned.clone();
        if self.habit == Habit::Cluster {
            cluster::rebuild(prior, planned, &mut body)?;
            // The pool is a resource of its own for updates.
            wanted.put("default_node_pool", prior.get("default_node_pool").clone());
        }
        expand(self.table, prior, &wanted, &mut body);
        if body != before {
            forget_identities(&mut body);
            id.failed("updating", self.operation, arm.put(&id.path(), self.api, &body, self.limit).await)?;
        }
        if self.habit == Habit::Cluster {
            cluster::update_pool(arm, &id, prior.only("default_node_pool"), planned.only("default_node_pool")).await?;
        }
        self.read_back(arm, &id, planned).await
    }

    /// Deletes the resource.
    pub(super) async fn delete(&self, arm: &Arm, prior: &Value, features: Features) -> Result<(), ResourceError> {
        let id = self.parse(prior.get("id").text().unwrap_or_default())?;
        if self.habit == Habit::Group && features.keep_full_groups {
            group::check_empty(arm, &id).await?;
        }
        id.failed("deleting", "Delete", arm.delete(&id.path(), self.api, self.limit).await)
    }

    async fn read_back(&self, arm: &Arm, id: &Id, planned: &Value) -> Result<Value, ResourceError> {
        let mut state = planned.clone();
        state.put("id", Value::Text(id.path()));
        let absent =
            ArmError::Refused { status: 404, reason: "Not Found", code: "ResourceNotFound".into(), message: String::new() };
        match self.read(arm, &state).await? {
            Some(read) => Ok(read),
            None => id.failed("retrieving", "", Err(absent)),
        }
    }
}

/// The name is in the address; ARM does not take it in the body.
fn remove_name(body: &mut Json) {
    super::mapping::remove(body, "/name");
}

/// What is read about user-assigned identities must not be sent: ARM wants the ids alone.
fn forget_identities(body: &mut Json) {
    if let Some(Json::Object(identities)) = body.pointer_mut("/identity/userAssignedIdentities") {
        identities.values_mut().for_each(|identity| *identity = json!({}));
    }
}

/// Writes a text at a pointer.
fn set_text(body: &mut Json, pointer: &str, text: &str) {
    *slot(body, pointer) = json!(text);
}

#[cfg(test)]
mod exchange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart_and_put_together() {
        for kind in &KINDS {
            let id = kind.id("s", "g", if kind.arm_type.is_empty() { "g" } else { "n" });
            assert_eq!(kind.parse(&id.path()).unwrap(), id);
            assert!(kind.parse(&id.path().to_lowercase()).is_err());
        }
        assert!(KINDS[0].parse("/subscriptions/s/resourceGroups/").is_err());
        assert_eq!(
            KINDS[3].id("s", "g", "n").to_string(),
            "Kubernetes Cluster (Subscription: \"s\"\nResource Group Name: \"g\"\nKubernetes Cluster Name: \"n\")"
        );
    }
}
