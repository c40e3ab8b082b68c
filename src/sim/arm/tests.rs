//! Stories: what ARM makes of requests, one after the other, as time passes.

use jiff::SignedDuration;
use serde_json::json;

use super::*;

const S: &str = "00000000-0000-4000-8000-000000000001";

const OTHER: &str = "00000000-0000-4000-8000-000000000002";

/// A subscription and its time.
struct Story {
    world: World,
    now: Timestamp,
    delays: Delays,
}

impl Story {
    fn begin() -> Self {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        Self { world: World::default(), now, delays: Delays::at_pace(1.0) }
    }

    /// With everything registered and a group to work in.
    fn prepared() -> Self {
        let mut story = Self::begin();
        for namespace in [
            "Microsoft.ContainerService",
            "Microsoft.Monitor",
            "Microsoft.Dashboard",
            "microsoft.insights",
            "Microsoft.AlertsManagement",
        ] {
            story.ask("POST", &format!("/subscriptions/{S}/providers/{namespace}/register"), Value::Null);
        }
        story.pass(600);
        assert_eq!(story.ask("PUT", &group(), json!({"location": "West Europe"})).status, 201);
        story
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn ask(&mut self, method: &str, path: &str, body: Value) -> Reply {
        self.ask_with(method, path, body, "2026-06-01", &[])
    }

    fn ask_with(&mut self, method: &str, path: &str, body: Value, version: &str, headers: &[(&str, &str)]) -> Reply {
        let (path, asked) = path.split_once('?').unwrap_or((path, ""));
        let caller = Caller { oid: "11111111-1111-4111-8111-111111111111".into(), groups: Vec::new(), name: "me".into() };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut query = vec![("api-version".to_owned(), version.to_owned())];
        query.extend(url::form_urlencoded::parse(asked.as_bytes()).into_owned());
        let call = Call { method: method.into(), path: path.into(), query, headers, body, caller };
        let setting = Setting {
            base_url: "https://localhost:1",
            ca_pem: "",
            tenant: "t",
            owner: "11111111-1111-4111-8111-111111111111",
            subscription: if path.contains(OTHER) { OTHER } else { S },
            subscriptions: &[S.to_owned(), OTHER.to_owned()],
            now: self.now,
            delays: &self.delays,
            pace: 1.0,
            recognise: &|_, _| None,
        };
        answer(&mut self.world, &setting, &call)
    }

    fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, Value::Null).body.unwrap_or_default()
    }
}

fn code(reply: &Reply) -> (u16, String) {
    let code = reply.body.as_ref().and_then(|body| body.pointer("/error/code")?.as_str().map(str::to_owned));
    (reply.status, code.unwrap_or_default())
}

fn refused(reply: &Reply, status: u16, expected: &str) {
    assert_eq!(code(reply), (status, expected.to_owned()), "{:?}", reply.body);
}

fn group() -> String {
    format!("/subscriptions/{S}/resourceGroups/rg")
}

fn id(of_type: &str, name: &str) -> String {
    format!("{}/providers/{of_type}/{name}", group())
}

fn cluster() -> String {
    id("Microsoft.ContainerService/managedClusters", "c")
}

