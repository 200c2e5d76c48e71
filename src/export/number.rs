//! The types of numbers that a layer's rows may have.

use crate::rows::dtype::{Dtype, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Number {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
    ];

    /// `None` for complex numbers, long doubles, and what are no numbers.
    pub fn of(dtype: &Dtype) -> Option<Self> {
        Some(match (dtype.kind(), dtype.size()) {
            (Kind::Bool, 1) => Self::Bool,
            (Kind::Int, 1) => Self::I8,
            (Kind::Int, 2) => Self::I16,
            (Kind::Int, 4) => Self::I32,
            (Kind::Int, 8) => Self::I64,
            (Kind::Uint, 1) => Self::U8,
            (Kind::Uint, 2) => Self::U16,
            (Kind::Uint, 4) => Self::U32,
            (Kind::Uint, 8) => Self::U64,
            (Kind::Float, 2) => Self::F16,
            (Kind::Float, 4) => Self::F32,
            (Kind::Float, 8) => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}
