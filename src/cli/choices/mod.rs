//! What an option may say, beside numbers and paths. What follows from it is found where it is used.

mod device;
mod names;
mod pool;

pub use device::{Device, DeviceChoice};
pub use names::{FormChoice, Precision, Tokens};
pub use pool::{Pool, Pooling};
