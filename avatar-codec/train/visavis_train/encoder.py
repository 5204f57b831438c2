"""The encoder: what a frame's units and gaze don't say about the face, in k numbers.

    texture [N, 4, S, S]   (average texture − the mean texture) / deviation where seen, and coverage
    mesh [N, q]            what the units don't explain of the tracked mesh, in q principal directions; q may be 0
    r [N, k]               −1 to 1

It learns with the decoder, from the same loss, under conditions that keep r in its place:
- Half of the frames train with r = 0, and the decoder's columns for r start at zero: a plain tracker, which has no r,
  must get as good a face as an avatar without r would give.
- It never sees the pictures that the loss looks at: of a frame's pictures some are encoded and the others are drawn.
  A code of the camera, its exposure or its highlights is of no use then. Frames with one picture train with r = 0.
- Which texels are seen tells where the camera was. So random patches are hidden, and r from some of a frame's pictures
  is to agree with r from its others (`agreement_loss`).
- What is linear in u, g and the head's rotation belongs to them: that share of r, its mean included, is driven to zero
  (`Independence`). A penalty, not a projection after the fact, because a projection would need u and g
  where r is encoded, and would turn a tracker's errors into r.
"""
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .model import GAZE, NECK, SLOPE, UNITS, leaky
from .texture import SIZE

CHANNELS = (12, 16, 24)
HIDDEN = 48
MOST_MESH_INPUTS = 16
LEAST_MESH_MM = 0.02  # deviation of a principal direction, over the vertices, that is worth an input
DROPPED = 0.5  # share of frames that train with r = 0
HIDDEN_PATCHES = 0.5  # the largest share of the texture's patches that is hidden
PATCHES = 16  # a side
INDEPENDENCE = 2e-3  # weight of the share of r that is linear in u, g and the head's rotation
AGREEMENT = 1e-3  # weight of `agreement_loss`
DEVIATION = 0.35  # of a component of r over the frames, at least
CALM = 0.01  # weight of r² on faces near neutral
MEMORY = 0.99  # of the running correlations, a step


class Encoder(nn.Module):
    """Three convolutions and two layers; 1.5 million multiply-accumulates for 128²."""

    def __init__(self, shape):
        super().__init__()
        size, inputs, layers = SIZE, 4, []
        for number, outputs in enumerate(CHANNELS):
            kernel, stride, padding = (4, 4, 0) if number == 0 else (3, 2, 1)
            layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding))
            inputs, size = outputs, size // stride
        self.convolutions = nn.ModuleList(layers)
        self.hidden = nn.Linear(inputs * size**2 + shape.mesh_inputs, HIDDEN)
        self.last = nn.Linear(HIDDEN, shape.residual)
        for layer in (*self.convolutions, self.hidden):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.last.weight, std=0.5 / math.sqrt(HIDDEN))
        nn.init.zeros_(self.last.bias)
        # What normalises its inputs; not learnt, but part of it.
        self.register_buffer("texture_mean", torch.zeros(3, SIZE, SIZE))
        self.register_buffer("texture_seen", torch.zeros(SIZE, SIZE))
        self.register_buffer("texture_deviation", torch.ones(()))

    def set_texture(self, mean, seen, deviation):
        """What `texture.statistics` found."""
        self.texture_mean.copy_(torch.from_numpy(mean))
        self.texture_seen.copy_(torch.from_numpy(seen))
        self.texture_deviation.fill_(deviation)

    def normalise(self, textures):
        """Average textures [N, 4, S, S] (sRGB, coverage) to what `forward` takes."""
        coverage = textures[:, 3:] * self.texture_seen
        color = (textures[:, :3] - self.texture_mean) / self.texture_deviation
        return torch.cat([color * coverage, coverage], 1)

    def forward(self, texture, mesh):
        x = texture
        for layer in self.convolutions:
            x = leaky(layer(x))
        x = torch.cat([x.flatten(1), mesh], 1)
        return torch.tanh(self.last(leaky(self.hidden(x))))


