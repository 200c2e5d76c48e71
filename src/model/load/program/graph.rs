//! The nodes of a program as one plain list of calls. Names become numbers, subgraphs that only say how to compute
//! (`no_grad`) are put in their place, and codes are ATen's own.

use super::codes;
use super::schema::{Argument, Graph, NamedArgument, Node, OptionalTensor, Symbolic, one_line};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// Number of a value: of a weight, the images, or an output of a call.
pub type Value = u32;

/// A node.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub operation: Operation,
    pub arguments: Vec<(String, Operand)>,
    pub outputs: Vec<Output>,
    /// The modules that it is in, as PyTorch writes them; `None` if it is in no module.
    pub stack: Option<String>,
}

#[derive(Debug, PartialEq)]
pub enum Operation {
    /// `aten::conv2d`, and the overload's name, empty for the default one.
    Operator { name: String, overload: String },
    /// An operation on numbers, whose overload follows from them: `aten::mul`.
    OnNumbers(&'static str),
    /// What cannot be run, and why.
    Refused(String),
}

/// The value of a call's argument.
#[derive(Debug, PartialEq)]
pub enum Operand {
    One(Item),
    Many(Vec<Item>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    None,
    Value(Value),
    Int(i64),
    Real(f64),
    Bool(bool),
    Text(String),
    Device,
}

#[derive(Debug, PartialEq)]
pub enum Output {
    None,
    Tensor(Value),
    Tensors(Vec<Value>),
    Int(Value),
    Real(Value),
    Bool(Value),
}

impl Output {
    /// The tensors in it.
    pub fn tensors(&self) -> &[Value] {
        match self {
            Self::Tensor(value) => std::slice::from_ref(value),
            Self::Tensors(values) => values,
            _ => &[],
        }
    }
}

impl Operand {
    /// The values in it.
    pub fn values(&self) -> impl Iterator<Item = Value> + '_ {
        let items = match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        };
        items.iter().filter_map(|item| match item {
            Item::Value(value) => Some(*value),
            _ => None,
        })
    }
}

/// What names stand for, in a graph or a subgraph.
pub type Scope = HashMap<String, Value>;

/// Makes the list.
#[derive(Default)]
pub struct Flattener {
    pub calls: Vec<Call>,
    next: Value,
}

impl Flattener {
    /// A value of its own for a name.
    pub fn bind(&mut self, name: &str, scope: &mut Scope) -> Value {
        let value = self.next;
        self.next += 1;
        scope.insert(name.to_owned(), value);
        value
    }

    /// Adds a graph's nodes to the list. `scope` has its inputs, and gets everything that it makes.
    ///
    /// # Errors
    /// A node reads what no node before it makes.
    pub fn add(&mut self, nodes: Vec<Node>, scope: &mut Scope) -> Result<()> {
        for node in nodes {
            let target = node.target.clone();
            self.add_node(node, scope)
                .with_context(|| format!("operator '{target}'"))?;
        }
        Ok(())
    }

    fn add_node(&mut self, node: Node, scope: &mut Scope) -> Result<()> {
        if is_check(&node.target) {
            return Ok(());
        }
        if let Some(name) = node.target.strip_prefix("torch.ops.higher_order.") {
            if !is_transparent(name) {
                return self.add_refused(&node, refused_higher_order(name), scope);
            }
            if name == "wrap_with_autocast" && is_enabled(&node.inputs) {
                self.refuse(&node, UNDER_AUTOCAST, Vec::new());
            }
            return self.add_subgraph(node, scope);
        }
        let mut arguments = Vec::new();
        for NamedArgument { name, arg } in &node.inputs {
            match operand(arg, scope)? {
                Some(given) => arguments.push((name.clone(), given)),
                None => {
                    let why =
                        format!("is given an argument '{name}' of a kind that featx does not know");
                    return self.add_refused(&node, &why, scope);
                }
            }
        }
        let operation = operation(&node.target);
        let outputs = self.outputs(&node.outputs, scope)?;
        self.calls.push(Call {
            operation,
            arguments,
            outputs,
            stack: node.metadata.nn_module_stack,
        });
        Ok(())
    }

    /// A refused call is an error only if a wanted layer comes after it.
    fn add_refused(&mut self, node: &Node, why: &str, scope: &mut Scope) -> Result<()> {
        let outputs = self.outputs(&node.outputs, scope)?;
        self.refuse(node, why, outputs);
        Ok(())
    }

    fn refuse(&mut self, node: &Node, why: &str, outputs: Vec<Output>) {
        let name = node.target.trim_start_matches("torch.ops.");
        self.calls.push(Call {
            operation: Operation::Refused(format!("operator '{name}' {why}")),
            arguments: Vec::new(),
            outputs,
            stack: node.metadata.nn_module_stack.clone(),
        });
    }

