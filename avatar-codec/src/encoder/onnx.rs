//! ONNX files, read strictly: the messages of onnx.proto that a [`Graph`] is made of. What none of them has is refused,
//! unless it can't change what the graph computes.

use super::attributes::{Attributes, attribute};
use super::graph::{Constant, Graph, GraphError, MAX_CONSTANTS, MAX_NAME_BYTES, MAX_NODES, Node, Port};
use super::protobuf::{Fields, Wire};

/// `TensorProto.DataType.FLOAT`.
pub(super) const FLOAT: u64 = 1;
/// `AttributeProto.AttributeType`.
pub(super) const TYPE_FLOAT: u64 = 1;
pub(super) const TYPE_INT: u64 = 2;
pub(super) const TYPE_INTS: u64 = 7;
/// Opsets in which the allowed operators mean what we take them for.
const OPSETS: std::ops::RangeInclusive<u64> = 13..=17;
/// The most attributes of an operator, and inputs of one.
const MAX_ATTRIBUTES: usize = 8;
const MAX_INPUTS: usize = 8;

/// The error for a field that has no place in a graph.
pub(super) fn unknown(message: &'static str, field: u64) -> GraphError {
    GraphError::not_allowed(message, format!("field {field}"), "a plain graph of known operators")
}

/// Adds to a list of at most so many.
pub(super) fn push<T>(
    list: &mut Vec<T>,
    value: T,
    what: &'static str,
    most: usize,
) -> Result<(), GraphError> {
    if list.len() == most {
        return Err(GraphError::limit(what, most + 1, most));
    }
    list.push(value);
    Ok(())
}

/// Sets what may be there once.
pub(super) fn once<T>(slot: &mut Option<T>, value: T, message: &'static str) -> Result<(), GraphError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(GraphError::Malformed { message, reason: "has a field twice" }),
    }
}

/// A name, bounded and of characters that exporters use.
pub(super) fn name(bytes: &[u8], place: &'static str) -> Result<String, GraphError> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"._/:-".contains(b);
    if (1..=MAX_NAME_BYTES).contains(&bytes.len()) && bytes.iter().all(plain) {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    let shown = &bytes[..bytes.len().min(80)];
    let allowed = format!("1 to {MAX_NAME_BYTES} letters, digits and ._/:-");
    Err(GraphError::not_allowed(place, String::from_utf8_lossy(shown), allowed))
}

pub(super) fn read(bytes: &[u8]) -> Result<Graph, GraphError> {
    const MESSAGE: &str = "the model";
    let (mut graph, mut opset) = (None, None);
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            // Version of the format, producer, domain, version, documentation, properties: nothing that changes meaning.
            (1 | 5, Wire::Varint(_)) | (2 | 3 | 4 | 6 | 14, Wire::Bytes(_)) => {}
            (7, Wire::Bytes(bytes)) => once(&mut graph, bytes, MESSAGE)?,
            (8, Wire::Bytes(bytes)) => once(&mut opset, opset_version(bytes)?, MESSAGE)?,
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    match opset {
        Some(version) if OPSETS.contains(&version) => {}
        found => {
            let found = found.map_or("no opset".into(), |version| format!("opset {version}"));
            return Err(GraphError::not_allowed(MESSAGE, found, format!("opset {OPSETS:?}")));
        }
    }
    read_graph(graph.ok_or(GraphError::Malformed { message: MESSAGE, reason: "has no graph" })?)
}

fn opset_version(bytes: &[u8]) -> Result<u64, GraphError> {
    const MESSAGE: &str = "the opset";
    let mut version = None;
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Bytes(domain)) if domain.is_empty() || domain == b"ai.onnx" => {}
            (2, Wire::Varint(value)) => once(&mut version, value, MESSAGE)?,
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    Ok(version.unwrap_or(0))
}

fn read_graph(bytes: &[u8]) -> Result<Graph, GraphError> {
    const MESSAGE: &str = "the graph";
    let (mut inputs, mut constants, mut nodes, mut output) = (Vec::new(), Vec::new(), Vec::new(), None);
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Bytes(bytes)) => push(&mut nodes, node(bytes)?, "operators", MAX_NODES)?,
            (5, Wire::Bytes(bytes)) => push(&mut constants, constant(bytes)?, "constants", MAX_CONSTANTS)?,
            (11, Wire::Bytes(bytes)) => push(&mut inputs, port(bytes)?, "inputs", MAX_CONSTANTS)?,
            (12, Wire::Bytes(bytes)) => once(&mut output, port(bytes)?, MESSAGE)?,
            // Name, documentation, shapes between operators (which are computed here), properties.
            (2 | 10 | 13 | 16, Wire::Bytes(_)) => {}
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    let output = output.ok_or(GraphError::Malformed { message: MESSAGE, reason: "has no output" })?;
    Ok(Graph { inputs, constants, nodes, output })
}

/// `ValueInfoProto`.
fn port(bytes: &[u8]) -> Result<Port, GraphError> {
    const MESSAGE: &str = "an input or output";
    let (mut title, mut shape) = (None, None);
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Bytes(bytes)) => once(&mut title, name(bytes, MESSAGE)?, MESSAGE)?,
            (2, Wire::Bytes(bytes)) => once(&mut shape, tensor_type(bytes)?, MESSAGE)?,
            (3 | 4, Wire::Bytes(_)) => {}
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    match (title, shape) {
        (Some(name), Some(shape)) => Ok(Port { name, shape }),
        _ => Err(GraphError::Malformed { message: MESSAGE, reason: "has no name or no type" }),
    }
}

