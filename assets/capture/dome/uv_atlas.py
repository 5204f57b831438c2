"""One UV atlas for all parts: rectangles, and the face-weighted layout of the skin.

All coordinates are in [0,1]^2 with v = 0 at the top row of the texture.
"""
import numpy as np

# (left, top, right, bottom) in 1/1024 of the atlas; gutters of at least 4/1024.
RECTS = {
    "head": (4, 4, 1020, 668),
    "eye_left": (4, 676, 164, 836),
    "eye_right": (4, 844, 164, 1004),
    "hair": (172, 676, 508, 1012),
    "mouth": (516, 676, 666, 796),
    "torso": (516, 804, 666, 904),
    "socket_left": (516, 912, 586, 1012),
    "socket_right": (594, 912, 666, 1012),
    "teeth_upper": (674, 676, 890, 756),
    "teeth_lower": (674, 764, 890, 844),
    "lashes": (898, 676, 1020, 844),
    "tongue": (674, 852, 780, 952),
    "clothes": (788, 852, 1020, 1020),
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
