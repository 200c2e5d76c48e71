//! Which module each call of a program belongs to, and where a module's activation is.
//!
//! Every node carries the modules that it is in. A module was called once for each unbroken row of nodes in it, and its
//! output is the tensor that was made in the row and is used after it:
//!
//! ```text
//! conv2d   features, features.0     ┐ features.0
//! relu_    features, features.1     ┤ features.1     ┐ features: what its last call gives is used below
//! flatten                           <- reads it
//! ```
//!
//! A hook sees it as it is when the module returns, so it is captured after the row's last node: in-place operations
//! inside the module show, later ones do not. If several tensors are used after the row, the program tells their order
//! only if it was exported with `preserve_module_call_signature`.

use super::graph::{Call, Scope, Value, tensors};
use super::schema::ModuleEntry;
use std::collections::{HashMap, HashSet};

/// A module of `named_modules()`, the root excluded.
#[derive(Debug, PartialEq)]
pub struct Module {
    pub name: String,
    /// Python class; `None` if the program never calls it.
    pub kind: Option<String>,
    pub calls: u64,
    /// What its last call gives.
    pub activation: Activation,
}

#[derive(Debug, PartialEq)]
pub enum Activation {
    /// The program has no operation of this module.
    NoOperation,
    /// Nothing after the module uses what it makes.
    Unused,
    Tensors(Tensors),
}

/// One tensor or more, as they are after a node.
#[derive(Debug, PartialEq)]
pub struct Tensors {
    pub node: usize,
    pub values: Vec<Value>,
    /// They are in the order of the Python code; otherwise in the order in which they are made.
    pub in_order: bool,
}

/// An unbroken row of nodes in a module.
struct Row {
    module: String,
    kind: String,
    /// `L__self___features@1`: PyTorch's name of the call.
    key: String,
    /// No other module is inside it at its first node.
    is_innermost: bool,
    first: usize,
    last: usize,
}

/// The modules in `named_modules()` order. `outputs`: what the program gives.
pub fn find(
    entries: &[ModuleEntry],
    calls: &[Call],
    scope: &Scope,
    outputs: &[Value],
) -> Vec<Module> {
    let stacks: Vec<Option<Vec<StackEntry>>> = calls
        .iter()
        .map(|call| read_stack(call.stack.as_deref()?))
        .collect();
    let rows = rows(&stacks);
    let last_use = last_uses(calls, outputs);
    let mut rows_of: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in &rows {
        rows_of.entry(&row.module).or_default().push(row);
    }
    let names: HashSet<&str> = entries.iter().map(|entry| entry.fqn.as_str()).collect();
    let is_module = |name: &str| !name.is_empty() && !is_later_call(name, &names);
    let known = entries
        .iter()
        .map(|entry| entry.fqn.as_str())
        .filter(|name| is_module(name));
    known
        .map(|name| {
            let calls_of = rows_of.get(name).map_or(&[][..], Vec::as_slice);
            Module {
                name: name.to_owned(),
                kind: calls_of.last().map(|row| class(&row.kind)),
                calls: calls_of.len() as u64,
                activation: match calls_of.last() {
                    None => Activation::NoOperation,
                    Some(row) => {
                        let signature = signature(name, calls_of.len(), entries, scope);
                        activation(row, signature, calls, &last_use)
                    }
                },
            }
        })
        .collect()
}

/// A module on a node's stack.
struct StackEntry<'a> {
    key: &'a str,
    path: &'a str,
    kind: &'a str,
}

/// `key,path,type;key,path,type;…`; the model itself, whose path is empty, is left out. A type's parameters may hold
/// commas, and so may a path. `None` for nodes that PyTorch added itself, which are in no module.
fn read_stack(text: &str) -> Option<Vec<StackEntry<'_>>> {
    let read = |entry| {
        let (key, rest) = str::split_once(entry, ',')?;
        let open = rest.find(['[', '(']).unwrap_or(rest.len());
        let comma = rest[..open].rfind(',')?;
        let (path, kind) = (&rest[..comma], &rest[comma + 1..]);
        (!path.is_empty()).then_some(StackEntry { key, path, kind })
    };
    (!text.contains("_empty_nn_module_stack")).then(|| text.split(';').filter_map(read).collect())
}