/// `TypeProto`: the shape of a tensor of floats.
fn tensor_type(bytes: &[u8]) -> Result<Vec<usize>, GraphError> {
    const MESSAGE: &str = "the type of an input or output";
    let (mut kind, mut shape) = (None, None);
    for field in Fields::new(bytes, MESSAGE) {
        let (1, Wire::Bytes(tensor)) = field? else {
            return Err(GraphError::not_allowed(MESSAGE, "another type", "tensors of floats"));
        };
        for field in Fields::new(tensor, MESSAGE) {
            match field? {
                (1, Wire::Varint(value)) => once(&mut kind, value, MESSAGE)?,
                (2, Wire::Bytes(bytes)) => once(&mut shape, fixed_shape(bytes)?, MESSAGE)?,
                (field, _) => return Err(unknown(MESSAGE, field)),
            }
        }
    }
    match (kind, shape) {
        (Some(FLOAT), Some(shape)) => Ok(shape),
        _ => Err(GraphError::not_allowed(MESSAGE, "no shape, or other numbers", "f32 of a fixed shape")),
    }
}

/// `TensorShapeProto`.
fn fixed_shape(bytes: &[u8]) -> Result<Vec<usize>, GraphError> {
    const MESSAGE: &str = "a shape";
    let mut shape = Vec::new();
    for field in Fields::new(bytes, MESSAGE) {
        let (1, Wire::Bytes(dimension)) = field? else { return Err(unknown(MESSAGE, 0)) };
        let mut value = None;
        for field in Fields::new(dimension, MESSAGE) {
            match field? {
                (1, Wire::Varint(n)) => once(&mut value, n, MESSAGE)?,
                (3, Wire::Bytes(_)) => {}
                _ => return Err(GraphError::not_allowed(MESSAGE, "a named dimension", "numbers")),
            }
        }
        let value = value.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        push(&mut shape, value, "dimensions", 8)?;
    }
    Ok(shape)
}

/// `TensorProto`.
fn constant(bytes: &[u8]) -> Result<Constant, GraphError> {
    const MESSAGE: &str = "a constant";
    let (mut title, mut kind, mut raw) = (None, None, None);
    let mut shape = Vec::new();
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Varint(n)) => {
                push(&mut shape, usize::try_from(n).unwrap_or(usize::MAX), "dimensions", 8)?;
            }
            // Packed dimensions: some exporters write them so.
            (1, Wire::Bytes(packed)) => {
                for n in packed_integers(packed)? {
                    push(&mut shape, usize::try_from(n).unwrap_or(usize::MAX), "dimensions", 8)?;
                }
            }
            (2, Wire::Varint(value)) => once(&mut kind, value, MESSAGE)?,
            (8, Wire::Bytes(bytes)) => once(&mut title, name(bytes, MESSAGE)?, MESSAGE)?,
            (9, Wire::Bytes(bytes)) => once(&mut raw, bytes, MESSAGE)?,
            (12, Wire::Bytes(_)) => {}
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    let (Some(name), Some(FLOAT), Some(raw)) = (title, kind, raw) else {
        return Err(GraphError::not_allowed(MESSAGE, "one without name, raw data or f32", "named raw f32"));
    };
    let (numbers, rest) = raw.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(GraphError::Malformed { message: MESSAGE, reason: "ends inside a float" });
    }
    let values = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Constant { name, shape, values })
}

/// Integers one after the other.
pub(super) fn packed_integers(bytes: &[u8]) -> Result<Vec<u64>, GraphError> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| byte & 0x80 == 0).filter(|&at| at < 10);
        let Some(length) = length else {
            return Err(GraphError::Malformed { message: "a list", reason: "ends inside a number" });
        };
        let value = rest[..=length].iter().rev().fold(0u64, |value, &b| value << 7 | u64::from(b & 0x7f));
        push(&mut out, value, "numbers of a list", 8)?;
        rest = &rest[length + 1..];
    }
    Ok(out)
}

/// `NodeProto`.
fn node(bytes: &[u8]) -> Result<Node, GraphError> {
    const MESSAGE: &str = "an operator";
    let (mut inputs, mut output, mut kind, mut attributes) = (Vec::new(), None, None, Vec::new());
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Bytes(bytes)) => push(&mut inputs, name(bytes, MESSAGE)?, "inputs", MAX_INPUTS)?,
            (2, Wire::Bytes(bytes)) => once(&mut output, name(bytes, MESSAGE)?, MESSAGE)?,
            (4, Wire::Bytes(bytes)) => once(&mut kind, name(bytes, MESSAGE)?, MESSAGE)?,
            (5, Wire::Bytes(bytes)) => {
                push(&mut attributes, attribute(bytes)?, "attributes", MAX_ATTRIBUTES)?;
            }
            (3 | 6 | 9, Wire::Bytes(_)) => {}
            (7, Wire::Bytes(domain)) if domain.is_empty() || domain == b"ai.onnx" => {}
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    let (Some(output), Some(kind)) = (output, kind) else {
        return Err(GraphError::Malformed { message: MESSAGE, reason: "has no kind or no result" });
    };
    let mut attributes = Attributes { operator: kind, values: attributes };
    let operator = attributes.operator()?;
    attributes.finish()?;
    Ok(Node { operator, inputs, output })
}
