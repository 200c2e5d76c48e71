//! Charts as SVG. Ink and grid take the colours of the page, light or dark.

use anyhow::{Error, Result};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// In pixels.
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

/// How the numbers along an axis are written.
pub type Words = fn(&f64) -> String;

/// Lines over time.
///
/// # Errors
/// The library's; none is known.
pub fn lines(label: &str, lines: &[Vec<(f64, f64)>], across: Words, up: Words) -> Result<String> {
    let points = || lines.iter().flatten();
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let (right, top) = (most(|point| point.0), most(|point| point.1) * 1.05);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = chart(&area, 0.0..right, 0.0..top, 70)?;
        draw_mesh(&mut chart, across, up)?;
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
/// The library's; none is known.
pub fn bars(
    label: &str,
    edges: &[f64],
    counts: &[u64],
    across: Words,
    up: Words,
) -> Result<String> {
    let most = counts.iter().max().copied().unwrap_or(1).max(10) as f64;
    let (left, right) = (edges[0], edges[edges.len() - 1]);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = chart(&area, left..right, (0.5..most * 1.5).log_scale(), 70)?;
        draw_mesh(&mut chart, across, up)?;
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
/// The library's; none is known.
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
        let margin = ((greatest - least) * 0.05).max(f64::EPSILON);
        least - margin..greatest + margin
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SQUARE).into_drawing_area();
        let mut chart = chart(&area, span(0), span(1), 45)?;
        draw_mesh(&mut chart, short, short)?;
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

/// Axes and lines across.
fn draw_mesh<X, Y>(chart: &mut Chart<'_, '_, X, Y>, across: Words, up: Words) -> Result<()>
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
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&across)
            .y_label_formatter(&up)
            .draw(),
    )
}

/// A number for an axis: three digits.
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

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
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
