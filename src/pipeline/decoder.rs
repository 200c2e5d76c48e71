//! What a thread reads and decodes with.

use crate::images::{ImageError, Preprocessor};
use crate::memory::DECODER;
use crate::pipeline::decoder_context::DecoderContext;
use crate::run::busy::Stage;
use crate::sources::RowReader;
use std::time::{Duration, Instant};

/// Where files take longer to read, the disk is what counts, and decoders that pause would not read.
const SLOW: Duration = Duration::from_millis(1);

/// Bytes of an image that is decoded without asking: with its file and the rows on their way to its crop, it stays
/// within [`DECODER`].
pub const ORDINARY: u64 = DECODER / 2;

pub struct Decoder<'a> {
    context: &'a DecoderContext,
    reader: RowReader,
    preprocessor: Preprocessor,
    /// The item that was read last.
    bytes: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub fn new(context: &'a DecoderContext) -> Self {
        Self {
            context,
            reader: RowReader::new(&context.images),
            preprocessor: Preprocessor::new(&context.preprocess),
            bytes: Vec::new(),
        }
    }

    /// Reads and decodes the image of a row. An image that is larger than a decoder's usual memory waits for more of it,
    /// and gives it back.
    ///
    /// # Errors
    /// Why there is no image.
    pub fn load(&mut self, row: u64, image: &mut [u8]) -> Result<(), ImageError> {
        self.preprocessor.set_limit(Some(ORDINARY));
        let DecoderContext {
            gate,
            turns,
            stages,
            ..
        } = self.context;
        let began = Instant::now();
        let item = self.reader.read(row, &mut self.bytes);
        let took = began.elapsed();
        stages.add(Stage::Read, took);
        let item = item?;
        if took < SLOW {
            turns.wait();
        }
        let mut decode = |decoder: &mut Self| {
            let decode = || item.decode(&decoder.bytes, &mut decoder.preprocessor, image);
            stages.time(Stage::Decode, decode)
        };
        let loaded = decode(self);
        let Err(ImageError::AboveLimit {
            width,
            height,
            bytes,
        }) = loaded
        else {
            return loaded;
        };
        let beyond_budget = |needed| ImageError::BeyondBudget {
            width,
            height,
            bytes,
            budget: gate.budget(),
            needed,
        };
        let _pass = gate.enter(bytes).map_err(beyond_budget)?;
        self.preprocessor.set_limit(None);
        let loaded = decode(self);
        self.preprocessor.shrink();
        self.bytes = Vec::new();
        loaded
    }
}
