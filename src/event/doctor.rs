//! The report of `doctor`: what was checked before a run, in sections, and what to do about it.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Version of the document. Fields are only ever added within a version.
pub const DOCTOR_SCHEMA: &str = "aksight.doctor/v1";

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing is in the way.
    Ok,
    /// Nobody could look.
    Unknown,
    /// A run may succeed; a person should know.
    Warning,
    /// A run would fail.
    Missing,
}

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Terraform, the file, the policies.
    Tools,
    /// Who signs in.
    SignIn,
    /// Registrations of resource providers.
    Providers,
    /// What the principal may do, for each unit of the plan.
    Rights,
    /// Names that are free or ours.
    Names,
    /// What the region offers.
    Region,
    /// What the subscription has room for.
    Quotas,
}

impl Topic {
    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Tools => "tools and file",
            Self::SignIn => "sign-in",
            Self::Providers => "resource providers",
            Self::Rights => "rights",
            Self::Names => "names",
            Self::Region => "region",
            Self::Quotas => "quotas",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// What it is about.
    pub topic: Topic,
    /// The thing: a unit of the plan, a resource, a quota. Stable between runs.
    pub subject: String,
    /// How it stands.
    pub standing: Standing,
    /// What was seen, or why nobody could look.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The right that is missing, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<MissingRight>,
}

/// A right that the principal does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingRight {
    /// The action, `Microsoft.Authorization/roleAssignments/write`.
    pub action: String,
    /// Where it is needed.
    pub scope: String,
    /// The least of Azure's own roles that carries it.
    pub role: &'static str,
}

impl Point {
    /// Nothing is in the way.
    pub fn ok(topic: Topic, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        let (subject, detail) = (subject.into(), detail.into());
        Self { topic, subject, standing: Standing::Ok, detail, remedy: None, right: None }
    }

    /// Nobody could look, for this reason.
    pub fn unknown(topic: Topic, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self { standing: Standing::Unknown, ..Self::ok(topic, subject, why) }
    }

    /// A person should know.
    pub fn warning(topic: Topic, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { standing: Standing::Warning, ..Self::ok(topic, subject, detail) }
    }

    /// A run would fail.
    pub fn missing(topic: Topic, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { standing: Standing::Missing, ..Self::ok(topic, subject, detail) }
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A run would fail for want of a right.
    #[must_use]
    pub fn right(mut self, right: MissingRight) -> Self {
        self.right = Some(right);
        self
    }
}

/// What `doctor` found.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// [`DOCTOR_SCHEMA`].
    pub schema: &'static str,
    /// aksight's version.
    pub aksight: &'static str,
    /// `doctor`.
    pub command: &'static str,
    /// The stack.
    pub stack: String,
    /// Whether it ran against the embedded Azure.
    pub rehearsal: bool,
    /// The worst standing.
    pub result: Standing,
    /// The process's exit code: 0 when nothing is missing, 13 when only rights are, else 1.
    pub exit_code: u8,
    /// Everything that was checked, by topic.
    pub points: Vec<Point>,
    /// Real time, in seconds.
    #[serde(serialize_with = "seconds")]
    pub seconds: Duration,
}

fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl DoctorReport {
    /// The report of these points.
    #[must_use]
    pub fn new(stack: &str, rehearsal: bool, mut points: Vec<Point>, seconds: Duration) -> Self {
        points.sort_by_key(|point| point.topic);
        let missing = || points.iter().filter(|point| point.standing == Standing::Missing);
        // Design §6: 13 is for somebody's privilege, 1 for everything that a person has to mend.
        let exit_code = match (missing().count(), missing().all(|point| point.right.is_some())) {
            (0, _) => 0,
            (_, true) => 13,
            (_, false) => 1,
        };
        Self {
            schema: DOCTOR_SCHEMA,
            aksight: env!("CARGO_PKG_VERSION"),
            command: "doctor",
            stack: stack.to_owned(),
            rehearsal,
            result: points.iter().map(|point| point.standing).max().unwrap_or(Standing::Ok),
            exit_code,
            points,
            seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_what_is_missing() {
        let right = || MissingRight { action: "a".into(), scope: "s".into(), role: "Contributor" };
        let lacks = || Point::missing(Topic::Rights, "dcr", "x").right(right());
        let full = || Point::missing(Topic::Quotas, "cores", "x");
        let code = |points: Vec<Point>| {
            let report = DoctorReport::new("s", false, points, Duration::ZERO);
            (report.exit_code, report.result)
        };
        assert_eq!(code(vec![Point::ok(Topic::Tools, "t", "")]), (0, Standing::Ok));
        let doubts = vec![Point::unknown(Topic::Region, "x", ""), Point::warning(Topic::Names, "x", "")];
        assert_eq!(code(doubts), (0, Standing::Warning));
        assert_eq!(code(vec![lacks()]), (13, Standing::Missing));
        assert_eq!(code(vec![full(), lacks()]), (1, Standing::Missing));
    }
}
