//! torchvision's operators (`torchvision.h`).

use crate::model::runtime::message::check;
use anyhow::Result;
use std::ffi::c_char;

unsafe extern "C" {
    fn featx_open_torchvision() -> *mut c_char;
}

/// Opens torchvision's library where it stands beside libtorch, as pip installs both.
///
/// # Errors
/// It is not there, or cannot be opened.
pub fn open_torchvision() -> Result<()> {
    // SAFETY: it takes nothing; the library registers its operators with libtorch.
    check(unsafe { featx_open_torchvision() })
}
