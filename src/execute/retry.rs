//! Class × attempt → wait or stop: the one table of patience (contract §3.9, §4.5, §9.5).

use std::future::Future;
use std::time::Duration;

use super::{Error, Hands};
use crate::base::Class;
use crate::event::UnitId;

/// How a failure of a class is answered: how long to wait before each new attempt, how often, and what to say meanwhile.
struct Patience {
    wait: fn(u32) -> Duration,
    attempts: u32,
    says: &'static str,
}

/// The table's row of a class; nothing when waiting does not help. `granted` says that a role was assigned minutes ago, so that a
/// refusal may only be late propagation.
fn patience(class: &Class, granted: bool) -> Option<Patience> {
    Some(match class {
        // 90 × 30 s: an AKS operation may take 45 minutes.
        Class::Busy => Patience { wait: |_| Duration::from_secs(30), attempts: 90, says: "another operation is in progress" },
        Class::Conflict => {
            Patience { wait: |_| Duration::from_secs(1), attempts: 5, says: "somebody wrote in between; reading again" }
        }
        Class::NotYet => Patience { wait: growing, attempts: 10, says: "Azure is still replicating" },
        Class::Transient | Class::Throttled(_) => Patience { wait: growing, attempts: 6, says: "Azure is busy; trying again" },
        Class::Permission if granted => Patience {
            wait: |_| Duration::from_secs(15),
            attempts: 40,
            says: "waiting for a role to take effect (up to 10 minutes)",
        },
        Class::Permission
        | Class::Invalid
        | Class::Refused
        | Class::Credential
        | Class::Locked
        | Class::Absent
        | Class::Exists
        | Class::Cancelled
        | Class::Bug => return None,
    })
}

/// 2, 4, … 20 seconds, as the az CLI waits for a fresh principal (contract §4.5).
fn growing(attempt: u32) -> Duration {
    Duration::from_secs(u64::from(2 * attempt.min(10)))
}

/// Repeats `attempt` while its failures are of a kind that waiting cures.
pub(super) async fn patiently<T, F, Fut>(hands: &Hands, unit: &UnitId, granted: bool, mut attempt: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let mut tried = 0;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        tried += 1;
        let class = error.class();
        match patience(&class, granted) {
            Some(row) if tried <= row.attempts => {
                hands.events.progress(unit, row.says);
                let asked = if let Class::Throttled(Some(asked)) = class { asked } else { Duration::ZERO };
                hands.pause((row.wait)(tried).max(asked)).await?;
            }
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_decide_is_never_repeated() {
        for class in [Class::Invalid, Class::Refused, Class::Credential, Class::Bug, Class::Cancelled, Class::Permission] {
            assert!(patience(&class, false).is_none(), "{class:?}");
        }
        assert!(patience(&Class::Permission, true).is_some());
    }

    #[test]
    fn replication_is_awaited_as_long_as_the_az_cli_does() {
        let total: u64 = (1..=10).map(|n| growing(n).as_secs()).sum();
        assert_eq!(total, 110);
    }
}
