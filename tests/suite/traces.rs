//! Traces: what arrives at a collector, what never does, and that nobody waits for one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use nix::sys::signal::{Signal, kill};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::Value;

use crate::daemon::configured_at;
use crate::rehearsal::{Rehearsal, pid};

/// A request that a collector got: its headers and its body.
type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A collector that ends with its test.
struct Collector {
    address: String,
    got: Got,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Tests that are asynchronous themselves must not wait here.
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let got = Got::default();
        let kept = got.clone();
        let take = async move |headers: HeaderMap, body: Bytes| kept.lock().unwrap().push((headers, body));
        let routes = Router::new().route("/v1/traces", post(take));
        runtime.spawn(async move {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
        });
        Self { address, got, runtime: Some(runtime) }
    }

    fn trace(&self) -> Trace {
        let requests: Vec<ExportTraceServiceRequest> =
            self.got.lock().unwrap().iter().map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect();
        let resources = requests.iter().flat_map(|one| &one.resource_spans);
        let resource = resources.clone().next().map(|one| read(&one.resource.as_ref().unwrap().attributes)).unwrap_or_default();
        let spans = resources.flat_map(|one| &one.scope_spans).flat_map(|one| one.spans.clone()).collect();
        Trace { resource, spans }
    }

    /// Everything that arrived, as one text.
    fn everything(&self) -> String {
        self.got.lock().unwrap().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

type Attributes = BTreeMap<String, String>;

fn read(attributes: &[KeyValue]) -> Attributes {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.clone()) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(is)) => is.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|one| (one.key.clone(), text(&one.value))).collect()
}

/// What arrived, decoded.
struct Trace {
    resource: Attributes,
    spans: Vec<Span>,
}

impl Trace {
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    fn only<'a>(&'a self, name: &'a str) -> &'a Span {
        let found: Vec<&Span> = self.named(name).collect();
        assert_eq!(found.len(), 1, "{name}: {:?}", self.names());
        found[0]
    }

    fn names(&self) -> BTreeSet<&str> {
        self.spans.iter().map(|span| span.name.as_str()).collect()
    }

    fn parent(&self, of: &Span) -> &Span {
        self.spans.iter().find(|span| span.span_id == of.parent_span_id).unwrap_or_else(|| panic!("`{}` has no parent", of.name))
    }

    /// Names from a span up to the root.
    fn way_up<'a>(&'a self, from: &'a Span, root: &Span) -> Vec<&'a str> {
        let mut way = vec![from.name.as_str()];
        let mut here = from;
        while here.span_id != root.span_id {
            here = self.parent(here);
            way.push(&here.name);
        }
        way
    }

