//! How far a long task is: a bar on a terminal, a line now and then where there is none, nothing when quiet or when
//! the task takes under a second.

use crate::text::figures;
use crate::text::printing::say;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A task that takes less shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Where there is no terminal: the time until the first line, and between two lines.
const FIRST_LINE: Duration = Duration::from_secs(10);
const LINE_EVERY: Duration = Duration::from_secs(60);
/// The time between two drawings of the bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Images,
}

/// The progress of one task. Threads may share it.
#[derive(Debug)]
pub struct Progress {
    task: String,
    unit: Unit,
    total: u64,
    done: AtomicU64,
    /// Units that were done before this process began: counted, but not part of the rate.
    before: u64,
    started: Instant,
    screen: Mutex<Screen>,
}

#[derive(Debug)]
struct Screen {
    /// `None` when quiet.
    output: Option<Output>,
    next: Instant,
}

#[derive(Debug)]
enum Output {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// A task of `total` units, named in a word or two.
    #[must_use]
    pub fn new(task: &str, unit: Unit, total: u64, quiet: bool) -> Self {
        Self::resumed(task, unit, total, 0, quiet)
    }

    /// A task of which `before` units were done by an earlier process.
    #[must_use]
    pub fn resumed(task: &str, unit: Unit, total: u64, before: u64, quiet: bool) -> Self {
        let started = Instant::now();
        let (output, first) = match (quiet, stderr().is_terminal()) {
            (true, _) => (None, PATIENCE),
            (_, true) => (Some(Output::Bar(hidden_bar(task, total))), PATIENCE),
            (_, false) => (Some(Output::Lines), FIRST_LINE),
        };
        Self {
            task: task.into(),
            unit,
            total,
            done: AtomicU64::new(before),
            before,
            started,
            screen: Mutex::new(Screen {
                output,
                next: started + first,
            }),
        }
    }

    /// Counts `n` more units, and shows where the task is when it is time to.
    pub fn advance(&self, n: u64) {
        self.advance_noting(n, String::new);
    }

    /// The same with a few words after the figures, such as RSS against budget; asked for when they are shown.
    pub fn advance_noting(&self, n: u64, note: impl FnOnce() -> String) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        // Another thread that draws just now draws for both.
        if let Ok(mut screen) = self.screen.try_lock() {
            self.draw(&mut screen, done, note);
        }
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        match &self.screen().output {
            Some(Output::Bar(bar)) if !bar.is_hidden() => bar.suspend(|| say(line)),
            _ => say(line),
        }
    }

    /// Takes the bar away, before other lines are printed.
    pub fn finish(&self) {
        if let Some(Output::Bar(bar)) = self.screen().output.take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&self, screen: &mut Screen, done: u64, note: impl FnOnce() -> String) {
        let now = Instant::now();
        if let Some(output) = &screen.output
            && now >= screen.next
        {
            let text = self.text(done, now - self.started, &note());
            screen.next = now + self.show(output, done, text);
        }
    }

    /// Shows `text`, and tells how long to wait before the next.
    fn show(&self, output: &Output, done: u64, text: String) -> Duration {
        match output {
            Output::Lines => {
                say(format_args!("{}: {text}", self.task));
                LINE_EVERY
            }
            Output::Bar(bar) => {
                if bar.is_hidden() {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_message(text);
                bar.set_position(done);
                DRAW_EVERY
            }
        }
    }

    /// `1.2 GB of 34.5 GB, 1.1 GB/s, 30s left, RSS 0.9 of 2.0 GB`
    fn text(&self, done: u64, time: Duration, note: &str) -> String {
        let rate = (done - self.before) as f64 / time.as_secs_f64().max(1e-3);
        let (amount, pace) = match self.unit {
            Unit::Bytes => (
                format!("{} of {}", figures::bytes(done), figures::bytes(self.total)),
                format!("{}/s", figures::bytes(rate as u64)),
            ),
            Unit::Images => (
                format!(
                    "{} of {} images",
                    figures::count(done),
                    figures::count(self.total)
                ),
                format!("{rate:.1} images/s"),
            ),
        };
        let mut text = format!("{amount}, {pace}");
        if rate > 0.0 {
            let left = self.total.saturating_sub(done) as f64 / rate;
            // A rate just above nothing would give more seconds than a Duration holds.
            let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
            text += &format!(", {} left", figures::duration(left));
        }
        if !note.is_empty() {
            text += &format!(", {note}");
        }
        text
    }

    /// A panic while drawing harms nothing that later drawing needs.
    fn screen(&self) -> std::sync::MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn hidden_bar(task: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {percent}% {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_prefix(task.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_resumed_task_are_those_of_this_process() {
        let progress = Progress::resumed("extract", Unit::Images, 3000, 1000, true);
        let text = progress.text(2000, Duration::from_secs(10), "RSS 0.9 GB");
        assert_eq!(
            text,
            "2,000 of 3,000 images, 100.0 images/s, 10s left, RSS 0.9 GB"
        );
        let text = progress.text(1000, Duration::ZERO, "");
        assert_eq!(text, "1,000 of 3,000 images, 0.0 images/s");
        progress.advance(5);
        let copy = Progress::new("merge", Unit::Bytes, 34_500_000_000, true);
        let text = copy.text(1_200_000_000, Duration::from_secs(1), "");
        assert_eq!(text, "1.2 GB of 34.5 GB, 1.2 GB/s, 27s left");
    }

    #[test]
    fn a_note_is_made_when_it_is_shown() {
        let never = || -> String { panic!("made for nobody") };
        let [quiet, shown] =
            [true, false].map(|quiet| Progress::new("merge", Unit::Bytes, 9, quiet));
        shown.advance_noting(1, never); // not yet
        for progress in [&quiet, &shown] {
            progress.screen().next = Instant::now();
        }
        quiet.advance_noting(1, never);
        let mut made = 0;
        for _ in 0..2 {
            shown.advance_noting(1, || {
                made += 1;
                "RSS 0.9 GB".into()
            });
        }
        assert_eq!(made, 1, "the second comes too soon to be shown");
    }
}
