//! What a model file tells of its layers, and which of their tensors are captured.

/// One entry of PyTorch's `named_modules()`, the root excluded.
#[derive(Debug, Clone)]
pub struct LayerInfo {
    /// Dotted name.
    pub name: String,
    /// Python class.
    pub kind: String,
    /// Of this module and all below it.
    pub parameters: u64,
    /// Places in the graph that call it; a call inside a loop counts once.
    pub calls: u64,
    pub in_loop: bool,
    /// A traced module that is called but left neither an input nor an output in the graph.
    pub no_trace: bool,
    /// Something reads its tensors.
    pub weights_used: bool,
    /// Why it has no activation; `None` if it has one.
    pub silence: Option<Silence>,
    /// Names of the tensors of its result: numbers, or fields and keys. Only a forward pass tells the length of a list:
    /// then there may be more names than tensors.
    pub tensors: Vec<String>,
    /// These are all tensors that its Python code gives, in the same order. A trace does not keep the order, nor tensors
    /// that nothing uses.
    pub in_order: bool,
}

impl LayerInfo {
    /// A trace has only one tensor of it, which may not be the one that a forward hook sees.
    pub fn is_doubtful(&self) -> bool {
        !self.in_order && self.tensors.len() == 1
    }

    /// Its number of tensors is known only when it runs.
    pub fn is_open(&self) -> bool {
        self.tensors.len() >= MOST_TENSORS
    }
}

/// Why a layer has no activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    NeverCalled,
    /// It gave back its input, or nothing called it. A program does not tell which.
    NoOperation,
    /// Nothing in the program uses what it makes.
    Unused,
    /// It is scripted, and its result holds no tensor.
    NoTensor,
}

impl Silence {
    pub const ALL: [Self; 4] = [
        Self::NeverCalled,
        Self::NoOperation,
        Self::Unused,
        Self::NoTensor,
    ];

    /// Of layers that were left out: '... because they are never called'.
    pub fn of_several(self) -> &'static str {
        match self {
            Self::NeverCalled => "they are never called",
            Self::NoOperation => "the program has no operation of them",
            Self::Unused => "nothing in the program uses what they give",
            Self::NoTensor => "they give no tensor",
        }
    }

    /// In a table.
    pub fn in_short(self) -> &'static str {
        match self {
            Self::NeverCalled => "never called",
            Self::NoOperation => "no operation",
            Self::Unused => "not used",
            Self::NoTensor => "no tensor",
        }
    }
}

/// As `MOST` in `outputs.h`.
const MOST_TENSORS: usize = 16;

/// A tensor of a layer's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Dotted name; empty for the model itself.
    pub layer: String,
    /// Its number, key or field; empty for the first one.
    pub choice: String,
}
