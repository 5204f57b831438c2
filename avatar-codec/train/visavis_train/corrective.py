"""What tracked meshes do beyond their units' straight lines, as far as units, gaze and the head's rotation say it.

Lids slide over an eyeball along its curve, lips stop where they meet. Such offsets are smooth functions of the condition:
their principal directions, and coefficients from one hidden layer, which becomes that of the geometry head. What the
condition can't predict is left to the residual.
"""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .model import SLOPE

MOST_DIRECTIONS = 24
LEAST_MM = 0.01  # deviation of a direction, over the vertices it moves, that is worth a coefficient
HIDDEN = 96
STEPS, RATE, BATCH = 4000, 4e-3, 256
WEIGHT_DECAY = 0.3  # rough functions guess wildly between the frames that were seen
SKETCH = 8  # directions more than wanted, for a randomised decomposition (Halko, Martinsson, Tropp 2011)


@dataclass
class Corrective:
    """directions [K, V · 3] metres; coefficients a = w2 (leaky(w1 c + b1) - leaky(b1)) + w3 c of c = [u | g | n]."""
    directions: np.ndarray
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    w3: np.ndarray

    def coefficients(self, conditions):
        """[N, 59] to [N, K]."""
        hidden = leaky(conditions @ self.w1.T + self.b1) - leaky(self.b1)
        return hidden @ self.w2.T + conditions @ self.w3.T

    def offsets(self, conditions):
        """[N, 59] to [N, V · 3] metres."""
        return self.coefficients(conditions) @ self.directions


def leaky(x):
    return np.where(x > 0, x, SLOPE * x)


def fit(conditions, unexplained):
    """`unexplained` [N, V, 3] metres of frames with these conditions [N, 59]; None if there is nothing worth it."""
    rows = unexplained.reshape(len(unexplained), -1)
    directions, scale = principal(rows)
    if not len(directions):
        return None
    targets = rows @ directions.T
    deviation = np.maximum(targets.std(0), 1e-9)
    head = _learn(conditions.astype(np.float32), (targets / deviation).astype(np.float32), scale / scale.max())
    w1, b1, w2, w3 = (p.detach().numpy().astype(np.float64) for p in head)
    return Corrective(directions, w1, b1, w2 * deviation[:, None], w3 * deviation[:, None])


def principal(rows):
    """Orthonormal directions [K, V · 3] that hold most of rows [N, V · 3] about zero, and their deviations."""
    rng = np.random.default_rng(1)
    wanted = min(MOST_DIRECTIONS, len(rows))
    sketch = rows.T @ (rows @ (rows.T @ rng.standard_normal((len(rows), wanted + SKETCH), np.float32)))
    q = np.linalg.qr(sketch.astype(np.float64))[0]
    _, values, vt = np.linalg.svd(rows @ q, full_matrices=False)
    directions = (vt @ q.T)[:wanted]
    values = values[:wanted] / np.sqrt(len(rows))
    # Over the vertices that a direction moves: its participation ratio.
    energy = (directions.reshape(len(directions), -1, 3) ** 2).sum(-1)
    moved = 1 / np.maximum((energy**2).sum(-1), 1e-12)
    kept = 1e3 * values / np.sqrt(moved) > LEAST_MM
    return directions[kept], values[kept]


def _learn(conditions, targets, importance):
    """One hidden layer beside a linear way, by AdamW; directions that move more count more."""
    torch.manual_seed(1)
    inputs, outputs = conditions.shape[1], targets.shape[1]
    w1 = nn.Parameter(torch.randn(HIDDEN, inputs) * (2 / inputs) ** 0.5 * 3)
    b1 = nn.Parameter(-0.5 * torch.rand(HIDDEN))
    w2 = nn.Parameter(torch.zeros(outputs, HIDDEN))
    w3 = nn.Parameter(torch.zeros(outputs, inputs))
    parameters = [w1, b1, w2, w3]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS, RATE * 0.01)
    x, y = torch.from_numpy(conditions), torch.from_numpy(targets)
    weight = torch.from_numpy(np.asarray(importance, np.float32) ** 2)
    order = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        chosen = torch.randint(len(x), (min(BATCH, len(x)),), generator=order)
        hidden = F.leaky_relu(x[chosen] @ w1.t() + b1, SLOPE) - F.leaky_relu(b1, SLOPE)
        error = hidden @ w2.t() + x[chosen] @ w3.t() - y[chosen]
        optimiser.zero_grad()
        (error.square() * weight).mean().backward()
        optimiser.step()
        schedule.step()
    return parameters
