//! Faults that were ordered (docs/simulator.md): `throttle`, `conflict`, `error`, `drop`, `fail-operation`, `slow`, `chaos`.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::digest::sha256_hex;
use crate::sim::world::World;

/// A fault. See [`Fault::from_str`] for how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    method: String,
    part: String,
    left: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Status(u16),
    Drop,
    FailOperation,
    Slow(Duration),
    /// Any of them, by chance: so many of a thousand requests, and the number that makes the chance.
    Chaos(u64, u64),
}

/// What cannot be read as a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault; write `throttle:METHOD:PART[:N]`, `conflict:METHOD:PART[:N]`, `error:STATUS:METHOD:PART[:N]`, \
     `drop:METHOD:PART[:N]`, `fail-operation:PART[:N]`, `slow:MILLISECONDS` or `chaos:PERMILLE[:SEED]`"
)]
pub struct BadFault(String);

impl FromStr for Fault {
    type Err = BadFault;

    /// `METHOD` is an HTTP method or `*`, `PART` any part of the path, without case; `N` is how often, once if left out.
    fn from_str(text: &str) -> Result<Self, BadFault> {
        let bad = || BadFault(text.to_owned());
        let mut words: Vec<&str> = text.split(':').collect();
        let kind = words.remove(0);
        let mut fault = |kind: Kind, with_method: bool| {
            let method = if with_method && !words.is_empty() { words.remove(0).to_ascii_uppercase() } else { "*".to_owned() };
            let part = if words.is_empty() { return Err(bad()) } else { words.remove(0).to_ascii_lowercase() };
            let left = words.pop().map_or(Ok(1), str::parse).map_err(|_| bad())?;
            let known = ["*", "GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"].contains(&method.as_str());
            if words.is_empty() && known && !part.is_empty() { Ok(Self { kind, method, part, left }) } else { Err(bad()) }
        };
        match kind {
            "throttle" => fault(Kind::Status(429), true),
            "conflict" => fault(Kind::Status(409), true),
            "drop" => fault(Kind::Drop, true),
            "fail-operation" => fault(Kind::FailOperation, false),
            "error" => {
                let rest = text.strip_prefix("error:").unwrap_or_default();
                let (status, rest) = rest.split_once(':').ok_or_else(bad)?;
                let status = status.parse().ok().filter(|status| (400..600).contains(status)).ok_or_else(bad)?;
                let like: Self = format!("throttle:{rest}").parse().map_err(|_| bad())?;
                Ok(Self { kind: Kind::Status(status), ..like })
            }
            "slow" => {
                let millis =
                    text.strip_prefix("slow:").and_then(|rest| rest.trim_end_matches("ms").parse().ok()).ok_or_else(bad)?;
                Ok(Self {
                    kind: Kind::Slow(Duration::from_millis(millis)),
                    method: "*".into(),
                    part: String::new(),
                    left: u32::MAX,
                })
            }
            "chaos" => {
                let numbers: Vec<u64> = words.iter().map(|word| word.parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
                let (permille, seed) = match numbers[..] {
                    [permille] => (permille, 0),
                    [permille, seed] => (permille, seed),
                    _ => return Err(bad()),
                };
                let kind = Kind::Chaos(permille.min(1000), seed);
                Ok(Self { kind, method: "*".into(), part: String::new(), left: u32::MAX })
            }
            _ => Err(bad()),
        }
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// It is refused with this status and never reaches anybody.
    pub(super) refused: Option<u16>,
    /// The connection breaks before it is carried out.
    pub(super) reset: bool,
    /// It is carried out, but its answer is lost.
    pub(super) dropped: bool,
    /// It is kept waiting first.
    pub(super) wait: Duration,
}

impl Fate {
    /// By chance, which is the same each time for the same `dice`.
    fn befall(&mut self, permille: u64, dice: &str) {
        let digest = sha256_hex(dice.as_bytes());
        let number = |part: std::ops::Range<usize>| u64::from_str_radix(&digest[part], 16).unwrap_or(0);
        if number(0..12) % 1000 >= permille {
            return;
        }
        match number(12..24) % 4 {
            0 => self.refused = Some(429),
            1 => self.refused = Some(503),
            2 => self.reset = true,
            _ => self.dropped = true,
        }
    }
}

/// The faults that are still due.
#[derive(Debug)]
pub(super) struct Orders(Mutex<Vec<Fault>>);

impl Orders {
    /// Takes the orders; failures of operations are the world's to remember.
    pub(super) fn new(faults: Vec<Fault>, world: &mut World) -> Self {
        let (operations, requests): (Vec<Fault>, Vec<Fault>) =
            faults.into_iter().partition(|fault| fault.kind == Kind::FailOperation);
        for fault in operations {
            for _ in 0..fault.left {
                let message = "The operation failed because a fault was ordered.".to_owned();
                world.memory.ordered.push((fault.part.clone(), "InternalExecutionError".to_owned(), message));
            }
        }
        Self(Mutex::new(requests))
    }

    /// What happens to this request.
    pub(super) fn fate(&self, method: &str, path: &str) -> Fate {
        let mut fate = Fate::default();
        let path = path.to_ascii_lowercase();
        for fault in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let meant = fault.left > 0 && (fault.method == "*" || fault.method == method) && path.contains(&fault.part);
            match fault.kind {
                Kind::Slow(time) => fate.wait += time,
                Kind::Chaos(permille, seed) => {
                    fault.left -= 1;
                    fate.befall(permille, &format!("{seed} {}", fault.left));
                }
                Kind::Status(status) if meant && fate.refused.is_none() => {
                    fate.refused = Some(status);
                    fault.left -= 1;
                }
                Kind::Drop if meant && !fate.dropped => {
                    fate.dropped = true;
                    fault.left -= 1;
                }
                _ => {}
            }
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_used_up() {
        let fault = |text: &str| text.parse::<Fault>();
        let orders = Orders::new(
            vec![fault("throttle:put:managedClusters:2").unwrap(), fault("slow:5ms").unwrap()],
            &mut World::default(),
        );
        let put = || orders.fate("PUT", "/subscriptions/s/providers/Microsoft.ContainerService/MANAGEDCLUSTERS/c");
        assert_eq!((put().refused, put().refused, put().refused), (Some(429), Some(429), None));
        assert_eq!((orders.fate("GET", "/x").refused, put().wait), (None, Duration::from_millis(5)));
        assert_eq!(fault("error:400:PUT:dataCollectionRules:1").unwrap().kind, Kind::Status(400));
        assert_eq!(fault("drop:PUT:grafana").unwrap().left, 1);
        let chaos = || {
            let orders = Orders::new(vec![fault("chaos:250:7").unwrap()], &mut World::default());
            (0..400).map(|_| orders.fate("GET", "/x")).collect::<Vec<_>>()
        };
        let hit = chaos().iter().filter(|fate| **fate != Fate::default()).count();
        assert!((50..150).contains(&hit) && chaos() == chaos(), "{hit}");
        for bad in
            ["", "throttle", "throttle:PUT", "throttle:FLY:x", "error:200:PUT:x", "slow:x", "drop:PUT:x:y", "thunder:PUT:x"]
        {
            assert!(fault(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_failing_operation_is_the_worlds_to_remember() {
        let mut world = World::default();
        let _orders = Orders::new(vec!["fail-operation:grafana:2".parse().unwrap()], &mut world);
        assert_eq!(world.memory.ordered.len(), 2);
    }
}
