//! The few opcodes of Python's pickle (protocol 2, `Lib/pickle.py`) that a `.pt` file needs: no crate writes the
//! persistent ids and globals that PyTorch's unpickler asks for.

use std::io::{Result, Write};

/// Items of a list that are appended at once: then a reader's stack does not grow with the list.
pub const AT_ONCE: usize = 1000;

/// Writes opcodes; the caller puts them in an order that means something.
pub struct Pickler<W: Write>(W);

impl<W: Write> Pickler<W> {
    pub fn begin(mut sink: W) -> Result<Self> {
        sink.write_all(b"\x80\x02")?;
        Ok(Self(sink))
    }

    pub fn end(mut self) -> Result<()> {
        self.0.write_all(b".")
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        self.0.write_all(b"X")?;
        self.0.write_all(&(text.len() as u32).to_le_bytes())?;
        self.0.write_all(text.as_bytes())
    }

    /// A whole number below 2^63.
    pub fn number(&mut self, number: u64) -> Result<()> {
        match i32::try_from(number) {
            Ok(small) => {
                self.0.write_all(b"J")?;
                self.0.write_all(&small.to_le_bytes())
            }
            Err(_) => {
                self.0.write_all(b"\x8a\x08")?;
                self.0.write_all(&number.to_le_bytes())
            }
        }
    }

    pub fn numbers(&mut self, numbers: &[u64]) -> Result<()> {
        self.tuple(|this| numbers.iter().try_for_each(|&number| this.number(number)))
    }

    pub fn falsehood(&mut self) -> Result<()> {
        self.0.write_all(b"\x89")
    }

    /// A function or class, looked up by the reader.
    pub fn global(&mut self, module: &str, name: &str) -> Result<()> {
        write!(self.0, "c{module}\n{name}\n")
    }

    pub fn tuple(&mut self, items: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.0.write_all(b"(")?;
        items(self)?;
        self.0.write_all(b"t")
    }

    /// Key, value, key, value.
    pub fn dict(&mut self, items: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.0.write_all(b"}(")?;
        items(self)?;
        self.0.write_all(b"u")
    }

    pub fn empty_list(&mut self) -> Result<()> {
        self.0.write_all(b"]")
    }

    /// Appends the items to the list that was written before them.
    pub fn append(&mut self, texts: &[String]) -> Result<()> {
        self.0.write_all(b"(")?;
        texts.iter().try_for_each(|text| self.text(text))?;
        self.0.write_all(b"e")
    }

    /// Makes the tuple that was written before an object that the reader finds elsewhere.
    pub fn persistent(&mut self) -> Result<()> {
        self.0.write_all(b"Q")
    }

    /// Calls the function before the tuple with it.
    pub fn call(&mut self) -> Result<()> {
        self.0.write_all(b"R")
    }
}
