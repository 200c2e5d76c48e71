//! Batches of other sizes than those that a model was exported for.

use anyhow::Result;
use tch::Tensor;

/// How many images a model takes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    Any,
    AtMost(usize),
    Exactly(usize),
}

impl BatchSize {
    /// The only number that the model takes, if there is only one.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Exactly(images) => Some(images),
            Self::Any | Self::AtMost(_) => None,
        }
    }

    /// What `forward` gives for a batch of any size.
    ///
    /// `forward` is called with batches of sizes that the model takes. The last batch is filled up with its last image,
    /// and the rows of the filling are dropped.
    ///
    /// Some outputs do not have one row for each image. Others are `constant`, the same for all images: if they have as
    /// many rows as a batch has images, that is chance. If one call is enough, both come back whole. After several
    /// calls they come back empty, because their rows could be taken for rows of images.
    ///
    /// # Errors
    /// Those of `forward`; libtorch's.
    pub fn fit(
        self,
        input: &Tensor,
        constant: &[bool],
        mut forward: impl FnMut(&Tensor) -> Result<Vec<Tensor>>,
    ) -> Result<Vec<Tensor>> {
        let (at_once, fill) = match self {
            Self::Any => return forward(input),
            Self::AtMost(most) => (most as i64, false),
            Self::Exactly(images) => (images as i64, true),
        };
        let call = |images: Tensor| -> Result<Call> {
            let count = images.size()[0];
            let given = match fill && count < at_once {
                true => filled(&images, at_once)?,
                false => images,
            };
            Ok(Call {
                outputs: forward(&given)?,
                given: given.size()[0],
                images: count,
            })
        };
        let calls = input.f_split(at_once, 0)?.into_iter().map(call);
        let calls = calls.collect::<Result<Vec<_>>>()?;
        let is_constant = |output| constant.get(output) == Some(&true);
        (0..calls[0].outputs.len())
            .map(|output| joined(&calls, output, is_constant(output)))
            .collect()
    }
}

/// A call of `forward`.
struct Call {
    outputs: Vec<Tensor>,
    /// Images that it got, the filling included.
    given: i64,
    /// Images of the batch among them: the first ones.
    images: i64,
}

/// One output, put together from all calls.
fn joined(calls: &[Call], output: usize, is_constant: bool) -> Result<Tensor> {
    let is_rows =
        |call: &Call| !is_constant && call.outputs[output].size().first() == Some(&call.given);
    let rows =
        |call: &Call| -> Result<Tensor> { Ok(call.outputs[output].f_narrow(0, 0, call.images)?) };
    match calls {
        [call] if is_rows(call) => rows(call),
        [call] => Ok(call.outputs[output].shallow_clone()),
        _ if calls.iter().all(is_rows) => {
            let rows: Vec<Tensor> = calls.iter().map(rows).collect::<Result<_>>()?;
            Ok(Tensor::f_cat(&rows, 0)?)
        }
        _ => {
            let one = &calls[0].outputs[output];
            Ok(Tensor::f_empty([0], (one.kind(), one.device()))?)
        }
    }
}

/// The images, then the last image again until there are `count`, in the same memory order.
fn filled(images: &Tensor, count: i64) -> Result<Tensor> {
    let mut size = images.size();
    let given = std::mem::replace(&mut size[0], count);
    let filled = Tensor::f_empty_strided(&size, images.stride(), (images.kind(), images.device()))?;
    filled.f_narrow(0, 0, given)?.f_copy_(images)?;
    let last = images.f_narrow(0, given - 1, 1)?;
    filled
        .f_narrow(0, given, count - given)?
        .f_copy_(&last.f_expand_as(&filled.f_narrow(0, given, count - given)?)?)?;
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn numbers(count: i64) -> Tensor {
        Tensor::arange(count * 2, (Kind::Float, Device::Cpu)).view([count, 2])
    }

    #[test]
    fn a_batch_of_any_size_is_computed_in_batches_of_the_fixed_one() {
        for count in 1..8 {
            let mut sizes = Vec::new();
            let input = numbers(count);
            let outputs = BatchSize::Exactly(3)
                .fit(&input, &[], |images| {
                    sizes.push(images.size()[0]);
                    Ok(vec![
                        images + 1,
                        images.sum_dim_intlist(0, false, Kind::Float),
                    ])
                })
                .unwrap();
            assert!(sizes.iter().all(|&size| size == 3), "{sizes:?}");
            assert_eq!(outputs[0], input + 1);
            // Sums are no rows of images.
            assert_eq!(outputs[1].numel() > 0, count <= 3);
        }
    }

    #[test]
    fn a_constant_of_as_many_heads_as_the_fixed_batch_is_no_rows() {
        let heads = numbers(2);
        let give = |_: &Tensor| Ok(vec![heads.shallow_clone(), heads.shallow_clone()]);
        let sizes = |images| -> Vec<_> {
            let outputs = BatchSize::Exactly(2).fit(&numbers(images), &[true, false], give);
            outputs.unwrap().iter().map(Tensor::size).collect()
        };
        assert_eq!(sizes(1), [[2, 2], [1, 2]]);
        assert_eq!(sizes(2), [[2, 2], [2, 2]]);
        assert_eq!(sizes(3), [vec![0], vec![3, 2]]);
    }

    #[test]
    fn a_batch_above_the_most_is_divided() {
        let (input, mut sizes) = (numbers(7), Vec::new());
        let outputs = BatchSize::AtMost(3).fit(&input, &[], |images| {
            sizes.push(images.size()[0]);
            Ok(vec![images * 2])
        });
        assert_eq!(outputs.unwrap()[0], input * 2);
        assert_eq!(sizes, [3, 3, 1]);
    }
}
