//! Opens the cluster: the API server where it can be reached, run-command where it cannot (contract §5.10).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::way_round::WayRound;
use crate::azure::{self, Accepted, Azure, CommandResult};
use crate::base::{ArmId, ArmObject, Secret};
use crate::kube::{Access, Answer, ApiServer, Command, Door, Error, Opened, RunCommand, Runner, RunnerError};
use crate::observed::ClusterView;
use crate::spec::file::Delivery;

/// The az CLI gives up after 300 s (contract §5.9).
const COMMAND_BOUND: Duration = Duration::from_mins(5);

/// What leads to the API server of the stack's cluster. Fetched once in a run, however many ask.
#[derive(Clone, Debug)]
pub struct Credential {
    azure: Azure,
    cluster: ArmId,
    kubeconfig: Arc<OnceCell<Secret>>,
}

impl Credential {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(azure: &Azure, cluster: ArmId) -> Self {
        Self { azure: azure.clone(), cluster, kubeconfig: Arc::default() }
    }

    async fn get(&self) -> Result<Secret, azure::Error> {
        self.kubeconfig.get_or_try_init(|| self.azure.cluster_credential(&self.cluster, false)).await.cloned()
    }

    /// Fetches it while the cluster's body is still being read. What goes wrong is said by who needs it.
    pub async fn fetch_ahead(&self, entra: bool) {
        let bearer = async { if entra { self.azure.token(&self.azure.cloud().kubernetes_scope).await.ok() } else { None } };
        drop(tokio::join!(self.get(), bearer));
    }

    /// Whether it was fetched.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.kubeconfig.initialized()
    }
}

/// The door of a stack. What was decided is kept for the run.
#[must_use]
pub fn door(credential: &Credential, delivery: Delivery, cancel: &CancellationToken) -> Door {
    let (credential, cancel) = (credential.clone(), cancel.clone());
    let opened: Arc<OnceCell<Arc<dyn Access>>> = Arc::default();
    Door::new(move |cluster| {
        let (credential, cancel, opened) = (credential.clone(), cancel.clone(), opened.clone());
        async move { opened.get_or_try_init(|| open(&credential, delivery, &cancel, &cluster)).await.cloned() }
    })
}

async fn open(credential: &Credential, delivery: Delivery, cancel: &CancellationToken, cluster: &ArmObject) -> Opened {
    let view = ClusterView(cluster);
    let azure = &credential.azure;
    match delivery {
        Delivery::RunCommand => Ok(by_command(azure, cancel, cluster)),
        Delivery::Kubernetes => by_api(credential, cluster).await,
        Delivery::Auto if view.api_server_fenced() && !view.run_command_disabled() => Ok(by_command(azure, cancel, cluster)),
        Delivery::Auto if view.run_command_disabled() => by_api(credential, cluster).await,
        Delivery::Auto => {
            let direct = by_api(credential, cluster).await?;
            Ok(Arc::new(WayRound::new(direct, by_command(azure, cancel, cluster))))
        }
    }
}

async fn by_api(credential: &Credential, cluster: &ArmObject) -> Opened {
    let azure = &credential.azure;
    let failed = |error: azure::Error| Error::Kubeconfig { source: Box::new(error) };
    let scope = azure.cloud().kubernetes_scope.clone();
    let bearer = async { if ClusterView(cluster).entra() { azure.token(&scope).await.map(Some) } else { Ok(None) } };
    let (kubeconfig, bearer) = tokio::join!(credential.get(), bearer);
    let access = ApiServer::connect(&kubeconfig.map_err(failed)?, bearer.map_err(failed)?.as_ref()).await?;
    Ok(Arc::new(access))
}

fn by_command(azure: &Azure, cancel: &CancellationToken, cluster: &ArmObject) -> Arc<dyn Access> {
    let (azure, cancel, id, entra) = (azure.clone(), cancel.clone(), cluster.id.clone(), ClusterView(cluster).entra());
    let runner: Runner = Arc::new(move |command| {
        let (azure, cancel, id) = (azure.clone(), cancel.clone(), id.clone());
        Box::pin(async move {
            let refused = |error: azure::Error| RunnerError { class: error.class(), source: Box::new(error) };
            send(&azure, &cancel, &id, entra, &command).await.map_err(refused)
        })
    });
    Arc::new(RunCommand::new(runner))
}

async fn send(
    azure: &Azure,
    cancel: &CancellationToken,
    id: &ArmId,
    entra: bool,
    command: &Command,
) -> Result<Answer, azure::Error> {
    let token = if entra { Some(azure.token(&azure.cloud().kubernetes_scope).await?) } else { None };
    let object = match azure.run_command(id, &command.line, &command.context, token.as_ref()).await? {
        Accepted::Done(object) => object,
        Accepted::Running(operation) => azure.await_operation(operation, COMMAND_BOUND, cancel, |_, _| {}).await?,
    };
    let object = object.ok_or_else(|| azure::Error::ReadAnswer {
        method: "GET",
        target: id.to_string(),
        reason: "the command left no result".to_owned(),
    })?;
    let result = CommandResult::read(&object)?;
    Ok(Answer {
        provisioning_state: result.provisioning_state,
        exit_code: result.exit_code,
        logs: result.logs,
        reason: result.reason,
    })
}
