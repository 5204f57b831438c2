# SPDX-License-Identifier: MIT OR Apache-2.0
"""Furniture from bevelled boxes, lathes and sheets. Blender's frame: +Z up, metres; the camera looks along +Y."""
import math

import bpy
import numpy as np

OBJECTS = []  # everything that was made, in order


def material(name):
    """The material of this name, with an empty node tree to be filled by `bake`."""
    found = bpy.data.materials.get(name)
    if found is None:
        found = bpy.data.materials.new(name)
        found.use_nodes = True
    return found


def mesh_object(name, vertices, faces, mat, smooth=False, uv=None):
    """A mesh from lists; `uv` holds a coordinate for each corner of each face."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(map(float, v)) for v in vertices], [], [tuple(map(int, f)) for f in faces])
    mesh.materials.append(material(mat))
    layer = mesh.uv_layers.new(name="uv0")
    if uv is not None:
        layer.data.foreach_set("uv", np.asarray(uv, np.float32).ravel())
    if smooth:
        mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    mesh.validate()
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    OBJECTS.append(made)
    return made


def modify(made, kind, **settings):
    """Adds a modifier and applies it."""
    modifier = made.modifiers.new(kind.lower(), kind)
    for key, value in settings.items():
        setattr(modifier, key, value)
    bpy.context.view_layer.update()
    evaluated = made.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = bpy.data.meshes.new_from_object(evaluated)
    made.modifiers.clear()
    made.data = mesh
    return made


def box(name, low, high, mat, bevel=0.0, segments=2, turn=0.0, tilt=0.0):
    """An upright box from corner to corner; `turn` about its own upright axis and `tilt` about its own x, degrees."""
    low, high = np.array(low, float), np.array(high, float)
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], float)
    vertices = (corners - 0.5) * (high - low)
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6)]
    made = mesh_object(name, vertices, faces, mat)
    if bevel:
        modify(made, "BEVEL", width=bevel, segments=segments, limit_method="NONE", harden_normals=True)
        made.data.polygons.foreach_set("use_smooth", [True] * len(made.data.polygons))
    place(made, (low + high) / 2, turn, tilt)
    return made


def place(made, at, turn=0.0, tilt=0.0):
    """Turns vertices about x and z (degrees) and moves them, so that objects have no transform of their own."""
    mesh = made.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    a, b = math.radians(turn), math.radians(tilt)
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    about_z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    points = points @ (about_z @ about_x).T + np.array(at)
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.update()
    return made


def cushion(name, low, high, mat, plump=0.035, bevel=0.05, turn=0.0, tilt=0.0):
    """A stuffed box: rounded, and swollen towards the middle of each side."""
    low, high = np.array(low, float), np.array(high, float)
    made = box(name, low, high, mat)
    place(made, -(low + high) / 2)
    modify(made, "BEVEL", width=bevel, segments=3, limit_method="NONE")
    modify(made, "SUBSURF", levels=1, subdivision_type="SIMPLE")
    mesh = made.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    half = (high - low) / 2
    r = points / half
    for axis in range(3):
        others = [i for i in range(3) if i != axis]
        swell = (1 - r[:, others[0]] ** 2).clip(0) * (1 - r[:, others[1]] ** 2).clip(0)
        points[:, axis] += plump * swell * r[:, axis]
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    place(made, (low + high) / 2, turn, tilt)
    return made


def lathe(name, profile, at, mat, steps=24, smooth=True):
    """A body of revolution about an upright axis; `profile` lists radius and height, metres."""
    vertices, faces = [], []
    for radius, height in profile:
        for i in range(steps):
            angle = 2 * math.pi * i / steps
            vertices.append((radius * math.cos(angle), radius * math.sin(angle), height))
    for ring in range(len(profile) - 1):
        for i in range(steps):
            a, b = ring * steps + i, ring * steps + (i + 1) % steps
            faces.append((a, b, b + steps, a + steps))
    made = mesh_object(name, vertices, faces, mat, smooth)
    return place(made, at)


def sheet(name, point, columns, rows, mat, smooth=True, tile=(1.0, 1.0)):
    """A grid; `point(s, t)` says where it is for s, t in 0..1."""
    vertices = [point(i / columns, j / rows) for j in range(rows + 1) for i in range(columns + 1)]
    faces, uv = [], []
    for j in range(rows):
        for i in range(columns):
            a = j * (columns + 1) + i
            corners = (a, a + 1, a + columns + 2, a + columns + 1)
            faces.append(corners)
            for corner in corners:
                c, r = corner % (columns + 1), corner // (columns + 1)
                uv.append((c / columns * tile[0], r / rows * tile[1]))
    return mesh_object(name, vertices, faces, mat, smooth, uv)


def curtain(name, y_from, y_to, x, z_from, z_to, mat, folds, depth=0.045, seed=0):
    """A hanging cloth along y, gathered in folds that open towards the floor."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 2 * math.pi, 3)

    def point(s, t):
        spread = 1 + 0.06 * (1 - t)
        y = y_from + (y_to - y_from) * (0.5 + (s - 0.5) * spread)
        fold = math.sin(2 * math.pi * folds * s + phase[0]) + 0.35 * math.sin(2 * math.pi * folds * 0.5 * s + phase[1] + t)
        return (x + depth * (0.6 + 0.4 * (1 - t)) * fold, y, z_from + (z_to - z_from) * t)

    return sheet(name, point, 14 * folds, 4, mat, tile=(4.0, 8.0))


def leaf(name, base, azimuth, length, width, rise, droop, mat):
    """A leaf of a plant: a curved blade with a fold along its middle. Angles in degrees."""
    a = math.radians(azimuth)

    def point(s, t):
        along = length * t
        up = along * math.sin(math.radians(rise)) - droop * (t ** 2) * length
        out = along * math.cos(math.radians(rise))
        blade = width * math.sin(math.pi * min(1.0, 0.06 + 0.94 * t)) ** 0.8
        side = (s - 0.5) * blade
        fold = 0.25 * abs(side)
        return (
            base[0] + out * math.cos(a) - side * math.sin(a),
            base[1] + out * math.sin(a) + side * math.cos(a),
            base[2] + up + fold,
        )

    return sheet(name, point, 2, 6, mat)
