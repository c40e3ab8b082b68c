//! Progress on standard error: a line per unit at work where lines may be drawn over, a line per change of state elsewhere.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aksight::event::{Check, Event, Phase, Stream, UnitId, UnitStatus, Verdict};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Terminal, Tone, duration};
use crate::cli::pipeline::Console;

/// A picture of what is at work.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Mutex<Screen>>);

struct Screen {
    terminal: Terminal,
    bars: Option<MultiProgress>,
    at_work: BTreeMap<UnitId, Work>,
    began: Instant,
    silent: bool,
    lines: Paper,
}

/// Where lines go when nothing can be drawn over.
enum Paper {
    /// A stream.
    Stream(Box<dyn std::io::Write + Send>),
    /// A pipeline's log, in which a phase is a group.
    Console(Console),
}

struct Work {
    title: String,
    said: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A picture on standard error, and the stream that draws it.
    pub(crate) fn start(terminal: &Terminal) -> (Stream, Self) {
        let bars = terminal.live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)));
        Self::with(terminal, bars, false, Paper::Stream(Box::new(std::io::stderr())))
    }

    /// Nothing is drawn.
    pub(crate) fn silent(terminal: &Terminal) -> (Stream, Self) {
        Self::with(terminal, None, true, Paper::Stream(Box::new(std::io::sink())))
    }

    /// Lines in a pipeline's log.
    pub(crate) fn in_console(console: &Console, terminal: &Terminal) -> (Stream, Self) {
        Self::with(terminal, None, false, Paper::Console(console.clone()))
    }

    fn with(terminal: &Terminal, bars: Option<MultiProgress>, silent: bool, lines: Paper) -> (Stream, Self) {
        let screen = Screen { terminal: *terminal, bars, at_work: BTreeMap::new(), began: Instant::now(), silent, lines };
        let progress = Self(Arc::new(Mutex::new(screen)));
        let drawing = progress.clone();
        (Stream::new(move |event| drawing.screen().take(&event)), progress)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that writes to the terminal itself.
    pub(crate) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let bars = self.screen().bars.clone();
        match bars {
            Some(bars) => bars.suspend(work),
            None => work(),
        }
    }

    /// A line of its own.
    pub(crate) fn say(&self, text: &str) {
        let mut screen = self.screen();
        if !screen.silent {
            screen.line(text);
        }
    }

    /// Leaves a clean screen.
    pub(crate) fn finish(&self) {
        let mut screen = self.screen();
        for work in std::mem::take(&mut screen.at_work).into_values() {
            if let Some(bar) = work.bar {
                bar.finish_and_clear();
            }
        }
    }
}

impl Screen {
    fn take(&mut self, event: &Event) {
        if self.silent {
            return;
        }
        match event {
            Event::Phase { phase } => {
                let said = match phase {
                    Phase::Observe => "reading Azure, terraform and the cluster",
                    Phase::Execute => "carrying out the plan",
                    Phase::Verify => "asking whether data arrives",
                };
                match &self.lines {
                    Paper::Console(console) => console.group(said),
                    Paper::Stream(_) => {
                        let said = self.terminal.paint(Tone::Strong, said);
                        self.line(&said);
                    }
                }
            }
            Event::UnitStarted { unit, title } => self.started(unit, title),
            Event::UnitProgress { unit, message } => self.moved(unit, message),
            Event::UnitFinished { unit, status, detail, elapsed } => self.ended(unit, *status, detail, *elapsed),
            Event::Checked(check) => {
                let said = verdict(check, &self.terminal);
                self.line(&said);
            }
            Event::Note { message } => self.line(message),
            Event::Warning { message } => {
                let said = format!("{} {message}", self.terminal.paint(Tone::Change, "warning:"));
                self.line(&said);
            }
        }
    }

