//! GPUs (`cuda.h`), made safe.

use crate::model::runtime::message::check;
use anyhow::Result;
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn featx_open_cuda(count: *mut c_int) -> *mut c_char;
    fn featx_configure_cuda(tf32: bool);
    fn featx_pinned_bytes(count: i64, out: *mut *mut C_tensor) -> *mut c_char;
    fn featx_own_cuda_stream(index: c_int) -> *mut c_char;
    fn featx_synchronize_cuda(index: c_int) -> *mut c_char;
}

/// Opens libtorch's CUDA library. Returns the number of GPUs that answer.
///
/// # Errors
/// What is missing: the driver, or the library.
pub fn open_cuda() -> Result<usize> {
    let mut count = 0;
    // SAFETY: an out parameter.
    check(unsafe { featx_open_cuda(&mut count) })?;
    Ok(count.unsigned_abs() as usize)
}

/// How GPUs compute: f32 in full unless `tf32`. The fastest kernels are searched for, for batches are all of one shape.
pub fn configure_cuda(tf32: bool) {
    // SAFETY: sets numbers in libtorch.
    unsafe { featx_configure_cuda(tf32) }
}

/// Bytes on the host that a GPU can copy from by itself.
///
/// # Errors
/// No such memory is left.
pub fn pinned_bytes(count: usize) -> Result<Tensor> {
    let mut raw = null_mut();
    // SAFETY: an out parameter.
    check(unsafe { featx_pinned_bytes(count as i64, &mut raw) })?;
    // SAFETY: on success it is an owned tensor that nothing else frees.
    Ok(unsafe { Tensor::from_ptr(raw) })
}

/// From now on this thread's work on a GPU runs at the same time as the work of others there.
///
/// # Errors
/// libtorch's.
pub fn own_cuda_stream(index: usize) -> Result<()> {
    // SAFETY: changes this thread's state in libtorch only.
    check(unsafe { featx_own_cuda_stream(index as c_int) })
}

/// Waits until what this thread asked of a GPU is done.
///
/// # Errors
/// Whatever failed there.
pub fn synchronize_cuda(index: usize) -> Result<()> {
    // SAFETY: waits.
    check(unsafe { featx_synchronize_cuda(index as c_int) })
}
