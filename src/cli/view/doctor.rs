//! What `doctor` found, for people: by topic, what is in the way last and with what to do.

use aksight::event::{DoctorReport, Point, Standing};

use super::{Terminal, Tone, counted, duration};

/// The whole report.
pub(crate) fn text(report: &DoctorReport, terminal: &Terminal) -> String {
    let mut told = String::new();
    let mut rest = report.points.as_slice();
    while let Some(first) = rest.first() {
        let (topic, others) = rest.split_at(rest.iter().take_while(|point| point.topic == first.topic).count());
        told.push_str(&(terminal.paint(Tone::Strong, first.topic.title()) + "\n"));
        told.extend(topic.iter().map(|point| line(point, terminal)));
        rest = others;
    }
    told + &headline(report, terminal)
}

fn mark(standing: Standing) -> (Tone, &'static str) {
    match standing {
        Standing::Ok => (Tone::Good, "ok"),
        Standing::Warning => (Tone::Change, "warning"),
        Standing::Unknown => (Tone::Change, "unknown"),
        Standing::Missing => (Tone::Bad, "missing"),
    }
}

fn line(point: &Point, terminal: &Terminal) -> String {
    let (tone, word) = mark(point.standing);
    // Some details begin with their subject.
    let said = match point.standing {
        Standing::Ok if point.detail.contains(&point.subject) => point.detail.clone(),
        _ => format!("{}: {}", point.subject, point.detail),
    };
    let mut told = terminal.paragraph(&format!("  {word:<8}"), &said);
    if terminal.colour {
        told = told.replacen(word, &terminal.paint(tone, word), 1);
    }
    if let Some(remedy) = &point.remedy {
        told.push_str(&terminal.paragraph("          → ", remedy));
    }
    told
}

fn headline(report: &DoctorReport, terminal: &Terminal) -> String {
    let count = |standing: Standing| report.points.iter().filter(|point| point.standing == standing).count();
    let rehearsal = if report.rehearsal { " (rehearsal)" } else { "" };
    let (tone, said) = match report.result {
        Standing::Missing => (Tone::Bad, format!("Stack {}: {} missing.", report.stack, are(count(Standing::Missing), "thing"))),
        _ if count(Standing::Unknown) > 0 => {
            let unknown = counted(count(Standing::Unknown), "question");
            (Tone::Change, format!("Stack {}: nothing is known to be missing, {unknown} without an answer.", report.stack))
        }
        _ => (Tone::Good, format!("Stack {}: nothing is missing.", report.stack)),
    };
    let time = duration(report.seconds);
    terminal.paint(tone, terminal.paragraph("", &format!("{said}{rehearsal} {time}, nothing was written.")).trim_end()) + "\n"
}

fn are(count: usize, thing: &str) -> String {
    format!("{} {}", counted(count, thing), if count == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aksight::event::{MissingRight, Topic};

    use super::super::sample::NARROW;
    use super::*;

    #[test]
    fn what_is_missing_comes_with_what_to_do() {
        let right = MissingRight { action: "Microsoft.X/y/write".into(), scope: "/subscriptions/s".into(), role: "Contributor" };
        let points = vec![
            Point::missing(Topic::Rights, "dcr", "data collection rule: you lack `Microsoft.X/y/write` on /subscriptions/s")
                .remedy("somebody who may, runs: az role assignment create --role Contributor")
                .right(right),
            Point::ok(Topic::Tools, "terraform", "terraform 1.13.0 at /usr/bin/terraform"),
            Point::unknown(Topic::Quotas, "machines", "403"),
            Point::warning(Topic::Names, "cluster c", "exists"),
        ];
        let report = DoctorReport::new("demo", true, points, Duration::from_millis(1200));
        insta::assert_snapshot!(text(&report, &NARROW));
    }
}
