# SPDX-License-Identifier: MIT OR Apache-2.0
"""The furniture of the living room. Blender's frame: +Z up, metres."""
import math

import numpy as np

from .shapes import OBJECTS, box, curtain, cushion, lathe, leaf, place, sheet


def tint_all(objects, colour=(1.0, 1.0, 1.0)):
    """Gives meshes the colour that multiplies their material's."""
    for made in objects:
        mesh = made.data
        if "tint" not in mesh.color_attributes:
            mesh.color_attributes.new("tint", "FLOAT_COLOR", "CORNER")
        values = np.tile(np.array([*colour, 1.0], np.float32), len(mesh.loops))
        mesh.color_attributes["tint"].data.foreach_set("color", values)


def tinted(made, colour=(1.0, 1.0, 1.0)):
    """One of them."""
    tint_all([made], colour)
    return made


def rest_white(since):
    """What was made since and has no tint yet is white."""
    tint_all([made for made in OBJECTS[since:] if "tint" not in made.data.color_attributes])


def shell(left, right, front, back, top, windows, sill, lintel):
    """Floor, walls with holes on the left, ceiling, skirting, window frames."""
    since, t = len(OBJECTS), 0.22
    box("floor", (left - t, front - t, -0.1), (right + t, back + t, 0), "floor")
    box("ceiling", (left - t, front - t, top), (right + t, back + t, top + 0.1), "ceiling")
    box("wall back", (left - t, back, 0), (right + t, back + t, top), "wall")
    box("wall front", (left - t, front - t, 0), (right + t, front, top), "wall")
    box("wall right", (right, front, 0), (right + t, back, top), "wall")
    edges = sorted(windows)
    spans = [(front, edges[0][0]), (edges[0][1], edges[1][0]), (edges[1][1], back)]
    for a, b in spans:
        box("wall left", (left - t, a, 0), (left, b, top), "wall")
    for a, b in windows:
        box("below window", (left - t, a, 0), (left, b, sill), "wall")
        box("above window", (left - t, a, lintel), (left, b, top), "wall")
        box("sill", (left - t + 0.04, a - 0.04, sill - 0.035), (left + 0.09, b + 0.04, sill), "white", 0.008)
        window(left - 0.14, a, b, sill, lintel)
    for low, high in [((left, back - 0.016, 0), (right, back, 0.11)), ((left, front, 0), (left + 0.016, back, 0.11)),
                      ((right - 0.016, front, 0), (right, back, 0.11))]:
        box("skirting", low, high, "white", 0.006)
    rest_white(since)


def window(x, a, b, sill, lintel):
    """A wooden frame with a post in the middle and a bar."""
    w, d = 0.055, 0.06
    bars = [((a, sill), (b, sill + w)), ((a, lintel - w), (b, lintel)), ((a, sill), (a + w, lintel)), ((b - w, sill), (b, lintel)),
            (((a + b) / 2 - 0.035, sill), ((a + b) / 2 + 0.035, lintel)), ((a, 1.94), (b, 1.98))]
    for low, high in bars:
        box("frame", (x - d / 2, *low), (x + d / 2, *high), "white", 0.007)


def curtains(left, windows, lintel):
    """Linen, drawn aside, on a brass rod."""
    since = len(OBJECTS)
    for n, (a, b) in enumerate(windows):
        curtain("curtain", a - 0.32, a + 0.06, left + 0.10, 0.02, lintel + 0.07, "linen", 5, seed=2 * n)
        curtain("curtain", b - 0.10, b + 0.30, left + 0.10, 0.02, lintel + 0.07, "linen", 5, seed=2 * n + 1)
        rod = lathe("rod", [(0.0, 0), (0.013, 0), (0.013, b - a + 0.8), (0.0, b - a + 0.8)], (0, 0, 0), "brass", 10)
        place(rod, (left + 0.10, b + 0.4, lintel + 0.09), 0, 90)
    rest_white(since)


