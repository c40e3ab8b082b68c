//! The calls of the plugin protocol, answered.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use super::arm::{Account, Arm, Settings};
use super::grpc::Answer;
use super::plan::{Step, plan};
use super::resources::{Features, KINDS, Kind};
use super::schema::{self, Block};
use super::validate::validate;
use super::value::{BadValue, Value};
use super::wire;

/// Reads one environment variable.
pub(super) type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// One provider process.
pub(super) struct Provider {
    /// The client, once `ConfigureProvider` said where and who.
    arm: RwLock<Option<Arc<(Arm, Features)>>>,
    /// Ends the service.
    end: CancellationToken,
    /// Ends what is under way.
    stop: CancellationToken,
    lookup: Lookup,
}

/// What goes wrong in a call becomes an error diagnostic.
type Outcome<T> = Result<T, wire::Diagnostic>;

impl Provider {
    /// A provider that is not configured yet.
    pub(super) fn new(end: CancellationToken, lookup: Lookup) -> Self {
        let stop = end.child_token();
        Self { arm: RwLock::new(None), end, stop, lookup }
    }

    /// Answers one call.
    pub(super) async fn answer(&self, path: &str, message: Bytes) -> Answer {
        match path {
            "/tfplugin6.Provider/GetProviderSchema" => Ok(provider_schema().encode_to_vec()),
            "/tfplugin6.Provider/ValidateProviderConfig" => {
                decode::<wire::ProviderConfig>(message)?;
                Ok(wire::ProviderConfigFindings::default().encode_to_vec())
            }
            "/tfplugin6.Provider/ConfigureProvider" => {
                let outcome = self.configure(&decode(message)?).await;
                Ok(findings(outcome.err().into_iter().collect()))
            }
            "/tfplugin6.Provider/ValidateResourceConfig" => Ok(findings(validated(&decode(message)?))),
            "/tfplugin6.Provider/ValidateDataResourceConfig" => Ok(findings(vec![])),
            "/tfplugin6.Provider/UpgradeResourceState" => Ok(state(upgraded(&decode(message)?))),
            "/tfplugin6.Provider/ReadResource" => Ok(state(self.read(&decode(message)?).await)),
            "/tfplugin6.Provider/PlanResourceChange" => Ok(planned(planning(&decode(message)?))),
            "/tfplugin6.Provider/ApplyResourceChange" => Ok(self.apply(&decode(message)?).await.encode_to_vec()),
            "/tfplugin6.Provider/ImportResourceState" => Ok(imported(&decode(message)?).encode_to_vec()),
            "/tfplugin6.Provider/ReadDataSource" => Ok(state(self.read_data(&decode(message)?).await)),
            "/tfplugin6.Provider/StopProvider" => {
                self.stop.cancel();
                Ok(vec![])
            }
            "/plugin.GRPCController/Shutdown" => {
                self.end.cancel();
                Ok(vec![])
            }
            _ => Err((12, format!("{path} is not implemented"))),
        }
    }

    async fn configure(&self, request: &wire::Configure) -> Outcome<()> {
        let config = value(request.config.as_ref())?;
        let group = config.only("features").only("resource_group");
        let keep_full_groups = *group.get("prevent_deletion_if_contains_resources") != Value::Bool(false);
        let settings = Settings::new(&config, &self.lookup).map_err(|error| problem(&error))?;
        let account = Account::open(settings).await.map_err(|error| problem(&error))?;
        *self.arm.write().await = Some(Arc::new((Arm::new(account, self.stop.clone()), Features { keep_full_groups })));
        Ok(())
    }

    async fn arm(&self) -> Outcome<Arc<(Arm, Features)>> {
        self.arm.read().await.clone().ok_or_else(|| error("the provider is not configured".into()))
    }

