# SPDX-License-Identifier: MIT OR Apache-2.0
"""What moves in the game: hovering seats with arms, paddles, the ball. Blender's frame: +Z up, metres.

Seats and who sits in them have one origin, between the eyes; who sits there looks along +Y (glTF: −Z)."""
import math

import numpy as np

from . import bake, furnish, shapes
from .shapes import box, lathe, modify, place, sheet

LINK = 0.26  # of an arm
HANDLE = 0.155  # from the blade's middle to the hand


def paints(linear):
    """Colour, roughness, glow."""
    return {
        "coral": (linear(1.0, 0.42, 0.35), 0.35, None), "coral deep": (linear(0.78, 0.26, 0.28), 0.5, None),
        "teal": (linear(0.18, 0.77, 0.70), 0.35, None), "teal deep": (linear(0.08, 0.52, 0.54), 0.5, None),
        "cushion": (linear(0.97, 0.91, 0.80), 0.9, None), "belt": (linear(0.97, 0.93, 0.86), 0.4, None),
        "joint": (linear(0.22, 0.23, 0.36), 0.4, None), "link": (linear(0.95, 0.92, 0.87), 0.4, None),
        "glove": (linear(0.99, 0.97, 0.93), 0.8, None), "wood": (linear(0.93, 0.70, 0.44), 0.6, None),
        "red rubber": (linear(0.90, 0.20, 0.22), 0.7, None), "dark rubber": (linear(0.15, 0.16, 0.24), 0.7, None),
        "jet coral": (linear(1.0, 0.6, 0.4), 0.5, (1.9, 0.75, 0.40)), "jet teal": (linear(0.5, 1.0, 0.9), 0.5, (0.35, 1.6, 1.35)),
        "ball": (linear(1.0, 0.72, 0.22), 0.5, (0.16, 0.08, 0.01)),
    }


def loft(name, rings, mat, steps=40, smooth=True):
    """Ellipses over each other: (half width, half depth, middle's y, height)."""
    vertices, faces = [], []
    for a, b, y, z in rings:
        for i in range(steps):
            angle = 2 * math.pi * i / steps
            vertices.append((a * math.cos(angle), y + b * math.sin(angle), z))
    for ring in range(len(rings) - 1):
        for i in range(steps):
            p, q = ring * steps + i, ring * steps + (i + 1) % steps
            faces.append((p, q, q + steps, p + steps))
    return shapes.mesh_object(name, vertices, faces, mat, smooth)


def collar(name, a, b, y, z, tube, mat, steps=44, around=12):
    """A stuffed ring about a bust's lower edge; higher at the shoulders."""
    vertices, faces = [], []
    for i in range(steps):
        angle = 2 * math.pi * i / steps
        c, s = math.cos(angle), math.sin(angle)
        lift = 0.030 * c * c
        for k in range(around):
            turn = 2 * math.pi * k / around
            out, up = tube * math.cos(turn), 1.15 * tube * math.sin(turn)
            vertices.append(((a + out) * c, y + (b + out) * s, z + lift + up))
    for i in range(steps):
        for k in range(around):
            p, q = i * around + k, ((i + 1) % steps) * around + k
            p2, q2 = i * around + (k + 1) % around, ((i + 1) % steps) * around + (k + 1) % around
            faces.append((p, q, q2, p2))
    return shapes.mesh_object(name, vertices, faces, mat, True)


