//! Where a program's weights and constants lie, checked against the archive.

use super::codes;
use super::graph::{Flattener, Scope, Value};
use super::records::{Listing, Records};
use super::schema::{InputSpec, Payload, Payloads, Signature, Size, TensorMeta};
use crate::model::load::record::{Record, inner_name};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{HashMap, HashSet};

/// A tensor that the program reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    pub value: Value,
    /// Dotted.
    pub name: String,
    /// Which of the archive's deferred records holds its storage; `None` if it has no elements.
    pub record: Option<usize>,
    /// ATen's code of its type.
    pub code: i64,
    pub sizes: Vec<i64>,
    pub strides: Vec<i64>,
    /// Of its first element in the storage, in elements.
    pub offset: i64,
}

impl Weight {
    /// The module that has it.
    pub fn owner(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(owner, _)| owner)
    }
}

/// Everything that the archive keeps.
pub struct WeightIndex<'a> {
    weights: Payloads,
    constants: Payloads,
    records: &'a [Record],
}

impl<'a> WeightIndex<'a> {
    /// # Errors
    /// A listing that is not valid.
    pub fn read(records: &Records, tensors: &'a [Record], signature: &Signature) -> Result<Self> {
        let mut weights = payloads(&records.weights).context("its list of weights")?;
        for spec in &signature.input_specs {
            if let InputSpec::Buffer(buffer) = spec
                && let Some(payload) = weights.config.get_mut(&buffer.buffer_name)
            {
                payload.is_param = false;
            }
        }
        Ok(Self {
            weights,
            constants: payloads(&records.constants).context("its list of constants")?,
            records: tensors,
        })
    }

    /// A value for each of the program's inputs that is a weight or a constant.
    ///
    /// # Errors
    /// One of them is not in the archive, or does not lie within its record.
    pub fn bind(
        &self,
        signature: &Signature,
        flattener: &mut Flattener,
        scope: &mut Scope,
    ) -> Result<Vec<Weight>> {
        let mut weights = Vec::new();
        for spec in &signature.input_specs {
            let (argument, name) = match spec {
                InputSpec::Parameter(input) => (&input.arg.name, &input.parameter_name),
                InputSpec::Buffer(input) => (&input.arg.name, &input.buffer_name),
                InputSpec::TensorConstant(input) => (&input.arg.name, &input.tensor_constant_name),
                InputSpec::CustomObj(input) => bail!(
                    "the program holds the object '{}' of a C++ extension, which featx does not run; export the model with: \
                     scripts/export_model.py --format pt",
                    input.custom_obj_name
                ),
                InputSpec::UserInput(_) | InputSpec::ConstantInput(_) | InputSpec::Token(_) => {
                    continue;
                }
            };
            let value = flattener.bind(argument, scope);
            let weight = self
                .find(name, value)
                .with_context(|| format!("weight '{name}'"))?;
            weights.push(weight);
        }
        Ok(weights)
    }

    fn find(&self, name: &str, value: Value) -> Result<Weight> {
        let listed = [("weights", &self.weights), ("constants", &self.constants)]
            .into_iter()
            .find_map(|(folder, payloads)| Some((folder, payloads.config.get(name)?)));
        let (folder, payload) = listed.context("is not in the archive")?;
        let Payload {
            path_name,
            use_pickle,
            tensor_meta,
            ..
        } = payload;
        ensure!(
            !use_pickle,
            "is a Python object; export the model with plain tensors"
        );
        let meta = tensor_meta.as_ref().context("has no shape")?;
        let scalar = codes::scalar_type(meta.dtype)
            .with_context(|| format!("has the unknown type {}", meta.dtype))?;
        ensure!(
            codes::layout(meta.layout).is_some(),
            "is sparse or packed; export the model with dense weights"
        );
        let path = format!("data/{folder}/{path_name}");
        let record = self
            .records
            .iter()
            .position(|record| inner_name(&record.name) == path);
        let weight = Weight {
            value,
            name: name.to_owned(),
            record,
            code: scalar.code,
            sizes: known(&meta.sizes)?,
            strides: known(&meta.strides)?,
            offset: known(std::slice::from_ref(&meta.storage_offset))?[0],
        };
        let size = record.map_or(0, |record| self.records[record].size);
        let end = weight.end().and_then(|end| end.checked_mul(scalar.bytes));
        ensure!(
            end.is_some_and(|end| end <= size),
            "does not lie within its record '{path}' of {size} bytes; copy or export the file again"
        );
        Ok(weight)
    }

