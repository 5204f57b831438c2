"""Grown hair: scalp and brows, as curves over the dense skin (dm)."""
import numpy as np
from scipy.spatial import cKDTree

from .skin import noise, normals
from .spaces import smoothstep as ss
from .spaces import unit


class Groom:
    """Places roots on a skin and grows curves from them."""

    def __init__(self, skin, seed):
        self.skin, self.random = skin, np.random.RandomState(seed)
        self.v, self.n, self.q = skin.neutral, normals(skin), skin.quads
        p = self.v[self.q]
        self.area = 0.5 * np.linalg.norm(np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]), axis=1)
        self.tree = cKDTree(self.v)

    def roots(self, mask, count):
        """Faces and bilinear corner weights, as dense as `mask` per vertex asks."""
        p = self.area * mask[self.q].mean(1)
        face = self.random.choice(len(self.q), count, p=p / p.sum())
        a, b = self.random.rand(count), self.random.rand(count)
        return face, np.stack([(1 - a) * (1 - b), a * (1 - b), a * b, (1 - a) * b], 1)

    def at(self, field, face, w):
        return (field[self.q[face]] * w.reshape(w.shape + (1,) * (field.ndim - 1))).sum(1)

    def grow(self, face, w, comb, length, steps, lift, pull, wobble, height, stiff):
        """Curves [n, steps+1, 3] from the roots.

        comb(points) is the direction to lie in; lift = (share of the normal at the
        root [n,1], along the way); pull is added to the direction (gravity); height [n] is
        the least distance from the skin at the tip.
        """
        p = self.at(self.v, face, w)
        n0 = unit(self.at(self.n, face, w))
        step, points, d = length / steps, [p.copy()], None
        spread = self.random.randn(len(face), 3)
        for k in range(steps):
            near = self.tree.query(p)[1]
            nn = self.n[near]
            way = comb(p)
            way = unit(way - nn * (way * nn).sum(1, keepdims=True))
            if d is None:
                d = unit(n0 * lift[0] + way * (1 - lift[0]) + 0.12 * spread)
            else:
                sink = np.clip((above - 1.3 * height) / 0.08, 0, 1)[:, None]  # lie down again
                d = unit(d * stiff + (1 - stiff) * (way + nn * (lift[1] - 0.9 * sink) + pull)
                         + wobble * self.random.randn(len(face), 3))
            p = p + d * step[:, None]
            near = self.tree.query(p)[1]
            above = ((p - self.v[near]) * self.n[near]).sum(1)
            least = height * ((k + 1) / steps) ** 0.7
            p = p + self.n[near] * np.clip(least - above, 0, None)[:, None]
            d = unit(p - points[-1])
            points.append(p.copy())
        return np.stack(points, 1)

    def local(self, face, w, curves):
        """Curves as offsets in each root's skin frame, so that they follow the face."""
        t, b, n = frames(self.v, self.n, self.q, face, w)
        off = curves - self.at(self.v, face, w)[:, None]
        return np.stack([(off * a[:, None]).sum(-1) for a in (t, b, n)], -1).astype(np.float32)


def frames(vertices, vertex_n, quads, face, w):
    """Tangent, bitangent and normal at each root."""
    p = vertices[quads[face]]
    n = unit((vertex_n[quads[face]] * w[..., None]).sum(1))
    t = p[:, 1] - p[:, 0]
    t = unit(t - n * (t * n).sum(1, keepdims=True))
    return t, np.cross(n, t), n


def follow(vertices, vertex_n, quads, face, w, local):
    """Curves in body space from their local offsets on a posed skin."""
    t, b, n = frames(vertices, vertex_n, quads, face, w)
    root = (vertices[quads[face]] * w[..., None]).sum(1)
    return (root[:, None] + local[..., :1] * t[:, None] + local[..., 1:2] * b[:, None] + local[..., 2:] * n[:, None])


