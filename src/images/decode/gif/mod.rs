//! GIF, the first frame: Pillow's `GifImagePlugin.py`. What the frame does not cover has its transparent colour if it
//! names one, else the first; transparent pixels keep the colour of their index.

mod lzw;

use crate::images::decode::bytes::Bytes;
use crate::images::decode::colour::Palette;
use crate::images::decode::size::{Tile, checked_size};
use crate::images::error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster, zeroed};

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"GIF87a") || data.starts_with(b"GIF89a")
}

/// The first frame's place and how it is stored.
struct Frame {
    extent: [usize; 4],
    interlaced: bool,
    colours: Colours,
    transparent: Option<u8>,
    code_bits: u8,
}

/// A palette, or grey values where the entries are 0, 1, 2, … anyway.
#[derive(Clone)]
enum Colours {
    Palette(Box<Palette>),
    Grey,
}

/// Decodes into `image`; `indices` is scratch.
///
/// # Errors
/// As Pillow: pixels that are broken or do not fill the frame. What follows them is not looked at.
pub fn decode(data: &[u8], image: &mut Raster, indices: &mut Vec<u8>) -> Result<()> {
    let mut bytes = Bytes::new(data, 6);
    let (screen_width, screen_height) =
        (usize::from(bytes.u16_le()?), usize::from(bytes.u16_le()?));
    let flags = bytes.u8()?;
    bytes.take(2)?;
    let global = read_palette(&mut bytes, flags)?;
    let frame = read_frame(&mut bytes, global.unwrap_or(Colours::Grey))?;
    let [x, y, w, h] = frame.extent;
    let (width, height) = checked_size(
        screen_width.max(x + w) as u64,
        screen_height.max(y + h) as u64,
    )?;
    let tile = Tile::within(frame.extent, width, height)?;
    image.admit(width, height, BYTES + 1)?;
    zeroed(indices, width * height);
    if let Some(transparent) = frame.transparent {
        indices.fill(transparent);
    }
    lzw::decode(
        data,
        bytes.at,
        frame.code_bits,
        frame.interlaced,
        &tile,
        width,
        indices,
    )?;
    image.reset(width, height);
    for (pixel, &index) in image.pixels_mut().chunks_exact_mut(3).zip(indices.iter()) {
        pixel.copy_from_slice(&match &frame.colours {
            Colours::Palette(palette) => palette.colour(index),
            Colours::Grey => [index; 3],
        });
    }
    Ok(())
}

fn read_palette(bytes: &mut Bytes<'_>, flags: u8) -> Result<Option<Colours>> {
    if flags & 0x80 == 0 {
        return Ok(None);
    }
    let entries = bytes.take(3 << ((flags & 7) + 1))?;
    let grey = entries
        .chunks_exact(3)
        .enumerate()
        .all(|(i, entry)| entry.iter().all(|&v| usize::from(v) == i));
    let palette = Palette::rgb(entries).ok_or(ImageError::Corrupt("GIF palette too long"))?;
    Ok(Some(if grey {
        Colours::Grey
    } else {
        Colours::Palette(Box::new(palette))
    }))
}

/// `GifImageFile._seek(0)`: up to the first frame's pixels. Bytes that begin no block are skipped.
fn read_frame(bytes: &mut Bytes<'_>, global: Colours) -> Result<Frame> {
    let mut transparent = None;
    loop {
        match bytes.u8()? {
            b';' => return Err(ImageError::Corrupt("a GIF without an image")),
            b'!' => read_extension(bytes, &mut transparent)?,
            b',' => break,
            _ => {}
        }
    }
    let mut extent = [0; 4];
    for side in &mut extent {
        *side = usize::from(bytes.u16_le()?);
    }
    let flags = bytes.u8()?;
    let colours = read_palette(bytes, flags)?.unwrap_or(global);
    Ok(Frame {
        extent,
        interlaced: flags & 0x40 != 0,
        colours,
        transparent,
        code_bits: bytes.u8()?,
    })
}

fn read_extension(bytes: &mut Bytes<'_>, transparent: &mut Option<u8>) -> Result<()> {
    let kind = bytes.u8()?;
    let block = sub_block(bytes)?;
    match (kind, block) {
        (0xfe, Some(_)) => {}
        (0xfe, None) => return Ok(()),
        (0xf9, Some(block)) => read_control(block, transparent)?,
        (0xff, Some(block)) if block.starts_with(b"NETSCAPE2.0") => {
            sub_block(bytes)?;
        }
        _ => {}
    }
    // Even where the block just read was the last: Pillow then takes the next byte for a length, so this does.
    while sub_block(bytes)?.is_some() {}
    Ok(())
}

fn read_control(block: &[u8], transparent: &mut Option<u8>) -> Result<()> {
    let &[flags, _, _, ref rest @ ..] = block else {
        return Err(ImageError::Corrupt("a GIF control block is too short"));
    };
    if flags & 1 != 0 {
        *transparent = Some(
            *rest
                .first()
                .ok_or(ImageError::Corrupt("a GIF control block is too short"))?,
        );
    }
    Ok(())
}

/// None at the empty block that ends a series.
fn sub_block<'a>(bytes: &mut Bytes<'a>) -> Result<Option<&'a [u8]>> {
    match bytes.u8()? {
        0 => Ok(None),
        length => bytes.take(usize::from(length)).map(Some),
    }
}
