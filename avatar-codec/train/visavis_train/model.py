"""The networks of an avatar. Shapes and formulas: the module documentation of avatar-codec/src/avatar/mod.rs."""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

UNITS, GAZE, NECK = 52, 4, 3
SEED_SIZE = 8
SLOPE = 0.2
PIXEL_GEOMETRY_INPUTS = 7
PIXEL_OUTPUTS = 9
SOLID, SOFT, HAIR = MATERIALS = 0, 1, 2  # what the pixel decoder has a network of its own for


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks; stored in every checkpoint."""
    residual: int = 0
    mesh_inputs: int = 0  # of the encoder: directions of the mesh that units don't explain
    seed_channels: int = 128
    block_channels: tuple = (96, 64, 48, 32, 12)
    static_size: int = 768
    static_channels: int = 8
    hidden: int = 24

    @property
    def condition(self):
        return UNITS + GAZE + self.residual + NECK

    @property
    def dynamic_size(self):
        return SEED_SIZE << len(self.block_channels)

    @property
    def dynamic_channels(self):
        return self.block_channels[-1]

    @property
    def pixel_inputs(self):
        return self.dynamic_channels + self.static_channels + PIXEL_GEOMETRY_INPUTS


def with_residual(condition, residual):
    """[u | g | n] and r to [u | g | r | n]."""
    return torch.cat([condition[:, :UNITS + GAZE], residual, condition[:, UNITS + GAZE:]], 1)


def leaky(x):
    return F.leaky_relu(x, SLOPE)


class UpBlock(nn.Module):
    """1×1 convolution, depth-to-space, depthwise 3×3, untied bias: [N, s, s, in] to [N, 2s, 2s, out].

    Channels come last: the 1×1 convolution is then one matrix product, depth-to-space moves runs of channels, and the
    depthwise backward pass is several times quicker on a CPU.
    """

    def __init__(self, inputs, outputs, size):
        super().__init__()
        self.outputs = outputs
        self.expand = nn.Parameter(torch.randn(4 * outputs, inputs) * math.sqrt(2 / (1 + SLOPE**2) / inputs))
        taps = torch.randn(outputs, 1, 3, 3) * 0.05
        taps[:, :, 1, 1] += 1
        self.depthwise = nn.Parameter(taps)
        self.bias = nn.Parameter(torch.zeros(2 * size, 2 * size, outputs))

    def forward(self, x):
        n, h, w, c = x.shape
        o = self.outputs
        # rows of the file's order (4·o + 2·dy + dx) to (dy, dx, o)
        rows = self.expand.reshape(o, 2, 2, c).permute(1, 2, 0, 3).reshape(4 * o, c)
        x = torch.matmul(x.reshape(-1, c), rows.t()).reshape(n, h, w, 2, 2, o)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, o)
        x = F.conv2d(x.permute(0, 3, 1, 2), self.depthwise, padding=1, groups=o).permute(0, 2, 3, 1)
        return x + self.bias


class TextureDecoder(nn.Module):
    """Condition [N, C] to the dynamic feature map [N, S, S, D]."""

    def __init__(self, shape):
        super().__init__()
        self.seed_channels = shape.seed_channels
        self.seed = nn.Linear(shape.condition, shape.seed_channels * SEED_SIZE**2)
        nn.init.normal_(self.seed.weight, std=0.05)  # units that the capture hardly shows are to change hardly anything
        with torch.no_grad():  # r says nothing yet
            self.seed.weight[:, UNITS + GAZE:UNITS + GAZE + shape.residual] = 0
        nn.init.normal_(self.seed.bias, std=0.5)
        blocks, inputs, size = [], shape.seed_channels, SEED_SIZE
        for outputs in shape.block_channels:
            blocks.append(UpBlock(inputs, outputs, size))
            inputs, size = outputs, size * 2
        self.blocks = nn.ModuleList(blocks)

    def forward(self, condition):
        x = leaky(self.seed(condition)).reshape(len(condition), self.seed_channels, SEED_SIZE, SEED_SIZE)
        x = x.permute(0, 2, 3, 1).contiguous()
        for block in self.blocks[:-1]:
            x = leaky(block(x))
        return self.blocks[-1](x)


class PixelDecoder(nn.Module):
    """[F, inputs] to [F, 9]: albedo, shading, normal offset, alpha, before their last functions."""

    def __init__(self, shape):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(shape.pixel_inputs, shape.hidden),
                                     nn.Linear(shape.hidden, shape.hidden),
                                     nn.Linear(shape.hidden, PIXEL_OUTPUTS)])
        for layer in self.layers[:2]:
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)
        last = self.layers[2]
        nn.init.normal_(last.weight, std=0.1)
        # albedo of about 0.35, shading of about 0.7, no offset, alpha of about 0.75
        last.bias.data = torch.tensor([-0.6] * 3 + [0.0] * 3 + [0.0] * 2 + [1.1])

    def forward(self, x):
        first, second, last = self.layers
        return last(leaky(second(leaky(first(x)))))


@dataclass
class Appearance:
    """What the pixel decoder says of F fragments."""
    albedo: torch.Tensor
    color: torch.Tensor
    normal: torch.Tensor
    alpha: torch.Tensor


def bilinear(texels, size, layer, uv):
    """Samples [layers · size · size, channels] at uv [F, 2] of layer [F]; texel centres at (i + ½)/size, clamped.

    One weighted gather (an embedding bag), because its backward pass on a CPU is much cheaper than grid_sample's.
    """
    position = (uv * size - 0.5).clamp(0, size - 1)
    low = position.floor().clamp(max=size - 2)
    fraction = position - low
    low = low.long()
    corner = (layer * size + low[:, 1]) * size + low[:, 0]
    indices = torch.stack([corner, corner + 1, corner + size, corner + size + 1], 1)
    x, y = fraction[:, 0], fraction[:, 1]
    weights = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], 1)
    return F.embedding_bag(indices, texels, per_sample_weights=weights, mode="sum")


def tangents(n):
    """Two unit vectors at right angles to n (Duff et al. 2017), as glam's `any_orthonormal_pair`."""
    x, y, z = n.unbind(-1)
    sign = torch.where(z < 0, -1.0, 1.0)
    a = -1 / (sign + z)
    b = x * y * a
    return (torch.stack([1 + sign * x * x * a, sign * b, -sign * x], -1),
            torch.stack([b, sign + y * y * a, -y], -1))


