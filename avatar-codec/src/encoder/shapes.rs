//! Follows the shapes through a graph: whether they fit, and what a run costs.

use std::collections::HashMap;

use super::graph::{
    Graph, GraphCost, GraphError, MAX_ACTIVATION_BYTES, MAX_CONSTANTS, MAX_ENCODE_MACS, MAX_GRAPH_BYTES,
    MAX_NODES, Node, Operator,
};

/// The most dimensions of a tensor.
const MAX_RANK: usize = 4;
/// The largest kernel and stride of a convolution.
const MAX_KERNEL: usize = 16;

pub(super) fn check(graph: &Graph) -> Result<GraphCost, GraphError> {
    for (what, found, allowed) in [
        ("operators", graph.nodes.len(), MAX_NODES),
        ("constants", graph.constants.len(), MAX_CONSTANTS),
        ("inputs", graph.inputs.len(), 2),
    ] {
        if found > allowed {
            return Err(GraphError::limit(what, found, allowed));
        }
    }
    let mut cost = GraphCost::default();
    let mut shapes: HashMap<&str, Vec<usize>> = HashMap::new();
    for input in &graph.inputs {
        volume(&input.shape, &format!("input `{}`", input.name))?;
        define(&mut shapes, &input.name, input.shape.clone(), "the inputs")?;
    }
    for constant in &graph.constants {
        let place = format!("constant `{}`", constant.name);
        let count = volume(&constant.shape, &place)?;
        if constant.values.len() as u64 != count {
            let found = format!("{} numbers", constant.values.len());
            return Err(GraphError::not_allowed(place, found, format!("{count} for its shape")));
        }
        if let Some(index) = constant.values.iter().position(|x| !x.is_finite()) {
            return Err(GraphError::NotFinite { name: constant.name.clone(), index });
        }
        cost.parameters += count;
        define(&mut shapes, &constant.name, constant.shape.clone(), "the constants")?;
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<&[usize]> = (node.inputs.iter())
            .map(|name| {
                shapes.get(name.as_str()).map(Vec::as_slice).ok_or_else(|| GraphError::Name {
                    place: format!("operator {number} ({})", node.operator.name()),
                    name: name.clone(),
                    problem: "is no input, constant or earlier result",
                })
            })
            .collect::<Result<_, _>>()?;
        let (shape, macs) = result(node, &inputs).map_err(|reason| GraphError::Shape {
            node: number,
            operator: node.operator.name(),
            reason,
        })?;
        cost.macs = cost.macs.saturating_add(macs);
        let bytes = 4 * volume(&shape, &format!("the result of operator {number}"))?;
        cost.activation_bytes = cost.activation_bytes.saturating_add(bytes);
        for (what, found, allowed) in [
            ("multiply-accumulates", cost.macs, MAX_ENCODE_MACS),
            ("bytes of results", cost.activation_bytes, MAX_ACTIVATION_BYTES),
        ] {
            if found > allowed {
                return Err(GraphError::Limit { what, found, allowed });
            }
        }
        define(&mut shapes, &node.output, shape, "the results")?;
    }
    let output = &graph.output;
    let made = graph.nodes.iter().any(|node| node.output == output.name);
    match shapes.get(output.name.as_str()) {
        Some(shape) if made && *shape == output.shape => Ok(cost),
        Some(shape) if made => Err(GraphError::not_allowed(
            format!("output `{}`", output.name),
            format!("the shape {:?}", output.shape),
            format!("{shape:?}, as computed"),
        )),
        _ => Err(GraphError::Name {
            place: "the output".into(),
            name: output.name.clone(),
            problem: "is no operator's result",
        }),
    }
}

fn define<'a>(
    shapes: &mut HashMap<&'a str, Vec<usize>>,
    name: &'a str,
    shape: Vec<usize>,
    place: &str,
) -> Result<(), GraphError> {
    match shapes.insert(name, shape) {
        None => Ok(()),
        Some(_) => {
            Err(GraphError::Name { place: place.into(), name: name.into(), problem: "is defined twice" })
        }
    }
}

