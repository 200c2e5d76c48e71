//! How RAM, pace and part sizes went: the `memory.csv` of a run, or those of its shards, laid over each other. Processes
//! that went on with the same file follow one another.

use crate::rows::part::names_in;
use crate::run::log::Log;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time of the longest file is cut into at most this number of steps.
const STEPS: usize = 200;
/// The least seconds of a step: lines have their time in tenths.
const TENTH: f64 = 0.1;

/// A line of `memory.csv`.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Line {
    /// Since its process began.
    seconds: f64,
    /// Done by its process.
    images: u64,
    rss_bytes: u64,
    budget_bytes: u64,
    /// Batches in the part, so far where it is in the making.
    step_size: u64,
    /// Since its process began.
    images_per_second: f64,
}

impl Line {
    /// False where a file is damaged.
    fn is_sound(&self) -> bool {
        let pace = self.images_per_second;
        Duration::try_from_secs_f64(self.seconds).is_ok() && pace.is_finite() && pace >= 0.0
    }

    /// True where `next` is of the same process: another counts from the start.
    fn has_its_process_in(&self, next: &Self) -> bool {
        next.seconds >= self.seconds && next.images >= self.images
    }

    /// True where `next`, of the same process, is of the same part: it has more batches than this one, and more than came
    /// since. Where images a batch are not known, the first decides.
    fn has_its_part_in(&self, next: &Self, batch: Option<u64>) -> bool {
        let came = next.images - self.images;
        let had_some = |batch| next.step_size.saturating_sub(1).saturating_mul(batch) >= came;
        next.step_size > self.step_size && batch.is_none_or(had_some)
    }
}

/// What all processes did in a step of their time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step {
    /// Its end, from the start of each file's first process, without the time between processes.
    pub seconds: f64,
    /// RSS of the process that had most.
    pub rss: u64,
    pub budget: u64,
    /// Pace of all processes together, in this step.
    pub images_per_second: f64,
    /// Batches in the largest part: those that are finished, and the last of each process as far as it is known.
    pub part: u64,
}

#[derive(Debug)]
pub struct Timeline {
    /// The steps in which a process ran.
    pub steps: Vec<Step>,
    pub processes: u64,
    pub greatest_rss: u64,
    /// What that process had.
    pub budget: u64,
}

impl Timeline {
    /// Reads the files of all shards. `None` if no process has written a line. `batch`: images per forward pass, if known.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(directory: &Path, batch: Option<u64>) -> Result<Option<Self>> {
        let names = names_in(directory)?;
        let names = names.iter().filter(|name| Log::Memory.is(name));
        let files: Vec<PathBuf> = names.map(|name| directory.join(name)).collect();
        let mut longest = 0.0f64;
        for file in &files {
            let mut seconds = 0.0;
            for_each(file, |_, line, next| {
                if next.is_none() {
                    seconds += line.seconds;
                }
            })?;
            longest = longest.max(seconds);
        }
        let mut overlay = Overlay::new(longest, batch);
        for file in &files {
            overlay.begin_file();
            for_each(file, |before, line, next| overlay.add(before, line, next))?;
        }
        Ok(overlay.finish())
    }
}

/// Lines of all files, one file after the other.
struct Overlay {
    /// Seconds of a step.
    length: f64,
    batch: Option<u64>,
    timeline: Timeline,
    /// When the present process began: at the end of the one before it in its file.
    began: f64,
    /// When the present part began.
    opened: f64,
}

impl Overlay {
    fn new(longest: f64, batch: Option<u64>) -> Self {
        let count = ((longest / TENTH) as usize).clamp(1, STEPS);
        let length = (longest / count as f64).max(TENTH);
        let step = |at: usize| Step {
            seconds: (at + 1) as f64 * length,
            ..Step::default()
        };
        Self {
            length,
            batch,
            timeline: Timeline {
                steps: (0..count).map(step).collect(),
                processes: 0,
                greatest_rss: 0,
                budget: 0,
            },
            began: 0.0,
            opened: 0.0,
        }
    }

    fn begin_file(&mut self) {
        self.began = 0.0;
        self.opened = 0.0;
    }

    /// A line tells of the time since the one before it. Its neighbours are those of the same process.
    fn add(&mut self, before: Option<Line>, line: Line, next: Option<Line>) {
        let (seconds, images) = before.map_or((0.0, 0), |line| (line.seconds, line.images));
        let (from, to) = (self.began + seconds, self.began + line.seconds);
        self.add_memory(from, to, line);
        // Two lines may have the same tenth.
        let from = from.min(to - TENTH).max(self.began);
        self.add_images(from, to, line.images - images);
        if next.is_none_or(|next| !line.has_its_part_in(&next, self.batch)) {
            self.add_part(to, line.step_size);
        }
        if next.is_none() {
            self.timeline.processes += 1;
            self.began = to;
        }
    }

