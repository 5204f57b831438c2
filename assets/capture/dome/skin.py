"""The skin: bust crop, subdivision, masks in template space, and its render mesh."""
import numpy as np
from PIL import Image, ImageFilter

from . import uv_atlas
from .parts import Part, weld_corners
from .spaces import smoothstep as ss
from .spaces import vertex_normals
from .subdivide import catmull_clark, subdivide, subdivide_corner_uv

EYE = (0.308, 7.285, 1.33)  # template position of the left eye's opening (dm)


class Skin:
    """Dense skin (Catmull-Clark level 2) of one identity, in body space without the origin shift."""

    def __init__(self, makehuman, identity, units):
        mh = makehuman
        body = mh.groups == "body"
        faces, uv = mh.faces[body], mh.corner_uv[body]
        p = mh.positions[faces]
        keep = (p[..., 1] > 5.15).all(1) & (np.abs(p[..., 0]) < 1.7).all(1)
        faces, uv = faces[keep], uv[keep]
        self.cage_ids, cage = np.unique(faces, return_inverse=True)
        self.cage = cage.reshape(-1, 4)
        self.cage_uv = uv
        n = len(self.cage_ids)
        self.matrix, self.quads, self.makehuman_uv = subdivide(self.cage, n, uv, 2)
        self.template = self.matrix @ mh.positions[self.cage_ids]
        self.neutral = self.matrix @ identity[self.cage_ids]
        self.deltas = np.stack([self.matrix @ d[self.cage_ids] for d in units])
        self.masks = masks(self, mh)

    def lay_out(self):
        """Atlas UV per corner of the cage and of the dense quads."""
        cage_scalp = self.masks["scalp"][: len(self.cage_ids)]
        self.cage_atlas = uv_atlas.skin_layout(
            self.cage_uv, self.template[: len(self.cage_ids)], self.cage, cage_scalp)
        self.atlas = subdivide_corner_uv(subdivide_corner_uv(self.cage_atlas))

    def part(self, weights, collar):
        """The skin part; `collar(template)` is positive where clothes hide the skin."""
        n = len(self.cage_ids)
        t = self.template[:n]
        c = t[self.cage].mean(1)
        isl = uv_atlas.islands(self.cage_uv)
        socket = isl["socket_left"] | isl["socket_right"]
        inner = socket & (t[self.cage][..., 2].max(1) < 1.24)  # behind the eyeballs' middle
        hidden = inner | (collar(t)[self.cage].min(1) > 0.12)
        front = (c[:, 1] > 6.18) & (c[:, 1] < 7.95) & (c[:, 2] > 0.78) & isl["head"]
        ear = (np.abs(c[:, 0]) > 0.66) & (c[:, 1] > 6.75) & (c[:, 1] < 7.5) & (c[:, 2] < 0.75)
        mouth_rim = isl["mouth"] & (c[:, 2] > 1.15)
        socket_rim = socket & ~inner
        fine = (front & ~ear) | mouth_rim | socket_rim
        index, uv, triangles = _two_level(self.cage, n, self.cage_atlas, fine & ~hidden, ~fine & ~hidden)
        return Part("skin", self.neutral, self.quads, weights, index, uv, triangles, self.deltas)


def _two_level(cage, count, uv, fine, coarse):
    """Triangles of a cage refined where `fine`, stitched to its `coarse` faces.

    A coarse face that touches a fine one takes that edge's middle vertex too, so no
    crack opens. Level-1 vertices have the same indices in every finer level.
    """
    _, level1 = catmull_clark(cage, count)
    uv1 = subdivide_corner_uv(uv)
    per_face, per_face_uv = level1.reshape(-1, 4, 4), uv1.reshape(-1, 4, 4, 2)
    fine_quads, fine_uv = per_face[fine].reshape(-1, 4), per_face_uv[fine].reshape(-1, 4, 2)
    split = np.zeros(level1.max() + 1, bool)
    split[per_face[fine][:, :, 1].ravel()] = True  # corner 1 of sub-quad i is the middle of edge i
    corners = [fine_quads[:, [0, 1, 2]], fine_quads[:, [0, 2, 3]]]
    corner_uv = [fine_uv[:, [0, 1, 2]], fine_uv[:, [0, 2, 3]]]
    extra, extra_uv = [], []
    for f in np.where(coarse)[0]:
        ring, ring_uv, start = [], [], None
        for i in range(4):
            ring.append(cage[f, i])
            ring_uv.append(uv[f, i])
            middle = per_face[f, i, 1]
            if split[middle]:
                start = len(ring) if start is None else start
                ring.append(middle)
                ring_uv.append(per_face_uv[f, i, 1])
        s = start or 0
        ring, ring_uv = ring[s:] + ring[:s], ring_uv[s:] + ring_uv[:s]
        for k in range(1, len(ring) - 1):
            extra.append([ring[0], ring[k], ring[k + 1]])
            extra_uv.append([ring_uv[0], ring_uv[k], ring_uv[k + 1]])
    if extra:
        corners.append(np.array(extra))
        corner_uv.append(np.array(extra_uv))
    return weld_corners(np.concatenate(corners), np.concatenate(corner_uv))


