"""Skin, eyes, lashes, brows, teeth and tongue of a character, with what the face units do to them."""
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from dome import clothes, uv_atlas
from dome.lashes import grid_rows
from dome.makehuman import UNIT_NAMES, MakeHuman
from dome.parts import outward
from dome.person import bust_weights
from dome.skin import EYE, Skin, _two_level
from dome.spaces import smoothstep as ss
from dome.spaces import sphere_fit, unit
from dome.subdivide import subdivide

from .warp import Warp, relaxed


@dataclass
class Piece:
    """A mesh (dm): points [n,3], triangles [t,3], colours [n,3] (linear), what each unit adds {name: [n,3]}."""
    points: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray
    deltas: dict = field(default_factory=dict)
    weights: np.ndarray = None  # [n,3] of torso, neck, head; None: all head
    uv: np.ndarray = None

    def normals(self):
        p = self.points[self.triangles]
        n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        # Split vertices have one normal.
        _, place = np.unique(np.round(self.points, 5), axis=0, return_inverse=True)
        out = np.zeros((place.max() + 1, 3))
        for corner in range(3):
            np.add.at(out, place[self.triangles[:, corner]], n)
        return unit(out[place])


class Face:
    def __init__(self, style, wheel_folder):
        self.style = style
        mh = self.mh = MakeHuman(wheel_folder)
        units = mh.units()
        identity = mh.identity(style["identity"])
        identity = identity + sum(w * units[UNIT_NAMES.index(n)] for n, w in style["neutral_units"].items())
        fits = [sphere_fit(identity[mh.group(f"helper-{s}-eye")[0]]) for s in "lr"]
        origin = (fits[0][0] + fits[1][0]) / 2
        identity = self.identity = identity - origin
        centres = np.stack([f[0] - origin for f in fits])
        radius = (fits[0][1] + fits[1][1]) / 2
        self.warp = Warp(centres, radius, style["warp"])
        self.eye_centres = self.warp(centres)
        # The ball is as far inside its lids as before.
        probes = centres[0] + radius * 1.1 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
        self.eye_radius = np.linalg.norm(self.warp(probes) - self.eye_centres[0], axis=1).mean() / 1.1 * style["ball"]
        self.units = units
        self._skin(Skin(mh, identity, units))

    def moved(self, points, deltas):
        """Warped points and what units do there."""
        base = self.warp(points)
        return base, {n: self.warp(points + d) - base for n, d in zip(UNIT_NAMES, deltas) if np.abs(d).max() > 1e-4}

    def _skin(self, skin):
        style = self.style
        skin.lay_out()
        used, triangles = _render_mesh(skin)
        masks = {name: values[used] for name, values in skin.masks.items()}
        self.template = skin.template[used]
        points, deltas = self.moved(skin.neutral[used], skin.deltas[:, used])
        nose = np.exp(-((self.template - [0, 6.98, 1.55]) ** 2 / np.square([0.24, 0.26, 0.35])).sum(1))
        soft = np.clip(masks["ears"] + 1.3 * nose + 0.5 * masks["cheek"], 0, 1) * (1 - ss(masks["lips"], 0.05, 0.3)) * (1 - ss(masks["lids"], 0.3, 0.7))
        smooth = relaxed(points, triangles, soft, style["soft_rounds"])
        calm = 0.9 * (1 - ss(masks["lips"], 0.05, 0.3)) * (1 - ss(masks["lids"], 0.2, 0.6)) * (1 - ss(masks["eye_rim"], 0.2, 0.6))
        deltas = {n: _quiet(relaxed(d, triangles, calm, 14)) for n, d in deltas.items()}
        for start, gain in style["gains"].items():
            for name in deltas:
                if name.startswith(start):
                    deltas[name] = deltas[name] * gain
        self._lids(smooth, deltas)
        weights = bust_weights(self.template)[:, :3]
        weights[:, 2] = 1 - weights[:, 0] - weights[:, 1]
        self.skin = Piece(smooth, triangles, self._skin_colors(masks), deltas, weights)
        self.masks = masks
        self.near = cKDTree(self.template)

    def _lids(self, points, deltas):
        """Lids pass over the ball on their way down, not through it: what blinks and looks move is pushed out."""
        for name in ("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeSquintLeft", "eyeSquintRight"):
            d = deltas[name]
            side = 0 if name.endswith("Left") else 1
            centre, clear = self.eye_centres[side], self.eye_radius + self.style["lid_clear"]
            moves = np.linalg.norm(d, axis=1) > 0.004
            away = points - centre
            moves &= (np.linalg.norm(away, axis=1) < 1.5 * self.eye_radius) & (away[:, 2] > 0.15 * self.eye_radius)
            deltas[name] = d + np.where(moves[:, None], _out(away, d, clear), 0)

    def _skin_colors(self, m):
        look = self.style["skin"]
        column = lambda a: np.asarray(a)[:, None]
        col = np.ones((len(m["lips"]), 3)) * look["base"]
        red = look["blush"] * (0.95 * m["cheek"] + 0.55 * np.clip(m["nose"], 0, 1)) + 0.35 * m["ears"] + 0.25 * m["eye_rim"]
        col = col * np.exp(-column(red) * np.array([0.05, 0.42, 0.40]))
        lip = ss(m["lips"], 0.25, 0.75) * look["lip_share"]
        col = col * (1 - column(lip)) + np.array(look["lip"]) * column(lip)
        inside = ss(m["mouth_inside"], 0.25, 0.6)
        col = col * (1 - column(inside)) + np.array([0.16, 0.018, 0.022]) * column(inside)
        hair = ss(m["scalp"], 0.6, 1.0) * (1 - ss(self.template[:, 2], 0.9, 1.2))
        col = col * (1 - column(hair)) + 0.55 * np.array(self.style["hair"]["color"]) * column(hair)
        # Less light comes in under the chin.
        neck = m["neck"] * ss(self.template[:, 2], 0.2, 1.1)
        return col * np.exp(-column(neck) * np.array([0.16, 0.32, 0.34]))

    def on_skin(self, template_points):
        """Where places of the template are on the skin: points, outward normals, what units do."""
        distance, at = self.near.query(template_points, k=6)
        w = 1 / (distance + 0.01) ** 2
        w = (w / w.sum(1, keepdims=True))[..., None]
        normals = self.skin.normals()
        mix = lambda values: (values[at] * w).sum(1)
        return mix(self.skin.points), unit(mix(normals)), {n: mix(d) for n, d in self.skin.deltas.items()}

    def brows(self):
        """Two thick strokes above the eyes."""
        look = self.style["brows"]
        along = np.linspace(0, 1, 13)
        pieces = []
        for side in (1, -1):
            x = np.interp(along, [0, 0.35, 0.7, 1], look["x"])
            y = np.interp(along, [0, 0.35, 0.7, 1], look["y"])
            front = np.stack([side * x, y, np.full(13, 1.42) - 0.55 * np.clip(x - 0.25, 0, 1)], 1)
            # Onto the template's surface, from the front.
            t = self.template
            ahead = cKDTree(t[t[:, 2] > 0.8][:, :2])
            _, at = ahead.query(front[:, :2], k=4)
            front[:, 2] = t[t[:, 2] > 0.8][at, 2].mean(1)
            p, n, deltas = self.on_skin(front)
            for k in (p, n):
                k[1:-1] = 0.25 * k[:-2] + 0.5 * k[1:-1] + 0.25 * k[2:]
            half = look["width"] * np.interp(along, [0, 0.12, 0.45, 0.85, 1], [0.35, 0.9, 1.0, 0.6, 0.08])
            tangent = unit(np.gradient(p, axis=0))
            up = unit(np.cross(n, tangent)) * side
            rings = []
            for a in np.linspace(0, 2 * np.pi, 8, endpoint=False):
                rings.append(p + n * (0.012 + look["thick"] * np.sin(a) * (half / look["width"]))[:, None] + up * (half * np.cos(a))[:, None])
            ring = np.stack(rings, 1)  # [13, 8, 3]
            i, j = np.meshgrid(np.arange(12), np.arange(8), indexing="ij")
            k = (j + 1) % 8
            q = np.stack([i * 8 + j, (i + 1) * 8 + j, (i + 1) * 8 + k, i * 8 + k], -1).reshape(-1, 4)
            tri = np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])
            pts = ring.reshape(-1, 3)
            away = (ring - p[:, None]).reshape(-1, 3)
            tri = outward(pts, tri, away)
            # A brow is stiff: it moves as a smooth whole.
            calm = lambda d: np.repeat(_calm(d), 8, 0)
            pieces.append(Piece(pts, tri, np.ones((len(pts), 3)) * look["color"], {u: calm(d) for u, d in deltas.items() if u.startswith("brow")}))
        return joined(pieces)

    def lashes(self):
        """The upper lids' dark edges, with a wing."""
        look = self.style["lashes"]
        pieces = []
        for number, side in enumerate("lr"):
            ids, quads, _ = self.mh.group(f"helper-{side}-eyelashes-2")
            centre = self.identity[self.mh.group(f"helper-{side}-eye")[0]].mean(0)
            grid = grid_rows(quads, self.identity[ids], centre)
            if abs(self.identity[ids][grid[0, 0], 0]) > abs(self.identity[ids][grid[0, -1], 0]):
                grid = grid[:, ::-1]  # from the nose outwards
            root = self.identity[ids][grid[0]]
            tip = self.identity[ids][grid[-1]]
            d_root = self.units[:, ids][:, grid[0]]
            fine = lambda x: _resample(x, 25)
            root, tip, d_root = fine(root), fine(tip), np.stack([fine(d) for d in d_root])
            t = np.linspace(0, 1, 25)
            full = np.interp(t, [0, 0.1, 0.6, 0.93, 1], look["profile"])[:, None]
            eye = self.eye_centres[number]
            # Warped, in front of the lid's edge.
            base, deltas = self.moved(root, d_root)
            out = unit(base - eye)
            long = (self.warp(tip) - base) * look["length"] * full
            lower = base + 0.022 * out
            upper = base + look["thick"] * full * (0.75 * np.array([0, 1, 0]) + 0.25 * out) + 0.030 * out
            end = base + long + 0.5 * look["thick"] * full * np.array([0, 1, 0]) + np.array([np.sign(eye[0]), 0.55, -0.2]) * look["wing"] * (t ** 5)[:, None]
            pts = np.concatenate([lower, upper, end])
            a, b = np.arange(24), np.arange(1, 25)
            tri = []
            for one, two in ((0, 1), (1, 2), (2, 0)):
                p, q = one * 25, two * 25
                tri += [np.stack([p + a, p + b, q + b], 1), np.stack([p + a, q + b, q + a], 1)]
            middle = np.tile((lower + upper + end) / 3, (3, 1))
            tri = outward(pts, np.concatenate(tri), pts - middle)
            lids = {}
            for u, d in deltas.items():
                if u.startswith("eye"):
                    d = self._with_lid(base, d, u, number)
                    if u.startswith("eyeBlink"):
                        d = d + _out(base - eye, d, self.eye_radius + 0.055)
                    lids[u] = np.tile(d, (3, 1))
            pieces.append(Piece(pts, tri, np.ones((75, 3)) * look["color"], lids))
        return joined(pieces)

    def _with_lid(self, base, d, name, number):
        """A lash goes where the lid goes that it grows from."""
        blink = self.skin.deltas["eyeBlinkLeft" if number == 0 else "eyeBlinkRight"]
        upper = np.flatnonzero((blink[:, 1] < 0.45 * blink[:, 1].min()) & (self.skin.points[:, 2] > self.eye_centres[number, 2]))
        _, at = cKDTree(self.skin.points[upper]).query(base, k=4)
        own = self.skin.deltas.get(name)
        return d if own is None else _calm(own[upper[at]].mean(1), 2)

    def mouth(self):
        """Teeth, upper and lower, and the tongue."""
        out = {}
        for name, color in (("upper-teeth", [0.86, 0.84, 0.78]), ("lower-teeth", [0.82, 0.80, 0.74]), ("tongue", [0.62, 0.17, 0.17])):
            ids, quads, uv = self.mh.group("helper-" + name)
            levels = 1 if name != "tongue" else 0
            matrix, dense, _ = subdivide(quads, len(ids), uv, levels)
            inner = matrix @ self.identity[ids]
            if name != "tongue":
                # Behind the lips and inside the cheeks, whatever these do.
                inner = inner * [0.84, 1, 1] - [0, 0, 0.045]
            points, deltas = self.moved(inner, np.stack([matrix @ d[ids] for d in self.units]))
            tri = np.concatenate([dense[:, [0, 1, 2]], dense[:, [0, 2, 3]]])
            # Further in, it is darker.
            deep = ss(points[:, 2], np.percentile(points[:, 2], 5), points[:, 2].max())[:, None]
            out[name] = Piece(points, tri, np.array(color) * (0.45 + 0.55 * deep), deltas)
        return out

    def eye(self, side):
        """An eyeball about the origin, with the iris' picture round its pole +Z."""
        rings, around, far = 16, 32, np.radians(105)
        theta = far * np.linspace(0, 1, rings + 1)[1:] ** 0.9
        phi = 2 * np.pi * np.arange(around) / around
        ring = np.stack([np.sin(theta)[:, None] * np.cos(phi), np.sin(theta)[:, None] * np.sin(phi),
                         np.cos(theta)[:, None] * np.ones(around)], -1).reshape(-1, 3)
        p = np.concatenate([[[0, 0, 1.0]], ring])
        share = (theta / far)[:, None]
        uv = np.stack([0.5 + 0.5 * share * np.cos(phi), 0.5 - 0.5 * share * np.sin(phi)], -1).reshape(-1, 2)
        uv = np.concatenate([[[0.5, 0.5]], uv])
        j = np.arange(around)
        k = (j + 1) % around
        tri = [np.stack([0 * j, 1 + j, 1 + k], 1)]
        for i in range(rings - 1):
            a, b = 1 + i * around, 1 + (i + 1) * around
            tri += [np.stack([a + j, b + j, b + k], 1), np.stack([a + j, b + k, a + k], 1)]
        return Piece(p * self.eye_radius, outward(p, np.concatenate(tri), p), np.ones((len(p), 3)), uv=uv)


