//! `aksight simulate`: the embedded Azure alone, for terraform, az, kubectl and whoever speaks Azure.

use std::io::Write as _;
use std::path::PathBuf;

use aksight::base::Secret;
use aksight::diag::{Code, Diagnostic};
use aksight::host::files;
use aksight::host::signals::Signals;
use aksight::sim::server::{Azure, Error, Fault, Options, Principal};
use aksight::sim::tfplugin;
use clap::Args;

use super::validate::tell;
use crate::cli::exit::Exit;
use crate::cli::stage::{pace, without_proxy};

/// Serve the embedded Azure until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "In another shell: source DIR/env.sh, then terraform, az or aksight speak to it.")]
pub(crate) struct SimulateArgs {
    /// Where it keeps its world.
    #[arg(long, value_name = "DIR", default_value = ".aksight/azure")]
    state_dir: PathBuf,
    /// Begin with an empty Azure.
    #[arg(long)]
    fresh: bool,
    /// The port; else the one of last time.
    #[arg(long)]
    port: Option<u16>,
    /// How fast time passes: `fast`, `realistic`, or seconds of ours per second of Azure's.
    #[arg(long, default_value = "fast", value_parser = pace)]
    pace: f64,
    /// Order a fault; may be given several times (docs/simulator.md).
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Write the world when it ends, not before every answer that changed it: for large worlds, which a kill then loses.
    #[arg(long)]
    write_at_end: bool,
    /// A subscription's id; may be given several times.
    #[arg(long)]
    subscription: Vec<String>,
    /// A further application that may sign in, with its roles: `NAME=ROLE[@SCOPE][,ROLE[@SCOPE]…]`; may be given several times. A
    /// scope is an id, or the name of a resource group; without one the role holds in the whole (first) subscription. `DIR/NAME.sh`
    /// is then what `DIR/env.sh` is for the owner.
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Vec<Principal>,
}

/// Runs it.
pub(crate) fn run(args: &SimulateArgs) -> std::io::Result<Exit> {
    tokio::runtime::Runtime::new()?.block_on(serve(args))
}

async fn serve(args: &SimulateArgs) -> std::io::Result<Exit> {
    let options = Options {
        state_dir: args.state_dir.clone(),
        fresh: args.fresh,
        pace: args.pace,
        port: args.port,
        subscription: args.subscription.first().cloned(),
        further_subscriptions: args.subscription.iter().skip(1).cloned().collect(),
        write_at_end: args.write_at_end,
        tenant: None,
        faults: args.fault.clone(),
        principals: args.principal.clone(),
    };
    let azure = match Azure::start(options).await {
        Ok(azure) => azure,
        Err(error) => return tell(&[refused(&error)], "").map(|()| Exit::Error),
    };
    let secret = azure.client_secret();
    let script = environment(args, &azure, "env", azure.client_id(), secret)?;
    let others = args.principal.iter().filter_map(|wanted| azure.principal(&wanted.name));
    let others: Vec<PathBuf> = others
        .map(|one| environment(args, &azure, &one.name, &one.client_id, &one.client_secret))
        .collect::<std::io::Result<_>>()?;
    // In one piece: who has read the first lines may have closed the stream.
    let others = others.iter().fold(String::new(), |told, script| told + "or: source " + &script.display().to_string() + "\n");
    let told =
        format!("the embedded Azure serves at {}\nin another shell: source {}\n{others}", azure.base_url(), script.display());
    anstream::stdout().write_all(told.as_bytes())?;
    Signals::listen()?.next().await;
    azure.stop().await;
    Ok(Exit::Done)
}

fn refused(error: &Error) -> Diagnostic {
    let code = if matches!(error, Error::Port { .. }) { Code::Port } else { Code::StateDirectory };
    let told = Diagnostic::from_error(code, error);
    if code == Code::Port { told.hint("choose another with `--port`, or let aksight choose") } else { told }
}

/// Writes what a shell needs to speak to it (0600: it holds the throw-away secret).
fn environment(args: &SimulateArgs, azure: &Azure, name: &str, client_id: &str, secret: &Secret) -> std::io::Result<PathBuf> {
    let home = files::canonical(&args.state_dir)?;
    let mirror = tfplugin::install_mirror(&home.join("provider"), &std::env::current_exe()?)?;
    let direct = without_proxy();
    let lines = [
        ("ARM_METADATA_HOSTNAME", azure.metadata_host().to_owned()),
        ("ARM_SUBSCRIPTION_ID", azure.subscription().to_owned()),
        ("ARM_TENANT_ID", azure.tenant().to_owned()),
        ("ARM_CLIENT_ID", client_id.to_owned()),
        ("ARM_CLIENT_SECRET", secret.expose().to_owned()),
        ("SSL_CERT_FILE", home.join("ca-bundle.pem").display().to_string()),
        ("REQUESTS_CA_BUNDLE", home.join("ca-bundle.pem").display().to_string()),
        ("TF_CLI_CONFIG_FILE", mirror.display().to_string()),
        ("NO_PROXY", direct.clone()),
        ("no_proxy", direct),
    ];
    let path = home.join(format!("{name}.sh"));
    let mut file = files::create_private(&path)?;
    for (name, value) in lines {
        writeln!(file, "export {name}='{}'", value.replace('\'', "'\\''"))?;
    }
    Ok(path)
}