def pod(colour, arm_side):
    """A hovering egg: hull, belt, collar, a hood behind the head, the arm's shoulder, a jet."""
    y = -0.082
    loft("hull", [(0.325, 0.235, y, -0.300), (0.345, 0.255, y, -0.345), (0.348, 0.258, y, -0.390)][::-1], colour)
    loft("belt", [(0.348, 0.258, y, -0.388), (0.364, 0.274, y, -0.392), (0.362, 0.272, y, -0.424), (0.340, 0.251, y, -0.432)][::-1], "belt")
    loft("keel", [(0.340, 0.251, y, -0.432), (0.315, 0.232, y, -0.50), (0.26, 0.195, y, -0.565), (0.17, 0.135, y, -0.612), (0.10, 0.085, y, -0.628)][::-1],
         colour + " deep")
    loft("inside", [(0.325, 0.235, y, -0.300), (0.27, 0.18, y, -0.305), (0.05, 0.04, y, -0.35)], "cushion", 36)
    # Somebody's bust comes out of a cushion, whatever its size.
    loft("apron", [(0.262, 0.168, y, -0.268), (0.235, 0.142, y, -0.238), (0.18, 0.10, y, -0.224), (0.08, 0.05, y, -0.219), (0.002, 0.002, y, -0.218)],
         "cushion", 40)
    loft("jet rim", [(0.105, 0.090, y, -0.626), (0.105, 0.090, y, -0.646), (0.085, 0.070, y, -0.650)][::-1], "joint", 32)
    loft("jet", [(0.088, 0.073, y, -0.640), (0.05, 0.045, y, -0.665), (0.002, 0.002, y, -0.69)][::-1], "jet " + colour, 28)
    collar("collar", 0.268, 0.172, y + 0.004, -0.288, 0.052, "cushion")

    # The hood: highest behind the head, down to the shoulders at its sides.
    def point(s, t, grow=0.0):
        angle = math.radians(-108 + 216 * s)
        rise = 0.17 + 0.40 * max(0.0, math.cos(angle * 0.84)) ** 1.25
        k = 1.0 + 0.14 * math.sin(math.pi * min(1.0, 0.75 * t)) - 0.30 * t ** 2.4 * (rise / 0.57)
        return ((0.322 + grow) * k * math.sin(angle), y - (0.238 + grow) * k * math.cos(angle), -0.305 + rise * t)

    inner = sheet("hood inside", lambda s, t: point(s, t), 28, 10, "cushion")
    outer = sheet("hood", lambda s, t: point(1 - s, t, 0.026), 28, 10, colour)
    # Their edges are joined by a rim, a quad each.
    def border(k):
        path = [(0.0, j / 10) for j in range(11)] + [(i / 28, 1.0) for i in range(1, 29)] + [(1.0, 1 - j / 10) for j in range(1, 11)]
        return [point(s, t, k) for s, t in path]
    a, b = border(0.0), border(0.026)
    middle = [tuple((np.add(p, q) / 2 + np.array([0, 0, 0.012])).tolist()) for p, q in zip(a, b)]
    rows = [a, middle, b]
    n = len(a)
    faces = [(r * n + i, r * n + i + 1, (r + 1) * n + i + 1, (r + 1) * n + i) for r in range(2) for i in range(n - 1)]
    shapes.mesh_object("hood rim", [p for row in rows for p in row], faces, colour + " deep", True)
    del inner, outer
    # An emblem, and the shoulder.
    made = lathe("emblem", [(0.0, 0.010), (0.052, 0.008), (0.058, 0.0)][::-1], (0, 0, 0), "belt", 28)
    place(made, (0.0, y + 0.236, -0.475), 180, -68)
    made = lathe("emblem dot", [(0.0, 0.014), (0.026, 0.013), (0.028, 0.006)][::-1], (0, 0, 0), "ball", 20)
    place(made, (0.0, y + 0.238, -0.475), 180, -68)
    ball(0.046, (arm_side * 0.352, -0.035, -0.365), "joint", 20)
    lathe_ = lathe("socket", [(0.0, 0.0), (0.062, 0.0), (0.066, 0.012), (0.058, 0.03)], (0, 0, 0), colour + " deep", 24)
    place(lathe_, (0, 0, 0), 0, 90)
    place(lathe_, (arm_side * 0.335, -0.035, -0.365), 90 * arm_side)


def ball(radius, at, mat, steps=16):
    """A sphere."""
    rings = steps // 2
    profile = [(radius * math.sin(math.pi * i / rings), -radius * math.cos(math.pi * i / rings)) for i in range(rings + 1)]
    return lathe("sphere", profile, at, mat, steps)


