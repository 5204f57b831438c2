"""A glTF 2.0 file with skins and sparse, quantised morph targets."""
import json
import struct

import numpy as np

HALF_RANGE_M = 0.4  # of 16-bit positions: steps of 12 micrometres
LEAST_STEPS = 10  # displacements of less than this many steps (0.12 mm) are left out


class File:
    def __init__(self, generator):
        self.json = {"asset": {"version": "2.0", "generator": generator}, "scene": 0, "scenes": [{"nodes": []}],
                     "extensionsUsed": ["KHR_mesh_quantization"], "extensionsRequired": ["KHR_mesh_quantization"],
                     "nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": [], "skins": []}
        self.data = bytearray()

    def view(self, array, **more):
        self.data.extend(b"\0" * (-len(self.data) % 4))
        blob = array if isinstance(array, bytes) else np.ascontiguousarray(array).tobytes()
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(blob), **more})
        self.data.extend(blob)
        return len(self.json["bufferViews"]) - 1

    def accessor(self, **of):
        self.json["accessors"].append(of)
        return len(self.json["accessors"]) - 1

    def node(self, parent=None, **of):
        self.json["nodes"].append(of)
        number = len(self.json["nodes"]) - 1
        if parent is None:
            self.json["scenes"][0]["nodes"].append(number)
        else:
            self.json["nodes"][parent].setdefault("children", []).append(number)
        return number

    def picture(self, png):
        """A texture of a PNG's bytes."""
        images, textures = (self.json.setdefault(name, []) for name in ("images", "textures"))
        images.append({"bufferView": self.view(png), "mimeType": "image/png"})
        self.json.setdefault("samplers", [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}])
        textures.append({"source": len(images) - 1, "sampler": 0})
        return len(textures) - 1

    def material(self, name, color, roughness, texture=None, double=False, glow=None):
        pbr = {"baseColorFactor": [*color, 1.0], "metallicFactor": 0.0, "roughnessFactor": roughness}
        if texture is not None:
            pbr["baseColorTexture"] = {"index": texture}
        self.json["materials"].append({"name": name, "pbrMetallicRoughness": pbr, **({"doubleSided": True} if double else {}),
                                       **({"emissiveFactor": glow} if glow else {})})
        return len(self.json["materials"]) - 1

    def mesh(self, name, points_m, triangles, normals, material, colors=None, uv=None, joints=None, targets=None):
        """`points_m` [n,3] within HALF_RANGE_M of where the node is; `joints` (numbers, weights) [n,4] each; `targets`
        {name: displacements [n,3], metres}."""
        n = len(points_m)
        whole = lambda x: np.round(np.asarray(x) / HALF_RANGE_M * 32767)
        q = whole(points_m).astype(np.int16)
        padded = np.zeros((n, 4), np.int16)
        padded[:, :3] = q
        vertex = {"target": 34962}
        low, high = q.min(0), q.max(0)
        attributes = {"POSITION": self.accessor(
            bufferView=self.view(padded, byteStride=8, **vertex), componentType=5122, normalized=True, count=n, type="VEC3",
            min=[float(x) / 32767 for x in low], max=[float(x) / 32767 for x in high])}
        normal = np.zeros((n, 4), np.int8)
        normal[:, :3] = np.round(normals * 127)
        attributes["NORMAL"] = self.accessor(bufferView=self.view(normal, byteStride=4, **vertex), componentType=5120,
                                             normalized=True, count=n, type="VEC3")
        if colors is not None:
            rgba = np.full((n, 4), 255, np.uint8)
            rgba[:, :3] = np.round(np.clip(colors, 0, 1) * 255)
            attributes["COLOR_0"] = self.accessor(bufferView=self.view(rgba, byteStride=4, **vertex), componentType=5121,
                                                  normalized=True, count=n, type="VEC4")
        if uv is not None:
            attributes["TEXCOORD_0"] = self.accessor(bufferView=self.view(np.float32(uv), byteStride=8, **vertex),
                                                     componentType=5126, count=n, type="VEC2")
        if joints is not None:
            numbers, weights = joints
            attributes["JOINTS_0"] = self.accessor(bufferView=self.view(np.uint8(numbers), byteStride=4, **vertex),
                                                   componentType=5121, count=n, type="VEC4")
            weights = np.round(np.asarray(weights) * 255)
            weights[:, 0] += 255 - weights.sum(1)
            attributes["WEIGHTS_0"] = self.accessor(bufferView=self.view(np.uint8(weights), byteStride=4, **vertex),
                                                    componentType=5121, normalized=True, count=n, type="VEC4")
        index = self.accessor(bufferView=self.view(np.uint16(triangles).ravel(), target=34963), componentType=5123,
                              count=int(np.size(triangles)), type="SCALAR")
        primitive = {"attributes": attributes, "indices": index, "material": material}
        mesh = {"name": name, "primitives": [primitive]}
        kept = {k: whole(d) for k, d in (targets or {}).items()}
        kept = {k: d for k, d in kept.items() if (np.abs(d).max(1) >= LEAST_STEPS).any()}
        if kept:
            primitive["targets"] = [{"POSITION": self._sparse(d, n)} for d in kept.values()]
            mesh["extras"] = {"targetNames": list(kept)}
        self.json["meshes"].append(mesh)
        return len(self.json["meshes"]) - 1

    def _sparse(self, d, n):
        at = np.flatnonzero(np.abs(d).max(1) >= LEAST_STEPS)
        values = d[at].astype(np.int16)
        both = np.zeros((n, 3))
        both[at] = values
        bounds = {"min": [float(x) / 32767 for x in both.min(0)], "max": [float(x) / 32767 for x in both.max(0)]}
        return self.accessor(componentType=5122, normalized=True, count=n, type="VEC3", **bounds, sparse={
            "count": len(at), "indices": {"bufferView": self.view(at.astype(np.uint16)), "componentType": 5123},
            "values": {"bufferView": self.view(values)}})

    def skin(self, joints, places_m):
        """Joints (nodes) with unit axes at these places; positions come in the quantised range."""
        matrices = []
        for x, y, z in places_m:
            s = HALF_RANGE_M
            matrices.append([s, 0, 0, 0, 0, s, 0, 0, 0, 0, s, 0, -x, -y, -z, 1])
        view = self.view(np.float32(matrices))
        inverse = self.accessor(bufferView=view, componentType=5126, count=len(joints), type="MAT4")
        self.json["skins"].append({"joints": joints, "inverseBindMatrices": inverse})
        return len(self.json["skins"]) - 1

    def save(self, path):
        self.json["buffers"] = [{"byteLength": len(self.data)}]
        for name in [name for name, value in self.json.items() if value == []]:
            del self.json[name]
        text = json.dumps(self.json, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        self.data.extend(b"\0" * (-len(self.data) % 4))
        whole = 12 + 8 + len(text) + 8 + len(self.data)
        blob = struct.pack("<4sII", b"glTF", 2, whole) + struct.pack("<I4s", len(text), b"JSON") + text
        path.write_bytes(blob + struct.pack("<I4s", len(self.data), b"BIN\0") + bytes(self.data))
        return whole
