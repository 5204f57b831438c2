"""Own teeth and gums, laid along the arch of MakeHuman's teeth helper (dm)."""
import numpy as np

from . import uv_atlas
from .eyes import ring_quads
from .parts import Part, all_on, outward, unmirror, weld_corners
from .spaces import rigid_fit

AROUND, ROWS = 28, 20
GUM_ALONG, GUM_AROUND = 141, 20
WIDTHS = {"upper": [.085, .066, .076, .070, .068, .098, .09], "lower": [.054, .059, .068, .070, .071, .105, .1]}
HEIGHTS = np.array([.104, .094, .102, .090, .084, .080, .078])
DEPTHS = [.062, .058, .075, .085, .09, .105, .105]
KINDS = "iicpppp"  # incisors, canine, premolars and molars from the middle out


def _tooth(width, height, depth, kind, seed):
    """One upper tooth hanging down from y = 0: [ROWS*AROUND + 1, 3], the last is the tip's middle."""
    r = np.random.RandomState(seed)
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, AROUND, endpoint=False), np.linspace(0, 1, ROWS))
    e = 2 / 3
    cx = np.sign(np.cos(a)) * np.abs(np.cos(a)) ** e
    cz = np.sign(np.sin(a)) * np.abs(np.sin(a)) ** e
    stops = [0, .25, .6, .9, .97, 1]
    wide = np.interp(b, stops, [.93, .97, 1, 1, .95, .86 if kind == "i" else 0])
    deep = {"i": ([0, .3, .7, .95, 1], [1, 1.05, .62, .30, .12]),
            "c": ([0, .3, .7, .95, 1], [1, 1.08, .85, .45, .1]),
            "p": ([0, .3, .7, .95, 1], [1, 1.08, 1.05, .8, .1])}[kind]
    x, y, z = cx * wide * width / 2, -b * height, cz * np.interp(b, *deep) * depth / 2
    if kind == "c":
        y = y - 0.09 * height * (1 - np.abs(cx)) * (b > 0.8)
    z = z + depth * 0.10 * np.sin(np.pi * b) - depth * 0.16 * (b - 0.5)
    p = np.stack([x + width * 0.008 * r.randn(), y, z], -1).reshape(-1, 3)
    return np.vstack([p, [[0, -height, p[-AROUND:, 2].mean()]]])


