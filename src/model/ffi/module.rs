//! The C++ module (`module.h`), made safe.

use crate::cli::choices::Precision;
use crate::model::batch_size::BatchSize;
use crate::model::ffi::raw::*;
use crate::model::form::Form;
use crate::model::layer_info::{Capture, LayerInfo, Silence};
use crate::model::runtime::message::{check, owned_text, text};
use anyhow::Result;
use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use tch::Tensor;
use torch_sys::C_tensor;

/// A TorchScript module, loaded or built of a program, on its way from file to cut, frozen graph.
pub struct Module {
    raw: *mut RawModule,
    outputs: usize,
    /// The sizes of batch that it takes. Batches of other sizes are divided or filled up.
    pub batch: BatchSize,
    /// For each output, whether it is the same for all images. Only of a frozen module of one size of batch.
    constant: Arc<[bool]>,
}

// SAFETY: a module is used by one thread at a time (`&mut self`), and libtorch ties none of it to a thread.
unsafe impl Send for Module {}

impl Module {
    /// Loads a TorchScript file's code and structure. `deferred`: offset and size of each record of a tensor that stays
    /// unread.
    ///
    /// # Errors
    /// libtorch's, where it cannot load the file.
    pub fn load(path: &Path, deferred: impl Iterator<Item = (u64, u64)>) -> Result<Self> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let ranges: Vec<RawRange> = deferred
            .map(|(offset, size)| RawRange { offset, size })
            .collect();
        let mut raw = null_mut();
        // SAFETY: the path ends in NUL, `ranges` holds `ranges.len()` elements; both outlive the call.
        check(unsafe { featx_load(path.as_ptr(), ranges.as_ptr(), ranges.len(), &mut raw) })?;
        Ok(Self {
            raw,
            outputs: 0,
            batch: BatchSize::Any,
            constant: Arc::default(),
        })
    }

    /// The module that a program becomes. `batch`: how many images it takes at a time.
    ///
    /// # Errors
    /// libtorch's.
    ///
    /// # Safety
    /// `program` is a live program of `outputs` outputs (`load/program.h`), used by nobody else.
    pub(in crate::model) unsafe fn of_program(
        program: *mut RawProgram,
        outputs: usize,
        batch: BatchSize,
    ) -> Result<Self> {
        let mut raw = null_mut();
        // SAFETY: as above; `raw` is an out parameter.
        check(unsafe { featx_program_finish(program, &mut raw) })?;
        Ok(Self {
            raw,
            outputs,
            batch,
            constant: Arc::default(),
        })
    }

    /// All layers, in `named_modules()` order.
    pub fn layers(&self) -> Vec<LayerInfo> {
        // SAFETY: `raw` is a live module, and each index is below its count.
        let raw_layers = (0..unsafe { featx_layer_count(self.raw) })
            .map(|i| unsafe { featx_layer_at(self.raw, i) });
        let tensors = |index: usize, count: usize| {
            // SAFETY: as above, and each tensor's index is below the layer's count.
            let name = |tensor| text(unsafe { featx_tensor_at(self.raw, index, tensor) });
            (0..count).map(name).collect()
        };
        raw_layers
            .enumerate()
            .map(|(index, raw)| LayerInfo {
                name: text(raw.name),
                kind: text(raw.kind),
                parameters: raw.parameters.unsigned_abs(),
                calls: raw.calls.unsigned_abs(),
                in_loop: raw.in_loop,
                no_trace: raw.no_trace,
                weights_used: raw.weights_used,
                silence: match raw.no_tensor {
                    true => Some(Silence::NoTensor),
                    false => (raw.calls == 0).then_some(Silence::NeverCalled),
                },
                tensors: tensors(index, raw.tensors),
                in_order: raw.in_order,
            })
            .collect()
    }

    /// Makes `forward` return the wanted tensors. Nothing after the last of them is computed.
    ///
    /// # Errors
    /// Where a name is not a layer.
    pub fn cut(&mut self, wanted: &[Capture]) -> Result<()> {
        let strings = wanted
            .iter()
            .map(|capture| {
                let Capture { layer, choice } = capture;
                Ok((
                    CString::new(layer.as_str())?,
                    CString::new(choice.as_str())?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let raw: Vec<RawCapture> = strings
            .iter()
            .map(|(layer, choice)| RawCapture {
                layer: layer.as_ptr(),
                choice: choice.as_ptr(),
            })
            .collect();
        // SAFETY: each pointer is to a string that ends in NUL and lives until the end of this function.
        check(unsafe { featx_cut(self.raw, raw.as_ptr(), raw.len()) })?;
        self.outputs = wanted.len();
        Ok(())
    }

    /// What the frozen graph's first layer takes, in words; `None` if it takes images of this many channels.
    pub fn wants_instead(&self, channels: usize) -> Option<String> {
        let mut fits = true;
        // SAFETY: `raw` is a live module, `fits` an out parameter; the string is this call's own.
        let words = owned_text(unsafe { featx_first_layer(self.raw, channels, &mut fits) });
        (!fits).then_some(words)
    }

    /// Fills in the tensors that the cut uses. `read` gets the number of a deferred record, and the memory for its
    /// bytes.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn fill(&mut self, mut read: impl FnMut(usize, &mut [u8]) -> Result<()>) -> Result<()> {
        let (mut buffers, mut count) = (null(), 0);
        // SAFETY: both are out parameters; the array lives until the module is changed.
        check(unsafe { featx_awaited(self.raw, &mut buffers, &mut count) })?;
        for i in 0..count {
            // SAFETY: `i` is below the array's length.
            let buffer = unsafe { &*buffers.add(i) };
            // SAFETY: each buffer is the memory of one storage of the module, of this size, named once, and nobody
            // reads or writes it during this call. Any bytes are valid u8.
            let memory =
                unsafe { std::slice::from_raw_parts_mut(buffer.data, buffer.size as usize) };
            read(buffer.record, memory)?;
        }
        Ok(())
    }

    /// Turns attributes into constants, folds them, and frees what the cut does not use.
    ///
    /// # Errors
    /// libtorch's, where it cannot freeze the module.
    pub fn freeze(&mut self) -> Result<()> {
        // SAFETY: `raw` is a live module, used by nobody else.
        check(unsafe { featx_freeze(self.raw) })?;
        // SAFETY: `raw` is a live, frozen module, and each index is below its outputs' number.
        let is_constant = |output| unsafe { featx_is_constant(self.raw, output) };
        if self.batch.fixed().is_some() {
            self.constant = (0..self.outputs).map(is_constant).collect();
        }
        Ok(())
    }

    /// Sets the memory order of the convolutions' weights, which their outputs follow.
    ///
    /// # Errors
    /// libtorch's.
    pub fn lay_out(&mut self, channels_last: bool) -> Result<()> {
        // SAFETY: `raw` is a live module, used by nobody else.
        check(unsafe { featx_lay_out(self.raw, channels_last) })
    }

    /// Makes the frozen graph compute in bf16 or f16; for f32, in the type of its weights. Returns that type if it is
    /// not f32.
    ///
    /// # Errors
    /// libtorch's.
    pub fn compute_in(&mut self, precision: Precision) -> Result<Option<String>> {
        let mut own = null();
        match precision {
            // SAFETY: `raw` is a live module, used by nobody else; `own` is an out parameter.
            Precision::F32 => check(unsafe { featx_compute_as_it_is(self.raw, &mut own) })?,
            // SAFETY: `raw` is a live module, used by nobody else.
            half => check(unsafe { featx_compute_in(self.raw, half == Precision::Bf16) })?,
        }
        Ok((!own.is_null()).then(|| text(own).to_lowercase()))
    }

    /// Another module with the same frozen graph, the same weights and the same forms.
    ///
    /// # Errors
    /// libtorch's.
    pub fn replicate(&self) -> Result<Self> {
        let mut raw = null_mut();
        // SAFETY: `raw` is a live module, the other an out parameter.
        check(unsafe { featx_replicate(self.raw, &mut raw) })?;
        Ok(Self {
            raw,
            outputs: self.outputs,
            batch: self.batch,
            constant: self.constant.clone(),
        })
    }

    /// Moves the frozen graph to a GPU.
    ///
    /// # Errors
    /// libtorch's: no memory left there, for one.
    pub fn move_to_cuda(&mut self, index: usize) -> Result<()> {
        // SAFETY: `raw` is a live module, used by nobody else.
        check(unsafe { featx_move_to_cuda(self.raw, index as c_int) })
    }

    /// Bytes that the frozen graph's constants take in addition, packed for a faster form.
    pub fn packed_bytes(&self) -> u64 {
        // SAFETY: `raw` is a live module.
        unsafe { featx_packed_bytes(self.raw) }
    }

    /// Makes a form other than the plain one, for batches of `batch` images.
    ///
    /// # Errors
    /// Where the graph offers nothing for it.
    pub fn make(&mut self, form: Form, batch: usize) -> Result<()> {
        let times = match self.batch {
            BatchSize::Any => batch,
            BatchSize::AtMost(most) => batch.min(most),
            BatchSize::Exactly(_) => 1, // the recorded images are a whole batch
        };
        // SAFETY: `raw` is a live module, used by nobody else.
        check(unsafe { featx_make(self.raw, form as c_int, times as i64) })
    }

    /// Frees a form. For the plain form: frees what was recorded.
    pub fn drop_form(&mut self, form: Form) {
        // SAFETY: `raw` is a live module, used by nobody else.
        unsafe { featx_drop(self.raw, form as c_int) }
    }

    /// The layers' activations for one batch, in the order of the cut. A layer that this batch did not reach gives a
    /// tensor without elements.
    ///
    /// # Errors
    /// libtorch's, where the model cannot compute on this input.
    pub fn forward(&mut self, form: Form, input: &Tensor) -> Result<Vec<Tensor>> {
        let constant = self.constant.clone();
        self.batch.fit(input, &constant, |images| {
            // SAFETY: see `outputs`; the tensor is alive.
            self.outputs(|raw, outputs| unsafe {
                featx_forward(raw, form as c_int, images.as_ptr(), outputs)
            })
        })
    }

    /// As [`Module::forward`] in the plain form; keeps the shapes of all tensors, which other forms are made from.
    /// Also returns the most bytes that the tensors made on the way, outputs included, took at one time.
    ///
    /// # Errors
    /// As [`Module::forward`].
    pub fn record(&mut self, input: &Tensor) -> Result<(Vec<Tensor>, u64)> {
        let mut peak = 0;
        let constant = self.constant.clone();
        let outputs = self.batch.fit(input, &constant, |images| {
            // SAFETY: see `outputs`; the tensor is alive, and `peak` is valid.
            self.outputs(|raw, outputs| unsafe {
                featx_record(raw, images.as_ptr(), outputs, &mut peak)
            })
        })?;
        Ok((outputs, peak.unsigned_abs()))
    }

    /// The tensors that a C function puts into the places that it gets, one for each tensor of the cut.
    fn outputs(
        &mut self,
        call: impl FnOnce(*mut RawModule, *mut *mut C_tensor) -> *mut c_char,
    ) -> Result<Vec<Tensor>> {
        let mut outputs = vec![null_mut::<C_tensor>(); self.outputs];
        check(call(self.raw, outputs.as_mut_ptr()))?;
        // SAFETY: on success each output is an owned tensor that nothing else frees.
        let owned = |raw| unsafe { Tensor::from_ptr(raw) };
        Ok(outputs.into_iter().map(owned).collect())
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: `raw` came from featx_load, featx_program_finish or featx_replicate, and is freed once.
        unsafe { featx_free_module(self.raw) }
    }
}