def _render_mesh(skin):
    """Dense vertices that are used, and triangles over them: fine round eyes and mouth, the cage elsewhere, nothing that clothes
    and lids hide."""
    n = len(skin.cage_ids)
    t = skin.template[:n]
    c = t[skin.cage].mean(1)
    islands = uv_atlas.islands(skin.cage_uv)
    socket = islands["socket_left"] | islands["socket_right"]
    inner = socket & (t[skin.cage][..., 2].max(1) < 1.24)
    below = clothes.below_collar(t) - 0.28 + 0.45 * ss(np.abs(t[:, 0]), 0.5, 0.8)
    hidden = inner | (below[skin.cage].min(1) > 0.12)
    x = np.abs(c[:, 0])
    eyes = np.hypot((x - EYE[0]) / 1.2, c[:, 1] - EYE[1]) < 0.165
    lips = (np.hypot(c[:, 0] / 1.6, c[:, 1] - 6.66) < 0.155) & ~(islands["mouth"] & (c[:, 2] < 1.2))
    nose = np.hypot(c[:, 0], c[:, 1] - 6.93) < 0.13
    fine = (eyes | lips | nose) & (c[:, 2] > 0.9)
    index, _, triangles = _two_level(skin.cage, n, skin.cage_uv, fine & ~hidden, ~fine & ~hidden)
    used, local = np.unique(index, return_inverse=True)
    return used, local[triangles]


