//! The whole extraction on one screen: the stages, each with the channels to the next one, in the order of the data; the
//! writer starts before the models, because one of these computes in this thread.

use crate::model::Extractor;
use crate::pipeline::decoder_context::DecoderContext;
use crate::pipeline::decoders::Decoders;
use crate::pipeline::dispatching::dispatch;
use crate::pipeline::ordering::order;
use crate::pipeline::replicas::{ReplicaEnds, Replicas};
use crate::pipeline::run_context::RunContext;
use crate::pipeline::sink::Sink;
use crate::pipeline::spare::spare_pixels;
use crate::pipeline::stop::Stop;
use crate::pipeline::threads::{join, start};
use crate::pipeline::turns::Turns;
use crate::pipeline::work::Work;
use crate::pipeline::writing::write;
use crate::signals::Signals;
use anyhow::Result;
use crossbeam_channel::bounded;
use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

/// Computes all segments and writes them, or those batches that come before a signal. Returns the rows written.
///
/// # Errors
/// The first cause, in the order of the rows: a broken image (unless they are skipped), the model, the disk. The rows
/// before it are in sealed parts.
pub fn run(
    work: &Work,
    extractors: &mut [Extractor],
    sink: Sink,
    signals: &Signals,
) -> Result<u64> {
    let progress = sink.progress;
    let turns = &Arc::new(Turns::default());
    let takes_turns = extractors.len() == 1 && extractors[0].needs_cores();
    let context = RunContext {
        work,
        stop: &Stop::new(signals),
        say: &|line| progress.say(line),
        turns: takes_turns.then_some(&**turns),
    };
    thread::scope(|scope| {
        let stages = move || {
            let spare = spare_pixels(work);
            let (tickets_in, tickets) = bounded(work.batch);
            let (ordering_runs, ordering_ended) = bounded::<Infallible>(0);
            let dispatcher = start(scope, "dispatcher", move || {
                dispatch(work, &spare.take, &tickets_in, &ordering_ended);
                Ok(())
            })?;

            let decoder_context = DecoderContext::new(work, sink.gate, turns);
            let decoders = Decoders::start(context, decoder_context, tickets)?;

            // A place for each batch on its way to the disk.
            let (under_way_in, under_way) = bounded(2 * extractors.len() + 1);
            let (ordered_in, ordered) = bounded(0);
            let orderer = start(scope, "orderer", move || {
                let _ends_the_dispatcher = ordering_runs;
                order(context, &decoders, &under_way_in, &ordered_in)
            })?;

            // No place: the writer has one batch, the model the next.
            let (computed_in, computed) = bounded(0);
            let ends = ReplicaEnds {
                ordered,
                spare: spare.give_back,
                computed: computed_in,
            };
            let replicas = Replicas::start(scope, context, extractors, ends)?;

            let writer = start(scope, "writer", move || {
                context
                    .stop
                    .guard(|| write(work, &computed, &under_way, sink))
            })?;

            let ended = replicas.compute(scope)?;

            // A writer or a model that failed makes the others stop: its error is the cause.
            let rows = join(writer)?;
            ended.join()?;
            join(orderer)?;
            join(dispatcher)?;
            Ok(rows)
        };
        context.stop.guard(stages)
    })
}
