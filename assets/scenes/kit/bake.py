# SPDX-License-Identifier: MIT OR Apache-2.0
"""Light that is computed once: a light map over everything, and what is seen from a place in all directions."""
import math
import os
import tempfile

import bpy
import numpy as np
from scipy.ndimage import gaussian_filter, median_filter

from . import shapes


def set_up(threads=2, samples=64):
    """Cycles on the processor, a few bounces, no clamping."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.max_bounces = 6
    scene.cycles.diffuse_bounces = 5
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.sample_clamp_indirect = 8.0
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.view_settings.view_transform = "Standard"


def paint(name, colour, roughness, metallic=0.0, emission=None):
    """What a material is for the baker: one colour times the vertices' tint."""
    nodes = shapes.material(name).node_tree.nodes
    links = shapes.material(name).node_tree.links
    principled = nodes["Principled BSDF"]
    tint = nodes.new("ShaderNodeVertexColor")
    tint.layer_name = "tint"
    product = nodes.new("ShaderNodeMix")
    product.data_type, product.blend_type = "RGBA", "MULTIPLY"
    product.inputs["Factor"].default_value = 1.0
    product.inputs["B"].default_value = (*colour, 1.0)
    links.new(tint.outputs["Color"], product.inputs["A"])
    links.new(product.outputs["Result"], principled.inputs["Base Color"])
    principled.inputs["Roughness"].default_value = roughness
    principled.inputs["Metallic"].default_value = metallic
    principled.inputs["Specular IOR Level"].default_value = 0.25
    if emission is not None:
        principled.inputs["Emission Color"].default_value = (*emission, 1.0)
        principled.inputs["Emission Strength"].default_value = 1.0


def sky(colours):
    """Radiance from above, the horizon and below, as the renderer's own gradient has it."""
    world = bpy.context.scene.world or bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    place = nodes.new("ShaderNodeTexCoord")
    split = nodes.new("ShaderNodeSeparateXYZ")
    ramp = nodes.new("ShaderNodeValToRGB")
    half = nodes.new("ShaderNodeMath")
    half.operation = "MULTIPLY_ADD"
    half.inputs[1].default_value = half.inputs[2].default_value = 0.5
    background, out = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeOutputWorld")
    top, horizon, ground = (np.asarray(c, float) for c in colours)
    strength = max(top.max(), horizon.max(), ground.max())
    elements = ramp.color_ramp.elements
    elements[0].color = (*(ground / strength), 1)
    elements[1].color = (*(top / strength), 1)
    middle = elements.new(0.5)
    middle.color = (*(horizon / strength), 1)
    background.inputs["Strength"].default_value = strength
    links.new(place.outputs["Generated"], split.inputs[0])
    links.new(split.outputs["Z"], half.inputs[0])
    links.new(half.outputs[0], ramp.inputs[0])
    links.new(ramp.outputs[0], background.inputs["Color"])
    links.new(background.outputs[0], out.inputs[0])
    return background


def sun(direction, colour, angle=0.0093):
    """A sun that shines along `direction`; white that faces it becomes `colour`."""
    from mathutils import Vector

    light = bpy.data.lights.new("sun", "SUN")
    strength = max(colour)
    light.color = tuple(c / strength for c in colour)
    light.energy = strength * math.pi  # irradiance
    light.angle = angle
    made = bpy.data.objects.new("sun", light)
    made.rotation_mode = "QUATERNION"
    made.rotation_quaternion = Vector(direction).to_track_quat("-Z", "Y")
    bpy.context.scene.collection.objects.link(made)
    return made


def join(objects, name):
    """One mesh of many."""
    bpy.ops.object.select_all(action="DESELECT")
    for made in objects:
        made.select_set(True)
    bpy.context.view_layer.objects.active = objects[0]
    bpy.ops.object.join()
    objects[0].name = name
    return objects[0]


def unwrap(made, margin):
    """A second set of coordinates in which no two points share a texel, areas alike."""
    mesh = made.data
    mesh.uv_layers.new(name="uv1")
    mesh.uv_layers.active = mesh.uv_layers["uv1"]
    bpy.ops.object.select_all(action="DESELECT")
    made.select_set(True)
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.smart_project(angle_limit=math.radians(60), island_margin=margin, area_weight=0.0)
    bpy.ops.uv.select_all(action="SELECT")
    bpy.ops.uv.average_islands_scale()
    bpy.ops.uv.pack_islands(rotate=True, margin_method="FRACTION", margin=margin, shape_method="AABB")
    bpy.ops.object.mode_set(mode="OBJECT")


