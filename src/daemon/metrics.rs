//! `/metrics`, in Prometheus' text format. What concerns a stack is the same at every replica; what concerns a process is its own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::book::{BOUNDS, Book, Durations, Sweeps};
use super::row::Row;
use crate::azure::Meter;

/// What a page is made of.
struct Facts {
    now: Timestamp,
    rows: Vec<Row>,
    frozen: bool,
    store_up: bool,
    usable: bool,
    leases_lost: u64,
    ended: Vec<(String, &'static str, u64)>,
    durations: Durations,
    swept_looks: u64,
    sweeps: Sweeps,
    answers: BTreeMap<Option<u16>, u64>,
    waited: f64,
}

/// Everything there is to measure. When the store is away, the page says so and leaves out what only the store knows.
pub(super) async fn page(book: &Book, meter: &Meter) -> String {
    let asked = async { Ok::<_, crate::journal::Error>((book.now().await?, book.rows().await?, book.is_frozen().await?)) };
    let asked = asked.await;
    let store_up = asked.is_ok();
    let (now, rows, frozen) = asked.unwrap_or((Timestamp::UNIX_EPOCH, Vec::new(), false));
    text(&Facts {
        now,
        rows,
        frozen,
        store_up,
        usable: book.reload_problem().is_none(),
        leases_lost: book.leases_lost(),
        ended: book.ended_by_result(),
        durations: book.durations(),
        swept_looks: book.swept_looks(),
        sweeps: book.sweeps(),
        answers: meter.answers(),
        waited: meter.waited().as_secs_f64(),
    })
}

/// The page being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str, lines: impl IntoIterator<Item = (String, f64)>) {
        self.0.extend([format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")]);
        self.0.extend(lines.into_iter().map(|(labels, value)| format!("{name}{labels} {value}\n")));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help, [(String::new(), value)]);
    }

