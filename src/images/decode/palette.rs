//! The colours of an image whose pixels are indices.

/// What the indices of an image stand for.
#[derive(Debug, Clone)]
pub struct Palette {
    colours: [[u8; 3]; 256],
}

impl Default for Palette {
    /// All black.
    fn default() -> Self {
        Self {
            colours: [[0; 3]; 256],
        }
    }
}

impl Palette {
    /// From R, G, B triples; missing entries are black, as in `ImagingPaletteNew`. `None` if there are more than 256.
    pub fn rgb(entries: &[u8]) -> Option<Self> {
        Self::of(entries, 3, [0, 1, 2])
    }

    /// From entries of `bytes` bytes, of which those at the offsets `order` are R, G, B. `None` if there are more than 256.
    pub fn of(entries: &[u8], bytes: usize, order: [usize; 3]) -> Option<Self> {
        let mut colours = [[0; 3]; 256];
        if entries.len() / bytes > colours.len() {
            return None;
        }
        for (colour, entry) in colours.iter_mut().zip(entries.chunks_exact(bytes)) {
            *colour = order.map(|offset| entry[offset]);
        }
        Some(Self { colours })
    }

    pub fn colour(&self, index: u8) -> [u8; 3] {
        self.colours[usize::from(index)]
    }
}
