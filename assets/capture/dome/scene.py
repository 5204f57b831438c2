# SPDX-License-Identifier: MIT OR Apache-2.0
"""The dome in Blender: builds a person's objects once, poses them, renders a camera."""
from pathlib import Path

import bpy
import mathutils
import numpy as np
from PIL import Image

from . import cameras, clothes, eyes, groom, lights, materials
from .makehuman import UNIT_NAMES
from .nodes import image
from .parts import JOINTS, PART_NAMES
from .spaces import blender_from_body, body_from_mesh, mesh_from_body, vertex_normals

HIDDEN_DM = 0.35  # below the collar's plane: skin that no camera can see


class Dome:
    """One Blender scene. `work` is the folder of baked pictures (made when missing)."""

    def __init__(self, person, work, threads=2, bake_size=2048):
        self.person, self.work = person, Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        style = person.style
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self._settings(threads)
        self._skin(bake_size)
        self._eyes(style)
        self._mouth(style)
        clothes = person.parts["clothes"]
        self.clothes = self._mesh("clothes", clothes.neutral, clothes.quads, materials.knit(style["clothes"]["colour"]))
        _attribute(self.clothes.data, "template", clothes.neutral, "FLOAT_VECTOR")
        self._curves(style)
        self._lights()
        camera = bpy.data.cameras.new("camera")
        camera.sensor_width, camera.clip_end = 36, 100
        camera.lens = 36 * cameras.DISTANCE_DM / cameras.FRAME_DM
        self.camera = bpy.data.objects.new("camera", camera)
        bpy.context.collection.objects.link(self.camera)
        self.scene.camera = self.camera

    def pose(self, units, transforms, habits=()):
        """Sets the pose; returns the tracked mesh (mesh space, mm), exactly what is rendered."""
        person = self.person
        tracked = person.pose(units, transforms, habits)
        body = body_from_mesh(tracked)
        part = lambda name: body[slice(*person.ranges[name])]
        skin = part("skin")
        _move(self.skin, skin)
        weight = dict(zip(UNIT_NAMES, units))
        rest = person.style["skin"].get("wrinkles_at_rest", 0.0)
        for name, values in wrinkle_strengths(person.skin, weight, rest).items():
            self.skin.data.attributes[name].data.foreach_set("value", values.astype(np.float32))
        blood = self.perfusion.tint(skin, person.style["skin"].get("perfusion", 1.0))
        self.skin.data.attributes["blood"].data.foreach_set("color", np.c_[blood, np.ones(len(blood))].astype(np.float32).ravel())
        for i, name in enumerate(("eye_left", "eye_right")):
            _move(self.eyeballs[i], part(name)[:len(self.eyeballs[i].data.vertices)])
            t = transforms[JOINTS.index(name)]
            _move(self.irises[i], body_from_mesh(self.iris_rest[i] @ t[:, :3].T + t[:, 3]))
        for which, (teeth, gum) in self.jaws.items():
            points = part(f"teeth_{which}")
            n = len(teeth.data.vertices)
            _move(teeth, points[:n])
            _move(gum, points[n:])
        _move(self.tongue, part("tongue"))
        _move(self.clothes, part("clothes"))
        self.lash_curves.data.attributes["position"].data.foreach_set(
            "vector", blender_from_body(person.lashes.curves(part("lashes"))).ravel())
        self.lash_curves.data.update_tag()
        normals = vertex_normals(skin, person.skin.quads)
        for curves, (face, w, local) in self.skin_curves:
            points = groom.follow(skin, normals, person.skin.quads, face, w, local)
            curves.data.attributes["position"].data.foreach_set("vector", blender_from_body(points).ravel())
            curves.data.update_tag()
        self.hair.matrix_world = _blender_matrix(transforms[JOINTS.index("head")])
        return tracked

    def look_from(self, name):
        """Moves the camera to one of the fixed places."""
        self.aim(cameras.position(name), *cameras.target(name))

    def aim(self, position, target, frame_dm=cameras.FRAME_DM):
        """Any camera (dm, body space), for previews."""
        here, there = mathutils.Vector(blender_from_body(position)), mathutils.Vector(blender_from_body(target))
        self.camera.location = here
        self.camera.rotation_euler = (there - here).to_track_quat("-Z", "Y").to_euler()
        self.camera.data.lens = 36 * (there - here).length / frame_dm

    def render(self, path, samples, seed, size=cameras.SIZE, box=None):
        """Renders all passes into a multi-layer EXR at `path`: the whole picture, or a box (left, top, right, bottom: pixels)."""
        s = self.scene
        s.render.resolution_x = s.render.resolution_y = size
        s.render.use_border = s.render.use_crop_to_border = box is not None
        if box:
            left, top, right, bottom = np.array(box) / size
            s.render.border_min_x, s.render.border_max_x = left, right
            s.render.border_min_y, s.render.border_max_y = 1 - bottom, 1 - top
        s.cycles.samples, s.cycles.seed = samples, seed
        s.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)

    def _settings(self, threads):
        s = self.scene
        s.render.engine = "CYCLES"
        c = s.cycles
        c.device = "CPU"
        c.use_adaptive_sampling = False
        c.max_bounces, c.diffuse_bounces, c.glossy_bounces = 6, 2, 3
        c.transmission_bounces, c.transparent_max_bounces = 5, 12
        c.caustics_reflective = c.caustics_refractive = False
        c.sample_clamp_indirect, c.sample_clamp_direct, c.blur_glossy = 4, 0, 0.3
        c.use_denoising, c.denoiser = True, "OPENIMAGEDENOISE"
        c.denoising_input_passes, c.denoising_prefilter = "RGB_ALBEDO_NORMAL", "ACCURATE"
        s.render.threads_mode, s.render.threads = "FIXED", threads
        s.render.use_persistent_data = True
        s.render.film_transparent = True
        s.render.resolution_percentage = 100
        s.cycles_curves.shape, s.cycles_curves.subdivisions = "RIBBONS", 2
        s.view_settings.view_transform = "Standard"
        settings = s.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "MULTI_LAYER_IMAGE"
        settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "NONE"
        layer = s.view_layers[0]
        layer.use_pass_z = layer.use_pass_normal = layer.use_pass_object_index = True
        layer.cycles.denoising_store_passes = True

    def _mesh(self, name, points, faces, material):
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(blender_from_body(points).tolist(), [], [[i for i in f if i >= 0] for f in faces.tolist()])
        mesh.shade_smooth()
        mesh.materials.append(material)
        thing = bpy.data.objects.new(name, mesh)
        bpy.context.collection.objects.link(thing)
        thing.pass_index = PART_NAMES.index(name) + 1 if name in PART_NAMES else 0
        return thing

    def _skin(self, bake_size):
        skin, look, style = self.person.skin, self.person.look, self.person.style["skin"]
        names = ("bake_colour.png", "bake_relief.exr", "bake_wrinkles.png")
        baked = all((self.work / n).exists() for n in names)
        first = bpy.data.materials.new("none") if baked else None
        sockets = None
        if not baked:
            tree, sockets = materials.skin_procedural(style)
            first = tree.material
        # What the top hides is left out: a turned head would push it through the cloth.
        shown = (clothes.below_collar(skin.template)[skin.quads] < HIDDEN_DM).any(1)
        self.skin = self._mesh("skin", skin.neutral, skin.quads[shown], first)
        mesh = self.skin.data
        layer = mesh.uv_layers.new(name="atlas")
        atlas = skin.atlas.reshape(len(skin.quads), -1, 2)[shown]
        layer.data.foreach_set("uv", (atlas * [1, -1] + [0, 1]).astype(np.float32).ravel())
        _attribute(mesh, "template", skin.template, "FLOAT_VECTOR")
        _attribute(mesh, "colour", look["colour"], "FLOAT_COLOR")
        for name in ("roughness", "pore", "lip", "freckle"):
            _attribute(mesh, name, look[name], "FLOAT")
        for name in materials.WRINKLES:
            _attribute(mesh, name, skin.masks[name], "FLOAT")
        _attribute(mesh, "blood", np.ones((len(skin.template), 3)), "FLOAT_COLOR")
        self.perfusion = Perfusion(skin)
        if not baked:
            self._bake(tree, sockets, bake_size)
        mesh.materials[0] = materials.skin_baked(self.work, style["wrinkle_depth"])

    def _bake(self, tree, sockets, size):
        s = self.scene
        s.cycles.samples, s.cycles.use_denoising = 1, False
        emission = tree.node("Emission", {"Strength": 1.0})
        tree.surface(emission)
        for name, socket in sockets.items():
            hdr = name == "bake_relief"
            picture = bpy.data.images.new(name, size, size, float_buffer=hdr)
            picture.colorspace_settings.name = "sRGB" if name == "bake_colour" else "Non-Color"
            node = tree.node("TexImage")
            node.image = picture
            for other in tree.tree.nodes:
                other.select = False
            node.select = True
            tree.tree.nodes.active = node
            for link in list(emission.inputs["Color"].links):
                tree.tree.links.remove(link)
            tree.connect(socket, emission.inputs["Color"])
            bpy.ops.object.select_all(action="DESELECT")
            self.skin.select_set(True)
            bpy.context.view_layer.objects.active = self.skin
            bpy.ops.object.bake(type="EMIT", margin=8)
            picture.filepath_raw = str(self.work / (name + (".exr" if hdr else ".png")))
            picture.file_format = "OPEN_EXR" if hdr else "PNG"
            picture.save()
            tree.tree.nodes.remove(node)
        s.cycles.use_denoising = True

    def _eyes(self, style):
        path = self.work / "iris.png"
        if not path.exists():
            Image.fromarray(eyes.iris_picture(1024, style["iris"], style["seed"])).save(path)
        shell, iris = materials.eyeball(), materials.iris(image(path, "sRGB"))
        points, quads = eyes.shell()
        disc, disc_quads, disc_uv = eyes.iris_disc(style["iris"]["pupil"])
        self.eyeballs, self.irises, self.iris_rest = [], [], []
        for name, centre in zip(("eye_left", "eye_right"), self.person.eye_centres):
            ball = self._mesh(name, self.person.parts[name].neutral[:len(points)], quads, shell)
            _attribute(ball.data, "unit_eye", points, "FLOAT_VECTOR")
            rest = centre + disc * self.person.eye_radius
            inner = self._mesh("iris", rest, disc_quads, iris)
            inner.pass_index = ball.pass_index
            _attribute(inner.data, "iris_uv", disc_uv, "FLOAT_VECTOR")
            self.eyeballs.append(ball)
            self.irises.append(inner)
            self.iris_rest.append(mesh_from_body(rest))

    def _mouth(self, style):
        enamel, gum = materials.teeth(style["teeth"]), materials.gum()
        self.jaws = {}
        for jaw in self.person.jaws:
            teeth_faces, gum_faces = jaw.faces()
            pair = (self._mesh("crowns", jaw.teeth, teeth_faces, enamel), self._mesh("gum", jaw.gum, gum_faces, gum))
            for thing, points in zip(pair, (jaw.teeth, jaw.gum)):
                thing.pass_index = PART_NAMES.index(f"teeth_{jaw.which}") + 1
                _attribute(thing.data, "template", points, "FLOAT_VECTOR")
            self.jaws[jaw.which] = pair
        tongue = self.person.parts["tongue"]
        self.tongue = self._mesh("tongue", tongue.neutral, tongue.quads, materials.tongue())
        _attribute(self.tongue.data, "template", tongue.neutral, "FLOAT_VECTOR")

    def _curves(self, style):
        person, h = self.person, style["hair"]
        self.hair = _curve_object("hair", person.hair, *h["radius_dm"], materials.hair("hair", h["melanin"], h["redness"], .32, .25))
        self.hair.pass_index = PART_NAMES.index("hair") + 1
        lash = person.lashes.curves(person.parts["lashes"].neutral)
        self.lash_curves = _curve_object("lashes", lash, style["lashes"]["radius_dm"], .0002, materials.hair("lash", .985, .3, .35, .1))
        self.lash_curves.pass_index = PART_NAMES.index("lashes") + 1
        self.skin_curves = []
        for name, data in person.growth.items():
            strand = materials.hair(name, style[name]["melanin"], style[name].get("redness", .4), .38)
            thing = _curve_object(name, np.zeros_like(data[2]), .0010, .0003, strand)
            thing.pass_index = 1
            self.skin_curves.append((thing, data))

    def _lights(self):
        s, layer = self.scene, self.scene.view_layers[0]
        world = bpy.data.worlds.new("sky")
        s.world = world
        world.use_nodes = True
        background = world.node_tree.nodes["Background"]
        background.inputs[0].default_value = (*lights.SKY["colour"], 1)
        background.inputs[1].default_value = lights.SKY["strength"]
        layer.lightgroups.add(name="sky")
        world.lightgroup = "sky"
        for name, lamp in lights.LAMPS.items():
            data = bpy.data.lights.new(name, "AREA")
            data.shape = "RECTANGLE"
            data.size, data.size_y = lamp["size"]
            data.energy, data.color = lamp["power"], lamp["colour"]
            thing = bpy.data.objects.new(name, data)
            thing.location = blender_from_body(lights.position(name))
            aim = mathutils.Vector(blender_from_body(lights.CENTRE_DM)) - thing.location
            thing.rotation_euler = aim.to_track_quat("-Z", "Y").to_euler()
            bpy.context.collection.objects.link(thing)
            layer.lightgroups.add(name=name)
            thing.lightgroup = name


