//! The C++ side (`load/program.h`), made safe: a TorchScript module, built node by node.

use super::graph::{Call, Item, Operand, Operation, Output, Value};
use super::weights::Weight;
use crate::model::batch_size::BatchSize;
use crate::model::ffi::{Module, RawProgram};
use crate::model::runtime::message::check;
use anyhow::{Result, bail};
use std::ffi::{CString, c_char, c_int};
use std::ptr::{null, null_mut};

/// `featx_kind`
#[repr(C)]
enum ItemKind {
    None,
    Value,
    Int,
    Real,
    Bool,
    Text,
    Device,
}

#[repr(C)]
struct RawItem {
    kind: c_int,
    integer: i64,
    real: f64,
    text: *const c_char,
}

#[repr(C)]
struct RawArgument {
    name: *const c_char,
    items: *const RawItem,
    count: usize,
    is_list: bool,
}

/// `featx_output_kind`
#[repr(C)]
enum OutputKind {
    None,
    Tensor,
    Tensors,
    Int,
    Real,
    Bool,
}

#[repr(C)]
struct RawOutput {
    kind: c_int,
    values: *const u32,
    count: usize,
}

#[repr(C)]
struct RawCall {
    name: *const c_char,
    overload: *const c_char,
    arguments: *const RawArgument,
    argument_count: usize,
    outputs: *const RawOutput,
    output_count: usize,
}

#[repr(C)]
struct RawWeight {
    value: u32,
    record: i64,
    bytes: u64,
    code: c_int,
    sizes: *const i64,
    strides: *const i64,
    dimensions: usize,
    offset: i64,
}

unsafe extern "C" {
    fn featx_program_new(outputs: usize, out: *mut *mut RawProgram) -> *mut c_char;
    fn featx_program_free(program: *mut RawProgram);
    fn featx_program_images(program: *mut RawProgram, value: u32) -> *mut c_char;
    fn featx_program_weight(program: *mut RawProgram, weight: *const RawWeight) -> *mut c_char;
    fn featx_program_call(program: *mut RawProgram, call: *const RawCall) -> *mut c_char;
    fn featx_program_capture(program: *mut RawProgram, value: u32, output: usize) -> *mut c_char;
}

/// A graph that is being built.
pub struct Builder {
    raw: *mut RawProgram,
    outputs: usize,
}

impl Builder {
    /// For a module of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch's, as of all that follows.
    pub fn new(outputs: usize) -> Result<Self> {
        let mut raw = null_mut();
        // SAFETY: `raw` is an out parameter.
        check(unsafe { featx_program_new(outputs, &mut raw) })?;
        Ok(Self { raw, outputs })
    }

    /// The value that stands for the batch.
    pub fn images(&mut self, value: Value) -> Result<()> {
        // SAFETY: `raw` is a live program, used by nobody else.
        check(unsafe { featx_program_images(self.raw, value) })
    }

    /// `bytes`: of the weight's record.
    pub fn weight(&mut self, weight: &Weight, bytes: u64) -> Result<()> {
        let raw = RawWeight {
            value: weight.value,
            record: weight.record.map_or(-1, |record| record as i64),
            bytes,
            code: weight.code as c_int,
            sizes: weight.sizes.as_ptr(),
            strides: weight.strides.as_ptr(),
            dimensions: weight.sizes.len(),
            offset: weight.offset,
        };
        // SAFETY: `raw` is a live program; sizes and strides are of the same length, which the weight's check ensured,
        // and live as long as the weight.
        check(unsafe { featx_program_weight(self.raw, &raw) })
    }

