# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes cartoon_table.glb: two tub chairs at a card table under a lamp, drawn in ink. `python cartoon_table.py`, with `bpy` 5.0.

Blender's frame here: +Z up, the camera looks along +Y, metres. Nothing is baked: a drawing's light is flat."""
import math
import os
import sys

import bpy
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import furnish, glb, shapes  # noqa: E402
from kit.shapes import box, lathe, leaf, place  # noqa: E402

TOP = 0.72  # of the table
SEATS = {"person": (-0.80, 0.02, 1.12), "person_2": (0.80, 0.02, 1.12)}
TURN = 28  # degrees that the chairs look towards the camera


def linear(*rgb):
    """From sRGB."""
    return tuple(((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in rgb)


PAINT = {
    "wall": (linear(0.36, 0.62, 0.66), 1.0), "wainscot": (linear(0.22, 0.42, 0.50), 1.0), "floor": (linear(0.80, 0.55, 0.36), 0.9),
    "plank": (linear(0.72, 0.47, 0.30), 0.9), "rim": (linear(0.58, 0.30, 0.19), 0.35), "felt": (linear(0.20, 0.58, 0.36), 1.0),
    "chair": (linear(0.91, 0.36, 0.30), 0.8), "chair_2": (linear(0.97, 0.72, 0.27), 0.8), "cream": (linear(0.98, 0.94, 0.84), 0.8),
    "dark": (linear(0.20, 0.20, 0.27), 0.5), "red": (linear(0.85, 0.20, 0.22), 0.6), "blue": (linear(0.22, 0.36, 0.72), 0.6),
    "leaf": (linear(0.30, 0.62, 0.32), 0.8), "sky": (linear(0.56, 0.82, 0.97), 1.0), "hill": (linear(0.52, 0.78, 0.42), 1.0),
    "lamp": (linear(0.99, 0.83, 0.36), 0.4),
}


def chair(at, turn, mat):
    """A tub chair: its wall goes round the sitter, open in front, high enough that a bust needs no more of a body."""
    x, y, _ = at
    steps, inner, outer, low, high = 18, 0.285, 0.365, 0.28, 0.86
    ring = []
    for i in range(steps + 1):
        # Open where they look: along −Y before turning.
        angle = math.radians(-90 + 52 + (360 - 104) * i / steps)
        edge = min(i, steps - i) / steps
        rise = high + 0.10 * math.sin(math.pi * i / steps) - 0.05 * max(0.0, 1 - edge * 8)
        ring.append((math.cos(angle), math.sin(angle), rise))
    vertices, faces = [], []
    for c, s, rise in ring:
        vertices += [(c * inner, s * inner, low), (c * inner, s * inner, rise), (c * outer, s * outer, rise), (c * outer, s * outer, low)]
    for i in range(steps):
        for k in range(4):
            a, b = 4 * i + k, 4 * i + (k + 1) % 4
            faces.append((a, b, b + 4, a + 4))
    faces += [(3, 2, 1, 0), tuple(4 * steps + k for k in range(4))]
    tub = shapes.mesh_object("tub", vertices, faces, mat)
    shapes.modify(tub, "BEVEL", width=0.03, segments=3, limit_method="ANGLE", angle_limit=math.radians(50))
    tub.data.polygons.foreach_set("use_smooth", [True] * len(tub.data.polygons))
    place(tub, (x, y, 0), turn)
    seat = lathe("seat", [(0.0, 0.28), (0.30, 0.28), (0.31, 0.34), (0.27, 0.40), (0.0, 0.41)], (x, y, 0), mat, 28)
    lathe("foot", [(0.0, 0.02), (0.22, 0.02), (0.22, 0.0)][::-1], (x, y, 0), "dark", 24)
    lathe("post", [(0.04, 0.02), (0.04, 0.30)], (x, y, 0), "dark", 12)
    return seat


def table():
    """A round table with felt, on a turned leg."""
    lathe("rim", [(0.0, TOP - 0.06), (0.50, TOP - 0.06), (0.58, TOP - 0.03), (0.58, TOP + 0.012), (0.52, TOP + 0.012), (0.515, TOP)], (0, 0, 0), "rim", 48)
    lathe("felt", [(0.52, TOP), (0.0, TOP + 0.0005)], (0, 0, 0), "felt", 48)
    lathe("leg", [(0.34, 0.0), (0.32, 0.05), (0.10, 0.09), (0.075, 0.3), (0.11, 0.5), (0.08, TOP - 0.05)], (0, 0, 0), "rim", 24)


def card(x, y, z, turn, mat, tilt=0.0):
    """A playing card with a picture in its middle."""
    made = [box("card", (-0.034, -0.048, -0.0009), (0.034, 0.048, 0.0009), "cream"),
            box("back", (-0.027, -0.041, 0.0009), (0.027, 0.041, 0.0013), mat)]
    for part in made:
        place(part, (0, 0, 0), 0, tilt)
        place(part, (x, y, z), turn)
    return made


def room():
    """Floor, two walls, wainscot, a window with hills, a shelf, posters, a plant."""
    for i in range(16):
        a = -2.6 + i * 0.34
        box("board", (a, -2.4, -0.05), (a + 0.333, 2.0, 0.0 if i % 2 else 0.001), "floor" if i % 2 else "plank")
    box("wall", (-2.8, 1.7, 0), (2.8, 1.8, 3.0), "wall")
    box("wainscot", (-2.8, 1.66, 0), (2.8, 1.7, 0.85), "wainscot", 0.01)
    box("rail", (-2.8, 1.63, 0.85), (2.8, 1.7, 0.91), "cream", 0.012)
    for i in range(10):
        a = -2.7 + i * 0.56
        box("panel", (a, 1.65, 0.16), (a + 0.44, 1.67, 0.74), "wainscot", 0.012)
    for x in (-2.5, 2.5):
        box("side wall", (x - 0.05 if x < 0 else x, -2.4, 0), (x if x < 0 else x + 0.05, 1.7, 3.0), "wall")
    box("sky", (-0.62, 1.688, 1.22), (0.62, 1.698, 2.2), "sky")
    lathe("hill", [(0.0, 0), (0.42, 0.0), (0.42, 0.006), (0, 0.006)], (0, 0, 0), "hill", 32)
    place(shapes.OBJECTS[-1], (0.25, 1.69, 1.24), 0, 90)
    lathe("sun", [(0.0, 0), (0.11, 0.0), (0.11, 0.006), (0, 0.006)], (0, 0, 0), "lamp", 28)
    place(shapes.OBJECTS[-1], (-0.28, 1.69, 1.93), 0, 90)
    box("below the hills", (-0.62, 1.67, 0.8), (0.62, 1.699, 1.22), "wall")
    for low, high in [((-0.68, 1.16), (0.68, 1.23)), ((-0.68, 2.17), (0.68, 2.24)), ((-0.68, 1.2), (-0.61, 2.2)), ((0.61, 1.2), (0.68, 2.2)),
                      ((-0.02, 1.2), (0.02, 2.2)), ((-0.65, 1.69), (0.65, 1.73))]:
        box("frame", (low[0], 1.62, low[1]), (high[0], 1.69, high[1]), "cream", 0.012)
    for x, colours in [(-1.5, ("red", "lamp", "cream")), (1.5, ("blue", "cream", "red"))]:
        box("poster", (x - 0.27, 1.68, 1.3), (x + 0.27, 1.695, 2.05), colours[1])
        box("poster frame", (x - 0.3, 1.672, 1.27), (x + 0.3, 1.684, 2.08), "dark", 0.01)
        box("poster sheet", (x - 0.27, 1.665, 1.3), (x + 0.27, 1.673, 2.05), colours[1])
        for n, (r, z) in enumerate([(0.17, 1.72), (0.09, 1.72)]):
            made = lathe("disc", [(0.0, 0), (r, 0.0), (r, 0.008 + 0.006 * n), (0, 0.008 + 0.006 * n)], (0, 0, 0), colours[0] if n == 0 else colours[2], 32)
            place(made, (x, 1.664, z), 0, 90)
    random = np.random.default_rng(3)
    lathe("pot", [(0.0, 0), (0.15, 0.0), (0.2, 0.32), (0.21, 0.36), (0.19, 0.36), (0.0, 0.34)], (-2.0, 1.15, 0), "red", 26)
    for n in range(16):
        leaf("leaf", (-2.0, 1.15, 0.36), n * 137.5, random.uniform(0.45, 0.8), random.uniform(0.14, 0.2), random.uniform(35, 82), random.uniform(0.2, 0.5), "leaf")
    lathe("shade", [(0.30, 1.90), (0.26, 2.02), (0.10, 2.12), (0.05, 2.14)], (0, 0, 0), "lamp", 36)
    lathe("cord", [(0.012, 2.13), (0.012, 3.0)], (0, 0, 0), "dark", 8)


def things():
    """What lies on the table and stays there."""
    for n in range(18):
        box("deck", (0.06, 0.10, TOP + 0.0021 * n), (0.128, 0.196, TOP + 0.0021 * n + 0.0018), "cream", turn=(n * 37 % 9) - 4)
    for x, y, mat in [(-0.20, 0.28, "blue"), (0.30, -0.22, "red")]:
        lathe("mug", [(0.0, 0.0), (0.042, 0.0), (0.046, 0.09), (0.040, 0.09), (0.038, 0.012), (0.0, 0.01)], (x, y, TOP), mat, 24)
    for n in range(6):
        lathe("chip", [(0.0, 0), (0.022, 0.0), (0.022, 0.0075), (0.0, 0.0075)], (-0.02 + 0.004 * (n % 2), -0.02, TOP + 0.008 * n), "red" if n % 2 else "cream", 20)
        if n < 4:
            lathe("chip", [(0.0, 0), (0.022, 0.0), (0.022, 0.0075), (0.0, 0.0075)], (0.045, -0.05 + 0.004 * (n % 2), TOP + 0.008 * n), "blue" if n % 2 else "cream", 20)


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    room()
    table()
    things()
    for (name, at), turn, mat in zip(SEATS.items(), (90 - TURN, -90 + TURN), ("chair", "chair_2")):
        chair(at, turn, mat)
    furnish.rest_white(0)
    still = len(shapes.OBJECTS)
    out = glb.Writer("cartoon table")
    numbers = {}
    for name, (colour, roughness) in PAINT.items():
        numbers[name] = (out.material(name, colour=colour, roughness=roughness, double=name == "leaf" or name == "lamp"), 1.0)
    from kit import bake

    out.mesh("room", bake.join(shapes.OBJECTS[:still], "room"), numbers)
    # Cards that a game may move: each a node of its own, its mesh about its own middle.
    hands = []
    for side, (x0, turn) in enumerate([(-0.36, 78), (0.36, -78)]):
        for n in range(5):
            first = len(shapes.OBJECTS)
            card(0, 0, 0, 0, "blue")
            furnish.rest_white(first)
            made = bake.join(shapes.OBJECTS[first:], f"card_{side + 1}_{n + 1}")
            if hands:
                mesh = {"mesh": hands[0]}
                node = out.node(made.name, **mesh)
            else:
                node = out.mesh(made.name, made, numbers)
                hands.append(out.json["nodes"][node]["mesh"])
            angle = math.radians(90 - 78 if side == 0 else -90 + 78) + math.radians((n - 2) * 13)
            at = (x0 + 0.012 * abs(n - 2) * (1 if side == 0 else -1), -0.02 + (n - 2) * 0.05, TOP + 0.004 + 0.0026 * n)
            out.json["nodes"][node].update(
                translation=[at[0], at[2], -at[1]],
                rotation=[0.0, math.sin((angle + math.pi / 2) / 2), 0.0, math.cos((angle + math.pi / 2) / 2)])
    for (name, (x, y, z)), turn in zip(SEATS.items(), (-90 + TURN, 90 - TURN)):
        # In the glTF frame −Z is where they look; unturned they would look away from the camera.
        angle = math.radians(180 + turn * -1)
        out.node(name, translation=[x, z, -y], rotation=[0.0, math.sin(angle / 2), 0.0, math.cos(angle / 2)])
    out.lamp("pendant", "spot", [1.0, 0.93, 0.80], 1.5 * math.pi, rotation=glb.looking(np.array([0.02, -1.0, -0.05])),
             translation=[0.0, 2.02, 0.0], spot={"innerConeAngle": 0.75, "outerConeAngle": 1.15})
    out.lamp("window", "directional", [1.0, 0.98, 0.94], 0.55 * math.pi, rotation=glb.looking(np.array([0.45, -0.8, -0.6])))
    out.camera("table", (0.0, 1.62, 2.55), (0.0, 0.98, 0.0), math.radians(36))
    out.camera("close", (0.35, 1.35, 1.35), (-0.55, 1.02, -0.05), math.radians(34))
    extras = {"look": {"kind": "toon", "bands": 3, "ink_px": 2.2, "ink_color": [0.015, 0.012, 0.03]},
              "environment": {"gradient": [[0.62, 0.66, 0.74], [0.52, 0.52, 0.55], [0.34, 0.28, 0.24]], "visible": True}}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cartoon_table.glb")
    print(path, out.save(path, extras), "bytes")


main()
