//! Every way to sign in, through the binary and the real terraform, against doubles that are as strict as what they stand for; and after
//! each a search for its secrets in everything that was written.

mod authority;
mod entra;
mod issuers;
mod scan;
mod world;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::rehearsal::{Ended, Rehearsal, Served};
use entra::Entry;
use world::{PASSWORD, Scene, World};

/// What must hold for every method: it signs in, terraform signs in by the same, `auth` tells the truth about both, and no secret is seen.
fn holds(scene: &Scene<'_>, method: &str, by: &str) {
    let world = scene.world;
    drop((world.entries(), world.refusals()));
    let auth = scene.run(&["auth", "--output", "json"]);
    assert_eq!(auth.code, Some(0), "{method}: {}", auth.all());
    let told = auth.json();
    assert_eq!((&told["method"], &told["signed_in"]), (&method.into(), &true.into()), "{}", auth.all());
    assert_eq!(told["principal"]["client_id"], world.client.as_str(), "{}", auth.all());
    assert_eq!(told["subscription"]["state"], "Enabled", "{}", auth.all());
    assert!(world.entries().iter().all(|entry| entry.by == by), "{method}");

    let plan = scene.run_with(&["plan", "--out", "stack.plan", "--plain"], &[("AKSIGHT_LOG", "trace")]);
    assert_eq!(plan.code, Some(2), "{method}: {}", plan.all());
    let entries = world.entries();
    assert!(entries.iter().all(|entry| entry.by == by), "{method}: {entries:?}");
    assert!(entries.iter().any(|entry| entry.terraform) || by == "cli", "{method}: terraform did not sign in by itself");
    assert!(entries.iter().any(|entry| !entry.terraform), "{method}: {entries:?}");
    assert_eq!(world.refusals(), Vec::<u32>::new(), "{method}");
    let named: Vec<&str> = told["terraform"]["variables"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut given = scene.terraforms_variables();
    given.retain(|name| name != "ARM_CLIENT_ID" || named.contains(&"ARM_CLIENT_ID"));
    assert_eq!(given, named, "{method}: `auth` names what terraform gets");
    assert_eq!(scene.leaks(&[&auth, &plan]), Vec::<String>::new(), "{method}");
}

/// An id that nobody has.
const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

fn application(world: &World) -> [(&'static str, &str); 3] {
    [("ARM_TENANT_ID", &world.tenant), ("ARM_CLIENT_ID", &world.client), ("ARM_SUBSCRIPTION_ID", &world.subscription)]
}

fn scene<'a>(world: &'a World, variables: &[(&str, &str)]) -> Scene<'a> {
    world.scene(&[&application(world)[..], variables].concat())
}

#[test]
fn secrets_and_certificates() {
    let world = World::new();
    let secret = world.entra.application.secret.clone();
    holds(&scene(&world, &[("ARM_CLIENT_SECRET", &secret)]), "client secret", "secret");
    let file = world.put("secret", format!("{secret}\n"));
    holds(&scene(&world, &[("ARM_CLIENT_SECRET_FILE_PATH", &file)]), "client secret", "secret");

    let packed = STANDARD.encode(world.packed());
    let inline = [("ARM_CLIENT_CERTIFICATE", packed.as_str()), ("ARM_CLIENT_CERTIFICATE_PASSWORD", PASSWORD)];
    holds(&scene(&world, &inline), "client certificate", "certificate");
    // Relative to where the run begins, and terraform works elsewhere.
    let path = [("ARM_CLIENT_CERTIFICATE_PATH", "../certificate.pfx"), ("ARM_CLIENT_CERTIFICATE_PASSWORD", PASSWORD)];
    let beside = scene(&world, &path);
    let packed_file = beside.home().parent().unwrap().join("certificate.pfx");
    std::fs::write(&packed_file, world.packed()).unwrap();
    holds(&beside, "client certificate", "certificate");
    std::fs::remove_file(packed_file).unwrap();
}

