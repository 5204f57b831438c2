//! The attributes of ONNX's operators.

use super::graph::{GraphError, Operator};
use super::onnx::{TYPE_FLOAT, TYPE_INT, TYPE_INTS, name, once, packed_integers, push, unknown};
use super::protobuf::{Fields, Wire};

/// An attribute's value.
pub(super) enum Value {
    Float(f32),
    Int(u64),
    Ints(Vec<u64>),
}

/// `AttributeProto`.
pub(super) fn attribute(bytes: &[u8]) -> Result<(String, Value), GraphError> {
    const MESSAGE: &str = "an attribute";
    let (mut title, mut float, mut int, mut ints, mut kind) = (None, None, None, Vec::new(), None);
    for field in Fields::new(bytes, MESSAGE) {
        match field? {
            (1, Wire::Bytes(bytes)) => once(&mut title, name(bytes, MESSAGE)?, MESSAGE)?,
            (2, Wire::Fixed32(bytes)) => once(&mut float, f32::from_le_bytes(bytes), MESSAGE)?,
            (3, Wire::Varint(value)) => once(&mut int, value, MESSAGE)?,
            (8, Wire::Varint(value)) => push(&mut ints, value, "numbers of a list", 8)?,
            (8, Wire::Bytes(packed)) => {
                for value in packed_integers(packed)? {
                    push(&mut ints, value, "numbers of a list", 8)?;
                }
            }
            (13, Wire::Bytes(_)) => {}
            (20, Wire::Varint(value)) => once(&mut kind, value, MESSAGE)?,
            (field, _) => return Err(unknown(MESSAGE, field)),
        }
    }
    let value = match (kind, float, int) {
        (Some(TYPE_FLOAT), value, None) => Value::Float(value.unwrap_or(0.0)),
        (Some(TYPE_INT), None, value) => Value::Int(value.unwrap_or(0)),
        (Some(TYPE_INTS), None, None) => Value::Ints(ints),
        _ => {
            return Err(GraphError::not_allowed(MESSAGE, "another type", "a float, an integer or integers"));
        }
    };
    let title = title.ok_or(GraphError::Malformed { message: MESSAGE, reason: "has no name" })?;
    Ok((title, value))
}

/// The attributes of a node, taken one by one.
pub(super) struct Attributes {
    pub(super) operator: String,
    pub(super) values: Vec<(String, Value)>,
}

impl Attributes {
    /// The operator with all that it needs.
    pub(super) fn operator(&mut self) -> Result<Operator, GraphError> {
        Ok(match self.operator.as_str() {
            "Conv" => {
                let strides = self.sizes::<2>("strides", 1)?;
                let pads = self.sizes::<4>("pads", 0)?;
                let groups = self.sizes_of_one("group", 1)?;
                self.expect_ones("dilations")?;
                // The weight's shape is what counts; what a runtime gets leaves this out.
                self.take("kernel_shape");
                Operator::Conv { strides, pads, groups }
            }
            "LeakyRelu" => Operator::LeakyRelu { alpha: self.float("alpha", 0.01)? },
            "Relu" => Operator::Relu,
            "Tanh" => Operator::Tanh,
            "Sigmoid" => Operator::Sigmoid,
            "Add" => Operator::Add,
            "Concat" => {
                self.expect_int("axis", None, 1)?;
                Operator::Concat
            }
            "Flatten" => {
                self.expect_int("axis", Some(1), 1)?;
                Operator::Flatten
            }
            "Gemm" => {
                for name in ["alpha", "beta"] {
                    let scale = self.float(name, 1.0)?;
                    if scale != 1.0 {
                        return Err(self.wrong(name, scale, "1"));
                    }
                }
                self.expect_int("transA", Some(0), 0)?;
                match self.int("transB", Some(0))? {
                    0 => Operator::Gemm { transposed: false },
                    1 => Operator::Gemm { transposed: true },
                    other => return Err(self.wrong("transB", other, "0 or 1")),
                }
            }
            other => {
                let allowed = "Conv, LeakyRelu, Relu, Tanh, Sigmoid, Add, Concat, Flatten, Gemm";
                return Err(GraphError::not_allowed("an operator", other, allowed));
            }
        })
    }

    fn wrong(&self, name: &str, found: impl ToString, allowed: &str) -> GraphError {
        GraphError::not_allowed(format!("attribute {name} of {}", self.operator), found, allowed)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.values.iter().position(|(title, _)| title == name)?;
        Some(self.values.swap_remove(at).1)
    }

    fn float(&mut self, name: &str, default: f32) -> Result<f32, GraphError> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Float(value)) => Ok(value),
            Some(_) => Err(self.wrong(name, "another type", "a float")),
        }
    }

    fn int(&mut self, name: &str, default: Option<u64>) -> Result<u64, GraphError> {
        match (self.take(name), default) {
            (Some(Value::Int(value)), _) | (None, Some(value)) => Ok(value),
            _ => Err(self.wrong(name, "nothing, or another type", "an integer")),
        }
    }

    fn expect_int(&mut self, name: &str, default: Option<u64>, expected: u64) -> Result<(), GraphError> {
        match self.int(name, default)? {
            found if found == expected => Ok(()),
            found => Err(self.wrong(name, found as i64, &expected.to_string())),
        }
    }

    /// N sizes of at most 4,096, or N times the default.
    fn sizes<const N: usize>(&mut self, name: &str, default: usize) -> Result<[usize; N], GraphError> {
        let values = match self.take(name) {
            None => return Ok([default; N]),
            Some(Value::Ints(values)) => values,
            Some(_) => return Err(self.wrong(name, "another type", "integers")),
        };
        let small = |&n: &u64| usize::try_from(n).ok().filter(|&n| n <= 4096);
        let sizes: Option<Vec<usize>> = values.iter().map(small).collect();
        sizes
            .and_then(|sizes| <[usize; N]>::try_from(sizes).ok())
            .ok_or_else(|| self.wrong(name, format!("{values:?}"), &format!("{N} small numbers")))
    }

    fn sizes_of_one(&mut self, name: &str, default: u64) -> Result<usize, GraphError> {
        let value = self.int(name, Some(default))?;
        usize::try_from(value)
            .ok()
            .filter(|&n| n <= 4096)
            .ok_or_else(|| self.wrong(name, value, "a small number"))
    }

    fn expect_ones(&mut self, name: &str) -> Result<(), GraphError> {
        match self.sizes::<2>(name, 1)? {
            [1, 1] => Ok(()),
            found => Err(self.wrong(name, format!("{found:?}"), "[1, 1]")),
        }
    }

    /// Whether every attribute was used.
    pub(super) fn finish(&self) -> Result<(), GraphError> {
        match self.values.first() {
            None => Ok(()),
            Some((name, _)) => Err(GraphError::not_allowed(
                self.operator.clone(),
                format!("attribute {name}"),
                "known attributes once",
            )),
        }
    }
}
