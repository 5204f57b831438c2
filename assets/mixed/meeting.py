# SPDX-License-Identifier: MIT OR Apache-2.0
"""Path-traces the room of the mixed-reality meeting: a table with a mug and two empty chairs, by a window.

    python assets/mixed/meeting.py [--preview]        needs bpy 5, OpenEXR and Pillow

Writes beside itself what a headset would hand over: meeting.jpg (the camera's picture, sRGB), meeting.depth.png (16-bit
millimetres along the camera's axis, half size) and meeting.json (intrinsics, pose, light, and who sits where).

Everything is in the engine's axes (metres, +Y up, the camera looks along -Z) until `at` turns it into Blender's.
"""
import argparse
import json
import math
import random
from pathlib import Path

import bpy
import numpy as np
import OpenEXR
from PIL import Image

HERE = Path(__file__).resolve().parent
SIZE = (1280, 720)
FOCAL_PX = 1180.0
# The optical axis isn't in the middle of the picture, as in real cameras.
CENTRE_PX = (646.0, 352.0)
EYE_M = (0.0, 1.0, 0.78)
PITCH_DEG = -4.0
TABLE_M = 0.74  # height
TABLE_RADIUS_M = 0.52
# From the room to the sun behind the window on the left, to the side and in front of the people, who look at the camera.
TO_SUN = np.array([-0.72, 0.45, 0.53]) / np.linalg.norm([-0.72, 0.45, 0.53])
SUN_W_M2 = 6.5
SUN_COLOUR = (1.0, 0.87, 0.70)
SUN_RADIUS_DEG = 2.0  # as through thin curtains
# The camera's exposure: scene radiance to the picture's linear value.
EXPOSURE = 0.63
# Where the light is told: between the faces.
PROBE_M = (0.0, 1.0, -0.42)
# Who sits where: between the eyes; low enough that the table hides where a bust ends.
SEATS = [
    dict(position_m=(-0.305, 0.972, -0.45), yaw_deg=14.0, call_s=2.5),
    dict(position_m=(0.29, 0.968, -0.44), yaw_deg=-18.0, call_s=6.6),
]
CHAIRS = [((-0.3657, 0, -0.735), 12.6), ((0.3657, 0, -0.735), -24.3)]


def at(p):
    """Engine axes to Blender's +Z up."""
    return (p[0], -p[2], p[1])


# --- materials ---------------------------------------------------------------------------------------------------

def material(name, colour, roughness=0.5, bump=0.0, bump_scale=60.0, **inputs):
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    shader = m.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    for key, value in inputs.items():
        shader.inputs[key.replace("_", " ")].default_value = value
    if bump:
        nodes, links = m.node_tree.nodes, m.node_tree.links
        noise = nodes.new("ShaderNodeTexNoise")
        noise.inputs["Scale"].default_value = bump_scale
        noise.inputs["Detail"].default_value = 6
        coordinates = nodes.new("ShaderNodeTexCoord")
        links.new(coordinates.outputs["Object"], noise.inputs["Vector"])
        node = nodes.new("ShaderNodeBump")
        node.inputs["Strength"].default_value = bump
        node.inputs["Distance"].default_value = 0.01
        links.new(noise.outputs["Fac"], node.inputs["Height"])
        links.new(node.outputs["Normal"], shader.inputs["Normal"])
    return m


