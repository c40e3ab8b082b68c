//! The command line.

use clap::{Parser, Subcommand};

use super::commands::{
    daemon, destroy, doctor, drift, explain, generate, init, man, outputs, plan, policy, provision, reconcile, simulate, status,
    validate, verify, version,
};

/// One short file in, an AKS cluster whose network you can see out, and proof that it is so.
#[derive(Debug, Parser)]
#[command(name = "aksight", version, about, long_about = None, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  aksight provision --simulate        rehearse everything, offline, with the real terraform
  aksight init                        write a first aksight.yaml
  aksight plan                        what would be done
  aksight provision                   do it, and prove that data arrives

Exit codes: 0 done  1 error  2 changes  10 denied  11 not proven  12 locked  13 waits for approval  64 usage  130 stopped";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of aksight.yaml, for editors.
    Schema {
        /// What the file describes.
        #[arg(long, value_enum, default_value_t = Described::Stack)]
        kind: Described,
    },
    Generate(generate::GenerateArgs),
    Doctor(doctor::DoctorArgs),
    Plan(plan::PlanArgs),
    Provision(provision::ProvisionArgs),
    Verify(verify::VerifyArgs),
    Drift(drift::DriftArgs),
    Reconcile(reconcile::ReconcileArgs),
    Destroy(destroy::DestroyArgs),
    Disable(destroy::DisableArgs),
    Daemon(daemon::DaemonArgs),
    Status(status::StatusArgs),
    Outputs(outputs::OutputsArgs),
    Explain(explain::ExplainArgs),
    Simulate(simulate::SimulateArgs),
    Policy(policy::PolicyArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: aksight completions bash > ~/.local/share/bash-completion/completions/aksight")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    // Those who pack archives need it, once.
    #[command(hide = true)]
    Man(man::ManArgs),
    Version(version::VersionArgs),
}

/// What a file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Described {
    /// One stack.
    Stack,
    /// Many stacks.
    Fleet,
}
