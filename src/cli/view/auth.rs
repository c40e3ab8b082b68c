//! A sign-in as text and as a document. No value of a variable is in either.

use aksight::azure::{Choice, Principal, PrincipalKind, Unused};
use aksight::base::{ArmId, Cloud};
use aksight::diag::Diagnostic;
use aksight::observed::{Account, HeldRole, Subscription};
use serde_json::{Value, json};

use super::{Terminal, Tone, diagnostic};

/// Version of the document. Fields are only ever added within a version.
const SCHEMA: &str = "aksight.auth/v1";

/// All that is known of a sign-in. What could not be found out is missing, and a diagnostic says why.
#[derive(Debug, Default)]
pub(crate) struct SignIn {
    /// The method, and by what it was chosen.
    pub(crate) choice: Option<Choice>,
    /// Other methods that are there.
    pub(crate) unused: Vec<Unused>,
    /// As whom, once it worked.
    pub(crate) principal: Option<Principal>,
    /// Where.
    pub(crate) cloud: Option<Cloud>,
    /// The subscription's id, and who named it.
    pub(crate) subscription: Option<(String, String)>,
    /// What was seen of it, and of the principal's rights in it.
    pub(crate) account: Option<Account>,
    /// Names of the variables that terraform gets, and of those that are kept from it.
    pub(crate) terraform: Option<(Vec<&'static str>, Vec<&'static str>)>,
    /// Whether azurerm knows the method.
    pub(crate) for_terraform: bool,
    /// What went wrong.
    pub(crate) problems: Vec<Diagnostic>,
    /// How the command ends.
    pub(crate) exit_code: u8,
}

impl SignIn {
    fn method(&self) -> Option<&'static str> {
        self.choice.as_ref().map(|choice| choice.source.method())
    }

    fn described(&self) -> Option<&Subscription> {
        self.account.as_ref()?.subscription.seen()
    }

    /// The principal's own roles.
    fn roles(&self) -> Option<&Vec<HeldRole>> {
        self.account.as_ref()?.roles.seen()
    }

    /// What the principal may do in the subscription, in a sentence.
    fn may(&self) -> Option<String> {
        Some(self.account.as_ref()?.may(&ArmId::of_subscription(&self.subscription.as_ref()?.0)))
    }
}

/// For people.
pub(crate) fn text(sign_in: &SignIn, terminal: &Terminal) -> String {
    let mut told = String::new();
    let mut line = |lead: &str, text: &str| told.push_str(&terminal.paragraph(&format!("{lead:14}"), text));
    if let Some(method) = sign_in.method() {
        let how = if sign_in.principal.is_some() {
            terminal.paint(Tone::Good, "works")
        } else {
            terminal.paint(Tone::Bad, "does not work")
        };
        line("sign-in", &format!("{}: {how}", terminal.paint(Tone::Strong, method)));
    }
    if let Some(choice) = sign_in.choice.as_ref().filter(|choice| !choice.decided_by.is_empty()) {
        line("decided by", &choice.decided_by.join(", "));
    }
    for unused in &sign_in.unused {
        line("not used", &format!("{} ({}): {}", unused.method, unused.shown_by.join(", "), unused.because));
    }
    if let Some(principal) = &sign_in.principal {
        let kind = match principal.kind {
            PrincipalKind::User => "user",
            PrincipalKind::ServicePrincipal => "application",
        };
        let name = principal.display.as_deref().unwrap_or("without a name");
        line("principal", &format!("{kind} {name}, object id {}", principal.object_id));
        line("tenant", &principal.tenant_id);
    }
    if let Some(cloud) = &sign_in.cloud {
        let host = cloud.metadata_host.as_ref().map(|host| format!(", described by {host}")).unwrap_or_default();
        line("cloud", &format!("{}{host}; Entra {}; ARM {}", cloud.environment, cloud.authority, cloud.arm));
    }
    if let Some((id, named_by)) = &sign_in.subscription {
        let described = sign_in.described();
        let name = described.map(|found| format!("{} ", found.name)).unwrap_or_default();
        let state = described.map(|found| format!(", {}", found.state)).unwrap_or_default();
        line("subscription", &format!("{name}{id}{state}; named by {named_by}"));
    }
    if let Some(may) = sign_in.may() {
        line("may", &may);
    }
    for role in sign_in.roles().into_iter().flatten() {
        line("", &format!("{} at {}", role.name, role.scope));
    }
    if let Some((given, kept)) = &sign_in.terraform {
        let given = given.join(", ");
        let how = if sign_in.for_terraform { "signs in the same way, by" } else { "cannot sign in like this; it gets" };
        line("terraform", &format!("{how} {given}"));
        if !kept.is_empty() {
            line("", &format!("kept from it: {}", kept.join(", ")));
        }
    }
    told
}

