//! Resource ids as azurerm insists on them.

use crate::base::{ArmId, Kind};

/// The spelling that azurerm's parsers accept: they compare the fixed words of an id with case, while ARM, the az CLI and people
/// do not. Names keep the case that they have, even when a name is such a word.
pub(super) fn canonical(id: &ArmId) -> String {
    let segments: Vec<&str> = id.as_str().split('/').collect();
    // The first segment is empty, so words stand at odd places and names at even ones; only a namespace stands where a name would.
    let fixed = |at: usize| at % 2 == 1 || (at > 0 && segments[at - 1].eq_ignore_ascii_case("providers"));
    let spelled = segments.iter().enumerate().map(|(at, segment)| if fixed(at) { word(segment) } else { segment });
    spelled.collect::<Vec<_>>().join("/")
}

/// A fixed word in its canonical case; one that is not known stays as it is.
fn word(segment: &str) -> &str {
    let types = [Kind::ManagedCluster, Kind::MonitorWorkspace, Kind::Grafana].map(Kind::resource_type);
    let others = ["subscriptions", "resourceGroups", "providers", "Microsoft.Network", "virtualNetworks", "subnets"];
    let mut known = types.into_iter().flat_map(|full| full.split('/')).chain(others);
    known.find(|known| known.eq_ignore_ascii_case(segment)).unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spelled_and_names_are_kept() {
        let spelled = |text: &str| canonical(&ArmId::parse(text).unwrap());
        assert_eq!(spelled("/SUBSCRIPTIONS/s/resourcegroups/Providers"), "/subscriptions/s/resourceGroups/Providers");
        assert_eq!(
            spelled("/subscriptions/s/resourcegroups/RG/providers/microsoft.network/virtualnetworks/Subnets/SUBNETS/Grafana"),
            "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Network/virtualNetworks/Subnets/subnets/Grafana"
        );
        assert_eq!(
            spelled("/subscriptions/s/resourceGroups/g/providers/microsoft.monitor/Accounts/Accounts"),
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Monitor/accounts/Accounts"
        );
    }
}
