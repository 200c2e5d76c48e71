//! The numbers and names that a `.pt2` file has for things, and those that ATen has.

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalarType {
    /// ATen's.
    pub code: i64,
    pub bytes: u64,
    pub name: &'static str,
}

/// `torch._export.serde.schema.ScalarType` to `c10::ScalarType`.
pub fn scalar_type(code: i64) -> Option<ScalarType> {
    let (code, bytes, name) = match code {
        1 => (0, 1, "uint8"),
        2 => (1, 1, "int8"),
        3 => (2, 2, "int16"),
        4 => (3, 4, "int32"),
        5 => (4, 8, "int64"),
        6 => (5, 2, "float16"),
        7 => (6, 4, "float32"),
        8 => (7, 8, "float64"),
        9 => (8, 4, "complex32"),
        10 => (9, 8, "complex64"),
        11 => (10, 16, "complex128"),
        12 => (11, 1, "bool"),
        13 => (15, 2, "bfloat16"),
        28 => (27, 2, "uint16"),
        29 => (24, 1, "float8_e4m3fn"),
        30 => (23, 1, "float8_e5m2"),
        31 => (26, 1, "float8_e4m3fnuz"),
        32 => (25, 1, "float8_e5m2fnuz"),
        _ => return None,
    };
    Some(ScalarType { code, bytes, name })
}

/// The schema's number for one of `c10::ScalarType`.
pub fn of_scalar_type(code: i64) -> Option<i64> {
    (1..=32).find(|&number| scalar_type(number).is_some_and(|known| known.code == code))
}

/// `schema.MemoryFormat` to `c10::MemoryFormat`.
pub fn memory_format(code: i64) -> Option<i64> {
    match code {
        1 => Some(0), // contiguous
        2 => Some(2), // channels last
        3 => Some(3), // channels last, 3d
        4 => Some(1), // preserve
        _ => None,
    }
}

/// `schema.Layout.Strided`
pub const STRIDED: i64 = 7;

/// `schema.Layout` to `c10::Layout`: the strided one only.
pub fn layout(code: i64) -> Option<i64> {
    (code == STRIDED).then_some(0)
}

/// TorchScript's name of an operation on numbers (`_SYM_OPS` in `torch/_export/serde/serialize.py`).
pub fn on_numbers(target: &str) -> Option<&'static str> {
    Some(match target {
        "_operator.eq" => "aten::eq",
        "_operator.ne" => "aten::ne",
        "_operator.le" => "aten::le",
        "_operator.ge" => "aten::ge",
        "_operator.lt" => "aten::lt",
        "_operator.gt" => "aten::gt",
        "_operator.neg" => "aten::neg",
        "_operator.mul" => "aten::mul",
        "_operator.add" => "aten::add",
        "_operator.sub" => "aten::sub",
        "_operator.floordiv" => "aten::floordiv",
        "_operator.truediv" => "aten::div",
        "_operator.mod" => "aten::remainder",
        "_operator.pow" => "aten::pow",
        "_operator.and_" => "aten::__and__",
        "_operator.or_" => "aten::__or__",
        "_operator.lshift" => "aten::__lshift__",
        "_operator.rshift" => "aten::__rshift__",
        "math.trunc" | "torch.sym_int" => "aten::Int",
        "math.floor" => "aten::floor",
        "math.ceil" => "aten::ceil",
        "torch.sym_float" => "aten::Float",
        "torch.sym_not" => "aten::__not__",
        "torch.sym_max" => "prim::max",
        "torch.sym_min" => "prim::min",
        "torch.sym_sqrt" | "torch._sym_sqrt" => "aten::sqrt",
        _ => return None,
    })
}
