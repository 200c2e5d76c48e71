//! The model room: the only home of libtorch.
