//! Assigns roles: deterministic names, principalType always sent, existing and inherited ones accepted (contract §4.3-§4.5, C12).

use serde_json::json;

use super::grafana;
use crate::azure::Write;
use crate::base::{ArmId, Kind, Role};
use crate::desired::role_assignment_name;
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::observed::{Assignment, PrincipalKind};
use crate::plan::PrincipalRef;
use crate::plan::diff::roles::satisfied;
use crate::plan::rights::Right;

pub(super) async fn assign(
    unit: &UnitId,
    scope: &ArmId,
    role: Role,
    principal: &PrincipalRef,
    hands: &Hands,
) -> Result<Outcome, Error> {
    let (object_id, kind) = match principal {
        PrincipalRef::GrafanaIdentity(id) => (grafana::principal(unit, id, hands).await?, PrincipalKind::ServicePrincipal),
        PrincipalRef::Object { id, kind } => (id.clone(), *kind),
    };
    let wanted = Wanted { scope, role, principal: &object_id, kind };
    patiently(hands, unit, false, || async {
        if let Some(found) = wanted.found(hands).await? {
            return Ok(found);
        }
        match wanted.write(unit, hands, 0).await {
            Err(Error::Azure(error)) => {
                let refused = Error::of_act(Right::to_assign(scope), error);
                // Somebody who may do it may have done it in the meantime.
                let found = if refused.is_withheld() { wanted.found(hands).await? } else { None };
                return found.ok_or(refused);
            }
            other => other?,
        }
        wanted.found(hands).await?.ok_or_else(|| Error::NotReadBack {
            what: format!("{} for `{}`", role.name(), wanted.principal),
            shows: "no such assignment".into(),
        })
    })
    .await
    .map(|found| Outcome::proven(format!("assigned as `{}`", found.id.name())))
}

struct Wanted<'a> {
    scope: &'a ArmId,
    role: Role,
    principal: &'a str,
    kind: PrincipalKind,
}

impl Wanted<'_> {
    /// The assignment that gives what is wanted, direct or inherited.
    async fn found(&self, hands: &Hands) -> Result<Option<Assignment>, Error> {
        // The GUID is data from Azure or from a checked file; a quote in it would end the filter's string.
        let filter = format!("principalId eq '{}'", self.principal.replace('\'', "''"));
        let entries = hands.azure.list(self.scope, Kind::RoleAssignment, Some(&filter)).await?;
        let assignments: Vec<Assignment> = entries.iter().filter_map(Assignment::read).collect();
        Ok(satisfied(&assignments, (self.scope, self.role, self.principal)).cloned())
    }

    /// Writes under the deterministic name. An assignment that exists under another name is what was wanted; a name that another
    /// principal holds is salted once.
    async fn write(&self, unit: &UnitId, hands: &Hands, salt: u8) -> Result<(), Error> {
        let name = role_assignment_name(self.scope, self.principal, self.role, salt).to_string();
        let id = self.scope.resource(Kind::RoleAssignment.resource_type(), &name);
        let definition = format!(
            "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            self.scope.subscription().map_or_else(String::new, |id| format!("/subscriptions/{id}")),
            self.role.guid()
        );
        let body = json!({"properties": {
            "roleDefinitionId": definition,
            "principalId": self.principal,
            "principalType": self.kind.as_str(),
            "description": "created by aksight"}});
        let write = Write::put(id, Kind::RoleAssignment, body);
        match hands.write(unit, write).await {
            Err(Error::Azure(error)) if error.is("RoleAssignmentExists") => Ok(()),
            Err(Error::Azure(error)) if error.is("RoleAssignmentUpdateNotPermitted") && salt == 0 => {
                Box::pin(self.write(unit, hands, 1)).await
            }
            other => other,
        }
    }
}