class Perfusion:
    """Skin that is pressed together reddens, skin that is stretched goes pale: blood stays where there is room for it.

    In the line of Jimenez et al., "A Practical Appearance Model for Dynamic Facial Color" (2010), with the strain of the
    surface in place of measured maps.
    """

    STRENGTH, MOST = 0.55, 0.40
    ABSORPTION = np.array([0.10, 0.42, 0.40])  # of red, green and blue, as in `skin.colour`

    def __init__(self, skin):
        self.quads, self.count = skin.quads, len(skin.neutral)
        self.share = np.maximum(np.bincount(skin.quads.ravel(), minlength=self.count), 1)
        self.rest = self._areas(skin.neutral)
        outer = (skin.masks["mouth_inside"] < 0.3) & (skin.template[:, 1] > 6.2)
        self.where = outer * (1 - 0.8 * skin.masks["scalp"])

    def _areas(self, positions):
        """Around each vertex, smoothed over its neighbours."""
        p = positions[self.quads]
        area = 0.5 * np.linalg.norm(np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]), axis=1)
        spread = lambda faces: np.bincount(self.quads.ravel(), np.repeat(faces, 4), self.count) / self.share
        for _ in range(6):
            area = spread(area)[self.quads].mean(1)
        return np.maximum(spread(area), 1e-9)

    def tint(self, positions, strength):
        """What the albedo is multiplied by, [V, 3]."""
        strain = np.log(self._areas(positions) / self.rest)
        blood = self.MOST * np.tanh(-self.STRENGTH * strain / self.MOST) * self.where * strength
        return np.exp(-blood[:, None] * self.ABSORPTION)


