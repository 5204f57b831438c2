"""Writes a network as an ONNX file: the few fields of its protobuf messages that a chain of known layers needs.

Field numbers are those of onnx.proto, which never change; so this needs no package, and what it writes is small enough
for the loader to know every operator of it.
"""
import struct

import numpy as np

FLOAT, INT64 = 1, 7  # TensorProto.DataType
ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS = 1, 2, 7  # AttributeProto.AttributeType
IR_VERSION, OPSET = 8, 17


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def single(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, array):
    """TensorProto."""
    kind = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}[array.dtype]
    return (b"".join(integer(1, n) for n in array.shape) + integer(2, kind) + chunk(8, name)
            + chunk(9, np.ascontiguousarray(array).tobytes()))


def value(name, shape):
    """ValueInfoProto of floats of a fixed shape."""
    dims = b"".join(chunk(1, integer(1, n)) for n in shape)
    return chunk(1, name) + chunk(2, chunk(1, integer(1, FLOAT) + chunk(2, dims)))


def attribute(name, what):
    """AttributeProto."""
    if isinstance(what, float):
        return chunk(1, name) + single(2, what) + integer(20, ATTRIBUTE_FLOAT)
    if isinstance(what, int):
        return chunk(1, name) + integer(3, what) + integer(20, ATTRIBUTE_INT)
    return chunk(1, name) + b"".join(integer(8, n) for n in what) + integer(20, ATTRIBUTE_INTS)


class Graph:
    """A graph as it is put together: each operator returns the name of its output."""

    def __init__(self, name):
        self.name, self.nodes, self.initializers, self.count = name, [], [], 0

    def constant(self, name, array):
        self.initializers.append(tensor(name, array))
        return name

    def add(self, operator, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{operator.lower()}{self.count}"
        node = b"".join(chunk(1, name) for name in inputs) + chunk(2, output) + chunk(3, f"node{self.count}")
        node += chunk(4, operator) + b"".join(chunk(5, attribute(k, v)) for k, v in attributes.items())
        self.nodes.append(node)
        return output

    def model(self, inputs, outputs):
        """The file's bytes; inputs and outputs are (name, shape)."""
        graph = b"".join(chunk(1, node) for node in self.nodes) + chunk(2, self.name)
        graph += b"".join(chunk(5, data) for data in self.initializers)
        graph += b"".join(chunk(11, value(*x)) for x in inputs) + b"".join(chunk(12, value(*x)) for x in outputs)
        opset = chunk(1, "") + integer(2, OPSET)
        return integer(1, IR_VERSION) + chunk(2, "visavis") + chunk(7, graph) + chunk(8, opset)


def encoder(network, slope):
    """The file of an `Encoder`: inputs `texture` [1, 4, S, S] and, if it has any, `mesh` [1, q]; output `residual`."""
    graph = Graph("encoder")
    array = lambda t: t.detach().numpy().astype(np.float32)
    size = network.texture_mean.shape[-1]
    inputs = [("texture", (1, 4, size, size))]
    x = "texture"
    for number, layer in enumerate(network.convolutions):
        weight = graph.constant(f"convolution{number}.weight", array(layer.weight))
        bias = graph.constant(f"convolution{number}.bias", array(layer.bias))
        (kernel, _), (stride, _), (pad, _) = layer.kernel_size, layer.stride, layer.padding
        x = graph.add("Conv", [x, weight, bias], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
        x = graph.add("LeakyRelu", [x], alpha=slope)
    x = graph.add("Flatten", [x], axis=1)
    last = network.convolutions[-1]
    mesh = network.hidden.in_features - last.out_channels * _side(network, size) ** 2
    if mesh:
        inputs.append(("mesh", (1, mesh)))
        x = graph.add("Concat", [x, "mesh"], axis=1)
    for name, layer in (("hidden", network.hidden), ("last", network.last)):
        weight = graph.constant(f"{name}.weight", array(layer.weight))
        bias = graph.constant(f"{name}.bias", array(layer.bias))
        is_last = name == "last"
        x = graph.add("Gemm", [x, weight, bias], transB=1)
        x = graph.add("Tanh", [x], "residual") if is_last else graph.add("LeakyRelu", [x], alpha=slope)
    return graph.model(inputs, [("residual", (1, network.last.out_features))])


def _side(network, size):
    for layer in network.convolutions:
        size = (size + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1
    return size