    fn by_stack(&mut self, rows: &[Row], name: &str, help: &str, value: impl Fn(&Row) -> Option<f64>) {
        let lines = rows.iter().filter_map(|row| Some((labels(&[("stack", &row.name)]), value(row)?)));
        self.family(name, "gauge", help, lines);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 and small counts fit a double")]
fn text(facts: &Facts) -> String {
    let mut page = Page::default();
    let flag = |on: bool| f64::from(u8::from(on));
    page.family(
        "aksight_build_info",
        "gauge",
        "The version that runs.",
        [(labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1.0)],
    );
    page.one("aksight_store_up", "gauge", "Whether the store answers.", flag(facts.store_up));
    page.one("aksight_watched_files_usable", "gauge", "Whether the watched files can be used as they are.", flag(facts.usable));
    page.one("aksight_leases_lost_total", "counter", "Leases that this replica lost while it worked.", facts.leases_lost as f64);
    if facts.store_up {
        stacks(&mut page, facts);
    }
    let ended = facts.ended.iter();
    let ended = ended.map(|(stack, result, count)| (labels(&[("stack", stack), ("result", result)]), *count as f64));
    page.family("aksight_runs_total", "counter", "Looks that ended here, by result.", ended);
    histogram(&mut page, &facts.durations);
    page.one(
        "aksight_runs_swept_total",
        "counter",
        "Looks that ended here without reading ARM, because a sweep had seen the stack.",
        facts.swept_looks as f64,
    );
    let sweeps = [("complete", facts.sweeps.complete), ("failed", facts.sweeps.failed)];
    let sweeps = sweeps.into_iter().map(|(result, count)| (labels(&[("result", result)]), count as f64));
    page.family("aksight_sweeps_total", "counter", "Sweeps through Resource Graph made here, by result.", sweeps);
    let code = |status: Option<u16>| status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let answers = facts.answers.iter().map(|(status, count)| (labels(&[("code", &code(*status))]), *count as f64));
    page.family(
        "aksight_arm_requests_total",
        "counter",
        "Requests to Azure Resource Manager, by status; every attempt counts.",
        answers,
    );
    page.one(
        "aksight_arm_throttle_wait_seconds_total",
        "counter",
        "Time that requests waited because of throttling.",
        facts.waited,
    );
    page.0
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 and small counts fit a double")]
fn stacks(page: &mut Page, facts: &Facts) {
    let (rows, now) = (&facts.rows, facts.now);
    page.one("aksight_stacks", "gauge", "Stacks that are kept.", rows.len() as f64);
    let running = rows.iter().filter(|row| row.running_since.is_some()).count();
    page.one("aksight_runs_in_progress", "gauge", "Stacks at work now.", running as f64);
    page.one(
        "aksight_frozen",
        "gauge",
        "Whether healing is forbidden, over the API or by a file.",
        f64::from(u8::from(facts.frozen)),
    );
    let late = rows.iter().filter(|row| row.running_since.is_none()).map(|row| now.duration_since(row.due).as_secs());
    page.one(
        "aksight_queue_age_seconds",
        "gauge",
        "How long the longest due stack waits.",
        late.max().unwrap_or(0).max(0) as f64,
    );
    let verified = |row: &Row| row.verified_at.map(|at| at.as_second() as f64);
    page.by_stack(rows, "aksight_stack_last_verified_timestamp_seconds", "When data was last proven to arrive.", verified);
    let drift = |row: &Row| row.result.map(|_| row.drift as f64);
    page.by_stack(rows, "aksight_stack_drift_items", "Differences to be mended, at the last look.", drift);
    let waiting = |row: &Row| Some(f64::from(u8::from(row.waits())));
    page.by_stack(rows, "aksight_stack_waiting", "Whether a plan waits for somebody's approval.", waiting);
    page.by_stack(rows, "aksight_stack_last_run_seconds", "How long the last look took.", |row| row.seconds);
    page.by_stack(rows, "aksight_stack_failures_in_a_row", "Looks that failed one after the other.", |row| {
        Some(f64::from(row.failures))
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts fit a double")]
fn histogram(page: &mut Page, durations: &Durations) {
    let name = "aksight_run_duration_seconds";
    page.0.extend([format!("# HELP {name} How long looks took here.\n# TYPE {name} histogram\n")]);
    let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let counts = durations.within.iter().chain([&durations.count]);
    page.0.extend(bounds.zip(counts).map(|(bound, count)| format!("{name}_bucket{} {count}\n", labels(&[("le", &bound)]))));
    page.0.extend([format!("{name}_sum {}\n{name}_count {}\n", durations.sum, durations.count as f64)]);
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let all: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_break_out() {
        assert_eq!(labels(&[("stack", "a\"} 1\nb\\")]), r#"{stack="a\"} 1\nb\\"}"#);
    }

    fn facts(store_up: bool) -> Facts {
        Facts {
            now: Timestamp::UNIX_EPOCH,
            rows: Vec::new(),
            frozen: false,
            store_up,
            usable: true,
            leases_lost: 0,
            ended: vec![("a".to_owned(), "drifted", 2)],
            durations: Durations { within: [0, 1, 1, 1, 1, 1, 1, 1, 1], count: 1, sum: 2.5 },
            swept_looks: 3,
            sweeps: Sweeps { complete: 1, failed: 2 },
            answers: BTreeMap::from([(Some(200), 7), (None, 1)]),
            waited: 1.5,
        }
    }

    #[test]
    fn an_empty_roster_is_a_page_too() {
        let page = text(&facts(true));
        for line in [
            "aksight_stacks 0\n",
            "aksight_runs_total{stack=\"a\",result=\"drifted\"} 2\n",
            "aksight_run_duration_seconds_bucket{le=\"5\"} 1\naksight_run_duration_seconds_bucket{le=\"15\"} 1\n",
            "aksight_run_duration_seconds_bucket{le=\"+Inf\"} 1\naksight_run_duration_seconds_sum 2.5\n",
            "aksight_arm_requests_total{code=\"none\"} 1\naksight_arm_requests_total{code=\"200\"} 7\n",
            "aksight_arm_throttle_wait_seconds_total 1.5\n",
            "aksight_runs_swept_total 3\n",
            "aksight_sweeps_total{result=\"complete\"} 1\naksight_sweeps_total{result=\"failed\"} 2\n",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }

    #[test]
    fn a_store_that_is_away_is_said_and_nothing_is_made_up() {
        let page = text(&facts(false));
        assert!(page.contains("aksight_store_up 0\n") && !page.contains("aksight_stacks "), "{page}");
    }
}
