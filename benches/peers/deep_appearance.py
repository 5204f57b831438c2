# SPDX-License-Identifier: MIT OR Apache-2.0
"""Peers of the avatar on the same prepared capture: Deep Appearance Models and a linear model.

    python deep_appearance.py PREPARED OUT --minutes M [--model linear] [--autoencode]

Deep Appearance Models (Lombardi et al. 2018) in the size that Multiface calls `base`, from their description: a code of
256, a texture of 1024² by eight transposed convolutions with untied bias, the view direction joined to the code before
the texture branch. Its code is a linear function of the same [u | g | head rotation] that drives ours (`--autoencode`
instead encodes the frame's own mesh and average texture, which a call can't have). The linear model has one texture of
512² for each condition, no view. Both are drawn on the same rasterised fragments as ours, nearest one first, opaque:
neither has alpha. `PREPARED` is the folder that `visavis train` fills; the package `visavis_train` must be importable.

Writes OUT/sheet.png (truth | peer | error × 5) and prints one JSON object: `model`, `minutes`, `steps`, `decode_macs`,
`parameters`, and of the held-out pictures `psnr_face_db`, `psnr_head_db`.
"""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from visavis_train import sheet
from visavis_train.data import Scene
from visavis_train.fit import mean
from visavis_train.loss import GREY, over_grey, psnr, srgb
from visavis_train.model import SLOPE
from visavis_train.schedule import rate
from visavis_train.texture import Textures

CODE, VIEW, TEXTURE = 256, 8, 1024
WIDTHS = [256, 128, 64, 64, 32, 32, 16, 16, 3]
SEED = 4  # texels a side before the first transposed convolution
PICTURES = 2  # a step
RATE = 5e-4
LINEAR_SIZE, LINEAR_RATE = 512, 2e-2


class UntiedUp(nn.Module):
    """A transposed convolution, 4×4 with stride 2, with a bias of its own for each texel."""

    def __init__(self, inputs, outputs, size):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, a=SLOPE)
        with torch.no_grad():  # four of sixteen taps reach a texel
            self.conv.weight.mul_((outputs / inputs) ** 0.5 * 2)
        self.bias = nn.Parameter(torch.zeros(outputs, 2 * size, 2 * size))
        self.macs = inputs * outputs * 16 * size * size

    def forward(self, x):
        return self.conv(x) + self.bias


class DeepAppearance(nn.Module):
    """Condition [N, C] and view [N, 3] to a texture [N, 3, 1024, 1024], linear light before its last function."""

    def __init__(self, condition):
        super().__init__()
        self.code = nn.Linear(condition, CODE)
        self.first = nn.Linear(CODE, CODE)
        self.view = nn.Linear(3, VIEW)
        self.join = nn.Linear(CODE + VIEW, WIDTHS[0] * SEED * SEED)
        sizes = [SEED << i for i in range(len(WIDTHS) - 1)]
        self.ups = nn.ModuleList([UntiedUp(a, b, s) for a, b, s in zip(WIDTHS, WIDTHS[1:], sizes)])
        self.macs = condition * CODE + CODE * CODE + 3 * VIEW + self.join.weight.numel() + sum(up.macs for up in self.ups)

    def forward(self, condition, view):
        leaky = lambda x: F.leaky_relu(x, SLOPE)
        both = torch.cat([leaky(self.first(self.code(condition))), leaky(self.view(view))], 1)
        x = leaky(self.join(both)).reshape(-1, WIDTHS[0], SEED, SEED)
        for up in self.ups[:-1]:
            x = leaky(up(x))
        return self.ups[-1](x)


class Linear(nn.Module):
    """Condition [N, C] to a texture [N, 3, S, S]: a mean, and one picture for each number of the condition."""

    def __init__(self, condition):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(3, LINEAR_SIZE, LINEAR_SIZE))
        self.pictures = nn.Parameter(torch.zeros(condition, 3 * LINEAR_SIZE**2))
        self.macs = self.pictures.numel()

    def forward(self, condition, view):
        return self.mean + (condition @ self.pictures).reshape(-1, 3, LINEAR_SIZE, LINEAR_SIZE)