def scalp_hair(groom, style, offset):
    """Short cropped hair that flows from the crown to a fringe swept to one side; or a bob that falls from a parting."""
    skin, r = groom.skin, groom.random
    scalp = skin.masks["scalp"]
    count = style["strands"]
    face, w = groom.roots(scalp, count)
    root = groom.at(skin.template, face, w)
    crown = np.array([0.08, 8.45, -0.15]) + offset

    def comb(p):
        x, y, z = (p - offset).T
        away = unit(p - crown)
        front = ss(z, 0.55, 1.05) * ss(y, 7.5, 7.8)
        sweep = np.stack([0.75 * np.ones_like(x), -0.25 - 0 * y, 0.45 * np.ones_like(z)], 1) * front[:, None]
        side = ss(np.abs(x), 0.45, 0.75) * (1 - front)
        down = np.stack([0 * x, -1 + 0 * y, 0.10 - 0.5 * ss(-z, -0.2, 0.4)], 1) * side[:, None]
        return unit(away * (1 - 0.65 * front)[:, None] + sweep + down)

    def fall(p):
        x, y, z = (p - offset).T
        parting = 0.16  # to the left of the middle
        aside = np.tanh((x - parting) / 0.10) * (0.35 + ss(y, 7.4, 8.3))
        back = -0.55 * ss(z, 0.2, 1.0)
        return unit(np.stack([aside, -0.75 + 0 * y, back], 1))

    if style.get("style") == "bob":
        comb = fall
    top = ss(root[:, 1], 7.6, 8.15)
    front = ss(root[:, 2], 0.85, 1.25) * ss(root[:, 1], 7.6, 7.9)
    back = ss(-root[:, 2], -0.3, 0.1) * (1 - top)
    length = style["length_side_dm"] + (style["length_top_dm"] - style["length_side_dm"]) * top
    length += (style["length_back_dm"] - style["length_side_dm"]) * back
    length *= 1 - (0.0 if comb is fall else 0.42) * front
    edge = np.clip(groom.at(scalp, face, w), 0, 1)
    length *= (0.72 + 0.42 * r.rand(count)) * (0.92 + 0.20 * noise(root, 3, 21, 2)) * (0.40 + 0.60 * edge)
    length = np.clip(length, 0.06, style.get("length_most_dm", 0.85))
    lo, hi = style["layer_dm"]
    layer = lo + (hi - lo) * r.rand(count) ** 1.4 * (0.25 + 0.75 * top) * edge
    curves = groom.grow(face, w, comb, length, 10, (style["lift"] * (0.25 + 0.75 * top * (1 - front))[:, None], 0.06), np.array([0, -0.12, 0]), 0.035, layer, 0.66)
    return _clump(curves, r, style["clumps"], groom.at(groom.v, face, w) - 0.004 * groom.at(groom.n, face, w))


def _clump(curves, r, clumps, roots):
    """Draws each strand towards the leader whose root is nearest, more at the tip."""
    chosen = r.choice(len(curves), clumps, False)
    leader = curves[chosen][cKDTree(curves[chosen, 0]).query(curves[:, 0])[1]]
    t = np.linspace(0, 1, curves.shape[1])[None, :, None]
    amount = (0.55 * r.rand(len(curves)) ** 0.7)[:, None, None] * t ** 1.2
    goal = leader - leader[:, :1] + curves[:, :1] * 0.35 + leader[:, :1] * 0.65
    reach = lambda c: np.linalg.norm(np.diff(c, axis=1), axis=2).sum(1)
    scale = np.clip(reach(curves) / reach(leader), 0.5, 1.4)[:, None, None]
    goal = goal[:, :1] + (goal - goal[:, :1]) * scale
    out = curves * (1 - amount) + goal * amount
    out[:, 0] = roots
    return out


def beard(groom, style):
    """A short beard: faces, weights and local offsets, as `brows`."""
    m, r = groom.skin.masks, groom.random
    n = style["strands"]
    face, w = groom.roots(m["beard"], n)
    root = groom.at(groom.skin.template, face, w)
    outward = np.sign(root[:, 0]) * ss(np.abs(root[:, 0]), 0.02, 0.3)
    way = unit(np.stack([0.35 * outward, -1 + 0 * outward, 0.25 + 0 * outward], 1) + 0.25 * r.randn(n, 3))
    length = style["length"] * (0.55 + 0.6 * r.rand(n)) * (0.5 + 0.5 * groom.at(m["beard"], face, w))
    curves = groom.grow(face, w, lambda p: way, length, 4, (0.45, 0.05), np.array([0, -0.08, 0]), 0.05, np.full(n, 0.004), 0.6)
    return face, w, groom.local(face, w, curves)


def brows(groom, style):
    """Brow hairs: faces, weights and local offsets."""
    m, t, r = groom.skin.masks, groom.skin.template, groom.random
    n = style["strands"]
    face, w = groom.roots(m["brow"], n)
    root = groom.at(t, face, w)
    across = np.clip((np.abs(root[:, 0]) - 0.10) / 0.42, 0, 1)
    angle = np.radians(np.interp(across, [0, .12, .4, .75, 1], [78, 55, 18, -8, -28])) + 0.20 * r.randn(n)
    above = (root[:, 1] - groom.at(m["brow_line"], face, w)) / 0.04
    angle = angle - np.clip(above, -1, 1) * 0.35
    way = np.stack([np.cos(angle) * np.sign(root[:, 0]), np.sin(angle), 0 * angle], 1)
    length = np.interp(across, [0, .2, .7, 1], [.040, .060, .056, .040]) * (0.7 + 0.5 * r.rand(n)) * style["length"]
    curves = groom.grow(face, w, lambda p: way, length, 5, (0.28, 0.02), np.array([0, -0.05, 0]), 0.03,
                        np.full(n, 0.003), 0.6)
    return face, w, groom.local(face, w, curves)
