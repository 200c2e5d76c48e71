//! The replicas of the model: their feeders' threads, and their models, for threads that the caller chooses.

use crate::model::Extractor;
use crate::pipeline::feeder_thread::FeederThread;
use crate::pipeline::messages::{ComputedBatch, PixelBatch};
use crate::pipeline::model_thread::ModelThread;
use crate::pipeline::run_context::RunContext;
use crate::pipeline::spare::spare_inputs;
use crate::pipeline::threads::start;
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::thread::{Scope, ScopedJoinHandle};

#[derive(Default)]
pub struct Replicas<'scope> {
    pub feeders: Vec<ScopedJoinHandle<'scope, Result<()>>>,
    pub models: Vec<ModelThread<'scope>>,
}

/// The ends of the channels that lead to replicas and away from them.
#[derive(Clone)]
pub struct ReplicaEnds {
    pub ordered: Receiver<PixelBatch>,
    pub spare: Sender<Vec<u8>>,
    pub computed: Sender<ComputedBatch>,
}

impl<'scope> Replicas<'scope> {
    /// Starts the feeder of each extractor. Nobody else keeps the ends, so the channels close when all replicas have ended.
    ///
    /// # Errors
    /// libtorch's; the system has no thread left.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        context: RunContext<'scope>,
        extractors: &'scope mut [Extractor],
        ends: ReplicaEnds,
    ) -> Result<Self> {
        let mut replicas = Self::default();
        for extractor in extractors {
            let (feeder, model) = replica(context, extractor, ends.clone())?;
            let feeder = start(scope, "feeder", move || feeder.run())?;
            replicas.feeders.push(feeder);
            replicas.models.push(model);
        }
        Ok(replicas)
    }
}

/// The two halves of a replica, and the channels between them.
fn replica<'a>(
    context: RunContext<'a>,
    extractor: &'a mut Extractor,
    ends: ReplicaEnds,
) -> Result<(FeederThread<'a>, ModelThread<'a>)> {
    let (ready_inputs_in, ready_inputs) = bounded(0);
    let feeder = extractor.feeder();
    let (inputs_in, inputs) = spare_inputs(&feeder)?;
    let feeder = FeederThread {
        context,
        feeder,
        ordered: ends.ordered,
        spare: ends.spare,
        inputs,
        ready_inputs: ready_inputs_in,
    };
    let model = ModelThread {
        context,
        extractor,
        ready_inputs,
        inputs: inputs_in,
        computed: ends.computed,
    };
    Ok((feeder, model))
}
