"""Lashes: MakeHuman's four card grids, and the curves that lie in them."""
from collections import Counter, defaultdict

import numpy as np

from . import uv_atlas
from .parts import Part, all_on, unmirror, weld_corners

STRIPS = [(side, row) for side in "lr" for row in (2, 1)]  # row 2 is the upper lid's
CURVE_POINTS = 8


def grid_rows(quads, points, centre):
    """Vertex ids [5,13]-like of a quad grid, first row nearest to the eyeball's `centre`."""
    near, count = defaultdict(set), Counter()
    for f in quads:
        for i in range(4):
            a, b = int(f[i]), int(f[(i + 1) % 4])
            near[a].add(b)
            near[b].add(a)
            count[min(a, b), max(a, b)] += 1
    rim = defaultdict(list)
    for (a, b), n in count.items():
        if n == 1:
            rim[a].append(b)
            rim[b].append(a)
    corners = [v for v in near if len(near[v]) == 2]

    def walk(start, step):
        path = [start, step]
        while path[-1] not in corners:
            path.append(next(u for u in rim[path[-1]] if u != path[-2]))
        return path

    paths = [walk(corners[0], n) for n in rim[corners[0]]]
    rows, used = [max(paths, key=len)], set(max(paths, key=len))
    for _ in range(len(min(paths, key=len)) - 1):
        rows.append([next(u for u in near[v] if u not in used) for v in rows[-1]])
        used |= set(rows[-1])
    rows = np.array(rows)
    reach = [np.linalg.norm(points[r] - centre, axis=1).mean() for r in (rows[0], rows[-1])]
    return rows if reach[0] < reach[1] else rows[::-1]


class Lashes:
    """All four strips as one part; `strips` is [(points, quads, deltas, eye centre)] in STRIPS' order."""

    def __init__(self, strips, style, seed):
        r = np.random.RandomState(seed)
        self.grids, points, deltas, base = [], [], [], 0
        self.roots = []
        for (side, row), (p, q, d, centre) in zip(STRIPS, strips):
            grid = grid_rows(q, p, centre)
            self.grids.append(grid + base)
            base += len(p)
            points.append(p)
            deltas.append(d)
            n = style["upper"] if row == 2 else style["lower"]
            last = grid.shape[1] - 1.001
            u = np.clip(np.sort(r.rand(n)) * (grid.shape[1] - 1), 0, last)
            tip = np.clip(u + 0.35 * r.randn(n), 0, last)
            self.roots.append((u, tip, 0.62 + 0.36 * r.rand(n)))
        self.points, self.deltas = np.concatenate(points), np.concatenate(deltas, 1)

    def part(self):
        faces, corner_uv = [], []
        for k, grid in enumerate(self.grids):
            v, u = np.meshgrid(np.linspace(0, 1, grid.shape[0]), np.linspace(0, 1, grid.shape[1]), indexing="ij")
            uv = np.stack([u, (k + 0.05 + 0.9 * v) / 4], -1)
            a, b = slice(None, -1), slice(1, None)
            faces.append(np.stack([grid[a, a], grid[b, a], grid[b, b], grid[a, b]], -1).reshape(-1, 4))
            corner_uv.append(np.stack([uv[a, a], uv[b, a], uv[b, b], uv[a, b]], -2).reshape(-1, 4, 2))
        quads, c = np.concatenate(faces), np.concatenate(corner_uv)
        # The cards face up and away from the eye.
        p = self.points[quads]
        n = np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1])
        flip = n[:, 2] < 0
        quads[flip], c[flip] = quads[flip][:, ::-1], c[flip][:, ::-1]
        f = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        uv = np.concatenate([c[:, [0, 1, 2]], c[:, [0, 2, 3]]])
        index, uv, triangles = weld_corners(f, uv_atlas.place("lashes", uv))
        strip = np.searchsorted([g.max() for g in self.grids], index)
        uv = unmirror(uv, triangles, strip)
        return Part("lashes", self.points, quads, all_on("head", len(self.points)), index, uv, triangles, self.deltas)

    def curves(self, points):
        """Curves [n, CURVE_POINTS, 3] for posed card positions."""
        out = []
        for grid, (u, tip, length) in zip(self.grids, self.roots):
            rows = points[grid]

            def at(x):
                i = np.clip(x.astype(int), 0, grid.shape[1] - 2)
                f = (x - i)[None, :, None]
                return rows[:, i] * (1 - f) + rows[:, i + 1] * f

            t = np.linspace(0, 1, grid.shape[0])[:, None, None]
            c = at(u) * (1 - t) + at(tip) * t
            # Walk the card up to `length` of the way, so that a lash never leaves its card.
            x = np.linspace(0, 1, CURVE_POINTS)[:, None] * length[None] * (grid.shape[0] - 1)
            i = np.clip(x.astype(int), 0, grid.shape[0] - 2)
            f = (x - i)[..., None]
            n = np.arange(len(u))[None]
            out.append((c[i, n] * (1 - f) + c[i + 1, n] * f).transpose(1, 0, 2))
        return np.concatenate(out)
