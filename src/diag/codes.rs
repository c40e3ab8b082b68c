//! The register of codes. A code is never used again for something else; `docs/errors.md` has one section per code.
//!
//! Groups: 01xx the user's file, 02xx usage and environment, 03xx terraform, 04xx Azure, 05xx the cluster, 06xx policy and
//! guard, 07xx lock, journal and plan file, 08xx verification.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! register {
    ($($name:ident = $code:literal $headline:literal;)+) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`: ", $headline, ".")] $name,)+
        }

        impl Code {
            /// Every code, in the order of the register.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as people quote it, for example `AKS-0104`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// A few words that say what kind of problem it is.
            #[must_use]
            pub const fn headline(self) -> &'static str {
                match self { $(Self::$name => $headline),+ }
            }
        }
    };
}

register! {
    SpecSyntax = "AKS-0101" "the file is not valid YAML";
    SpecDuplicateKey = "AKS-0102" "a key is written twice";
    SpecYamlFeature = "AKS-0103" "a YAML feature that this file does not use";
    SpecUnknownKey = "AKS-0104" "an unknown key";
    SpecMissingKey = "AKS-0105" "a required key is missing";
    SpecType = "AKS-0106" "a value of the wrong type";
    SpecValue = "AKS-0107" "a value that is not allowed";
    SpecName = "AKS-0108" "a name that Azure or Kubernetes refuses";
    SpecId = "AKS-0109" "an id that is not what the field asks for";
    SpecNetwork = "AKS-0110" "network ranges that cannot work";
    SpecRegex = "AKS-0111" "a regular expression that the metrics agents cannot read";
    SpecDuration = "AKS-0112" "a value that is not a duration";
    SpecTarget = "AKS-0113" "an unknown scrape target";
    SpecConflict = "AKS-0114" "settings that exclude each other";
    SpecVersion = "AKS-0115" "a version that is malformed or not supported";
    SpecTag = "AKS-0116" "a tag that Azure refuses";
    SpecSecret = "AKS-0117" "a secret in the file";
    SpecCollision = "AKS-0118" "a name that can collide with another cluster's";
    SpecUnreadable = "AKS-0119" "the file cannot be read";
    Usage = "AKS-0201" "the command line is wrong";
    NoCredentials = "AKS-0202" "no credentials for Azure";
    NoSubscription = "AKS-0203" "no subscription, or one that cannot be seen";
    StateDirectory = "AKS-0204" "the state directory cannot be used";
    Port = "AKS-0205" "a port cannot be opened";
    NeedsAnswer = "AKS-0206" "a question needs a person";
    TerraformMissing = "AKS-0301" "terraform is not installed";
    TerraformVersion = "AKS-0302" "terraform has the wrong version";
    TerraformInit = "AKS-0303" "terraform cannot prepare its directory";
    TerraformPlan = "AKS-0304" "terraform cannot plan";
    TerraformApply = "AKS-0305" "terraform stopped while applying";
    TerraformLocked = "AKS-0306" "terraform's state is locked";
    AzureCredential = "AKS-0401" "Entra does not accept the credentials";
    AzureForbidden = "AKS-0402" "a right is missing in Azure";
    AzureAbsent = "AKS-0403" "something does not exist in Azure";
    AzureConflict = "AKS-0404" "somebody else is changing the resource";
    AzureThrottled = "AKS-0405" "Azure asks for patience";
    AzureQuota = "AKS-0406" "a quota, a size or a region has no room";
    AzureRejected = "AKS-0407" "Azure rejects the request";
    AzureOperation = "AKS-0408" "an operation in Azure did not succeed";
    AzureTimeout = "AKS-0409" "an operation in Azure takes too long";
    AzureUnreachable = "AKS-0410" "Azure cannot be reached";
    AzureRegistration = "AKS-0411" "a resource provider is not registered";
    AzurePolicy = "AKS-0412" "an Azure Policy or a lock forbids it";
    AzureExists = "AKS-0413" "something exists that terraform's state does not know";
    AzureWithheld = "AKS-0414" "an act waits for somebody who has the right";
    ClusterUnreachable = "AKS-0501" "the cluster cannot be reached";
    ClusterCommand = "AKS-0502" "a command in the cluster did not run";
    SettingsConflict = "AKS-0503" "the metrics settings cannot be merged";
    SettingsIgnored = "AKS-0504" "the metrics agents do not pick up their settings";
    PolicyDenied = "AKS-0601" "a policy denies the plan";
    GuardRefused = "AKS-0602" "the plan would replace or delete what must stay";
    PolicyBroken = "AKS-0603" "a policy cannot be evaluated";
    Locked = "AKS-0701" "another run holds the stack";
    JournalBroken = "AKS-0702" "the journal cannot be used";
    PlanStale = "AKS-0703" "the world has moved since the plan was made";
    PlanUnusable = "AKS-0704" "a saved plan cannot be used";
    PlanSecret = "AKS-0705" "a saved plan would hold secrets in clear";
    HandoffUnusable = "AKS-0706" "a handoff cannot be used";
    VerifyBroken = "AKS-0801" "a link between the cluster and the workspace is broken";
    VerifyLate = "AKS-0802" "data did not arrive in time";
}

impl Code {
    /// The anchor of its section in `docs/errors.md`, for example `aks-0104`.
    #[must_use]
    pub fn anchor(self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_unique() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        assert!(codes.iter().all(|code| code.len() == 8 && code.starts_with("AKS-0")));
    }

    /// Every code has one section, headed by code and headline, with a text; no section is left over.
    #[test]
    fn every_code_has_its_section() {
        let page = include_str!("../../docs/errors.md");
        let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let register: Vec<String> = Code::ALL.iter().map(|code| format!("{code}")).collect();
        assert_eq!(headings, register);
        for section in page.split("\n## ").skip(1) {
            let mut lines = section.lines().filter(|line| !line.is_empty());
            let code = lines.next().unwrap_or_default();
            let headline = Code::ALL.iter().find(|known| known.as_str() == code).unwrap().headline();
            let first = lines.next().unwrap_or_default().trim_matches('*').trim_end_matches('.');
            assert!(first.eq_ignore_ascii_case(headline), "{code}: `{first}` should be `{headline}`");
            assert!(lines.next().is_some(), "{code} explains nothing");
        }
    }
}
