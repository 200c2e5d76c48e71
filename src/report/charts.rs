//! Charts as SVG. Ink and grid take the colours of the page, light or dark.

use anyhow::{Error, Result};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// The size of a chart in pixels.
const SIZE: (u32, u32) = (640, 240);
const SQUARE: (u32, u32) = (360, 360);
const FONT: (&str, u32) = ("sans-serif", 12);

/// Stand for what `report.css` says: an attribute of SVG takes a variable where it takes a colour.
const INK: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(4, 5, 6);
const VARIABLES: [(&str, &str); 2] = [("#010203", "var(--ink)"), ("#040506", "var(--grid)")];

/// Okabe and Ito's colours, which nearly everybody can tell apart, without black and yellow: dark on white, bright on
/// black.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Numbers along an axis, at most.
const LABELS: usize = 6;

/// How the numbers along an axis are written.
pub type Words = fn(&f64) -> String;

/// How numbers that lie at least a step apart are written: so that each differs from the next, and no longer than that
/// needs.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    /// Digits after the point.
    count: usize,
    is_scientific: bool,
    /// What is no farther from 0 is 0 but for rounding.
    zero: f64,
}

impl Digits {
    /// The digits of numbers from `least` to `greatest`, with `steps` steps between them.
    pub fn between(least: f64, greatest: f64, steps: usize) -> Self {
        let size = least.abs().max(greatest.abs()).max(f64::MIN_POSITIVE);
        // Nearer numbers are one number of 64 bits.
        let step = ((greatest - least) / steps as f64).max(size * f64::EPSILON);
        let place = |number: f64| number.log10().floor();
        // A tenth of the step still shows.
        let plain = (1.0 - place(step)).max(0.0) as usize;
        let scientific = (1.0 + place(size) - place(step)).max(0.0) as usize;
        let is_scientific = format!("{size:.scientific$e}").len() < format!("{size:.plain$}").len();
        Self {
            count: if is_scientific { scientific } else { plain },
            is_scientific,
            zero: step / 1000.0,
        }
    }

    pub fn words(&self, value: f64) -> String {
        let count = self.count;
        if value.abs() <= self.zero {
            return "0".to_owned();
        }
        if self.is_scientific {
            return format!("{value:.count$e}");
        }
        match trimmed(format!("{value:.count$}")) {
            text if text == "-0" => "0".to_owned(),
            text => text,
        }
    }
}

/// Lines over time.
///
/// # Errors
/// Those of the chart library; none is known.
pub fn lines(label: &str, lines: &[Vec<(f64, f64)>], across: Words, up: Words) -> Result<String> {
    let points = || lines.iter().flatten();
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let (right, top) = (most(|point| point.0), most(|point| point.1) * 1.05);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = chart(&area, 0.0..right, 0.0..top, 70)?;
        draw_mesh(&mut chart, &across, &up)?;
        for (line, colour) in lines.iter().zip(COLOURS) {
            drawn(chart.draw_series(LineSeries::new(
                line.iter().copied(),
                colour.stroke_width(2),
            )))?;
        }
        drawn(area.present())?;
    }
    Ok(finished(&svg, label))
}

/// Bars between edges; upwards in powers of ten, so that a bar of a few shows beside one of millions.
///
/// # Errors
/// Those of the chart library; none is known.
pub fn bars(label: &str, edges: &[f64], counts: &[u64], up: Words) -> Result<String> {
    let most = counts.iter().max().copied().unwrap_or(1).max(10) as f64;
    let (left, right) = (edges[0], edges[edges.len() - 1]);
    let across = along(left, right);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = chart(&area, left..right, (0.5..most * 1.5).log_scale(), 70)?;
        draw_mesh(&mut chart, &across, &up)?;
        let bars = edges
            .windows(2)
            .zip(counts)
            .filter(|(_, count)| **count > 0);
        let bars = bars.map(|(edge, &count)| {
            Rectangle::new(
                [(edge[0], 0.5), (edge[1], count as f64)],
                COLOURS[0].filled(),
            )
        });
        drawn(chart.draw_series(bars))?;
        drawn(area.present())?;
    }
    Ok(finished(&svg, label))
}

/// A circle a point, in their order; each has the number of its colour.
///
/// # Errors
/// Those of the chart library; none is known.
pub fn scatter(label: &str, points: &[[f64; 2]], colours: &[usize]) -> Result<String> {
    let span = |axis: usize| {
        let of = |fold: fn(f64, f64) -> f64| {
            points
                .iter()
                .map(|point| point[axis])
                .reduce(fold)
                .unwrap_or(0.0)
        };
        let (least, greatest) = (of(f64::min), of(f64::max));
        let margin = match greatest - least > f64::EPSILON {
            true => (greatest - least) * 0.05,
            false => 0.5,
        };
        least - margin..greatest + margin
    };
    let (across, up) = (span(0), span(1));
    let words = (along(across.start, across.end), along(up.start, up.end));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SQUARE).into_drawing_area();
        let mut chart = chart(&area, across, up, 45)?;
        draw_mesh(&mut chart, &words.0, &words.1)?;
        let circles = points.iter().zip(colours).map(|(point, colour)| {
            Circle::new(
                (point[0], point[1]),
                4,
                COLOURS[colour % COLOURS.len()].filled(),
            )
        });
        drawn(chart.draw_series(circles))?;
        drawn(area.present())?;
    }
    Ok(finished(&svg, label))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

