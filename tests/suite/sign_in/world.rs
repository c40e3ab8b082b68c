//! A tenant with an application, everything that may sign in as it, and a subscription behind it: the simulated Azure in a process of its
//! own, with the doubles of Entra and of the issuers before it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::routing::{any, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;

use super::authority::{Key, Tls};
use super::entra::{Application, Entra, Entry, Federated};
use super::issuers::{self, Issuers};
use super::scan::{Place, Secret};
use crate::rehearsal::{Ended, Rehearsal, Served};

pub(super) const PASSWORD: &str = "the-password-of-the-PKCS12";

/// The tenant and all around it.
pub(super) struct World {
    pub(super) entra: Arc<Entra>,
    pub(super) issuers: Arc<Issuers>,
    /// `https://localhost:PORT` of Entra, GitHub and Azure DevOps.
    pub(super) base: String,
    /// `http://127.0.0.1:PORT` of the machine's services.
    pub(super) machine: String,
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) subscription: String,
    /// What every run needs: the way to the cloud, and nothing of a sign-in.
    way: Vec<(String, String)>,
    /// Files that a person or a pipeline puts there: secrets may lie in them.
    inputs: TempDir,
    packed: Vec<u8>,
    /// What a collector of traces got.
    traces: Arc<Mutex<Vec<u8>>>,
    private: String,
    _served: Served,
    _azure: Rehearsal,
    _runtime: tokio::runtime::Runtime,
}

/// One run's directory, programs and records.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) stage: Rehearsal,
    programs: PathBuf,
    variables: BTreeMap<String, String>,
}

impl World {
    pub(super) fn new() -> Self {
        let azure = Rehearsal::new();
        let served = Served::start(&azure, &[]);
        let of = |name: &str| served.variables.iter().find(|(found, _)| found == name).unwrap().1.clone();
        let (tenant, client, subscription) = (of("ARM_TENANT_ID"), of("ARM_CLIENT_ID"), of("ARM_SUBSCRIPTION_ID"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (tls, port, authority) = runtime.block_on(Tls::open());
        let base = format!("https://localhost:{port}");
        let inputs = tempfile::tempdir().unwrap();
        let bundle = inputs.path().join("roots.pem");
        let roots = std::fs::read_to_string(of("SSL_CERT_FILE")).unwrap() + "\n" + &authority;
        std::fs::write(&bundle, roots).unwrap();

        let (key, own) = (Arc::new(Key::new()), Key::new());
        let (certificate, packed) = own.certify(PASSWORD);
        let trusted = |issuer, subject| Federated { issuer, subject, audience: issuers::AUDIENCE, key: key.public() };
        let application = Application {
            tenant: tenant.clone(),
            client: client.clone(),
            secret: of("ARM_CLIENT_SECRET"),
            expired_secret: "sim~anOldSecretThatHasEnded".to_owned(),
            certificate: (certificate, own.public()),
            federated: vec![
                trusted(issuers::GITHUB, issuers::GITHUB_SUBJECT),
                trusted(issuers::DEVOPS, issuers::DEVOPS_SUBJECT),
                trusted(issuers::CLUSTER, issuers::CLUSTER_SUBJECT),
            ],
            not_yet: AtomicUsize::new(0),
        };
        let arm = format!("https://{}", of("ARM_METADATA_HOSTNAME"));
        let root = reqwest::Certificate::from_pem_bundle(&std::fs::read(of("SSL_CERT_FILE")).unwrap()).unwrap();
        let entra = Arc::new(Entra {
            endpoint: format!("{base}/{tenant}/oauth2/v2.0/token"),
            upstream: format!("{arm}/{tenant}/oauth2/v2.0/token"),
            http: reqwest::Client::builder().tls_certs_only(root).no_proxy().build().unwrap(),
            application,
            entries: Mutex::default(),
            life: Mutex::default(),
            refusals: Mutex::default(),
            secrets: Mutex::default(),
        });
        let token = |what: &str| format!("{what}-{}", uuid::Uuid::new_v4().simple());
        let issuers = Arc::new(Issuers {
            entra: Arc::clone(&entra),
            key,
            github_token: token("github-request-token"),
            devops_token: token("devops-access-token"),
            identity_header: token("identity-header"),
            ailments: Mutex::default(),
            subject: Mutex::default(),
            asked: Mutex::default(),
        });
        let traces = Arc::<Mutex<Vec<u8>>>::default();
        let machine = serve(&runtime, tls, &arm, &base, (&entra, &issuers), &traces);
        let way = [
            ("ARM_METADATA_HOSTNAME", format!("localhost:{port}")),
            ("SSL_CERT_FILE", bundle.display().to_string()),
            ("TF_CLI_CONFIG_FILE", of("TF_CLI_CONFIG_FILE")),
            ("NO_PROXY", of("NO_PROXY")),
        ];
        Self {
            way: way.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            private: STANDARD.encode(own.made.serialize_der()),
            entra,
            issuers,
            base,
            machine,
            tenant,
            client,
            subscription,
            inputs,
            packed,
            traces,
            _served: served,
            _azure: azure,
            _runtime: runtime,
        }
    }

    /// Puts a file where a person or a pipeline would; gives its path.
    pub(super) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.inputs.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub(super) fn has_traces(&self) -> bool {
        !self.traces.lock().unwrap().is_empty()
    }

    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// An assertion of the cluster for its service account.
    pub(super) fn of_cluster(&self, seconds: i64) -> String {
        self.issuers.assertion(issuers::CLUSTER, issuers::CLUSTER_SUBJECT, issuers::AUDIENCE, seconds)
    }

    /// Who was let in since the last time.
    pub(super) fn entries(&self) -> Vec<Entry> {
        std::mem::take(&mut self.entra.entries.lock().unwrap())
    }

    /// The codes of the refusals since the last time.
    pub(super) fn refusals(&self) -> Vec<u32> {
        std::mem::take(&mut self.entra.refusals.lock().unwrap())
    }

    /// Everything that must not be seen anywhere.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let (app, issuers) = (&self.entra.application, &self.issuers);
        let named = [
            ("the client secret", app.secret.as_str()),
            ("the old client secret", &app.expired_secret),
            ("GitHub's request token", &issuers.github_token),
            ("the pipeline's access token", &issuers.devops_token),
            ("App Service's header", &issuers.identity_header),
            ("the password of the PKCS#12", PASSWORD),
            ("the private key", &self.private),
        ];
        let mut all: Vec<Secret> = named.into_iter().map(|(name, text)| Secret::new(name, text)).collect();
        all.push(Secret::new("the PKCS#12", &STANDARD.encode(&self.packed)));
        for token in self.entra.secrets.lock().unwrap().iter() {
            all.push(Secret::new("a token", token));
            // Whoever cuts a token in pieces leaves its signature somewhere.
            all.extend(
                token.rsplit('.').next().filter(|part| part.len() > 30).map(|part| Secret::new("a token's signature", part)),
            );
        }
        all
    }

    pub(super) fn scene(&self, variables: &[(&str, &str)]) -> Scene<'_> {
        let stage = Rehearsal::new();
        let programs = stage.home().join("programs");
        std::fs::create_dir(&programs).unwrap();
        let mut scene = Scene { world: self, stage, programs, variables: BTreeMap::new() };
        scene.variables.extend(self.way.iter().cloned());
        scene.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // A terraform that notes how it is called, and with which variables.
        let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|directory| directory.join("terraform"))
            .find(|path| path.is_file())
            .unwrap();
        let note = format!(
            "#!/bin/sh\necho \"$@\" >> '{0}/terraform.arguments'\nenv | sed 's/=.*//' | sort > '{0}/terraform.variables'\nexec '{1}' \"$@\"\n",
            scene.programs.display(),
            real.display()
        );
        scene.program("terraform", &note);
        scene
    }
}

