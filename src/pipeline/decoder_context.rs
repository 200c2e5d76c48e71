//! What the decoders share. They own it together, because a decoder that hangs outlives the run.

use crate::images::Preprocess;
use crate::memory::Gate;
use crate::pipeline::messages::Ticket;
use crate::pipeline::stage_clocks::StageClocks;
use crate::pipeline::turns::Turns;
use crate::pipeline::watch::Watch;
use crate::pipeline::work::Work;
use crate::sources::Images;
use std::sync::Arc;

pub struct DecoderContext {
    pub images: Arc<Images>,
    pub preprocess: Preprocess,
    pub watch: Watch<Ticket>,
    pub gate: Arc<Gate>,
    pub turns: Arc<Turns>,
    pub stages: Arc<StageClocks>,
}

impl DecoderContext {
    pub fn new(work: &Work, gate: &Arc<Gate>, turns: &Arc<Turns>) -> Self {
        Self {
            images: work.images.clone(),
            preprocess: work.preprocess.clone(),
            watch: Watch::new(work.image_timeout),
            gate: gate.clone(),
            turns: turns.clone(),
            stages: work.stages.clone(),
        }
    }
}
