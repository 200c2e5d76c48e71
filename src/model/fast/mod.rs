//! What only makes a model faster, and proves itself before a row comes from it.

pub mod arena;
pub mod form;
pub mod trial;

pub use arena::{install_arena, trim_arena};
pub use form::{Form, FormWish, FormsUsed};
