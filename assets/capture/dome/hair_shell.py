"""The proxy surfaces for hair: two star-shaped shells, the body of the hair and a veil over it.

One shell alone would carry strands of very different depth, which then slide over each other as the camera moves. The
body lies in the middle of the strands; the veil, see-through wherever nothing sticks out, hugs the outermost ones and
reaches past the hairline.
"""
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree

from . import uv_atlas
from .parts import Part, all_on, outward

RINGS, AROUND = 22, 56
LEAST = 0.006  # dm between skin and body, and between body and veil


@dataclass(frozen=True)
class Shell:
    """Where a shell lies among the strands: quantile of their height in a cell, and of their reach along a meridian."""
    name: str
    height: float
    reach: float
    margin: float  # dm beyond that height
    overhang: float  # radians beyond that reach


# The body comes first: triangles are blended in their order, so what lies outside must be drawn later.
SHELLS = (Shell("hair_body", 0.72, 98.0, 0.0, np.radians(0.8)), Shell("hair_veil", 0.985, 99.7, 0.008, np.radians(1.8)))


class Polar:
    """Directions about a centre as angle from a pole and angle round it."""

    def __init__(self, centre, pole):
        self.centre, self.pole = centre, pole / np.linalg.norm(pole)
        left = np.cross(self.pole, [0, 0, 1.0])
        self.left = left / np.linalg.norm(left)
        self.ahead = np.cross(self.left, self.pole)

    def of(self, points):
        """Radius, angle from the pole, angle round it."""
        d = points - self.centre
        r = np.linalg.norm(d, axis=1)
        theta = np.arccos(np.clip(d @ self.pole / r, -1, 1))
        return r, theta, np.arctan2(d @ self.left, d @ self.ahead) % (2 * np.pi)

    def direction(self, theta, phi):
        around = np.cos(phi)[..., None] * self.ahead + np.sin(phi)[..., None] * self.left
        return np.cos(theta)[..., None] * self.pole + np.sin(theta)[..., None] * around


def build(strands, skin_points, centre, pole):
    """The hair part: shells round `strands` [n,k,3] about `centre`; `pole` is the direction of their middle (dm)."""
    polar = Polar(centre, pole)
    outer_part = np.concatenate([strands[:, 2:].reshape(-1, 3), 0.5 * (strands[:, 2:-1] + strands[:, 3:]).reshape(-1, 3)])
    strand_points = polar.of(outer_part)
    skin_radius, theta, phi = polar.of(skin_points)
    skin = cKDTree(polar.direction(theta, phi)), skin_radius
    points, uv, triangles, below = [], [], [], None
    for shell in SHELLS:
        p, below = _surface(shell, polar, strand_points, skin, below)
        t, flat = _grid(len(below))
        triangles.append(outward(p, t, p - centre) + sum(map(len, points)))
        points.append(p)
        uv.append(uv_atlas.place(shell.name, flat))
    points = np.concatenate(points)
    triangles = np.concatenate(triangles)
    # Dense vertices are the render vertices.
    quads = np.c_[triangles, -np.ones(len(triangles), int)]
    return Part("hair", points, quads, all_on("head", len(points)), np.arange(len(points)), np.concatenate(uv), triangles)


def _surface(shell, polar, strands, skin, below):
    """Points of a shell (pole first, then ring by ring), and its height over the grid [RINGS + 1, AROUND]."""
    r, theta, phi = strands
    column = (phi / (2 * np.pi) * AROUND + 0.5).astype(int) % AROUND
    rim = np.array([np.percentile(theta[column == c], shell.reach) for c in range(AROUND)])
    rim = np.maximum(rim, gaussian_filter1d(rim, 1.0, mode="wrap")) + shell.overhang
    rim = gaussian_filter1d(rim, 0.7, mode="wrap")
    ring_t = 1 - (1 - np.linspace(0, 1, RINGS)) ** 1.25  # denser towards the hairline
    t = np.clip(theta / rim[column], 0, 1)
    row = np.abs(t[:, None] - ring_t[None]).argmin(1)
    height = _quantiles(r, row * AROUND + column, shell.height)
    soft = gaussian_filter(height, (0.8, 0.8), mode=("nearest", "wrap"))
    height = np.maximum(soft, 0.35 * height + 0.65 * soft) if shell.margin else soft

    # One more ring tucks the edge down to the skin.
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    grid = np.concatenate([ring_t[:, None] * rim[None], rim[None] + np.radians(0.8)])
    directions = polar.direction(grid, np.broadcast_to(angle, grid.shape))
    tree, radius = skin
    ground = radius[tree.query(directions.reshape(-1, 3), k=6)[1]].mean(1).reshape(grid.shape)
    height = np.maximum(height + shell.margin, ground[:-1] + LEAST)
    if below is not None:
        height = np.maximum(height, below[:-1] + LEAST)
    height[0] = height[0].mean()
    height = np.concatenate([height, np.minimum(ground[-1], height[-1])[None]])
    points = polar.centre + directions * height[..., None]
    return np.concatenate([points[0, :1], points[1:].reshape(-1, 3)]), height


def _quantiles(values, cell, q):
    """Quantile of the values in each cell of the grid [RINGS, AROUND]; gaps are filled along the rings."""
    order = np.lexsort((values, cell))
    cut = np.searchsorted(cell[order], np.arange(RINGS * AROUND + 1))
    out = np.full((RINGS, AROUND), np.nan)
    for k in range(RINGS * AROUND):
        if cut[k + 1] - cut[k] >= 3:
            out.flat[k] = np.quantile(values[order[cut[k]:cut[k + 1]]], q)
    out[0] = np.nanmax(out[:2])
    for i in range(RINGS):
        known = ~np.isnan(out[i])
        out[i] = np.interp(np.arange(AROUND), np.where(known)[0], out[i][known], period=AROUND) if known.any() else out[i - 1]
    return out


def _grid(rows):
    """Triangles of a fan and rings round it, and their place on a disc in the unit square."""
    j = np.arange(AROUND)
    k = (j + 1) % AROUND
    triangles = [np.stack([0 * j, 1 + j, 1 + k], 1)]
    for i in range(rows - 2):
        a, b = 1 + i * AROUND, 1 + (i + 1) * AROUND
        triangles += [np.stack([a + j, b + j, b + k], 1), np.stack([a + j, b + k, a + k], 1)]
    spread = np.linspace(0, 1, rows)[1:]
    angle = 2 * np.pi * j / AROUND
    disc = np.stack([0.5 + 0.5 * spread[:, None] * np.sin(angle), 0.5 + 0.5 * spread[:, None] * np.cos(angle)], -1)
    return np.concatenate(triangles), np.concatenate([[[0.5, 0.5]], disc.reshape(-1, 2)])
