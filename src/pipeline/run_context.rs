//! What the threads of a run share.

use crate::pipeline::stop::Stop;
use crate::pipeline::turns::Turns;
use crate::pipeline::work::Work;

#[derive(Clone, Copy)]
pub struct RunContext<'a> {
    pub work: &'a Work<'a>,
    pub stop: &'a Stop<'a>,
    /// Prints a line.
    pub say: &'a (dyn Fn(&str) + Sync),
    /// Where a model takes turns with the decoders.
    pub turns: Option<&'a Turns>,
}