class Independence(nn.Module):
    """How much of r is linear in what it must not repeat, and the penalty on that."""

    def __init__(self, shape):
        super().__init__()
        self.register_buffer("covariance", torch.zeros(shape.residual, UNITS + GAZE + NECK + 1))
        self.register_buffer("variance", torch.full((shape.residual,), 0.1))
        self.register_buffer("between", torch.zeros(shape.residual, shape.residual))

    def loss(self, residual, readable):
        """Of a batch: residual [N, k], readable [N, 60] without correlations, of variance 1 or 0, and a last column of
        ones. The sum over k of the share of r² that is linear in them, 0 to 1 each.

        That can't be had from a few rows, but its gradient can, with what is remembered of the rows before: of |C|² / V
        it is 2 C dC / V − |C|² dV / V², and dC and dV are means over the rows. The second term makes it a matter of
        direction, so that r isn't driven to nothing. The components of r are kept from repeating each other likewise.
        """
        with torch.no_grad():
            self.covariance.lerp_(residual.t() @ readable / len(readable), 1 - MEMORY)
            self.variance.lerp_((residual * residual).mean(0), 1 - MEMORY)
            variance = self.variance.clamp(min=1e-6)
            toward = self.covariance / variance[:, None]
            share = toward.square().sum(1)
            self.between.lerp_(residual.t() @ residual / len(residual), 1 - MEMORY)
            between = self.between / (variance[:, None] * variance)
            between.fill_diagonal_(0)
            share = share + (between * self.between).sum(1) / variance
        repeated = 2 * residual * (readable @ toward.t()) + residual * (residual @ between)
        return (repeated - residual.square() * share).sum(1).mean()


def agreement_loss(residual, first, second):
    """Holds r [M, k] to numbers that say something of the frame and nothing of its pictures: r from some of a frame's
    pictures (`first` [P, k]) is what it is from the others (`second`), and it doesn't get there by being the same for
    all frames, or at the ends of its range (the terms of VICReg, Bardes et al. 2022, but for its covariance)."""
    deviation = (residual.var(0) + 1e-6).sqrt()
    spread = 4 * torch.relu(1 - deviation / DEVIATION).sum() + (residual.mean(0) / DEVIATION).square().sum()
    if not len(first):
        return spread
    return spread + ((first - second) / DEVIATION).square().sum(1).mean()


def calm_loss(residual, units):
    """r² where the face is near neutral: there r is to be zero. `units` [N, 52], as captured."""
    near = torch.exp(-units.square().sum(1) / 0.2)
    return (near[:, None] * residual.square()).mean()


def hide_patches(textures, rng):
    """Zeroes the coverage of random patches of textures [N, 4, S, S], in place."""
    for texture in textures:
        shown = rng.random((PATCHES, PATCHES)) >= HIDDEN_PATCHES * rng.random()
        texture[3] *= np.kron(shown, np.ones((SIZE // PATCHES,) * 2)).astype(np.float32)
    return textures


@dataclass
class MeshBasis:
    """Principal directions of what the units don't explain: `basis` [q, V · 3] gives coordinates of unit deviation."""
    basis: np.ndarray

    @staticmethod
    def fit(unexplained):
        """unexplained [frames, V, 3], metres; None or no frames: nothing to explain."""
        if unexplained is None or len(unexplained) < 2:
            return MeshBasis(np.zeros((0, 0), np.float32))
        rows = unexplained.reshape(len(unexplained), -1).astype(np.float64)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        values, vectors = values[::-1][:MOST_MESH_INPUTS], vectors[:, ::-1][:, :MOST_MESH_INPUTS]
        # λ / frames is the variance of a coordinate along a unit direction; over V vertices its deviation in mm
        deviation_mm = 1e3 * np.sqrt(np.maximum(values, 0) / len(rows) / unexplained.shape[1])
        keep = deviation_mm > LEAST_MESH_MM
        directions = (vectors[:, keep] / np.sqrt(values[keep])).T @ rows
        return MeshBasis((directions / np.sqrt(values[keep] / len(rows))[:, None]).astype(np.float32))

    def coordinates(self, unexplained):
        """[frames, q] of [frames, V, 3]."""
        if not len(self.basis):
            return np.zeros((len(unexplained), 0), np.float32)
        return unexplained.reshape(len(unexplained), -1).astype(np.float32) @ self.basis.T