#[test]
fn tokens_of_pipelines() {
    let world = World::new();
    let token = world.issuers.assertion(issuers::GITHUB, issuers::GITHUB_SUBJECT, issuers::AUDIENCE, 300);
    let oidc = ("ARM_USE_OIDC", "true");
    holds(&scene(&world, &[oidc, ("ARM_OIDC_TOKEN", &token)]), "OIDC token", issuers::GITHUB);
    let file = world.put("oidc", format!("{token}\n"));
    holds(&scene(&world, &[oidc, ("ARM_OIDC_TOKEN_FILE_PATH", &file)]), "OIDC token file", issuers::GITHUB);

    let (url, ask) = (format!("{}/github/token?api-version=2.0", world.base), world.issuers.github_token.clone());
    let job = [oidc, ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &ask)];
    let job = [&job[..], &[("GITHUB_ACTIONS", "true")]].concat();
    holds(&scene(&world, &job), "GitHub Actions OIDC", issuers::GITHUB);

    let (url, ask) = (format!("{}/devops/oidctoken", world.base), world.issuers.devops_token.clone());
    let job = [
        oidc,
        ("SYSTEM_OIDCREQUESTURI", url.as_str()),
        ("SYSTEM_ACCESSTOKEN", &ask),
        ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", issuers::CONNECTION),
        ("TF_BUILD", "True"),
    ];
    let job = scene(&world, &job);
    holds(&job, "Azure DevOps service connection", issuers::DEVOPS);
    let told = job.run_with(&["plan", "--output", "azdo"], &[("AKSIGHT_LOG", "trace")]);
    assert!(told.code == Some(2) && told.all().contains("##vso["), "{}", told.all());
    assert_eq!(job.leaks(&[&told]), Vec::<String>::new());
    let asked = world.issuers.asked.lock().unwrap().clone();
    assert!(asked.iter().any(|line| line == "github GET") && asked.iter().any(|line| line == "devops POST"), "{asked:?}");
}

#[test]
fn identities_of_machines() {
    let world = World::new();
    let own = [("ARM_SUBSCRIPTION_ID", world.subscription.as_str()), ("ARM_USE_MSI", "true")];
    let endpoint = format!("{}/metadata/identity/oauth2/token", world.machine);
    let machine = [&own[..], &[("ARM_MSI_ENDPOINT", &endpoint)]].concat();
    // A proxy has nothing to do on the way to the machine's own services.
    let proxied = [&machine[..], &[("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9")]].concat();
    holds(&world.scene(&proxied), "system-assigned managed identity", "machine");
    let assigned = [&machine[..], &[("ARM_CLIENT_ID", world.client.as_str())]].concat();
    holds(&world.scene(&assigned), "user-assigned managed identity", "machine");

    // The service is being updated, throttles, or is broken for a moment; then it is well.
    for ailments in [[410, 404], [429, 500]] {
        world.issuers.ailments.lock().unwrap().extend(ailments);
        let unwell = world.scene(&machine).run(&["auth", "--output", "json"]);
        assert_eq!(unwell.code, Some(0), "{ailments:?}: {}", unwell.all());
        assert!(world.issuers.ailments.lock().unwrap().is_empty());
    }

    let (endpoint, header) = (format!("{}/msi/token", world.machine), world.issuers.identity_header.clone());
    let app = [&own[..], &[("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", &header)]].concat();
    holds(&world.scene(&app), "system-assigned managed identity", "machine");
    let asked = world.issuers.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|line| !line.contains(".default")), "{asked:?}");
}

#[test]
fn command_line_tools() {
    let world = World::new();
    let subscription = [("ARM_SUBSCRIPTION_ID", world.subscription.as_str())];
    holds(&world.scene(&subscription).with_az(), "az CLI", "cli");
    // Its own subscription, when none is named; and a tenant, with which it takes no subscription.
    holds(&world.scene(&[]).with_az(), "az CLI", "cli");
    holds(&world.scene(&[subscription[0], ("ARM_TENANT_ID", &world.tenant)]).with_az(), "az CLI", "cli");

    // Terraform cannot use azd: that is told before, and by terraform itself.
    let azd = world.scene(&subscription).with_azd();
    let auth = azd.run(&["auth", "--output", "json"]);
    assert_eq!(auth.code, Some(0), "{}", auth.all());
    assert_eq!((&auth.json()["method"], &auth.json()["terraform"]["signs_in"]), (&"azd".into(), &false.into()));
    let plan = azd.run(&["plan"]);
    assert_eq!(plan.code, Some(1), "{}", plan.all());
    assert!(plan.stderr.contains("AzureCli Authorizer"), "{}", plan.all());
    assert_eq!(azd.leaks(&[&auth, &plan]), Vec::<String>::new());
}