    /// Number of parameters of a module and all below it. A parameter that several names share counts once.
    pub fn parameters(&self, module: &str) -> u64 {
        let is_inside = |name: &str| {
            name.strip_prefix(module)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let own = self
            .weights
            .config
            .iter()
            .filter(|(name, payload)| payload.is_param && is_inside(name));
        let mut seen = HashSet::new();
        own.filter_map(|(_, payload)| {
            let meta = payload.tensor_meta.as_ref()?;
            let (sizes, offset) = (
                known(&meta.sizes).ok()?,
                known(std::slice::from_ref(&meta.storage_offset)).ok()?,
            );
            let count = sizes
                .iter()
                .try_fold(1u64, |count, &size| count.checked_mul(size.unsigned_abs()))?;
            seen.insert((&payload.path_name, offset, sizes))
                .then_some(count)
        })
        .fold(0, u64::saturating_add)
    }
}

fn payloads(listing: &Listing) -> Result<Payloads> {
    match listing {
        Listing::Json(text) => Ok(serde_json::from_slice(text)?),
        Listing::Saved(saved) => saved.payloads(),
    }
}

impl Weight {
    /// The place after its last element in the storage; `None` for sizes that no tensor has.
    fn end(&self) -> Option<u64> {
        if self.sizes.len() != self.strides.len() || self.offset < 0 {
            return None;
        }
        let mut last = self.offset as u64;
        for (&size, &stride) in self.sizes.iter().zip(&self.strides) {
            let (size, stride) = (u64::try_from(size).ok()?, u64::try_from(stride).ok()?);
            if size == 0 {
                return Some(0);
            }
            last = last.checked_add((size - 1).checked_mul(stride)?)?;
        }
        last.checked_add(1)
    }
}

fn known(sizes: &[Size]) -> Result<Vec<i64>> {
    let known = |size: &Size| match size {
        Size::AsInt(size) => Ok(*size),
        Size::AsExpr(expression) => bail!("has the unknown size {}", expression.expr_str),
    };
    sizes.iter().map(known).collect()
}

/// Only for the shapes of inputs.
pub type Metas = HashMap<String, TensorMeta>;

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(sizes: &[i64], strides: &[i64], offset: i64) -> Weight {
        Weight {
            value: 0,
            name: "a.weight".to_owned(),
            record: None,
            code: 6,
            sizes: sizes.to_vec(),
            strides: strides.to_vec(),
            offset,
        }
    }

    #[test]
    fn a_weight_ends_after_its_last_element() {
        assert_eq!(weight(&[2, 3], &[3, 1], 0).end(), Some(6));
        assert_eq!(weight(&[2, 3], &[1, 2], 4).end(), Some(10));
        assert_eq!(weight(&[], &[], 0).end(), Some(1));
        assert_eq!(weight(&[0, 3], &[3, 1], 9).end(), Some(0));
    }

    #[test]
    fn sizes_that_no_tensor_has_are_refused() {
        assert_eq!(weight(&[2], &[3, 1], 0).end(), None);
        assert_eq!(weight(&[-2], &[1], 0).end(), None);
        assert_eq!(weight(&[2], &[-1], 0).end(), None);
        assert_eq!(weight(&[2], &[1], -1).end(), None);
        assert_eq!(
            weight(&[i64::MAX, i64::MAX], &[i64::MAX, i64::MAX], 0).end(),
            None
        );
    }
}