/// Opens the doors: Entra, GitHub and Azure DevOps behind TLS, the machine's services in the clear. Gives the address of the latter.
fn serve(
    runtime: &tokio::runtime::Runtime,
    tls: Tls,
    arm: &str,
    base: &str,
    (entra, issuers): (&Arc<Entra>, &Arc<Issuers>),
    traces: &Arc<Mutex<Vec<u8>>>,
) -> String {
    let cloud = json!({"name": "AzureCloud", "portal": "https://portal.azure.com", "resourceManager": arm,
        "authentication": {"loginEndpoint": base, "audiences": ["https://management.azure.com"]}});
    let tokens = Router::new().route("/{tenant}/oauth2/v2.0/token", post(super::entra::token)).with_state(Arc::clone(entra));
    let asked = Router::new()
        .route("/github/token", any(issuers::github))
        .route("/devops/oidctoken", any(issuers::devops))
        .route("/devops/page", any(issuers::page))
        .route("/cli", get(issuers::cli))
        .with_state(Arc::clone(issuers));
    let metadata = Router::new().route("/metadata/endpoints", get(move || async move { Json(cloud) }));
    runtime.spawn(async move { axum::serve(tls, tokens.merge(asked).merge(metadata)).await });
    let plain = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let machine = format!("http://{}", plain.local_addr().unwrap());
    let services = Router::new()
        .route("/metadata/identity/oauth2/token", get(issuers::machine))
        .route("/msi/token", get(issuers::app_service))
        .with_state(Arc::clone(issuers));
    let kept = Arc::clone(traces);
    let take = async move |body: axum::body::Bytes| kept.lock().unwrap().extend_from_slice(&body);
    let services = services.route("/v1/traces", post(take));
    runtime.spawn(async move { axum::serve(plain, services).await });
    machine
}

