//! The replicas of the model: a feeder and a model each.

use crate::model::Extractor;
use crate::pipeline::feeder_thread::FeederThread;
use crate::pipeline::messages::{ComputedBatch, PixelBatch};
use crate::pipeline::model_thread::ModelThread;
use crate::pipeline::run_context::RunContext;
use crate::pipeline::spare::spare_inputs;
use crate::pipeline::threads::{join, run_here, start};
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::thread::{Scope, ScopedJoinHandle};

#[derive(Default)]
pub struct Replicas<'scope> {
    feeders: Vec<ScopedJoinHandle<'scope, Result<()>>>,
    models: Vec<ModelThread<'scope>>,
}

/// The model of this thread has ended; the other threads may not have.
pub struct EndingReplicas<'scope> {
    others: Vec<ScopedJoinHandle<'scope, Result<()>>>,
    ended_here: Result<()>,
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

    /// Computes all batches: the last model here, the others in threads of their own.
    ///
    /// libtorch's threads belong to the thread that tried the model, which is this one: so a model computes here. With
    /// threads of another one, there would be more of them than cores, and all would go to sleep at every barrier.
    ///
    /// # Errors
    /// The system has no thread left. What the models fail with, [`EndingReplicas::join`] returns.
    pub fn compute(mut self, scope: &'scope Scope<'scope, '_>) -> Result<EndingReplicas<'scope>> {
        let model_here = self.models.pop();
        let mut others = self.feeders;
        for model in self.models {
            others.push(start(scope, "model", move || model.run())?);
        }
        let ended_here = model_here.map_or(Ok(()), |model| run_here("a model", || model.run()));
        Ok(EndingReplicas { others, ended_here })
    }
}

impl EndingReplicas<'_> {
    /// Waits for the feeders and models.
    ///
    /// # Errors
    /// The first of theirs.
    pub fn join(self) -> Result<()> {
        self.others.into_iter().try_for_each(join)?;
        self.ended_here
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
    let inputs = spare_inputs(&feeder)?;
    let feeder = FeederThread {
        context,
        feeder,
        ordered: ends.ordered,
        spare: ends.spare,
        inputs: inputs.take,
        ready_inputs: ready_inputs_in,
    };
    let model = ModelThread {
        context,
        extractor,
        ready_inputs,
        inputs: inputs.give_back,
        computed: ends.computed,
    };
    Ok((feeder, model))
}