def wood(name, light, dark, along=0, scale=1.0, roughness=0.42, plank_m=None):
    """Grain along one axis of the object; planks of a width, each a little different."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    nodes, links = m.node_tree.nodes, m.node_tree.links
    shader = nodes["Principled BSDF"]
    coordinates = nodes.new("ShaderNodeTexCoord")
    stretch = nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = [scale * (1.2 if i == along else 14.0) for i in range(3)]
    links.new(coordinates.outputs["Object"], stretch.inputs["Vector"])
    grain = nodes.new("ShaderNodeTexNoise")
    for key, value in dict(Scale=3.0, Detail=9.0, Roughness=0.62, Distortion=1.1).items():
        grain.inputs[key].default_value = value
    links.new(stretch.outputs["Vector"], grain.inputs["Vector"])
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[0].color = 0.32, (*dark, 1)
    ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.68, (*light, 1)
    links.new(grain.outputs["Fac"], ramp.inputs["Fac"])
    colour = ramp.outputs["Color"]
    if plank_m:
        split = nodes.new("ShaderNodeSeparateXYZ")
        links.new(coordinates.outputs["Object"], split.inputs["Vector"])
        divide = nodes.new("ShaderNodeMath")
        divide.operation = "DIVIDE"
        divide.inputs[1].default_value = plank_m
        links.new(split.outputs[1 - along], divide.inputs[0])
        floor = nodes.new("ShaderNodeMath")
        floor.operation = "FLOOR"
        links.new(divide.outputs[0], floor.inputs[0])
        white = nodes.new("ShaderNodeTexWhiteNoise")
        white.noise_dimensions = "1D"
        links.new(floor.outputs[0], white.inputs["W"])
        tone = nodes.new("ShaderNodeMapRange")
        tone.inputs["To Min"].default_value, tone.inputs["To Max"].default_value = 0.72, 1.08
        links.new(white.outputs["Value"], tone.inputs["Value"])
        tint = nodes.new("ShaderNodeHueSaturation")
        links.new(tone.outputs["Result"], tint.inputs["Value"])
        links.new(colour, tint.inputs["Color"])
        colour = tint.outputs["Color"]
    links.new(colour, shader.inputs["Base Color"])
    rough = nodes.new("ShaderNodeMapRange")
    rough.inputs["To Min"].default_value, rough.inputs["To Max"].default_value = roughness - 0.1, roughness + 0.12
    links.new(grain.outputs["Fac"], rough.inputs["Value"])
    links.new(rough.outputs["Result"], shader.inputs["Roughness"])
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.12, 0.004
    links.new(grain.outputs["Fac"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return m


# --- shapes ------------------------------------------------------------------------------------------------------

def finish(thing, m, bevel=0.0, smooth=False, segments=3):
    thing.data.materials.clear()
    thing.data.materials.append(m)
    if bevel:
        modifier = thing.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments, modifier.limit_method = bevel, segments, "ANGLE"
        modifier.harden_normals = True
    if smooth or bevel:
        for polygon in thing.data.polygons:
            polygon.use_smooth = True
    return thing


def box(centre, size, m, bevel=0.004, yaw_deg=0.0, tilt_deg=0.0):
    bpy.ops.mesh.primitive_cube_add(size=1, location=at(centre))
    thing = bpy.context.object
    thing.scale = (size[0], size[2], size[1])
    thing.rotation_euler = (math.radians(tilt_deg), 0, math.radians(yaw_deg))
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    return finish(thing, m, bevel)


def cylinder(centre, radius, height, m, bevel=0.003, vertices=96, tilt_deg=0.0, yaw_deg=0.0):
    bpy.ops.mesh.primitive_cylinder_add(vertices=vertices, radius=radius, depth=height, location=at(centre))
    thing = bpy.context.object
    thing.rotation_euler = (math.radians(tilt_deg), 0, math.radians(yaw_deg))
    return finish(thing, m, bevel)


def turned(centre, profile, m, steps=96, scale=1.0):
    """A solid of revolution: (radius, height) pairs from the axis to the axis."""
    vertices, faces = [], []
    for radius, height in profile:
        for step in range(steps):
            angle = 2 * math.pi * step / steps
            vertices.append((scale * radius * math.cos(angle), scale * radius * math.sin(angle), scale * height))
    for ring in range(len(profile) - 1):
        for step in range(steps):
            a, b = ring * steps + step, ring * steps + (step + 1) % steps
            faces.append((a, b, b + steps, a + steps))
    mesh = bpy.data.meshes.new("turned")
    mesh.from_pydata(vertices, [], faces)
    thing = bpy.data.objects.new("turned", mesh)
    bpy.context.collection.objects.link(thing)
    thing.location = at(centre)
    return finish(thing, m, smooth=True)


def tube(points, radius, m):
    """A bent rod through points of the engine's axes."""
    curve = bpy.data.curves.new("tube", "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", radius, 6
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    for point, where in zip(spline.bezier_points, points):
        point.co = at(where)
        point.handle_left_type = point.handle_right_type = "AUTO"
    curve.use_fill_caps = True
    thing = bpy.data.objects.new("tube", curve)
    bpy.context.collection.objects.link(thing)
    curve.materials.append(m)
    return thing


def leaf(base, direction, length, width, droop, m):
    """A blade that bends down, of quads."""
    direction = np.array(direction, float) / np.linalg.norm(direction)
    side = np.cross(direction, (0, 1, 0))
    side /= max(np.linalg.norm(side), 1e-6)
    vertices, faces = [], []
    steps = 12
    for step in range(steps + 1):
        t = step / steps
        centre = np.array(base) + direction * length * t - np.array((0, 1, 0)) * droop * t * t * length
        half = width * math.sin(math.pi * (0.06 + 0.94 * t) ** 0.8) * 0.5
        for across in (-1, 0, 1):
            p = centre + side * half * across + np.array((0, 1, 0)) * abs(across) * half * 0.35
            vertices.append(at(p))
        if step:
            for k in (0, 1):
                a = 3 * (step - 1) + k
                faces.append((a, a + 1, a + 4, a + 3))
    mesh = bpy.data.meshes.new("leaf")
    mesh.from_pydata(vertices, [], faces)
    thing = bpy.data.objects.new("leaf", mesh)
    bpy.context.collection.objects.link(thing)
    solid = thing.modifiers.new("solid", "SOLIDIFY")
    solid.thickness = 0.0012
    sub = thing.modifiers.new("sub", "SUBSURF")
    sub.levels = sub.render_levels = 1
    return finish(thing, m, smooth=True)


# --- the room ----------------------------------------------------------------------------------------------------

def mug(centre, colour, handle_deg, scale=1.0):
    glaze = material("glaze", colour, 0.16, Coat_Weight=0.6, Coat_Roughness=0.06)
    outside = [(0, 0), (0.030, 0), (0.034, 0.002), (0.0365, 0.008), (0.0395, 0.02), (0.041, 0.05), (0.0415, 0.092)]
    rim = [(0.0412, 0.0945), (0.0400, 0.0958), (0.0388, 0.0945)]
    inside = [(0.0380, 0.09), (0.0375, 0.05), (0.0355, 0.014), (0.030, 0.008), (0, 0.0075)]
    turned(centre, outside + rim + inside, glaze, scale=scale)
    coffee = material("coffee", (0.028, 0.012, 0.005), 0.12)
    turned(centre, [(0.0375, 0.076), (0, 0.076)], coffee, scale=scale)
    angle = math.radians(handle_deg)
    x, z = math.cos(angle), -math.sin(angle)

    def around(radius, height):
        return (centre[0] + scale * radius * x, centre[1] + scale * height, centre[2] + scale * radius * z)

    tube([around(0.0385, 0.078), around(0.060, 0.078), around(0.0665, 0.055), around(0.058, 0.031), around(0.0375, 0.024)],
         0.0054 * scale, glaze)


def chair(centre, yaw_deg, m):
    """Seat, posts and a bent back, at the people's backs."""
    yaw = math.radians(yaw_deg)

    def place(x, y, z):
        return (centre[0] + x * math.cos(yaw) + z * math.sin(yaw), y, centre[2] - x * math.sin(yaw) + z * math.cos(yaw))

    box(place(0, 0.44, 0), (0.42, 0.035, 0.40), m, 0.012, yaw_deg)
    for side in (-1, 1):
        tube([place(side * 0.19, 0.0, -0.20), place(side * 0.19, 0.44, -0.19), place(side * 0.20, 0.93, -0.255)], 0.015, m)
        tube([place(side * 0.18, 0.0, 0.17), place(side * 0.18, 0.44, 0.17)], 0.015, m)
    for height, bend in ((0.885, 0.05), (0.80, 0.045), (0.715, 0.04)):
        tube([place(-0.197, height, -0.245), place(0, height, -0.245 - bend), place(0.197, height, -0.245)], 0.0145, m)


def books(left, shelf_top, depth_z, width, rng, palette):
    x = left
    while x < left + width:
        thick, tall, deep = rng.uniform(0.016, 0.045), rng.uniform(0.17, 0.25), rng.uniform(0.13, 0.18)
        lean = rng.choice([0, 0, 0, 0, 6])
        thing = box((x + thick / 2, shelf_top + tall / 2, depth_z + deep / 2), (thick, tall, deep), rng.choice(palette), 0.002)
        thing.rotation_euler[1] = math.radians(lean)
        x += thick + rng.choice([0.001, 0.001, 0.002, 0.03])


def build():
    rng = random.Random(7)
    plaster = material("plaster", (0.70, 0.665, 0.61), 0.85, bump=0.16, bump_scale=90)
    accent = material("accent", (0.23, 0.33, 0.335), 0.85, bump=0.16, bump_scale=90)
    white = material("white", (0.78, 0.77, 0.74), 0.45)
    oak = wood("oak", (0.44, 0.255, 0.12), (0.25, 0.125, 0.05), along=0, scale=1.2)
    floor = wood("floor", (0.36, 0.215, 0.115), (0.20, 0.105, 0.05), along=0, scale=0.7, plank_m=0.14)
    walnut = wood("walnut", (0.15, 0.08, 0.04), (0.06, 0.03, 0.016), along=0)
    metal = material("metal", (0.03, 0.03, 0.032), 0.35, Metallic=0.8)

    # Shell: the camera looks at the wall with the shelf; the window is in the wall on the left, outside the picture.
    back, left, right, front, ceiling = -3.0, -2.1, 2.3, 3.2, 3.15
    box((0, -0.05, 0), (8, 0.1, 8), floor, 0)
    box(((left + right) / 2, ceiling + 0.05, 0), (right - left + 0.2, 0.1, 8), white, 0)
    box(((left + right) / 2, ceiling / 2, back - 0.05), (right - left + 1, ceiling, 0.1), accent, 0)
    box((right + 0.05, ceiling / 2, 0), (0.1, ceiling, 8), plaster, 0)
    box(((left + right) / 2, ceiling / 2, front + 0.05), (right - left + 1, ceiling, 0.1), plaster, 0)
    box((0.1, 0.05, back + 0.012), (right - left, 0.1, 0.02), white, 0.004)
    window = dict(low=0.75, high=2.95, near=1.75, far=-0.8)
    wall = 0.16
    x = left - wall / 2
    box((x, window["low"] / 2, 0), (wall, window["low"], 8), plaster, 0)
    box((x, (window["high"] + ceiling) / 2, 0), (wall, ceiling - window["high"], 8), plaster, 0)
    middle = (window["high"] + window["low"]) / 2
    height = window["high"] - window["low"]
    box((x, middle, (window["near"] + 4) / 2), (wall, height, 4 - window["near"]), plaster, 0)
    box((x, middle, (window["far"] - 4) / 2), (wall, height, 4 + window["far"]), plaster, 0)
    for z in (window["near"], 0.45, window["far"]):
        box((x, middle, z), (0.06, height, 0.05), white, 0.005)
    for y in (window["low"], window["high"]):
        box((x, y, (window["near"] + window["far"]) / 2), (0.06, 0.05, window["near"] - window["far"]), white, 0.005)

    # Table.
    turned((0, TABLE_M, 0), [(0, -0.032), (TABLE_RADIUS_M - 0.02, -0.032), (TABLE_RADIUS_M - 0.006, -0.026),
           (TABLE_RADIUS_M, -0.013), (TABLE_RADIUS_M - 0.003, -0.004), (TABLE_RADIUS_M - 0.009, 0.0), (0, 0.0)], oak, 192)
    cylinder((0, TABLE_M / 2 - 0.02, 0), 0.045, TABLE_M - 0.04, metal)
    cylinder((0, 0.012, 0), 0.27, 0.024, metal)

    # On it.
    mug((0.285, TABLE_M, -0.235), (0.62, 0.155, 0.06), -28, scale=1.22)
    mug((-0.045, TABLE_M, -0.10), (0.72, 0.70, 0.66), 205, scale=1.0)
    paper = material("paper", (0.80, 0.775, 0.70), 0.75)
    for n, (colour, size, yaw) in enumerate([((0.055, 0.12, 0.20), (0.225, 0.026, 0.155), 12), ((0.50, 0.30, 0.07), (0.19, 0.020, 0.135), -4)]):
        cover = material(f"cover{n}", colour, 0.5, bump=0.05, bump_scale=400)
        y = TABLE_M + (0.013 if n == 0 else 0.036)
        x, z = -0.335, -0.115
        box((x, y, z), (size[0] - 0.006, size[1] - 0.006, size[2] - 0.006), paper, 0, yaw)
        for side in (-1, 1):
            box((x, y + side * (size[1] / 2 - 0.0015), z), (size[0], 0.003, size[2]), cover, 0.001, yaw)
    # A plant that stands before one of the people.
    pot = material("pot", (0.56, 0.53, 0.49), 0.6, bump=0.08, bump_scale=120)
    soil = material("soil", (0.03, 0.02, 0.014), 0.95, bump=0.7, bump_scale=150)
    centre = (-0.335, TABLE_M + 0.047, -0.115)
    turned(centre, [(0, 0), (0.030, 0), (0.033, 0.003), (0.042, 0.062), (0.0425, 0.066), (0.038, 0.066), (0.036, 0.056), (0, 0.056)], pot)
    turned(centre, [(0.0365, 0.058), (0, 0.060)], soil)
    green = material("leaf", (0.075, 0.185, 0.045), 0.42, Transmission_Weight=0.0, Subsurface_Weight=0.15)
    for n in range(15):
        angle = n * 2.399963
        rise = 1.9 - 1.5 * n / 15
        direction = (math.cos(angle), rise, math.sin(angle))
        leaf((centre[0] + 0.008 * math.cos(angle), centre[1] + 0.056, centre[2] + 0.008 * math.sin(angle)), direction,
             rng.uniform(0.055, 0.085), 0.022, 0.25, green)
    # A notebook with a pencil, in front of the camera.
    box((0.10, TABLE_M + 0.005, 0.06), (0.15, 0.010, 0.21), material("notebook", (0.05, 0.05, 0.055), 0.55), 0.003, -14)
    pencil = cylinder((0.125, TABLE_M + 0.0145, 0.05), 0.0036, 0.165, material("pencil", (0.65, 0.42, 0.05), 0.4), 0, 6)
    pencil.rotation_euler = (math.radians(90), 0, math.radians(34))

    for place, yaw_deg in CHAIRS:
        chair(place, yaw_deg, walnut)

    # The wall behind: sideboard, shelf with books, a picture, a plant, a lamp.
    box((-0.55, 0.42, back + 0.24), (1.9, 0.62, 0.44), wood("sideboard", (0.40, 0.25, 0.13), (0.26, 0.14, 0.06), along=0), 0.008)
    for x in (-1.18, -0.55, 0.08):
        box((x, 0.42, back + 0.463), (0.60, 0.54, 0.012), wood(f"door{x}", (0.41, 0.26, 0.135), (0.27, 0.15, 0.065), along=2), 0.004)
        cylinder((x + 0.24, 0.52, back + 0.48), 0.012, 0.02, metal, 0.002, 32, tilt_deg=90)
    palette = [material(f"book{n}", c, rng.uniform(0.4, 0.7)) for n, c in enumerate([
        (0.45, 0.10, 0.06), (0.05, 0.14, 0.25), (0.60, 0.48, 0.30), (0.06, 0.18, 0.11), (0.65, 0.62, 0.56), (0.10, 0.09, 0.10),
        (0.52, 0.30, 0.05), (0.22, 0.07, 0.13), (0.27, 0.35, 0.42)])]
    for y in (1.38, 1.74):
        box((-0.62, y, back + 0.12), (1.35, 0.028, 0.23), oak, 0.004)
    books(-1.24, 1.394, back + 0.03, 0.82, rng, palette)
    books(-1.02, 1.754, back + 0.03, 0.52, rng, palette)
    vase = material("vase", (0.12, 0.20, 0.24), 0.25, Coat_Weight=0.5)
    turned((-0.17, 1.394, back + 0.13), [(0, 0), (0.045, 0), (0.062, 0.04), (0.055, 0.10), (0.024, 0.16), (0.026, 0.20), (0.018, 0.19), (0, 0.02)], vase)
    turned((-0.25, 1.754, back + 0.13), [(0, 0), (0.05, 0), (0.075, 0.06), (0.07, 0.07), (0.045, 0.01), (0, 0.01)], material("bowl", (0.60, 0.33, 0.14), 0.4))
    # A framed print of three bands.
    box((0.92, 1.45, back + 0.012), (0.66, 0.86, 0.024), walnut, 0.004)
    box((0.92, 1.45, back + 0.022), (0.61, 0.81, 0.012), material("mount", (0.82, 0.80, 0.75), 0.7), 0)
    for y, h, colour in ((1.60, 0.17, (0.62, 0.28, 0.10)), (1.43, 0.14, (0.70, 0.52, 0.25)), (1.285, 0.12, (0.09, 0.19, 0.24))):
        box((0.92, y, back + 0.03), (0.40, h, 0.004), material(f"band{y}", colour, 0.8), 0)
    # On the sideboard.
    lampshade = material("shade", (0.80, 0.72, 0.58), 0.8, Subsurface_Weight=0.0)
    turned((0.10, 0.73, back + 0.24), [(0, 0), (0.07, 0), (0.075, 0.012), (0.02, 0.03), (0.012, 0.05), (0.012, 0.26), (0, 0.26)], metal)
    turned((0.10, 0.97, back + 0.24), [(0.135, 0.0), (0.095, 0.20), (0.093, 0.20), (0.133, 0.0)], lampshade)
    # A big plant on the floor.
    turned((1.42, 0, back + 0.55), [(0, 0), (0.13, 0), (0.17, 0.30), (0.175, 0.34), (0.16, 0.34), (0.155, 0.30), (0, 0.30)], pot)
    big = material("bigleaf", (0.045, 0.13, 0.035), 0.38)
    for n in range(24):
        angle = n * 2.399963
        rise = 2.6 - 2.0 * n / 24
        leaf((1.42, 0.30, back + 0.55), (math.cos(angle), rise, math.sin(angle)), rng.uniform(0.55, 0.95), 0.11, 0.42, big)


def lights():
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.color, sun.angle = SUN_W_M2, SUN_COLOUR, math.radians(2 * SUN_RADIUS_DEG)
    thing = bpy.data.objects.new("sun", sun)
    bpy.context.collection.objects.link(thing)
    from mathutils import Vector
    thing.rotation_euler = Vector(at(TO_SUN)).to_track_quat("Z", "Y").to_euler()

    def area(name, centre, size, towards, watts, colour):
        lamp = bpy.data.lights.new(name, "AREA")
        lamp.shape, lamp.size, lamp.size_y, lamp.energy, lamp.color = "RECTANGLE", *size, watts, colour
        thing = bpy.data.objects.new(name, lamp)
        bpy.context.collection.objects.link(thing)
        thing.location = at(centre)
        direction = Vector(at(np.array(towards) - np.array(centre)))
        thing.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()

    # The sky in the window, and in another one behind the camera.
    area("sky", (-2.35, 1.8, 0.48), (2.5, 2.1), (0, 1.0, -0.6), 105, (0.80, 0.90, 1.0))
    area("behind", (0.9, 1.75, 2.95), (1.6, 1.3), (0, 1.0, -0.5), 52, (0.92, 0.96, 1.0))
    bulb = bpy.data.lights.new("bulb", "POINT")
    bulb.energy, bulb.color, bulb.shadow_soft_size = 5.0, (1.0, 0.66, 0.36), 0.05
    thing = bpy.data.objects.new("bulb", bulb)
    bpy.context.collection.objects.link(thing)
    thing.location = at((0.10, 1.07, -2.76))
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.45, 0.58, 0.75, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.8


# --- pictures ----------------------------------------------------------------------------------------------------

def camera():
    data = bpy.data.cameras.new("camera")
    thing = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(thing)
    thing.location = at(EYE_M)
    thing.rotation_euler = (math.radians(90 + PITCH_DEG), 0, 0)
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
    data.lens = FOCAL_PX / SIZE[0] * 36.0
    # Blender shifts the picture by shares of its larger side.
    data.shift_x = -(CENTRE_PX[0] - SIZE[0] / 2) / SIZE[0]
    data.shift_y = (CENTRE_PX[1] - SIZE[1] / 2) / SIZE[0]
    data.clip_start, data.clip_end = 0.05, 50
    bpy.context.scene.camera = thing


def render(name, size, samples, denoise=True):
    """Linear RGB and depth (metres along the axis), rows from the top."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = *size, 100
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", samples, denoise
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces, scene.cycles.diffuse_bounces = 8, 6
    scene.cycles.sample_clamp_indirect = 6.0
    if denoise:
        scene.cycles.denoiser, scene.cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
    scene.view_layers[0].use_pass_z = True
    path = HERE / f".{name}.exr"
    settings = scene.render.image_settings
    settings.media_type, settings.file_format, settings.color_depth = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER", "32"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    layers = read_exr(path)
    path.unlink()
    return layers


def read_exr(path):
    """Combined and depth of a multilayer file."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = {name.split(".", 1)[1]: np.array(channel.pixels)
                    for part in file.parts for name, channel in part.channels.items()}
    return np.stack([channels[f"Combined.{c}"] for c in "RGB"], -1), channels["Depth.Z"]