    fn http(&self) -> impl Iterator<Item = (&Span, Attributes)> {
        let client = |span: &&Span| span.kind == SpanKind::Client as i32;
        self.spans.iter().filter(client).map(|span| (span, read(&span.attributes)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

const ERROR: i32 = 2;

fn has_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == ERROR)
}

#[tokio::test]
async fn a_provision_is_one_trace_that_leads_to_the_activity_log() {
    let (stage, collector) = (Rehearsal::new(), Collector::start());
    let (trace_id, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("TRACEPARENT", &format!("00-{trace_id}-{parent}-01")),
    ];
    let done = stage.act_with("provision", &[], &variables);
    assert_eq!((done.code, done.stderr.contains("warning: ")), (Some(0), false), "{}", done.all());
    let (report, trace) = (done.json(), collector.trace());
    assert_eq!(collector.got.lock().unwrap()[0].0["api-key"], "hunter2");
    assert_eq!(trace.resource["service.name"], "aksight");
    assert_eq!(trace.resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(trace.resource["deployment.environment.name"], "test");

    // The pipeline's trace goes on, and everything hangs together.
    let root = trace.only("aksight provision");
    assert_eq!((hex(&root.trace_id), hex(&root.parent_span_id)), (trace_id.to_owned(), parent.to_owned()));
    assert_eq!(report["trace_id"], trace_id);
    assert!(trace.spans.iter().all(|span| span.trace_id == root.trace_id && trace.way_up(span, root).len() < 9));
    let told = read(&root.attributes);
    for (name, value) in [("aksight.stack", "quickstart"), ("aksight.outcome", "changed"), ("aksight.exit_code", "0")] {
        assert_eq!(told[name], value, "{told:?}");
    }
    assert_eq!((&told["aksight.run"], &told["az.correlation_id"]), (&text(&report["run"]), &text(&report["correlation_id"])));
    it_has_the_shape_of_the_run(&trace, &report);
    it_is_what_azure_was_asked(&trace, &stage, &report);

    let writer = stage.second_writer().await;
    let subscription = aksight::base::ArmId::of_subscription(writer.embedded.subscription());
    let filter = format!(
        "eventTimestamp ge '{}' and correlationId eq '{}'",
        jiff::Timestamp::now() - Duration::from_hours(24),
        text(&report["correlation_id"])
    );
    let lines = writer.azure.list(&subscription, aksight::base::Kind::ActivityLog, Some(&filter)).await.unwrap();
    assert!(!lines.is_empty(), "the Activity Log knows the run under the id of its trace");
    assert!(lines.iter().all(|line| line["correlationId"] == report["correlation_id"]), "{lines:#?}");

    // Nothing secret, no token, no query.
    let everything = collector.everything();
    let secret = writer.embedded.client_secret().expose().to_owned();
    for never in [&secret, "hunter2", "Bearer", "eyJ", "api-version", "BEGIN ", "client-key"] {
        assert!(!everything.contains(never), "{never}");
    }
    assert!(trace.http().all(|(span, told)| !span.name.contains('?') && !told["url.path"].contains('?')));
    writer.leave().await;
}

fn it_has_the_shape_of_the_run(trace: &Trace, report: &Value) {
    let root = trace.only("aksight provision");
    for (name, way) in [
        ("claim", &["claim", "aksight provision"][..]),
        ("execute", &["execute", "aksight provision"]),
        ("verify", &["verify", "aksight provision"]),
        ("unit terraform", &["unit terraform", "execute", "aksight provision"]),
        ("terraform apply", &["terraform apply", "unit terraform", "execute", "aksight provision"]),
        (
            "unit terraform:azurerm_kubernetes_cluster.this",
            &[
                "unit terraform:azurerm_kubernetes_cluster.this",
                "terraform apply",
                "unit terraform",
                "execute",
                "aksight provision",
            ],
        ),
    ] {
        let span = trace.named(name).next().unwrap_or_else(|| panic!("{name}: {:?}", trace.names()));
        assert_eq!(trace.way_up(span, root), way);
    }
    let plan = trace.named("terraform plan").next().unwrap();
    assert_eq!((trace.way_up(plan, root)[1], read(&plan.attributes)["process.exit.code"].as_str()), ("observe", "2"));
    assert!(!has_failed(plan) && !has_failed(root));
    let written: BTreeSet<String> = report["units"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|unit| unit["status"] == "done")
        .map(|unit| text(&unit["id"]))
        .collect();
    let drawn: BTreeSet<String> =
        trace.spans.iter().filter_map(|span| read(&span.attributes).remove("aksight.unit.id")).collect();
    assert!(written.iter().all(|id| drawn.contains(id)), "{written:?}\n{drawn:?}");
}

/// Every drawn request is in the log of the embedded Azure, under the same ids.
fn it_is_what_azure_was_asked(trace: &Trace, stage: &Rehearsal, report: &Value) {
    let asked: BTreeMap<String, Value> = stage.requests().into_iter().map(|line| (text(&line["request_id"]), line)).collect();
    let arm: Vec<(&Span, Attributes)> = trace.http().filter(|(_, span)| span.contains_key("az.service_request_id")).collect();
    assert!(arm.len() > 30, "{}", arm.len());
    for (_, span) in &arm {
        let line = &asked[&span["az.service_request_id"]];
        let seen = (&span["http.request.method"], &span["url.path"], &span["http.response.status_code"]);
        assert_eq!(seen, (&text(&line["method"]), &text(&line["path"]), &line["status"].to_string()), "{span:?}");
        assert_eq!(span["az.correlation_id"], line["correlation_id"], "{span:?}");
        assert_eq!(span["az.correlation_id"], report["correlation_id"]);
        assert!(uuid::Uuid::parse_str(&span["az.client_request_id"]).is_ok());
    }
    assert!(arm.iter().any(|(_, span)| span["url.path"].ends_with("/oauth2/v2.0/token")), "Entra is among them");
    assert!(arm.iter().any(|(_, span)| span["url.path"].ends_with("/api/v1/query")), "and the data planes");
    let in_cluster = trace.http().filter(|(_, span)| span["url.path"].starts_with("/api/v1/namespaces/kube-system/"));
    assert!(in_cluster.count() > 3, "and the cluster's API server");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[test]
fn attempts_and_failures_are_seen_as_such() {
    let (stage, collector) = (Rehearsal::new(), Collector::start());
    let faults = ["--fault", "throttle:GET:resourceGroups/rg:1", "--fault", "error:400:PUT:dataCollectionRules:1"];
    let variables =
        [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*format!("{}/v1/traces", collector.address)), ("OTEL_SERVICE_NAME", "shop")];
    let failed = stage.act_with("provision", &faults, &variables);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    let trace = collector.trace();
    assert_eq!(trace.resource["service.name"], "shop");
    let root = trace.only("aksight provision");
    assert!(root.parent_span_id.is_empty() && has_failed(root));
    assert_eq!(failed.json()["trace_id"], hex(&root.trace_id));
    let said = &root.status.as_ref().unwrap().message;
    assert!(failed.json()["diagnostics"].as_array().unwrap().iter().any(|problem| problem["summary"] == **said), "{said}");
    let with = |status: &str| {
        trace
            .http()
            .filter(|(_, told)| told.get("http.response.status_code").is_some_and(|code| code == status))
            .collect::<Vec<_>>()
    };
    let throttled = with("429");
    assert!(
        has_failed(throttled[0].0)
            && throttled[0].1["error.type"] == "429"
            && !throttled[0].1.contains_key("http.request.resend_count")
    );
    let again = trace.http().find(|(_, told)| told.get("http.request.resend_count").is_some_and(|count| count == "1")).unwrap();
    assert_eq!(
        (&again.1["url.path"], again.0.parent_span_id.clone()),
        (&throttled[0].1["url.path"], throttled[0].0.parent_span_id.clone())
    );
    let refused = with("400").remove(0).0;
    let unit = trace.parent(refused);
    assert!(unit.name.starts_with("unit ") && has_failed(unit), "{}", unit.name);
}

/// A port at which connections are taken and nothing is ever said.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
fn nobody_waits_for_a_collector_that_hangs_or_is_away() {
    let stage = Rehearsal::new();
    stage.provision();
    let (hanging, hangs) = silent();
    let (gone, away) = silent();
    drop(gone);
    let refusing = Collector::start();
    let refuses = format!("{}/nowhere", refusing.address);
    for (address, why) in [(&hangs, "no answer within 3 s"), (&away, "onnection refused"), (&refuses, "answered with 404")] {
        let began = Instant::now();
        // Whoever waited for the answer would wait for an hour.
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
            ("AKSIGHT_LOG", "warn"),
        ];
        let done = stage.act_with("drift", &[], &variables);
        assert_eq!(done.code, Some(0), "{}", done.all());
        assert!(began.elapsed() < Duration::from_mins(2), "{:?}", began.elapsed());
        assert_eq!(done.stderr.matches("traces are lost").count(), 1, "{}", done.all());
        assert!(done.stderr.contains(why), "{}", done.all());
        assert!(done.json()["verified"].is_boolean());
    }
    drop(hanging);
}

#[test]
fn nothing_is_sent_unless_it_is_wanted() {
    let (stage, collector) = (Rehearsal::new(), Collector::start());
    let address = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str());
    let off = stage.act_with("provision", &[], &[address, ("OTEL_SDK_DISABLED", "true"), ("AKSIGHT_LOG", "aksight=debug")]);
    assert_eq!((off.code, &off.json()["trace_id"]), (Some(0), &Value::Null), "{}", off.all());
    assert!(!off.stderr.contains("aksight::span"), "{}", off.all());
    let grpc = stage.act_with("drift", &[], &[address, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert_eq!((grpc.code, &grpc.json()["trace_id"]), (Some(0), &Value::Null), "{}", grpc.all());
    assert!(grpc.stderr.contains("warning: no traces are sent: `OTEL_EXPORTER_OTLP_PROTOCOL` must be"), "{}", grpc.all());
    let unsampled = ("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    let quiet = stage.act_with("drift", &[], &[address, unsampled]);
    assert_eq!((quiet.code, &quiet.json()["trace_id"]), (Some(0), &Value::Null), "{}", quiet.all());
    assert!(collector.got.lock().unwrap().is_empty());
}

/// A daemon that ends with its test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_daemon_sends_its_looks_and_its_log_names_them() {
    let (stage, collector) = (Rehearsal::new(), Collector::start());
    stage.provision();
    std::fs::write(stage.home().join("otlp-headers"), "authorization=Basic aHVudGVyMg==\n").unwrap();
    let table = format!("[telemetry]\notlp_endpoint = \"{}\"\notlp_headers_file = \"otlp-headers\"\n", collector.address);
    configured_at(&stage, "unix:d.sock", &table);
    let mut command = stage.command(&["daemon", "--simulate", "--sim-pace", "0.002"]);
    command
        .env("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .env("AKSIGHT_LOG", "warn,aksight=debug");
    let mut daemon = Guarded(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(daemon.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut log: Vec<Value> = Vec::new();
    for line in lines {
        log.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        if log.last().unwrap()["fields"]["message"] == "reconciled" {
            kill(pid(&daemon.0), Signal::SIGTERM).unwrap();
        }
    }
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0), "{log:#?}");
    let trace = collector.trace();
    assert_eq!(collector.got.lock().unwrap()[0].0["authorization"], "Basic aHVudGVyMg==");
    let look = trace.only("look at quickstart");
    assert!(look.parent_span_id.is_empty(), "a daemon's looks are traces of their own");
    assert_ne!(hex(&look.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    let told = read(&look.attributes);
    assert!(told.contains_key("aksight.lease.fence") && told.contains_key("aksight.replica"), "{told:?}");
    for (name, way) in [
        ("aksight reconcile", &["aksight reconcile", "look at quickstart"][..]),
        ("claim", &["claim", "aksight reconcile", "look at quickstart"]),
        ("observe", &["observe", "aksight reconcile", "look at quickstart"]),
        ("give back", &["give back", "look at quickstart"]),
    ] {
        assert_eq!(trace.way_up(trace.only(name), look), way);
    }
    assert!(trace.spans.iter().all(|span| span.trace_id == look.trace_id), "{:?}", trace.names());
    // From a line of the log to the trace.
    let named: Vec<&Value> = log.iter().filter(|line| !line["trace_id"].is_null()).collect();
    assert_eq!(named.len(), 2, "the look's beginning and end: {log:#?}");
    assert!(named.iter().all(|line| line["trace_id"] == hex(&look.trace_id) && line["span_id"].is_string()), "{log:#?}");
    assert!(!collector.everything().contains("aHVudGVyMg"));
}
