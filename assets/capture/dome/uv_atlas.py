"""One UV atlas for all parts: rectangles, and the face-weighted layout of the skin.

All coordinates are in [0,1]^2 with v = 0 at the top row of the texture.
"""
import numpy as np

# (left, top, right, bottom) in 1/1024 of the atlas; gutters of at least 4/1024.
RECTS = {
    "head": (4, 4, 796, 572),
    "teeth_upper": (804, 4, 1020, 134),
    "teeth_lower": (804, 142, 1020, 272),
    "mouth": (804, 280, 1020, 370),
    "torso": (804, 378, 892, 430),
    "socket_left": (900, 378, 956, 430),
    "socket_right": (964, 378, 1020, 430),
    "clothes": (804, 438, 1020, 572),
    "hair_body": (4, 580, 444, 1020),
    "hair_veil": (452, 580, 892, 1020),
    "eye_left": (900, 580, 1020, 700),
    "eye_right": (900, 708, 1020, 828),
    "tongue": (900, 836, 1020, 920),
    "lashes": (900, 928, 1020, 1020),
}


def place(name, unit_uv):
    """Unit-square coordinates (v down) into the rectangle of `name`."""
    l, t, r, b = (x / 1024 for x in RECTS[name])
    return np.asarray(unit_uv) * np.array([r - l, b - t]) + np.array([l, t])


def fit(name, uv):
    """Any coordinates, stretched by their bounding box into the rectangle of `name`."""
    lo, hi = uv.reshape(-1, 2).min(0), uv.reshape(-1, 2).max(0)
    return place(name, (uv - lo) / np.maximum(hi - lo, 1e-9))


def islands(uv):
    """MakeHuman's islands of the bust, from per-corner UV [F,4,2] (v up)."""
    c = uv.mean(1)
    head = (c[:, 0] > 0.62) & (c[:, 1] > 0.145) & (c[:, 1] < 0.83)
    mouth = (c[:, 0] > 0.755) & (c[:, 1] < 0.14)
    socket = (c[:, 1] > 0.54) & (c[:, 1] < 0.64) & (c[:, 0] < 0.16)
    right, left = socket & (c[:, 0] < 0.08), socket & (c[:, 0] >= 0.08)
    return {"head": head, "mouth": mouth, "socket_left": left, "socket_right": right,
            "torso": ~(head | mouth | socket)}


def skin_layout(uv, template, quads, scalp):
    """Atlas UV per corner of the skin cage.

    The head island is turned upright and warped along each axis by the weight that
    falls there: area, more on the face, most at eyes and mouth, little under hair.
    """
    p = template[quads]
    area = 0.5 * np.linalg.norm(np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]), axis=1)
    x, y, z = p.mean(1).T
    face = np.exp(-(np.abs(x) / 0.62) ** 4) * (z > 0.75) * (y > 6.15) * (y < 7.75)
    eyes = np.exp(-((np.abs(x) - 0.31) / 0.26) ** 2 - ((y - 7.30) / 0.18) ** 2) * (z > 0.9)
    lips = np.exp(-(x / 0.34) ** 2 - ((y - 6.66) / 0.18) ** 2) * (z > 0.9)
    weight = area * (1 + 3.5 * face + 2.0 * eyes + 2.0 * lips) * (1 - 0.85 * scalp[quads].mean(1))
    out = np.zeros_like(uv)
    parts = islands(uv)
    head = parts["head"]
    c = uv.mean(1)
    u = _warp(uv[..., 1], c[head][:, 1], weight[head], uv[head][..., 1])
    v = _warp(uv[..., 0], c[head][:, 0], weight[head], uv[head][..., 0])
    if np.corrcoef(u[head].mean(1), x[head])[0, 1] < 0:
        u = 1 - u
    if np.corrcoef(v[head].mean(1), y[head])[0, 1] > 0:
        v = 1 - v
    out[head] = place("head", np.stack([u, v], -1)[head])
    for name, chosen in parts.items():
        if name != "head" and chosen.any():
            out[chosen] = fit(name, uv[chosen] * np.array([1, -1]))
    return out


def _warp(t, samples, weights, span, bins=64, alpha=0.85):
    lo, hi = span.min(), span.max()
    h, edges = np.histogram(samples, bins, (lo, hi), weights=weights)
    h = np.convolve(np.pad(h, 3, "edge"), np.ones(7) / 7, "valid")
    h = (h / h.mean()) ** alpha + 0.08
    cdf = np.r_[0, np.cumsum(h)]
    return np.interp(t, edges, cdf / cdf[-1])