/// A pod: the kubelet writes a new token into the file again and again, and the old ones end. A whole run outlives several
/// of them.
#[test]
fn a_run_goes_on_while_its_token_is_replaced() {
    let world = World::new();
    let path = world.put("projected-token", world.of_cluster(6));
    let pod =
        [("AZURE_TENANT_ID", world.tenant.as_str()), ("AZURE_CLIENT_ID", &world.client), ("AZURE_FEDERATED_TOKEN_FILE", &path)];
    let scene = world.scene(&[&pod[..], &[("ARM_SUBSCRIPTION_ID", world.subscription.as_str())]].concat());
    // Tokens are renewed five minutes before they end, so this one wants to be renewed after two seconds.
    *world.entra.life.lock().unwrap() = Some(302);
    let over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                // As a kubelet does: beside it, then in its place.
                let next = world.put("next-token", world.of_cluster(6));
                std::fs::rename(next, &path).unwrap();
                std::thread::park_timeout(Duration::from_millis(500));
            }
        });
        let done = scene.run_with(&["provision", "--yes", "--no-verify", "--output", "json"], &[("AKSIGHT_LOG", "debug")]);
        over.store(true, Ordering::SeqCst);
        done
    });
    assert_eq!((done.code, &done.json()["result"]), (Some(0), &"changed".into()), "{}", done.all());
    let entries = world.entries();
    assert!(entries.iter().all(|entry| entry.by == issuers::CLUSTER), "{entries:?}");
    let ours: Vec<&Entry> = entries.iter().filter(|entry| !entry.terraform).collect();
    let terraforms: Vec<&Entry> = entries.iter().filter(|entry| entry.terraform).collect();
    let [first, .., last] = ours.as_slice() else { panic!("one sign-in is no replacement: {entries:?}") };
    assert_ne!(first.shown, last.shown, "the second sign-in read the new token");
    assert!(terraforms.len() >= 2 && terraforms[0].shown != terraforms[terraforms.len() - 1].shown, "{entries:?}");
    assert_eq!(world.refusals(), Vec::<u32>::new());
    assert_eq!(scene.leaks(&[&done]), Vec::<String>::new());

    // What was not replaced has ended.
    std::fs::write(&path, world.of_cluster(-30)).unwrap();
    let ended = scene.run(&["auth"]);
    assert_eq!((ended.code, world.refusals()), (Some(1), vec![700_024]), "{}", ended.all());
}