class Model(nn.Module):
    """Condition, UV, normal and view to appearance."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.texture = TextureDecoder(shape)
        self.pixel = nn.ModuleList([PixelDecoder(shape) for _ in MATERIALS])
        self.static = nn.Parameter(0.3 * torch.randn(32, 32, shape.static_channels))
        with torch.no_grad():  # smooth noise: neighbouring texels start alike
            start = F.interpolate(self.static.permute(2, 0, 1)[None], size=shape.static_size, mode="bilinear")
        self.static = nn.Parameter(start[0].permute(1, 2, 0).reshape(-1, shape.static_channels).contiguous())

    def decode(self, condition):
        """[N, C] to texels [N · S · S, D] for `shade`."""
        return self.texture(condition).reshape(-1, self.shape.dynamic_channels)

    def shade(self, dynamic, fragments):
        """Appearance of fragments (uv, layer, normal, view, material) under decoded maps."""
        uv, normal, view = fragments.uv, fragments.normal, fragments.view
        facing = (normal * view).sum(-1, keepdim=True)
        blended = fragments.material != SOLID
        reflection = 2 * facing * normal - view
        towards = torch.where(blended[:, None], torch.cat([reflection, view], -1), torch.cat([normal, reflection], -1))
        x = torch.cat([bilinear(dynamic, self.shape.dynamic_size, fragments.layer, uv),
                       bilinear(self.static, self.shape.static_size, torch.zeros_like(fragments.layer), uv),
                       towards, facing], -1)
        rows = [torch.nonzero(fragments.material == material)[:, 0] for material in MATERIALS]
        out = torch.cat([decoder(x[chosen]) for decoder, chosen in zip(self.pixel, rows)])
        out = torch.empty_like(out).index_copy(0, torch.cat(rows), out)
        albedo = torch.sigmoid(out[:, 0:3])
        t, b = tangents(normal)
        tilted = F.normalize(normal + out[:, 6:7] * t + out[:, 7:8] * b, dim=-1)
        alpha = torch.where(blended, torch.sigmoid(out[:, 8]), 1.0)
        return Appearance(albedo, albedo * F.softplus(out[:, 3:6]), tilted, alpha)
