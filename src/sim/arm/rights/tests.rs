//! Stories of principals with fewer rights than the owner's.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::sim::arm::answer;
use crate::sim::effects::delays::Delays;

const S: &str = "00000000-0000-4000-8000-000000000001";
const T: &str = "00000000-0000-4000-8000-000000000002";
const OWNER: &str = "11111111-1111-4111-8111-111111111111";
const CI: &str = "22222222-2222-4222-8222-222222222222";

struct Story {
    world: World,
    now: Timestamp,
    delays: Delays,
}

impl Story {
    /// Two groups, one with a workspace; and somebody with these roles at these scopes.
    fn with(roles: &[(&str, &str)]) -> Self {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut story = Self { world: World::default(), now, delays: Delays::at_pace(1.0) };
        for namespace in ["Microsoft.Monitor", "Microsoft.ContainerService"] {
            story.ask(OWNER, "POST", &format!("/subscriptions/{S}/providers/{namespace}/register"), Value::Null);
        }
        story.now += SignedDuration::from_mins(10);
        for name in ["a", "b"] {
            assert_eq!(story.ask(OWNER, "PUT", &group(name), json!({"location": "westeurope"})).status, 201);
        }
        assert_eq!(story.ask(OWNER, "PUT", &workspace("a"), json!({"location": "westeurope"})).status, 201);
        story.now += SignedDuration::from_mins(10);
        for (role, scope) in roles {
            grant(&mut story.world, CI, roles::called(role).unwrap(), scope, story.now - SignedDuration::from_hours(1));
        }
        story
    }

    fn ask(&mut self, oid: &str, method: &str, path: &str, body: Value) -> Reply {
        let caller = Caller { oid: oid.into(), groups: Vec::new(), name: format!("app-{}", &oid[..4]) };
        let query = vec![("api-version".to_owned(), "2026-06-01".to_owned())];
        let call = Call { method: method.into(), path: path.into(), query, headers: Vec::new(), body, caller };
        let setting = Setting {
            base_url: "https://localhost:1",
            ca_pem: "",
            tenant: "t",
            owner: OWNER,
            subscription: if path.contains(T) { T } else { S },
            subscriptions: &[S.to_owned(), T.to_owned()],
            now: self.now,
            delays: &self.delays,
            pace: 1.0,
            recognise: &|_, _| None,
        };
        answer(&mut self.world, &setting, &call)
    }

    fn get(&mut self, path: &str) -> Reply {
        self.ask(CI, "GET", path, Value::Null)
    }

    /// Names of what a list shows to the one with fewer rights.
    fn names(&mut self, path: &str) -> Vec<String> {
        let reply = self.get(path);
        let body = reply.body.unwrap();
        let name = |row: &Value| row["name"].as_str().or_else(|| row["subscriptionId"].as_str()).unwrap().to_owned();
        body["value"].as_array().unwrap_or_else(|| panic!("{body}")).iter().map(name).collect()
    }
}

fn subscription() -> String {
    format!("/subscriptions/{S}")
}

fn group(name: &str) -> String {
    format!("/subscriptions/{S}/resourceGroups/{name}")
}

fn workspace(in_group: &str) -> String {
    format!("{}/providers/Microsoft.Monitor/accounts/work", group(in_group))
}

/// The action that was refused, and where.
fn denied(reply: &Reply) -> (String, String) {
    let error = &reply.body.as_ref().unwrap()["error"];
    assert_eq!((reply.status, &error["code"]), (403, &json!("AuthorizationFailed")), "{error}");
    let words: Vec<&str> = error["message"].as_str().unwrap().split('\'').collect();
    assert_eq!((words[1], words[3]), ("app-2222", CI), "{error}");
    (words[5].to_owned(), words[7].to_owned())
}

#[test]
fn a_reader_reads_and_is_told_what_it_may_not() {
    let mut story = Story::with(&[("Reader", &subscription())]);
    assert_eq!(story.get(&workspace("a")).status, 200);
    let refused = story.ask(CI, "PUT", &workspace("b"), json!({"location": "westeurope"}));
    let message = refused.body.as_ref().unwrap()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(
        message,
        format!(
            "The client 'app-2222' with object id '{CI}' does not have authorization to perform action 'Microsoft.Monitor/accounts/write' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            workspace("b")
        )
    );
    let cases = [
        ("DELETE", workspace("a"), "Microsoft.Monitor/accounts/delete"),
        ("PATCH", workspace("a"), "Microsoft.Monitor/accounts/write"),
        ("PUT", group("c"), "Microsoft.Resources/subscriptions/resourcegroups/write"),
        ("POST", format!("{}/providers/Microsoft.Dashboard/register", subscription()), "Microsoft.Dashboard/register/action"),
        (
            "PUT",
            format!("{}/providers/Microsoft.Authorization/roleAssignments/{CI}", workspace("a")),
            "Microsoft.Authorization/roleAssignments/write",
        ),
        (
            "POST",
            format!("{}/providers/Microsoft.ContainerService/managedClusters/c/listClusterUserCredential", group("a")),
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ),
    ];
    let before = serde_json::to_string(&story.world.resources).unwrap();
    for (method, path, action) in cases {
        assert_eq!(denied(&story.ask(CI, method, &path, json!({"location": "westeurope"}))).0, action);
    }
    assert_eq!(serde_json::to_string(&story.world.resources).unwrap(), before, "who was refused changed something");
}

