//! `/metrics`, in Prometheus' text format.

use jiff::Timestamp;

use super::book::Book;

/// Everything there is to measure.
pub(super) fn page(book: &Book, now: Timestamp) -> String {
    let stacks = book.stacks();
    let mut page = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, f64)>| {
        page.extend([format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")]);
        page.extend(lines.into_iter().map(|(labels, value)| format!("{name}{labels} {value}\n")));
    };
    let by_stack = |value: &dyn Fn(&super::StackState) -> Option<f64>| {
        stacks.iter().filter_map(|stack| Some((labels(&[("stack", &stack.name)]), value(stack)?))).collect::<Vec<_>>()
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 and small counts fit a double")]
    {
        let seconds = |at: Timestamp| at.as_second() as f64;
        family("aksight_stacks", "gauge", "Stacks that are kept.", vec![(String::new(), stacks.len() as f64)]);
        let running = stacks.iter().filter(|stack| stack.running_since.is_some()).count();
        family("aksight_runs_in_progress", "gauge", "Stacks at work now.", vec![(String::new(), running as f64)]);
        let frozen = f64::from(u8::from(book.is_frozen()));
        family("aksight_frozen", "gauge", "Whether healing is forbidden over the API.", vec![(String::new(), frozen)]);
        let late =
            stacks.iter().filter(|stack| stack.running_since.is_none()).map(|stack| now.duration_since(stack.due).as_secs());
        let oldest = late.max().unwrap_or(0).max(0);
        family(
            "aksight_queue_age_seconds",
            "gauge",
            "How long the longest due stack waits.",
            vec![(String::new(), oldest as f64)],
        );
        family(
            "aksight_stack_last_verified_timestamp_seconds",
            "gauge",
            "When data was last proven to arrive.",
            by_stack(&|stack| stack.verified_at.map(seconds)),
        );
        family(
            "aksight_stack_drift_items",
            "gauge",
            "Differences to be mended, at the last look.",
            by_stack(&|stack| stack.last.as_ref().map(|last| last.drift.iter().filter(|item| item.counts()).count() as f64)),
        );
        family(
            "aksight_stack_last_run_seconds",
            "gauge",
            "How long the last look took.",
            by_stack(&|stack| stack.last.as_ref().map(|last| last.seconds)),
        );
        family(
            "aksight_stack_failures_in_a_row",
            "gauge",
            "Looks that failed one after the other.",
            by_stack(&|stack| Some(f64::from(stack.failures))),
        );
        let ended = book.ended_by_result().into_iter();
        let runs = ended.map(|(stack, result, count)| (labels(&[("stack", &stack), ("result", result)]), count as f64)).collect();
        family("aksight_runs_total", "counter", "Looks that ended, by result.", runs);
    }
    page
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

    #[test]
    fn an_empty_book_is_a_page_too() {
        let page = page(&Book::default(), Timestamp::UNIX_EPOCH);
        assert!(page.contains("aksight_stacks 0\n") && page.contains("# TYPE aksight_runs_total counter\n"));
    }
}
