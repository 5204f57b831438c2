"""The geometry head: a basis of offsets in 8 bits, and its coefficients as a function of the condition.

A capture whose rig says how each face unit moves the mesh needs no search: offsets are linear in the units, so the
basis is their principal subspace over the captured poses, and the linear way of the head carries them. What the meshes do
beyond that (`corrective`) joins the basis, and its hidden layer becomes the head's.
"""
from dataclasses import dataclass

import numpy as np

from .model import GAZE, NECK, UNITS

CHUNK = 64  # frames at a time
HIDDEN = 16  # of a head without correctives: narrow, zero


@dataclass
class Geometry:
    """GeometryHead's tensors, and how far its vertices are, with r = 0, from the tracked meshes of the training split (mm): mean,
    worst frame's mean, p99."""
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    w3: np.ndarray
    basis: np.ndarray
    basis_step: np.ndarray
    error_mm: dict


RIDGE = 1e-2  # of the mean variance of r: a component that says nothing of the mesh is to move nothing


def by_residual(unexplained, codes):
    """How a component of r at 1 moves the mesh, [k, V, 3] metres: least squares of what units don't explain of it
    (`unexplained` [frames, V, 3], or None) on r [frames, k]. None if there is nothing to explain."""
    if unexplained is None or not codes.shape[1]:
        return None
    codes = codes.astype(np.float64)
    gram = codes.T @ codes
    gram += RIDGE * max(np.trace(gram) / len(gram), 1e-12) * np.eye(len(gram))
    rows = unexplained.reshape(len(unexplained), -1).astype(np.float64)
    return np.linalg.solve(gram, codes.T @ rows).reshape(-1, *unexplained.shape[1:])


def fit(scene, codes, rank, by_residual=None, correct=None):
    """codes: r [frames, k] of those that were trained on; by_residual [k, V, 3] as the function of this name says; `correct`
    the Corrective of the scene's tracked meshes, or None."""
    residual = codes.shape[1]
    units = scene.units[[i for i, split in enumerate(scene.split) if split == "train"]]
    deltas = scene.mesh["unit_deltas"].reshape(UNITS, -1).astype(np.float64)
    # The captured poses, and every unit alone: what a viewer may turn up must not be lost because it was rare.
    poses = np.concatenate([units, 0.5 * np.eye(UNITS)]).astype(np.float64)
    if by_residual is not None:
        deltas = np.concatenate([deltas, by_residual.reshape(residual, -1)])
        poses = np.concatenate([np.pad(poses, ((0, 0), (0, residual))), np.pad(codes, ((0, 0), (UNITS, 0)))])
    known = len(deltas)
    if correct is not None:
        deltas = np.concatenate([deltas, correct.directions])
        active = np.pad(correct.coefficients(scene.condition(scene.tracked)), ((0, 0), (known, 0)))
        poses = np.concatenate([np.pad(poses, ((0, 0), (0, len(correct.directions)))), active])
    q, r = np.linalg.qr(poses)
    _, _, vt = np.linalg.svd(r @ deltas, full_matrices=False)
    basis = vt[:rank]
    step = np.abs(basis).max(1) / 127
    steps = np.clip(np.round(basis / step[:, None]), -127, 127).astype(np.int8)
    rounded = steps.astype(np.float64) * step[:, None]
    # Coefficients against the rounded basis, by least squares: most of the rounding goes away again.
    gram = rounded @ rounded.T
    linear = np.linalg.solve(gram, rounded @ deltas.T)
    if correct is None:
        rows = ((u @ deltas[:UNITS], u @ linear[:, :UNITS].T @ rounded) for u in np.array_split(units, 1 + len(units) // CHUNK))
    else:
        rows = _tracked(scene, deltas, linear, rounded, correct, known)
    moving = 1e3 * np.linalg.norm(scene.mesh["unit_deltas"], axis=-1).max(0) > 1
    distance = np.concatenate([1e3 * np.linalg.norm((a - b).reshape(len(a), -1, 3)[:, moving], axis=-1) for a, b in rows])
    w3 = np.zeros((len(steps), UNITS + GAZE + residual + NECK), np.float32)
    w3[:, :UNITS] = linear[:, :UNITS]
    w3[:, UNITS + GAZE:UNITS + GAZE + known - UNITS] = linear[:, UNITS:known]
    hidden = HIDDEN if correct is None else len(correct.b1)
    w1, b1 = np.zeros((hidden, w3.shape[1]), np.float32), np.zeros(hidden, np.float32)
    w2 = np.zeros((len(steps), hidden), np.float32)
    if correct is not None:
        readable = [*range(UNITS + GAZE), *range(w3.shape[1] - NECK, w3.shape[1])]
        w1[:, readable], b1[:], w2[:] = correct.w1, correct.b1, linear[:, known:] @ correct.w2
        w3[:, readable] += (linear[:, known:] @ correct.w3).astype(np.float32)
    return Geometry(
        w1=w1, b1=b1, w2=w2, w3=w3,
        basis=steps.reshape(len(steps), -1, 3), basis_step=step.astype(np.float32),
        error_mm={"mean": float(distance.mean()), "worst_frame": float(distance.mean(1).max()),
                  "p99": float(np.percentile(distance, 99))})


def _tracked(scene, deltas, linear, rounded, correct, known):
    """Offsets [n, V · 3] of tracked meshes, and the head's with r = 0, some frames at a time."""
    for begin in range(0, len(scene.tracked), CHUNK):
        frames = scene.tracked[begin:begin + CHUNK]
        units, active = scene.units[frames], correct.coefficients(scene.condition(frames))
        truth = units @ deltas[:UNITS] + scene.unexplained(frames).reshape(len(frames), -1)
        yield truth, (units @ linear[:, :UNITS].T + active @ linear[:, known:].T) @ rounded