def _out(away, d, clear):
    """What is to be added to `d` so that nothing comes nearer to the centre than `clear` on its way."""
    out = np.zeros(len(away))
    for t in (0.4, 0.6, 0.8, 1.0):
        out = np.maximum(out, (clear - np.linalg.norm(away + t * d, axis=1)) / t)
    return out[:, None] * unit(away + d)


def _quiet(d):
    """Displacements without those that are hardly seen, fading out where they begin to be (dm)."""
    long = np.linalg.norm(d, axis=1)
    least = max(0.0025, 0.07 * long.max())
    return d * ss(long, least, 2.4 * least)[:, None]


def _calm(d, rounds=6):
    """Displacements along a stroke without their unevenness."""
    for _ in range(rounds):
        padded = np.concatenate([d[:1], d, d[-1:]])
        d = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return d


def _resample(rows, count):
    at = np.linspace(0, len(rows) - 1, count)
    return np.stack([np.interp(at, np.arange(len(rows)), rows[:, k]) for k in range(3)], 1)


def joined(pieces):
    """Several as one."""
    starts = np.cumsum([0] + [len(p.points) for p in pieces])
    names = {n for p in pieces for n in p.deltas}
    return Piece(
        np.concatenate([p.points for p in pieces]), np.concatenate([p.triangles + s for p, s in zip(pieces, starts)]),
        np.concatenate([p.colors for p in pieces]),
        {n: np.concatenate([p.deltas.get(n, np.zeros_like(p.points)) for p in pieces]) for n in sorted(names)})
