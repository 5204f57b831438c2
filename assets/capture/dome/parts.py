"""What one part of the tracked mesh is, and the order of parts."""
from dataclasses import dataclass, field

import numpy as np

# Order gives the part id (from 1); blended parts are see-through cards and shells.
PART_NAMES = ["skin", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue", "clothes", "lashes", "hair"]
BLENDED = {"lashes", "hair"}
JOINTS = ["torso", "neck", "head", "jaw", "eye_left", "eye_right"]
PARENTS = {"torso": None, "neck": "torso", "head": "neck", "jaw": "head", "eye_left": "head", "eye_right": "head"}


@dataclass
class Part:
    """One part: its dense (tracked) surface and the render mesh tied to it.

    neutral      [n,3] body space, decimetres
    quads        [f,4] dense faces, -1 in the last column for triangles
    deltas       [52,n,3] body space displacement per face unit, or None for none
    weights      [n,6] skinning weights over JOINTS
    render_index [r] dense vertex of each render vertex
    render_uv    [r,2] atlas coordinates, v = 0 at the top
    triangles    [t,3] into the part's render vertices, counter-clockwise outside
    """
    name: str
    neutral: np.ndarray
    quads: np.ndarray
    weights: np.ndarray
    render_index: np.ndarray
    render_uv: np.ndarray
    triangles: np.ndarray
    deltas: np.ndarray = None
    extra: dict = field(default_factory=dict)


def all_on(joint, count):
    """Weights of `count` vertices that follow one joint."""
    w = np.zeros((count, len(JOINTS)), np.float32)
    w[:, JOINTS.index(joint)] = 1
    return w


def weld_corners(faces, corner_uv):
    """Unique (vertex, uv) pairs of faces given as lists of equal length.

    Returns render_index, render_uv and the faces over them.
    """
    flat = faces.ravel()
    uv = corner_uv.reshape(-1, 2)
    key = np.c_[flat, np.round(uv * (1 << 20)).astype(np.int64)]
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return flat[first].astype(np.int64), uv[first], inverse.reshape(faces.shape)


def unmirror(uv, triangles, islands):
    """UV with those islands mirrored across that came out mirrored; `islands` numbers each vertex."""
    uv = uv.copy()
    t = uv[triangles]
    area = np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])
    for island in np.unique(islands):
        mine = islands == island
        if area[mine[triangles[:, 0]]].sum() > 0:  # v runs down, so a true island is negative
            lo, hi = uv[mine, 0].min(), uv[mine, 0].max()
            uv[mine, 0] = lo + hi - uv[mine, 0]
    return uv


def outward(vertices, triangles, normals_hint):
    """Triangles turned so that they agree with a normal per vertex."""
    p = vertices[triangles]
    n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    flip = (n * normals_hint[triangles].sum(1)).sum(1) < 0
    out = triangles.copy()
    out[flip] = out[flip][:, ::-1]
    return out
