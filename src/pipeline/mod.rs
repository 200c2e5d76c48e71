//! The threads of an extraction. [`run`] has all of it on one screen.
//!
//! ```text
//! spare pixels → dispatcher ─ Ticket → decoders ─ PixelBatch → orderer
//!      ↑                                                          │
//!      │                                                     PixelBatch
//!      │                                                          ↓
//!      └────────────────────── pixels ──────────────────────── feeder ─ InputBatch → model ─ ComputedBatch → writer → parts
//! ```
//!
//! Each replica has a feeder and a model. They take batches as they become free, and the writer puts the rows back into
//! order. Memory is bounded by the shape: pixels go round from the feeders back to the dispatcher, and there are
//! [`Work::batches`] of them; each model has [`INPUTS`] inputs, which go round between it and its feeder; the writer has
//! one batch's activations while a model computes the next; and no batch is fed that is too far ahead of the writer.

mod batch;
pub mod cost;
mod decoder;
mod decoder_context;
mod decoders;
mod decoding;
mod dispatching;
mod feeder_thread;
mod messages;
mod model_thread;
mod ordering;
mod replicas;
mod run;
mod run_context;
mod sink;
mod spare;
mod stage_clocks;
mod stop;
mod threads;
mod turns;
mod watch;
mod work;
mod writing;

pub use decoder::ORDINARY;
pub use run::run;
pub use sink::Sink;
pub use stage_clocks::StageClocks;
pub use work::{BATCHES, INPUTS, Work};
