//! `featx inspect FILE.npy`.

use crate::rows::dtype::{ByteOrder, Dtype, Kind};
use crate::rows::npy::{Header, shape_text};
use crate::rows::read_statistics::read_stats;
use crate::rows::statistics::{Stats, Value};
use crate::text::figures::{bytes, count, row_shape};
use crate::text::progress::{Progress, Unit};
use crate::text::table;
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// The keys of `--json`. Figures that do not exist, of no value or beyond f64, are null.
#[derive(Serialize)]
pub struct Report {
    path: String,
    shape: Vec<u64>,
    dtype: String,
    /// `C` or `Fortran`.
    order: &'static str,
    /// Of the file.
    bytes: u64,
    header_bytes: u64,
    elements: u64,
    /// Null for what are not numbers.
    statistics: Option<Statistics>,
    #[serde(skip)]
    about: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Statistics {
    finite: u64,
    nan: u64,
    infinite: u64,
    min: serde_json::Value,
    max: serde_json::Value,
    /// Of complex numbers, a pair.
    mean: serde_json::Value,
    std: serde_json::Value,
}

/// Reads the file once.
///
/// # Errors
/// A file that is not an `.npy` file, or that cannot be read.
pub fn report(path: &Path, quiet: bool) -> Result<Report> {
    let (header, mut file) = Header::open(path)?;
    let progress = Progress::new("inspect", Unit::Bytes, header.data_bytes(), quiet);
    let stats = read_stats(&mut file, &header, &|n| progress.advance(n));
    let stats = stats.with_context(|| format!("'{}'", path.display()))?;
    drop(progress);
    Ok(Report {
        path: path.display().to_string(),
        shape: header.shape.clone(),
        dtype: header.dtype.to_string(),
        order: if header.fortran_order { "Fortran" } else { "C" },
        bytes: header.data_offset + header.data_bytes(),
        header_bytes: header.data_offset,
        elements: header.elements(),
        statistics: stats.as_ref().map(statistics),
        about: about(&header, stats.as_ref()),
    })
}

pub fn table(report: &Report) -> String {
    table::pairs(&report.path, &report.about)
}

fn about(header: &Header, stats: Option<&Stats>) -> Vec<(&'static str, String)> {
    let mut about = vec![("shape", shape_text(&header.shape))];
    if let Some(rows) = header.rows() {
        let row = row_shape(header.row_shape());
        about.push((
            "rows",
            format!(
                "{} of {row}, {} each",
                count(rows),
                bytes(header.row_bytes())
            ),
        ));
    }
    let order = if header.fortran_order {
        "Fortran (first axis fastest)"
    } else {
        "C (last axis fastest)"
    };
    let size = header.data_offset + header.data_bytes();
    about.extend([
        ("dtype", dtype_words(&header.dtype)),
        ("order", order.into()),
        ("size", size_words(size)),
    ]);
    match stats {
        None => about.push((
            "values",
            "not numbers that every machine reads alike: no statistics".into(),
        )),
        Some(stats) => about.extend(stats_words(stats, header.elements(), header.dtype.kind())),
    }
    about
}

fn stats_words(stats: &Stats, elements: u64, kind: Kind) -> Vec<(&'static str, String)> {
    let of = if kind == Kind::Complex {
        " (absolute value)"
    } else {
        ""
    };
    let mut words = Vec::new();
    if let Some(finite) = &stats.finite {
        words.extend([
            ("min", format!("{}{of}", value_words(finite.min))),
            ("max", format!("{}{of}", value_words(finite.max))),
            ("mean", value_words(finite.mean)),
            ("std", real_words(finite.std)),
        ]);
    }
    words.push(("NaN", share_words(stats.nan, elements)));
    words.push(("infinite", share_words(stats.infinite, elements)));
    if stats.nan + stats.infinite > 0 && stats.finite.is_some() {
        words.push((
            "",
            "min, max, mean and std are those of the finite values".into(),
        ));
    }
    words
}

fn size_words(size: u64) -> String {
    match size {
        0..1000 => bytes(size),
        _ => format!("{} ({} B)", bytes(size), count(size)),
    }
}

fn share_words(n: u64, of: u64) -> String {
    match n {
        0 => "0".into(),
        _ => format!("{} ({:.2} %)", count(n), n as f64 / of as f64 * 100.0),
    }
}

fn value_words(value: Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Real(x) => real_words(x),
        Value::Complex(re, im) => {
            let sign = if im.is_sign_negative() { '-' } else { '+' };
            format!("{} {sign} {}i", real_words(re), real_words(im.abs()))
        }
    }
}

/// Seven digits, as many as an f32 has.
fn real_words(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        "0".into()
    } else if (1e-4..1e7).contains(&size) {
        let decimals = (6 - size.log10().floor() as i32).clamp(0, 10) as usize;
        let text = format!("{x:.decimals$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').into(),
            false => text,
        }
    } else {
        format!("{x:.6e}")
    }
}

fn dtype_words(dtype: &Dtype) -> String {
    let bits = dtype.size() * 8;
    let kind = match dtype.kind() {
        Kind::Bool => "boolean".into(),
        Kind::Int => format!("{bits}-bit integer"),
        Kind::Uint => format!("{bits}-bit unsigned integer"),
        Kind::Float => format!("{bits}-bit float"),
        Kind::Complex => format!("complex of two {}-bit floats", bits / 2),
        Kind::Opaque => format!("{} bytes an element", dtype.size()),
    };
    let order = match dtype.order() {
        ByteOrder::Little => ", little endian",
        ByteOrder::Big => ", big endian",
        ByteOrder::None => "",
    };
    format!("{dtype} ({kind}{order})")
}

fn statistics(stats: &Stats) -> Statistics {
    let finite = stats.finite.as_ref();
    let figure = |value: Option<Value>| value.map_or(serde_json::Value::Null, value_json);
    Statistics {
        finite: finite.map_or(0, |finite| finite.count),
        nan: stats.nan,
        infinite: stats.infinite,
        min: figure(finite.map(|f| f.min)),
        max: figure(finite.map(|f| f.max)),
        mean: figure(finite.map(|f| f.mean)),
        std: figure(finite.map(|f| Value::Real(f.std))),
    }
}

fn value_json(value: Value) -> serde_json::Value {
    match value {
        // Extremes of 64-bit integers, signed or not, fit one of the two.
        Value::Int(n) => i64::try_from(n).map_or_else(|_| json!(n as u64), |n| json!(n)),
        Value::Real(x) => json!(x),
        Value::Complex(re, im) => json!([re, im]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_seven_digits() {
        let texts = [
            0.0,
            1.5,
            -0.25,
            1234567.0,
            0.000123456789,
            1e-9,
            -2e30,
            1.0 / 3.0,
        ]
        .map(real_words);
        let expected = [
            "0",
            "1.5",
            "-0.25",
            "1234567",
            "0.0001234568",
            "1.000000e-9",
            "-2.000000e30",
            "0.3333333",
        ];
        assert_eq!(texts, expected);
    }
}