fn cluster_body() -> Value {
    json!({"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "c",
        "networkProfile": {"networkPlugin": "azure", "networkDataplane": "cilium", "advancedNetworking": {"enabled": true, "observability": {"enabled": true}}},
        "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 2}]}})
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_not_registered() {
    let mut story = Story::begin();
    story.ask("PUT", &group(), json!({"location": "westeurope"}));
    let put = |story: &mut Story| story.ask("PUT", &id("Microsoft.Monitor/accounts", "amw1"), json!({"location": "westeurope"}));
    refused(&put(&mut story), 409, "MissingSubscriptionRegistration");
    let provider = format!("/subscriptions/{S}/providers/microsoft.monitor");
    story.ask("POST", &format!("{provider}/register"), Value::Null);
    assert_eq!(story.get(&provider)["registrationState"], "Registering");
    refused(&put(&mut story), 409, "MissingSubscriptionRegistration");
    story.pass(61);
    assert_eq!(story.get(&provider)["registrationState"], "Registered");
    assert_eq!(put(&mut story).status, 201);
}

#[test]
fn a_cluster_takes_its_time_and_one_operation_at_a_time() {
    let mut story = Story::prepared();
    let made = story.ask("PUT", &cluster(), cluster_body());
    assert_eq!(made.status, 201);
    let header = |name: &str| made.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
    let poll = header("azure-asyncoperation");
    let poll = poll.strip_prefix("https://localhost:1").unwrap().split('?').next().unwrap().to_owned();
    assert_eq!(story.get(&poll)["status"], "InProgress");
    assert_eq!(story.get(&cluster())["properties"]["provisioningState"], "Creating");
    refused(&story.ask("PUT", &cluster(), cluster_body()), 409, "OperationNotAllowed");
    story.pass(241);
    assert_eq!(story.get(&poll)["status"], "Succeeded");
    let body = story.get(&cluster());
    assert_eq!(body["properties"]["provisioningState"], "Succeeded");
    assert!(body["identity"]["principalId"].is_string() && body["properties"]["fqdn"].is_string(), "{body}");
}

#[test]
fn whoever_wrote_in_between_is_noticed() {
    let mut story = Story::prepared();
    story.ask("PUT", &cluster(), cluster_body());
    story.pass(300);
    let etag = story.get(&cluster())["eTag"].as_str().unwrap().to_owned();
    let quoted = format!("\"{etag}\"");
    let write = |story: &mut Story| story.ask_with("PUT", &cluster(), cluster_body(), "2026-06-01", &[("if-match", &quoted)]);
    assert_eq!(write(&mut story).status, 200);
    story.pass(300);
    refused(&write(&mut story), 412, "EtagMismatch");
}

#[test]
fn what_an_older_version_does_not_know_it_neither_shows_nor_drops() {
    let mut story = Story::prepared();
    let mut body = cluster_body();
    body["properties"]["azureMonitorProfile"] = json!({"metrics": {"enabled": true, "controlPlane": {"enabled": true}}});
    story.ask("PUT", &cluster(), body);
    story.pass(300);
    let old = story.ask_with("GET", &cluster(), Value::Null, "2025-10-01", &[]).body.unwrap();
    assert_eq!(old["properties"]["azureMonitorProfile"], json!({"metrics": {"enabled": true}}));
    assert_eq!(story.ask_with("PUT", &cluster(), old, "2025-10-01", &[]).status, 200);
    story.pass(300);
    assert_eq!(story.get(&cluster())["properties"]["azureMonitorProfile"]["metrics"]["controlPlane"]["enabled"], true);
    // A newer client that leaves it out drops it.
    let mut new = story.get(&cluster());
    new["properties"]["azureMonitorProfile"] = json!({"metrics": {"enabled": true}});
    story.ask("PUT", &cluster(), new);
    story.pass(300);
    assert!(story.get(&cluster())["properties"]["azureMonitorProfile"]["metrics"]["controlPlane"].is_null());
}

#[test]
fn clusters_that_cannot_be_are_refused() {
    let mut story = Story::prepared();
    let mut with = |change: fn(&mut Value)| {
        let mut body = cluster_body();
        change(&mut body["properties"]);
        code(&story.ask("PUT", &cluster(), body)).1
    };
    assert_eq!(with(|p| p["agentPoolProfiles"] = json!([])), "InvalidParameter");
    assert_eq!(with(|p| p["agentPoolProfiles"][0]["mode"] = json!("User")), "InvalidParameter");
    assert_eq!(with(|p| p["kubernetesVersion"] = json!("1.20")), "AgentPoolK8sVersionNotSupported");
    assert_eq!(
        with(|p| p["networkProfile"]["advancedNetworking"]["security"] =
            json!({"enabled": false, "advancedNetworkPolicies": "L7"})),
        "BadRequest"
    );
    let security = |p: &mut Value| {
        p["networkProfile"]["networkDataplane"] = json!("azure");
        p["networkProfile"]["advancedNetworking"]["security"] = json!({"enabled": true});
    };
    assert_eq!(with(security), "BadRequest");
}

#[test]
fn a_workspace_has_an_address_and_a_side_group_that_goes_with_it() {
    let mut story = Story::prepared();
    let workspace = id("Microsoft.Monitor/accounts", "amw1");
    let body = story.ask("PUT", &workspace, json!({"location": "westeurope", "properties": {}})).body.unwrap();
    assert!(
        body["properties"]["metrics"]["prometheusQueryEndpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://localhost:1/prometheus/amw1-")
    );
    let rule = body["properties"]["defaultIngestionSettings"]["dataCollectionRuleResourceId"].as_str().unwrap().to_owned();
    assert_eq!(story.ask("GET", &rule, Value::Null).status, 200);
    assert_eq!(story.ask("DELETE", &workspace, Value::Null).status, 202);
    story.pass(60);
    refused(&story.ask("GET", &workspace, Value::Null), 404, "ResourceNotFound");
    assert_eq!(story.ask("GET", &rule, Value::Null).status, 404);
}

#[test]
fn a_grafana_has_an_identity_only_while_it_is_wished_for() {
    let mut story = Story::prepared();
    let grafana = id("Microsoft.Dashboard/grafana", "amg1");
    let body = json!({"location": "westeurope", "sku": {"name": "Standard"}, "identity": {"type": "SystemAssigned"}, "properties": {"grafanaMajorVersion": "12"}});
    assert_eq!(story.ask("PUT", &grafana, body).status, 201);
    story.pass(200);
    let first = story.get(&grafana)["identity"]["principalId"].clone();
    assert!(first.is_string());
    story.ask("PATCH", &grafana, json!({"identity": {"type": "None"}}));
    story.pass(60);
    assert!(story.get(&grafana)["identity"]["principalId"].is_null());
    story.ask("PATCH", &grafana, json!({"identity": {"type": "SystemAssigned"}}));
    story.pass(60);
    assert_ne!(story.get(&grafana)["identity"]["principalId"], first, "a new identity is a new principal");
    refused(&story.ask("PUT", &id("Microsoft.Dashboard/grafana", "1bad-"), json!({"location": "x"})), 400, "InvalidResourceName");
}

#[test]
fn a_role_is_assigned_once_under_one_name() {
    let mut story = Story::prepared();
    let at = |name: &str| format!("/subscriptions/{S}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let (one, two) = ("22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333");
    let body = |principal: &str, kind: Option<&str>| json!({"properties": {"roleDefinitionId": "/x/roleDefinitions/R", "principalId": principal, "principalType": kind}});
    let stranger = "44444444-4444-4444-8444-444444444444";
    refused(&story.ask("PUT", &at(one), body(stranger, None)), 400, "PrincipalNotFound");
    assert_eq!(story.ask("PUT", &at(one), body(stranger, Some("User"))).status, 201);
    assert_eq!(story.ask("PUT", &at(one), body(stranger, Some("User"))).status, 200);
    refused(&story.ask("PUT", &at(two), body(stranger, Some("User"))), 409, "RoleAssignmentExists");
    refused(
        &story.ask("PUT", &at(one), body("55555555-5555-4555-8555-555555555555", Some("User"))),
        400,
        "RoleAssignmentUpdateNotPermitted",
    );
    refused(&story.ask("PUT", &at("no-guid"), body(stranger, Some("User"))), 400, "InvalidRoleAssignmentId");
}

#[test]
fn a_role_above_the_subscription_is_listed_below() {
    let mut story = Story::prepared();
    let stranger = "44444444-4444-4444-8444-444444444444";
    let body =
        json!({"properties": {"roleDefinitionId": "/x/roleDefinitions/R", "principalId": stranger, "principalType": "User"}});
    let scopes = ["", "/providers/Microsoft.Management/managementGroups/t"];
    for (number, scope) in scopes.into_iter().enumerate() {
        let id = format!("{scope}/providers/microsoft.authorization/roleassignments/2222222{number}-2222-4222-8222-222222222222");
        let made = story.ask("PUT", &id, body.clone());
        assert_eq!(made.status, 201, "{made:?}");
    }
    let asked = format!("{}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId eq '{stranger}'", group());
    let listed = story.get(&asked)["value"].as_array().unwrap().clone();
    let at: Vec<&str> = listed.iter().map(|one| one["properties"]["scope"].as_str().unwrap()).collect();
    assert_eq!(at, ["/", scopes[1]]);
    let nowhere = "/providers/Microsoft.Management/managementGroups/none/providers/Microsoft.Authorization/roleAssignments";
    let id = format!("{nowhere}/22222229-2222-4222-8222-222222222222");
    refused(&story.ask("PUT", &id, body), 404, "ParentResourceNotFound");
}

#[test]
fn rules_and_associations_need_what_they_point_at() {
    let mut story = Story::prepared();
    let (rule, endpoint) =
        (id("Microsoft.Insights/dataCollectionRules", "r"), id("Microsoft.Insights/dataCollectionEndpoints", "dce"));
    let workspace = id("Microsoft.Monitor/accounts", "amw1");
    let body = json!({"location": "westeurope", "properties": {"dataCollectionEndpointId": endpoint,
        "destinations": {"monitoringAccounts": [{"accountResourceId": workspace, "name": "m"}]},
        "dataFlows": [{"streams": ["Microsoft-PrometheusMetrics"], "destinations": ["m"]}]}});
    refused(&story.ask("PUT", &rule, body.clone()), 400, "InvalidPayload");
    assert_eq!(story.ask("PUT", &endpoint, json!({"location": "westeurope"})).status, 201);
    refused(&story.ask("PUT", &rule, body.clone()), 400, "InvalidDestination");
    story.ask("PUT", &workspace, json!({"location": "westeurope"}));
    assert_eq!(story.ask("PUT", &rule, body).status, 201);
    let association = format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a", cluster());
    let points = json!({"properties": {"dataCollectionRuleId": rule}});
    refused(&story.ask("PUT", &association, points.clone()), 404, "ParentResourceNotFound");
    story.ask("PUT", &cluster(), cluster_body());
    story.pass(300);
    assert_eq!(story.ask("PUT", &association, points).status, 201);
    let listed = story.get(association.trim_end_matches("/a"));
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
}

/// A workspace, an endpoint, a rule and a cluster that is associated with it: rule and association.
fn chained(story: &mut Story) -> (String, String) {
    let (rule, endpoint) =
        (id("Microsoft.Insights/dataCollectionRules", "r"), id("Microsoft.Insights/dataCollectionEndpoints", "dce"));
    let workspace = id("Microsoft.Monitor/accounts", "amw1");
    story.ask("PUT", &endpoint, json!({"location": "westeurope"}));
    story.ask("PUT", &workspace, json!({"location": "westeurope"}));
    let body = json!({"location": "westeurope", "properties": {"dataCollectionEndpointId": endpoint,
        "destinations": {"monitoringAccounts": [{"accountResourceId": workspace, "name": "m"}]},
        "dataFlows": [{"streams": ["Microsoft-PrometheusMetrics"], "destinations": ["m"]}]}});
    assert_eq!(story.ask("PUT", &rule, body).status, 201);
    story.ask("PUT", &cluster(), cluster_body());
    story.pass(300);
    let association = format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a", cluster());
    assert_eq!(story.ask("PUT", &association, json!({"properties": {"dataCollectionRuleId": rule}})).status, 201);
    (rule, association)
}

#[test]
fn a_rule_is_kept_by_its_associations() {
    let mut story = Story::prepared();
    let (rule, association) = chained(&mut story);
    refused(&story.ask("DELETE", &rule, Value::Null), 409, "Conflict");
    assert_eq!(story.ask("DELETE", &association, Value::Null).status, 200);
    assert_eq!(story.ask("DELETE", &association, Value::Null).status, 204);
    assert_eq!(story.ask("DELETE", &rule, Value::Null).status, 200);
    assert_eq!(story.ask("DELETE", &rule, Value::Null).status, 204);
    let (rule, association) = chained(&mut story);
    assert_eq!(story.ask("DELETE", &format!("{rule}?deleteAssociations=true"), Value::Null).status, 200);
    refused(&story.ask("GET", &association, Value::Null), 404, "ResourceNotFound");
}

#[test]
fn what_hangs_on_a_cluster_goes_with_it() {
    let mut story = Story::prepared();
    let (rule, association) = chained(&mut story);
    assert_eq!(story.ask("DELETE", &cluster(), Value::Null).status, 202);
    refused(&story.ask("DELETE", &cluster(), Value::Null), 409, "OperationNotAllowed");
    story.pass(200);
    refused(&story.ask("GET", &association, Value::Null), 404, "ResourceNotFound");
    assert_eq!(story.ask("GET", &rule, Value::Null).status, 200, "the rule is nobody's child");
}

#[test]
fn every_kind_goes_and_is_gone() {
    let mut story = Story::prepared();
    let grafana = id("Microsoft.Dashboard/grafana", "amg1");
    story.ask("PUT", &grafana, json!({"location": "westeurope", "properties": {}}));
    let rules = id("Microsoft.AlertsManagement/prometheusRuleGroups", "rules");
    let body = json!({"location": "westeurope", "properties": {"scopes": ["/x"], "rules": [{"record": "a", "expression": "b"}]}});
    assert_eq!(story.ask("PUT", &rules, body).status, 201);
    let role =
        format!("/subscriptions/{S}/providers/Microsoft.Authorization/roleAssignments/22222222-2222-4222-8222-222222222222");
    let body = json!({"properties": {"roleDefinitionId": "/x/R", "principalId": "44444444-4444-4444-8444-444444444444", "principalType": "User"}});
    assert_eq!(story.ask("PUT", &role, body).status, 201);
    story.pass(300);
    for (resource, first) in [(&grafana, 202), (&rules, 200), (&role, 200)] {
        assert_eq!(story.ask("DELETE", resource, Value::Null).status, first, "{resource}");
        story.pass(300);
        assert_eq!(story.ask("GET", resource, Value::Null).status, 404, "{resource}");
        assert_eq!(story.ask("DELETE", resource, Value::Null).status, 204, "{resource}");
    }
}

#[test]
fn an_endpoint_is_associated_under_its_one_name() {
    let mut story = Story::prepared();
    chained(&mut story);
    let at = |name: &str| format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{name}", cluster());
    let body = || json!({"properties": {"dataCollectionEndpointId": id("Microsoft.Insights/dataCollectionEndpoints", "dce")}});
    refused(&story.ask("PUT", &at("b"), body()), 400, "InvalidEndpointAssociationName");
    assert_eq!(story.ask("PUT", &at("configurationAccessEndpoint"), body()).status, 201);
}

#[test]
fn subscriptions_are_worlds_of_their_own() {
    let mut story = Story::prepared();
    let other = format!("/subscriptions/{OTHER}");
    let listed = story.get("/subscriptions");
    let ids: Vec<&str> = listed["value"].as_array().unwrap().iter().map(|one| one["subscriptionId"].as_str().unwrap()).collect();
    assert_eq!(ids, [S, OTHER]);
    assert_eq!(story.get(&format!("{other}/providers/Microsoft.Monitor"))["registrationState"], "NotRegistered");
    assert_eq!(story.get(&format!("{other}/resourcegroups"))["value"], json!([]));
    assert_eq!(story.ask("PUT", &format!("{other}/resourceGroups/rg"), json!({"location": "eastus"})).status, 201);
    assert_eq!(story.get(&group())["location"], "westeurope");
    assert_eq!(story.get(&format!("/subscriptions/{S}/resourcegroups"))["value"].as_array().unwrap().len(), 1);
}

#[test]
fn the_log_tells_who_changed_what_after_a_while() {
    let mut story = Story::prepared();
    let log = |filter: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("$filter", filter).finish();
        format!("/subscriptions/{S}/providers/Microsoft.Insights/eventtypes/management/values?{query}")
    };
    story.pass(1);
    let since = format!("eventTimestamp ge '{}'", story.now);
    let workspace = id("Microsoft.Monitor/accounts", "amw1");
    let correlation = [("x-ms-correlation-request-id", "77777777-7777-4777-8777-777777777777")];
    story.ask_with("PUT", &workspace, json!({"location": "westeurope"}), "2023-04-03", &correlation);
    story.ask("PUT", &format!("/subscriptions/{OTHER}/resourceGroups/rg"), json!({"location": "eastus"}));
    story.ask("POST", &format!("/subscriptions/{S}/providers/Microsoft.Network/register"), Value::Null);
    story.ask("PUT", &cluster(), json!({}));
    let count = |story: &mut Story, filter: &str| story.get(&log(&format!("{since}{filter}")))["value"].as_array().unwrap().len();
    assert_eq!(count(&mut story, ""), 0, "entries come late");
    story.pass(120);
    assert_eq!(count(&mut story, ""), 3, "and those of another subscription not at all");
    assert_eq!(count(&mut story, &format!(" and resourceUri eq '{}'", workspace.to_uppercase())), 1);
    assert_eq!(count(&mut story, " and resourceGroupName eq 'RG'"), 2);
    assert_eq!(count(&mut story, " and resourceProvider eq 'microsoft.network'"), 1);
    assert_eq!(count(&mut story, " and correlationId eq '77777777-7777-4777-8777-777777777777'"), 1);
    let found = story.get(&log(&format!("{since} and resourceProvider eq 'Microsoft.Monitor'")))["value"][0].clone();
    assert_eq!(found["operationName"]["value"], "Microsoft.Monitor/accounts/write");
    assert_eq!(
        (&found["caller"], &found["status"]["value"]),
        (&json!("11111111-1111-4111-8111-111111111111"), &json!("Succeeded"))
    );
    assert_eq!((&found["httpRequest"]["method"], &found["resourceGroupName"]), (&json!("PUT"), &json!("rg")));
    let failed = story.get(&log(&format!("{since} and resourceProvider eq 'Microsoft.ContainerService'")))["value"][0].clone();
    assert_eq!((&failed["status"]["value"], &failed["level"]), (&json!("Failed"), &json!("Error")));
    refused(&story.ask("GET", &log("resourceGroupName eq 'rg'"), Value::Null), 400, "BadRequest");
}

#[test]
fn a_long_log_has_pages() {
    let mut story = Story::prepared();
    let since = story.now;
    story.pass(1);
    for _ in 0..250 {
        story.ask("PATCH", &group(), json!({"tags": {}}));
    }
    story.pass(120);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("$filter", &format!("eventTimestamp ge '{since}'"))
        .finish();
    let path = format!("/subscriptions/{S}/providers/Microsoft.Insights/eventtypes/management/values?{query}");
    let first = story.get(&path);
    assert_eq!(first["value"].as_array().unwrap().len(), 200);
    let next = first["nextLink"].as_str().unwrap().strip_prefix("https://localhost:1").unwrap().to_owned();
    let second = story.get(&next);
    assert!(second["value"].as_array().unwrap().len() >= 50 && second.get("nextLink").is_none());
}

#[test]
fn a_group_goes_with_everything_in_it() {
    let mut story = Story::prepared();
    story.ask("PUT", &cluster(), cluster_body());
    story.pass(300);
    assert_eq!(story.ask("DELETE", &group(), Value::Null).status, 202);
    refused(
        &story.ask("PUT", &id("Microsoft.Monitor/accounts", "amw1"), json!({"location": "westeurope"})),
        409,
        "ResourceGroupBeingDeleted",
    );
    story.pass(90);
    refused(&story.ask("GET", &cluster(), Value::Null), 404, "ResourceNotFound");
    refused(&story.ask("GET", &group(), Value::Null), 404, "ResourceGroupNotFound");
}

#[test]
fn requests_that_are_none_are_refused_as_arm_does() {
    let mut story = Story::prepared();
    refused(&story.ask_with("GET", &group(), Value::Null, "", &[]), 400, "MissingApiVersionParameter");
    refused(&story.ask_with("GET", &group(), Value::Null, "yesterday", &[]), 400, "InvalidApiVersionParameter");
    refused(&story.ask("GET", "/subscriptions/other/resourceGroups/rg", Value::Null), 404, "SubscriptionNotFound");
    refused(
        &story.ask("PUT", &id("Microsoft.Unknown/things", "x"), json!({"location": "x"})),
        409,
        "MissingSubscriptionRegistration",
    );
    refused(&story.ask("PUT", &cluster(), json!([1])), 400, "InvalidRequestContent");
    refused(&story.ask("PUT", &cluster(), json!({})), 400, "LocationRequired");
    refused(&story.ask("PATCH", &cluster(), json!({})), 404, "ResourceNotFound");
    story.ask("PUT", &cluster(), cluster_body());
    story.pass(300);
    refused(&story.ask("PATCH", &cluster(), json!({"properties": {}})), 400, "InvalidRequestContent");
    let mut moved = cluster_body();
    moved["location"] = json!("eastus");
    refused(&story.ask("PUT", &cluster(), moved), 409, "InvalidResourceLocation");
}
