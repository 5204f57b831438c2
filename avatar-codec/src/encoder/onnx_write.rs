//! A [`Graph`] as an ONNX file.

use super::graph::{Graph, Node, Operator, Port};
use super::onnx::{FLOAT, TYPE_FLOAT, TYPE_INT, TYPE_INTS};
use super::protobuf::{put_bytes, put_float, put_integer};

const IR_VERSION: u64 = 8;
const OPSET: u64 = 17;

pub(super) fn write(graph: &Graph) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, node) in graph.nodes.iter().enumerate() {
        put_bytes(&mut body, 1, &write_node(number, node));
    }
    put_bytes(&mut body, 2, b"encoder");
    for constant in &graph.constants {
        let mut tensor = Vec::new();
        for &n in &constant.shape {
            put_integer(&mut tensor, 1, n as u64);
        }
        put_integer(&mut tensor, 2, FLOAT);
        put_bytes(&mut tensor, 8, constant.name.as_bytes());
        let raw: Vec<u8> = constant.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        put_bytes(&mut tensor, 9, &raw);
        put_bytes(&mut body, 5, &tensor);
    }
    for input in &graph.inputs {
        put_bytes(&mut body, 11, &write_port(input));
    }
    put_bytes(&mut body, 12, &write_port(&graph.output));

    let (mut model, mut opset) = (Vec::new(), Vec::new());
    put_bytes(&mut opset, 1, b"");
    put_integer(&mut opset, 2, OPSET);
    put_integer(&mut model, 1, IR_VERSION);
    put_bytes(&mut model, 2, b"visavis");
    put_bytes(&mut model, 7, &body);
    put_bytes(&mut model, 8, &opset);
    model
}

fn write_port(port: &Port) -> Vec<u8> {
    let (mut shape, mut tensor, mut kind, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &n in &port.shape {
        let mut dimension = Vec::new();
        put_integer(&mut dimension, 1, n as u64);
        put_bytes(&mut shape, 1, &dimension);
    }
    put_integer(&mut tensor, 1, FLOAT);
    put_bytes(&mut tensor, 2, &shape);
    put_bytes(&mut kind, 1, &tensor);
    put_bytes(&mut out, 1, port.name.as_bytes());
    put_bytes(&mut out, 2, &kind);
    out
}

fn write_node(number: usize, node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    for input in &node.inputs {
        put_bytes(&mut out, 1, input.as_bytes());
    }
    put_bytes(&mut out, 2, node.output.as_bytes());
    put_bytes(&mut out, 3, format!("node{number}").as_bytes());
    put_bytes(&mut out, 4, node.operator.name().as_bytes());
    let mut attribute = |name: &str, put: &dyn Fn(&mut Vec<u8>), kind: u64| {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, name.as_bytes());
        put(&mut attribute);
        put_integer(&mut attribute, 20, kind);
        put_bytes(&mut out, 5, &attribute);
    };
    match &node.operator {
        Operator::Conv { strides, pads, groups } => {
            for (name, values) in [("strides", &strides[..]), ("pads", &pads[..])] {
                let put = |out: &mut Vec<u8>| values.iter().for_each(|&n| put_integer(out, 8, n as u64));
                attribute(name, &put, TYPE_INTS);
            }
            attribute("group", &|out| put_integer(out, 3, *groups as u64), TYPE_INT);
        }
        Operator::LeakyRelu { alpha } => attribute("alpha", &|out| put_float(out, 2, *alpha), TYPE_FLOAT),
        Operator::Concat | Operator::Flatten => attribute("axis", &|out| put_integer(out, 3, 1), TYPE_INT),
        Operator::Gemm { transposed } => {
            attribute("transB", &|out| put_integer(out, 3, u64::from(*transposed)), TYPE_INT);
        }
        Operator::Relu | Operator::Tanh | Operator::Sigmoid | Operator::Add => {}
    }
    out
}
