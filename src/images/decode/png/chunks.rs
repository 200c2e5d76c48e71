//! The chunks of a PNG: `ChunkStream` and `PngStream` of Pillow's `PngImagePlugin.py`.

use crate::images::decode::png::layout::{row_format, transparency_bytes};
use crate::images::decode::png::text;
use crate::images::decode::raw::Raw;
use crate::images::error::{ImageError, Result};

/// What `IHDR` says.
#[derive(Debug, Default, Clone, Copy)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub format: Option<Raw>,
    pub interlaced: bool,
}

/// Where an APNG frame stands, in pixels: left, top, width, height.
pub type Frame = [u32; 4];

/// How reading a chunk went on.
enum Next {
    Chunk,
    Pixels,
    End,
}

/// Reads chunk after chunk and keeps what the pixels need.
#[derive(Debug)]
pub struct Chunks<'a> {
    data: &'a [u8],
    at: usize,
    pub header: Header,
    pub palette: Option<&'a [u8]>,
    /// Of an APNG whose first frame precedes the pixels.
    pub frame: Option<Frame>,
    /// Bytes of the present pixel chunk not yet handed out; none before the first such chunk.
    pub pixels_left: Option<usize>,
    /// Whether the pixels are also the default image, outside the animation.
    default_image: bool,
    frames: Option<u32>,
    sequence: Option<u32>,
    text: text::Budget,
}

/// Pillow hands the decoder at most this many bytes at once: `ImageFile.MAXBLOCK`.
const BLOCK: usize = 65_536;