fn chart<'a, 'b, Y: AsRangedCoord<Value = f64>>(
    area: &'a Area<'b>,
    across: Range<f64>,
    up: Y,
    left: u32,
) -> Result<Chart<'a, 'b, plotters::coord::types::RangedCoordf64, Y::CoordDescType>> {
    drawn(
        ChartBuilder::on(area)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(24)
            .y_label_area_size(left)
            .build_cartesian_2d(across, up),
    )
}

/// How the numbers along an axis are written.
fn along(first: f64, last: f64) -> impl Fn(&f64) -> String {
    // Beyond the first and the last of them there is less than a step.
    let digits = Digits::between(first, last, LABELS + 1);
    move |value: &f64| digits.words(*value)
}

/// Axes and lines across.
fn draw_mesh<X, Y>(
    chart: &mut Chart<'_, '_, X, Y>,
    across: &dyn Fn(&f64) -> String,
    up: &dyn Fn(&f64) -> String,
) -> Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    drawn(
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(FONT.into_font().color(&INK))
            .x_labels(LABELS)
            .y_labels(LABELS)
            .x_label_formatter(across)
            .y_label_formatter(up)
            .draw(),
    )
}

/// A number by itself, or for an axis from 0: three digits.
pub fn short(value: &f64) -> String {
    let value = if value.abs() < 1e-12 { 0.0 } else { *value };
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}"),
        size if size < 10.0 => trimmed(format!("{value:.3}")),
        size if size < 100.0 => trimmed(format!("{value:.1}")),
        _ => format!("{value:.0}"),
    }
}

/// Without zeros at the end of a fraction.
fn trimmed(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn drawn<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T> {
    result.map_err(|error| Error::msg(format!("cannot draw a chart: {error}")))
}

/// With the page's colours, and words for those who do not see it.
fn finished(svg: &str, label: &str) -> String {
    let start = svg.find("<svg").unwrap_or_default();
    let mut svg = svg[start..].replacen(
        "<svg",
        &format!("<svg role=\"img\" aria-label=\"{label}\""),
        1,
    );
    for (colour, variable) in VARIABLES {
        svg = svg.replace(colour, variable);
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(least: f64, greatest: f64) -> Vec<String> {
        let digits = Digits::between(least, greatest, 60);
        let value = |at: usize| least + at as f64 * (greatest - least) / 60.0;
        (0..=60).map(|at| digits.words(value(at))).collect()
    }

    #[test]
    fn no_number_is_written_as_the_next() {
        for (least, greatest) in [
            (100.0, 130.0),
            (999_999.8, 1_000_000.2),
            (-2.3, 5.0),
            (-1e-4, 3.0),
            (-5e6, 5e6),
            (1e-9, 2e-9),
            (0.0, 1e-15),
            (1.0, 1.0 + 1e-12),
            (0.0, f64::from(f32::MAX)),
        ] {
            let words = steps(least, greatest);
            for pair in words.windows(2) {
                assert_ne!(pair[0], pair[1], "{least} {greatest}");
            }
            let (first, last): (f64, f64) = (words[0].parse().unwrap(), words[60].parse().unwrap());
            let step = (greatest - least) / 60.0;
            assert!((first - least).abs() < step / 10.0 && (last - greatest).abs() < step / 10.0);
        }
    }

    #[test]
    fn numbers_are_no_longer_than_they_need() {
        assert_eq!(steps(100.0, 130.0)[..3], ["100", "100.5", "101"]);
        assert_eq!(steps(0.0, 1e5)[..3], ["0", "1667", "3333"]);
        assert_eq!(steps(-5e6, 5e6)[29..32], ["-1.67e5", "0", "1.67e5"]);
        assert_eq!(Digits::between(0.0, 0.0, 7).words(0.0), "0");
    }

    #[test]
    fn an_axis_far_from_0_has_numbers() {
        let edges: Vec<f64> = (0..=60).map(|at| 1e6 + f64::from(at) / 60.0).collect();
        let svg = bars("values", &edges, &[1; 60], short).unwrap();
        assert!(
            svg.contains("1000000.2") && svg.contains("1000000.8"),
            "{svg}"
        );
    }
}
