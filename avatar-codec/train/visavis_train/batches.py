"""Batches of pixels with what their frames are conditioned on, drawn by a thread ahead of the step that needs them."""
import queue
import threading
from dataclasses import dataclass

import numpy as np
import torch

from .data import Fragments, Truth, gather
from .encoder import DROPPED, hide_patches

FRAMES_PER_STEP = 2
PIXELS_PER_FRAME = 10240
JITTER = 0.03  # of units, angles (radians) and r: the map is to change smoothly between the few faces that were captured
MORE_FACES = 6  # frames that are encoded beside the batch's own, so that correlations are of more than two faces


@dataclass
class Faces:
    """M frames for the encoder; the batch's own N are the first. P of them come again, from their other pictures."""
    textures: torch.Tensor  # [M + P, 4, S, S]
    mesh: torch.Tensor  # [M + P, q]
    again: torch.Tensor  # [P]: which of the M
    readable: torch.Tensor  # [M, 60] what r must not repeat, whitened
    units: torch.Tensor  # [M, 52]
    active: torch.Tensor  # [N, 1]: 1 where r is used, 0 where it is 0
    jitter: torch.Tensor  # [N, k]


@dataclass
class Batch:
    """Condition of N frames without r [N, 59], pixels of them, and what r is made of (None: no encoder)."""
    condition: torch.Tensor
    fragments: Fragments
    truth: Truth
    faces: Faces | None


class Batches:
    """The same batches for the same seed."""

    def __init__(self, sources, residual, seed, step):
        self.sources, self.residual = sources, residual
        self.by_frame, self.frames = sources.by_frame, sorted(sources.by_frame)
        self.seed, self.step, self.stopped = seed, step, False
        self.ready = queue.Queue(maxsize=2)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        step = self.step
        while not self.stopped:
            try:
                self.ready.put(self._draw(np.random.default_rng((self.seed, step))))
            except Exception as error:  # handed to the loop, which ends with it
                self.ready.put(error)
                return
            step += 1

    def _draw(self, rng):
        count = min(FRAMES_PER_STEP, len(self.frames))
        frames = [self.frames[i] for i in rng.choice(len(self.frames), count, replace=False)]
        faces, drawn = self._faces(frames, rng) if self.residual else (None, [self.by_frame[f] for f in frames])
        chosen = []
        for layer, images in enumerate(drawn):
            for image in images:
                chosen.append((image, rng.choice(image.draws, PIXELS_PER_FRAME // len(images)), layer))
        condition = self.sources.scene.condition(frames)
        condition += JITTER * rng.standard_normal(condition.shape, np.float32)
        fragments, truth = gather(chosen)
        # Hair is read off another frame's map: it doesn't move with the face, and what a frame's own map could say of it is
        # only from where that frame was seen. So its gloss has to be explained by the view.
        other = (fragments.layer + 1) % count
        fragments.layer = torch.where(torch.isin(fragments.part, self.sources.scene.strand_ids), other, fragments.layer)
        return Batch(torch.from_numpy(condition), fragments, truth, faces)

    def _faces(self, frames, rng):
        """The encoder's part, and which pictures of each frame are drawn."""
        encoded, drawn, active = [], [], []
        for frame in frames:
            shown, others = self.sources.split(frame, rng)
            use = bool(others) and rng.random() >= DROPPED
            encoded.append(shown)
            drawn.append(others if use else self.by_frame[frame])
            active.append([float(use)])
        every = frames + [self.frames[i] for i in rng.integers(len(self.frames), size=MORE_FACES)]
        again, second = [], []
        for row, frame in enumerate(every):
            if row >= len(frames):
                shown, others = self.sources.split(frame, rng)
                encoded.append(shown)
            else:
                others = [image for image in self.by_frame[frame] if image not in encoded[row]]
            if others:
                again.append(row)
                second.append(others)
        textures = np.stack([self.sources.textures.average(images) for images in encoded + second])
        meshes = self.sources.mesh(every + [every[row] for row in again])
        return Faces(
            textures=torch.from_numpy(hide_patches(textures, rng)), mesh=torch.from_numpy(meshes),
            again=torch.tensor(again, dtype=torch.long), readable=torch.from_numpy(self.sources.readable(every)),
            units=torch.from_numpy(self.sources.units(every)), active=torch.tensor(active),
            jitter=torch.from_numpy(JITTER * rng.standard_normal((len(frames), self.residual), np.float32))), drawn

    def stop(self):
        """Lets the thread end."""
        self.stopped = True
        while not self.ready.empty():
            self.ready.get_nowait()

    def next(self):
        batch = self.ready.get()
        if isinstance(batch, Exception):
            raise batch
        return batch
