//! Queries against a small world.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::sim::effects::access::Caller;
use crate::sim::effects::delays::Delays;

const S: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const T: &str = "aaaaaaaa-0000-4000-8000-000000000002";

struct Rig {
    world: World,
    now: Timestamp,
    delays: Delays,
}

fn cluster(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/Rg/providers/Microsoft.ContainerService/managedClusters/{name}")
}

impl Rig {
    /// Two clusters in the first subscription, one in the second; an association, a role and a child that is no row.
    fn new() -> Self {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut rig = Self { world: World::default(), now, delays: Delays::at_pace(1.0) };
        for (subscription, name, pods) in [(S, "C1", "10.0.0.0/16"), (S, "c2", "10.1.0.0/16"), (T, "c3", "10.2.0.0/16")] {
            let id = cluster(subscription, name);
            let group = id.split("/providers/").next().unwrap().to_owned();
            rig.put(&group, json!({"id": group, "name": "Rg", "location": "westeurope", "properties": {}}));
            let body = json!({"id": id, "name": name, "location": "westeurope", "eTag": "1", "tags": {"Team": "Net"},
                "properties": {"networkProfile": {"podCidr": pods}, "azureMonitorProfile": {"metrics": {"enabled": name != "c2"}}}});
            rig.put(&id, body);
        }
        let association = format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a", cluster(S, "C1"));
        rig.put(&association, json!({"id": association, "name": "a", "properties": {"dataCollectionRuleId": "/x"}}));
        let role = format!("/subscriptions/{S}/providers/Microsoft.Authorization/roleAssignments/g");
        rig.put(&role, json!({"id": role, "name": "g", "properties": {"principalId": "p"}}));
        rig.world.resources.date(rig.now, rig.delays.graph);
        rig.pass(60);
        rig
    }