def noise(p, frequency, seed, octaves=3, waves=48):
    """Smooth random field of about unit variance over points (frequency in 1/dm)."""
    r = np.random.RandomState(seed)
    out, amplitude = 0, 1
    for _ in range(octaves):
        w, phase = r.randn(waves, 3) * frequency * 2, r.rand(waves) * 2 * np.pi
        out = out + amplitude * np.cos(p @ w.T + phase).sum(1) / np.sqrt(waves / 2)
        frequency, amplitude = frequency * 2, amplitude * 0.5
    return out / 1.3


def _sample(skin, path, blur):
    """A MakeHuman mask picture at each dense vertex (0..1)."""
    image = np.asarray(Image.open(path).convert("L").filter(ImageFilter.GaussianBlur(blur))) / 255.0
    h, w = image.shape
    uv, q, n = skin.makehuman_uv, skin.quads, len(skin.template)
    x = np.clip(uv[..., 0] * w - 0.5, 0, w - 1.001)
    y = np.clip((1 - uv[..., 1]) * h - 0.5, 0, h - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = x - x0, y - y0
    s = ((image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx) * (1 - fy)
         + (image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx) * fy)
    total, hits = np.bincount(q.ravel(), s.ravel(), n), np.bincount(q.ravel(), minlength=n)
    return total / np.maximum(hits, 1)


def masks(skin, mh):
    """Fields per dense vertex, functions of template position (all about 0..1)."""
    t = skin.template
    x, y, z = t.T
    ax = np.abs(x)

    def blob(cx, cy, cz, s, stretch=(1, 1, 1)):
        d = ((ax - cx) / stretch[0]) ** 2 + ((y - cy) / stretch[1]) ** 2 + ((z - cz) / stretch[2]) ** 2
        return np.exp(-d / (2 * s * s))

    m = {"lips": _sample(skin, mh.mask_image("mpfb_lips.jpg"), 3),
         "mouth_inside": _sample(skin, mh.mask_image("mpfb_inside-mouth.jpg"), 1),
         "ears": _sample(skin, mh.mask_image("mpfb_ears.jpg"), 4),
         "lids": _sample(skin, mh.mask_image("mpfb_eyelids.jpg"), 6)}
    m["cheek"] = blob(0.42, 6.98, 1.33, 0.17)
    m["nose"] = blob(0.0, 6.93, 1.68, 0.12) + 0.7 * blob(0.13, 6.90, 1.52, 0.07)
    m["chin"] = blob(0, 6.38, 1.5, 0.13)
    m["under_eye"] = blob(0.30, 7.17, 1.40, 0.07, (1.6, 0.8, 1))
    m["eye_rim"] = blob(*EYE, 0.12, (1.35, 0.8, 1))
    m["forehead"] = ss(y, 7.5, 7.75) * ss(z, 0.9, 1.3)
    m["neck"] = 1 - ss(y, 6.0, 6.35)
    theta = np.degrees(np.arctan2(ax, z - 0.35))
    line = np.interp(theta, [0, 20, 38, 50, 58, 66, 72, 80, 92, 104, 115, 135, 155, 180],
                     [7.96, 7.96, 7.90, 7.82, 7.62, 7.45, 7.12, 7.10, 7.36, 7.46, 7.04, 6.86, 6.80, 6.78])
    line = line + 0.015 * noise(t, 3, 11, 2)
    m["scalp"] = ss(y - line, -0.03, 0.10) * (1 - ss(m["ears"], 0.1, 0.4)) * (y > 6.3)
    across = np.clip((ax - 0.10) / 0.42, 0, 1)
    m["brow_line"] = np.interp(across, [0, 0.3, 0.65, 1], [7.450, 7.488, 7.510, 7.458])
    m["brow_across"] = across
    half = np.interp(across, [0, 0.15, 0.6, 1], [0.015, 0.019, 0.016, 0.006])
    m["brow"] = (np.exp(-((y - m["brow_line"]) / half) ** 2 * 1.1) * ((ax > 0.09) & (ax < 0.53))
                 * ss(ax, 0.09, 0.13) * ss(z, 0.9, 1.1))
    moustache = ss(y, 6.70, 6.75) * (1 - ss(y, 6.83, 6.87)) * (1 - ss(ax, 0.24, 0.32)) * (1 - 0.6 * np.exp(-(ax / 0.02) ** 2))
    upper_edge = np.interp(ax, [0, 0.16, 0.26, 0.34, 0.46, 0.58, 0.66], [6.57, 6.58, 6.68, 6.74, 6.76, 6.86, 7.20])
    jaw = ss(upper_edge - y, -0.02, 0.05) * ss(y, 6.02, 6.18) * ss(z, 0.30, 0.55)
    m["beard"] = np.maximum(moustache, jaw) * (1 - ss(m["lips"], 0.05, 0.3)) * (m["mouth_inside"] < 0.1) * (1 - ss(m["ears"], 0.1, 0.4))
    m["wrinkle_forehead"] = ss(y, 7.56, 7.66) * (1 - ss(y, 7.92, 8.02)) * ss(z, 1.15, 1.35)
    m["wrinkle_crow"] = np.exp(-((ax - 0.55) / 0.07) ** 2 - ((y - 7.28) / 0.12) ** 2) * ss(z, 0.8, 1.0)
    m["wrinkle_under"] = np.exp(-((y - 7.15) / 0.05) ** 2 - ((ax - 0.32) / 0.14) ** 2) * ss(z, 1.0, 1.2)
    m["wrinkle_glabella"] = np.exp(-(ax / 0.09) ** 2 - ((y - 7.5) / 0.09) ** 2) * ss(z, 1.2, 1.4)
    m["wrinkle_smile"] = np.exp(-((ax - 0.385) / 0.075) ** 2 - ((y - 6.68) / 0.17) ** 2) * ss(z, 0.9, 1.15)
    m["wrinkle_chin"] = np.exp(-(x / 0.20) ** 2 - ((y - 6.38) / 0.10) ** 2) * ss(z, 1.2, 1.4)
    m["wrinkle_nose"] = np.exp(-((ax - 0.07) / 0.06) ** 2 - ((y - 7.26) / 0.08) ** 2) * ss(z, 1.3, 1.45)
    return m


def colour(skin, style):
    """Low-frequency linear albedo, roughness, pore and lip strength per dense vertex."""
    t, m = skin.template, skin.masks
    n1, n2, n3 = noise(t, 2.2, 1), noise(t, 7, 2), noise(t, 18, 3, 2)
    column = lambda a: np.asarray(a)[:, None]
    col = np.array(style["base"]) * np.ones((len(t), 3))
    col *= 1 + column(0.055 * n1 + 0.04 * n2) * np.array([0.7, 1, 1.1]) + column(0.025 * n3)
    red = style["blush"] * (0.55 * m["cheek"] * (1 + 0.5 * n2) + 0.65 * m["nose"]) + (
        0.28 * m["chin"] + 0.35 * m["ears"] + 0.38 * m["lids"] + 0.28 * m["eye_rim"]
        + 0.12 * np.clip(n1, 0, 2) + 0.10 * m["neck"] * np.clip(n2, 0, 1))
    col *= np.exp(-column(red) * np.array([0.10, 0.42, 0.40]))
    col *= np.exp(-column(m["under_eye"]) * np.array([0.24, 0.24, 0.14]))
    col *= np.exp(-column(m["forehead"]) * np.array([-0.03, 0.02, 0.05]))
    col *= np.exp(-column(m["scalp"] * 0.9))
    col *= np.exp(-column(m["brow"] * 0.30))
    lip = np.clip(ss(m["lips"] + 0.06 * n3, 0.15, 0.85), 0, 1) * 0.88
    lip_colour = np.array(style["lip"]) * (1 + column(0.10 * n3 + 0.06 * n2))
    col = col * (1 - column(lip)) + lip_colour * column(lip)
    inside = ss(m["mouth_inside"], 0.3, 0.7)
    col = col * (1 - column(inside)) + np.array([0.30, 0.06, 0.055]) * column(inside)
    rough = 0.46 - 0.07 * (m["nose"] + 0.5 * m["forehead"] + 0.35 * m["chin"]) + 0.05 * m["cheek"] + 0.03 * n2
    rough = rough * (1 - lip) + 0.36 * lip
    rough = rough * (1 - inside) + 0.22 * inside
    pore = 0.35 + 0.9 * m["nose"] + 0.6 * m["cheek"] + 0.35 * m["forehead"] + 0.3 * m["chin"]
    pore *= (1 - lip) * (1 - inside) * (1 - 0.6 * m["eye_rim"]) * (1 - 0.6 * m["ears"])
    return {"colour": col.clip(0.01, 0.9), "roughness": rough.clip(0.15, 0.7),
            "pore": pore.clip(0, 1.6), "lip": lip, "freckle": (m["cheek"] + m["nose"]).clip(0, 1)}


def normals(skin, positions=None):
    """Unit normals per dense vertex."""
    return vertex_normals(skin.neutral if positions is None else positions, skin.quads)
