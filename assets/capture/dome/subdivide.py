"""Catmull-Clark subdivision as a sparse matrix, so that face units stay linear."""
import numpy as np
import scipy.sparse as sp


def catmull_clark(quads, count):
    """One step: the matrix from `count` old vertices to the new, and the new quads.

    New vertices are the moved old ones (same indices), then one an edge, then one
    a face. Boundary edges and vertices follow the cubic B-spline rule.
    """
    faces = len(quads)
    pairs = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
    edges, edge_of = np.unique(pairs, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(faces, 4)
    n_edges = len(edges)
    face_row = np.repeat(np.arange(faces), 4)
    face_points = sp.csr_matrix((np.full(faces * 4, 0.25), (face_row, quads.ravel())), (faces, count))
    midpoints = sp.csr_matrix(
        (np.full(n_edges * 2, 0.5), (np.repeat(np.arange(n_edges), 2), edges.ravel())), (n_edges, count))
    edge_faces = sp.csr_matrix((np.ones(faces * 4), (edge_of.ravel(), face_row)), (n_edges, faces))
    inner = np.bincount(edge_of.ravel(), minlength=n_edges) == 2
    edge_points = (sp.diags(np.where(inner, 0.5, 1.0)) @ midpoints
                   + sp.diags(np.where(inner, 0.25, 0.0)) @ (edge_faces @ face_points))

    n_faces = np.maximum(np.bincount(quads.ravel(), minlength=count), 1)
    n_touching = np.maximum(np.bincount(edges.ravel(), minlength=count), 1)
    vertex_faces = sp.csr_matrix((np.ones(faces * 4), (quads.ravel(), face_row)), (count, faces))
    vertex_edges = sp.csr_matrix(
        (np.ones(n_edges * 2), (edges.ravel(), np.repeat(np.arange(n_edges), 2))), (count, n_edges))
    on_boundary = np.zeros(count, bool)
    on_boundary[edges[~inner].ravel()] = True
    rim = np.where(~inner)[0]
    rim_edges = sp.csr_matrix(
        (np.ones(len(rim) * 2), (edges[rim].ravel(), np.repeat(rim, 2))), (count, n_edges))
    eye = sp.identity(count)
    interior = (sp.diags(1.0 / n_faces ** 2) @ (vertex_faces @ face_points)
                + sp.diags(2.0 / (n_faces * n_touching)) @ (vertex_edges @ midpoints)
                + sp.diags((n_faces - 3.0) / n_faces) @ eye)
    boundary = 0.5 * eye + 0.25 * (rim_edges @ midpoints)
    moved = sp.diags((~on_boundary).astype(float)) @ interior + sp.diags(on_boundary.astype(float)) @ boundary
    matrix = sp.vstack([moved, edge_points, face_points]).tocsr()

    e, f = count + edge_of, count + n_edges + np.arange(faces)
    new_quads = np.stack(
        [np.stack([quads[:, i], e[:, i], f, e[:, i - 1]], 1) for i in range(4)], 1).reshape(-1, 4)
    return matrix, new_quads


def subdivide_corner_uv(uv):
    """Linear subdivision of per-corner UV [F,4,2], in the order of `catmull_clark`'s quads."""
    centre, mid = uv.mean(1), 0.5 * (uv + np.roll(uv, -1, 1))
    return np.stack(
        [np.stack([uv[:, i], mid[:, i], centre, mid[:, i - 1]], 1) for i in range(4)], 1).reshape(-1, 4, 2)


def subdivide(quads, count, uv, levels):
    """`levels` steps: matrix, quads and corner UV."""
    matrix = sp.identity(count).tocsr()
    for _ in range(levels):
        step, quads = catmull_clark(quads, matrix.shape[0])
        matrix, uv = (step @ matrix).tocsr(), subdivide_corner_uv(uv)
    return matrix, quads, uv