    fn add_memory(&mut self, from: f64, to: f64, line: Line) {
        for step in self.steps(from, to) {
            if line.rss_bytes > step.rss {
                (step.rss, step.budget) = (line.rss_bytes, line.budget_bytes);
            }
        }
        if line.rss_bytes > self.timeline.greatest_rss {
            self.timeline.greatest_rss = line.rss_bytes;
            self.timeline.budget = line.budget_bytes;
        }
    }

    /// Spread evenly: each step gets those of its share of the time.
    fn add_images(&mut self, from: f64, to: f64, images: u64) {
        let length = self.length;
        for step in self.steps(from, to) {
            let within = to.min(step.seconds) - from.max(step.seconds - length);
            let share = match to > from {
                true => within.max(0.0) / (to - from),
                false => 1.0,
            };
            step.images_per_second += images as f64 * share / length;
        }
    }

    /// From when the one before it was finished.
    fn add_part(&mut self, finished: f64, batches: u64) {
        let opened = std::mem::replace(&mut self.opened, finished);
        for step in self.steps(opened, finished) {
            step.part = step.part.max(batches);
        }
    }

    /// The steps that a time reaches into.
    fn steps(&mut self, from: f64, to: f64) -> &mut [Step] {
        let last = self.timeline.steps.len() - 1;
        let place = |seconds: f64| ((seconds / self.length) as usize).min(last);
        let (first, last) = (place(from), place(to));
        &mut self.timeline.steps[first..=last]
    }

    fn finish(mut self) -> Option<Timeline> {
        self.timeline.steps.retain(|step| step.rss > 0);
        (self.timeline.processes > 0).then_some(self.timeline)
    }
}

