//! Regions that are known, to catch slips. Azure opens new ones, so an unknown one is a warning at most.

use super::{Report, shown};
use crate::base::Location;
use crate::base::cloud::CloudName;
use crate::diag::Code;
use crate::spec::suggest;

const PUBLIC: &str = "\
    australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth \
    brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral eastasia eastus eastus2 francecentral \
    francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast japanwest \
    jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth northcentralus \
    northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest southcentralus \
    southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest uaecentral uaenorth \
    uksouth ukwest westcentralus westeurope westindia westus";

/// Reports what cannot be a region, and warns of one that is probably a slip.
pub(super) fn region(report: &mut Report<'_>, pointer: &str, text: &str, cloud: CloudName) {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == ' ';
    if !text.chars().all(legal) || !text.starts_with(|c: char| c.is_ascii_alphabetic()) || text.len() > 40 {
        let what = format!("must be a region such as `westeurope`, in letters and digits; found {}", shown(text));
        return report.error_hint(pointer, Code::SpecName, &what, "`az account list-locations -o table` lists the regions");
    }
    let location = Location::new(text);
    let short = location.as_str();
    let home = if short.starts_with("usgov") || short.starts_with("usdod") {
        Some((CloudName::UsGovernment, "usgovernment"))
    } else if short.starts_with("china") {
        Some((CloudName::China, "china"))
    } else {
        None
    };
    match home {
        Some((belongs, name)) if belongs != cloud => {
            let what = format!("is a region of another cloud, found {}", shown(text));
            report.warning(pointer, Code::SpecConflict, &what, &format!("set `azure.cloud: {name}`"));
        }
        None if cloud == CloudName::Public => slip(report, pointer, short),
        _ => {}
    }
}

fn slip(report: &mut Report<'_>, pointer: &str, short: &str) {
    let numbered = |known: &str| short.strip_prefix(known).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    if PUBLIC.split_whitespace().any(numbered) {
        return;
    }
    if let Some(meant) = suggest::nearest(short, PUBLIC.split_whitespace()) {
        let what = format!("is not a region that aksight knows, found `{short}`");
        report.warning(pointer, Code::SpecName, &what, &format!("did you mean `{meant}`?"));
    }
}
