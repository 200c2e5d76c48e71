//! The shape of an image as the model takes it.

use std::fmt;

/// The shape of one image as the model takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Shape {
    /// Numbers of an image.
    pub fn values(self) -> usize {
        self.channels * self.height * self.width
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            channels,
            height,
            width,
        } = self;
        write!(f, "({channels}, {height}, {width})")
    }
}
