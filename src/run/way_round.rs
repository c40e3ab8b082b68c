//! The direct way into a cluster, and the way round that is taken when nobody answers at the first knock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use serde_json::Value;

use crate::base::Class;
use crate::base::clock::Timestamp;
use crate::kube::{Access, AgentView, ConfigMap, Error, Workload};

/// The first answer decides, for the whole run: a network error before any answer closes the direct way.
#[derive(Debug)]
pub(super) struct WayRound {
    direct: Arc<dyn Access>,
    round: Arc<dyn Access>,
    state: AtomicU8,
}

const UNTRIED: u8 = 0;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;

impl WayRound {
    pub(super) fn new(direct: Arc<dyn Access>, round: Arc<dyn Access>) -> Self {
        Self { direct, round, state: AtomicU8::new(UNTRIED) }
    }

    fn is_direct(&self) -> bool {
        self.state.load(Ordering::Acquire) != CLOSED
    }

    /// The answer of the direct way; nothing when it is closed. A refusal is an answer: a role that was assigned a moment ago will be
    /// honoured later.
    fn judge<T>(&self, answer: Result<T, Error>) -> Option<Result<T, Error>> {
        let lost = matches!(&answer, Err(error) if error.class() == Class::Transient);
        let decided = if lost { CLOSED } else { OPEN };
        let before = self.state.compare_exchange(UNTRIED, decided, Ordering::AcqRel, Ordering::Acquire);
        let now = before.map_or_else(|state| state, |_| decided);
        (now == OPEN).then_some(answer)
    }
}

#[async_trait]
impl Access for WayRound {
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error> {
        if self.is_direct()
            && let Some(answer) = self.judge(self.direct.config_map(namespace, name).await)
        {
            return answer;
        }
        self.round.config_map(namespace, name).await
    }

    async fn write_config_map(&self, map: &ConfigMap) -> Result<ConfigMap, Error> {
        if self.is_direct()
            && let Some(answer) = self.judge(self.direct.write_config_map(map).await)
        {
            return answer;
        }
        self.round.write_config_map(map).await
    }

    async fn agents(&self) -> Result<AgentView, Error> {
        if self.is_direct()
            && let Some(answer) = self.judge(self.direct.agents().await)
        {
            return answer;
        }
        self.round.agents().await
    }

    async fn monitors(&self) -> Result<Vec<Value>, Error> {
        if self.is_direct()
            && let Some(answer) = self.judge(self.direct.monitors().await)
        {
            return answer;
        }
        self.round.monitors().await
    }

    async fn restart(&self, workload: Workload, at: Timestamp) -> Result<(), Error> {
        if self.is_direct()
            && let Some(answer) = self.judge(self.direct.restart(workload, at).await)
        {
            return answer;
        }
        self.round.restart(workload, at).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers with what it was given, and counts.
    #[derive(Debug, Default)]
    struct Played {
        lost: Mutex<u32>,
        asked: Mutex<u32>,
    }

    #[async_trait]
    impl Access for Played {
        async fn config_map(&self, _: &str, _: &str) -> Result<Option<ConfigMap>, Error> {
            *self.asked.lock().unwrap() += 1;
            let mut lost = self.lost.lock().unwrap();
            if *lost == 0 {
                return Ok(None);
            }
            *lost -= 1;
            Err(Error::Unreachable { server: "s".into(), source: "no route".into() })
        }

        async fn write_config_map(&self, map: &ConfigMap) -> Result<ConfigMap, Error> {
            Ok(map.clone())
        }

        async fn agents(&self) -> Result<AgentView, Error> {
            Ok(AgentView::default())
        }

        async fn monitors(&self) -> Result<Vec<Value>, Error> {
            Ok(Vec::new())
        }

        async fn restart(&self, _: Workload, _: Timestamp) -> Result<(), Error> {
            Ok(())
        }
    }

    async fn asked(lost: u32, calls: u32) -> (u32, u32) {
        let (direct, round) = (Arc::new(Played::default()), Arc::new(Played::default()));
        *direct.lost.lock().unwrap() = lost;
        let access = WayRound::new(direct.clone(), round.clone());
        for _ in 0..calls {
            drop(access.config_map("n", "m").await);
        }
        let count = |played: &Played| *played.asked.lock().unwrap();
        (count(&direct), count(&round))
    }

    #[tokio::test]
    async fn the_first_answer_decides() {
        assert_eq!(asked(0, 3).await, (3, 0));
        // Nobody there: the way round, and no second knock.
        assert_eq!(asked(1, 3).await, (1, 3));
    }

    #[tokio::test]
    async fn an_open_way_stays_open_when_an_answer_is_lost_later() {
        let direct = Arc::new(Played::default());
        let access = WayRound::new(direct.clone(), Arc::new(Played::default()));
        access.config_map("n", "m").await.unwrap();
        *direct.lost.lock().unwrap() = 1;
        assert!(access.config_map("n", "m").await.is_err());
        access.config_map("n", "m").await.unwrap();
    }
}
