//! What is stored of a row's elements: one type from `--dtype` to the header of a part.

use crate::rows::dtype::Dtype;
use crate::rows::number::Number;
use crate::text::spelling::spelling;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// As `--dtype` and the `dtype` of a run call it; NumPy's spelling is [`RowType::descr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowType {
    #[default]
    F32,
    F16,
}

impl RowType {
    /// Bytes an element.
    #[must_use]
    pub fn size(self) -> usize {
        self.number().size()
    }

    /// As NumPy calls it: little endian.
    #[must_use]
    pub fn descr(self) -> &'static str {
        self.number().descr()
    }

    #[must_use]
    pub fn number(self) -> Number {
        match self {
            Self::F32 => Number::F32,
            Self::F16 => Number::F16,
        }
    }

    /// The bytes of an element of a row without an image.
    #[must_use]
    pub fn nan(self) -> &'static [u8] {
        match self {
            Self::F32 => &[0x00, 0x00, 0xc0, 0x7f],
            Self::F16 => &[0x00, 0x7e],
        }
    }
}

impl From<RowType> for Dtype {
    fn from(row_type: RowType) -> Self {
        row_type.number().into()
    }
}

impl fmt::Display for RowType {
    /// As the options and `run.toml` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}

/// NumPy's spelling, for `#[serde(with = …)]`.
pub mod as_descr {
    use super::RowType;
    use clap::ValueEnum;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(row_type: &RowType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(row_type.descr())
    }

    /// # Errors
    /// A type that is not stored.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RowType, D::Error> {
        let found = String::deserialize(deserializer)?;
        let types = RowType::value_variants().iter();
        let known: Vec<&str> = types.clone().map(|row_type| row_type.descr()).collect();
        types
            .copied()
            .find(|row_type| row_type.descr() == found)
            .ok_or_else(|| {
                let expected = known.join("' or '");
                D::Error::custom(format!("expected dtype '{expected}', found '{found}'"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    #[test]
    fn sizes_and_nans_are_those_of_the_types() {
        for &row_type in RowType::value_variants() {
            assert_eq!(row_type.nan().len(), row_type.size());
            assert_eq!(Dtype::from(row_type).descr(), row_type.descr());
        }
        let [f32_nan, f16_nan] = [RowType::F32, RowType::F16].map(RowType::nan);
        assert!(f32::from_le_bytes(f32_nan.try_into().unwrap()).is_nan());
        assert!(f16::from_le_bytes(f16_nan.try_into().unwrap()).is_nan());
    }
}
