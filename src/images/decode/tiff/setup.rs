//! What the tags of a TIFF say of its pixels: `TiffImageFile._setup` of Pillow's `TiffImagePlugin.py`.

use crate::images::decode::palette::Palette;
use crate::images::decode::raw::{Kind, Number, Raw};
use crate::images::decode::size::checked_size;
use crate::images::decode::tiff::directory::{Directory, tag};
use crate::images::decode::tiff::format::{Format, Key};
use crate::images::image_error::{ImageError, Result};

/// Pillow's MAX_SAMPLESPERPIXEL.
const MAX_SAMPLES: i64 = 6;

/// What the tags say, put together.
#[derive(Debug)]
pub struct Setup {
    pub width: usize,
    pub height: usize,
    pub compression: i64,
    pub photometric: i64,
    /// Each sample in a plane of its own.
    pub planar: bool,
    /// The lowest bit of a byte comes first.
    pub reversed: bool,
    pub big_endian: bool,
    /// Bits of one sample.
    pub bits: i64,
    pub samples: usize,
    /// Whether samples beyond the colours have a meaning.
    pub extra_stated: bool,
    pub format: Format,
    /// The row format of what libtiff gives: 16-bit samples in native order, except those that Pillow forgets.
    pub native: Raw,
    pub palette: Palette,
}

impl Setup {
    /// # Errors
    /// Tags that are missing or contradict each other; a kind that is not decoded here.
    pub fn read(directory: &Directory<'_>) -> Result<Self> {
        if directory.has(tag::WINDOWS_MEDIA_PHOTO) {
            return Err(ImageError::Unsupported("Windows Media Photo"));
        }
        let number = |tag, default| Ok::<_, ImageError>(directory.number(tag)?.unwrap_or(default));
        let numbers = |tag| directory.numbers(tag);
        let side = |tag| {
            let side = directory
                .number(tag)?
                .ok_or(ImageError::Corrupt("a TIFF without its size"))?;
            u64::try_from(side).map_err(|_| ImageError::Corrupt("a TIFF of negative size"))
        };
        let (width, height) = checked_size(side(tag::WIDTH)?, side(tag::HEIGHT)?)?;
        let planar = number(tag::PLANAR, 1)? == 2;
        let reversed = number(tag::FILL_ORDER, 1)? == 2;
        let photometric = number(tag::PHOTOMETRIC, 0)?;
        let mut samples = number(tag::SAMPLES, 1)?;
        if planar && samples == 2 && photometric <= 1 {
            return Err(ImageError::Unsupported(
                "TIFF of grey and alpha in planes of their own",
            ));
        }
        let mut bits = numbers(tag::BITS)?.unwrap_or(vec![1]);
        let mut extra = numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
        if planar && !extra.is_empty() && extra.iter().all(|&kind| kind <= 0) {
            bits.truncate(bits.len().saturating_sub(extra.len()));
            samples -= extra.len() as i64;
            extra.clear();
        }
        let bits = spread_bits(bits, samples)?;
        let key = Key {
            big_endian: directory.big_endian,
            photometric,
            sample_format: single(&numbers(tag::SAMPLE_FORMAT)?.unwrap_or(vec![1]))?,
            reversed,
            bits: &bits,
            extra: &extra,
        };
        let format = key
            .format()
            .ok_or(ImageError::Unsupported("TIFF of this colouring and depth"))?;
        Ok(Self {
            width,
            height,
            compression: number(tag::COMPRESSION, 1)?,
            photometric,
            planar,
            reversed,
            big_endian: directory.big_endian,
            bits: bits[0],
            samples: bits.len(),
            extra_stated: !extra.is_empty(),
            format,
            native: native(&key, format.raw),
            palette: read_palette(directory, photometric)?,
        })
    }
}

/// Pillow renames `;16B` and `;16L` to native, and leaves signed and wider numbers as the file has them, although
/// libtiff has turned those too.
fn native(key: &Key<'_>, raw: Raw) -> Raw {
    match raw {
        Raw::Number(Number { kind, .. }) if kind != Kind::U16 => raw,
        _ => Key {
            big_endian: false,
            ..*key
        }
        .format()
        .map_or(raw, |format| format.raw),
    }
}

/// Bits of each sample. Surplus entries are cut; a single one stands for all samples.
fn spread_bits(mut bits: Vec<i64>, samples: i64) -> Result<Vec<i64>> {
    if !(1..=MAX_SAMPLES).contains(&samples) {
        return Err(ImageError::Corrupt("a TIFF of this many samples a pixel"));
    }
    let samples = samples as usize;
    if bits.len() == 1 {
        bits = vec![bits[0]; samples];
    }
    bits.truncate(samples);
    if bits.len() == samples {
        Ok(bits)
    } else {
        Err(ImageError::Corrupt(
            "a TIFF whose samples lack their depths",
        ))
    }
}

/// The one value that a series repeats.
fn single(values: &[i64]) -> Result<i64> {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => Ok(*first),
        _ => Err(ImageError::Unsupported("TIFF of mixed sample formats")),
    }
}

/// 16-bit entries, all red, then all green, then all blue; their high bytes count.
fn read_palette(directory: &Directory<'_>, photometric: i64) -> Result<Palette> {
    let map = match photometric {
        3 => directory
            .numbers(tag::COLOUR_MAP)?
            .ok_or(ImageError::Corrupt("a TIFF palette is missing"))?,
        _ => Vec::new(),
    };
    let colours = map.len() / 3;
    let entry = |i: usize| [i, i + colours, i + 2 * colours].map(|at| (map[at] >> 8) as u8);
    let entries: Vec<u8> = (0..colours).flat_map(entry).collect();
    Palette::rgb(&entries).ok_or(ImageError::Corrupt("TIFF palette too long"))
}