    async fn read(&self, request: &wire::Read) -> Outcome<Value> {
        let kind = kind(&request.type_name)?;
        let arm = self.arm().await?;
        let read = kind.read(&arm.0, &value(request.current_state.as_ref())?).await.map_err(|error| problem(&error))?;
        Ok(read.unwrap_or_default())
    }

    async fn apply(&self, request: &wire::Apply) -> wire::Applied {
        let prior = value(request.prior_state.as_ref()).unwrap_or_default();
        match self.carry_out(request).await {
            Ok(state) => wire::Applied { new_state: Some(state.encode()), diagnostics: vec![], legacy_type_system: true },
            // What was there is kept in the state: a failed write must not lose the resource.
            Err(diagnostic) => {
                wire::Applied { new_state: Some(prior.encode()), diagnostics: vec![diagnostic], legacy_type_system: true }
            }
        }
    }

    async fn carry_out(&self, request: &wire::Apply) -> Outcome<Value> {
        let kind = kind(&request.type_name)?;
        let (prior, planned) = (value(request.prior_state.as_ref())?, value(request.planned_state.as_ref())?);
        let arm = self.arm().await?;
        let outcome = match (&prior, &planned) {
            (_, Value::Null) => kind.delete(&arm.0, &prior, arm.1).await.map(|()| Value::Null),
            (Value::Null, _) => kind.create(&arm.0, &planned).await,
            _ => kind.update(&arm.0, &prior, &planned).await,
        };
        outcome.map_err(|error| problem(&error))
    }

    async fn read_data(&self, request: &wire::TypedConfig) -> Outcome<Value> {
        if request.type_name != "azurerm_client_config" {
            return Err(error(format!("the stand-in provider has no data source {:?}", request.type_name)));
        }
        let arm = self.arm().await?;
        let account = arm.0.account();
        let who = account.who().await.map_err(|error| problem(&error))?;
        let mut state = value(request.config.as_ref())?.fitted(&schema::CLIENT_CONFIG);
        let id = format!(
            "clientConfigs/clientId={};objectId={};subscriptionId={};tenantId={}",
            who.client, who.object, account.subscription, who.tenant
        );
        state.put("id", Value::Text(STANDARD.encode(id)));
        state.put("client_id", Value::Text(who.client));
        state.put("object_id", Value::Text(who.object));
        state.put("subscription_id", Value::Text(account.subscription.clone()));
        state.put("tenant_id", Value::Text(who.tenant));
        Ok(state)
    }
}

fn decode<M: Message + Default>(message: Bytes) -> Result<M, (u32, String)> {
    // 13 is gRPC's "internal error".
    M::decode(message).map_err(|error| (13, error.to_string()))
}

fn value(sent: Option<&wire::DynamicValue>) -> Outcome<Value> {
    Value::decode(sent).map_err(|error: BadValue| problem(&error))
}

fn kind(name: &str) -> Outcome<&'static Kind> {
    Kind::of(name).ok_or_else(|| error(format!("the stand-in provider has no resource {name:?}")))
}

fn error(summary: String) -> wire::Diagnostic {
    wire::Diagnostic { severity: 1, summary, ..wire::Diagnostic::default() }
}

/// An error as azurerm shows it: the whole chain in the summary.
fn problem(problem: &dyn std::error::Error) -> wire::Diagnostic {
    let mut text = problem.to_string();
    let mut cause = problem.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    error(text)
}

fn findings(diagnostics: Vec<wire::Diagnostic>) -> Vec<u8> {
    wire::Findings { diagnostics }.encode_to_vec()
}

fn state(outcome: Outcome<Value>) -> Vec<u8> {
    let answer = match outcome {
        Ok(state) => wire::StateAnswer { state: Some(state.encode()), diagnostics: vec![] },
        Err(diagnostic) => wire::StateAnswer { state: None, diagnostics: vec![diagnostic] },
    };
    answer.encode_to_vec()
}