impl Scene<'_> {
    /// Puts a program on the path.
    pub(super) fn program(&self, name: &str, script: &str) {
        let path = self.programs.join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// An az CLI that somebody is signed in to, as the real one answers.
    pub(super) fn with_az(self) -> Self {
        let World { base, subscription, tenant, .. } = self.world;
        let script = format!(
            r#"#!/bin/sh
echo "$@" >> '{programs}/az.arguments'
command="$1 $2"; shift 2
scope= tenant= subscription=
while [ $# -gt 0 ]; do
  case "$1" in
    --scope) scope=$2; shift 2 ;;
    --tenant) tenant=$2; shift 2 ;;
    --subscription) subscription=$2; shift 2 ;;
    -o|--output) [ "$2" = json ] || exit 2; shift 2 ;;
    *) echo "ERROR: unrecognized arguments: $1" >&2; exit 2 ;;
  esac
done
if [ -n "$tenant" ] && [ -n "$subscription" ]; then
  echo "ERROR: Please specify only one of subscription and tenant, not both" >&2; exit 1
fi
case "$command" in
  "account show") echo '{{"environmentName": "AzureCloud", "homeTenantId": "{tenant}", "id": "{subscription}", "isDefault": true,
    "managedByTenants": [], "name": "rehearsal", "state": "Enabled", "tenantId": "{tenant}",
    "user": {{"name": "ann@example.com", "type": "user"}}}}' ;;
  "account get-access-token") exec curl -sSf --noproxy '*' --cacert "$SSL_CERT_FILE" -G '{base}/cli' --data-urlencode "scope=$scope" \
    --data-urlencode "subscription=$subscription" ;;
  *) echo "ERROR: '$command' is misspelled or not recognized by the system." >&2; exit 2 ;;
esac
"#,
            programs = self.programs.display()
        );
        self.program("az", &script);
        self
    }

    /// An az CLI that nobody is signed in to.
    pub(super) fn with_az_signed_out(self) -> Self {
        self.program("az", "#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n");
        self
    }

    /// An azd that somebody is signed in to.
    pub(super) fn with_azd(self) -> Self {
        let script = format!(
            r#"#!/bin/sh
echo "$@" >> '{programs}/azd.arguments'
[ "$1 $2" = "auth token" ] || exit 2
shift 2
while [ $# -gt 0 ]; do
  case "$1" in
    --scope) scope=$2; shift 2 ;;
    --tenant-id|-o) shift 2 ;;
    --no-prompt) shift ;;
    *) exit 2 ;;
  esac
done
exec curl -sSf --noproxy '*' --cacert "$SSL_CERT_FILE" -G '{base}/cli?of=azd' --data-urlencode "scope=$scope"
"#,
            programs = self.programs.display(),
            base = self.world.base
        );
        self.program("azd", &script);
        self
    }

    /// A run, with nothing in its environment but what the scene sets.
    pub(super) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, &[])
    }

    pub(super) fn run_with(&self, args: &[&str], more: &[(&str, &str)]) -> Ended {
        let mut command = self.stage.command(args);
        let usual = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{usual}", self.programs.display()));
        Ended::of(&command.envs(&self.variables).envs(more.iter().copied()).output().unwrap())
    }

    /// The variables of azurerm that terraform had in its environment.
    pub(super) fn terraforms_variables(&self) -> Vec<String> {
        let all = std::fs::read_to_string(self.programs.join("terraform.variables")).unwrap();
        all.lines().filter(|name| name.starts_with("ARM_")).map(str::to_owned).collect()
    }

    /// Where a secret was seen: in what the runs said, and in all that lies in the working directory, records of arguments included.
    pub(super) fn leaks(&self, told: &[&Ended]) -> Vec<String> {
        let secrets = self.world.secrets();
        let mut places: Vec<Place> = Vec::new();
        for (number, ended) in told.iter().enumerate() {
            // What asks a pipeline to hide a secret must name it.
            let kept = |text: &str| {
                let masks = ["::add-mask::", "##vso[task.setsecret]"];
                let lines = text.lines().filter(|line| !masks.iter().any(|mask| line.starts_with(mask)));
                lines.collect::<Vec<_>>().join("\n").into_bytes()
            };
            places.push(Place { name: format!("run {number}: stdout"), bytes: kept(&ended.stdout) });
            places.push(Place { name: format!("run {number}: stderr"), bytes: kept(&ended.stderr) });
        }
        places.extend(super::scan::files(self.stage.home()));
        places.push(Place { name: "traces".to_owned(), bytes: self.world.traces.lock().unwrap().clone() });
        super::scan::found(&secrets, &places)
    }

    pub(super) fn home(&self) -> &Path {
        self.stage.home()
    }
}
