"""Hair as an animated film models it: a few dozen large locks, swept from a parting, pointed at their ends."""
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from dome.spaces import smoothstep as ss

ROWS, ACROSS = 13, 5


class Skull:
    """How far skin is from a centre, in every direction."""

    def __init__(self, points, centre):
        self.centre = np.asarray(centre, float)
        away = points - self.centre
        self.r = np.linalg.norm(away, axis=1)
        self.tree = cKDTree(away / self.r[:, None])

    def radius(self, directions):
        distance, at = self.tree.query(directions, k=8)
        w = 1 / (distance + 0.02)
        return (self.r[at] * w).sum(-1) / w.sum(-1)


def build(skull, style, seed):
    """Points [n,3] (dm), triangles, tints [n,3] around 1."""
    random = np.random.RandomState(seed)
    locks = style["locks"]
    pole = np.array(style["parting"], float)
    pole /= np.linalg.norm(pole)
    ahead = np.array([0, 0, 1.0])
    ahead -= pole * (ahead @ pole)
    ahead /= np.linalg.norm(ahead)
    left = np.cross(pole, ahead)
    edges = np.linspace(-np.pi, np.pi, locks + 1) + 0.35 * 2 * np.pi / locks * np.r_[0, random.rand(locks - 1) - 0.5, 0]
    points, tints, columns = [], [], 0
    for lock in range(locks):
        longer, fuller, shade = 1 + style["uneven"] * random.randn(), 1 + 0.2 * random.randn(), 1 + 0.05 * random.randn()
        for u in np.linspace(-1, 1, ACROSS):
            phi = edges[lock] + (edges[lock + 1] - edges[lock]) * (u * 1.06 + 1) / 2
            line, tint = _line(skull, style, pole, ahead, left, phi, u, longer, fuller)
            points.append(line)
            tints.append(tint * shade)
            columns += 1
    points = np.array(points)
    tris = []
    for c in range(columns):
        if (c + 1) % ACROSS == 0:
            continue
        a, b = c * ROWS + np.arange(ROWS - 1), (c + 1) * ROWS + np.arange(ROWS - 1)
        tris += [np.stack([a, a + 1, b + 1], 1), np.stack([a, b + 1, b], 1)]
    return points.reshape(-1, 3), np.concatenate(tris), np.array(tints).reshape(-1, 1) * np.ones(3)


def _line(skull, style, pole, ahead, left, phi, u, longer, fuller):
    """One line from the parting to the tip: [ROWS,3] and its tint [ROWS]."""
    steps = 140
    angle = np.linspace(0.0, 1.78, steps)
    # Locks sweep sideways as they fall.
    azimuth = phi + style["sweep"] * np.sin(np.clip(phi, -1.6, 1.6)) * (angle / 1.78) ** 1.4
    flat = np.cos(azimuth)[:, None] * ahead + np.sin(azimuth)[:, None] * left
    d = np.cos(angle)[:, None] * pole + np.sin(angle)[:, None] * flat
    r = gaussian_filter1d(skull.radius(d), 3, mode="nearest")
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(d * r[:, None], axis=0), axis=1))]
    body = style["body"] * (0.35 + 0.65 * ss(along, 0.0, 0.7))
    lobe = (1 - np.abs(u) ** 2.2) * ss(along, 0.12, 0.8)
    line = skull.centre + d * (r + body + style["depth"] * fuller * (lobe - 0.35))[:, None]
    # Below the widest place it hangs.
    hang = int(np.argmax(np.linalg.norm((line - skull.centre)[:, [0, 2]], axis=1)))
    drop = np.linspace(0, 2.4, 120)[1:]
    tail = line[hang] + drop[:, None] * np.array([0, -1, 0])
    inward = (skull.centre - tail) * [1, 0, 1]
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    front = np.abs(np.angle(np.exp(1j * azimuth[hang])))
    end = _end(style, front) - 0.12 * (longer - 1)
    long = max(line[hang, 1] - end, 0.05)
    tail += (style["curl"] * (drop / long) ** 2)[:, None] * inward * np.clip(drop / long, 0, 1)[:, None]
    path = np.concatenate([line[: hang + 1], tail])
    # A lock is pointed: its sides end earlier.
    stop = end + style["points"] * np.abs(u) ** 1.5 * (0.5 + 0.5 * ss(front, 0.5, 1.2))
    below = np.flatnonzero(path[:, 1] < stop)
    last = max(int(below[0]) if len(below) else len(path) - 1, 8)
    path = path[: last + 1]
    s = np.r_[0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))]
    at = np.linspace(0, 1, ROWS) ** 0.9 * s[-1]
    out = np.stack([np.interp(at, s, path[:, k]) for k in range(3)], 1)
    # Tips lie down on what is below them.
    t = np.linspace(0, 1, ROWS)
    in_out = out - skull.centre
    r_out = np.linalg.norm(in_out, axis=1, keepdims=True)
    bend = (ss(t, 0.72, 1.0) * style["tips"])[:, None]
    out = out - in_out / r_out * bend
    tint = (0.72 + 0.28 * (1 - np.abs(u) ** 2)) * (0.86 + 0.14 * ss(t, 0.0, 0.25)) * (1 + 0.22 * np.exp(-(((t - 0.36) / 0.10) ** 2)))
    return out, tint * (1 - 0.10 * ss(t, 0.7, 1.0))


def _end(style, front):
    """Height (dm) at which hair ends, by how far from the front it hangs (radians)."""
    return np.interp(front, style["ends"][0], style["ends"][1])
