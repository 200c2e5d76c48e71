//! The C++ module, made safe. `module.cpp` stands on all other C++ of the model room.

mod module;
mod raw;

pub use module::Module;
pub(in crate::model) use raw::RawProgram;