def paddle(rubber):
    """Its blade's middle is the origin, it faces −Y, its handle and the hand are below."""
    r = 0.08
    core = lathe("core", [(0.0, -0.0035), (r, -0.0035), (r + 0.0015, 0.0), (r, 0.0035), (0.0, 0.0035)], (0, 0, 0), "wood", 36)
    front = lathe("front", [(r - 0.001, 0.0035), (r - 0.001, 0.0065), (r - 0.003, 0.0075), (0.0, 0.0075)], (0, 0, 0), rubber, 36)
    back = lathe("back", [(0.0, -0.0075), (r - 0.003, -0.0075), (r - 0.001, -0.0065), (r - 0.001, -0.0035)], (0, 0, 0), "dark rubber", 36)
    for made in (core, front, back):
        place(made, (0, 0, 0), 0, 90)
    box("handle", (-0.0145, -0.0105, -0.185), (0.0145, 0.0105, -0.062), "wood", 0.006, 2)
    box("neck", (-0.026, -0.007, -0.088), (0.026, 0.007, -0.066), "wood", 0.006, 2)
    palm = ball(0.034, (0, 0, 0), "glove", 20)
    modify(palm, "CAST", factor=0.25, cast_type="CUBOID")
    place(palm, (0.0, 0.004, -HANDLE))
    for n in range(3):  # fingers round the handle
        finger = lathe("finger", [(0.0, -0.026), (0.009, -0.022), (0.0115, 0.0), (0.009, 0.022), (0.0, 0.026)], (0, 0, 0), "glove", 12)
        place(finger, (0, 0, 0), 0, 90)
        place(finger, (0, 0, 0), 90)
        place(finger, (0.0, -0.026, -HANDLE + 0.022 - 0.021 * n))
    thumb = lathe("thumb", [(0.0, -0.022), (0.010, -0.018), (0.0115, 0.004), (0.008, 0.020), (0.0, 0.024)], (0, 0, 0), "glove", 12)
    place(thumb, (0.020, -0.018, -HANDLE + 0.040), 0, 20)
    lathe("cuff", [(0.0, -0.036), (0.026, -0.036), (0.030, -0.028), (0.027, -0.018)], (0.0, 0.004, -HANDLE - 0.002), "belt", 20)


def link(colour, is_fore):
    """From the origin up, to the next joint."""
    ball(0.036 if is_fore else 0.034, (0, 0, 0), "joint", 18)
    lathe("tube", [(0.024, 0.02), (0.026, 0.05), (0.023, 0.20), (0.021, LINK - 0.02), (0.0, LINK - 0.004)], (0, 0, 0), "link", 20)
    lathe("sleeve", [(0.0275, 0.065), (0.030, 0.070), (0.030, 0.125), (0.0275, 0.13)], (0, 0, 0), colour, 20)
    lathe("band", [(0.0245, 0.175), (0.0262, 0.178), (0.0262, 0.192), (0.0242, 0.195)], (0, 0, 0), colour, 20)


def add(out, linear, sizes):
    """Everything that moves, as nodes at the places where it rests."""
    numbers = {name: (out.material(name, colour=colour, roughness=roughness, emissive=glow, double=True), 1.0)
               for name, (colour, roughness, glow) in paints(linear).items()}

    def node(name, make, translation, rotation=(0.0, 0.0, 0.0, 1.0), extra=None):
        since = len(shapes.OBJECTS)
        make()
        furnish.rest_white(since)
        made = bake.join(shapes.OBJECTS[since:], name)
        out.mesh(name, made, extra or numbers, lean=True, translation=list(map(float, translation)), rotation=list(map(float, rotation)))

    for n, (sign, colour, rubber) in enumerate([(-1.0, "coral", "red rubber"), (1.0, "teal", "red rubber")], 1):
        yaw = sign * (math.pi / 2 + sizes["turn"])
        turned = (0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2))
        seat = (sign * sizes["seat"], sizes["eyes"], -0.02)
        node(f"pod_{n}", lambda: pod(colour, -sign), seat, turned)
        hand = (sign * (sizes["half_length"] + 0.15), sizes["top"] + 0.15, 0.12)
        node(f"upper_{n}", lambda: link(colour, False), (sign * 0.85, sizes["top"] + 0.05, 0.30))
        node(f"fore_{n}", lambda: link(colour, True), (sign * 0.80, sizes["top"] - 0.05, 0.30))
        node(f"paddle_{n}", lambda: paddle(rubber), hand, (0.0, math.sin(-sign * math.pi / 4), 0.0, math.cos(math.pi / 4)))
        out.node("person" if n == 1 else "person_2", translation=list(seat), rotation=list(turned))
    node("ball", lambda: ball(0.02, (0, 0, 0), "ball", 24), (0.0, 1.0, 0.0))
    trail = out.material("trail", colour=linear(1.0, 0.86, 0.55), alpha="BLEND", unlit=True, extras={"casts_shadow": False})
    out.json["materials"][trail]["pbrMetallicRoughness"]["baseColorFactor"][3] = 0.30
    since = len(shapes.OBJECTS)
    ball(0.0185, (0, 0, 0), "trail", 16)
    furnish.rest_white(since)
    first = out.mesh("trail_1", shapes.OBJECTS[since], {"trail": (trail, 1.0)}, lean=True, translation=[0.0, 1.0, 0.0])
    for n in range(2, 7):
        out.node(f"trail_{n}", mesh=out.json["nodes"][first]["mesh"], translation=[0.0, 1.0, 0.0])
