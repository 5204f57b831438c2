"""From a person's proportions to a character's: large eyes, small nose, soft cheeks, round skull, thin neck."""
import numpy as np

from dome.spaces import smoothstep as ss


class Warp:
    """A smooth map of space; what moves is warped where it is and where it goes, so that face units stay right."""

    def __init__(self, eyes, radius, style):
        self.eyes, self.style = np.asarray(eyes), style
        self.reach = style["reach"] * radius

    def __call__(self, points):
        s = self.style
        p = np.array(points, float)
        near, moves = zip(*(self._eye(p, eye) for eye in self.eyes))
        # Between the eyes, where both reach, their mean.
        p = p + sum(moves) / np.maximum(sum(near), 1)[..., None]
        p = self._swell(p, (0, -0.24, 0.22), (0.30, 0.26, 0.42), s["nose"] - 1)
        p = self._swell(p, (0, -0.26, 0.30), (0.20, 0.16, 0.30), s["nose_tip"] - 1)
        # Nose a little up: the tip of a child's.
        p[..., 1] += s["nose_up"] * np.exp(-((p - [0, -0.24, 0.36]) ** 2 / np.array([0.2, 0.18, 0.25]) ** 2).sum(-1))
        for side in (-1, 1):
            p = self._swell(p, (side * 0.34, -0.42, 0.0), (0.42, 0.40, 0.5), s["cheeks"] - 1)
            p = self._swell(p, (side * 0.72, -0.16, -0.72), (0.20, 0.34, 0.34), s["ears"] - 1)
        # The corners of the mouth, which the eyes' growth draws down.
        at = np.stack([(np.abs(p[..., 0]) - s["mouth"][0]) / 0.26, (p[..., 1] - s["mouth"][1]) / 0.24], -1)
        p[..., 1] += s["corners"] * np.exp(-(at ** 2).sum(-1)) * ss(p[..., 2], -0.1, 0.2)
        y = p[..., 1]
        skull, jaw = ss(y, -0.2, 0.6), ss(-y, 0.15, 0.95)
        wide = 1 + (s["skull"] - 1) * skull + (s["jaw"] - 1) * jaw
        neck = ss(-y, 0.95, 1.25)
        wide = wide * (1 - neck) + s["neck"] * neck
        p[..., 0] *= wide
        middle = -0.68
        deep = (1 + (s["skull"] - 1) * skull) * (1 - neck) + s["neck"] * neck
        p[..., 2] = middle + (p[..., 2] - middle) * np.where(p[..., 2] < middle, deep, 1 - neck + neck * s["neck"])
        # The neck is short, so are face and chin; the skull is high.
        p[..., 1] += s["neck_up"] * ss(-y, 0.9, 1.5)
        p[..., 1] = np.where(y < 0, y * s["face"], y * (1 + (s["high"] - 1) * ss(y, 0.1, 0.9)))
        return p * s["size"]

    def _eye(self, p, eye):
        away = p - eye
        r = np.sqrt((away ** 2 * [1, 1, 0.8]).sum(-1))
        # A bell never folds space, whatever it scales by up to three.
        near = np.exp(-((r / self.reach) ** 2))
        larger = np.array([1, self.style["tall"], 1]) * self.style["eyes"] - 1
        return near, near[..., None] * (larger * away + np.array([np.sign(eye[0]) * self.style["apart"], 0, -self.style["sunk"]]))

    @staticmethod
    def _swell(p, centre, size, by):
        near = np.exp(-((p - centre) ** 2 / np.square(size)).sum(-1))
        return p + near[..., None] * by * (p - centre)


def relaxed(points, quads, share, rounds):
    """Points with their unevenness taken away where `share` [n] is 1, without shrinking (Taubin 1995)."""
    from scipy.sparse import csr_matrix
    n = len(points)
    edges = np.concatenate([quads[:, [i, (i + 1) % quads.shape[1]]] for i in range(quads.shape[1])])
    graph = csr_matrix((np.ones(2 * len(edges)), (edges.ravel("F"), edges[:, ::-1].ravel("F"))), (n, n))
    graph.data[:] = 1
    count = np.maximum(np.asarray(graph.sum(1)), 1)
    for _ in range(rounds):
        for step in (0.5, -0.53):
            points = points + step * share[:, None] * (graph @ points / count - points)
    return points
