//! `module.h` in Rust's words.

use std::ffi::{c_char, c_int};
use torch_sys::C_tensor;

#[repr(C)]
pub struct RawModule {
    _private: [u8; 0],
}

/// A program of torch.export on its way to a module (`load/program.h`).
#[repr(C)]
pub struct RawProgram {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawRange {
    pub offset: u64,
    pub size: u64,
}

#[repr(C)]
pub struct RawLayer {
    pub name: *const c_char,
    pub kind: *const c_char,
    pub parameters: i64,
    pub calls: i64,
    pub in_loop: bool,
    pub no_trace: bool,
    pub no_tensor: bool,
    pub weights_used: bool,
    pub tensors: usize,
    pub in_order: bool,
}

#[repr(C)]
pub struct RawCapture {
    pub layer: *const c_char,
    pub choice: *const c_char,
}

#[repr(C)]
pub struct RawBuffer {
    pub data: *mut u8,
    pub size: u64,
    pub record: usize,
}

unsafe extern "C" {
    pub fn featx_load(
        path: *const c_char,
        deferred: *const RawRange,
        count: usize,
        out: *mut *mut RawModule,
    ) -> *mut c_char;
    pub fn featx_program_finish(program: *mut RawProgram, out: *mut *mut RawModule) -> *mut c_char;
    pub fn featx_layer_count(module: *const RawModule) -> usize;
    pub fn featx_layer_at(module: *const RawModule, index: usize) -> RawLayer;
    pub fn featx_tensor_at(module: *const RawModule, layer: usize, index: usize) -> *const c_char;
    pub fn featx_cut(
        module: *mut RawModule,
        wanted: *const RawCapture,
        count: usize,
    ) -> *mut c_char;
    pub fn featx_first_layer(
        module: *const RawModule,
        channels: usize,
        fits: *mut bool,
    ) -> *mut c_char;
    pub fn featx_awaited(
        module: *mut RawModule,
        out: *mut *const RawBuffer,
        count: *mut usize,
    ) -> *mut c_char;
    pub fn featx_freeze(module: *mut RawModule) -> *mut c_char;
    pub fn featx_is_constant(module: *const RawModule, output: usize) -> bool;
    pub fn featx_replicate(module: *const RawModule, out: *mut *mut RawModule) -> *mut c_char;
    pub fn featx_move_to_cuda(module: *mut RawModule, index: c_int) -> *mut c_char;
    pub fn featx_packed_bytes(module: *const RawModule) -> u64;
    pub fn featx_compute_in(module: *mut RawModule, bfloat16: bool) -> *mut c_char;
    pub fn featx_compute_as_it_is(module: *mut RawModule, name: *mut *const c_char) -> *mut c_char;
    pub fn featx_lay_out(module: *mut RawModule, channels_last: bool) -> *mut c_char;
    pub fn featx_record(
        module: *mut RawModule,
        input: *const C_tensor,
        outputs: *mut *mut C_tensor,
        peak: *mut i64,
    ) -> *mut c_char;
    pub fn featx_make(module: *mut RawModule, form: c_int, batch: i64) -> *mut c_char;
    pub fn featx_drop(module: *mut RawModule, form: c_int);
    pub fn featx_forward(
        module: *mut RawModule,
        form: c_int,
        input: *const C_tensor,
        outputs: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn featx_free_module(module: *mut RawModule);
}
