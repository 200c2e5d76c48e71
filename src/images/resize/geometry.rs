//! Where the pixels of a crop come from.

/// One axis of an image on its way to the crop. All in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Side of the decoded image.
    pub input: usize,
    /// Side of the resized image.
    pub output: usize,
    /// First index of the resized image that the crop keeps.
    pub first: usize,
    /// How many of them it keeps.
    pub kept: usize,
    /// What lies before them in the crop, which the image does not reach.
    pub padding: usize,
    /// The side of the crop.
    pub side: usize,
}

/// Both axes of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub x: Axis,
    pub y: Axis,
}

impl Axis {
    /// Nothing of the image is in the crop, only what pads it.
    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }
}
