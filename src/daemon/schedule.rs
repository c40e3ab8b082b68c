//! When: the schedule's times, spread by a jitter that is the same for the same stack, back-off after failures, windows.

use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::config::Schedule;

/// The wait after a failure; it doubles each time and never goes beyond the next time of the schedule.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);

/// The schedule, ready to be asked.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
    jitter: Duration,
    /// Whether every stack is looked at when the daemon starts.
    pub run_at_start: bool,
    /// Whether what was due while no daemon was there is looked at when one starts.
    pub run_missed: bool,
    /// Every how many looks terraform is asked, too; 0 for never.
    pub deep_every: u32,
    /// Every how many looks no sweep may answer; 1 for always.
    pub direct_every: u32,
    windows: Vec<(Cron, Duration)>,
}

impl Timetable {
    /// Of a configuration.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Self {
        Self {
            cron: schedule.cron.clone(),
            zone: schedule.zone.clone(),
            jitter: schedule.jitter,
            run_at_start: schedule.run_at_start,
            run_missed: schedule.run_missed,
            deep_every: schedule.deep_every,
            direct_every: schedule.direct_every,
            windows: schedule.windows.clone(),
        }
    }

    /// When a stack that the daemon did not know is first looked at.
    #[must_use]
    pub fn first(&self, stack: &str, now: Timestamp) -> Timestamp {
        if self.run_at_start { now } else { self.next(stack, now, 0) }
    }

    /// When a stack is looked at next, after so many failures in a row.
    #[must_use]
    pub fn next(&self, stack: &str, now: Timestamp, failures: u32) -> Timestamp {
        let regular = next_due(&self.cron, &self.zone, now) + self.spread(stack);
        match failures.checked_sub(1) {
            None => regular,
            Some(doublings) => {
                let wait = FIRST_RETRY.saturating_mul(2_i32.saturating_pow(doublings.min(16)));
                regular.min(now.saturating_add(wait).unwrap_or(Timestamp::MAX))
            }
        }
    }

    /// A share of the jitter that belongs to the stack, so that many stacks do not start at once and each keeps its place.
    fn spread(&self, stack: &str) -> SignedDuration {
        let share = u64::from(place(stack));
        let millis = u64::try_from(self.jitter.as_millis()).unwrap_or(0).saturating_mul(share) / u64::from(u32::MAX);
        SignedDuration::from_millis(i64::try_from(millis).unwrap_or(0))
    }

    /// Whether terraform is asked, too, at a stack's next look, after so many.
    #[must_use]
    pub const fn is_deep(&self, looks: u32) -> bool {
        self.deep_every > 0 && looks.wrapping_add(1).is_multiple_of(self.deep_every)
    }

    /// Whether no sweep may answer a stack's next look, after so many. Each stack has turns of its own.
    #[must_use]
    pub fn is_direct(&self, stack: &str, looks: u32) -> bool {
        let every = u64::from(self.direct_every.max(1));
        (u64::from(looks) + u64::from(place(stack))).is_multiple_of(every)
    }

    /// Whether healing is allowed at this hour.
    #[must_use]
    pub fn in_window(&self, now: Timestamp) -> bool {
        self.windows.is_empty()
            || self.windows.iter().any(|(cron, time)| {
                let begun = cron.find_previous_occurrence(&now.to_zoned(self.zone.clone()), true);
                begun.is_ok_and(|begun| begun.timestamp() + *time > now)
            })
    }
}

/// A number that belongs to the stack.
fn place(stack: &str) -> u32 {
    let digest = crate::base::digest::sha256_hex(stack.as_bytes());
    u32::from_str_radix(&digest[..8], 16).unwrap_or(0)
}

/// The first time of a schedule after `now`. A time that daylight saving skips comes when the clock has moved.
#[must_use]
pub fn next_due(cron: &Cron, zone: &TimeZone, now: Timestamp) -> Timestamp {
    // A schedule whose last time is over (one that names years) is looked at once a day, rather than never.
    let never = || now + SignedDuration::from_hours(24);
    cron.find_next_occurrence(&now.to_zoned(zone.clone()), false).map_or_else(|_| never(), |next| next.timestamp())
}

/// Whether a schedule has no time at all, as the thirtieth of February has none. Four years hold every date that there is.
#[must_use]
pub(super) fn never_comes(cron: &Cron) -> bool {
    cron.find_next_occurrence(&Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC), true).is_err()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn plan(cron: &str, zone: &str, windows: &[(&str, u64)]) -> Timetable {
        Timetable {
            cron: Cron::from_str(cron).unwrap(),
            zone: TimeZone::get(zone).unwrap(),
            jitter: Duration::ZERO,
            run_at_start: false,
            run_missed: true,
            deep_every: 0,
            direct_every: 1,
            windows: windows.iter().map(|(cron, hours)| (Cron::from_str(cron).unwrap(), Duration::from_hours(*hours))).collect(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_in_their_zone_and_survive_daylight_saving() {
        let daily = plan("0 6 * * *", "Europe/Berlin", &[]);
        assert_eq!(daily.next("s", at("2026-03-28T12:00:00Z"), 0), at("2026-03-29T04:00:00Z"));
        assert_eq!(daily.next("s", at("2026-03-27T12:00:00Z"), 0), at("2026-03-28T05:00:00Z"));
        // 02:30 does not exist on this day.
        let skipped = plan("30 2 * * *", "Europe/Berlin", &[]).next("s", at("2026-03-28T23:00:00Z"), 0);
        assert!(skipped >= at("2026-03-29T01:00:00Z") && skipped <= at("2026-03-30T00:30:00Z"), "{skipped}");
    }

    #[test]
    fn failures_are_tried_again_sooner_and_each_time_later() {
        let hourly = plan("0 * * * *", "UTC", &[]);
        let now = at("2026-03-28T12:00:01Z");
        let waits = [0, 1, 2, 3, 20].map(|failures| hourly.next("s", now, failures).duration_since(now).as_secs());
        assert_eq!(waits, [3599, 60, 120, 240, 3599]);
    }

    #[test]
    fn the_jitter_is_the_stacks_own() {
        let spread = Timetable { jitter: Duration::from_mins(10), ..plan("0 * * * *", "UTC", &[]) };
        let now = at("2026-03-28T12:30:00Z");
        assert_eq!(spread.next("a", now, 0), spread.next("a", now, 0));
        assert_ne!(spread.next("a", now, 0), spread.next("b", now, 0));
        let hour = at("2026-03-28T13:00:00Z");
        assert!(spread.next("a", now, 0) >= hour && spread.next("a", now, 0) <= hour + SignedDuration::from_mins(10));
    }

    #[test]
    fn a_window_reaches_over_midnight() {
        let nightly = plan("0 * * * *", "UTC", &[("0 22 * * *", 4)]);
        let open = |time: &str| nightly.in_window(at(time));
        assert!(open("2026-03-28T22:00:00Z") && open("2026-03-29T01:59:59Z"));
        assert!(!open("2026-03-29T02:00:00Z") && !open("2026-03-28T21:59:59Z"));
        assert!(plan("0 * * * *", "UTC", &[]).in_window(at("2026-03-29T02:00:00Z")));
    }
}