def wrinkle_strengths(skin, w, at_rest):
    """How deep each wrinkle pattern is per vertex (0..1) for unit weights by name; `at_rest` of it stays in the skin."""
    x, left = skin.template[:, 0], skin.template[:, 0] > 0
    side = lambda f: np.where(left, f("Left"), f("Right"))
    strain = {
        "wrinkle_forehead": 0.8 * w["browInnerUp"] * np.exp(-(x / 0.35) ** 2) + side(lambda s: w["browOuterUp" + s]),
        "wrinkle_crow": side(lambda s: 0.8 * w["eyeSquint" + s] + 0.7 * w["cheekSquint" + s] + 0.5 * w["mouthSmile" + s] + 0.3 * w["eyeBlink" + s]),
        "wrinkle_under": side(lambda s: 0.7 * w["eyeSquint" + s] + 0.8 * w["cheekSquint" + s] + 0.4 * w["mouthSmile" + s]),
        "wrinkle_smile": side(lambda s: w["mouthSmile" + s] + 0.5 * w["mouthDimple" + s] + 0.3 * w["mouthStretch" + s]),
        "wrinkle_chin": w["mouthShrugLower"] + 0.5 * side(lambda s: w["mouthFrown" + s]),
        "wrinkle_glabella": side(lambda s: w["browDown" + s]),
        "wrinkle_nose": side(lambda s: w["noseSneer" + s]),
    }
    return {name: skin.masks[name] * (at_rest + (1 - at_rest) * np.clip(value, 0, 1)) for name, value in strain.items()}


