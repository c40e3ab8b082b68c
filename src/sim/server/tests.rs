//! Over real TLS: signing in, asking, coming back.

use serde_json::{Value, json};

use super::*;

fn options(directory: &Path) -> Options {
    Options {
        state_dir: directory.to_owned(),
        fresh: false,
        pace: 0.001,
        port: None,
        subscription: None,
        further_subscriptions: Vec::new(),
        write_at_end: false,
        tenant: None,
        faults: Vec::new(),
        principals: Vec::new(),
    }
}

fn client(azure: &Azure) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(&std::fs::read(azure.ca_file()).unwrap()).unwrap();
    reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap()
}

async fn token(azure: &Azure, scope: &str, secret: &str) -> Value {
    let form =
        [("grant_type", "client_credentials"), ("client_id", azure.client_id()), ("client_secret", secret), ("scope", scope)];
    let url = format!("{}/{}/oauth2/v2.0/token", azure.base_url(), azure.tenant());
    client(azure).post(url).form(&form).send().await.unwrap().json().await.unwrap()
}

async fn ask(azure: &Azure, method: &str, path: &str, scope: &str, body: Option<Value>) -> (u16, Value) {
    let secret = azure.client_secret().expose().to_owned();
    let token = token(azure, scope, &secret).await["access_token"].as_str().unwrap_or_default().to_owned();
    let url = format!("{}{path}", azure.base_url());
    let mut request = client(azure).request(method.parse().unwrap(), url).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

const ARM: &str = "https://management.azure.com/.default";

fn group(azure: &Azure) -> String {
    format!("/subscriptions/{}/resourcegroups/rg?api-version=2021-04-01", azure.subscription())
}

#[tokio::test]
async fn who_follows_the_metadata_gets_in() {
    let home = tempfile::tempdir().unwrap();
    let azure = Azure::start(options(home.path())).await.unwrap();
    let url = format!("https://{}/metadata/endpoints?api-version=2022-09-01", azure.metadata_host());
    let cloud: Value = client(&azure).get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(cloud["resourceManager"], azure.base_url());
    let scope = format!("{}/.default", cloud["authentication"]["audiences"][0].as_str().unwrap());
    let path = format!("/subscriptions/{}?api-version=2022-12-01", azure.subscription());
    let (status, body) = ask(&azure, "GET", &path, &scope, None).await;
    assert_eq!((status, &body["state"]), (200, &json!("Enabled")));
    azure.stop().await;
}

#[tokio::test]
async fn wrong_secrets_audiences_and_subscriptions_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let azure = Azure::start(options(home.path())).await.unwrap();
    assert_eq!(token(&azure, ARM, "wrong").await["error_codes"], json!([7_000_215]));
    let path = format!("/subscriptions/{}?api-version=2022-12-01", azure.subscription());
    let (status, body) = ask(&azure, "GET", &path, "https://prometheus.monitor.azure.com/.default", None).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("InvalidAuthenticationTokenAudience")));
    let (status, body) = ask(&azure, "GET", "/subscriptions/other?api-version=2022-12-01", ARM, None).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("SubscriptionNotFound")));
    azure.stop().await;
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_gone_when_fresh() {
    let home = tempfile::tempdir().unwrap();
    let azure = Azure::start(options(home.path())).await.unwrap();
    let (first, port) = (azure.client_id().to_owned(), azure.metadata_host().to_owned());
    let (status, _) = ask(&azure, "PUT", &group(&azure), ARM, Some(json!({"location": "westeurope"}))).await;
    assert_eq!(status, 201);
    // No goodbye: as if it were killed.
    drop(azure);
    let azure = Azure::start(options(home.path())).await.unwrap();
    assert_eq!(azure.client_id(), first);
    assert_eq!(ask(&azure, "GET", &group(&azure), ARM, None).await.0, 200, "{port}");
    azure.stop().await;
    let azure = Azure::start(Options { fresh: true, ..options(home.path()) }).await.unwrap();
    assert_eq!(ask(&azure, "GET", &group(&azure), ARM, None).await.0, 404);
    azure.stop().await;
}

#[tokio::test]
async fn a_directory_serves_once_and_a_taken_port_is_named() {
    let home = tempfile::tempdir().unwrap();
    let azure = Azure::start(options(home.path())).await.unwrap();
    assert!(matches!(Azure::start(options(home.path())).await, Err(Error::InUse(_))));
    let other = tempfile::tempdir().unwrap();
    let port = azure.metadata_host().rsplit(':').next().unwrap().parse().unwrap();
    let taken = Azure::start(Options { port: Some(port), ..options(other.path()) }).await;
    assert!(matches!(taken, Err(Error::Port { port: asked, .. }) if asked == port));
    azure.stop().await;
}

#[tokio::test]
async fn ordered_faults_come_once_and_every_request_is_logged() {
    let home = tempfile::tempdir().unwrap();
    let faults = vec!["throttle:PUT:resourcegroups:1".parse().unwrap()];
    let azure = Azure::start(Options { faults, ..options(home.path()) }).await.unwrap();
    let body = || Some(json!({"location": "westeurope"}));
    assert_eq!(ask(&azure, "PUT", &group(&azure), ARM, body()).await.0, 429);
    assert_eq!(ask(&azure, "PUT", &group(&azure), ARM, body()).await.0, 201);
    azure.stop().await;
    let log = std::fs::read_to_string(home.path().join("requests.jsonl")).unwrap();
    let puts = log.lines().filter(|line| line.contains("\"PUT\"")).count();
    assert_eq!(puts, 2);
    assert!(!log.contains("sim~"), "no secret is logged");
}