class Jaw:
    """Teeth and gum of one jaw; `helper` is the identity's helper mesh [n,3] (body space)."""

    def __init__(self, which, helper, style):
        self.which = which
        upper = which == "upper"
        lo, hi = helper.min(0), helper.max(0)
        middle = (lo[0] + hi[0]) / 2
        half, front, back = (hi[0] - lo[0]) / 2 - 0.045, hi[2] + style["forward_dm"], lo[2]
        t = np.linspace(0, np.pi / 2, 400)
        arch = np.stack([half * np.sin(t), back + (front - back - 0.03) * np.cos(t) - 0.03], 1)
        along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(arch, axis=0), axis=1))]
        widths = np.array(WIDTHS[which])
        widths = widths * min(1.0, along[-1] * 0.97 / widths.sum())
        places = np.cumsum(widths) - widths / 2
        heights = HEIGHTS * (1 if upper else 0.92)
        edge_y = lo[1] - 0.028 - style["drop_dm"] if upper else hi[1] - 0.012

        def frame(s):
            at = lambda q: np.array([np.interp(q, along, arch[:, 0]), 0, np.interp(q, along, arch[:, 1])])
            tangent = at(s + 0.005) - at(s - 0.005)
            tangent /= np.linalg.norm(tangent) + 1e-9
            normal = np.array([-tangent[2], 0, tangent[0]])
            if normal[0] + 0.01 < 0 or (abs(normal[0]) < 0.2 and normal[2] < 0):
                normal = -normal
            return at(s), tangent, normal

        teeth = []
        for side in (1, -1):
            for i in range(7):
                origin, tangent, normal = frame(places[i])
                seed = i + (50 if side < 0 else 0) + (0 if upper else 100)
                r = np.random.RandomState(seed)
                p = _tooth(widths[i] * style["width"], heights[i] * 1.42, DEPTHS[i], KINDS[i], seed)
                turn, lift = 0.035 * r.randn(), 0.003 * r.randn()
                x = p[:, 0] * np.cos(turn) - p[:, 2] * np.sin(turn)
                z = p[:, 0] * np.sin(turn) + p[:, 2] * np.cos(turn)
                w = origin + tangent * x[:, None] + normal * z[:, None]
                if upper:
                    w[:, 1] = edge_y + heights[i] * 1.42 + p[:, 1] + (0.004 if i == 1 else 0) + lift + 0.010 * max(0, i - 3)
                else:
                    w[:, 1] = edge_y - heights[i] * 1.42 - p[:, 1] + lift - 0.004 * max(0, i - 3)
                w[:, 0] = w[:, 0] * side + middle
                teeth.append(w)
        self.teeth = np.concatenate(teeth)
        self.tooth_size = ROWS * AROUND + 1

        gum, signed = [], np.concatenate([-places[::-1], places])
        for a in np.linspace(-1, 1, GUM_ALONG):
            s = abs(a) * along[-1]
            origin, _, normal = frame(s)
            near = np.abs(signed - a * along[-1]).min()
            i = int(np.argmin(np.abs(places - s)))
            papilla = 0.026 * np.clip(near / (widths[i] / 2), 0, 1) ** 2
            k = 2 * np.pi * np.arange(GUM_AROUND) / GUM_AROUND
            out = 0.055 * np.cos(k)
            y = heights[i] * 1.14 + 0.062 + 0.075 * np.sin(k) + papilla * np.minimum(np.sin(k), 0)
            x = np.sign(a) * (origin[0] + normal[0] * out) + middle
            gum.append(np.stack([x, edge_y + y if upper else edge_y - y, origin[2] + normal[2] * out], 1))
        self.gum = np.concatenate(gum)

    def faces(self):
        """Dense faces: quads of the teeth (tip fans padded with -1), then of the gum."""
        ring = ring_quads(ROWS, AROUND)
        i = np.arange(AROUND)
        last = (ROWS - 1) * AROUND
        fan = np.stack([last + i, last + (i + 1) % AROUND, 0 * i + ROWS * AROUND, 0 * i - 1], 1)
        one = np.concatenate([ring, fan])
        teeth = np.concatenate([np.where(one < 0, -1, one + k * self.tooth_size) for k in range(14)])
        return teeth, ring_quads(GUM_ALONG, GUM_AROUND)

    def part(self, units, helper):
        """The part; every unit moves a jaw rigidly, as its helper does (`units` [52,n,3])."""
        points = np.concatenate([self.teeth, self.gum])
        deltas = np.zeros((len(units), *points.shape))
        if self.which == "lower":
            for u, d in enumerate(units):
                if np.abs(d).max() > 1e-3:
                    r, t = rigid_fit(helper, helper + d)
                    deltas[u] = points @ r.T + t - points
        teeth, gum = self.faces()
        quads = np.concatenate([teeth, gum + len(self.teeth)])
        index, uv, triangles = self._render_mesh()
        name = f"teeth_{self.which}"
        centre_of = np.concatenate([
            np.repeat(self.teeth.reshape(14, -1, 3).mean(1), self.tooth_size, 0),
            np.repeat(self.gum.reshape(GUM_ALONG, GUM_AROUND, 3).mean(1), GUM_AROUND, 0)])
        triangles = outward(points[index], triangles, (points - centre_of)[index])
        uv = unmirror(uv, triangles, np.minimum(index // self.tooth_size, 14))  # 14 teeth, then the gum
        weights = all_on("head", len(points))
        return Part(name, points, quads, weights, index, uv_atlas.place(name, uv), triangles, deltas)

    def _render_mesh(self):
        rows = [3, 8, 12, 16, 18, 19]
        columns = np.arange(0, AROUND + 1, 4)
        faces, corner_uv = [], []

        def grid(index, uv):
            a, b = slice(None, -1), slice(1, None)
            f = np.stack([index[a, a], index[b, a], index[b, b], index[a, b]], -1).reshape(-1, 4)
            c = np.stack([uv[a, a], uv[b, a], uv[b, b], uv[a, b]], -2).reshape(-1, 4, 2)
            faces.extend([f[:, [0, 1, 2]], f[:, [0, 2, 3]]])
            corner_uv.extend([c[:, [0, 1, 2]], c[:, [0, 2, 3]]])

        for k in range(14):
            base = k * self.tooth_size
            index = np.array([[base + r * AROUND + c % AROUND for c in columns] for r in rows]
                             + [[base + ROWS * AROUND] * len(columns)])
            u = (k + 0.06 + 0.88 * np.linspace(0, 1, len(columns))) / 14
            v = 0.62 * np.linspace(0, 1, len(rows) + 1)
            grid(index, np.stack(np.meshgrid(u, v), -1))
        along, around = np.arange(0, GUM_ALONG, 7), np.arange(0, GUM_AROUND + 1, 2)
        index = len(self.teeth) + along[None] * GUM_AROUND + (around % GUM_AROUND)[:, None]
        u, v = np.linspace(0, 1, len(along)), 0.70 + 0.30 * np.linspace(0, 1, len(around))
        grid(index, np.stack(np.meshgrid(u, v), -1))
        f, c = np.concatenate(faces), np.concatenate(corner_uv)
        solid = (f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])
        return weld_corners(f[solid], c[solid])
