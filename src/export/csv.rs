//! Text: `file_name`, then one column per number, `f0`, `f1`, … in C order.
//!
//! A number has the fewest digits that give it back when they are read as its own type; an f16, as an f32.
//! NaN is `NaN`, infinity `inf`.

use crate::export::checks::number_among;
use crate::export::format::Format;
use crate::export::table::{Layer, Table};
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use crate::text::figures::count;
use crate::text::printing::say;
use anyhow::{Context, Result};
use half::f16;
use std::io::{BufWriter, Write};

/// More columns than most programs that read such files can take.
const MANY: u64 = 100_000;
/// `0.0,`: no number takes less.
const SHORTEST: u64 = 4;

pub struct Csv {
    pub comma: u8,
}

impl Csv {
    fn layer<'a>(&self, table: &'a Table) -> &'a Layer {
        &table.layers[0]
    }
}

impl Format for Csv {
    fn endings(&self) -> &'static [&'static str] {
        match self.comma {
            b'\t' => &["tsv"],
            _ => &["csv"],
        }
    }

    fn takes_several(&self) -> bool {
        false
    }

    fn check(&self, table: &Table) -> Result<()> {
        let layer = self.layer(table);
        number_among(layer, &Number::ALL, "text", "merge it to .npy")?;
        if layer.width() > MANY {
            say(format_args!(
                "warning: {} columns, which few programs can read; .h5, .parquet and .npy hold them as arrays",
                count(layer.width())
            ));
        }
        Ok(())
    }

    fn file_bytes(&self, table: &Table) -> u64 {
        let numbers = self.layer(table).rows.header.elements();
        let shortest = match self.layer(table).number() {
            Some(Number::F16 | Number::F32 | Number::F64) => SHORTEST,
            _ => 2,
        };
        numbers * shortest + table.names.as_ref().map_or(0, |names| names.bytes)
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        let layer = self.layer(table);
        let sink = BufWriter::with_capacity(1 << 20, into.file());
        let mut text = csv::WriterBuilder::new()
            .delimiter(self.comma)
            .from_writer(sink);
        if table.names.is_some() {
            text.write_field("file_name")?;
        }
        for column in 0..layer.width() {
            text.write_field(format!("f{column}"))?;
        }
        text.write_record(None::<&[u8]>)?;
        let number = layer.number().context("not a number")?;
        let width = layer.rows.header.row_bytes() as usize;
        let mut names = table
            .names
            .as_ref()
            .map(|names| names.reader())
            .transpose()?;
        let (mut name, mut digits) = (Vec::new(), Vec::new());
        table.for_all_rows(layer, |rows, bytes| {
            for row in 0..(rows.end - rows.start) as usize {
                if let Some(names) = &mut names {
                    names.next(&mut name)?;
                    text.write_field(&name)?;
                }
                for bytes in bytes[row * width..][..width].chunks_exact(number.size()) {
                    digits.clear();
                    write_number(number, bytes, &mut digits)?;
                    text.write_field(&digits)?;
                }
                text.write_record(None::<&[u8]>)?;
            }
            Ok(())
        })?;
        text.flush()?;
        Ok(())
    }
}

/// Writes the number that `bytes` are, little endian, as text.
fn write_number(number: Number, bytes: &[u8], text: &mut Vec<u8>) -> Result<()> {
    macro_rules! from {
        ($type:ty) => {
            <$type>::from_le_bytes(bytes.try_into()?)
        };
    }
    match number {
        Number::Bool => write!(text, "{}", u8::from(bytes != [0])),
        Number::I8 => write!(text, "{}", from!(i8)),
        Number::I16 => write!(text, "{}", from!(i16)),
        Number::I32 => write!(text, "{}", from!(i32)),
        Number::I64 => write!(text, "{}", from!(i64)),
        Number::U8 => write!(text, "{}", from!(u8)),
        Number::U16 => write!(text, "{}", from!(u16)),
        Number::U32 => write!(text, "{}", from!(u32)),
        Number::U64 => write!(text, "{}", from!(u64)),
        Number::F16 => write!(text, "{:?}", f32::from(from!(f16))),
        Number::F32 => write!(text, "{:?}", from!(f32)),
        Number::F64 => write!(text, "{:?}", from!(f64)),
    }?;
    Ok(())
}
