//! `--install-terraform`, and the offer of it where somebody can answer.

use aksight::diag::{Code, Diagnostic};
use aksight::event::Report;
use aksight::run::Answer;
use aksight::terraform::{OFFICIAL_BASE, PINNED, Release, Transferred, install};

use super::act::Act;
use crate::cli::{prompt, stage};

/// Whether a report failed for want of a usable terraform.
pub(crate) fn would_help(report: &Report) -> bool {
    report.diagnostics.iter().any(|problem: &Diagnostic| matches!(problem.code, Code::TerraformMissing | Code::TerraformVersion))
}

/// Fetches the pinned release when that was asked for, or is wanted. Whether it is there now. A question that is broken off
/// stops the command.
pub(crate) async fn offer(act: &Act, asked: bool) -> bool {
    let question = format!("No usable terraform. Fetch terraform {PINNED} from {OFFICIAL_BASE} into your cache?");
    if !asked {
        let answer = || act.progress.suspend(|| prompt::answer(&question, true, &act.stops.cancel));
        match if prompt::possible() { answer() } else { Answer::Nobody } {
            Answer::Yes => {}
            Answer::No | Answer::Nobody => return false,
            Answer::BrokenOff => {
                act.stops.cancel.cancel();
                return false;
            }
        }
    }
    act.progress.say(&format!("fetching terraform {PINNED}"));
    match fetch().await {
        Ok(path) => {
            act.progress.say(&format!("installed {path}"));
            true
        }
        Err(error) => {
            act.progress.say(&format!("terraform was not installed: {error}"));
            false
        }
    }
}

async fn fetch() -> Result<String, Box<dyn std::error::Error>> {
    let client = aksight::azure::http::client(&[])?;
    let installed = install(&client, OFFICIAL_BASE, &Release::pinned()?, &stage::cache(), &|_: Transferred| {}).await?;
    Ok(installed.display().to_string())
}
