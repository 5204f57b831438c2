"""Conversions between body space (dm), mesh space (mm) and Blender's axes (dm)."""
import numpy as np

MM_PER_DM = 100.0


def mesh_from_body(points):
    """Body space (dm) to mesh space (mm); for positions and displacements."""
    return np.asarray(points) * np.array([-MM_PER_DM, MM_PER_DM, -MM_PER_DM])


def body_from_mesh(points):
    """Mesh space (mm) to body space (dm)."""
    return np.asarray(points) * np.array([-1, 1, -1]) / MM_PER_DM


def blender_from_body(points):
    """Body space to Blender's +Z up (dm); one Blender unit is a decimetre."""
    p = np.asarray(points, np.float32)
    return np.stack([p[..., 0], -p[..., 2], p[..., 1]], -1)


def mesh_axes_from_blender(vectors):
    """Directions in Blender's axes to mesh-space axes (unit vectors stay unit)."""
    v = np.asarray(vectors)
    return np.stack([-v[..., 0], v[..., 2], v[..., 1]], -1)


def smoothstep(x, a, b):
    t = np.clip((np.asarray(x, float) - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


def unit(v):
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def rotation_from_vector(v):
    """Rotation matrix of a rotation vector (radians)."""
    v = np.asarray(v, float)
    angle = np.linalg.norm(v)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def rigid_fit(a, b):
    """Rotation and translation that carry points `a` onto `b` (Kabsch)."""
    ma, mb = a.mean(0), b.mean(0)
    u, _, vt = np.linalg.svd((a - ma).T @ (b - mb))
    d = np.sign(np.linalg.det(vt.T @ u.T))
    r = vt.T @ np.diag([1, 1, d]) @ u.T
    return r, mb - r @ ma


def sphere_fit(points):
    """Centre and radius of the sphere nearest to `points` (least squares)."""
    a = np.c_[2 * points, np.ones(len(points))]
    s = np.linalg.lstsq(a, (points ** 2).sum(1), rcond=None)[0]
    return s[:3], float(np.sqrt(s[3] + (s[:3] ** 2).sum()))


def vertex_normals(vertices, quads):
    """Area-weighted unit normals of a quad mesh."""
    p = vertices[quads]
    n = np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1])
    out = np.zeros_like(vertices)
    for corner in range(4):
        for axis in range(3):
            out[:, axis] += np.bincount(quads[:, corner], n[:, axis], len(vertices))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
