# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small writer of Blender shader node trees."""
import bpy


class Material:
    """One material; methods return output sockets, and take sockets, nodes or numbers."""

    def __init__(self, name):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.output = self.tree.nodes.new("ShaderNodeOutputMaterial")

    def node(self, kind, inputs=None, **properties):
        node = self.tree.nodes.new("ShaderNode" + kind)
        for key, value in properties.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            self.connect(value, node.inputs[key])
        return node

    def connect(self, value, socket):
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, bpy.types.Node):
            self.tree.links.new(value.outputs[0], socket)
        else:
            socket.default_value = value

    def attribute(self, name, output="Fac"):
        return self.node("Attribute", attribute_name=name).outputs[output]

    def math(self, operation, a, b=None, c=None, clamp=False):
        inputs = {i: v for i, v in enumerate((a, b, c)) if v is not None}
        return self.node("Math", inputs, operation=operation, use_clamp=clamp).outputs[0]

    def add(self, *terms):
        total = terms[0]
        for t in terms[1:]:
            total = self.math("ADD", total, t)
        return total

    def times(self, *factors):
        total = factors[0]
        for f in factors[1:]:
            total = self.math("MULTIPLY", total, f)
        return total

    def inverse(self, x):
        return self.math("SUBTRACT", 1.0, x)

    def mix(self, factor, a, b, blend="MIX"):
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type, node.blend_type = "RGBA", blend
        for index, value in ((0, factor), (6, a), (7, b)):
            self.connect(value, node.inputs[index])
        return node.outputs[2]

    def tint(self, factor, colour, tint):
        """`colour` multiplied by `tint` where `factor` is 1."""
        return self.mix(factor, colour, self.mix(1.0, colour, (*tint, 1), "MULTIPLY"))

    def ramp(self, x, a, b):
        """Smooth step of x from a to b."""
        return self.node("MapRange", {"Value": x, "From Min": a, "From Max": b}, interpolation_type="SMOOTHSTEP").outputs[0]

    def scale(self, vector, k):
        k = k if hasattr(k, "__len__") else (k, k, k)
        return self.node("VectorMath", {0: vector, 1: k}, operation="MULTIPLY").outputs[0]

    def shift(self, a, b):
        return self.node("VectorMath", {0: a, 1: b}, operation="ADD").outputs[0]

    def noise(self, vector, frequency, detail=2, roughness=0.5, output=0):
        return self.node("TexNoise", {"Vector": vector, "Scale": frequency, "Detail": detail, "Roughness": roughness}).outputs[output]

    def wander(self, vector, frequency, amount, detail=2):
        """`vector` displaced by noise of the given amplitude."""
        n = self.node("VectorMath", {0: self.noise(vector, frequency, detail, output=1), 1: (.5, .5, .5)}, operation="SUBTRACT")
        return self.shift(vector, self.scale(n.outputs[0], amount))

    def cells(self, vector, frequency, feature="F1", output="Distance", **inputs):
        node = self.node("TexVoronoi", {"Vector": vector, "Scale": frequency}, feature=feature)
        for key, value in inputs.items():
            node.inputs[key].default_value = value
        return node.outputs[output]

    def bump(self, height, strength=1.0, distance=1.0):
        return self.node("Bump", {"Height": height, "Strength": strength, "Distance": distance}).outputs[0]

    def surface(self, shader):
        self.connect(shader, self.output.inputs["Surface"])
        return self.material


def image(path, colour_space):
    picture = bpy.data.images.load(str(path))
    picture.colorspace_settings.name = colour_space
    return picture
