//! Batches of another size than the one that a model was exported for.

use anyhow::Result;
use tch::Tensor;

/// How many images a model takes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    Any,
    AtMost(usize),
    Exactly(usize),
}

impl Batch {
    /// The number that it takes and no other.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Exactly(images) => Some(images),
            Self::Any | Self::AtMost(_) => None,
        }
    }

    /// What `forward` gives for a batch of any size: it is called with batches of sizes that the model takes, the last
    /// one filled up with its last image, and the filling dropped. An output that has no row an image is handed out whole;
    /// so is one that is `constant`, the same whatever the images, for as many rows as the fixed size mean nothing there.
    /// Where one call is not enough, nothing is left of such an output: its rows could be taken for those of images.
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
        let count = input.size()[0];
        if count == at_once || (count < at_once && !fill) {
            return forward(input);
        }
        if count < at_once {
            let outputs = forward(&filled(input, at_once)?)?;
            let is_rows = |(index, output): &(usize, Tensor)| {
                constant.get(*index) != Some(&true) && has_rows(output, at_once)
            };
            let rows = outputs
                .into_iter()
                .enumerate()
                .map(|output| match is_rows(&output) {
                    true => Ok(output.1.f_narrow(0, 0, count)?),
                    false => Ok(output.1),
                });
            return rows.collect();
        }
        let mut pieces: Vec<Vec<Tensor>> = Vec::new();
        for piece in input.f_split(at_once, 0)? {
            let images = piece.size()[0];
            let (outputs, given) = match fill && images < at_once {
                true => (forward(&filled(&piece, at_once)?)?, at_once),
                false => (forward(&piece)?, images),
            };
            let rows = outputs.iter().map(|output| rows(output, given, images));
            pieces.push(rows.collect::<Result<_>>()?);
        }
        let joined = |output: usize| {
            let parts: Vec<&Tensor> = pieces.iter().map(|outputs| &outputs[output]).collect();
            match parts.iter().any(|part| part.numel() == 0) {
                true => Ok(parts[0].f_narrow(0, 0, 0)?),
                false => Ok(Tensor::f_cat(&parts, 0)?),
            }
        };
        (0..pieces[0].len()).map(joined).collect()
    }
}

/// The images, and the last one of them again until there are `count`, in the same memory order.
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

fn has_rows(output: &Tensor, images: i64) -> bool {
    output.size().first() == Some(&images)
}

/// The rows of the first images of a call with `given` ones; none where they are no rows of images.
fn rows(output: &Tensor, given: i64, images: i64) -> Result<Tensor> {
    match has_rows(output, given) {
        true => Ok(output.f_narrow(0, 0, images)?),
        false => Ok(Tensor::f_empty([0], (output.kind(), output.device()))?),
    }
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
            let outputs = Batch::Exactly(3)
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
        let outputs = Batch::Exactly(2).fit(&numbers(1), &[true, false], give);
        let sizes: Vec<_> = outputs.unwrap().iter().map(Tensor::size).collect();
        assert_eq!(sizes, [[2, 2], [1, 2]]);
    }

    #[test]
    fn a_batch_above_the_most_is_divided() {
        let (input, mut sizes) = (numbers(7), Vec::new());
        let outputs = Batch::AtMost(3).fit(&input, &[], |images| {
            sizes.push(images.size()[0]);
            Ok(vec![images * 2])
        });
        assert_eq!(outputs.unwrap()[0], input * 2);
        assert_eq!(sizes, [3, 3, 1]);
    }
}
