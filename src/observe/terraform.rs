//! Terraform's plan, freshly refreshed, as one more observation.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use crate::observed::tfplan::TerraformView;
use crate::terraform::{Error, Message, Watch, Workdir};

/// Plans in an initialised directory. A plan without changes is believed from its own stream; only one with changes is read
/// whole, since that costs another start of the provider.
///
/// # Errors
/// [`Error`] when terraform cannot plan: nothing else can be judged without it.
pub async fn terraform(workdir: &Workdir, plan_file: &Path, watch: Watch<'_>) -> Result<TerraformView, Error> {
    view(workdir, plan_file, false, watch).await
}

/// The same for taking away everything that the state knows.
///
/// # Errors
/// As [`terraform`].
pub async fn terraform_destroy(workdir: &Workdir, plan_file: &Path, watch: Watch<'_>) -> Result<TerraformView, Error> {
    view(workdir, plan_file, true, watch).await
}

async fn view(workdir: &Workdir, plan_file: &Path, destroy: bool, watch: Watch<'_>) -> Result<TerraformView, Error> {
    let refreshed: Mutex<BTreeSet<String>> = Mutex::default();
    let hear = |message: Message| {
        if let Message::Refreshed { address } = &message
            && let Ok(mut refreshed) = refreshed.lock()
        {
            refreshed.insert(address.clone());
        }
        (watch.on)(message);
    };
    let heard = Watch { on: &hear, ..watch };
    let planned = if destroy { workdir.plan_destroy(plan_file, heard).await? } else { workdir.plan(plan_file, heard).await? };
    if planned.changes {
        return Ok(TerraformView::read(workdir.show(plan_file, watch).await?));
    }
    Ok(TerraformView::unchanged(refreshed.into_inner().unwrap_or_default()))
}
