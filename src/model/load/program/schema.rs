//! `models/model.json` of a `.pt2` file: PyTorch's `torch/_export/serde/schema.py`, version 8, as far as it is used here.
//! Keys that a later minor version adds are passed over.

#![expect(clippy::enum_variant_names, reason = "the schema's own names")]

use serde::{Deserialize, Deserializer, de};
use std::collections::HashMap;

/// What is read before anything else.
#[derive(Debug, Deserialize)]
pub struct Header {
    pub schema_version: SchemaVersion,
    #[serde(default)]
    pub torch_version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct SchemaVersion {
    pub major: i64,
    pub minor: i64,
}

#[derive(Debug, Deserialize)]
pub struct ExportedProgram {
    pub graph_module: GraphModule,
    #[serde(default)]
    pub range_constraints: HashMap<String, Range>,
}

/// Of a symbol. Exports with an open batch have 2 as its least value whatever the model can take.
#[derive(Debug, Deserialize)]
pub struct Range {
    #[serde(default)]
    pub max_val: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct GraphModule {
    pub graph: Graph,
    pub signature: Signature,
    #[serde(default)]
    pub module_call_graph: Vec<ModuleEntry>,
}

#[derive(Debug, Deserialize)]
pub struct Graph {
    #[serde(default)]
    pub inputs: Vec<Argument>,
    pub outputs: Vec<Argument>,
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub tensor_values: HashMap<String, TensorMeta>,
}

#[derive(Debug, Deserialize)]
pub struct Node {
    /// `torch.ops.aten.conv2d.default`
    pub target: String,
    pub inputs: Vec<NamedArgument>,
    pub outputs: Vec<Argument>,
    #[serde(default)]
    pub metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// `key,path,type;key,path,type;…`, the outermost module first.
    #[serde(default)]
    pub nn_module_stack: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct NamedArgument {
    pub name: String,
    pub arg: Argument,
}

/// An argument, or a node's output.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    AsNone(de::IgnoredAny),
    AsTensor(TensorArgument),
    AsTensors(Vec<TensorArgument>),
    AsOptionalTensor(OptionalTensor),
    AsOptionalTensors(Vec<OptionalTensor>),
    AsInt(i64),
    AsInts(Vec<i64>),
    AsFloat(Real),
    AsFloats(Vec<Real>),
    AsBool(bool),
    AsBools(Vec<bool>),
    AsString(String),
    AsStrings(Vec<String>),
    AsSymInt(Symbolic),
    AsSymInts(Vec<Symbolic>),
    AsSymFloat(Symbolic),
    AsSymFloats(Vec<Symbolic>),
    AsSymBool(Symbolic),
    AsSymBools(Vec<Symbolic>),
    AsScalarType(i64),
    AsMemoryFormat(i64),
    AsLayout(i64),
    AsDevice(Device),
    AsGraph(Box<NamedGraph>),
    AsComplex(de::IgnoredAny),
    AsCustomObj(de::IgnoredAny),
    AsOperator(de::IgnoredAny),
    AsNestedTensors(de::IgnoredAny),
    AsIntLists(de::IgnoredAny),
    AsStringToArgument(de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub struct TensorArgument {
    pub name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionalTensor {
    AsTensor(TensorArgument),
    AsNone(de::IgnoredAny),
}

/// A number that is computed while the program runs, or one that is known.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbolic {
    AsName(String),
    AsInt(i64),
    AsFloat(Real),
    AsBool(bool),
}

#[derive(Debug, Deserialize)]
pub struct Device {
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Deserialize)]
pub struct NamedGraph {
    pub graph: Graph,
}

/// A float; JSON knows no infinity, so that is a string.
#[derive(Debug, Clone, Copy)]
pub struct Real(pub f64);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(from)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Word(word) => match word.as_str() {
                "Infinity" => Ok(Self(f64::INFINITY)),
                "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
                "NaN" => Ok(Self(f64::NAN)),
                _ => Err(de::Error::custom(format!(
                    "expected a number, found '{word}'"
                ))),
            },
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct TensorMeta {
    pub dtype: i64,
    pub sizes: Vec<Size>,
    pub strides: Vec<Size>,
    pub storage_offset: Size,
    pub layout: i64,
}

/// A known size, or one that depends on the input.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    AsInt(i64),
    AsExpr(Expression),
}

#[derive(Debug, Clone, Deserialize)]
pub struct Expression {
    /// `Symbol('s77', positive=True, integer=True)`
    pub expr_str: String,
}

#[derive(Debug, Deserialize)]
pub struct Signature {
    pub input_specs: Vec<InputSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputSpec {
    UserInput(UserInput),
    Parameter(Parameter),
    Buffer(Buffer),
    TensorConstant(TensorConstant),
    ConstantInput(de::IgnoredAny),
    CustomObj(CustomObject),
    Token(de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub struct UserInput {
    pub arg: Argument,
}

#[derive(Debug, Deserialize)]
pub struct Parameter {
    pub arg: TensorArgument,
    pub parameter_name: String,
}

#[derive(Debug, Deserialize)]
pub struct Buffer {
    pub arg: TensorArgument,
    pub buffer_name: String,
}

#[derive(Debug, Deserialize)]
pub struct TensorConstant {
    pub arg: TensorArgument,
    pub tensor_constant_name: String,
}

#[derive(Debug, Deserialize)]
pub struct CustomObject {
    pub custom_obj_name: String,
}

/// A module of `named_modules()`; those called several times come once more as `name@1` where their calls are described.
#[derive(Debug, Deserialize)]
pub struct ModuleEntry {
    pub fqn: String,
    #[serde(default)]
    pub signature: Option<ModuleSignature>,
}

/// Only of modules exported with `preserve_module_call_signature`, and of the model itself, whose is empty.
#[derive(Debug, Deserialize)]
pub struct ModuleSignature {
    pub outputs: Vec<Argument>,
}

/// `data/weights/model_weights_config.json`, and the one of the constants: where each tensor lies.
#[derive(Debug, Default, Deserialize)]
pub struct Payloads {
    pub config: HashMap<String, Payload>,
}

#[derive(Debug, Deserialize)]
pub struct Payload {
    pub path_name: String,
    #[serde(default)]
    pub is_param: bool,
    #[serde(default)]
    pub use_pickle: bool,
    #[serde(default)]
    pub tensor_meta: Option<TensorMeta>,
}

/// Words of the file's, for messages.
pub fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_float_is_a_word() {
        let read = |text: &str| serde_json::from_str::<Argument>(text);
        assert!(
            matches!(read(r#"{"as_float": "-Infinity"}"#), Ok(Argument::AsFloat(Real(x))) if x == f64::NEG_INFINITY)
        );
        assert!(matches!(read(r#"{"as_float": 1}"#), Ok(Argument::AsFloat(Real(x))) if x == 1.0));
        let error = read(r#"{"as_float": "much"}"#).unwrap_err().to_string();
        assert!(error.contains("expected a number, found 'much'"), "{error}");
    }
}