    /// The subgraph's inputs are the arguments after it, in order; its outputs are the node's.
    fn add_subgraph(&mut self, node: Node, scope: &mut Scope) -> Result<()> {
        let mut operands = node
            .inputs
            .into_iter()
            .map(|input| input.arg)
            .skip_while(|arg| !matches!(arg, Argument::AsGraph(_)));
        let Some(Argument::AsGraph(named)) = operands.next() else {
            bail!("it has no subgraph");
        };
        let Graph {
            inputs,
            outputs,
            nodes,
            ..
        } = named.graph;
        let operands: Vec<Argument> = operands
            .filter(|arg| !matches!(arg, Argument::AsString(_)))
            .collect();
        ensure!(
            operands.len() == inputs.len(),
            "its subgraph takes {} inputs, found {}",
            inputs.len(),
            operands.len()
        );
        let mut inner = Scope::new();
        for (input, operand) in inputs.iter().zip(&operands) {
            for (name, outer) in names(input).into_iter().zip(names(operand)) {
                inner.insert(name.to_owned(), find(outer, scope)?);
            }
        }
        self.add(nodes, &mut inner)?;
        let given: Vec<&str> = outputs.iter().flat_map(names).collect();
        let named: Vec<&str> = node.outputs.iter().flat_map(names).collect();
        ensure!(
            given.len() == named.len(),
            "its subgraph gives {} values, expected {}",
            given.len(),
            named.len()
        );
        for (inside, outside) in given.into_iter().zip(named) {
            let value = find(inside, &inner)?;
            scope.insert(outside.to_owned(), value);
        }
        Ok(())
    }

    fn outputs(&mut self, outputs: &[Argument], scope: &mut Scope) -> Result<Vec<Output>> {
        let mut bound = Vec::new();
        for output in outputs {
            let values: Vec<Value> = names(output)
                .into_iter()
                .map(|name| self.bind(name, scope))
                .collect();
            bound.push(match (output, values.as_slice()) {
                (Argument::AsTensors(_), _) => Output::Tensors(values),
                (Argument::AsTensor(_), [value]) => Output::Tensor(*value),
                (Argument::AsSymInt(_), [value]) => Output::Int(*value),
                (Argument::AsSymFloat(_), [value]) => Output::Real(*value),
                (Argument::AsSymBool(_), [value]) => Output::Bool(*value),
                (
                    Argument::AsNone(_)
                    | Argument::AsSymInt(_)
                    | Argument::AsSymFloat(_)
                    | Argument::AsSymBool(_),
                    _,
                ) => Output::None,
                _ => bail!("it gives something that is no tensor and no number"),
            });
        }
        Ok(bound)
    }
}

/// Checks of shapes and values: no layer depends on them.
fn is_check(target: &str) -> bool {
    let name = target.strip_prefix("torch.ops.aten.").unwrap_or_default();
    name.starts_with("_assert_") || name.starts_with("sym_constrain_range")
}

/// Whether a higher-order operator computes just what its subgraph does.
fn is_transparent(name: &str) -> bool {
    [
        "wrap_with_set_grad_enabled",
        "wrap_with_autocast",
        "wrap",
        "strict_mode",
        "invoke_subgraph",
        "tag_activation_checkpoint",
        "wrap_activation_checkpoint",
    ]
    .contains(&name)
}

/// Of autocast's arguments: (device, dtype, enabled, …).
fn is_enabled(inputs: &[NamedArgument]) -> bool {
    let mut flags = inputs.iter().filter_map(|input| match input.arg {
        Argument::AsBool(flag) => Some(flag),
        _ => None,
    });
    flags.next().unwrap_or(true)
}

const UNDER_AUTOCAST: &str = "computes in half precision under autocast; export the model without torch.autocast, and choose \
                              --precision bf16 or f16 when it runs";

fn refused_higher_order(name: &str) -> &'static str {
    match name {
        "cond" | "scan" | "map" | "map_impl" | "while_loop" | "associative_scan" => {
            "chooses or repeats while it computes, which featx runs in TorchScript only; export the model with: \
             scripts/export_model.py --format pt"
        }
        _ => {
            "is not an operator of ATen; export the model with: scripts/export_model.py --format pt"
        }
    }
}

