# SPDX-License-Identifier: MIT OR Apache-2.0
"""Networks in ONNX Runtime, to measure ours against: run by `visavis bench --peers`.

The first line on stdin is a JSON object: `threads`, and `network`, the sizes of our decoder. The answer is a JSON
object with each peer's multiply-accumulates. Then every line is a peer's name; it is run once on new inputs, and the
answer is the milliseconds that took. All weights are random: speed doesn't depend on them.
"""
import json
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SLOPE = 0.2


class Network:
    """An ONNX graph in the making. Convolutions and matrices have small random weights."""

    def __init__(self, name, inputs):
        self.name, self.inputs, self.outputs = name, inputs, []
        self.nodes, self.weights, self.macs = [], [], 0
        self.random = np.random.default_rng(1)

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        values = (self.random.standard_normal(shape) * 0.05).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, size_in, size_out, bias=True):
        self.macs += size_in * size_out
        inputs = [x, self.weight(size_in, size_out)] + ([self.weight(size_out)] if bias else [])
        return self.node("Gemm", *inputs)

    def leaky(self, x):
        return self.node("LeakyRelu", x, alpha=SLOPE)

    def reshape(self, x, *shape):
        name = f"s{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(shape, np.int64), name))
        return self.node("Reshape", x, name)

    def conv(self, x, weight_shape, size, **attributes):
        self.macs += int(np.prod(weight_shape)) * size * size
        return self.node("Conv", x, self.weight(*weight_shape), **attributes)

    def deconv_up(self, x, channels_in, channels_out, size):
        """A transposed convolution, 4x4 with stride 2, with a bias of its own for each texel."""
        self.macs += channels_in * channels_out * 16 * size * size
        y = self.node("ConvTranspose", x, self.weight(channels_in, channels_out, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
        return self.node("Add", y, self.weight(channels_out, 2 * size, 2 * size))

    def session(self, threads):
        values = lambda pairs: [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in pairs]
        graph = helper.make_graph(self.nodes, self.name, values(self.inputs), values(self.outputs), self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def same_network(spec):
    """Our own decoder: geometry head with its basis, and the dynamic texture."""
    size = spec["condition"]
    net = Network("same_network", [("c", [1, size])])
    hidden = net.leaky(net.linear("c", size, spec["hidden"]))
    bent = net.linear(hidden, spec["hidden"], spec["rank"], bias=False)
    coefficients = net.node("Add", bent, net.linear("c", size, spec["rank"]))
    offsets = net.linear(coefficients, spec["rank"], 3 * spec["vertices"])
    channels, texels = spec["seed_channels"], spec["seed_size"]
    x = net.leaky(net.linear("c", size, channels * texels * texels))
    x = net.reshape(x, 1, channels, texels, texels)
    for i, block in enumerate(spec["blocks"]):
        into, out = block["in"], block["out"]
        x = net.conv(x, (4 * out, into, 1, 1), texels)
        x = net.node("DepthToSpace", x, blocksize=2, mode="CRD")
        texels *= 2
        x = net.conv(x, (out, 1, 3, 3), texels, group=out, pads=[1, 1, 1, 1])
        x = net.node("Add", x, net.weight(out, texels, texels))
        x = x if i + 1 == len(spec["blocks"]) else net.leaky(x)
    net.outputs = [(offsets, [1, 3 * spec["vertices"]]), (x, [1, spec["blocks"][-1]["out"], texels, texels])]
    return net


def multiface_base():
    """The shape of Deep Appearance Models' decoder in Multiface's `base` size: a code of 256 and a view direction
    become 7,306 vertices and a 1024^2 texture that depends on the view, in 0.76 GMAC."""
    net = Network("multiface_base", [("z", [1, 256]), ("view", [1, 3])])
    view = net.leaky(net.linear("view", 3, 8))
    code = net.leaky(net.linear("z", 256, 256))
    vertices = net.linear(code, 256, 7306 * 3)
    both = net.node("Concat", code, view, axis=1)
    x = net.reshape(net.leaky(net.linear(both, 264, 256 * 16)), 1, 256, 4, 4)
    widths, size = [256, 128, 64, 64, 32, 32, 16, 16, 3], 4
    for into, out in zip(widths, widths[1:]):
        x = net.deconv_up(x, into, out, size)
        size *= 2
        x = net.leaky(x) if out != 3 else x
    net.outputs = [(vertices, [1, 7306 * 3]), (x, [1, 3, size, size])]
    return net


def main():
    spec = json.loads(sys.stdin.readline())
    networks = {"ort_same_network": same_network(spec["network"]), "ort_multiface_base": multiface_base()}
    sessions = {name: net.session(spec["threads"]) for name, net in networks.items()}
    random = np.random.default_rng(2)
    for name, net in networks.items():
        for _ in range(2):
            sessions[name].run(None, {n: random.standard_normal(s).astype(np.float32) for n, s in net.inputs})
    print(json.dumps({"version": onnxruntime.__version__, "macs": {name: net.macs for name, net in networks.items()}}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        feeds = {n: random.standard_normal(s).astype(np.float32) for n, s in networks[name].inputs}
        start = time.perf_counter()
        sessions[name].run(None, feeds)
        print(f"{(time.perf_counter() - start) * 1e3:.4f}", flush=True)


if __name__ == "__main__":
    main()
