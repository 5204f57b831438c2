"""Puts a person together: every part, the joints, and the pose function."""
import json
from pathlib import Path

import numpy as np

from . import clothes, eyes, groom, hair_shell, uv_atlas
from .contact import Lids, Lips
from .lashes import STRIPS, Lashes
from .makehuman import UNIT_NAMES, MakeHuman
from .parts import JOINTS, PART_NAMES, Part, all_on, weld_corners
from .skin import Skin, colour
from .spaces import MM_PER_DM, body_from_mesh, mesh_from_body, rotation_from_vector, sphere_fit
from .spaces import smoothstep as ss
from .subdivide import subdivide
from .teeth import Jaw

# Template positions of the joints that aren't found from the mesh (dm).
JOINT_TEMPLATE = {"torso": (0, 5.0, 0.0), "neck": (0, 5.75, 0.10), "head": (0, 6.72, 0.35), "jaw": (0, 6.85, 0.65)}


def bust_weights(template, neck_share=1.0):
    """Skinning weights [n,6] of skin and clothes from template positions."""
    s = template[:, 1] + 0.45 * (template[:, 2] - 0.4)
    neck = ss(s, 5.25, 5.90) * neck_share
    head = ss(s, 6.08, 6.58) * neck_share
    w = np.zeros((len(template), len(JOINTS)), np.float32)
    w[:, 0], w[:, 1], w[:, 2] = 1 - neck, neck - np.minimum(neck, head), np.minimum(neck, head)
    return w