def sofa(x0, x1, back):
    """Three seats, loose cushions."""
    since, depth = len(OBJECTS), 0.88
    front = back - depth
    arm = 0.17
    box("sofa base", (x0 + 0.02, front + 0.04, 0.13), (x1 - 0.02, back, 0.30), "sofa", 0.02)
    cushion("sofa back", (x0 + arm * 0.6, back - 0.20, 0.22), (x1 - arm * 0.6, back, 0.80), "sofa", 0.015, 0.05)
    for a, b in [(x0, x0 + arm), (x1 - arm, x1)]:
        cushion("sofa arm", (a, front, 0.10), (b, back - 0.02, 0.60), "sofa", 0.012, 0.045)
    width = (x1 - x0 - 2 * arm) / 2
    for n in range(2):
        a = x0 + arm + n * width
        cushion("seat", (a + 0.004, front - 0.02, 0.29), (a + width - 0.004, back - 0.18, 0.45), "sofa", 0.025, 0.045)
        cushion("back rest", (a + 0.012, back - 0.36, 0.44), (a + width - 0.012, back - 0.17, 0.86), "sofa", 0.04, 0.06, tilt=-7)
    for x, turn, mat in [(x0 + 0.38, 12, "ochre"), (x0 + 0.68, -8, "linen"), (x1 - 0.40, -14, "ochre")]:
        cushion("cushion", (x - 0.21, back - 0.50, 0.45), (x + 0.21, back - 0.37, 0.84), mat, 0.05, 0.05, turn=turn, tilt=-16)
    for x in (x0 + 0.1, x1 - 0.1):
        for y in (front + 0.1, back - 0.1):
            lathe("foot", [(0.0, 0), (0.018, 0), (0.026, 0.13)], (x, y, 0), "walnut", 10)
    rest_white(since)


SPINES = [(0.62, 0.20, 0.15), (0.10, 0.17, 0.26), (0.75, 0.68, 0.52), (0.15, 0.24, 0.17), (0.48, 0.30, 0.11), (0.80, 0.79, 0.75),
          (0.30, 0.12, 0.13), (0.20, 0.33, 0.38), (0.64, 0.50, 0.28), (0.09, 0.09, 0.10), (0.42, 0.44, 0.40), (0.70, 0.36, 0.22)]


def books(x0, x1, z, back, random, height=(0.19, 0.27), depth=0.17):
    """A row of books, some of which lean."""
    x = x0
    while x < x1 - 0.05:
        wide, tall = random.uniform(0.018, 0.045), random.uniform(*height)
        colour = np.array(SPINES[random.integers(len(SPINES))]) ** 1.6 * random.uniform(0.8, 1.1)
        y = back - depth - random.uniform(0.0, 0.025)
        made = box("book", (x, y, z), (x + wide, back - 0.03, z + tall), "book", 0.0035, 1)
        tinted(made, np.clip(colour, 0.01, 0.95))
        x += wide + (random.uniform(0.0, 0.004) if random.random() < 0.92 else random.uniform(0.04, 0.09))