/// A job that applies, with everything on that writes: log lines of the finest level, traces, summary, outputs, findings, checks.
#[test]
fn a_whole_run_of_a_job_writes_no_secret() {
    let world = World::new();
    let (url, ask) = (format!("{}/github/token?api-version=2.0", world.base), world.issuers.github_token.clone());
    let job = [
        ("ARM_USE_OIDC", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &ask),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", "summary.md"),
        ("GITHUB_OUTPUT", "outputs"),
        ("AKSIGHT_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &world.machine),
        ("TF_LOG", "TRACE"),
        ("TF_LOG_PATH", "terraform.log"),
    ];
    let scene = scene(&world, &job);
    let more = ["--output", "github", "--sarif", "findings.sarif", "--junit", "checks.xml"];
    let done = scene.run(&[&["provision", "--yes", "--no-verify"][..], &more].concat());
    assert_eq!(done.code, Some(0), "{}", done.all());
    // Terraform itself was asked to tell everything, too.
    for file in ["summary.md", "outputs", "findings.sarif", "checks.xml", ".aksight/stacks/quickstart/journal.db"] {
        assert!(std::fs::metadata(scene.home().join(file)).is_ok_and(|found| found.len() > 0), "{file}");
    }
    assert!(world.entries().len() >= 4 && world.has_traces());
    assert_eq!(scene.leaks(&[&done]), Vec::<String>::new());

    // Whether the search would find anything at all.
    let planted = scene.home().join(".aksight/stacks/quickstart/terraform/planted");
    std::fs::write(&planted, format!("{{\"token\": \"{ask}\"}}")).unwrap();
    assert_eq!(scene.leaks(&[]), [format!("GitHub's request token in {}", planted.display())]);
}

/// Without a file, with one that is there, with one that is named, and with one that cannot be used.
#[test]
fn a_file_counts_when_there_is_one() {
    let world = World::new();
    let secret = world.entra.application.secret.clone();
    let scene =
        scene(&world, &[("ARM_CLIENT_SECRET", &secret), ("COLUMNS", "5000"), ("SYSTEM_ACCESSTOKEN", "a-token-of-the-job")]);
    let file = scene.home().join("aksight.yaml");
    let quickstart = std::fs::read_to_string(&file).unwrap();
    let named =
        quickstart.replace("azure:\n", &format!("azure:\n  subscription: {}\n  tenant: {}\n", world.subscription, world.tenant));
    assert_ne!(named, quickstart);
    std::fs::remove_file(&file).unwrap();
    let scene = scene.with_az();
    let alone = scene.run(&["auth"]);
    assert_eq!(alone.code, Some(0), "{}", alone.all());
    let settled = Failures { world: &world, told: alone.stdout.clone() }.settled();
    let object = regex::Regex::new("object id [0-9a-f-]{36}").unwrap();
    let addresses = regex::Regex::new("localhost:[0-9]+").unwrap();
    let settled = addresses.replace_all(&object.replace_all(&settled, "object id OBJECT"), "ARM").into_owned();
    insta::assert_snapshot!(settled, @r"
    sign-in       client secret: works
    decided by    ARM_CLIENT_SECRET, ARM_TENANT_ID, ARM_CLIENT_ID
    not used      az CLI (az): the client secret comes first; signed in there is ann@example.com
    principal     application CLIENT, object id OBJECT
    tenant        TENANT
    cloud         public, described by HOST; Entra https://HOST; ARM https://ARM
    subscription  rehearsal SUBSCRIPTION, Enabled; named by ARM_SUBSCRIPTION_ID
    may           manage resources of all kinds, and assign roles
    terraform     signs in the same way, by ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_ENVIRONMENT, ARM_METADATA_HOSTNAME, ARM_SUBSCRIPTION_ID, ARM_TENANT_ID, ARM_USE_CLI
                  kept from it: SYSTEM_ACCESSTOKEN
    ");

    std::fs::write(scene.home().join("shop.yaml"), &named).unwrap();
    let other = [("ARM_SUBSCRIPTION_ID", NOBODY), ("ARM_TENANT_ID", "")];
    for named in [&["auth", "shop.yaml"][..], &["auth", "--file", "shop.yaml"]] {
        let told = scene.run_with(&[named, &["--output", "json"]].concat(), &other).json();
        assert_eq!(told["subscription"]["named_by"], "azure.subscription in shop.yaml", "{told}");
        assert_eq!(told["decided_by"][1], "azure.tenant in shop.yaml", "{told}");
        assert_eq!((&told["exit_code"], &told["subscription"]["name"]), (&0.into(), &"rehearsal".into()), "{told}");
    }
    std::fs::write(&file, named.replace("kind: Stack", "kind: Pile")).unwrap();
    let broken = scene.run(&["auth"]);
    assert!(broken.code == Some(64) && broken.stderr.contains("aksight.yaml:"), "{}", broken.all());
    let absent = scene.run(&["auth", "nowhere.yaml", "--output", "json"]);
    assert_eq!((absent.code, &absent.json()["diagnostics"][0]["code"]), (Some(64), &"AKS-0119".into()), "{}", absent.all());
    let coloured = scene.run_with(&["auth", "shop.yaml"], &[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.stdout.contains("\u{1b}[") && !alone.stdout.contains('\u{1b}'), "{}", coloured.all());
}

/// What somebody may do, and by which roles: as Azure says it.
#[test]
fn rights_are_told_by_role_and_in_a_sentence() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &["--principal", "auditor=Reader", "--principal", "builder=Contributor"]);
    let told = |name: &str| {
        let mut command = stage.command(&["auth", "--output", "json"]);
        let ended = Ended::of(&command.envs(served.variables_of(name)).output().unwrap());
        assert_eq!(ended.code, Some(0), "{}", ended.all());
        let told = ended.json();
        (told["roles"][0]["role"].as_str().unwrap().to_owned(), told["may"].as_str().unwrap().to_owned())
    };
    assert_eq!(told("auditor"), ("Reader".to_owned(), "read only".to_owned()));
    let (role, may) = told("builder");
    assert_eq!(role, "Contributor");
    assert!(may.starts_with("manage resources of all kinds, but not assign roles"), "{may}");
}

/// A federated credential that was made just now: Entra does not know it yet, and then it does.
#[test]
fn a_new_federated_credential_is_waited_for() {
    let world = World::new();
    let token = world.issuers.assertion(issuers::GITHUB, issuers::GITHUB_SUBJECT, issuers::AUDIENCE, 300);
    let scene = scene(&world, &[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", &token)]);
    world.entra.application.not_yet.store(2, Ordering::SeqCst);
    let done = scene.run_with(&["auth"], &[("AKSIGHT_LOG", "warn")]);
    assert_eq!((done.code, world.refusals()), (Some(0), vec![70_021, 70_021]), "{}", done.all());
    assert!(done.stderr.matches("Entra knows no such federated credential yet").count() == 2, "{}", done.all());
}

/// What a failed sign-in says, with exit code: one paragraph each.
struct Failures<'a> {
    world: &'a World,
    told: String,
}

impl Failures<'_> {
    fn auth(&mut self, what: &str, variables: &[(&str, &str)]) {
        let scene = scene(self.world, variables);
        self.run(what, &scene);
    }

    fn run(&mut self, what: &str, scene: &Scene<'_>) {
        // So wide that no line is wrapped: where it would be depends on lengths that differ.
        let done = scene.run_with(&["auth"], &[("COLUMNS", "5000")]);
        assert_eq!(scene.leaks(&[&done]), Vec::<String>::new(), "{what}");
        let code = done.code.unwrap();
        writeln!(self.told, "{what}: exit {code}\n{}", done.stderr).unwrap();
    }

    /// The same every time: what differs from run to run is replaced.
    fn settled(&self) -> String {
        let world = self.world;
        let mut told = self.told.clone();
        for (value, name) in [(&world.tenant, "TENANT"), (&world.client, "CLIENT"), (&world.subscription, "SUBSCRIPTION")] {
            told = told.replace(value.as_str(), name);
        }
        let told = told
            .replace(world.base.trim_start_matches("https://"), "HOST")
            .replace(world.machine.trim_start_matches("http://"), "MACHINE");
        let patterns = [
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
            (r"`/tmp[^`]*/([^/`]+)`", "`DIR/$1`"),
            (r"[0-9A-F]{40}", "THUMBPRINT"),
            (r"(request|correlation)( id)? [0-9a-f-]{36}", "$1 ID"),
        ];
        patterns
            .iter()
            .fold(told, |told, (pattern, name)| regex::Regex::new(pattern).unwrap().replace_all(&told, *name).into_owned())
    }
}

#[test]
fn what_an_application_does_wrong_is_told_in_words() {
    let world = World::new();
    let mut failures = Failures { world: &world, told: String::new() };

    failures.auth("a wrong secret", &[("ARM_CLIENT_SECRET", "wrong-secret-of-somebody")]);
    failures.auth("an expired secret", &[("ARM_CLIENT_SECRET", &world.entra.application.expired_secret)]);
    let secret = world.entra.application.secret.clone();
    failures.auth("an unknown tenant", &[("ARM_CLIENT_SECRET", &secret), ("ARM_TENANT_ID", "contoso.example")]);
    failures.auth("an unknown application", &[("ARM_CLIENT_SECRET", &secret), ("ARM_CLIENT_ID", NOBODY)]);
    failures.auth("half an application", &[("ARM_CLIENT_SECRET", &secret), ("ARM_CLIENT_ID", "")]);
    failures.auth("another's subscription", &[("ARM_CLIENT_SECRET", &secret), ("ARM_SUBSCRIPTION_ID", NOBODY)]);
    failures.auth("no subscription", &[("ARM_CLIENT_SECRET", &secret), ("ARM_SUBSCRIPTION_ID", "")]);

    let (_, foreign) = authority::Key::new().certify(PASSWORD);
    let foreign = world.put("foreign.pfx", foreign);
    let certificate = |path, password| [("ARM_CLIENT_CERTIFICATE_PATH", path), ("ARM_CLIENT_CERTIFICATE_PASSWORD", password)];
    failures.auth("a certificate that is not registered", &certificate(foreign.as_str(), PASSWORD));
    failures.auth("a wrong password of the PKCS#12", &certificate(foreign.as_str(), "wrong"));
    insta::assert_snapshot!(failures.settled(), @r"
    a wrong secret: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app 'CLIENT'.
      hint: set the secret's value, not its id; make a new one if it is lost

    an expired secret: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS7000222: The provided client secret keys for app 'CLIENT' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.
      hint: make a new secret for the application, or let it sign in by a federated credential, which does not end

    an unknown tenant: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS90002: Tenant 'contoso.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.
      hint: check `ARM_TENANT_ID` or `azure.tenant`, and that the cloud is the right one

    an unknown application: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700016: Application with identifier '99999999-9999-4999-8999-999999999999' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.
      hint: check `ARM_CLIENT_ID`, and that the tenant is the application's

    half an application: exit 64
    error[AKS-0202]: no Azure credentials: a client secret is set, but not `ARM_CLIENT_ID`
      hint: set `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID` and `ARM_SUBSCRIPTION_ID`, or run `az login`; `--simulate` needs none

    another's subscription: exit 1
    error[AKS-0203]: GET `/subscriptions/99999999-9999-4999-8999-999999999999` was answered with 404 `SubscriptionNotFound`: The subscription '99999999-9999-4999-8999-999999999999' could not be found. [request ID]
      on: /subscriptions/99999999-9999-4999-8999-999999999999
      azure: SubscriptionNotFound (404), correlation ID, request ID
      hint: check `azure.subscription` or `ARM_SUBSCRIPTION_ID`, and that the signed-in identity may see it

    no subscription: exit 64
    error[AKS-0203]: no subscription is named
      hint: set `azure.subscription` in the file or `ARM_SUBSCRIPTION_ID` in the environment

    a certificate that is not registered: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id 'CLIENT'. The certificate's thumbprint, as the portal shows it, is THUMBPRINT.
      hint: upload the certificate to the application, or use the one that is there

    a wrong password of the PKCS#12: exit 64
    error[AKS-0202]: no Azure credentials: the client certificate in `DIR/foreign.pfx` cannot be used: it cannot be opened (MAC tag mismatch); is the password right?
      hint: check `ARM_CLIENT_CERTIFICATE_PATH` and `ARM_CLIENT_CERTIFICATE_PASSWORD`
    ");
}

#[test]
fn what_an_assertion_does_wrong_is_told_in_words() {
    let world = World::new();
    let mut failures = Failures { world: &world, told: String::new() };
    let oidc = ("ARM_USE_OIDC", "true");

    let cases = [
        ("a wrong audience", issuers::GITHUB, issuers::GITHUB_SUBJECT, "https://github.com/acme", 300),
        ("a wrong subject", issuers::GITHUB, "repo:acme/Shop:pull_request", issuers::AUDIENCE, 300),
        ("a subject in other letters", issuers::GITHUB, "repo:acme/shop:environment:prod", issuers::AUDIENCE, 300),
        ("a wrong issuer", "https://gitlab.example", issuers::GITHUB_SUBJECT, issuers::AUDIENCE, 300),
        ("an expired token", issuers::GITHUB, issuers::GITHUB_SUBJECT, issuers::AUDIENCE, -30),
    ];
    for (what, issuer, subject, audience, seconds) in cases {
        let token = world.issuers.assertion(issuer, subject, audience, seconds);
        failures.auth(what, &[oidc, ("ARM_OIDC_TOKEN", &token)]);
    }
    let file = world.put("stale-token", world.of_cluster(-30));
    failures.auth("a file that was not replaced", &[("AZURE_FEDERATED_TOKEN_FILE", &file)]);
    failures.auth("a file that is not there", &[("AZURE_FEDERATED_TOKEN_FILE", "/tmp/nowhere/token")]);
    failures.auth("OIDC and nobody to ask", &[oidc]);
    insta::assert_snapshot!(failures.settled(), @r"
    a wrong audience: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700212: No matching federated identity record found for presented assertion audience 'https://github.com/acme'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation. The assertion names issuer `https://token.actions.githubusercontent.com`, subject `repo:acme/Shop:environment:prod`, audience `https://github.com/acme`; Entra compares all three letter by letter with the application's federated credentials. One that was made just now may take two minutes to count.
      hint: compare them with the application's federated credentials, or add one that fits

    a wrong subject: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme/Shop:pull_request'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation. The assertion names issuer `https://token.actions.githubusercontent.com`, subject `repo:acme/Shop:pull_request`, audience `api://AzureADTokenExchange`; Entra compares all three letter by letter with the application's federated credentials. One that was made just now may take two minutes to count.
      hint: compare them with the application's federated credentials, or add one that fits

    a subject in other letters: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS7002138: No matching federated identity record found for presented assertion subject 'repo:acme/shop:environment:prod'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation. The assertion names issuer `https://token.actions.githubusercontent.com`, subject `repo:acme/shop:environment:prod`, audience `api://AzureADTokenExchange`; Entra compares all three letter by letter with the application's federated credentials. One that was made just now may take two minutes to count.
      hint: compare them with the application's federated credentials, or add one that fits

    a wrong issuer: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700211: No matching federated identity record found for presented assertion issuer 'https://gitlab.example'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation. The assertion names issuer `https://gitlab.example`, subject `repo:acme/Shop:environment:prod`, audience `api://AzureADTokenExchange`; Entra compares all three letter by letter with the application's federated credentials. One that was made just now may take two minutes to count.
      hint: compare them with the application's federated credentials, or add one that fits

    an expired token: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700024: Client assertion is not within its valid time range. Current time: TIME, assertion valid from TIME, expiry time of assertion TIME. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials. The token was given once and has ended; nothing can replace it. Name a file that is kept fresh, or let the pipeline be asked.
      hint: sign in again with a fresh token; if the token is fresh, set this machine's clock

    a file that was not replaced: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700024: Client assertion is not within its valid time range. Current time: TIME, assertion valid from TIME, expiry time of assertion TIME. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials. The token in `DIR/stale-token` has ended: whoever writes that file did not replace it in time.
      hint: sign in again with a fresh token; if the token is fresh, set this machine's clock

    a file that is not there: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: the file of the federated token, `DIR/token`: No such file or directory (os error 2)
      hint: name the file of a token that somebody keeps fresh

    OIDC and nobody to ask: exit 64
    error[AKS-0202]: no Azure credentials: `ARM_USE_OIDC` is set, but there is no token (`ARM_OIDC_TOKEN`, `ARM_OIDC_TOKEN_FILE_PATH`) and nobody to ask for one: in GitHub Actions the job needs `permissions: id-token: write`; in Azure DevOps the step needs `SYSTEM_ACCESSTOKEN` in its environment and `ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID`
      hint: set `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID` and `ARM_SUBSCRIPTION_ID`, or run `az login`; `--simulate` needs none
    ");
}

#[test]
fn what_those_who_are_asked_refuse_is_told_in_words() {
    let world = World::new();
    let mut failures = Failures { world: &world, told: String::new() };
    let oidc = ("ARM_USE_OIDC", "true");

    let url = format!("{}/github/token?api-version=2.0", world.base);
    let job = |token| [oidc, ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)];
    failures.auth("GitHub and a wrong token", &job("ended-request-token"));
    *world.issuers.subject.lock().unwrap() = Some("repo:acme/Shop:ref:refs/heads/fix");
    failures.auth("GitHub and another branch", &job(&world.issuers.github_token));

    let devops = |path: &str| format!("{}/devops/{path}", world.base);
    let (url, page) = (devops("oidctoken"), devops("page"));
    let step = |url, token, connection| {
        [
            oidc,
            ("SYSTEM_OIDCREQUESTURI", url),
            ("SYSTEM_ACCESSTOKEN", token),
            ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", connection),
        ]
    };
    let right = world.issuers.devops_token.as_str();
    failures.auth("Azure DevOps and a wrong token", &step(url.as_str(), "ended-access-token", issuers::CONNECTION));
    failures.auth("Azure DevOps and another connection", &step(url.as_str(), right, "another"));
    failures.auth("Azure DevOps and a page", &step(page.as_str(), right, issuers::CONNECTION));

    let endpoint = format!("{}/metadata/identity/oauth2/token", world.machine);
    let machine = [("ARM_USE_MSI", "true"), ("ARM_MSI_ENDPOINT", endpoint.as_str()), ("ARM_CLIENT_ID", NOBODY)];
    failures.auth("an identity that the machine has not", &machine);
    let none = [("ARM_USE_CLI", "false")];
    failures.auth("nothing at all", &none);
    let subscription = [("ARM_SUBSCRIPTION_ID", world.subscription.as_str())];
    failures.run("az, signed out", &world.scene(&subscription).with_az_signed_out());
    insta::assert_snapshot!(failures.settled(), @r"
    GitHub and a wrong token: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: GitHub gave no identity token: `/github/token` answered with 401 The access token is not valid.
      hint: the job needs `permissions: id-token: write`, and its token ends with it

    GitHub and another branch: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme/Shop:ref:refs/heads/fix'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation. The assertion names issuer `https://token.actions.githubusercontent.com`, subject `repo:acme/Shop:ref:refs/heads/fix`, audience `api://AzureADTokenExchange`; Entra compares all three letter by letter with the application's federated credentials. One that was made just now may take two minutes to count.
      hint: compare them with the application's federated credentials, or add one that fits

    Azure DevOps and a wrong token: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: Azure DevOps gave no identity token: `/devops/oidctoken` answered with 401 TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource.
      hint: map `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` into the step, and let the pipeline use the service connection

    Azure DevOps and another connection: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: Azure DevOps gave no identity token: `/devops/oidctoken` answered with 404 The service connection does not exist or has not been authorized for use.
      hint: map `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` into the step, and let the pipeline use the service connection

    Azure DevOps and a page: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: Azure DevOps gave no identity token: `/devops/page` answered with 203 and a page for people: <html><title>Azure DevOps Services | Sign In</title></html>
      hint: map `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` into the step, and let the pipeline use the service connection

    an identity that the machine has not: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: `/metadata/identity/oauth2/token` answered with 400 invalid_request Identity not found
      hint: give this machine the identity; of several, name one by its client id in `ARM_CLIENT_ID`

    nothing at all: exit 64
    error[AKS-0202]: no Azure credentials: looked for an application (`ARM_CLIENT_ID`, `ARM_TENANT_ID`, and `ARM_CLIENT_CERTIFICATE_PATH`, `ARM_CLIENT_SECRET` or `ARM_USE_OIDC`; or the same names with `AZURE_`) and for a managed identity (`ARM_USE_MSI`); the az CLI is switched off by `ARM_USE_CLI`
      hint: set `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID` and `ARM_SUBSCRIPTION_ID`, or run `az login`; `--simulate` needs none

    az, signed out: exit 1
    error[AKS-0401]: no token for `https://management.azure.com/.default`: no service principal is set (`ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID`), so the az CLI was asked: ERROR: Please run 'az login' to setup account.
      hint: run `az login`, or set the variables of another way to sign in
    ");
}
