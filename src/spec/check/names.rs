//! Rules about names. Each is a row: length, what may stand first, inside and last, and the sentence that says so.

use super::{Report, shown};
use crate::base::ArmId;
use crate::diag::Code;

/// What may stand in a name.
pub(super) struct Rule {
    least: usize,
    most: usize,
    first: fn(char) -> bool,
    inner: fn(char) -> bool,
    last: fn(char) -> bool,
    /// Goes on after the field's name.
    says: &'static str,
}

const fn alnum(c: char) -> bool {
    c.is_ascii_alphanumeric()
}
const fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}
const fn lower_hyphen(c: char) -> bool {
    lower(c) || c == '-'
}
const fn alnum_hyphen(c: char) -> bool {
    alnum(c) || c == '-'
}
const fn alnum_hyphen_underscore(c: char) -> bool {
    alnum_hyphen(c) || c == '_'
}
const fn letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}
const fn lower_letter(c: char) -> bool {
    c.is_ascii_lowercase()
}
const fn group(c: char) -> bool {
    alnum_hyphen_underscore(c) || matches!(c, '.' | '(' | ')')
}
const fn group_end(c: char) -> bool {
    group(c) && c != '.'
}

/// Names of stacks and of Kubernetes namespaces: DNS labels.
pub(super) const LABEL: Rule = Rule {
    least: 1,
    most: 63,
    first: lower,
    inner: lower_hyphen,
    last: lower,
    says: "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
};
/// Resource groups.
pub(super) const GROUP: Rule = Rule {
    least: 1,
    most: 90,
    first: group,
    inner: group,
    last: group_end,
    says: "must be 1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`, without `.` at the end",
};
/// AKS clusters.
pub(super) const CLUSTER: Rule = Rule {
    least: 1,
    most: 63,
    first: alnum,
    inner: alnum_hyphen_underscore,
    last: alnum,
    says: "must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends",
};
/// Linux node pools.
pub(super) const POOL: Rule = Rule {
    least: 1,
    most: 12,
    first: lower_letter,
    inner: lower,
    last: lower,
    says: "must be 1 to 12 lower-case letters and digits, a letter first",
};
/// Azure Monitor workspaces.
pub(super) const WORKSPACE: Rule = Rule {
    least: 4,
    most: 63,
    first: alnum,
    inner: alnum_hyphen,
    last: alnum,
    says: "must be 4 to 63 letters, digits and hyphens, with a letter or digit at both ends",
};
/// Managed Grafanas (contract §2.3).
pub(super) const GRAFANA: Rule = Rule {
    least: 2,
    most: 23,
    first: letter,
    inner: alnum_hyphen,
    last: alnum,
    says: "must be 2 to 23 letters, digits and hyphens, a letter first, a letter or digit last",
};
/// Storage accounts.
pub(super) const STORAGE: Rule =
    Rule { least: 3, most: 24, first: lower, inner: lower, last: lower, says: "must be 3 to 24 lower-case letters and digits" };
/// Blob containers; two hyphens in a row are refused beside this row.
pub(super) const CONTAINER: Rule = Rule {
    least: 3,
    most: 63,
    first: lower,
    inner: lower_hyphen,
    last: lower,
    says: "must be 3 to 63 lower-case letters, digits and single hyphens, with a letter or digit at both ends",
};
/// Sizes of machines.
pub(super) const SIZE: Rule = Rule {
    least: 2,
    most: 64,
    first: letter,
    inner: alnum_hyphen_underscore,
    last: alnum,
    says: "must be the name of a machine size such as `Standard_D4s_v5`; `az vm list-sizes` lists them",
};
/// Values of the `cluster` label that the agents do not rewrite.
pub(super) const ALIAS: Rule = Rule {
    least: 1,
    most: 63,
    first: alnum,
    inner: alnum_hyphen_underscore,
    last: alnum,
    says: "must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends, since the agents rewrite anything else",
};

impl Rule {
    fn allows(&self, text: &str) -> bool {
        let length = text.chars().count();
        (self.least..=self.most).contains(&length)
            && text.chars().all(self.inner)
            && text.starts_with(self.first)
            && text.ends_with(self.last)
    }
}

/// Reports a name that breaks `rule`.
pub(super) fn name(report: &mut Report<'_>, pointer: &str, text: &str, rule: &Rule) {
    if rule.allows(text) {
        return;
    }
    let length = text.chars().count();
    let found = if length > rule.most { format!("found {length} characters") } else { format!("found {}", shown(text)) };
    report.error(pointer, Code::SpecName, &format!("{}; {found}", rule.says));
}

/// Reports what is not a GUID in the form with hyphens.
pub(super) fn guid(report: &mut Report<'_>, pointer: &str, text: &str, whose: &str) {
    if text.len() != 36 || uuid::Uuid::try_parse(text).is_err() {
        let what = format!("must be {whose}, a GUID such as `00000000-0000-0000-0000-000000000000`; found {}", shown(text));
        report.error(pointer, Code::SpecId, &what);
    }
}

/// Reports what is not the id of a resource of this type.
pub(super) fn resource_id(report: &mut Report<'_>, pointer: &str, text: &str, resource_type: &str) {
    let form = format!("/subscriptions/…/resourceGroups/…/providers/{resource_type}/…");
    match ArmId::parse(text) {
        Err(why) => report.error_hint(pointer, Code::SpecId, &format!("must be `{form}`: {why}"), ID_HINT),
        Ok(id) if !id.resource_type().is_some_and(|found| found.eq_ignore_ascii_case(resource_type)) => {
            let found = id.resource_type().unwrap_or_else(|| "no resource".to_owned());
            report.error_hint(pointer, Code::SpecId, &format!("must be `{form}`, found the id of `{found}`"), ID_HINT);
        }
        Ok(id) if id.subscription().is_none_or(|one| uuid::Uuid::try_parse(one).is_err()) => {
            report.error_hint(pointer, Code::SpecId, "must name a subscription by its GUID", ID_HINT);
        }
        Ok(_) => {}
    }
}

const ID_HINT: &str = "`az resource list --query \"[].id\"` prints the ids of your resources";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_their_limits() {
        let of = |length: usize| "a".repeat(length);
        let table: [(&Rule, &[&str], &[&str]); 8] = [
            (&LABEL, &["a", "prod-weu", "1a", &of(63)], &["", "A", "-a", "a-", "a_b", "ä", &of(64)]),
            (&GROUP, &["rg", "-x(1).a_", &of(90)], &["", "rg.", "r g", "r/g", &of(91)]),
            (&CLUSTER, &["a", "A_b-c1", &of(63)], &["", "_a", "a-", "a.b", &of(64)]),
            (&POOL, &["system", "a1", &of(12)], &["", "1a", "Sys", "a-b", &of(13)]),
            (&WORKSPACE, &["amw1", &of(63)], &["amw", "-amw1", "amw1-", "amw_1", &of(64)]),
            (&GRAFANA, &["ab", "a-1", &of(23)], &["a", "1ab", "ab-", "a_b", &of(24)]),
            (&STORAGE, &["abc", &of(24)], &["ab", "Abc", "a-b", &of(25)]),
            (&CONTAINER, &["abc", "a-b", &of(63)], &["ab", "-ab", "A-b", &of(64)]),
        ];
        for (rule, good, bad) in table {
            assert!(good.iter().all(|text| rule.allows(text)), "{} {good:?}", rule.says);
            assert!(bad.iter().all(|text| !rule.allows(text)), "{} {bad:?}", rule.says);
        }
    }
}