class Person:
    """All geometry of one person in body space (dm, origin between the eyes)."""

    def __init__(self, description, wheel_folder):
        self.style = json.loads(Path(description).read_text())
        style, seed = self.style, self.style["seed"]
        mh = MakeHuman(wheel_folder)
        units = mh.units()
        offset = sum(w * units[UNIT_NAMES.index(n)] for n, w in style["neutral_units"].items())
        identity = mh.identity(style["identity"]) + offset
        fits = [sphere_fit(identity[mh.group(f"helper-{s}-eye")[0]]) for s in "lr"]
        origin = (fits[0][0] + fits[1][0]) / 2
        identity = identity - origin
        self.eye_centres = np.stack([f[0] - origin for f in fits])
        self.eye_radius = 0.992 * (fits[0][1] + fits[1][1]) / 2

        self.skin = skin = Skin(mh, identity, units)
        skin.lay_out()
        self.look = colour(skin, style["skin"])
        parts = [skin.part(bust_weights(skin.template), clothes.below_collar)]
        for name, centre in zip(("eye_left", "eye_right"), self.eye_centres):
            parts.append(eyes.part(name, centre, self.eye_radius))
        self.jaws = []
        for which in ("upper", "lower"):
            ids, _, _ = mh.group(f"helper-{which}-teeth")
            jaw = Jaw(which, identity[ids], style["teeth"])
            self.jaws.append(jaw)
            parts.append(jaw.part(units[:, ids], identity[ids]))
        parts.append(_tongue(mh, identity, units))
        ids, quads, _ = mh.group("helper-tights")
        parts.append(clothes.build(mh.positions[ids], identity[ids], quads, bust_weights))
        strips = []
        for side, row in STRIPS:
            ids, quads, _ = mh.group(f"helper-{side}-eyelashes-{row}")
            strips.append((identity[ids], quads, units[:, ids], self.eye_centres["lr".index(side)]))
        self.lashes = Lashes(strips, style["lashes"], seed)
        parts.append(self.lashes.part())

        skull = np.linalg.norm(skin.template - [0, 7.6, 0.4], axis=1) < 1.4
        shift = (skin.neutral - skin.template)[skull].mean(0)
        grower = groom.Groom(skin, seed)
        self.hair = groom.scalp_hair(grower, style["hair"], shift)
        # Strands that stand in the skin and go with it: what they are, and where.
        self.growth = {"brows": groom.brows(grower, style["brows"])}
        if "beard" in style:
            self.growth["beard"] = groom.beard(grower, style["beard"])
        bare = skin.neutral[(skin.masks["ears"] < 0.3) & (skin.template[:, 1] > 6.3)]
        parts.append(hair_shell.build(self.hair, bare, np.array([0, 7.55, 0.25]) + shift, np.array([0, 0.85, -0.53])))
        self.parts = {p.name: p for p in parts}
        assert list(self.parts) == PART_NAMES

        self.joints = np.stack([self._joint(n) for n in JOINTS])
        starts = np.cumsum([0] + [len(p.neutral) for p in parts])
        self.ranges = {p.name: (int(a), int(b)) for p, a, b in zip(parts, starts, starts[1:])}
        self.neutral = np.concatenate([p.neutral for p in parts])
        self.weights = np.concatenate([p.weights for p in parts])
        self.deltas = np.concatenate(
            [p.deltas if p.deltas is not None else np.zeros((52, len(p.neutral), 3)) for p in parts], 1).astype(np.float32)

        jaw_open = skin.deltas[UNIT_NAMES.index("jawOpen")]
        self.habits = np.stack([self._habit(h) for h in style.get("habits", [])] or [np.zeros_like(skin.neutral)])
        self.lips = Lips(skin.neutral, jaw_open, skin.masks["lips"], skin.masks["mouth_inside"])
        self.lids = Lids(self.eye_centres, self.eye_radius, skin.neutral, self.parts["lashes"].neutral)

    def _joint(self, name):
        if name.startswith("eye"):
            return self.eye_centres[("eye_left", "eye_right").index(name)]
        t = np.array(JOINT_TEMPLATE[name], float)
        near = np.argsort(np.linalg.norm(self.skin.template - t, axis=1))[:400]
        return t + (self.skin.neutral - self.skin.template)[near].mean(0)

    def _habit(self, habit):
        """What a habit moves of the skin [n,3]: parts of units, faded round a place, so that no mix of units is it."""
        skin, (x, y, z), radius = self.skin, habit["at"], habit["radius"]
        near = np.exp(-(((skin.template - [x, y, z]) / radius) ** 2).sum(1))
        return near[:, None] * sum(w * skin.deltas[UNIT_NAMES.index(n)] for n, w in habit["units"].items())

    def joint_transforms(self, gaze, head_rotation):
        """Rest-to-posed transforms [6,3,4] in mesh space (mm)."""
        centres = mesh_from_body(self.joints)
        half = rotation_from_vector(np.asarray(head_rotation) / 2)
        about = lambda r, c: (r, c - r @ c)
        chain = lambda a, b: (a[0] @ b[0], a[0] @ b[1] + a[1])
        still = (np.eye(3), np.zeros(3))
        neck = about(half, centres[JOINTS.index("neck")])
        head = chain(neck, about(half, centres[JOINTS.index("head")]))
        out = {"torso": still, "neck": neck, "head": head, "jaw": head}
        for i, name in enumerate(("eye_left", "eye_right")):
            yaw, pitch = gaze[2 * i], gaze[2 * i + 1]
            turn = rotation_from_vector([0, yaw, 0]) @ rotation_from_vector([pitch, 0, 0])
            out[name] = chain(head, about(turn, centres[JOINTS.index(name)]))
        return np.stack([np.c_[out[j][0], out[j][1]] for j in JOINTS])

    def pose(self, units, transforms, habits=()):
        """Tracked mesh [V,3] in mesh space (mm): blend of units, contacts, then linear-blend skinning."""
        rest = self.neutral + np.tensordot(np.asarray(units), self.deltas, 1)
        a, b = self.ranges["skin"]
        for weight, moved in zip(habits, self.habits):
            rest[a:b] += weight * moved
        skin, lashes = (rest[slice(*self.ranges[name])] for name in ("skin", "lashes"))
        self.lips.part(skin)
        head = transforms[JOINTS.index("head")][:, :3]
        ahead = mesh_from_body([0, 0, 1.0]) / MM_PER_DM
        turned = [head.T @ transforms[JOINTS.index(name)][:, :3] @ ahead for name in ("eye_left", "eye_right")]
        self.lids.ride(skin, lashes, [MM_PER_DM * body_from_mesh(look) for look in turned])
        rest = mesh_from_body(rest)
        blended = np.tensordot(self.weights, transforms, 1)
        return np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3]


def _tongue(mh, identity, units):
    ids, quads, uv = mh.group("helper-tongue")
    matrix, dense, _ = subdivide(quads, len(ids), uv, 2)
    flat = uv_atlas.fit("tongue", uv * np.array([1, -1]))
    f = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    c = np.concatenate([flat[:, [0, 1, 2]], flat[:, [0, 2, 3]]])
    index, uv, triangles = weld_corners(f, c)
    deltas = np.stack([matrix @ d[ids] for d in units])
    return Part("tongue", matrix @ identity[ids], dense, all_on("head", matrix.shape[0]), index, uv, triangles, deltas)
