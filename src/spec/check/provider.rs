//! Facts about releases of the azurerm provider (contract §11.3), and Terraform's version constraints.

/// A release: major, minor, patch.
pub(super) type Version = (u64, u64, u64);

/// Majors of Grafana that some supported release can create.
pub(super) const ALL_MAJORS: [&str; 2] = ["12", "13"];

/// From which release on which majors of Grafana can be created. 12 came with 4.62 and 13 with 5.0.
const GRAFANA: [(Version, &[&str]); 2] = [((4, 62, 0), &["12"]), ((5, 0, 0), &["12", "13"])];

/// The oldest release that has everything that is generated.
const OLDEST: Version = (4, 62, 0);

/// Releases by which a constraint is judged: all that matter for the table, and what comes before and after.
const KNOWN: [Version; 9] =
    [(3, 117, 0), (4, 0, 0), (4, 61, 0), (4, 62, 0), (4, 80, 0), (5, 0, 0), (5, 0, 1), (5, 1, 0), (5, 2, 0)];

/// A comma-separated list of terms, all of which must hold.
pub(super) struct Constraint(Vec<Term>);

struct Term {
    operator: Operator,
    /// Two or three numbers as written; a missing one counts as 0.
    numbers: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
    Pessimistic,
}

impl Constraint {
    /// Reads a constraint as Terraform does, without pre-releases.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split(',').map(Term::parse).collect::<Option<Vec<_>>>().map(Self)
    }

    pub(super) fn allows(&self, version: Version) -> bool {
        self.0.iter().all(|term| term.allows(version))
    }

    /// Versions that are written in it, which may be newer than any table.
    pub(super) fn written(&self) -> impl Iterator<Item = Version> {
        self.0.iter().map(Term::version)
    }

    /// Releases that it allows, as far as is known.
    fn known(&self) -> impl Iterator<Item = Version> {
        KNOWN.into_iter().chain(self.written()).filter(|version| self.allows(*version))
    }
}

impl Term {
    fn parse(text: &str) -> Option<Self> {
        use Operator::{Above, AtLeast, AtMost, Below, Is, IsNot, Pessimistic};
        let text = text.trim();
        let operators =
            [("~>", Pessimistic), (">=", AtLeast), ("<=", AtMost), ("!=", IsNot), (">", Above), ("<", Below), ("=", Is)];
        let (operator, rest) = operators
            .iter()
            .find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (*operator, rest.trim())))
            .unwrap_or((Is, text));
        let digits =
            |part: &str| (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?;
        let numbers: Vec<u64> = rest.split('.').map(digits).collect::<Option<_>>()?;
        (numbers.len() <= 3).then_some(Self { operator, numbers })
    }

    fn version(&self) -> Version {
        let number = |index: usize| self.numbers.get(index).copied().unwrap_or(0);
        (number(0), number(1), number(2))
    }

    fn allows(&self, version: Version) -> bool {
        let mine = self.version();
        match self.operator {
            Operator::Is => version == mine,
            Operator::IsNot => version != mine,
            Operator::Above => version > mine,
            Operator::Below => version < mine,
            Operator::AtMost => version <= mine,
            Operator::Pessimistic if self.numbers.len() == 3 => version >= mine && (version.0, version.1) == (mine.0, mine.1),
            Operator::Pessimistic if self.numbers.len() == 2 => version >= mine && version.0 == mine.0,
            Operator::AtLeast | Operator::Pessimistic => version >= mine,
        }
    }
}

/// Majors of Grafana that every release allowed by `constraint` can create; none when the constraint is malformed or allows no
/// supported release.
pub fn grafana_majors(constraint: &str) -> Vec<&'static str> {
    let Some(constraint) = Constraint::parse(constraint) else { return Vec::new() };
    let oldest = constraint.known().filter(|version| *version >= OLDEST).min();
    let row = oldest.and_then(|oldest| GRAFANA.iter().rev().find(|(from, _)| *from <= oldest));
    row.map_or_else(Vec::new, |(_, majors)| majors.to_vec())
}

/// What is wrong with a constraint on the provider.
pub(super) fn judge(text: &str) -> Result<(), &'static str> {
    let constraint = Constraint::parse(text).ok_or("is not a version constraint")?;
    if constraint.known().any(|version| version < OLDEST) {
        return Err("allows releases before 4.62, which lack what is generated");
    }
    if constraint.known().next().is_none() {
        return Err("allows no known release");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_read_as_terraform_reads_them() {
        let table = [
            ("~> 5.2", "5.9.0", true),
            ("~> 5.2", "6.0.0", false),
            ("~> 5.2.1", "5.2.9", true),
            ("~> 5.2.1", "5.3.0", false),
            (">= 4.62, < 5.0", "4.80.3", true),
            (">= 4.62, < 5.0", "5.0.0", false),
            ("5.2.0", "5.2.0", true),
            ("!= 5.1.0", "5.1.0", false),
        ];
        for (constraint, version, expected) in table {
            let numbers: Vec<u64> = version.split('.').map(|part| part.parse().unwrap()).collect();
            assert_eq!(
                Constraint::parse(constraint).unwrap().allows((numbers[0], numbers[1], numbers[2])),
                expected,
                "{constraint}"
            );
        }
        for bad in ["", "x", "~>", "5.2.0.1", "5.x", ">= 5,", "=> 5.2"] {
            assert!(Constraint::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn majors_follow_the_release() {
        assert_eq!(grafana_majors("~> 5.2"), ["12", "13"]);
        assert_eq!(grafana_majors(">= 4.62, < 5.0"), ["12"]);
        assert_eq!(grafana_majors(">= 4.62, < 6.0"), ["12"]);
        assert_eq!(grafana_majors("5.1.7"), ["12", "13"]);
        assert!(judge("~> 4.0").is_err() && judge("~> 3.1").is_err() && judge("< 1.0").is_err());
        assert!(judge("~> 5.2").is_ok() && judge("~> 5.9").is_ok() && judge(">= 4.62, < 5.0").is_ok());
    }
}
