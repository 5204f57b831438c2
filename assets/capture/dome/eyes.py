"""Eyeballs: an outer shell with a corneal bulge, and a recessed iris under it."""
import math

import numpy as np

from . import uv_atlas
from .parts import Part, all_on, outward
from .spaces import smoothstep as ss

AROUND = 64
IRIS_RADIUS = 0.475  # of the eyeball's radius
RENDER_EDGE = math.radians(112)  # the render mesh stops here, behind the lids
# Where the iris seems to be through the cornea, of the eyeball's radius: 0.24 below a surface of radius 0.72 with an index of 1.36, so
# 0.195 below it (Gaussian optics). The render mesh is cut flat there: on the cornea, pupil and iris would slide about with the view.
APPARENT_IRIS = 0.865


def shell_profile():
    """Polar angles (radians) and radius factors of the outer surface, cornea first."""
    theta = np.r_[np.linspace(0, 0.75, 60), np.linspace(0.78, math.pi, 50)]
    cornea, limbus = 0.72, 0.50
    a = math.sin(limbus)
    z0 = math.cos(limbus) - math.sqrt(cornea ** 2 - a ** 2)
    dome = z0 * np.cos(theta) + np.sqrt(np.maximum(cornea ** 2 - (z0 * np.sin(theta)) ** 2, 0))
    rho = np.where(theta < limbus, dome, 1.0)
    smooth = np.convolve(np.pad(rho, 4, "edge"), np.ones(9) / 9, "valid")
    return theta, np.where(theta < 0.8, smooth, 1.0)


def shell():
    """Unit eyeball looking along +Z: vertices [rings*AROUND,3], quads."""
    theta, rho = shell_profile()
    phi = 2 * np.pi * np.arange(AROUND) / AROUND
    p = np.stack([np.sin(theta)[:, None] * np.cos(phi), np.sin(theta)[:, None] * np.sin(phi),
                  np.repeat(np.cos(theta)[:, None], AROUND, 1)], -1) * rho[:, None, None]
    return p.reshape(-1, 3), ring_quads(len(theta), AROUND)


def iris_disc(pupil):
    """A shallow cone with a sunk pupil: vertices (unit eyeball) and picture coordinates."""
    radii = np.linspace(0, 1.06, 26)
    z = math.sqrt(1 - IRIS_RADIUS ** 2) - 0.035
    phi = 2 * np.pi * np.arange(AROUND) / AROUND
    depth = z - 0.05 * (1 - radii) + np.where(radii < pupil - 0.005, -0.06, 0)
    p = np.stack([IRIS_RADIUS * radii[:, None] * np.cos(phi), IRIS_RADIUS * radii[:, None] * np.sin(phi),
                  np.repeat(depth[:, None], AROUND, 1)], -1)
    r = np.minimum(radii, 0.999)[:, None]
    uv = np.stack([0.5 + 0.5 * r * np.cos(phi), 0.5 + 0.5 * r * np.sin(phi), 0 * r * phi], -1)
    return p.reshape(-1, 3), ring_quads(len(radii), AROUND), uv.reshape(-1, 3)


def ring_quads(rings, around):
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    k = (j + 1) % around
    return np.stack([i * around + j, (i + 1) * around + j, (i + 1) * around + k, i * around + k], -1).reshape(-1, 4)


def part(name, centre, radius):
    """The eyeball part about `centre` (body space, dm)."""
    unit_points, quads = shell()
    theta, _ = shell_profile()
    wanted = np.r_[np.linspace(0, 0.75, 9), np.linspace(0.85, RENDER_EDGE, 9)]
    rings = np.unique([int(np.argmin(np.abs(theta - a))) for a in wanted])
    step, around = 2, AROUND // 2
    index = np.concatenate([[0]] + [r * AROUND + step * np.arange(around) for r in rings[1:]])
    phi = 2 * np.pi * np.arange(around) / around
    # +X is the person's left: seen from outside, u runs to the picture's right with +X.
    edge = (theta[rings[1:]] / theta[rings[-1]]) ** 0.75
    disc = np.stack([0.5 + 0.5 * edge[:, None] * np.cos(phi), 0.5 - 0.5 * edge[:, None] * np.sin(phi)], -1)
    uv = uv_atlas.place(name, np.concatenate([[[0.5, 0.5]], disc.reshape(-1, 2)]))
    j = np.arange(around)
    k = (j + 1) % around
    triangles = [np.stack([0 * j, 1 + j, 1 + k], 1)]
    for i in range(len(rings) - 2):
        a, b = 1 + i * around, 1 + (i + 1) * around
        triangles += [np.stack([a + j, b + j, b + k], 1), np.stack([a + j, b + k, a + k], 1)]
    triangles = outward(unit_points[index], np.concatenate(triangles), unit_points[index])
    # Tracked, but not rendered: the flat iris.
    flat = np.flatnonzero(unit_points[index, 2] > APPARENT_IRIS)
    tracked = np.concatenate([unit_points, unit_points[index[flat]] * [1, 1, 0] + [0, 0, APPARENT_IRIS]])
    index[flat] = len(unit_points) + np.arange(len(flat))
    return Part(name, centre + tracked * radius, quads, all_on(name, len(tracked)), index, uv, triangles)


def iris_picture(size, colours, seed=1):
    """sRGB picture (uint8) of an iris with fibres, collarette, limbal ring and pupil."""
    yy, xx = np.mgrid[0:size, 0:size]
    px, py = (xx + 0.5) / size * 2 - 1, 1 - (yy + 0.5) / size * 2
    rr, angle = np.hypot(px, py), np.arctan2(py, px)

    def fibres(frequency, salt, warp):
        r = np.random.RandomState(seed * 100 + salt)
        out = 0
        for _ in range(40):
            m = r.randint(frequency // 2, frequency * 2)
            out = out + np.cos(m * angle + warp * r.randn() * 3 + r.rand() * 2 * np.pi + r.randn() * 2.5 * rr)
        return out / np.sqrt(20)

    warp = 0.25 * np.sin(3 * angle + 9 * rr) + 0.2 * np.sin(7 * angle - 12 * rr)
    fibre = 0.6 * fibres(70, 1, warp) + 0.5 * fibres(150, 2, warp) + 0.35 * fibres(28, 3, warp)
    outer, middle, inner = (np.array(colours[k]) for k in ("outer", "middle", "inner"))
    ring = rr + 0.04 * np.sin(5 * angle + 2) + 0.015 * fibre
    m_in = 1 - ss(ring, 0.38, 0.56)
    fade = ss(rr, 0.65, 0.95)[..., None]
    iris = middle * (1 - fade) + outer * fade
    iris = iris * (1 - m_in * 0.8)[..., None] + inner * (m_in * 0.8)[..., None]
    iris *= np.clip(1 + 0.38 * fibre, 0.25, 2.2)[..., None]
    crypts = np.clip(fibres(16, 9, warp) * fibres(11, 12, 0 * rr) - 0.6, 0, 1) * ss(rr, 0.45, 0.6) * (1 - ss(rr, 0.75, 0.9))
    iris *= (1 - 0.5 * crypts)[..., None]
    iris *= (1 - 0.80 * ss(rr, 0.86, 1.0))[..., None]
    iris = np.clip(iris * ss(rr, colours["pupil"], colours["pupil"] + 0.04)[..., None] * 0.97, 0.0015, 1)
    srgb = np.where(iris <= 0.0031308, iris * 12.92, 1.055 * iris ** (1 / 2.4) - 0.055)
    return (srgb * 255).clip(0, 255).astype(np.uint8)
