//! The encoder's graph: the few operators of ONNX that it may consist of, with shapes that are known before it runs.
//!
//! An ONNX file is parsed here, by code that knows only what is allowed, into a [`Graph`]; a runtime gets what
//! [`Graph::write`] makes of that, never the file itself. So nothing that two parsers might read differently, and no
//! reference to other files, gets through.

use super::{onnx, onnx_write, shapes};

/// The most bytes of a graph's file.
pub const MAX_GRAPH_BYTES: usize = 8 << 20;
/// The most operators.
pub const MAX_NODES: usize = 64;
/// The most constant tensors.
pub const MAX_CONSTANTS: usize = 128;
/// The most multiply-accumulates of a run.
pub const MAX_ENCODE_MACS: u64 = 32_000_000;
/// The most bytes that the results of all operators take together, as f32.
pub const MAX_ACTIVATION_BYTES: u64 = 16 << 20;
/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 128;

/// Why bytes aren't a graph that may run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// The file isn't a sequence of fields.
    #[error("{message} {reason}")]
    Malformed {
        /// The message of the format that was read.
        message: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// Something is there that the format has and we don't allow.
    #[error("{place}: {found} isn't allowed; allowed: {allowed}")]
    NotAllowed {
        /// Where it stands.
        place: String,
        /// What was found.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// There is more of something than is allowed.
    #[error("{what}: found {found}, at most {allowed} are allowed")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        allowed: u64,
    },
    /// A name that nothing before has defined, or that is defined twice.
    #[error("{place}: `{name}` {problem}")]
    Name {
        /// Where it stands.
        place: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Shapes don't fit each other.
    #[error("operator {node} ({operator}): {reason}")]
    Shape {
        /// Its place in the graph, from 0.
        node: usize,
        /// The operator.
        operator: &'static str,
        /// What doesn't fit.
        reason: String,
    },
    /// A number isn't finite.
    #[error("constant `{name}`, number {index} isn't finite")]
    NotFinite {
        /// The constant.
        name: String,
        /// Where in it.
        index: usize,
    },
}

impl GraphError {
    pub(super) fn not_allowed(
        place: impl Into<String>,
        found: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        let found = found.to_string().chars().take(80).flat_map(char::escape_debug).collect();
        Self::NotAllowed { place: place.into(), found, allowed: allowed.into() }
    }

    pub(super) fn limit(what: &'static str, found: usize, allowed: usize) -> Self {
        Self::Limit { what, found: found as u64, allowed: allowed as u64 }
    }
}

/// An input or the output of a graph: f32 of a fixed shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, the last dimension first.
    pub values: Vec<f32>,
}

/// What an operator does; all as ONNX defines it.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// 2-D convolution of `[1, C, H, W]` with `[O, C / groups, h, w]`, and `[O]` added if there is a third input.
    Conv {
        /// Down and to the right.
        strides: [usize; 2],
        /// Zeros around: top, left, bottom, right.
        pads: [usize; 4],
        /// Groups of channels that don't mix.
        groups: usize,
    },
    /// x if x ≥ 0, else alpha · x.
    LeakyRelu {
        /// The slope below zero.
        alpha: f32,
    },
    /// max(x, 0).
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// The sum of two tensors of the same shape.
    Add,
    /// Two or more tensors, one after the other along axis 1.
    Concat,
    /// `[1, …]` to `[1, n]`.
    Flatten,
    /// `[1, n]` times a matrix, and `[m]` or `[1, m]` added if there is a third input.
    Gemm {
        /// Whether the matrix is `[m, n]`; else it is `[n, m]`.
        transposed: bool,
    },
}

impl Operator {
    /// ONNX's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "Conv",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Relu => "Relu",
            Self::Tanh => "Tanh",
            Self::Sigmoid => "Sigmoid",
            Self::Add => "Add",
            Self::Concat => "Concat",
            Self::Flatten => "Flatten",
            Self::Gemm { .. } => "Gemm",
        }
    }
}

/// One operator and what it is applied to.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// Names of graph inputs, constants, or outputs of nodes before.
    pub inputs: Vec<String>,
    /// The name of its result.
    pub output: String,
}

/// What a graph costs to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphCost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of all operators' results.
    pub activation_bytes: u64,
    /// Numbers in constants.
    pub parameters: u64,
}

/// A network without loops, conditions or anything dynamic.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// What it reads.
    pub inputs: Vec<Port>,
    /// Its weights.
    pub constants: Vec<Constant>,
    /// Its operators, each after those that it needs.
    pub nodes: Vec<Node>,
    /// What it returns.
    pub output: Port,
}

impl Graph {
    /// Reads an ONNX file (opset 13 to 17) and [checks](Self::check) it.
    ///
    /// # Errors
    /// If it isn't one, or is anything but a chain of the allowed operators within the limits.
    pub fn read(bytes: &[u8]) -> Result<Self, GraphError> {
        if bytes.len() > MAX_GRAPH_BYTES {
            return Err(GraphError::limit("bytes of the graph", bytes.len(), MAX_GRAPH_BYTES));
        }
        let graph = onnx::read(bytes)?;
        graph.check()?;
        Ok(graph)
    }

    /// The graph as an ONNX file of opset 17, the same for equal graphs.
    pub fn write(&self) -> Vec<u8> {
        onnx_write::write(self)
    }

    /// What a run costs; the graph is checked on the way.
    ///
    /// # Errors
    /// If names, shapes, numbers or limits aren't kept.
    pub fn check(&self) -> Result<GraphCost, GraphError> {
        shapes::check(self)
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|port| port.name == name)
    }
}
