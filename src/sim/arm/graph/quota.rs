//! Fifteen queries in five seconds for each principal (contract §8.3, from memory).

use jiff::{SignedDuration, Timestamp};

use crate::sim::arm::Setting;
use crate::sim::arm::operations::scaled;

const QUERIES: u32 = 15;
const WINDOW_SECONDS: u32 = 5;

/// A principal's present window.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    began: Timestamp,
    used: u32,
}

/// What a query leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was one left to take.
    pub granted: bool,
    /// How many are left.
    pub left: u32,
    /// Until all are there again.
    pub resets: SignedDuration,
}

/// Takes one query from a principal's quota.
pub fn take(quota: &mut Option<Quota>, setting: &Setting) -> Taken {
    let window = scaled(setting, WINDOW_SECONDS);
    let mut present = quota.filter(|quota| quota.began + window > setting.now).unwrap_or(Quota { began: setting.now, used: 0 });
    let granted = present.used < QUERIES;
    present.used += u32::from(granted);
    *quota = Some(present);
    Taken { granted, left: QUERIES - present.used, resets: (present.began + window).duration_since(setting.now) }
}

impl Taken {
    /// The headers that tell it: seconds are rounded up, for those who read milliseconds it is exact.
    pub fn headers(&self) -> Vec<(String, String)> {
        let millis = self.resets.as_millis().max(1);
        let seconds = (millis + 999) / 1000;
        let mut headers = vec![
            ("x-ms-user-quota-remaining".to_owned(), self.left.to_string()),
            ("x-ms-user-quota-resets-after".to_owned(), format!("00:{:02}:{:02}", seconds / 60, seconds % 60)),
        ];
        if !self.granted {
            headers.push(("retry-after".to_owned(), seconds.to_string()));
            headers.push(("retry-after-ms".to_owned(), millis.to_string()));
        }
        headers
    }
}