class Autoencoder(nn.Module):
    """The frame's average texture (128²) and mesh to the code: what Deep Appearance Models train with."""

    def __init__(self, directions):
        super().__init__()
        channels = [4, 32, 64, 64, 128]
        self.down = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(channels, channels[1:])])
        self.last = nn.Linear(channels[-1] * 8 * 8 + directions, CODE)

    def forward(self, textures, meshes):
        x = textures
        for layer in self.down:
            x = F.leaky_relu(layer(x), SLOPE)
        return self.last(torch.cat([x.flatten(1), meshes], 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--model", choices=("deep_appearance", "linear"), default="deep_appearance")
    parser.add_argument("--autoencode", action="store_true", help="the code comes from the frame's own mesh and texture")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_flush_denormal(True)
    peer = Peer(Scene(options.prepared), options)
    peer.train(60 * options.minutes)
    print(json.dumps(peer.report()), flush=True)


class Peer:
    """A model, the pictures it learns from, and those it is judged by."""

    def __init__(self, scene, options):
        self.scene, self.options = scene, options
        self.training = [i for i in scene.images if i.split == "train"]
        self.held_out = [i for i in scene.images if i.split == "test"]
        inputs = CODE if options.autoencode else scene.condition([0]).shape[1]
        self.model = (DeepAppearance if options.model == "deep_appearance" else Linear)(inputs)
        self.encoder = None
        if options.autoencode:
            self.textures, self.faces = Textures(), self._meshes()
            self.encoder = Autoencoder(self.faces.shape[1])
            self.by_frame = {}
            for image in scene.images:
                self.by_frame.setdefault(image.frame, []).append(image)
        self.steps = 0
        self.seconds = 0.0

    def _meshes(self):
        """Principal coordinates of every frame's mesh as its units have it: [frames, 32]."""
        deltas = self.scene.mesh["unit_deltas"].reshape(52, -1)
        u, s, _ = np.linalg.svd(self.scene.units @ np.linalg.qr(deltas.T)[1].T, full_matrices=False)
        return torch.from_numpy(np.ascontiguousarray((u * s)[:, :32], np.float32))

    def code(self, images):
        """What the decoder is driven with, one row a picture."""
        frames = [image.frame for image in images]
        if self.encoder is None:
            return torch.from_numpy(self.scene.condition(frames))
        textures = np.stack([self.textures.average(self.by_frame[f]) for f in frames])
        return self.encoder(torch.from_numpy(textures), self.faces[frames])

    def texture(self, images):
        """[N, 3, S, S] linear light, seen by each picture's camera."""
        views = torch.stack([torch.from_numpy(view_of(image)) for image in images])
        return F.softplus(self.model(self.code(images), views))

    def train(self, seconds):
        rng = np.random.default_rng(self.options.seed)
        parameters = list(self.model.parameters()) + (list(self.encoder.parameters()) if self.encoder else [])
        scale = RATE if self.options.model == "deep_appearance" else LINEAR_RATE
        optimiser = torch.optim.Adam(parameters, lr=scale, betas=(0.9, 0.99))
        last = begun = time.monotonic()
        while self.seconds < seconds:
            images = [self.training[i] for i in rng.choice(len(self.training), PICTURES, replace=False)]
            for group in optimiser.param_groups:
                group["lr"] = scale * rate(self.seconds / seconds, self.steps)
            textures = self.texture(images)
            loss = 0.0
            for texture, image in zip(textures, images):
                uv, rows = nearest(image)
                ours = sample(texture, uv)
                truth = torch.from_numpy(image.color[rows].astype(np.float32))
                seen = srgb(ours) - over_grey(truth[:, :3], truth[:, 3])
                loss = loss + (seen.abs().mean() + 2 * (seen * seen).mean()) / PICTURES
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            self.steps += 1
            now = time.monotonic()
            self.seconds += now - begun
            begun = now
            if now - last > 30:
                last = now
                print(json.dumps({"event": "step", "step": self.steps, "seconds": self.seconds, "loss": loss.item()}), flush=True)

    @torch.no_grad()
    def report(self):
        faces, heads, rows = [], [], []
        for number, image in enumerate(self.held_out):
            uv, seen = nearest(image)
            ours = torch.full((len(image.count), 3), float(srgb(torch.tensor(GREY))))
            ours[torch.from_numpy(seen)] = srgb(sample(self.texture([image])[0], uv)).clamp(0, 1)
            stored = torch.from_numpy(image.color.astype(np.float32))
            truth = over_grey(stored[:, :3], stored[:, 3]).clamp(0, 1)
            error = ((ours - truth) ** 2).mean(-1)
            for ids, out in ((self.scene.face_ids, faces), (self.scene.head_ids, heads)):
                mask = image.showing(ids)
                if mask.any():
                    out.append(psnr(error[mask].mean()))
            if number % max(1, len(self.held_out) // 4) == 0:
                rows.append(tuple(sheet.to_picture(image.size, image.index, x.numpy(), 128 / 255) for x in (truth, ours)))
        sheet.write(self.options.out / "sheet.png", rows)
        return {"model": self.options.model, "autoencode": self.options.autoencode, "minutes": self.options.minutes,
                "steps": self.steps, "decode_macs": self.model.macs,
                "parameters": sum(p.numel() for p in self.model.parameters()), "pictures": len(self.held_out),
                "psnr_face_db": mean(faces), "psnr_head_db": mean(heads)}


def nearest(image):
    """UV [P', 2] of each pixel's nearest fragment, and which pixels have one."""
    has = np.flatnonzero(image.count)
    depth = np.array(image.fragment["depth"])
    largest = np.maximum.reduceat(depth, image.start[has])
    pixel = np.repeat(np.arange(len(has)), image.count[has])
    rows = np.flatnonzero(depth == largest[pixel])
    first = rows[np.unique(pixel[rows], return_index=True)[1]]
    return torch.from_numpy(image.fragment["uv"][first].astype(np.float32) / 65535), has


def view_of(image):
    """The mean direction from the surface to the camera, of unit length."""
    view = image.fragment["view"][::97].astype(np.float32).mean(0)
    return view / np.linalg.norm(view)


def sample(texture, uv):
    """A texture [3, S, S] at uv [P, 2]: [P, 3]."""
    grid = (2 * uv - 1)[None, None]
    return F.grid_sample(texture[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0].t()


if __name__ == "__main__":
    main()
