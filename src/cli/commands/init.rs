//! `aksight init`: a commented file that passes every check, or the reasons why it would not.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use aksight::diag::{Code, Diagnostic};
use aksight::host::files;
use aksight::spec::{self, InitAnswers};
use clap::Args;

use super::validate::tell;
use crate::cli::exit::Exit;
use crate::cli::prompt;

/// Write a commented aksight.yaml; never over a file that is there.
#[derive(Debug, Args)]
#[command(after_help = "What is not given is asked for, when somebody is there to answer.")]
pub(crate) struct InitArgs {
    /// Name of the stack; every other name is made from it.
    #[arg(long)]
    name: Option<String>,
    /// Azure region, such as westeurope.
    #[arg(long)]
    location: Option<String>,
    /// Subscription id; else `ARM_SUBSCRIPTION_ID` decides.
    #[arg(long)]
    subscription: Option<String>,
    /// Where to write it.
    #[arg(short, long, default_value = "aksight.yaml")]
    output: PathBuf,
}

/// Writes the file (0600) unless something is there already or the answers break a rule of Azure.
pub(crate) fn run(args: &InitArgs) -> std::io::Result<Exit> {
    let answers = match answers(args) {
        Ok(answers) => answers,
        Err(problem) => return tell(&[*problem], "").map(|()| Exit::Usage),
    };
    let text = spec::template(&answers);
    if let Err(problems) = spec::read(&text, &args.output.display().to_string()) {
        return tell(&problems, &text).map(|()| Exit::Usage);
    }
    let file = files::private(OpenOptions::new().write(true).create_new(true)).open(&args.output);
    let output = args.output.display();
    if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        writeln!(anstream::stderr(), "error: `{output}` was not written: {error}")?;
        return Ok(Exit::Error);
    }
    writeln!(anstream::stdout(), "wrote {output}; next: `aksight provision --simulate -f {output}` rehearses it")?;
    Ok(Exit::Done)
}

fn answers(args: &InitArgs) -> Result<InitAnswers, Box<Diagnostic>> {
    let asking = prompt::possible();
    let missing: Vec<&str> = [("--name", &args.name), ("--location", &args.location)]
        .into_iter()
        .filter(|(_, value)| value.is_none())
        .map(|(flag, _)| flag)
        .collect();
    if !asking && !missing.is_empty() {
        let hint = "aksight init --name shop --location westeurope";
        let problem =
            Diagnostic::error(Code::NeedsAnswer, format!("{} must be given where nobody can be asked", missing.join(" and ")));
        return Err(Box::new(problem.hint(format!("for example `{hint}`"))));
    }
    let broken_off = |_| Box::new(Diagnostic::error(Code::NeedsAnswer, "the questions were broken off; nothing was written"));
    let ask = |given: &Option<String>, question: &str, usual: &str, check: fn(&str) -> Result<(), String>| match given {
        Some(given) => check(given)
            .map(|()| given.clone())
            .map_err(|why| Box::new(Diagnostic::error(Code::Usage, format!("`{given}` is no answer to \"{question}\": {why}")))),
        None => prompt::text(question, Some(usual), check).map_err(broken_off),
    };
    let name = ask(&args.name, "Name of the stack", "shop", |name| sound(name, "westeurope"))?;
    let location = ask(&args.location, "Azure region", "westeurope", |location| sound("shop", location))?;
    let subscription = match &args.subscription {
        None if asking && !missing.is_empty() => {
            let check = |text: &str| {
                if text.is_empty() || uuid::Uuid::parse_str(text).is_ok() {
                    Ok(())
                } else {
                    Err("a subscription id is a GUID".to_owned())
                }
            };
            let answer =
                prompt::text("Subscription id (empty: ARM_SUBSCRIPTION_ID decides)", Some(""), check).map_err(broken_off)?;
            Some(answer).filter(|answer| !answer.is_empty())
        }
        given => given.clone(),
    };
    Ok(InitAnswers { subscription, ..InitAnswers::named(&name, &location) })
}

/// The file's own rules, asked early.
fn sound(name: &str, location: &str) -> Result<(), String> {
    if InitAnswers::named(name, location).name != name {
        return Err("use lower-case letters, digits and hyphens, at most 59, no hyphen at either end".to_owned());
    }
    let text = spec::template(&InitAnswers::named(name, location));
    spec::read(&text, "aksight.yaml")
        .map(drop)
        .map_err(|problems| problems.first().map(|first| first.summary.clone()).unwrap_or_default())
}