def light_map(made, size, lamp, background, samples):
    """Irradiance over π on `made` without the lamp's direct light, linear, rows downwards; and which texels count."""
    image = bpy.data.images.new("light_map", size, size, float_buffer=True, alpha=True)
    image.colorspace_settings.name = "Non-Color"
    for slot in made.material_slots:
        nodes = slot.material.node_tree.nodes
        target = nodes.new("ShaderNodeTexImage")
        target.image = image
        for node in nodes:
            node.select = False
        target.select = True
        nodes.active = target
    scene = bpy.context.scene
    scene.cycles.samples = samples
    bpy.ops.object.select_all(action="DESELECT")
    made.select_set(True)
    bpy.context.view_layer.objects.active = made
    made.data.uv_layers.active = made.data.uv_layers["uv1"]
    made.data.uv_layers["uv1"].active_render = True

    def passes(*names):
        bpy.ops.object.bake(type="DIFFUSE", pass_filter=set(names), margin=0, use_clear=True)
        pixels = np.empty(size * size * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(size, size, 4)[::-1].copy()

    strength = background.inputs["Strength"].default_value
    lamp.hide_render = True
    from_sky = passes("DIRECT", "INDIRECT")
    lamp.hide_render = False
    background.inputs["Strength"].default_value = 0.0
    from_lamp = passes("INDIRECT")
    background.inputs["Strength"].default_value = strength
    covered = from_sky[..., 3] > 0.5
    return from_sky[..., :3] + from_lamp[..., :3], covered


def smooth(light, covered, rounds=3, tolerance=0.16):
    """Takes the noise out: a bilateral filter over brightness that never leaves what is covered."""
    # Single texels that a rare bright path hit, or none: the median of nine.
    out = median_filter(spread(light, covered, 3), (3, 3, 1))
    for step in range(rounds):
        reach = 1 << step
        level = np.log(out.mean(-1) + 0.01)
        level = gaussian_filter(np.where(covered, level, 0), 1) / np.maximum(gaussian_filter(covered.astype(float), 1), 1e-3)
        total, weight = np.zeros_like(out), np.zeros(out.shape[:2])
        for dy in (-2, -1, 0, 1, 2):
            for dx in (-2, -1, 0, 1, 2):
                shift = (dy * reach, dx * reach)
                there = np.roll(covered, shift, (0, 1))
                apart = np.roll(level, shift, (0, 1)) - level
                share = there * np.exp(-(apart / tolerance) ** 2 - (dx * dx + dy * dy) / 4.0)
                total += np.roll(out, shift, (0, 1)) * share[..., None]
                weight += share
        out = np.where(covered[..., None], total / np.maximum(weight, 1e-6)[..., None], out)
    return out


def spread(light, covered, texels=8):
    """Carries the border of what is covered outwards, so that filters at seams read nothing black."""
    out, known = light.copy(), covered.copy()
    for _ in range(texels):
        total, weight = np.zeros_like(out), np.zeros(out.shape[:2])
        for shift in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            there = np.roll(known, shift, (0, 1))
            total += np.roll(out, shift, (0, 1)) * there[..., None]
            weight += there
        new = ~known & (weight > 0)
        out[new] = total[new] / weight[new][:, None]
        known |= new
    out[~known] = light[covered].mean(0)
    return out


def panorama(at, size, samples):
    """Radiance from all directions at a place (Blender's frame): rows downwards, the middle looks along +Y, up +Z."""
    scene = bpy.context.scene
    camera = bpy.data.cameras.new("panorama")
    camera.type = "PANO"
    camera.panorama_type = "EQUIRECTANGULAR"
    made = bpy.data.objects.new("panorama", camera)
    made.location = at
    made.rotation_euler = (math.pi / 2, 0, 0)
    scene.collection.objects.link(made)
    scene.camera = made
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.render.image_settings.file_format = "OPEN_EXR"
    path = os.path.join(tempfile.mkdtemp(), "panorama.exr")
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(path)
    pixels = np.empty(size[0] * size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(size[1], size[0], 4)[::-1, :, :3].copy()


def harmonics(picture):
    """A panorama as real spherical harmonics of order 2 in the glTF frame, [9][3] (visavis_codec::light::Ambient)."""
    h, w = picture.shape[:2]
    lon = ((np.arange(w) + 0.5) / w - 0.5) * 2 * np.pi
    lat = (0.5 - (np.arange(h) + 0.5) / h) * np.pi
    x = np.sin(lon)[None] * np.cos(lat)[:, None]
    y = np.sin(lat)[:, None] * np.ones((1, w))
    z = -np.cos(lon)[None] * np.cos(lat)[:, None]
    solid = np.cos(lat)[:, None] * (np.pi / h) * (2 * np.pi / w)
    basis = [0.282095 * np.ones_like(x), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
             0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)]
    return [[float((picture[..., c] * b * solid).sum()) for c in range(3)] for b in basis]


def preview(eye, target, vertical_angle, path, size=(480, 270), samples=16):
    """What a camera (glTF frame) sees, quickly, to judge furniture by."""
    from mathutils import Vector

    scene = bpy.context.scene
    camera = bpy.data.cameras.new("preview")
    camera.sensor_fit, camera.angle = "VERTICAL", vertical_angle
    made = bpy.data.objects.new("preview", camera)
    made.location = (eye[0], -eye[2], eye[1])
    made.rotation_mode = "QUATERNION"
    made.rotation_quaternion = Vector((target[0] - eye[0], eye[2] - target[2], target[1] - eye[1])).to_track_quat("-Z", "Y")
    scene.collection.objects.link(made)
    scene.camera = made
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