/// How many numbers a shape has: 1 to 4 dimensions, none of them 0.
fn volume(shape: &[usize], place: &str) -> Result<u64, GraphError> {
    let product = shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n as u64));
    match product {
        Some(count)
            if (1..=MAX_RANK).contains(&shape.len())
                && (1..=(MAX_GRAPH_BYTES / 4) as u64).contains(&count) =>
        {
            Ok(count)
        }
        _ => {
            let shown: Vec<usize> = shape.iter().copied().take(8).collect();
            let allowed = format!("1 to {MAX_RANK} dimensions, {} numbers", MAX_GRAPH_BYTES / 4);
            Err(GraphError::not_allowed(place, format!("the shape {shown:?}"), allowed))
        }
    }
}

/// Shape of a node's result and its multiply-accumulates.
fn result(node: &Node, inputs: &[&[usize]]) -> Result<(Vec<usize>, u64), String> {
    match (&node.operator, inputs) {
        (Operator::Conv { strides, pads, groups }, [x, weight, bias @ ..]) => {
            convolution(*strides, *pads, *groups, x, weight, bias)
        }
        (Operator::LeakyRelu { .. } | Operator::Relu | Operator::Tanh | Operator::Sigmoid, [x]) => {
            if let Operator::LeakyRelu { alpha } = node.operator
                && !alpha.is_finite()
            {
                return Err(format!("alpha is {alpha}, must be finite"));
            }
            Ok((x.to_vec(), 0))
        }
        (Operator::Add, [a, b]) if a == b => Ok((a.to_vec(), 0)),
        (Operator::Concat, [first, rest @ ..]) if first.len() >= 2 => {
            let mut shape = first.to_vec();
            for other in rest {
                if other.len() != shape.len() || other[0] != shape[0] || other[2..] != shape[2..] {
                    return Err(format!("{other:?} doesn't go with {first:?} along axis 1"));
                }
                shape[1] += other[1];
            }
            Ok((shape, 0))
        }
        (Operator::Flatten, [[1, rest @ ..]]) => Ok((vec![1, rest.iter().product()], 0)),
        (Operator::Gemm { transposed }, [[1, n], [a, b], bias @ ..]) => {
            let (m, fits) = if *transposed { (*a, b == n) } else { (*b, a == n) };
            let biased = match bias {
                [] => true,
                [shape] => **shape == [m] || **shape == [1, m],
                _ => false,
            };
            if fits && biased {
                Ok((vec![1, m], *n as u64 * m as u64))
            } else {
                Err(format!("shapes {inputs:?} don't fit"))
            }
        }
        _ => Err(format!("can't take inputs of the shapes {inputs:?}")),
    }
}

fn convolution(
    strides: [usize; 2],
    pads: [usize; 4],
    groups: usize,
    x: &[usize],
    weight: &[usize],
    bias: &[&[usize]],
) -> Result<(Vec<usize>, u64), String> {
    let (&[1, channels, height, width], &[outputs, per_group, kernel_h, kernel_w]) = (x, weight) else {
        return Err(format!("shapes {x:?} and {weight:?} aren't [1, C, H, W] and [O, C / groups, h, w]"));
    };
    let fits = groups >= 1
        && per_group.checked_mul(groups) == Some(channels)
        && outputs.is_multiple_of(groups)
        && match bias {
            [] => true,
            [shape] => **shape == [outputs],
            _ => false,
        };
    let small = [kernel_h, kernel_w].iter().chain(&strides).all(|n| (1..=MAX_KERNEL).contains(n))
        && pads[0].max(pads[2]) < kernel_h
        && pads[1].max(pads[3]) < kernel_w;
    if !fits || !small {
        return Err(format!(
            "shapes {x:?}, {weight:?}, {bias:?}, strides {strides:?}, pads {pads:?}, {groups} groups don't fit or \
             exceed {MAX_KERNEL}"
        ));
    }
    let size = |n: usize, pad: usize, kernel: usize, stride: usize| {
        (n + pad).checked_sub(kernel).map(|rest| rest / stride + 1)
    };
    let out_h = size(height, pads[0] + pads[2], kernel_h, strides[0]);
    let out_w = size(width, pads[1] + pads[3], kernel_w, strides[1]);
    let (Some(out_h), Some(out_w)) = (out_h, out_w) else {
        return Err(format!("{height} × {width} is smaller than the kernel"));
    };
    // All factors are bounded: tensors by their volume, kernels by MAX_KERNEL.
    let macs = (outputs as u64 * out_h as u64)
        .saturating_mul(out_w as u64)
        .saturating_mul((per_group * kernel_h * kernel_w) as u64);
    Ok((vec![1, outputs, out_h, out_w], macs))
}