/// In the order of their last nodes. A node without a stack (a size that PyTorch asks for) does not break a row.
fn rows(stacks: &[Option<Vec<StackEntry>>]) -> Vec<Row> {
    let mut open: Vec<Row> = Vec::new();
    let mut closed = Vec::new();
    for (node, stack) in stacks.iter().enumerate() {
        let Some(stack) = stack else { continue };
        let goes_on = open
            .iter()
            .zip(stack)
            .take_while(|(row, entered)| row.key == entered.key && row.module == entered.path)
            .count();
        closed.extend(open.drain(goes_on..).rev());
        open.iter_mut().for_each(|row| row.last = node);
        open.extend(
            stack
                .iter()
                .enumerate()
                .skip(goes_on)
                .map(|(depth, entered)| Row {
                    module: entered.path.to_owned(),
                    kind: entered.kind.to_owned(),
                    key: entered.key.to_owned(),
                    is_innermost: depth + 1 == stack.len(),
                    first: node,
                    last: node,
                }),
        );
    }
    closed.extend(open.into_iter().rev());
    closed
}

/// The place where each value is last read. The program's outputs are read at its end.
fn last_uses(calls: &[Call], outputs: &[Value]) -> HashMap<Value, usize> {
    let mut last = HashMap::new();
    for (node, call) in calls.iter().enumerate() {
        for (_, given) in &call.arguments {
            last.extend(given.values().map(|value| (value, node)));
        }
    }
    last.extend(outputs.iter().map(|&value| (value, usize::MAX)));
    last
}

/// Whether this is not a module's name but `act@1`, the second call of `act`.
fn is_later_call(name: &str, names: &HashSet<&str>) -> bool {
    name.rsplit_once('@')
        .is_some_and(|(module, number)| number.parse::<u32>().is_ok() && names.contains(module))
}

/// The tensors that a module's last call gives, if the program says so.
fn signature(
    name: &str,
    calls: usize,
    entries: &[ModuleEntry],
    scope: &Scope,
) -> Option<Vec<Value>> {
    let last_call = match calls {
        0 | 1 => name.to_owned(),
        _ => format!("{name}@{}", calls - 1),
    };
    let entry = entries.iter().find(|entry| entry.fqn == last_call)?;
    let outputs = &entry.signature.as_ref()?.outputs;
    let values: Vec<Value> = tensors(outputs, scope).into_iter().collect::<Option<_>>()?;
    (!values.is_empty()).then_some(values)
}

fn activation(
    row: &Row,
    signature: Option<Vec<Value>>,
    calls: &[Call],
    last_use: &HashMap<Value, usize>,
) -> Activation {
    let gives = |values, in_order| {
        let node = row.last;
        Activation::Tensors(Tensors {
            node,
            values,
            in_order,
        })
    };
    if let Some(values) = signature {
        return gives(values, true);
    }
    let made = calls[row.first..=row.last]
        .iter()
        .flat_map(|call| &call.outputs);
    let made: Vec<Value> = made
        .flat_map(|output| output.tensors().iter().copied())
        .collect();
    let is_used_after = |value: &&Value| last_use.get(value).is_some_and(|&used| used > row.last);
    let used: Vec<Value> = made.iter().filter(is_used_after).copied().collect();
    match used.len() {
        // Of a module that is a single operation, what it makes is its output, used or not.
        0 if row.first == row.last && row.is_innermost && made.len() == 1 => gives(made, true),
        0 => Activation::Unused,
        count => gives(used, count == 1),
    }
}

/// `torch.nn.modules.conv.Conv2d`
fn class(kind: &str) -> String {
    kind.rsplit('.').next().unwrap_or(kind).to_owned()
}

/// The innermost module of a stack, for messages.
pub fn innermost(stack: &str) -> Option<&str> {
    read_stack(stack)?.last().map(|entered| entered.path)
}