    fn started(&mut self, unit: &UnitId, title: &str) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed:>4}") {
                bar.set_style(style);
            }
            bar.set_message(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            self.line(&format!("{title}: started"));
        }
        self.at_work.insert(unit.clone(), Work { title: title.to_owned(), said: String::new(), bar });
    }

    fn moved(&mut self, unit: &UnitId, message: &str) {
        let Some(work) = self.at_work.get_mut(unit).filter(|work| work.said != message) else { return };
        message.clone_into(&mut work.said);
        let said = format!("{}: {message}", work.title);
        match &work.bar {
            Some(bar) => bar.set_message(said),
            None => self.line(&said),
        }
    }

    fn ended(&mut self, unit: &UnitId, status: UnitStatus, detail: &str, elapsed: Duration) {
        let ended = self.at_work.remove(unit);
        let title = ended.as_ref().map_or_else(|| unit.to_string(), |work| work.title.clone());
        if let Some(bar) = ended.and_then(|work| work.bar) {
            bar.finish_and_clear();
        }
        let (word, tone) = match status {
            UnitStatus::Done => ("done", Tone::Good),
            UnitStatus::Failed => ("failed", Tone::Bad),
            UnitStatus::Unchanged => ("as wished", Tone::Quiet),
            UnitStatus::Waiting => ("waits", Tone::Change),
            UnitStatus::Planned | UnitStatus::Blocked | UnitStatus::Cancelled => ("stopped", Tone::Change),
        };
        let evidence = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        let said = format!("{} {title} ({}){evidence}", self.terminal.paint(tone, word), duration(elapsed));
        self.line(&said);
    }

    /// A line above the bars; with the time since the beginning where nothing can be drawn over.
    fn line(&mut self, text: &str) {
        if let Some(bars) = &self.bars {
            let wrapped = self.terminal.paragraph("  ", text);
            // A terminal that has gone is nobody's fault.
            drop(bars.println(wrapped.trim_end()));
            return;
        }
        let seconds = self.began.elapsed().as_secs();
        let told = format!("[{:02}:{:02}] {text}", seconds / 60, seconds % 60);
        match &mut self.lines {
            Paper::Stream(stream) => drop(writeln!(stream, "{told}")),
            Paper::Console(console) => console.text(&told),
        }
    }
}

fn verdict(check: &Check, terminal: &Terminal) -> String {
    let (word, tone) = match check.verdict {
        Verdict::Pass => ("proven", Tone::Good),
        Verdict::Pending => ("waiting", Tone::Change),
        Verdict::Fail => ("broken", Tone::Bad),
        Verdict::Skipped => ("not asked", Tone::Quiet),
    };
    format!("{} {}: {}", terminal.paint(tone, word), check.id.title(), check.evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, for the test to read.
    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sheet {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What these events look like where nothing can be drawn over; without the time, which is not ours.
    fn told(events: &[Event]) -> String {
        let paper = Sheet::default();
        let terminal = Terminal { width: 60, colour: false, live: false };
        let (stream, progress) = Progress::with(&terminal, None, false, Paper::Stream(Box::new(paper.clone())));
        events.iter().cloned().for_each(|event| stream.emit(event));
        progress.finish();
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.split_once("] ").expect("a time comes first").1.to_owned() + "\n").collect()
    }

    #[test]
    fn a_log_says_each_thing_once() {
        let unit = UnitId::new("data-collection-rule");
        let title = "data collection rule".to_owned();
        let progress = |message: &str| Event::UnitProgress { unit: unit.clone(), message: message.to_owned() };
        let ended = |status, detail: &str| Event::UnitFinished {
            unit: unit.clone(),
            status,
            detail: detail.to_owned(),
            elapsed: Duration::from_millis(2300),
        };
        let check = Check::pass(aksight::event::CheckId::HubbleFlows, "12 series");
        insta::assert_snapshot!(told(&[
            Event::Phase { phase: Phase::Execute },
            Event::UnitStarted { unit: unit.clone(), title: title.clone() },
            progress("waiting for the endpoint"),
            progress("waiting for the endpoint"),
            ended(UnitStatus::Done, "read back"),
            Event::UnitStarted { unit: unit.clone(), title },
            ended(UnitStatus::Failed, "403 AuthorizationFailed"),
            Event::Phase { phase: Phase::Verify },
            Event::Checked(check),
            Event::Warning { message: "the clock is off".to_owned() },
        ]), @"
        carrying out the plan
        data collection rule: started
        data collection rule: waiting for the endpoint
        done data collection rule (2.3 s): read back
        data collection rule: started
        failed data collection rule (2.3 s): 403 AuthorizationFailed
        asking whether data arrives
        proven network flows arrive in the workspace: 12 series
        warning: the clock is off
        ");
    }
}
