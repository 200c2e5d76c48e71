//! How far the activations of a faster form are from the model's own.

use crate::model::form::Form;
use anyhow::Result;
use tch::{Kind, Tensor};

/// A form's activations are this far from the plain graph's.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} changes this model's activations by {distance:.1e} (relative L2), more than {tolerance:.0e}: not used",
    form.in_words()
)]
pub struct Deviation {
    pub form: Form,
    pub distance: f64,
    pub tolerance: f64,
}

/// |a - b| / |b|. `pairs`: the number of a row a of `rows`, and a tensor b of one row. Infinite if shapes differ. Goes
/// row by row, because two batches of a large layer could take all memory.
pub fn distance(rows: &Tensor, pairs: &[(i64, &Tensor)]) -> Result<f64> {
    let size = rows.size();
    let (mut apart, mut length) = (0.0, 0.0);
    for &(row, one) in pairs {
        if row >= size[0] || one.size() != [&[1], &size[1..]].concat() {
            return Ok(f64::INFINITY);
        }
        let one = one.f_select(0, 0)?.f_to_kind(Kind::Float)?;
        let difference = rows.f_select(0, row)?.f_to_kind(Kind::Float)?.f_sub(&one)?;
        apart += difference.f_norm()?.double_value(&[]).powi(2);
        length += one.f_norm()?.double_value(&[]).powi(2);
    }
    Ok(match apart {
        0.0 => 0.0,
        _ => (apart / length).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_relative_and_never_right_by_accident() {
        let of = |values: &[f32], pairs: &[(i64, i64)]| {
            let rows = |values: &[f32]| Tensor::from_slice(values).view([-1, 2]);
            let plain = [rows(&[3.0, 4.0]), rows(&[6.0, 8.0])];
            let pairs: Vec<_> = pairs
                .iter()
                .map(|&(row, image)| (row, &plain[image as usize]))
                .collect();
            distance(&rows(values), &pairs).unwrap()
        };
        let in_order = [(0, 0), (1, 1)];
        assert_eq!(of(&[3.0, 4.0, 6.0, 8.0], &in_order), 0.0);
        assert!((of(&[3.0, 4.5, 6.0, 8.0], &[(0, 0)]) - 0.1).abs() < 1e-6);
        assert!((of(&[6.0, 8.0, 3.0, 4.0], &in_order) - 50f64.sqrt() / 125f64.sqrt()).abs() < 1e-6);
        assert_eq!(of(&[6.0, 8.0, 3.0, 4.0], &[(0, 1), (1, 0)]), 0.0);
        assert_eq!(of(&[3.0, 4.0], &in_order), f64::INFINITY);
        assert!(of(&[f32::NAN, 4.0, 6.0, 8.0], &in_order).is_nan());
        let (two, three) = (
            Tensor::ones([1, 2], (Kind::Float, tch::Device::Cpu)),
            Tensor::ones([1, 3], (Kind::Float, tch::Device::Cpu)),
        );
        assert_eq!(distance(&two, &[(0, &three)]).unwrap(), f64::INFINITY);
    }
}
