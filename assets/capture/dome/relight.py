"""Other light in the dome: what `visavis_codec::light::Light` says in JSON, as Blender's lamps and sky.

Strengths are the colour that diffuse white takes (irradiance over pi); that Blender's watts become it as written here was
measured on a white plane: a point lamp of P watts at d makes it P / (pi^2 4 d^2), an area lamp of P watts and of the area
of a disc of radius r that faces it P / (pi^2 (r^2 + d^2)), a sun of S watts a square metre S / pi.
"""
import bpy
import mathutils
import numpy as np

from . import lights
from .spaces import MM_PER_DM, blender_from_body, body_from_mesh

ROWS = 64  # of the sky's picture
DM_PER_M = 10.0


def blender_from_rest(vectors):
    """Directions, or positions in decimetres, from head space at rest to Blender's axes."""
    return blender_from_body(body_from_mesh(np.asarray(vectors, float) * MM_PER_DM))


def rig_light(mix=None):
    """The capture's own rig as a Light; `mix` says how strong each lamp is (1: as captured)."""
    of = lambda name: (mix or {}).get(name, 1.0 if mix is None else 0.0)
    lamps = []
    for name, lamp in lights.LAMPS.items():
        place = lights.position(name) * np.array([-1, 1, -1]) / DM_PER_M
        radius_dm = np.sqrt(np.prod(lamp["size"]) / np.pi)
        # The distance to what it points at is `distance`; white there is what it says it is from one metre, by the square law.
        facing = lamp["power"] / (np.pi**2 * (radius_dm**2 + lamp["distance"]**2)) * (lamp["distance"] / DM_PER_M)**2
        lamps.append({"kind": {"point": {"position_m": place.round(6).tolist(), "radius_m": round(radius_dm / DM_PER_M, 6)}},
                      "color": [round(of(name) * facing * c, 6) for c in lamp["colour"]]})
    sky = [of("sky") * lights.SKY["strength"] * c for c in lights.SKY["colour"]]
    return {"ambient": {"coefficients": [[c / 0.2820948 for c in sky]] + [[0.0] * 3] * 8}, "lamps": lamps}


def apply_mix(mix):
    """Each lamp of the rig `mix[name]` times as strong as it was; those not named are off."""
    for name, lamp in lights.LAMPS.items():
        bpy.data.lights[name].energy = lamp["power"] * mix.get(name, 0.0)
    _world().inputs[1].default_value = lights.SKY["strength"] * mix.get("sky", 0.0)


def apply_light(light):
    """The rig is off, and this is on."""
    apply_mix({})
    for lamp in light["lamps"]:
        _lamp(lamp)
    image = bpy.data.images.new("ambient", 2 * ROWS, ROWS, float_buffer=True, alpha=False)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.ones((ROWS, 2 * ROWS, 4), np.float32)
    pixels[..., :3] = radiance(light["ambient"]["coefficients"], sky_directions())
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    tree, background = bpy.context.scene.world.node_tree, _world()
    environment = tree.nodes.new("ShaderNodeTexEnvironment")
    environment.image = image
    tree.links.new(environment.outputs[0], background.inputs[0])
    background.inputs[1].default_value = 1.0


def clear():
    """The rig as it was."""
    for thing in [o for o in bpy.data.objects if o.name.startswith("other light")]:
        bpy.data.objects.remove(thing)
    tree, background = bpy.context.scene.world.node_tree, _world()
    for node in [n for n in tree.nodes if n.bl_idname == "ShaderNodeTexEnvironment"]:
        tree.nodes.remove(node)
    background.inputs[0].default_value = (*lights.SKY["colour"], 1)
    apply_mix({name: 1.0 for name in (*lights.LAMPS, "sky")})


def radiance(coefficients, d):
    """Radiance [..., 3] from unit directions [..., 3] of head space at rest."""
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    basis = np.stack([0.2820948 + 0 * x, 0.4886025 * y, 0.4886025 * z, 0.4886025 * x, 1.0925484 * x * y, 1.0925484 * y * z,
                      0.31539157 * (3 * z * z - 1), 1.0925484 * x * z, 0.5462742 * (x * x - y * y)], -1)
    return np.maximum(basis @ np.array(coefficients), 0)


def sky_directions():
    """[ROWS, 2 ROWS, 3] of head space at rest, for the pixels of an environment picture, the first row straight down."""
    elevation = ((np.arange(ROWS) + 0.5) / ROWS - 0.5) * np.pi
    azimuth = -((np.arange(2 * ROWS) + 0.5) / ROWS - 1) * np.pi
    elevation, azimuth = np.meshgrid(elevation, azimuth, indexing="ij")
    x, y, z = np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)
    return np.stack([-x, z, y], -1)


def _world():
    return bpy.context.scene.world.node_tree.nodes["Background"]


def _lamp(lamp):
    (kind, values), = lamp["kind"].items()
    color = np.array(lamp["color"], float)
    strength = max(color.max(), 1e-9)
    if kind == "directional":
        data = bpy.data.lights.new("other light", "SUN")
        data.angle = 2 * values["angular_radius_rad"]
        data.energy = np.pi * strength
        place = DM_PER_M * np.array(values["to_lamp"])
    elif kind == "point":
        data = bpy.data.lights.new("other light", "AREA")
        place = DM_PER_M * np.array(values["position_m"])
        radius = DM_PER_M * max(values["radius_m"], 0.005)
        data.shape, data.size = "DISK", 2 * radius
        distance = np.linalg.norm(place - _centre())
        data.energy = strength * np.pi**2 * (radius**2 + distance**2) / (distance / DM_PER_M)**2
    else:
        raise ValueError(f"the dome has no lamp of kind {kind!r}: directional and point it has")
    data.color = color / strength
    thing = bpy.data.objects.new("other light", data)
    thing.location = mathutils.Vector(blender_from_rest(place))
    aim = _centre() if kind == "point" else np.zeros(3)
    thing.rotation_euler = (mathutils.Vector(blender_from_rest(aim)) - thing.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)


def _centre():
    return np.array(lights.CENTRE_DM) * np.array([-1, 1, -1])