def shelf(x0, x1, back):
    """A bookcase."""
    since, random = len(OBJECTS), np.random.default_rng(11)
    depth, top, t = 0.29, 2.02, 0.024
    front = back - depth
    for a in (x0, x1 - t):
        box("side", (a, front, 0), (a + t, back, top), "oak", 0.003, 1)
    box("back panel", (x0 + t, back - 0.012, 0.05), (x1 - t, back, top - t), "oak")
    levels = [0.06, 0.43, 0.78, 1.13, 1.48, top - t]
    for z in levels:
        box("board", (x0 + t, front + 0.004, z), (x1 - t, back - 0.01, z + t), "oak", 0.003, 1)
    spans = [(x0 + 0.05, x1 - 0.10), (x0 + 0.04, x0 + 0.52), (x0 + 0.34, x1 - 0.05), (x0 + 0.04, x0 + 0.60), (x0 + 0.04, x0 + 0.44)]
    for z, (a, b) in zip(levels, spans):
        books(a, b, z + t, back, random)
    vase = [(0.0, 0), (0.04, 0.0), (0.072, 0.06), (0.066, 0.12), (0.03, 0.18), (0.036, 0.21)]
    lathe("vase", vase, (x1 - 0.17, back - 0.15, levels[1] + t), "clay", 20)
    lathe("bowl", [(0.0, 0), (0.05, 0.0), (0.10, 0.05), (0.115, 0.085), (0.105, 0.085), (0.045, 0.012), (0, 0.01)],
          (x0 + 0.18, back - 0.15, levels[2] + t), "pot", 22)
    lathe("jar", [(0.0, 0), (0.06, 0.0), (0.065, 0.10), (0.04, 0.16), (0.04, 0.18), (0.0, 0.185)], (x1 - 0.16, back - 0.15, levels[3] + t), "pot", 20)
    for n in range(4):
        made = box("lying book", (x1 - 0.36 + 0.01 * n, back - 0.24, levels[4] + t + 0.03 * n), (x1 - 0.10, back - 0.05, levels[4] + t + 0.03 * (n + 1) - 0.001), "book", 0.0035, 1, turn=3 * n - 4)
        tinted(made, np.array(SPINES[(5 * n + 2) % 12]) ** 1.6)
    rest_white(since)


def picture(x, wall, z, width, height):
    """A framed landscape with a mount."""
    since, f = len(OBJECTS), 0.025
    a, b, c, d = x - width / 2, x + width / 2, z - height / 2, z + height / 2
    for low, high in [((a, c), (b, c + f)), ((a, d - f), (b, d)), ((a, c), (a + f, d)), ((b - f, c), (b, d))]:
        box("picture frame", (low[0], wall - 0.035, low[1]), (high[0], wall - 0.001, high[1]), "walnut", 0.004)
    box("mount", (a + f, wall - 0.014, c + f), (b - f, wall - 0.002, d - f), "paper")
    m = 0.075
    sheet("painting", lambda s, t: (a + m + (width - 2 * m) * s, wall - 0.0155, c + m + (height - 2 * m) * t), 1, 1, "painting", False)
    rest_white(since)


def floor_lamp(x, y):
    """A slim lamp with a linen shade; it is on."""
    since = len(OBJECTS)
    lathe("lamp foot", [(0.0, 0.022), (0.13, 0.018), (0.135, 0.0)][::-1], (x, y, 0), "brass", 28)
    lathe("lamp pole", [(0.010, 0.02), (0.010, 1.38)], (x, y, 0), "brass", 10)
    lathe("shade", [(0.19, 1.28), (0.135, 1.58)], (x, y, 0), "shade", 32)
    rest_white(since)


def plant(x, y):
    """A large plant in a basket-like pot."""
    since, random = len(OBJECTS), np.random.default_rng(21)
    lathe("pot", [(0.0, 0), (0.13, 0.0), (0.175, 0.30), (0.18, 0.33), (0.165, 0.33), (0.15, 0.28), (0.0, 0.28)], (x, y, 0), "clay", 28)
    lathe("soil", [(0.155, 0.29), (0.0, 0.295)], (x, y, 0), "soil", 20)
    for n in range(26):
        rise = random.uniform(28, 84)
        base = (x + random.uniform(-0.04, 0.04), y + random.uniform(-0.04, 0.04), 0.30 + random.uniform(0, 0.55))
        azimuth = n * 137.5 + random.uniform(-15, 15)
        made = leaf("leaf", base, azimuth, random.uniform(0.34, 0.56), random.uniform(0.09, 0.15), rise, random.uniform(0.25, 0.6), "leaf")
        tinted(made, np.array([1.0, 1.0, 1.0]) * random.uniform(0.75, 1.0) * np.array([random.uniform(0.85, 1.0), 1.0, 0.8]))
        lathe("stem", [(0.006, 0.28), (0.004, base[2])], (base[0], base[1], 0), "leaf", 6)
    rest_white(since)