#[test]
fn a_contributor_makes_everything_but_assignments() {
    let mut story = Story::with(&[("Contributor", &group("a"))]);
    let cluster = format!("{}/providers/Microsoft.ContainerService/managedClusters/c", group("a"));
    let body = json!({"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "c",
        "networkProfile": {"networkPlugin": "azure"}, "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 2}]}});
    assert_eq!(story.ask(CI, "PUT", &cluster, body).status, 201);
    let assignment = format!("{}/providers/Microsoft.Authorization/roleAssignments/{CI}", workspace("a"));
    let (action, scope) = denied(&story.ask(CI, "PUT", &assignment, json!({"properties": {}})));
    assert_eq!((action.as_str(), scope), ("Microsoft.Authorization/roleAssignments/write", assignment));
    // The rights end where the group ends.
    assert_eq!(denied(&story.get(&workspace("b"))).0, "Microsoft.Monitor/accounts/read");
    let register = format!("{}/providers/Microsoft.Monitor/register", subscription());
    assert_eq!(denied(&story.ask(CI, "POST", &register, Value::Null)).1, subscription());
}

#[test]
fn lists_show_what_may_be_read() {
    let mut story = Story::with(&[("Reader", &group("a"))]);
    assert_eq!(story.names("/subscriptions"), [S]);
    assert_eq!(story.names(&format!("{}/resourcegroups", subscription())), ["a"]);
    let workspaces = format!("{}/providers/Microsoft.Monitor/accounts", subscription());
    assert_eq!(story.names(&workspaces), ["work"]);
    assert_eq!(story.get(&subscription()).status, 200, "the subscription of something that one may read is seen");
    assert_eq!(denied(&story.get(&format!("/subscriptions/{T}"))).0, "Microsoft.Resources/subscriptions/read");
    let query = |text: &str| json!({"query": text, "subscriptions": [S, T]});
    let graph = "/providers/Microsoft.ResourceGraph/resources";
    story.now += SignedDuration::from_mins(1);
    story.ask(OWNER, "PUT", &workspace("b"), json!({"location": "westeurope"}));
    story.now += SignedDuration::from_mins(1);
    let rows = |reply: &Reply| reply.body.as_ref().unwrap()["totalRecords"].as_u64().unwrap();
    assert_eq!(rows(&story.ask(CI, "POST", graph, query("Resources | where type =~ 'microsoft.monitor/accounts'"))), 1);
    assert_eq!(rows(&story.ask(OWNER, "POST", graph, query("Resources | where type =~ 'microsoft.monitor/accounts'"))), 2);
    assert_eq!(
        story.ask("nobody-known", "POST", graph, query("Resources | where type =~ 'microsoft.monitor/accounts'")).status,
        403
    );
}

#[test]
fn rights_add_up_and_each_role_takes_away_from_its_own_only() {
    let both = [("Contributor", subscription()), ("Role Based Access Control Administrator", workspace("a"))];
    let mut story = Story::with(&both.each_ref().map(|(role, scope)| (*role, scope.as_str())));
    let permissions = |scope: &str| format!("{scope}/providers/Microsoft.Authorization/permissions");
    let told = story.get(&permissions(&workspace("a"))).body.unwrap();
    let actions: Vec<&Value> = told["value"].as_array().unwrap().iter().map(|entry| &entry["actions"]).collect();
    assert!(actions.contains(&&json!(["*"])) && actions.len() == 2, "{told}");
    assert_eq!(told["nextLink"], Value::Null);
    assert_eq!(story.get(&permissions(&group("b"))).body.unwrap()["value"].as_array().unwrap().len(), 1);
    assert_eq!(story.get(&permissions(&group("c"))).status, 404);
    let assignment = |scope: &str, name: &str| format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let body = json!({"properties": {"principalId": OWNER, "principalType": "ServicePrincipal",
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", roles::OWNER.guid)}});
    assert_eq!(story.ask(CI, "PUT", &assignment(&workspace("a"), CI), body.clone()).status, 201);
    denied(&story.ask(CI, "PUT", &assignment(&group("b"), OWNER), body));
}

#[test]
fn what_was_just_granted_takes_its_time_and_what_was_taken_away_is_gone() {
    let mut story = Story::with(&[]);
    denied(&story.get(&workspace("a")));
    let assignment = format!("{}/providers/Microsoft.Authorization/roleAssignments/{CI}", group("a"));
    let reader = roles::called("Reader").unwrap().guid;
    let body = json!({"properties": {"principalId": CI, "principalType": "ServicePrincipal",
        "roleDefinitionId": format!("/subscriptions/{S}/providers/Microsoft.Authorization/roleDefinitions/{reader}")}});
    assert_eq!(story.ask(OWNER, "PUT", &assignment, body).status, 201);
    denied(&story.get(&workspace("a")));
    story.now += SignedDuration::from_mins(10);
    assert_eq!(story.get(&workspace("a")).status, 200);
    assert_eq!(story.ask(OWNER, "DELETE", &assignment, Value::Null).status, 200);
    denied(&story.get(&workspace("a")));
}

#[test]
fn role_definitions_are_told_by_name_and_by_guid() {
    let mut story = Story::with(&[("Reader", &subscription())]);
    let all = format!("{}/providers/Microsoft.Authorization/roleDefinitions", subscription());
    assert_eq!(story.names(&all).len(), roles::ALL.len());
    assert!(definitions(Some("roleName eq 'contributor'")).body.unwrap()["value"][0]["properties"]["roleName"] == "Contributor");
    let one = story.get(&format!("{all}/{}", roles::OWNER.guid)).body.unwrap();
    assert_eq!(one["properties"]["permissions"][0]["actions"], json!(["*"]));
    assert_eq!(story.get(&format!("{all}/{CI}")).status, 404);
}
