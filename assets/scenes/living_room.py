# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes living_room.glb: a desk by the window. `python living_room.py [--draft]`, with Blender's module `bpy` 5.0.

Blender's frame here: +Z up, the camera looks along +Y, metres. The person sits at PERSON and looks at the camera."""
import math
import os
import sys

import bpy
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import bake, furnish, glb, shapes, textures  # noqa: E402

DRAFT = "--draft" in sys.argv
LEFT, RIGHT, FRONT, BACK, TOP = -1.45, 2.3, -2.9, 2.2, 2.65
WINDOWS = [(0.1, 1.75), (-1.95, -0.5)]  # along the left wall, from and to
SILL, LINTEL = 0.72, 2.5
PERSON = (0.22, 0.0, 1.095)
SUN_ALONG = (0.68, 0.52, -0.45)
SUN = (2.1, 1.72, 1.28)  # what white that faces it becomes
SKY = [(2.2, 2.6, 3.2), (3.0, 3.1, 3.2), (0.5, 0.52, 0.42)]
LIGHT_MAP_SCALE = 3.0


def linear(*rgb):
    """From sRGB."""
    return tuple(((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in rgb)


# name: linear colour for the baker, roughness, metallic
PAINT = {
    "wall": (linear(0.90, 0.88, 0.84), 0.9, 0), "ceiling": (linear(0.95, 0.95, 0.94), 0.95, 0),
    "floor": (linear(0.55, 0.40, 0.27), 0.4, 0), "white": (linear(0.93, 0.92, 0.90), 0.45, 0),
    "linen": (linear(0.86, 0.83, 0.77), 0.95, 0), "sofa": (linear(0.37, 0.42, 0.46), 0.95, 0),
    "ochre": (linear(0.72, 0.50, 0.25), 0.95, 0), "oak": (linear(0.66, 0.50, 0.34), 0.5, 0),
    "walnut": (linear(0.38, 0.25, 0.17), 0.45, 0), "rug": (linear(0.52, 0.45, 0.38), 1.0, 0),
    "book": (linear(0.9, 0.9, 0.9), 0.7, 0), "paper": (linear(0.92, 0.90, 0.84), 0.9, 0),
    "leaf": (linear(0.24, 0.37, 0.17), 0.45, 0), "pot": (linear(0.87, 0.84, 0.80), 0.35, 0),
    "clay": (linear(0.66, 0.40, 0.29), 0.85, 0), "soil": (linear(0.16, 0.12, 0.09), 1.0, 0),
    "metal": (linear(0.80, 0.81, 0.83), 0.35, 1), "brass": (linear(0.80, 0.66, 0.42), 0.3, 1),
    "painting": (linear(0.55, 0.53, 0.48), 0.6, 0), "shade": (linear(0.93, 0.86, 0.74), 0.9, 0),
}
LAMP_GLOW = (0.75, 0.52, 0.30)


# The camera of the picture (glTF frame).
EYE, TARGET, VERTICAL_ANGLE = (0.33, 1.19, 1.74), (-0.015, 1.035, 0.0), math.radians(24.5)


def trim(room):
    """Takes away what is never seen from inside: the outer faces of walls, floor and ceiling."""
    mesh = room.data
    centres = np.empty(len(mesh.polygons) * 3, np.float32)
    mesh.polygons.foreach_get("center", centres)
    x, y, z = centres.reshape(-1, 3).T
    hidden = (x < LEFT - 0.2) | (x > RIGHT + 0.05) | (y < FRONT - 0.05) | (y > BACK + 0.05) | (z < -0.02) | (z > TOP + 0.02)
    import bmesh

    edit = bmesh.new()
    edit.from_mesh(mesh)
    edit.faces.ensure_lookup_table()
    bmesh.ops.delete(edit, geom=[edit.faces[i] for i in np.flatnonzero(hidden)], context="FACES")
    edit.to_mesh(mesh)
    edit.free()


def build():
    """All objects; the first are those that stay."""
    furnish.shell(LEFT, RIGHT, FRONT, BACK, TOP, WINDOWS, SILL, LINTEL)
    furnish.curtains(LEFT, WINDOWS, LINTEL)
    furnish.sofa(-1.0, 0.95, BACK - 0.06)
    furnish.shelf(1.02, 1.92, BACK - 0.02)
    furnish.picture(-0.52, BACK, 1.56, 0.78, 0.6)
    furnish.floor_lamp(0.83, BACK - 0.28)
    furnish.plant(-1.08, BACK - 0.36)
    furnish.floor_rug(-0.9, 0.75, 0.35, 1.45)
    furnish.desk(PERSON)
    furnish.chair(PERSON)


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bake.set_up(samples=16 if DRAFT else 96)
    build()
    room = bake.join(list(shapes.OBJECTS), "room")
    for name, (colour, roughness, metallic) in PAINT.items():
        bake.paint(name, colour, roughness, metallic, LAMP_GLOW if name == "shade" else None)
    background = bake.sky(SKY)
    lamp = bake.sun(SUN_ALONG, SUN)
    trim(room)
    if "--preview" in sys.argv:
        bake.preview(EYE, TARGET, VERTICAL_ANGLE, sys.argv[sys.argv.index("--preview") + 1])
        return
    size = 256 if DRAFT else 1024
    bake.unwrap(room, 0.0035)
    light, covered = bake.light_map(room, size, lamp, background, 12 if DRAFT else 40)
    print("light map: covered", covered.mean(), "mean", light[covered].mean(0), "99 %", np.percentile(light[covered], 99))
    light = bake.spread(bake.smooth(light, covered), covered)

    pano_size = (128, 64) if DRAFT else (256, 128)
    centre = (0.2, -0.3, 1.35)
    around = bake.panorama(centre, pano_size, 24 if DRAFT else 128)
    places = [PERSON, (PERSON[0] - 0.55, PERSON[1] + 0.1, 1.2), (PERSON[0] + 0.6, PERSON[1] + 0.1, 1.2), (0.2, -1.2, 1.3), (-0.1, 1.2, 1.2)]
    probes = []
    for at in places:
        sphere = bake.harmonics(bake.panorama(at, (64, 32), 32 if DRAFT else 96))
        probes.append({"position_m": [at[0], at[2], -at[1]], "radiance": sphere})
    print("probe at the person:", probes[0]["radiance"][0])

    out = glb.Writer("living room")
    light_map = out.image(glb.srgb(light / LIGHT_MAP_SCALE), quality=93, clamp=True)
    save_materials(out, room, light_map)
    garden = out.image(textures.garden(), quality=85, clamp=True)
    outside(out, garden)
    direction = np.array([SUN_ALONG[0], SUN_ALONG[2], -SUN_ALONG[1]])
    strength = max(SUN)
    out.lamp("sun", "directional", [c / strength for c in SUN], strength * math.pi, rotation=glb.looking(direction))
    # A person in their node's frame looks along −Z; this one turns to the camera.
    # A little aside and lower than what the furniture was set up for, so that the desk hides where a bust ends.
    out.node("person", translation=[PERSON[0] - 0.035, PERSON[2] - 0.01, -PERSON[1]], rotation=[0.0, 0.9962, 0.0, 0.0872])
    out.camera("portrait", EYE, TARGET, VERTICAL_ANGLE, focus_m=1.7, aperture_m=0.028)
    out.camera("room", (1.9, 1.75, 2.55), (-0.2, 0.95, -0.9), math.radians(52))
    scale = float(max(4.0, np.percentile(around, 99.9)))
    picture = out.json["textures"][out.image(glb.srgb(around / scale), clamp=True)]["source"]
    environment = {"image": picture, "scale": scale, "visible": False,
                   "room": {"min": [LEFT, 0.0, -BACK], "max": [RIGHT, TOP, -FRONT], "seen_from": [centre[0], centre[2], -centre[1]]}}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "living_room.glb")
    if "--out" in sys.argv:
        path = sys.argv[sys.argv.index("--out") + 1]
    print(path, out.save(path, {"environment": environment, "probes": probes}), "bytes;", len(room.data.vertices), "vertices")


def save_materials(out, room, light_map):
    """The materials with their pictures, then the one mesh."""
    colour, rough = textures.boards()
    data = np.zeros((*rough.shape, 3))
    data[..., 1] = rough
    boards = out.image(colour, quality=86)
    boards_rough = out.image(data[::2, ::2], quality=85)
    cloth, cloth_normal = textures.weave([0.80, 0.80, 0.80])
    cloth, cloth_normal = out.image(cloth, quality=84), out.image(cloth_normal, quality=86)
    plaster = out.image(textures.plaster(), quality=86)
    oak = out.image(textures.wood([0.52, 0.37, 0.23], [0.72, 0.55, 0.38]), quality=86)
    walnut = out.image(textures.wood([0.27, 0.17, 0.11], [0.45, 0.31, 0.21], seed=9), quality=86)
    pictures = {
        "floor": dict(texture=boards, rough_texture=boards_rough, colour=(1, 1, 1), roughness=1.0, tile=1.5),
        "wall": dict(normal=plaster, normal_scale=0.35, tile=0.5), "ceiling": dict(tile=0.5),
        "linen": dict(texture=cloth, normal=cloth_normal, normal_scale=0.6, tile=None, double=True, brighter=1.6),
        "sofa": dict(texture=cloth, normal=cloth_normal, tile=0.13, brighter=1.6),
        "ochre": dict(texture=cloth, normal=cloth_normal, tile=0.11, brighter=1.6),
        "oak": dict(texture=oak, colour=(1, 1, 1), tile=0.7), "walnut": dict(texture=walnut, colour=(1, 1, 1), tile=0.7),
        "rug": dict(texture=out.image(textures.rug(), quality=84), colour=(1, 1, 1), tile=None),
        "painting": dict(texture=out.image(textures.painting(), quality=86, clamp=True), colour=(1, 1, 1), tile=None),
        "leaf": dict(double=True, tile=None), "shade": dict(emissive=LAMP_GLOW, double=True, tile=1.0),
    }
    numbers = {}
    for name, (base, roughness, metallic) in PAINT.items():
        fields = {"colour": base, "roughness": roughness, "metallic": metallic, **pictures.get(name, {})}
        tile, brighter = fields.pop("tile", 1.0), fields.pop("brighter", 1.0)
        fields["colour"] = tuple(min(1.0, c * brighter) for c in fields["colour"])
        extras = {"light_map": {"texture": light_map, "uv_set": 1, "scale": LIGHT_MAP_SCALE}}
        # Metal takes no diffuse light that a map could hold.
        numbers[name] = (out.material(name, extras=None if metallic else extras, **fields), tile)
    out.mesh("room", room, numbers, light_map=True)


def outside(out, garden):
    """What is seen through the windows: a picture on an upright sheet that casts no shadow."""
    sheet = shapes.sheet("outside", lambda s, t: (LEFT - 1.6, -4.5 + 9.0 * s, -0.6 + 4.4 * t), 1, 1, "outside", smooth=False)
    number = out.material("outside", colour=(0, 0, 0), emissive=(2.6, 2.6, 2.6), emissive_texture=garden, double=True,
                          roughness=1.0, extras={"casts_shadow": False})
    furnish.tint_all([sheet])
    out.mesh("outside", sheet, {"outside": (number, None)})


main()