/// What went wrong, for people.
pub(crate) fn problems(sign_in: &SignIn, source: &str, terminal: &Terminal) -> String {
    diagnostic::text(&sign_in.problems, source, terminal)
}

/// For programs.
pub(crate) fn json(sign_in: &SignIn) -> String {
    let unused = |unused: &Unused| json!({"method": unused.method, "shown_by": unused.shown_by, "because": unused.because});
    let role = |role: &HeldRole| json!({"role": role.name, "definition": role.guid, "scope": role.scope.to_string()});
    let subscription = sign_in.subscription.as_ref().map(|(id, named_by)| {
        let described = sign_in.described();
        json!({"id": id, "named_by": named_by, "name": described.map(|found| &found.name), "state": described.map(|found| &found.state)})
    });
    let document = json!({
        "schema": SCHEMA,
        "signed_in": sign_in.principal.is_some(),
        "method": sign_in.method(),
        "decided_by": sign_in.choice.as_ref().map(|choice| &choice.decided_by),
        "not_used": sign_in.unused.iter().map(unused).collect::<Vec<Value>>(),
        "principal": sign_in.principal.as_ref().map(|principal| json!({
            "kind": match principal.kind { PrincipalKind::User => "user", PrincipalKind::ServicePrincipal => "application" },
            "name": principal.display,
            "client_id": principal.client_id,
            "object_id": principal.object_id,
            "tenant_id": principal.tenant_id,
        })),
        "cloud": sign_in.cloud.as_ref().map(|cloud| json!({
            "name": cloud.environment,
            "authority": cloud.authority,
            "resource_manager": cloud.arm,
            "metadata_host": cloud.metadata_host,
        })),
        "subscription": subscription,
        "may": sign_in.may(),
        "roles": sign_in.roles().map(|roles| roles.iter().map(role).collect::<Vec<Value>>()),
        "terraform": sign_in.terraform.as_ref().map(|(given, kept)| json!({
            "signs_in": sign_in.for_terraform, "variables": given, "kept_from_it": kept,
        })),
        "diagnostics": sign_in.problems,
        "exit_code": sign_in.exit_code,
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use aksight::azure::CredentialSource;
    use aksight::base::Secret;
    use aksight::base::cloud::CloudName;
    use aksight::base::role::General;
    use aksight::diag::Code;
    use aksight::observed::{Scope, Sight};

    use super::super::sample::NARROW;
    use super::*;

    const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

    fn sample() -> SignIn {
        let source = CredentialSource::ClientSecret {
            tenant: "t".to_owned(),
            client_id: "c".to_owned(),
            secret: Secret::new("hunter2".to_owned()),
        };
        let decided_by = ["ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_CLIENT_ID"].map(str::to_owned).to_vec();
        let (guid, name) = General::Contributor.row();
        let scope = Scope::read(&format!("/subscriptions/{SUBSCRIPTION}")).unwrap();
        SignIn {
            choice: Some(Choice { source, decided_by }),
            unused: vec![Unused {
                method: "az CLI",
                shown_by: vec!["az"],
                because: "the client secret comes first; signed in there is ann@example.com".to_owned(),
            }],
            principal: Some(Principal {
                object_id: "22222222-2222-4222-8222-222222222222".to_owned(),
                tenant_id: "33333333-3333-4333-8333-333333333333".to_owned(),
                kind: PrincipalKind::ServicePrincipal,
                display: Some("11111111-1111-4111-8111-111111111111".to_owned()),
                client_id: Some("11111111-1111-4111-8111-111111111111".to_owned()),
            }),
            cloud: Some(Cloud::named(CloudName::Public)),
            subscription: Some((SUBSCRIPTION.to_owned(), "ARM_SUBSCRIPTION_ID".to_owned())),
            account: Some(Account {
                subscription: Sight::Present(Subscription { name: "shop".to_owned(), state: "Enabled".to_owned() }),
                roles: Sight::Present(vec![HeldRole { guid: guid.to_owned(), name: name.to_owned(), scope }]),
                permissions: Sight::Unknown("nobody asked".to_owned()),
            }),
            terraform: Some((vec!["ARM_CLIENT_ID", "ARM_CLIENT_SECRET"], vec!["GITHUB_TOKEN"])),
            for_terraform: true,
            ..SignIn::default()
        }
    }

    #[test]
    fn a_sign_in_reads_at_sixty_columns() {
        insta::assert_snapshot!(text(&sample(), &NARROW), @r"
        sign-in       client secret: works
        decided by    ARM_CLIENT_SECRET, ARM_TENANT_ID,
                      ARM_CLIENT_ID
        not used      az CLI (az): the client secret comes first;
                      signed in there is ann@example.com
        principal     application
                      11111111-1111-4111-8111-111111111111, object
                      id 22222222-2222-4222-8222-222222222222
        tenant        33333333-3333-4333-8333-333333333333
        cloud         public; Entra
                      https://login.microsoftonline.com; ARM
                      https://management.azure.com
        subscription  shop 00000000-0000-4000-8000-000000000001,
                      Enabled; named by ARM_SUBSCRIPTION_ID
        may           manage resources of all kinds, but not assign
                      roles: role assignments of a plan wait for
                      somebody who may
                      Contributor at
                      /subscriptions/00000000-0000-4000-8000-000000000001
        terraform     signs in the same way, by ARM_CLIENT_ID,
                      ARM_CLIENT_SECRET
                      kept from it: GITHUB_TOKEN
        ");
    }

    #[test]
    fn a_sign_in_for_programs() {
        insta::assert_snapshot!(json(&sample()), @r#"
        {
          "schema": "aksight.auth/v1",
          "signed_in": true,
          "method": "client secret",
          "decided_by": [
            "ARM_CLIENT_SECRET",
            "ARM_TENANT_ID",
            "ARM_CLIENT_ID"
          ],
          "not_used": [
            {
              "method": "az CLI",
              "shown_by": [
                "az"
              ],
              "because": "the client secret comes first; signed in there is ann@example.com"
            }
          ],
          "principal": {
            "kind": "application",
            "name": "11111111-1111-4111-8111-111111111111",
            "client_id": "11111111-1111-4111-8111-111111111111",
            "object_id": "22222222-2222-4222-8222-222222222222",
            "tenant_id": "33333333-3333-4333-8333-333333333333"
          },
          "cloud": {
            "name": "public",
            "authority": "https://login.microsoftonline.com",
            "resource_manager": "https://management.azure.com",
            "metadata_host": null
          },
          "subscription": {
            "id": "00000000-0000-4000-8000-000000000001",
            "named_by": "ARM_SUBSCRIPTION_ID",
            "name": "shop",
            "state": "Enabled"
          },
          "may": "manage resources of all kinds, but not assign roles: role assignments of a plan wait for somebody who may",
          "roles": [
            {
              "role": "Contributor",
              "definition": "b24988ac-6180-42a0-ab88-20f7382dd24c",
              "scope": "/subscriptions/00000000-0000-4000-8000-000000000001"
            }
          ],
          "terraform": {
            "signs_in": true,
            "variables": [
              "ARM_CLIENT_ID",
              "ARM_CLIENT_SECRET"
            ],
            "kept_from_it": [
              "GITHUB_TOKEN"
            ]
          },
          "diagnostics": [],
          "exit_code": 0
        }
        "#);
    }

    #[test]
    fn what_did_not_work_is_told_as_far_as_it_is_known() {
        let failed = SignIn {
            principal: None,
            account: None,
            problems: vec![Diagnostic::error(Code::AzureCredential, "no token")],
            exit_code: 1,
            ..sample()
        };
        let told = text(&failed, &NARROW);
        assert!(told.contains("client secret: does not work") && !told.contains("principal"), "{told}");
        let document: Value = serde_json::from_str(&json(&failed)).unwrap();
        assert_eq!(
            (&document["signed_in"], &document["exit_code"], &document["principal"]),
            (&json!(false), &json!(1), &Value::Null)
        );
        assert!(!told.contains("hunter2") && !json(&failed).contains("hunter2"));
    }

    #[test]
    fn every_field_is_there_even_when_nothing_is_known() {
        let known: Value = serde_json::from_str(&json(&sample())).unwrap();
        let nothing: Value = serde_json::from_str(&json(&SignIn::default())).unwrap();
        let names = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&known), names(&nothing));
    }
}
