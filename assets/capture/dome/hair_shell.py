"""The proxy surface for hair: a star-shaped hull that hugs the strands and opens at the hairline."""
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree

from . import uv_atlas
from .parts import Part, all_on, outward

RINGS, AROUND = 34, 72
MARGIN = 0.012  # dm beyond the strands


def build(strands, skin_points, centre, pole):
    """Hull of `strands` [n,k,3] about `centre`; `pole` is the direction of its middle."""
    pole = pole / np.linalg.norm(pole)
    left = np.cross(pole, [0, 0, 1.0])
    left /= np.linalg.norm(left)
    ahead = np.cross(left, pole)

    def polar(p):
        d = p - centre
        r = np.linalg.norm(d, axis=1)
        theta = np.arccos(np.clip(d @ pole / r, -1, 1))
        return r, theta, np.arctan2(d @ left, d @ ahead) % (2 * np.pi)

    p = np.concatenate([strands[:, 2:].reshape(-1, 3), 0.5 * (strands[:, 2:-1] + strands[:, 3:]).reshape(-1, 3)])
    r, theta, phi = polar(p)
    column = (phi / (2 * np.pi) * AROUND + 0.5).astype(int) % AROUND
    rim = np.array([np.percentile(theta[column == c], 98.5) for c in range(AROUND)])
    rim = np.maximum(rim, gaussian_filter1d(rim, 1.0, mode="wrap")) + np.radians(1.5)
    rim = gaussian_filter1d(rim, 0.7, mode="wrap")
    ring_t = 1 - (1 - np.linspace(0, 1, RINGS)) ** 1.25  # denser towards the hairline

    t = np.clip(theta / rim[column], 0, 1)
    row = np.abs(t[:, None] - ring_t[None]).argmin(1)
    height = np.full((RINGS, AROUND), np.nan)
    order = np.lexsort((r, row * AROUND + column))
    key = (row * AROUND + column)[order]
    cut = np.searchsorted(key, np.arange(RINGS * AROUND + 1))
    for k in range(RINGS * AROUND):
        if cut[k + 1] - cut[k] >= 3:
            height.flat[k] = np.quantile(r[order[cut[k]:cut[k + 1]]], 0.97)
    height[0] = np.nanmax(height[:2])
    for i in range(RINGS):
        known = ~np.isnan(height[i])
        height[i] = np.interp(np.arange(AROUND), np.where(known)[0], height[i][known], period=AROUND) if known.any() else height[i - 1]
    soft = gaussian_filter(height, (1.0, 1.0), mode=("nearest", "wrap"))
    height = np.maximum(soft, 0.35 * height + 0.65 * soft) + MARGIN
    height[0] = height[0].mean()

    # One more ring tucks the edge down to the skin.
    rs, ts, fs = polar(skin_points)
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    theta_grid = np.concatenate([ring_t[:, None] * rim[None], rim[None] + np.radians(0.8)])

    def direction(t, p):
        around = np.cos(p)[..., None] * ahead + np.sin(p)[..., None] * left
        return np.cos(t)[..., None] * pole + np.sin(t)[..., None] * around

    dirs = direction(theta_grid, np.broadcast_to(angle, theta_grid.shape))
    _, near = cKDTree(direction(ts, fs)).query(dirs[-1], k=6)
    height = np.concatenate([height, np.minimum(rs[near].mean(1), height[-1])[None]])
    points = centre + (dirs * height[..., None]).reshape(-1, 3)

    rows = RINGS + 1
    index = np.concatenate([[0], np.arange(AROUND, rows * AROUND)])
    j = np.arange(AROUND)
    k = (j + 1) % AROUND
    triangles = [np.stack([0 * j, 1 + j, 1 + k], 1)]
    for i in range(rows - 2):
        a, b = 1 + i * AROUND, 1 + (i + 1) * AROUND
        triangles += [np.stack([a + j, b + j, b + k], 1), np.stack([a + j, b + k, a + k], 1)]
    spread = np.linspace(0, 1, rows)[1:]
    disc = np.stack([0.5 + 0.5 * spread[:, None] * np.sin(angle), 0.5 + 0.5 * spread[:, None] * np.cos(angle)], -1)
    uv = uv_atlas.place("hair", np.concatenate([[[0.5, 0.5]], disc.reshape(-1, 2)]))
    triangles = outward(points[index], np.concatenate(triangles), points[index] - centre)
    # Dense vertices are the render vertices: drop the pole's duplicates.
    points = points[index]
    quads = np.c_[triangles, -np.ones(len(triangles), int)]
    return Part("hair", points, quads, all_on("head", len(points)), np.arange(len(points)), uv, triangles)