impl<'a> Chunks<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            header: Header::default(),
            palette: None,
            frame: None,
            pixels_left: None,
            default_image: false,
            frames: None,
            sequence: None,
            text: text::Budget::default(),
        }
    }

    /// Up to the first pixels, checksums included.
    ///
    /// # Errors
    /// A chunk that is cut, has a wrong checksum or makes no sense.
    pub fn read_header(&mut self) -> Result<()> {
        loop {
            let (name, length) = self.next_chunk()?;
            let start = self.at;
            match self.read_chunk(name, length)? {
                Next::Pixels | Next::End => return Ok(()),
                Next::Chunk => {}
            }
            let mut crc = flate2::Crc::new();
            crc.update(&name);
            crc.update(&self.data[start..self.at]);
            if self.read(4)? != crc.sum().to_be_bytes() {
                return Err(ImageError::Corrupt("bad PNG checksum"));
            }
        }
    }

    /// The next pixel bytes, at most 64 KiB of one chunk; nothing where another chunk or the end of the file stands:
    /// `PngImageFile.load_read`.
    ///
    /// # Errors
    /// A chunk that is cut or makes no sense.
    pub fn next_pixels(&mut self) -> Result<&'a [u8]> {
        let mut left = self.pixels_left.unwrap_or_default();
        while left == 0 {
            self.skip(4);
            let (name, length) = self.next_chunk()?;
            left = match &name {
                b"IDAT" | b"DDAT" => length,
                b"fdAT" => {
                    self.read_frame_sequence(length)?;
                    length - 4
                }
                _ => return Ok(&[]),
            };
        }
        let block = left.min(BLOCK);
        self.pixels_left = Some(left - block);
        let start = self.at;
        self.skip(block);
        Ok(&self.data[start..self.at])
    }

    /// What follows the pixels: `PngImageFile.load_end`. No checksum is checked, and the file may end between chunks.
    ///
    /// # Errors
    /// A chunk that is cut or makes no sense.
    pub fn read_trailer(&mut self) -> Result<()> {
        self.skip(self.pixels_left.unwrap_or_default());
        loop {
            self.skip(4);
            let Ok((name, length)) = self.next_chunk() else {
                return Ok(());
            };
            if &name == b"IEND" || (&name == b"fcTL" && self.is_animated()) {
                return Ok(());
            }
            if let Next::Pixels = self.read_chunk(name, length)? {
                self.read(self.pixels_left.unwrap_or_default())?;
            }
        }
    }

    fn is_animated(&self) -> bool {
        u64::from(self.frames.unwrap_or(1)) + u64::from(self.frames.is_some() && self.default_image)
            > 1
    }

    fn next_chunk(&mut self) -> Result<([u8; 4], usize)> {
        let head = self.read(8)?;
        let name = [head[4], head[5], head[6], head[7]];
        if !name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(ImageError::Corrupt("broken PNG chunk"));
        }
        Ok((name, number(head, 0) as usize))
    }

    fn read_chunk(&mut self, name: [u8; 4], length: usize) -> Result<Next> {
        match &name {
            b"IEND" => return Ok(Next::End),
            b"IDAT" => {
                self.default_image = self.frame.is_none() && self.frames.is_some();
                self.pixels_left = Some(length);
                return Ok(Next::Pixels);
            }
            b"fdAT" => {
                self.read_frame_sequence(length)?;
                self.pixels_left = Some(length - 4);
                return Ok(Next::Pixels);
            }
            _ => {}
        }
        let data = self.read(length)?;
        match &name {
            b"IHDR" => self.read_image_header(data)?,
            b"PLTE" if matches!(self.header.format, Some(Raw::Index { .. })) => {
                self.palette = Some(data)
            }
            b"tRNS" => at_least(data, transparency_bytes(self.header.format))?,
            b"gAMA" => at_least(data, 4)?,
            b"cHRM" => at_least(data, 32)?,
            b"sRGB" => at_least(data, 1)?,
            b"pHYs" => at_least(data, 9)?,
            b"iCCP" => text::check_profile(data)?,
            b"tEXt" => self.text.check_plain(data)?,
            b"zTXt" => self.text.check_compressed(data)?,
            b"iTXt" => self.text.check_international(data)?,
            b"acTL" => self.read_animation(data)?,
            b"fcTL" => self.read_frame(data)?,
            _ => {}
        }
        Ok(Next::Chunk)
    }

    fn read_image_header(&mut self, data: &[u8]) -> Result<()> {
        at_least(data, 13)?;
        self.header.width = number(data, 0);
        self.header.height = number(data, 4);
        self.header.format = row_format(data[9], data[8]).or(self.header.format);
        self.header.interlaced |= data[12] != 0;
        if data[11] != 0 {
            return Err(ImageError::Corrupt("unknown PNG filter category"));
        }
        Ok(())
    }

    fn read_animation(&mut self, data: &[u8]) -> Result<()> {
        at_least(data, 8)?;
        let frames = number(data, 0);
        if self.frames.is_some() {
            self.frames = None;
        } else if (1..=0x8000_0000).contains(&frames) {
            self.frames = Some(frames);
        }
        Ok(())
    }

    fn read_frame(&mut self, data: &[u8]) -> Result<()> {
        at_least(data, 26)?;
        self.check_sequence(number(data, 0))?;
        let [width, height, x, y] = [4, 8, 12, 16].map(|at| number(data, at));
        let inside = |first: u32, length: u32, side: u32| {
            u64::from(first) + u64::from(length) <= u64::from(side)
        };
        if !inside(x, width, self.header.width) || !inside(y, height, self.header.height) {
            return Err(ImageError::Corrupt("an APNG frame outside the image"));
        }
        self.frame = Some([x, y, width, height]);
        Ok(())
    }

    fn read_frame_sequence(&mut self, length: usize) -> Result<()> {
        if length < 4 {
            return Err(ImageError::Truncated);
        }
        let sequence = number(self.read(4)?, 0);
        if self.sequence.is_none() {
            return Err(ImageError::Corrupt("APNG frames out of sequence"));
        }
        self.check_sequence(sequence)
    }

    fn check_sequence(&mut self, sequence: u32) -> Result<()> {
        let expected = self.sequence.map_or(0, |last| u64::from(last) + 1);
        if u64::from(sequence) != expected {
            return Err(ImageError::Corrupt("APNG frames out of sequence"));
        }
        self.sequence = Some(sequence);
        Ok(())
    }

    fn read(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(ImageError::Truncated)?;
        let bytes = self.data.get(self.at..end).ok_or(ImageError::Truncated)?;
        self.at = end;
        Ok(bytes)
    }

    fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).min(self.data.len());
    }
}

fn at_least(data: &[u8], length: usize) -> Result<()> {
    if data.len() < length {
        Err(ImageError::Corrupt("a PNG chunk is too short"))
    } else {
        Ok(())
    }
}

/// The big-endian number at `at`, which the caller has checked to be there.
fn number(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]])
}
