# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes GLB: meshes of Blender by material, pictures, lamps, cameras, and what SCENE.md adds to glTF."""
import io
import json
import struct

import numpy as np
from PIL import Image


def srgb(linear):
    """Linear light to code values 0..1."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


class Writer:
    """A file in the making."""

    def __init__(self, name):
        self.bin = bytearray()
        self.packs = False
        self.json = {
            "asset": {"version": "2.0", "generator": "vis-a-vis assets/scenes", "copyright": "CC0-1.0"},
            "scene": 0, "scenes": [{"name": name, "nodes": []}],
            "nodes": [], "meshes": [], "materials": [], "textures": [], "images": [], "samplers": [{}, {"wrapS": 33071, "wrapT": 33071}],
            "accessors": [], "bufferViews": [], "cameras": [],
        }

    def view(self, data, target=None):
        """Appends bytes; the number of their view."""
        while len(self.bin) % 4:
            self.bin.append(0)
        view = {"buffer": 0, "byteOffset": len(self.bin), "byteLength": len(data)}
        if target:
            view["target"] = target
        self.bin += data
        self.json["bufferViews"].append(view)
        return len(self.json["bufferViews"]) - 1

    def accessor(self, array, kind, component, target, normalized=False):
        """An accessor over a whole array."""
        made = {"bufferView": self.view(np.ascontiguousarray(array).tobytes(), target), "componentType": component,
                "count": len(array), "type": kind}
        if normalized:
            made["normalized"] = True
        if kind == "VEC3" and component == 5126:
            made["min"], made["max"] = [float(x) for x in array.min(0)], [float(x) for x in array.max(0)]
        self.json["accessors"].append(made)
        return len(self.json["accessors"]) - 1

    def image(self, picture, quality=None, clamp=False):
        """A picture (sRGB or data, 0..1, rows downwards) as JPEG of this quality, or as PNG; the texture's number."""
        pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        out = io.BytesIO()
        if quality:
            Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
        else:
            Image.fromarray(pixels).save(out, "PNG", optimize=True)
        mime = "image/jpeg" if quality else "image/png"
        self.json["images"].append({"bufferView": self.view(out.getvalue()), "mimeType": mime})
        self.json["textures"].append({"source": len(self.json["images"]) - 1, "sampler": int(clamp)})
        return len(self.json["textures"]) - 1

    def material(self, name, colour=(1, 1, 1), alpha=None, roughness=0.8, metallic=0.0, texture=None, normal=None,
                 normal_scale=1.0, rough_texture=None, emissive=None, emissive_texture=None, double=False, unlit=False, extras=None):
        """A material; textures by number. Colours are linear."""
        pbr = {"baseColorFactor": [*map(float, colour), 1.0], "roughnessFactor": roughness, "metallicFactor": metallic}
        made = {"name": name, "pbrMetallicRoughness": pbr}
        if texture is not None:
            pbr["baseColorTexture"] = {"index": texture}
        if rough_texture is not None:
            pbr["metallicRoughnessTexture"] = {"index": rough_texture}
        if normal is not None:
            made["normalTexture"] = {"index": normal, "scale": normal_scale}
        if emissive is not None:
            strength = max(1.0, max(emissive))
            made["emissiveFactor"] = [float(c / strength) for c in emissive]
            if strength > 1:
                made.setdefault("extensions", {})["KHR_materials_emissive_strength"] = {"emissiveStrength": float(strength)}
        if emissive_texture is not None:
            made["emissiveTexture"] = {"index": emissive_texture}
        if alpha:
            made["alphaMode"] = alpha
        if double:
            made["doubleSided"] = True
        if unlit:
            made.setdefault("extensions", {})["KHR_materials_unlit"] = {}
        if extras:
            made["extras"] = {"visavis": extras}
        self.json["materials"].append(made)
        return len(self.json["materials"]) - 1

    def node(self, name, **fields):
        """A node at the root."""
        self.json["nodes"].append({"name": name, **fields})
        self.json["scenes"][0]["nodes"].append(len(self.json["nodes"]) - 1)
        return len(self.json["nodes"]) - 1

    def packed_normals(self, normals):
        """Normals of a byte an axis, four bytes apart (KHR_mesh_quantization): a drawing's light doesn't tell."""
        self.packs = True
        rows = np.zeros((len(normals), 4), np.int8)
        rows[:, :3] = np.round(normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9) * 127)
        view = self.view(rows.tobytes(), 34962)
        self.json["bufferViews"][view]["byteStride"] = 4
        self.json["accessors"].append({"bufferView": view, "componentType": 5120, "count": len(rows), "type": "VEC3", "normalized": True})
        return len(self.json["accessors"]) - 1

    def mesh(self, name, made, materials, light_map=False, lean=False, **fields):
        """A Blender object; `materials` by name: (number, metres a repeat or None for its own coordinates). A lean one has no
        coordinates for pictures, but those of its light map, and small normals."""
        mesh = made.data
        mesh.calc_loop_triangles()
        loops = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.loop_triangles.foreach_get("loops", loops)
        kinds = np.empty(len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("material_index", kinds)

        def read(collection, attribute, width, dtype=np.float32):
            out = np.empty(len(collection) * width, dtype)
            collection.foreach_get(attribute, out)
            return out.reshape(-1, width) if width > 1 else out

        vertex = read(mesh.loops, "vertex_index", 1, np.int32)
        position = read(mesh.vertices, "co", 3)[vertex]
        normal = read(mesh.corner_normals, "vector", 3)
        own = read(mesh.uv_layers["uv0"].uv, "vector", 2)
        second = read(mesh.uv_layers["uv1"].uv, "vector", 2) if light_map else None
        tint = read(mesh.color_attributes["tint"].data, "color", 4)
        primitives = []
        for index, slot in enumerate(made.material_slots):
            used = loops.reshape(-1, 3)[kinds == index].ravel()
            if not len(used):
                continue
            number, tile = materials[slot.material.name]
            p, n = position[used], normal[used]
            if tile is None:
                uv = own[used]
            else:  # seen from the side that each triangle faces
                corner = p.reshape(-1, 3, 3)
                face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
                axis = np.repeat(np.abs(face).argmax(1), 3)
                uv = np.where((axis == 0)[:, None], p[:, [1, 2]], np.where((axis == 1)[:, None], p[:, [0, 2]], p[:, :2])) / tile
            columns = [p[:, [0, 2, 1]] * [1, 1, -1], n[:, [0, 2, 1]] * [1, 1, -1], uv * [1, -1] + [0, 1], tint[used][:, :3]]
            if light_map:
                columns.append(second[used] * [1, -1] + [0, 1])
            if lean:
                columns[2] = np.zeros_like(columns[2])
            rows = np.concatenate(columns, 1).astype(np.float32)
            _, first, inverse = np.unique(np.round(rows * 20000).astype(np.int64), axis=0, return_index=True, return_inverse=True)
            rows, inverse = rows[first], inverse.reshape(-1)
            attributes = {"POSITION": self.accessor(rows[:, :3], "VEC3", 5126, 34962)}
            if lean:
                attributes["NORMAL"] = self.packed_normals(rows[:, 3:6])
            else:
                attributes["NORMAL"] = self.accessor(rows[:, 3:6], "VEC3", 5126, 34962)
                attributes["TEXCOORD_0"] = self.accessor(rows[:, 6:8], "VEC2", 5126, 34962)
            if np.abs(rows[:, 8:11] - 1).max() > 1e-3:
                rgba = np.concatenate([rows[:, 8:11].clip(0, 1), np.ones((len(rows), 1))], 1)
                attributes["COLOR_0"] = self.accessor(np.round(rgba * 255).astype(np.uint8), "VEC4", 5121, 34962, True)
            if light_map:
                packed = np.round(rows[:, 11:13].clip(0, 1) * 65535).astype(np.uint16)
                attributes["TEXCOORD_1"] = self.accessor(packed, "VEC2", 5123, 34962, True)
            wide = len(rows) > 65535
            indices = inverse.astype(np.uint32 if wide else np.uint16)
            primitives.append({"attributes": attributes, "material": number,
                               "indices": self.accessor(indices, "SCALAR", 5125 if wide else 5123, 34963)})
        self.json["meshes"].append({"name": name, "primitives": primitives})
        return self.node(name, mesh=len(self.json["meshes"]) - 1, **fields)

    def lamp(self, name, kind, colour, intensity, rotation=None, translation=None, **fields):
        """A lamp of KHR_lights_punctual on a node of its own."""
        lights = self.json.setdefault("extensions", {}).setdefault("KHR_lights_punctual", {"lights": []})["lights"]
        lights.append({"name": name, "type": kind, "color": list(colour), "intensity": intensity, **fields})
        place = {"rotation": rotation} if rotation is not None else {}
        if translation is not None:
            place["translation"] = translation
        return self.node(name, **place, extensions={"KHR_lights_punctual": {"light": len(lights) - 1}})

    def camera(self, name, eye, target, vertical_angle, near=0.05, **extras):
        """A perspective camera at `eye` that looks at `target` (glTF frame)."""
        self.json["cameras"].append({"name": name, "type": "perspective", "perspective": {"yfov": vertical_angle, "znear": near}})
        fields = {"extras": {"visavis": extras}} if extras else {}
        rotation = looking(np.subtract(target, eye))
        return self.node(name, translation=list(map(float, eye)), rotation=rotation, camera=len(self.json["cameras"]) - 1, **fields)

    def save(self, path, extras=None):
        """Writes the file; how many bytes it has."""
        used = set()
        for made in self.json["materials"]:
            used |= set(made.get("extensions", {}))
        used |= set(self.json.get("extensions", {}))
        if self.packs:
            used.add("KHR_mesh_quantization")
            self.json["extensionsRequired"] = ["KHR_mesh_quantization"]
        if used:
            self.json["extensionsUsed"] = sorted(used)
        if extras:
            self.json["scenes"][0]["extras"] = {"visavis": extras}
        while len(self.bin) % 4:
            self.bin.append(0)
        self.json["buffers"] = [{"byteLength": len(self.bin)}]
        text = json.dumps({k: v for k, v in self.json.items() if v != []}, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(self.bin)
        with open(path, "wb") as out:
            out.write(b"glTF" + struct.pack("<II", 2, length))
            out.write(struct.pack("<I", len(text)) + b"JSON" + text)
            out.write(struct.pack("<I", len(self.bin)) + b"BIN\0" + bytes(self.bin))
        return length


def looking(direction):
    """The rotation (x, y, z, w) that turns −Z to `direction` and leaves it upright."""
    back = -np.asarray(direction, float) / np.linalg.norm(direction)
    right = np.cross([0, 1, 0], back)
    right /= np.linalg.norm(right)
    m = np.stack([right, np.cross(back, right), back], 1)
    from scipy.spatial.transform import Rotation

    return [float(x) for x in Rotation.from_matrix(m).as_quat()]