    fn put(&mut self, id: &str, body: Value) {
        self.world.resources.insert(id.to_ascii_lowercase(), body);
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn send(&mut self, body: Value) -> Reply {
        let caller = Caller { oid: "me".into(), groups: Vec::new(), name: "me".into() };
        let query = vec![("api-version".to_owned(), "2024-04-01".to_owned())];
        let path = "/providers/Microsoft.ResourceGraph/resources".to_owned();
        let call = Call { method: "POST".into(), path, query, headers: Vec::new(), body, caller };
        let setting = Setting {
            base_url: "https://localhost:1",
            ca_pem: "",
            tenant: "t",
            owner: "me",
            subscription: S,
            subscriptions: &[S.to_owned(), T.to_owned()],
            now: self.now,
            delays: &self.delays,
            pace: 1.0,
            recognise: &|_, _| None,
        };
        crate::sim::arm::answer(&mut self.world, &setting, &call)
    }

    /// Every query a window later: quotas have a test of their own.
    fn ask(&mut self, query: &str, options: Value) -> Value {
        self.pass(5);
        let mut body = json!({"subscriptions": [S, T], "query": query});
        body["options"] = options;
        self.send(body).body.unwrap()
    }

    fn data(&mut self, query: &str) -> Value {
        self.ask(query, json!({}))["data"].take()
    }

    fn names(&mut self, test: &str) -> Vec<String> {
        let data = self.data(&format!("resources | where {test} | project name | order by name asc"));
        data.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_row_tells_what_azure_tells() {
    let mut rig = Rig::new();
    let rows = rig.data("resources | where name == 'C1'");
    insta::assert_snapshot!(rows[0], @r#"{"id":"/subscriptions/aaaaaaaa-0000-4000-8000-000000000001/resourceGroups/Rg/providers/Microsoft.ContainerService/managedClusters/C1","name":"C1","type":"microsoft.containerservice/managedclusters","tenantId":"t","kind":"","location":"westeurope","resourceGroup":"rg","subscriptionId":"aaaaaaaa-0000-4000-8000-000000000001","managedBy":"","sku":null,"plan":null,"properties":{"networkProfile":{"podCidr":"10.0.0.0/16"},"azureMonitorProfile":{"metrics":{"enabled":true}}},"tags":{"Team":"Net"},"identity":null,"zones":null,"extendedLocation":null}"#);
}

#[test]
fn every_table_has_its_own_rows() {
    let mut rig = Rig::new();
    let mut types = |table: &str| -> Vec<String> {
        let data = rig.data(&format!("{table} | project type"));
        data.as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types("Resources"), ["microsoft.containerservice/managedclusters"; 3]);
    assert_eq!(types("authorizationresources"), ["microsoft.authorization/roleassignments"]);
    assert_eq!(types("insightsresources"), ["microsoft.insights/datacollectionruleassociations"]);
    assert_eq!(types("policyresources"), [""; 0]);
    let (subscription, group) = ("microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups");
    assert_eq!(types("resourcecontainers"), [subscription, group, subscription, group]);
}

#[test]
fn roles_above_the_subscriptions_are_told_to_whoever_asks_for_them() {
    let mut rig = Rig::new();
    for scope in ["", "/providers/Microsoft.Management/managementGroups/t"] {
        let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/above");
        rig.put(&id, json!({"id": id, "name": "above", "properties": {"principalId": "p", "scope": if scope.is_empty() { "/" } else { scope }}}));
    }
    rig.world.resources.date(rig.now, rig.delays.graph);
    rig.pass(60);
    let mut rows = |options: Value| {
        let query = "authorizationresources | project id, subscriptionId, resourceGroup";
        rig.send(json!({"query": query, "options": options})).body.unwrap()["data"].as_array().unwrap().clone()
    };
    assert_eq!(rows(json!({})).len(), 1);
    let all = rows(json!({"authorizationScopeFilter": "AtScopeAboveAndBelow"}));
    let below = |row: &&Value| row["subscriptionId"] != "";
    assert_eq!((all.len(), all.iter().filter(below).count()), (3, 1), "{all:?}");
    assert!(all.iter().all(|row| row["resourceGroup"] == ""), "{all:?}");
}

#[test]
fn filters_choose() {
    let mut rig = Rig::new();
    assert_eq!(rig.names("type =~ 'Microsoft.ContainerService/managedClusters'").len(), 3);
    assert_eq!(rig.names("type == 'Microsoft.ContainerService/managedClusters'").len(), 0, "types are lower-case");
    assert_eq!(rig.names("name in ('c1', 'c2')"), ["c2"]);
    assert_eq!(rig.names("name in~ ('c1', 'c2')"), ["C1", "c2"]);
    assert_eq!(rig.names("name !in~ ('c1') and subscriptionId == 'aaaaaaaa-0000-4000-8000-000000000001'"), ["c2"]);
    assert_eq!(rig.names("properties.azureMonitorProfile.metrics.enabled == true"), ["C1", "c3"]);
    assert_eq!(rig.names("properties.AzureMonitorProfile.metrics.enabled == true"), [""; 0], "the case of a property counts");
    assert_eq!(rig.names("not(name startswith 'C') or (name contains '2' and isnotempty(tags['Team']))"), ["c2"]);
    assert_eq!(rig.names("properties.networkProfile.podCidr has '2' and id endswith '/C3'"), ["c3"]);
    assert_eq!(rig.names("name != 'C1' and location !~ 'EastUS'"), ["c2", "c3"]);
}

#[test]
fn columns_are_made() {
    let mut rig = Rig::new();
    let query = "resources | where name =~ 'c1' | extend np = properties.networkProfile \
        | project n = tolower(name), np, tostring(np), np.podCidr, resourceGroup, missing = properties.none.at.all";
    insta::assert_snapshot!(rig.data(query)[0], @r#"{"n":"c1","np":{"podCidr":"10.0.0.0/16"},"np1":"{\"podCidr\":\"10.0.0.0/16\"}","np_podCidr":"10.0.0.0/16","resourceGroup":"rg","missing":null}"#);
    assert_eq!(rig.data("resources | count"), json!([{"Count": 3}]));
    assert_eq!(rig.data("resources | project name | order by name | limit 1"), json!([{"name": "c3"}]));
}

#[test]
fn pages_follow_one_another_when_there_is_an_id() {
    let mut rig = Rig::new();
    let query = "resources | project id, name";
    let first = rig.ask(query, json!({"$top": 2, "resultFormat": "objectArray"}));
    assert_eq!((&first["totalRecords"], &first["count"], &first["resultTruncated"]), (&json!(3), &json!(2), &json!("false")));
    let second = rig.ask(query, json!({"$top": 2, "$skipToken": first["$skipToken"]}));
    assert_eq!((&second["count"], second.get("$skipToken")), (&json!(1), None));
    assert_eq!(second["data"][0]["name"], "c3");
    assert_eq!(rig.ask(query, json!({"$top": 2, "$skip": 2}))["data"], second["data"]);
    for unpaged in ["resources | project name", "resources | project id | limit 3"] {
        let told = rig.ask(unpaged, json!({"$top": 2}));
        assert_eq!((&told["resultTruncated"], told.get("$skipToken")), (&json!("true"), None), "{unpaged}");
    }
    let table = rig.ask("resources | count", json!({"resultFormat": "table"}));
    assert_eq!(table["data"], json!({"columns": [{"name": "Count", "type": "integer"}], "rows": [[3]]}));
}

#[test]
fn only_subscriptions_that_are_there_are_searched() {
    let mut rig = Rig::new();
    let mut total = |subscriptions: Value| {
        let reply = rig.send(json!({"subscriptions": subscriptions, "query": "resources"}));
        (reply.status, reply.body.unwrap()["totalRecords"].as_u64())
    };
    assert_eq!(total(json!([T.to_uppercase()])), (200, Some(1)));
    assert_eq!(total(json!([T, "other"])), (200, Some(1)));
    assert_eq!(total(Value::Null), (200, Some(3)));
    assert_eq!(total(json!(["other"])), (403, None));
}

#[test]
fn rows_lag_behind_the_world() {
    let mut rig = Rig::new();
    let id = cluster(S, "C1").to_ascii_lowercase();
    rig.world.resources.get_mut(&id).unwrap()["location"] = json!("eastus");
    rig.world.resources.retain(|key| !key.ends_with("/c2"));
    rig.put(&cluster(T, "c4"), json!({"id": cluster(T, "c4"), "name": "c4"}));
    rig.world.resources.date(rig.now, rig.delays.graph);
    assert_eq!(rig.names("location == 'eastus'"), [""; 0]);
    assert_eq!(rig.names("true"), ["C1", "c2", "c3"]);
    rig.pass(30);
    assert_eq!(rig.names("location == 'eastus'"), ["C1"]);
    assert_eq!(rig.names("true"), ["C1", "c3", "c4"]);
}

#[test]
fn who_asks_too_often_waits() {
    let mut rig = Rig::new();
    let send = |rig: &mut Rig| rig.send(json!({"query": "resources | count"}));
    let header = |reply: &Reply, name: &str| reply.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let first = send(&mut rig);
    assert_eq!(header(&first, "x-ms-user-quota-remaining").as_deref(), Some("14"));
    assert_eq!(header(&first, "x-ms-user-quota-resets-after").as_deref(), Some("00:00:05"));
    for _ in 0..14 {
        assert_eq!(send(&mut rig).status, 200);
    }
    rig.pass(2);
    let refused = send(&mut rig);
    assert_eq!((refused.status, header(&refused, "retry-after").as_deref()), (429, Some("3")));
    rig.pass(3);
    assert_eq!(send(&mut rig).status, 200);
}

#[test]
fn what_is_wrong_is_told_as_azure_tells_it() {
    let mut rig = Rig::new();
    let mut details = |query: &str, options: Value| rig.ask(query, options)["error"]["details"].take();
    insta::assert_snapshot!(details("resources | where name ==", json!({})), @r#"[{"code":"InvalidQuery","message":"Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."},{"code":"ParserFailure","message":"ParserFailure","line":1,"characterPositionInLine":25,"token":"<EOF>"}]"#);
    insta::assert_snapshot!(details("resources | summarize count()", json!({}))[1], @r#"{"code":"InvalidQueryLanguage","message":"InvalidQueryLanguage","line":-1,"characterPositionInLine":-1,"token":"summarize"}"#);
    insta::assert_snapshot!(details("nowhere", json!({})), @r#"[{"code":"DisallowedLogicalTableName","message":"Table nowhere is invalid, unsupported or disallowed."}]"#);
    insta::assert_snapshot!(details("resources | project nothing", json!({}))[1], @r#"{"code":"DisallowedColumnName","message":"Failed to resolve column named 'nothing'."}"#);
    insta::assert_snapshot!(details("resources", json!({"$top": 1001})), @r#"[{"code":"InvalidQueryRequest","message":"The option '$top' must be between 1 and 1000."}]"#);
    insta::assert_snapshot!(rig.ask("", json!({}))["error"]["message"], @r#""Please provide below info when asking for support: timestamp = 2026-09-21T14:14:50Z, correlationId = 00000000-0000-0000-0000-000000000000.""#);
    assert_eq!(rig.ask("resources", json!({"$skipToken": "x"}))["error"]["details"][0]["code"], "InvalidSkipToken");
}

#[test]
fn a_query_is_no_change() {
    let mut rig = Rig::new();
    rig.ask("resources", json!({}));
    assert!(rig.world.memory.activity.is_empty());
}

/// `cargo nextest run --run-ignored only --no-capture a_large_world`: how long a page takes.
#[test]
#[ignore = "measures, judges nothing"]
#[allow(clippy::print_stdout, reason = "to be read by whoever measures")]
fn a_large_world_is_measured() {
    let mut rig = Rig::new();
    rig.world = World::default();
    for stack in 0..5000 {
        let group = format!("/subscriptions/{}/resourceGroups/rg{stack:04}", if stack % 2 == 0 { S } else { T });
        rig.put(&group, json!({"id": group, "name": "rg", "location": "westeurope", "properties": {}}));
        for kind in ["Monitor/accounts", "Dashboard/grafana", "Insights/dataCollectionRules", "ContainerService/managedClusters"]
        {
            let id = format!("{group}/providers/Microsoft.{kind}/n{stack}");
            let many: Vec<Value> = (0..60).map(|index| json!({"name": format!("field{index}"), "value": [1, 2, 3]})).collect();
            rig.put(&id, json!({"id": id, "name": "n", "location": "westeurope", "properties": {"many": many, "networkProfile": {"a": 1}}}));
        }
    }
    rig.world.resources.date(rig.now, rig.delays.graph);
    rig.pass(60);
    for query in [
        "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, properties.networkProfile",
        "resources | where type =~ 'microsoft.containerservice/managedclusters'",
        "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, properties | order by id asc",
    ] {
        let began = std::time::Instant::now();
        let told = rig.ask(query, json!({"$top": 1000}));
        assert_eq!((&told["count"], &told["totalRecords"]), (&json!(1000), &json!(5000)));
        println!("{:?} {query}", began.elapsed());
    }
}