def srgb(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def harmonics(d):
    """Real spherical harmonics to order 2 of unit vectors `[..., 3]`, as the codec's Light orders them."""
    x, y, z = np.moveaxis(d, -1, 0)
    one = np.ones_like(x)
    return np.stack([0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
                     0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)], -1)


def probe(samples):
    """Radiance around PROBE_M but for the sun itself: nine coefficients of RGB, engine axes."""
    thing = bpy.context.scene.camera
    keep = (thing.location.copy(), thing.rotation_euler.copy())
    thing.location = at(PROBE_M)
    thing.rotation_euler = (math.radians(90), 0, 0)  # the middle of the panorama: engine's -Z
    thing.data.type = "PANO"
    thing.data.panorama_type = "EQUIRECTANGULAR"
    thing.data.shift_x = thing.data.shift_y = 0
    size = (64, 32)
    rgb, _ = render("probe", size, samples, denoise=False)
    thing.data.type = "PERSP"
    thing.location, thing.rotation_euler = keep
    theta = (np.arange(size[1]) + 0.5) / size[1] * math.pi
    phi = ((np.arange(size[0]) + 0.5) / size[0] - 0.5) * 2 * math.pi
    theta, phi = np.meshgrid(theta, phi, indexing="ij")
    direction = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), -np.sin(theta) * np.cos(phi)], -1)
    solid_angle = np.sin(theta) * (math.pi / size[1]) * (2 * math.pi / size[0])
    return np.einsum("hwk,hwc,hw->kc", harmonics(direction), rgb, solid_angle)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preview", action="store_true", help="a third of the size, few samples, into /tmp")
    parser.add_argument("--samples", type=int, default=16, help="of each pixel, before denoising")
    arguments = parser.parse_args()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.view_settings.view_transform = "Standard"
    build()
    lights()
    camera()
    if arguments.preview:
        rgb, depth = render("preview", (SIZE[0] // 2, SIZE[1] // 2), 10)
        Image.fromarray((srgb(rgb * EXPOSURE) * 255 + 0.5).astype(np.uint8)).save("/tmp/mixed/preview.png")
        print("depth", depth.min(), depth.max(), depth.shape)
        return

    rgb, _ = render("picture", SIZE, arguments.samples)
    Image.fromarray((srgb(rgb * EXPOSURE) * 255 + 0.5).astype(np.uint8)).save(HERE / "meeting.jpg", quality=91, subsampling=0)
    half = (SIZE[0] // 2, SIZE[1] // 2)
    _, depth = render("depth", half, 1, denoise=False)
    millimetres = np.where(depth < 60, np.round(depth * 1000), 0).astype(np.uint16)
    Image.fromarray(millimetres).save(HERE / "meeting.depth.png", optimize=True)

    pitch = math.radians(PITCH_DEG)
    light = EXPOSURE * probe(128)
    description = {
        "picture": "meeting.jpg",
        "depth": "meeting.depth.png",
        "camera": {
            "size_px": SIZE, "focal_px": [FOCAL_PX, FOCAL_PX], "centre_px": CENTRE_PX,
            "position_m": EYE_M, "rotation_xyzw": [math.sin(pitch / 2), 0, 0, math.cos(pitch / 2)],
        },
        # The codec's Light: strengths are the colour that white takes, irradiance over pi.
        "light": {
            "ambient": {"coefficients": [[round(float(x), 5) for x in row] for row in light]},
            "lamps": [{
                "kind": {"directional": {"to_lamp": [round(float(x), 5) for x in TO_SUN],
                                         "angular_radius_rad": round(math.radians(SUN_RADIUS_DEG), 5)}},
                "color": [round(EXPOSURE * SUN_W_M2 / math.pi * c, 4) for c in SUN_COLOUR],
            }],
        },
        "seats": SEATS,
    }
    (HERE / "meeting.json").write_text(json.dumps(description, indent=2) + "\n")


main()
