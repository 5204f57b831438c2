"""The average texture of a frame: what its pictures show of the opaque surface, unwrapped into the atlas.

`avatar-codec/src/encoder/unwrap.rs` does the same for whoever drives an avatar; `visavis train` compares the two.
"""
import numpy as np

from .composite import OPAQUE

SIZE = 128  # texels a side: an encoder of a few numbers needs no pores
LEAST_FACING = 0.2  # cosine of the angle to the camera, below which a surface is too smeared to be of use
LEAST_ALPHA = 0.998
LEAST_WEIGHT = 0.5  # of a texel to count as seen: half a pixel looked at straight


def srgb(linear):
    """The sRGB curve on an array, clipped to 0..=1."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055)


def unwrap(image, size=SIZE):
    """[4, size, size] of one picture, in f16: sRGB, and the weight (sum of the cosines of the pixels in a texel).

    A pixel counts where its nearest opaque fragment is what the truth shows there, with nothing blended over it.
    """
    rows = np.flatnonzero(image.count > 0)
    first = image.start[rows]
    color = image.color[rows]
    keep = image.fragment["kind"][first] == OPAQUE
    keep &= image.fragment["part"][first] == image.part[rows]
    keep &= color[:, 3] > LEAST_ALPHA
    first, color = first[keep], color[keep, :3].astype(np.float32)
    normal, view = (image.fragment[name][first].astype(np.float32) / 32767 for name in ("normal", "view"))
    facing = (normal * view).sum(1)
    facing[facing < LEAST_FACING] = 0
    cell = image.fragment["uv"][first].astype(np.int64) * size >> 16
    cell = cell[:, 1] * size + cell[:, 0]
    weight = np.bincount(cell, facing, size * size)
    out = np.empty((4, size * size), np.float32)
    for channel in range(3):
        out[channel] = np.bincount(cell, facing * srgb(color[:, channel]), size * size) / np.maximum(weight, 1e-6)
    out[3] = weight
    return out.reshape(4, size, size).astype(np.float16)


class Textures:
    """The unwrapped pictures of a scene, each made once; about 130 kB a picture."""

    def __init__(self):
        self.by_name = {}

    def of(self, image):
        """[4, size, size] of a picture, as `unwrap` makes it."""
        if image.name not in self.by_name:
            self.by_name[image.name] = unwrap(image)
        return self.by_name[image.name]

    def average(self, images):
        """[4, size, size] of several pictures of a frame: sRGB where any of them sees the surface, and coverage (0 or 1)."""
        return average([self.of(image) for image in images])


def average(textures):
    """The mean of unwrapped pictures, each texel by its weight, and whether it is seen."""
    color, weight = 0, 0
    for texture in textures:
        texture = texture.astype(np.float32)
        color = color + texture[:3] * texture[3]
        weight = weight + texture[3]
    seen = weight >= LEAST_WEIGHT
    return np.concatenate([np.where(seen, color / np.maximum(weight, 1e-6), 0), seen[None]]).astype(np.float32)


def statistics(averages):
    """Mean [3, size, size] of textures, which texels were seen at all, and the deviation over all that was seen."""
    total, square, count = 0, 0, 0
    for texture in averages:
        total = total + texture[:3] * texture[3]
        square = square + texture[:3] ** 2 * texture[3]
        count = count + texture[3]
    mean = total / np.maximum(count, 1)
    variance = np.maximum(square / np.maximum(count, 1) - mean**2, 0)
    often = count >= 2
    deviation = float(np.sqrt(variance[:, often].mean())) if often.any() else 1.0
    return np.where(often, mean, 0).astype(np.float32), often, max(deviation, 1e-3)