    /// # Errors
    /// An operator that cannot be run, or arguments that it does not take.
    pub fn call(&mut self, call: &Call) -> Result<()> {
        let (name, overload) = match &call.operation {
            Operation::Operator { name, overload } => (
                CString::new(name.as_str())?,
                Some(CString::new(overload.as_str())?),
            ),
            Operation::OnNumbers(name) => (CString::new(*name)?, None),
            Operation::Refused(why) => bail!("{why}"),
        };
        let given: Vec<Arguments> = call
            .arguments
            .iter()
            .map(|(name, given)| Arguments::new(name, given))
            .collect::<Result<_>>()?;
        let arguments: Vec<RawArgument> = given.iter().map(Arguments::raw).collect();
        let outputs: Vec<RawOutput> = call.outputs.iter().map(raw_output).collect();
        let raw = RawCall {
            name: name.as_ptr(),
            overload: overload
                .as_ref()
                .map_or(null(), |overload| overload.as_ptr()),
            arguments: arguments.as_ptr(),
            argument_count: arguments.len(),
            outputs: outputs.as_ptr(),
            output_count: outputs.len(),
        };
        // SAFETY: every pointer is into something that lives until the end of this function, and each count is its length.
        check(unsafe { featx_program_call(self.raw, &raw) })
    }

    /// Output number `output` is this value, as it is after the calls so far.
    pub fn capture(&mut self, value: Value, output: usize) -> Result<()> {
        // SAFETY: `raw` is a live program, used by nobody else.
        check(unsafe { featx_program_capture(self.raw, value, output) })
    }

    /// `batch`: the number of images that the module takes at a time.
    pub fn finish(self, batch: BatchSize) -> Result<Module> {
        // SAFETY: `self.raw` is a live program of `self.outputs` outputs, used by nobody else.
        unsafe { Module::of_program(self.raw, self.outputs, batch) }
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        // SAFETY: `raw` came from featx_program_new and is freed once.
        unsafe { featx_program_free(self.raw) }
    }
}

/// An argument as C takes it, with what its pointers point to.
struct Arguments {
    name: CString,
    items: Vec<RawItem>,
    is_list: bool,
    _texts: Vec<CString>,
}

impl Arguments {
    fn new(name: &str, given: &Operand) -> Result<Self> {
        let (items, is_list) = match given {
            Operand::One(item) => (std::slice::from_ref(item), false),
            Operand::Many(items) => (items.as_slice(), true),
        };
        let mut texts = Vec::new();
        let items = items
            .iter()
            .map(|item| raw_item(item, &mut texts))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: CString::new(name)?,
            items,
            is_list,
            _texts: texts,
        })
    }

    fn raw(&self) -> RawArgument {
        RawArgument {
            name: self.name.as_ptr(),
            items: self.items.as_ptr(),
            count: self.items.len(),
            is_list: self.is_list,
        }
    }
}

/// Its text, if it is one, is added to `texts`.
fn raw_item(item: &Item, texts: &mut Vec<CString>) -> Result<RawItem> {
    let (mut integer, mut real, mut text) = (0, 0.0, null());
    let kind = match item {
        Item::None => ItemKind::None,
        Item::Value(value) => {
            integer = i64::from(*value);
            ItemKind::Value
        }
        Item::Int(number) => {
            integer = *number;
            ItemKind::Int
        }
        Item::Real(number) => {
            real = *number;
            ItemKind::Real
        }
        Item::Bool(flag) => {
            integer = i64::from(*flag);
            ItemKind::Bool
        }
        Item::Text(words) => {
            let words = CString::new(words.as_str())?;
            text = words.as_ptr(); // its bytes stay where they are when it moves
            texts.push(words);
            ItemKind::Text
        }
        Item::Device => ItemKind::Device,
    };
    Ok(RawItem {
        kind: kind as c_int,
        integer,
        real,
        text,
    })
}

fn raw_output(output: &Output) -> RawOutput {
    let (kind, values): (_, &[Value]) = match output {
        Output::None => (OutputKind::None, &[]),
        Output::Tensor(value) => (OutputKind::Tensor, std::slice::from_ref(value)),
        Output::Tensors(values) => (OutputKind::Tensors, values),
        Output::Int(value) => (OutputKind::Int, std::slice::from_ref(value)),
        Output::Real(value) => (OutputKind::Real, std::slice::from_ref(value)),
        Output::Bool(value) => (OutputKind::Bool, std::slice::from_ref(value)),
    };
    RawOutput {
        kind: kind as c_int,
        values: values.as_ptr(),
        count: values.len(),
    }
}
