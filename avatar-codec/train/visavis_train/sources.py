"""What the encoder is fed with: average textures of frames, and the coordinates of their meshes."""
import numpy as np
import torch

from . import corrective
from .encoder import MeshBasis
from .model import UNITS
from .texture import Textures, statistics


class Sources:
    """Textures, mesh coordinates and conditions of a scene's frames, as the encoder and its penalties take them."""

    def __init__(self, scene, images, textures=None, basis=None, correct=None):
        """`images` are those that are trained on; `textures` may come from an earlier scene of the same capture, and
        `basis` [q, V · 3] and `correct` from a checkpoint."""
        self.scene = scene
        self.textures = textures or Textures()
        self.by_frame = {}
        for image in images:
            self.by_frame.setdefault(image.frame, []).append(image)
        frames = sorted(self.by_frame)
        self.corrective = correct
        if correct is None and scene.tracked:
            self.corrective = corrective.fit(scene.condition(scene.tracked), scene.unexplained(scene.tracked))
        unexplained = self.unexplained(frames)
        self.basis = MeshBasis(basis) if basis is not None else MeshBasis.fit(unexplained)
        self.mesh_inputs = len(self.basis.basis)
        self.center, self.whitening = whiten(scene.condition(frames))

    def unexplained(self, frames):
        """What neither units nor the corrective explain of frames, [frames, V, 3] metres, or None."""
        left = self.scene.unexplained(frames)
        if left is not None and self.corrective is not None:
            left = left - self.corrective.offsets(self.scene.condition(frames)).reshape(left.shape).astype(np.float32)
        return left

    @property
    def can_teach(self):
        """Whether any frame has pictures to encode and others to draw."""
        return any(len(images) > 1 for images in self.by_frame.values())

    def statistics(self):
        """Mean, seen texels and deviation of the pictures that are trained on."""
        return statistics(self.textures.average([image]) for images in self.by_frame.values() for image in images)

    def mesh(self, frames):
        """[frames, q]."""
        unexplained = self.unexplained(frames) if self.mesh_inputs else None
        if unexplained is None:
            return np.zeros((len(frames), self.mesh_inputs), np.float32)
        return self.basis.coordinates(unexplained)

    def split(self, frame, rng):
        """A frame's pictures in two: those to encode, and those to draw; the latter is empty for a single picture."""
        images = self.by_frame[frame]
        if len(images) == 1:
            return images, []
        order = rng.permutation(len(images))
        cut = rng.integers(1, len(images))
        return [images[i] for i in order[:cut]], [images[i] for i in order[cut:]]

    def readable(self, frames):
        """What r must not repeat of frames: units, gaze and rotation, whitened, and ones; [N, 60]."""
        white = (self.scene.condition(frames) - self.center) @ self.whitening
        return np.concatenate([white, np.ones((len(frames), 1))], 1).astype(np.float32)

    def units(self, frames):
        """[N, 52]."""
        return self.scene.units[frames][:, :UNITS]


def whiten(conditions):
    """Mean [C], and the matrix [C, C] from conditions without it to uncorrelated numbers of variance 1. Of few frames
    anything is linear in 59 numbers: the largest directions are kept, one for six frames, and the others give zeros."""
    center = conditions.mean(0)
    values, vectors = np.linalg.eigh(np.cov(conditions.T.astype(np.float64), bias=True))
    kept = (values > 1e-5) & (np.arange(len(values)) >= len(values) - len(conditions) // 6)
    return center, vectors * np.where(kept, 1 / np.sqrt(np.maximum(values, 1e-5)), 0)


@torch.no_grad()
def encode(encoder, sources, frames, chosen):
    """r [N, k] of frames, from these pictures of each; zeros without an encoder."""
    if encoder is None:
        return np.zeros((len(frames), 0), np.float32)
    rows = []
    for begin in range(0, len(frames), 64):
        textures = [sources.textures.average(images) for images in chosen[begin:begin + 64]]
        mesh = torch.from_numpy(sources.mesh(frames[begin:begin + 64]))
        rows.append(encoder(encoder.normalise(torch.from_numpy(np.stack(textures))), mesh).numpy())
    return np.concatenate(rows)


def sample(encoder, sources, frame, images):
    """The encoder's inputs before they are normalised, and its output, for the Rust half to repeat."""
    texture = sources.textures.average(images)
    return {"sample.color": np.ascontiguousarray(texture[:3].transpose(1, 2, 0)), "sample.coverage": texture[3].copy(),
            "sample.mesh": sources.mesh([frame])[0], "sample.residual": encode(encoder, sources, [frame], [images])[0],
            "sample.frame": np.array([frame], np.uint32),
            "sample.cameras": np.frombuffer(",".join(i.camera for i in images).encode(), np.uint8)}