def _attribute(mesh, name, values, kind):
    attribute = mesh.attributes.new(name, kind, "POINT")
    values = np.asarray(values, np.float32)
    if kind == "FLOAT":
        attribute.data.foreach_set("value", values.ravel())
    elif kind == "FLOAT_VECTOR":
        attribute.data.foreach_set("vector", values.ravel())
    else:
        attribute.data.foreach_set("color", np.c_[values, np.ones(len(values), np.float32)].ravel())


def _move(thing, points):
    thing.data.vertices.foreach_set("co", blender_from_body(points).ravel())
    thing.data.update()


def _curve_object(name, points, root_radius, tip_radius, material):
    n, k, _ = points.shape
    data = bpy.data.hair_curves.new(name)
    data.add_curves([k] * n)
    data.materials.append(material)
    data.attributes["position"].data.foreach_set("vector", blender_from_body(points).ravel())
    radius = data.attributes.get("radius") or data.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", np.tile(np.linspace(root_radius, tip_radius, k), n).astype(np.float32))
    thing = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(thing)
    return thing


def _blender_matrix(transform):
    """A mesh-space rigid transform (3x4, mm) as a Blender object matrix (dm)."""
    basis = blender_from_body(body_from_mesh(np.eye(3))).T.astype(float) * 100  # columns: mesh axes in Blender's
    rotation = basis @ transform[:, :3] @ basis.T
    m = np.eye(4)
    m[:3, :3], m[:3, 3] = rotation, basis @ transform[:, 3] / 100
    return mathutils.Matrix(m.tolist())