def floor_rug(x0, x1, y0, y1):
    """A rug that lies a little uneven."""
    since = len(OBJECTS)
    sheet("rug", lambda s, t: (x0 + (x1 - x0) * s, y0 + (y1 - y0) * t, 0.014 + 0.002 * math.sin(9 * s + 4 * t)), 8, 8, "rug")
    rest_white(since)


def desk(person):
    """A desk between the person and the camera, with what hides where a bust ends."""
    since, (x, y, _), top = len(OBJECTS), person, 0.74
    box("desk top", (x - 0.78, y - 0.86, top - 0.032), (x + 0.72, y - 0.13, top), "oak", 0.006, 3)
    for a, b in [(x - 0.74, y - 0.82), (x + 0.62, y - 0.82), (x - 0.74, y - 0.23), (x + 0.62, y - 0.23)]:
        box("desk leg", (a, b, 0), (a + 0.055, b + 0.055, top - 0.03), "oak", 0.005)
    # A laptop, its lid towards the camera.
    box("laptop", (x - 0.165, y - 0.56, top + 0.002), (x + 0.165, y - 0.33, top + 0.016), "metal", 0.005, 3)
    lid = box("lid", (x - 0.165, -0.004, -0.112), (x + 0.165, 0.004, 0.112), "metal", 0.0035, 3)
    place(lid, (0, y - 0.585, top + 0.128), 0, 14)
    random = np.random.default_rng(4)
    z = top
    for n in range(8):
        thick = random.uniform(0.022, 0.036)
        a, d = x - 0.285 + random.uniform(-0.012, 0.012), y - 0.30 + random.uniform(-0.012, 0.012)
        made = box("book", (a - 0.105, d - 0.08, z), (a + 0.105, d + 0.08, z + thick - 0.0008), "book", 0.003, 2, turn=random.uniform(-9, 9))
        tinted(made, np.array(SPINES[(n * 7 + 3) % 12]) ** 1.5)
        z += thick
    pot_at = (x + 0.285, y - 0.30, top)
    lathe("desk pot", [(0.0, 0), (0.05, 0.0), (0.068, 0.11), (0.07, 0.125), (0.062, 0.125), (0.058, 0.11), (0.0, 0.105)], pot_at, "pot", 24)
    lathe("desk soil", [(0.058, 0.108), (0.0, 0.112)], pot_at, "soil", 16)
    for n in range(22):
        made = leaf("desk leaf", (pot_at[0] + random.uniform(-0.02, 0.02), pot_at[1] + random.uniform(-0.02, 0.02), top + 0.10), n * 137.5,
                    random.uniform(0.10, 0.19), random.uniform(0.028, 0.042), random.uniform(20, 80), random.uniform(0.3, 0.9), "leaf")
        tinted(made, np.array([0.95, 1.0, 0.85]) * random.uniform(0.8, 1.0))
    mug = [(0.0, 0.0), (0.036, 0.0), (0.041, 0.006), (0.041, 0.092), (0.037, 0.092), (0.037, 0.01), (0.0, 0.008)]
    lathe("mug", mug, (x - 0.50, y - 0.60, top), "clay", 26)
    rest_white(since)


def chair(person):
    """The back of an upholstered chair behind the person."""
    since, (x, y, _) = len(OBJECTS), person
    for made in (cushion("chair back", (x - 0.22, y + 0.30, 0.54), (x + 0.22, y + 0.375, 0.93), "linen", 0.012, 0.035, tilt=-6),
                 cushion("chair seat", (x - 0.24, y - 0.10, 0.40), (x + 0.24, y + 0.36, 0.48), "linen", 0.015, 0.03)):
        tinted(made, (0.30, 0.27, 0.24))
    for a in (x - 0.22, x + 0.19):
        for b in (y - 0.06, y + 0.30):
            box("chair leg", (a, b, 0), (a + 0.03, b + 0.03, 0.42), "walnut", 0.004, 1)
    rest_white(since)
