//! How the run went over time, as charts.

use crate::report::charts::{lines, short};
use crate::report::page::{Chart, key, size, time};
use crate::report::timeline::{Step, Timeline};
use crate::text::figures::{bytes, count, counted, percent};
use anyhow::Result;

pub struct TimelineSection {
    pub words: String,
    pub charts: Vec<Chart>,
}

impl TimelineSection {
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn of(timeline: &Timeline, batch: u64) -> Result<Self> {
        let steps = &timeline.steps;
        let line = |of: fn(&Step) -> f64| -> Vec<(f64, f64)> {
            steps.iter().map(|step| (step.seconds, of(step))).collect()
        };
        let cells = |of: &dyn Fn(&Step) -> Vec<String>| {
            let some = steps.iter().step_by(steps.len().div_ceil(40).max(1));
            let rows = some.map(|step| [vec![time(&step.seconds)], of(step)].concat());
            rows.collect::<Vec<_>>()
        };
        let rows = |step: &Step| step.part.saturating_mul(batch);
        let parts: Vec<(f64, f64)> = steps
            .iter()
            .map(|step| (step.seconds, rows(step) as f64))
            .collect();
        let charts = vec![
            Chart {
                title: "Memory",
                svg: lines(
                    "Resident memory over time, beside the budget",
                    &[
                        line(|step| step.rss as f64),
                        line(|step| step.budget as f64),
                    ],
                    time,
                    size,
                )?,
                keys: vec![("in use".to_owned(), key(0)), ("budget".to_owned(), key(1))],
                heads: vec!["time", "in use", "budget"],
                cells: cells(&|step| vec![bytes(step.rss), bytes(step.budget)]),
            },
            Chart {
                title: "Images a second",
                svg: lines(
                    "Images a second over time",
                    &[line(|step| step.images_per_second)],
                    time,
                    short,
                )?,
                keys: Vec::new(),
                heads: vec!["time", "images a second"],
                cells: cells(&|step| vec![short(&step.images_per_second)]),
            },
            Chart {
                title: "Rows a part",
                svg: lines("Rows a part over time", &[parts], time, short)?,
                keys: Vec::new(),
                heads: vec!["time", "rows a part"],
                cells: cells(&|step| vec![count(rows(step))]),
            },
        ];
        let share = timeline.greatest_rss as f64 / timeline.budget.max(1) as f64;
        Ok(Self {
            words: format!(
                "{} took {} of {} at most ({}). A process that went on with a run follows the one before it at once; of shards, memory is that of the one that had most, and paces add up.",
                counted(timeline.processes, "process"),
                bytes(timeline.greatest_rss),
                bytes(timeline.budget),
                percent(share)
            ),
            charts,
        })
    }
}