fn operation(target: &str) -> Operation {
    if let Some(name) = codes::on_numbers(target) {
        return Operation::OnNumbers(name);
    }
    let parts: Vec<&str> = target.split('.').collect();
    let ["torch", "ops", space, name, overload] = parts[..] else {
        return Operation::Refused(format!(
            "operator '{}' is none that featx knows; export the model with: scripts/export_model.py --format pt",
            one_line(target)
        ));
    };
    if space == "quantized_decomposed" {
        return Operation::Refused(format!(
            "operator '{space}.{name}' is of a quantised program, which featx does not run; export the model before it is \
             quantised"
        ));
    }
    let overload = if overload == "default" { "" } else { overload };
    let name = match (space, name) {
        ("aten", "sym_size") => "size",
        ("aten", "sym_stride") => "stride",
        ("aten", "sym_numel") => "numel",
        ("aten", "sym_storage_offset") => "storage_offset",
        _ => name,
    };
    Operation::Operator {
        name: format!("{space}::{name}"),
        overload: overload.to_owned(),
    }
}

/// The names of values in an argument or output.
fn names(argument: &Argument) -> Vec<&str> {
    match argument {
        Argument::AsTensor(named) => vec![&named.name],
        Argument::AsTensors(named) => named.iter().map(|named| named.name.as_str()).collect(),
        Argument::AsSymInt(Symbolic::AsName(name))
        | Argument::AsSymFloat(Symbolic::AsName(name))
        | Argument::AsSymBool(Symbolic::AsName(name)) => vec![name],
        _ => Vec::new(),
    }
}

/// The tensors that a graph or a module gives, in order; `None` for a name that the scope does not have.
pub fn tensors(outputs: &[Argument], scope: &Scope) -> Vec<Option<Value>> {
    outputs
        .iter()
        .filter(|output| matches!(output, Argument::AsTensor(_) | Argument::AsTensors(_)))
        .flat_map(names)
        .map(|name| scope.get(name).copied())
        .collect()
}

fn find(name: &str, scope: &Scope) -> Result<Value> {
    scope
        .get(name)
        .copied()
        .with_context(|| format!("it reads '{name}', which nothing before it makes"))
}

/// `None` for what featx does not know.
fn operand(argument: &Argument, scope: &Scope) -> Result<Option<Operand>> {
    let value = |name: &str| find(name, scope).map(Item::Value);
    let symbolic = |number: &Symbolic| {
        Ok(match number {
            Symbolic::AsName(name) => value(name)?,
            Symbolic::AsInt(number) => Item::Int(*number),
            Symbolic::AsFloat(number) => Item::Real(number.0),
            Symbolic::AsBool(flag) => Item::Bool(*flag),
        })
    };
    let optional = |tensor: &OptionalTensor| match tensor {
        OptionalTensor::AsTensor(named) => value(&named.name),
        OptionalTensor::AsNone(_) => Ok(Item::None),
    };
    let code = |code: Option<i64>| code.map(|code| Operand::One(Item::Int(code)));
    Ok(Some(match argument {
        Argument::AsNone(_) => Operand::One(Item::None),
        Argument::AsTensor(named) => Operand::One(value(&named.name)?),
        Argument::AsTensors(all) => many(all, |named| value(&named.name))?,
        Argument::AsOptionalTensor(tensor) => Operand::One(optional(tensor)?),
        Argument::AsOptionalTensors(all) => many(all, optional)?,
        Argument::AsInt(number) => Operand::One(Item::Int(*number)),
        Argument::AsInts(all) => many(all, |number| Ok(Item::Int(*number)))?,
        Argument::AsFloat(number) => Operand::One(Item::Real(number.0)),
        Argument::AsFloats(all) => many(all, |number| Ok(Item::Real(number.0)))?,
        Argument::AsBool(flag) => Operand::One(Item::Bool(*flag)),
        Argument::AsBools(all) => many(all, |flag| Ok(Item::Bool(*flag)))?,
        Argument::AsString(text) => Operand::One(Item::Text(text.clone())),
        Argument::AsStrings(all) => many(all, |text| Ok(Item::Text(text.clone())))?,
        Argument::AsSymInt(number) | Argument::AsSymFloat(number) | Argument::AsSymBool(number) => {
            Operand::One(symbolic(number)?)
        }
        Argument::AsSymInts(all) | Argument::AsSymFloats(all) | Argument::AsSymBools(all) => {
            many(all, symbolic)?
        }
        Argument::AsScalarType(number) => {
            return Ok(code(codes::scalar_type(*number).map(|known| known.code)));
        }
        Argument::AsMemoryFormat(number) => return Ok(code(codes::memory_format(*number))),
        Argument::AsLayout(number) => return Ok(code(codes::layout(*number))),
        // Everything is loaded on the CPU, and moved from there as a whole.
        Argument::AsDevice(device) if device.kind != "meta" => Operand::One(Item::Device),
        _ => return Ok(None),
    }))
}

fn many<T>(all: &[T], item: impl Fn(&T) -> Result<Item>) -> Result<Operand> {
    Ok(Operand::Many(all.iter().map(item).collect::<Result<_>>()?))
}