/// Takes each line between its neighbours of the same process. The first has no line before it, the last none
/// after it. A line that is damaged, or that a kill left half written, does not count.
fn for_each(file: &Path, mut take: impl FnMut(Option<Line>, Line, Option<Line>)) -> Result<()> {
    let named = || format!("cannot read '{}'", file.display());
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(file)
        .with_context(named)?;
    let lines = reader.deserialize::<Line>().flatten();
    let mut lines = lines.filter(Line::is_sound).peekable();
    let mut before = None;
    while let Some(line) = lines.next() {
        let next = lines.peek().copied();
        let next = next.filter(|next| line.has_its_process_in(next));
        take(before, line, next);
        before = next.map(|_| line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HEADS: &str = "seconds,images,rss_bytes,budget_bytes,step_size,images_per_second\n";

    /// The timeline of a run of ten images per batch, with the lines of each file.
    fn timeline(test: &str, files: &[&str]) -> Option<Timeline> {
        let name = format!("featx-timeline-{test}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        for (shard, lines) in files.iter().enumerate() {
            let file = match files.len() {
                1 => "memory.csv".to_owned(),
                _ => format!("memory_{shard:04}.csv"),
            };
            fs::write(directory.join(file), format!("{HEADS}{lines}")).unwrap();
        }
        let timeline = Timeline::read(&directory, Some(10)).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        timeline
    }

    /// A line every ten seconds, for `seconds` seconds at `pace` images per second.
    fn process(seconds: u64, pace: u64) -> String {
        let line = |at: u64| format!("{at}.0,{},1000,8000,1,{pace}.00\n", at * pace);
        (1..=seconds / 10).map(|at| line(10 * at)).collect()
    }

    fn end(timeline: &Timeline) -> f64 {
        timeline.steps.last().unwrap().seconds
    }

    fn at(timeline: &Timeline, seconds: f64) -> Step {
        let mut steps = timeline.steps.iter();
        *steps.find(|step| step.seconds > seconds).unwrap()
    }

    fn is_near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-6 * expected
    }

    #[test]
    fn processes_of_a_file_follow_one_another_and_files_lie_over_each_other() {
        let hour = process(3600, 50);
        let resumed = timeline("resumed", &[&hour.repeat(2)]).unwrap();
        assert_eq!((resumed.processes, resumed.steps.len()), (2, STEPS));
        assert!(is_near(end(&resumed), 7200.0));
        let shards = timeline("shards", &[&hour, &hour]).unwrap();
        assert_eq!((shards.processes, shards.steps.len()), (2, STEPS));
        assert!(is_near(end(&shards), 3600.0));
        for (timeline, pace) in [(resumed, 50.0), (shards, 100.0)] {
            for step in &timeline.steps {
                assert!(is_near(step.images_per_second, pace), "{step:?}");
                assert_eq!((step.rss, step.budget, step.part), (1000, 8000, 1));
            }
        }
    }

    #[test]
    fn a_process_begins_where_its_images_are_fewer_though_its_seconds_are_more() {
        let lines = "10.0,1000,700,8000,1,100.00\n20.0,400,900,8000,1,20.00\n";
        let found = timeline("later", &[lines]).unwrap();
        assert_eq!((found.processes, found.greatest_rss), (2, 900));
        assert!(is_near(end(&found), 30.0));
        assert!(is_near(at(&found, 5.0).images_per_second, 100.0));
        assert!(is_near(at(&found, 25.0).images_per_second, 20.0));
    }

    #[test]
    fn a_slowdown_shows() {
        let line = |at: u64| {
            let images = 100 * at.min(100) + 10 * at.saturating_sub(100);
            let mean = images as f64 / at as f64;
            format!("{at}.0,{images},1000,8000,1,{mean:.2}\n")
        };
        let lines: String = (1..=20).map(|at| line(10 * at)).collect();
        let slower = timeline("slower", &[&lines]).unwrap();
        for (seconds, pace) in [(0.5, 100.0), (98.5, 100.0), (101.5, 10.0), (198.5, 10.0)] {
            let step = at(&slower, seconds);
            assert!(is_near(step.images_per_second, pace), "{step:?}");
        }
    }

    #[test]
    fn lines_of_the_same_tenth_have_their_images_in_it() {
        let lines =
            "0.1,32,9,9,1,320.00\n0.1,64,9,9,1,640.00\n0.2,96,9,9,1,480.00\n0.2,128,9,9,1,640.00\n";
        let short = timeline("short", &[lines]).unwrap();
        let paces = short.steps.iter().map(|step| step.images_per_second);
        assert!(paces.clone().all(|pace| is_near(pace, 640.0)) && paces.count() == 2);
        let at_once = timeline("at_once", &["0.0,32,9,9,1,1000.00\n"]).unwrap();
        assert!(is_near(at_once.steps[0].images_per_second, 320.0));
    }

    #[test]
    fn parts_in_the_making_are_not_plotted() {
        let lines = [
            (10, 20, 2), // in the making
            (20, 40, 4),
            (30, 60, 2), // in the making
            (40, 100, 6),
            (50, 180, 8), // has no line before it is finished
            (60, 200, 2), // has no line after it
        ];
        let lines = lines
            .map(|(seconds, images, step)| format!("{seconds}.0,{images},1000,8000,{step},3.00\n"));
        let found = timeline("parts", &[&lines.concat()]).unwrap();
        let parts = [5.0, 15.0, 25.0, 35.0, 45.0, 55.0].map(|seconds| at(&found, seconds).part);
        assert_eq!(parts, [4, 4, 6, 6, 8, 2]);
    }

    #[test]
    fn damaged_lines_are_no_lines() {
        let damaged = "NaN,1,9000,9000,1,1.00\n-1.0,1,9000,9000,1,1.00\n1e300,1,9000,9000,1,1.00\ninf,1,9000,9000,1,1.00\n\
                       12.0,x,9000,9000,1,1.00\n12.0,150,9000,9000,1,NaN\n12.0,150,9000,9000,1,-1.00\n12.0,150,9000\n\0\0\n";
        let ten = "10.0,100,1000,8000,1,10.00\n";
        let lines = [ten, damaged, "20.0,200,1000,8000,1,10.00\n30."].concat();
        let found = timeline("damaged", &[&lines]).unwrap();
        assert_eq!((found.processes, found.greatest_rss), (1, 1000));
        assert!(is_near(end(&found), 20.0));
        assert!(is_near(at(&found, 15.0).images_per_second, 10.0));
        assert!(timeline("nothing", &[damaged]).is_none());
        // Numbers that no process writes, and that are numbers.
        let most = u64::MAX;
        let odd = format!("1e19,{most},{most},{most},{most},1e300\n{ten}1e19,5,5,5,0,0\n");
        let found = timeline("odd", &[&odd, &odd]).unwrap();
        let mut steps = found.steps.iter();
        assert!(steps.all(|step| step.seconds.is_finite() && step.images_per_second.is_finite()));
    }
}
