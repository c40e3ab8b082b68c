//! `aksight status`: what the journal knows about a stack.

use std::io::Write as _;

use aksight::event::{Check, Verdict};
use aksight::journal::Run;
use aksight::run::Remembered;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::remembered;
use crate::cli::exit::Exit;
use crate::cli::stage::{Output, StackArgs};

/// Tell when the stack was last changed and proven, from its journal; asks neither Azure nor terraform.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    stack: StackArgs,
    /// How many runs to list.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: u32,
}

/// Version of the JSON that this command prints.
const SCHEMA: &str = "aksight.status/v1";

/// Runs it.
pub(crate) fn run(args: &StatusArgs) -> std::io::Result<Exit> {
    let (stack, remembered) = match remembered::read_runs("status", &args.stack, args.runs)? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let mut out = anstream::stdout();
    match args.stack.output {
        Output::Json => writeln!(out, "{:#}", document(&stack, &remembered))?,
        Output::Text | Output::Github | Output::Azdo => out.write_all(text(&stack, &remembered, Timestamp::now()).as_bytes())?,
    }
    Ok(Exit::Done)
}

fn document(stack: &str, remembered: &Remembered) -> Value {
    let runs: Vec<Value> = remembered
        .runs
        .iter()
        .map(|run| {
            json!({"id": run.id.as_str(), "command": run.start.command, "started": run.started, "ended": run.ended,
                "result": run.outcome, "aksight": run.start.version})
        })
        .collect();
    let proven = remembered.checks.as_ref().map(|(at, checks)| json!({"at": at, "verified": proven(checks), "checks": checks}));
    json!({"schema": SCHEMA, "stack": stack, "runs": runs, "proof": proven, "outputs": remembered.outputs})
}

fn proven(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.verdict == Verdict::Pass)
        && checks.iter().all(|check| matches!(check.verdict, Verdict::Pass | Verdict::Skipped))
}

fn text(stack: &str, remembered: &Remembered, now: Timestamp) -> String {
    let mut lines = vec![format!("stack {stack}")];
    lines.push(match &remembered.checks {
        Some((at, checks)) if proven(checks) => format!("proven {}: data arrived from the cluster to Grafana", ago(now, *at)),
        Some((at, checks)) => {
            let broken = checks.iter().find(|check| matches!(check.verdict, Verdict::Pending | Verdict::Fail));
            let what = broken.map_or("nothing was asked", |check| check.id.title());
            format!("not proven {}: {what}", ago(now, *at))
        }
        None => "never proven; `aksight verify` asks whether data arrives".to_owned(),
    });
    if let Some(endpoint) = remembered.outputs.get("grafana_endpoint").and_then(Value::as_str) {
        lines.push(format!("grafana {endpoint}"));
    }
    lines.push(if remembered.runs.is_empty() { "no runs yet".to_owned() } else { "runs, newest first:".to_owned() });
    lines.extend(remembered.runs.iter().map(|run| line(run, now)));
    lines.join("\n") + "\n"
}

fn line(run: &Run, now: Timestamp) -> String {
    let outcome = run.outcome.as_deref().unwrap_or("did not end: killed, or still at work");
    format!("  {:<12} {:<10} {outcome}", ago(now, run.started), run.start.command)
}

/// How long ago, in the largest unit that says enough.
fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..=1 => "just now".to_owned(),
        2..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        7200..=172_799 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aksight::event::CheckId;

    use super::*;

    #[test]
    fn a_stack_tells_when_it_was_proven() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let at = now - SignedDuration::from_mins(5);
        let mut remembered = Remembered {
            runs: Vec::new(),
            outputs: BTreeMap::from([("grafana_endpoint".to_owned(), json!("https://g.test"))]),
            checks: Some((at, vec![Check::pass(CheckId::HubbleFlows, "5 series")])),
        };
        insta::assert_snapshot!(text("s", &remembered, now), @r"
        stack s
        proven 5 min ago: data arrived from the cluster to Grafana
        grafana https://g.test
        no runs yet
        ");
        remembered.checks = Some((at, vec![Check::pending(CheckId::HubbleFlows, "", "wait")]));
        assert!(text("s", &remembered, now).contains("not proven 5 min ago: network flows arrive in the workspace"));
        assert_eq!((ago(now, now), ago(now, now - SignedDuration::from_hours(72))), ("just now".into(), "3 days ago".into()));
    }
}