fn provider_schema() -> wire::ProviderSchema {
    let schema = |block: &Block, version: i64| wire::Schema { version, block: Some(block.to_wire()) };
    wire::ProviderSchema {
        provider: Some(schema(&schema::PROVIDER, 0)),
        resource_schemas: KINDS.iter().map(|kind| (kind.name.to_owned(), schema(kind.table, kind.version))).collect(),
        data_source_schemas: [("azurerm_client_config".to_owned(), schema(&schema::CLIENT_CONFIG, 0))].into(),
    }
}

fn validated(request: &wire::TypedConfig) -> Vec<wire::Diagnostic> {
    let outcome = kind(&request.type_name).and_then(|kind| Ok((kind, value(request.config.as_ref())?)));
    match outcome {
        Ok((kind, config)) => validate(kind, &config)
            .into_iter()
            .map(|finding| {
                let steps = finding.path.split('.').map(|step| match step.parse() {
                    Ok(index) => wire::Selector::Index(index),
                    Err(_) => wire::Selector::Attribute(step.to_owned()),
                });
                let steps = steps.map(|selector| wire::Step { selector: Some(selector) }).collect();
                wire::Diagnostic { attribute: Some(wire::AttributePath { steps }), ..error(finding.sentence) }
            })
            .collect(),
        Err(diagnostic) => vec![diagnostic],
    }
}

fn upgraded(request: &wire::Upgrade) -> Outcome<Value> {
    let kind = kind(&request.type_name)?;
    if request.version > kind.version {
        return Err(error(format!("the state of {:?} was written by a newer azurerm than {}", kind.name, super::VERSION)));
    }
    let json = request.raw_state.as_ref().map_or(&[][..], |raw| &raw.json);
    let json: serde_json::Value = serde_json::from_slice(json).map_err(|error| problem(&error))?;
    Ok(Value::from_json(&json).fitted(kind.table))
}

fn planning(request: &wire::Plan) -> Outcome<(Value, Vec<Vec<Step>>)> {
    let kind = kind(&request.type_name)?;
    let (prior, config) = (value(request.prior_state.as_ref())?, value(request.config.as_ref())?);
    if value(request.proposed_new_state.as_ref())? == Value::Null {
        return Ok((Value::Null, vec![]));
    }
    let plan = plan(kind.table, &prior, &config);
    Ok((plan.state, plan.replace))
}

fn planned(outcome: Outcome<(Value, Vec<Vec<Step>>)>) -> Vec<u8> {
    let mut answer = wire::PlanAnswer { legacy_type_system: true, ..wire::PlanAnswer::default() };
    match outcome {
        Ok((state, replace)) => {
            answer.planned_state = Some(state.encode());
            answer.requires_replace = replace.iter().map(|path| attribute_path(path)).collect();
        }
        Err(diagnostic) => answer.diagnostics.push(diagnostic),
    }
    answer.encode_to_vec()
}

fn attribute_path(path: &[Step]) -> wire::AttributePath {
    let steps = path.iter().map(|step| match step {
        Step::Name(name) => wire::Selector::Attribute((*name).to_owned()),
        Step::Index(index) => wire::Selector::Index(i64::try_from(*index).unwrap_or_default()),
    });
    wire::AttributePath { steps: steps.map(|selector| wire::Step { selector: Some(selector) }).collect() }
}

fn imported(request: &wire::Import) -> wire::Imports {
    let outcome = kind(&request.type_name).and_then(|kind| {
        kind.parse(&request.id).map_err(|error| problem(&error))?;
        let mut state = Value::Null.fitted(kind.table);
        state.put("id", Value::Text(request.id.clone()));
        Ok(wire::Imported { type_name: kind.name.to_owned(), state: Some(state.encode()) })
    });
    match outcome {
        Ok(imported) => wire::Imports { imported_resources: vec![imported], diagnostics: vec![] },
        Err(diagnostic) => wire::Imports { imported_resources: vec![], diagnostics: vec![diagnostic] },
    }
}
