"""A crew-neck top made from MakeHuman's tights helper."""
from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from . import uv_atlas
from .parts import Part, weld_corners
from .spaces import vertex_normals
from .subdivide import subdivide


def below_collar(template):
    """Height (dm) below the collar's plane: positive where the top hides the skin."""
    return 5.83 - 0.20 * (template[..., 2] - 0.2) - template[..., 1]


def build(template, points, quads, weights_of):
    """The clothes part from the helper's template and identity positions (dm)."""
    depth = below_collar(template)
    keep = ((template[quads][..., 1] > 4.2).all(1) & (np.abs(template[quads][..., 0]) < 2.5).all(1)
            & (depth[quads] > -0.06).all(1))
    quads = quads[keep]
    used, local = np.unique(quads, return_inverse=True)
    quads = local.reshape(-1, 4)
    template, points = template[used].copy(), points[used].copy()
    normals = vertex_normals(points, quads)
    points += 0.055 * normals

    rim = _rim_edges(quads)
    collar = np.array([e for e in rim if template[list(e), 1].min() > 5.4 and np.abs(template[list(e), 0]).max() < 0.9])
    ring = np.unique(collar)
    _smooth_collar(template, points, collar, ring)

    n = len(points)
    rolled, inside = points[ring].copy(), points[ring].copy()
    axis = points[ring].mean(0)
    inward = (axis - points[ring]) * [1, 0, 1]
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    rolled += 0.045 * inward + [0, 0.035, 0]
    inside += 0.075 * inward - [0, 0.12, 0]
    at = {v: i for i, v in enumerate(ring)}
    strips = []
    for a, b in collar:
        i, j = n + at[a], n + at[b]
        strips += [[b, a, i, j], [j, i, i + len(ring), j + len(ring)]]
    quads = np.concatenate([quads, np.array(strips)])
    points = np.concatenate([points, rolled, inside])
    template = np.concatenate([template, template[ring], template[ring]])

    box = _polar_layout(points, quads, axis, np.arange(n + len(ring), n + 2 * len(ring)))
    matrix, dense, _ = subdivide(quads, len(points), box, 2)
    _, level1, uv1 = subdivide(quads, len(points), box, 1)
    f = np.concatenate([level1[:, [0, 1, 2]], level1[:, [0, 2, 3]]])
    c = np.concatenate([uv1[:, [0, 1, 2]], uv1[:, [0, 2, 3]]])
    # Under the arms the layout folds back: no camera sees that, so the render mesh leaves it out.
    area = np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0])
    f, c = f[area < 0], c[area < 0]
    index, uv, triangles = weld_corners(f, uv_atlas.place("clothes", c))
    dense_template = matrix @ template
    return Part("clothes", matrix @ points, dense, weights_of(dense_template, 0.35), index, uv, triangles)


def _smooth_collar(template, points, collar, ring):
    """Lays the ragged edge into the collar's plane as a smooth loop, in place."""
    beside = {int(v): [] for v in ring}
    for a, b in collar:
        beside[int(a)].append(int(b))
        beside[int(b)].append(int(a))
    neighbours = np.array([beside[int(v)][:2] for v in ring])
    shift = points[ring] - template[ring]
    drop = below_collar(template[ring])
    template[ring, 1] += drop
    points[ring] = template[ring] + shift
    for _ in range(14):
        for field in (template, points):
            field[ring] = 0.5 * field[ring] + 0.25 * field[neighbours].sum(1)
    centre = points[ring].mean(0) * [1, 0, 1]
    points[ring] = (points[ring] - centre) * [1.04, 1, 1.04] + centre  # give back what smoothing shrank


def _rim_edges(quads):
    """Directed boundary edges (a, b) as their face walks them."""
    count, directed = Counter(), []
    for f in quads:
        for i in range(4):
            a, b = int(f[i]), int(f[(i + 1) % 4])
            count[min(a, b), max(a, b)] += 1
            directed.append((a, b))
    return [(a, b) for a, b in directed if count[min(a, b), max(a, b)] == 1]


def _polar_layout(points, quads, axis, start):
    """UV per corner from the innermost ring `start`. Seen from above: the collar a circle in the middle, shoulders around it, in [0,1]^2.

    The radius is the distance walked down from the collar, so the map unrolls the
    shoulders like a skirt and never folds.
    """
    edges = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    graph = csr_matrix((length, (edges[:, 0], edges[:, 1])), (len(points), len(points)))
    walked = dijkstra(graph, directed=False, indices=start, min_only=True)
    angle = np.arctan2(points[:, 0] - axis[0], points[:, 2] - axis[2])
    radius = 0.35 + walked
    flat = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
    flat = (flat - flat.min(0)) / (flat.max(0) - flat.min(0))
    return flat[quads]
