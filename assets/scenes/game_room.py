# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes game_room.glb: a small table-tennis table between two hovering seats, in a room at dusk. `python game_room.py [--draft]
[--out PATH]`, with `bpy` 5.0.

Blender's frame here: +Z up, the camera looks along +Y, metres. The light from all around is baked; the key lamp is not, for
what moves throws its shadow. Seats, arms, paddles, the ball and its trail are nodes of their own that a game moves."""
import math
import os
import sys

import bpy
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import bake, furnish, game_things, glb, shapes, textures  # noqa: E402
from kit.shapes import box, lathe, leaf, place  # noqa: E402

DRAFT = "--draft" in sys.argv
# As demos/game has them: play/table.rs, face/sway.rs, show/arm.rs.
HALF_LENGTH, HALF_WIDTH, TOP, THICK, NET, OVERHANG = 0.55, 0.36, 0.72, 0.035, 0.07, 0.03
SEAT, EYES, TURN = 0.82, 1.13, 0.74
LEFT, RIGHT, FRONT, BACK, HIGH = -2.3, 2.3, -3.0, 1.32, 2.75
KEY_ALONG, KEY = (0.16, 0.76, -0.56), (1.34, 1.18, 1.0)
RIM_ALONG, RIM = (-0.25, -0.85, -0.42), (0.62, 0.30, 0.44)
SKY = ((0.40, 0.38, 0.56), (0.48, 0.40, 0.50), (0.26, 0.19, 0.18))
LIGHT_MAP_SCALE = 1.5


def linear(*rgb):
    """From sRGB."""
    return tuple(((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in rgb)


# Colour, roughness, glow, whether it throws the key lamp's shadow.
PAINT = {
    "wall": (linear(0.37, 0.40, 0.66), 1.0, None, False), "dado": (linear(0.23, 0.25, 0.47), 0.9, None, False),
    "band": (linear(0.98, 0.74, 0.42), 0.8, None, False), "floor": (linear(0.76, 0.52, 0.40), 0.75, None, False),
    "plank": (linear(0.70, 0.46, 0.36), 0.75, None, False), "frame": (linear(0.96, 0.90, 0.80), 0.7, None, False),
    "coral wall": (linear(0.94, 0.42, 0.36), 0.9, None, False), "teal wall": (linear(0.16, 0.66, 0.62), 0.9, None, False),
    "dark wall": (linear(0.16, 0.17, 0.30), 0.8, None, False), "cream wall": (linear(0.97, 0.92, 0.82), 0.9, None, False),
    "bulb": (linear(1.0, 0.86, 0.60), 0.6, (2.6, 1.75, 0.85), False), "neon": (linear(1.0, 0.75, 0.55), 0.6, (2.2, 1.15, 0.70), False),
    "coral neon": (linear(1.0, 0.5, 0.4), 0.6, (2.4, 0.62, 0.42), False), "teal neon": (linear(0.3, 0.9, 0.8), 0.6, (0.25, 1.7, 1.45), False),
    "rug": (linear(0.20, 0.22, 0.42), 1.0, None, True), "rug ring": (linear(0.96, 0.88, 0.74), 1.0, None, True),
    "rug heart": (linear(0.87, 0.46, 0.40), 1.0, None, True),
    "table": (linear(0.17, 0.36, 0.66), 0.85, None, True), "line": (linear(0.97, 0.95, 0.88), 0.6, None, True),
    "rim": (linear(0.93, 0.72, 0.45), 0.5, None, True), "leg": (linear(0.96, 0.91, 0.82), 0.45, None, True),
    "net": (linear(0.93, 0.93, 0.95), 0.9, None, True), "tape": (linear(0.98, 0.96, 0.90), 0.7, None, True),
    "post": (linear(0.18, 0.19, 0.30), 0.4, None, True), "leaf": (linear(0.24, 0.56, 0.42), 0.8, None, True),
    "pot": (linear(0.97, 0.66, 0.36), 0.7, None, True), "gold": (linear(1.0, 0.78, 0.30), 0.3, None, False),
}


def torus(name, radius, tube, mat, at=(0, 0, 0), tilt=0.0, steps=48, around=10):
    """A ring about an upright axis, tilted about x."""
    ring = [(radius + tube * math.cos(2 * math.pi * i / around), tube * math.sin(2 * math.pi * i / around)) for i in range(around + 1)]
    return place(lathe(name, ring, (0, 0, 0), mat, steps), at, 0, tilt)


def disc(name, radius, y, x, z, mat, thick=0.012):
    """A flat round thing on the back wall."""
    made = lathe(name, [(0.0, thick), (radius - 0.004, thick), (radius, thick - 0.004), (radius, 0.0)][::-1], (0, 0, 0), mat, 40)
    return place(made, (x, y, z), 0, 90)


def shell():
    """Floor, walls with a dado and a band of light, skirting."""
    for i in range(15):
        a = LEFT + i * (RIGHT - LEFT) / 15
        box("board", (a + 0.003, FRONT, -0.05), (a + (RIGHT - LEFT) / 15 - 0.003, BACK, 0.0), "floor" if i % 2 else "plank", 0.004, 1)
    box("under", (LEFT, FRONT, -0.06), (RIGHT, BACK, -0.03), "dark wall")
    t = 0.1
    box("wall", (LEFT - t, BACK, 0), (RIGHT + t, BACK + t, HIGH), "wall")
    for low, high in ((LEFT - t, LEFT), (RIGHT, RIGHT + t)):
        box("side", (low, FRONT, 0), (high, BACK + t, HIGH), "wall")
    box("dado", (LEFT, BACK - 0.03, 0), (RIGHT, BACK, 0.56), "dado", 0.006, 1)
    box("band", (LEFT, BACK - 0.045, 0.56), (RIGHT, BACK, 0.60), "band", 0.012)
    box("skirting", (LEFT, BACK - 0.05, 0), (RIGHT, BACK, 0.09), "dark wall", 0.01)
    for low, high, n in ((LEFT, LEFT + 0.03, 0), (RIGHT - 0.03, RIGHT, 1)):
        box("dado", (low, FRONT, 0), (high, BACK, 0.56), "dado", 0.006, 1)
        box("band", (low - 0.01 * n, FRONT, 0.56), (high + 0.01 * (1 - n), BACK, 0.60), "band", 0.01)
    for i in range(9):  # panels
        a = LEFT + 0.12 + i * 0.49
        box("panel", (a, BACK - 0.042, 0.15), (a + 0.41, BACK - 0.02, 0.50), "dado", 0.014)


def wall_things():
    """The round window, neon, posters, a shelf with cups, lights on a string, pennants."""
    y = BACK - 0.03
    torus("window frame", 0.66, 0.045, "frame", (0.05, y, 1.36), 90, 64, 12)
    torus("window glow", 0.755, 0.014, "neon", (0.05, y - 0.005, 1.36), 90, 64, 8)
    box("bar", (0.035, y - 0.02, 0.72), (0.065, y + 0.01, 2.0), "frame", 0.006, 1)
    box("bar", (-0.6, y - 0.02, 1.345), (0.70, y + 0.01, 1.375), "frame", 0.006, 1)
    # Posters: a ball over a net; two paddles.
    for x, back, front in ((-1.42, "coral wall", "cream wall"), (-2.02, "cream wall", "teal wall")):
        box("poster frame", (x - 0.235, y - 0.012, 1.03), (x + 0.235, y + 0.02, 1.71), "dark wall", 0.012)
        box("poster", (x - 0.21, y - 0.020, 1.055), (x + 0.21, y, 1.685), back, 0.003, 1)
        disc("poster ball", 0.115, y - 0.018, x + 0.03, 1.46, front)
        box("poster net", (x - 0.21, y - 0.026, 1.20), (x + 0.21, y - 0.012, 1.225), front)
    # The shelf.
    for z in (1.06, 1.46):
        box("shelf", (1.16, BACK - 0.22, z), (2.14, BACK, z + 0.035), "band", 0.008)
    for x, z, size, mat in ((1.34, 1.495, 1.0, "gold"), (1.62, 1.495, 0.75, "frame"), (1.98, 1.095, 0.9, "gold")):
        cup = [(0.0, 0.0), (0.055, 0.0), (0.055, 0.02), (0.014, 0.035), (0.014, 0.075), (0.05, 0.10), (0.068, 0.17), (0.060, 0.17), (0.0, 0.11)]
        lathe("cup", [(r * size, h * size) for r, h in cup], (x, BACK - 0.11, z), mat, 28)
    for n, (w, h, mat) in enumerate([(0.05, 0.24, "coral wall"), (0.04, 0.21, "cream wall"), (0.06, 0.26, "teal wall"), (0.045, 0.22, "band"),
                                     (0.05, 0.25, "dark wall"), (0.04, 0.20, "coral wall")]):
        x = 1.20 + n * 0.062
        box("book", (x, BACK - 0.19, 1.095), (x + w, BACK - 0.03, 1.095 + h), mat, 0.005, 1)
    lathe("vase", [(0.0, 0), (0.05, 0.0), (0.075, 0.06), (0.05, 0.13), (0.03, 0.16), (0.038, 0.19), (0.03, 0.19)], (1.9, BACK - 0.11, 1.495), "teal wall", 28)
    # Strips of light along the corners, in the sides' colours.
    for x, mat in ((LEFT + 0.035, "coral neon"), (RIGHT - 0.035, "teal neon")):
        lathe("strip", [(0.0, 0.62), (0.016, 0.63), (0.016, 2.55), (0.0, 2.56)], (x, BACK - 0.05, 0), mat, 12)
    # A string of lights, and pennants below it.
    for n in range(17):
        s = n / 16
        x, sag = LEFT + 0.15 + s * (RIGHT - LEFT - 0.3), math.sin(math.pi * ((s * 2) % 1))
        z = 2.22 - 0.20 * sag
        lathe("bulb", [(0.0, -0.035), (0.022, -0.028), (0.030, -0.004), (0.022, 0.018), (0.0, 0.026)], (x, BACK - 0.16, z), "bulb", 14)
        lathe("cap", [(0.012, 0.02), (0.012, 0.05)], (x, BACK - 0.16, z), "dark wall", 8)
        if n < 16:
            s2 = (n + 1) / 16
            x2, z2 = LEFT + 0.15 + s2 * (RIGHT - LEFT - 0.3), 2.22 - 0.20 * math.sin(math.pi * ((s2 * 2) % 1 if n < 15 else 1.0))
            cord = lathe("cord", [(0.005, 0.0), (0.005, math.hypot(x2 - x, z2 - z))], (0, 0, 0), "dark wall", 6)
            place(cord, (0, 0, 0), 0, 90)
            place(cord, (0, 0, 0), 90)
            angle = math.atan2(z2 - z, x2 - x)
            points = np.empty(len(cord.data.vertices) * 3, np.float32)
            cord.data.vertices.foreach_get("co", points)
            points = points.reshape(-1, 3)
            along, up = points[:, 0] * (1 if points[:, 0].max() > 0.01 else -1), points[:, 2]
            points = np.stack([along * math.cos(angle) - up * math.sin(angle) + x, points[:, 1] + BACK - 0.16,
                               along * math.sin(angle) + up * math.cos(angle) + z + 0.045], 1)
            cord.data.vertices.foreach_set("co", points.astype(np.float32).ravel())


def furniture():
    """Rug, table with its net, plants."""
    lathe("rug", [(0.0, 0.012), (0.62, 0.012)][::-1], (0, 0, 0), "rug heart", 64)
    lathe("rug", [(0.62, 0.012), (0.70, 0.012)][::-1], (0, 0, 0), "rug ring", 64)
    lathe("rug", [(0.70, 0.012), (1.30, 0.012)][::-1], (0, 0, 0), "rug", 72)
    lathe("rug", [(1.30, 0.012), (1.36, 0.012), (1.365, 0.0)][::-1], (0, 0, 0), "rug ring", 72)
    box("rim", (-HALF_LENGTH - 0.012, -HALF_WIDTH - 0.012, TOP - THICK), (HALF_LENGTH + 0.012, HALF_WIDTH + 0.012, TOP - 0.003), "rim", 0.012, 3)
    box("top", (-HALF_LENGTH, -HALF_WIDTH, TOP - 0.012), (HALF_LENGTH, HALF_WIDTH, TOP), "table", 0.003, 1)
    e = 0.0006
    for low, high in [((-HALF_LENGTH, -HALF_WIDTH), (HALF_LENGTH, -HALF_WIDTH + 0.014)), ((-HALF_LENGTH, HALF_WIDTH - 0.014), (HALF_LENGTH, HALF_WIDTH)),
                      ((-HALF_LENGTH, -HALF_WIDTH), (-HALF_LENGTH + 0.014, HALF_WIDTH)), ((HALF_LENGTH - 0.014, -HALF_WIDTH), (HALF_LENGTH, HALF_WIDTH)),
                      ((-HALF_LENGTH, -0.0025), (HALF_LENGTH, 0.0025))]:
        box("line", (*low, TOP), (*high, TOP + e), "line")
    lathe("leg", [(0.30, 0.012), (0.30, 0.03), (0.26, 0.05), (0.10, 0.10), (0.065, 0.22), (0.065, 0.42), (0.12, 0.58), (0.26, 0.66), (0.28, TOP - THICK)], (0, 0, 0), "leg", 40)
    reach = HALF_WIDTH + OVERHANG
    for y in (-reach, reach):
        box("clamp", (-0.016, min(y, y * 0.88), TOP - 0.05), (0.016, max(y, y * 0.88), TOP - 0.03), "post", 0.004, 1)
        lathe("post", [(0.0, TOP + NET + 0.012), (0.009, TOP + NET + 0.008), (0.009, TOP - 0.045), (0.0, TOP - 0.045)][::-1], (0, y, 0), "post", 14)
    box("tape", (-0.0035, -reach, TOP + NET - 0.011), (0.0035, reach, TOP + NET), "tape", 0.001, 1)
    # A mesh that is seen through: few strings, each as thick as a drawing's.
    for n in range(1, 33):
        y = -reach + 2 * reach * n / 33
        box("string", (-0.0012, y - 0.0012, TOP + 0.001), (0.0012, y + 0.0012, TOP + NET - 0.01), "net")
    for n in range(1, 4):
        z = TOP + n * (NET - 0.011) / 4
        box("string", (-0.0012, -reach, z - 0.0012), (0.0012, reach, z + 0.0012), "net")
    random = np.random.default_rng(5)
    for x, y, count, size in ((-1.95, 0.78, 17, 1.0), (1.95, 0.72, 13, 0.85)):
        lathe("pot", [(0.0, 0), (0.13, 0.0), (0.18, 0.25), (0.19, 0.30), (0.17, 0.30), (0.0, 0.28)], (x, y, 0.0), "pot", 28)
        for n in range(count):
            leaf("leaf", (x, y, 0.29), n * 137.5, random.uniform(0.50, 0.85) * size, random.uniform(0.13, 0.19) * size,
                 random.uniform(38, 84), random.uniform(0.2, 0.45), "leaf")


def window_picture(size=512):
    """Dusk over the sea: a low sun, islands, clouds that it lights from below."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[0:size, 0:size].astype(float) / size
    stops = [(0.0, linear(0.24, 0.21, 0.50)), (0.30, linear(0.52, 0.32, 0.60)), (0.48, linear(0.93, 0.47, 0.52)), (0.64, linear(1.0, 0.75, 0.50))]
    places, colours = [s for s, _ in stops], np.array([c for _, c in stops])
    picture = np.stack([np.interp(y, places, colours[:, c]) for c in range(3)], -1)
    far = np.hypot(x - 0.60, y - 0.585)
    picture += np.exp(-(far / 0.16) ** 2)[..., None] * np.array([0.50, 0.30, 0.12])
    disc_ = np.clip((0.085 - far) * size / 2, 0, 1)[..., None]
    picture = picture * (1 - disc_) + np.array([1.25, 1.0, 0.70]) * disc_
    for _ in range(26):  # clouds: flat ellipses, lit at their lower edge
        cx, cy, w = random.uniform(0, 1), random.uniform(0.06, 0.50), random.uniform(0.05, 0.16)
        h = w * random.uniform(0.10, 0.2)
        inside = np.clip((1 - ((x - cx) / w) ** 2 - ((y - cy) / h) ** 2) * 3, 0, 1)[..., None] * random.uniform(0.35, 0.8)
        low = np.clip((y - cy) / h * 0.5 + 0.5, 0, 1)[..., None]
        tone = np.array(linear(0.58, 0.40, 0.66)) * (1 - low) + np.array(linear(1.0, 0.70, 0.62)) * low
        picture = picture * (1 - inside) + tone * inside
    line = 0.64
    sea = np.clip((y - line) * size / 1.5, 0, 1)[..., None]
    depth = np.clip((y - line) / (1 - line), 0, 1)[..., None]
    water = np.array(linear(0.86, 0.52, 0.56)) * (1 - depth) ** 2 + np.array(linear(0.27, 0.26, 0.52)) * (1 - (1 - depth) ** 2)
    shine = np.exp(-((x - 0.60) / (0.05 + 0.10 * depth[..., 0])) ** 2) * np.clip(0.45 + 0.75 * np.sin(y * 95 + 1.6 * np.sin(x * 9)), 0, 1)
    water = water + (shine * (1 - depth[..., 0]))[..., None] * np.array([0.85, 0.55, 0.28])
    picture = picture * (1 - sea) + water * sea
    for cx, w, h, colour in ((0.16, 0.24, 0.10, linear(0.40, 0.28, 0.50)), (0.92, 0.20, 0.15, linear(0.34, 0.25, 0.48)), (0.34, 0.10, 0.035, linear(0.52, 0.34, 0.54))):
        hill = line - h * np.clip(1 - ((x - cx) / w) ** 2, 0, None) * (1 + 0.12 * np.sin(x * 40 + cx * 9))
        inside = (np.clip((y - hill) * size / 1.5, 0, 1) * np.clip((line - y) * size / 1.5, 0, 1))[..., None]
        picture = picture * (1 - inside) + np.array(colour) * inside
    return glb.srgb(picture)


def window_pane():
    """A disc before the wall whose coordinates span the picture."""
    n, radius = 64, 0.66
    vertices = [(0.0, 0.0, 0.0)] + [(radius * math.cos(2 * math.pi * i / n), 0.0, radius * math.sin(2 * math.pi * i / n)) for i in range(n)]
    faces = [(0, 1 + i, 1 + (i + 1) % n) for i in range(n)]
    uv = [(0.5 + 0.5 * vertices[v][0] / radius, 0.5 + 0.5 * vertices[v][2] / radius) for f in faces for v in f]
    made = shapes.mesh_object("pane", vertices, faces, "pane", uv=uv)
    place(made, (0.05, BACK - 0.006, 1.36))
    furnish.tint_all([made])
    return made


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bake.set_up(samples=16 if DRAFT else 64)
    shell()
    wall_things()
    furniture()
    furnish.rest_white(0)
    room = bake.join(list(shapes.OBJECTS), "room")
    for name, (colour, roughness, glow, _) in PAINT.items():
        bake.paint(name, colour, roughness, 0.0, glow)
    background = bake.sky(SKY)
    lamp = bake.sun(KEY_ALONG, KEY)
    size = 256 if DRAFT else 1024
    bake.unwrap(room, 0.003)
    light, covered = bake.light_map(room, size, lamp, background, 10 if DRAFT else 40)
    print("light map: covered", covered.mean(), "mean", light[covered].mean(0), "99 %", np.percentile(light[covered], 99))
    light = bake.spread(bake.smooth(light, covered), covered)
    probes = []
    for at in [(-SEAT, 0.0, EYES), (SEAT, 0.0, EYES), (0.0, 0.0, 0.95), (-SEAT, -0.1, 0.7), (SEAT, -0.1, 0.7)]:
        sphere = bake.harmonics(bake.panorama(at, (64, 32), 24 if DRAFT else 96))
        probes.append({"position_m": [at[0], at[2], -at[1]], "radiance": sphere})
    print("probe at the left seat:", probes[0]["radiance"][0])

    out = glb.Writer("game room")
    light_map = out.image(glb.srgb(light / LIGHT_MAP_SCALE), quality=90, clamp=True)
    numbers = {}
    for name, (colour, roughness, glow, casts) in PAINT.items():
        extras = {} if casts else {"casts_shadow": False}
        if glow is None:
            extras["light_map"] = {"texture": light_map, "uv_set": 1, "scale": LIGHT_MAP_SCALE}
        numbers[name] = (out.material(name, colour=colour if glow is None else (0, 0, 0), roughness=roughness, emissive=glow,
                                      double=name == "leaf", extras=extras or None), 1.0)
    out.mesh("room", room, numbers, light_map=True, lean=True)
    pane = window_pane()
    picture = out.image(window_picture(), quality=88, clamp=True)
    number = out.material("pane", colour=(0, 0, 0), emissive=(1.0, 1.0, 1.0), emissive_texture=picture, roughness=1.0,
                          double=True, extras={"casts_shadow": False})
    out.mesh("pane", pane, {"pane": (number, None)})
    game_things.add(out, linear, {"seat": SEAT, "eyes": EYES, "turn": TURN, "top": TOP, "half_length": HALF_LENGTH})

    def frame(vector):
        return np.array([vector[0], vector[2], -vector[1]])

    for name, along, colour in (("key", KEY_ALONG, KEY), ("rim", RIM_ALONG, RIM)):
        strength = max(colour)
        out.lamp(name, "directional", [c / strength for c in colour], strength * math.pi, rotation=glb.looking(frame(along)))
    out.camera("spectator", (-0.03, 1.27, 2.10), (-0.01, 0.99, 0.0), 0.56)
    extras = {"look": {"kind": "toon", "bands": 3, "ink_px": 1.4, "ink_color": [0.012, 0.010, 0.035]}, "probes": probes,
              "environment": {"gradient": [list(c) for c in SKY], "visible": True}}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "game_room.glb")
    if "--out" in sys.argv:
        path = sys.argv[sys.argv.index("--out") + 1]
    print(path, out.save(path, extras), "bytes;", len(room.data.vertices), "vertices")


main()
