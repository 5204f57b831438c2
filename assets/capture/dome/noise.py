# SPDX-License-Identifier: MIT OR Apache-2.0
"""How near a picture with few samples comes to the truth, part by part: what `fovea` is for, and what it brings."""
import numpy as np

from . import fovea, planes
from .parts import PART_NAMES

SKIN_PIXELS = 64  # a square of skin in the middle of the picture
FINER = 8


def measure(draw, counts, truth_samples):
    """Yields (samples, how, {part: dB}) of a posed dome's picture: with so many samples all over, and eight times as many in eyes
    and mouth alone.

    `draw(box, samples)` gives the planes of a box, or of the whole picture. The truth of each region has `truth_samples`."""
    plain = {n: draw(None, n) for n in counts}
    part = plain[counts[0]]["part.V"]
    middle = [(side - SKIN_PIXELS) // 2 for side in part.shape[::-1]]
    regions = fovea.regions(part)
    truth = {box: draw(box, truth_samples) for box in [*regions, (*middle, *(m + SKIN_PIXELS for m in middle))]}
    for n in counts:
        yield n, "whole picture", _by_part({box: cut(plain[n], box) for box in truth}, truth)
    for n in counts:
        yield FINER * n, "eyes and mouth alone", _by_part({box: draw(box, FINER * n) for box in regions}, truth)


def cut(channels, box):
    left, top, right, bottom = box
    return {name: plane[top:bottom, left:right] for name, plane in channels.items()}


def _by_part(found, truth):
    """PSNR (dB, sRGB, not rounded) of the pixels that show each part."""
    errors = {}
    for box, channels in found.items():
        color = lambda c: planes.srgb_from_linear(np.stack([c[k] for k in "RGB"], -1).astype(float))
        error = ((color(channels) - color(truth[box])) ** 2).mean(-1)
        for number in np.unique(truth[box]["part.V"]).astype(int):
            if number:
                errors.setdefault(PART_NAMES[number - 1], []).append(error[truth[box]["part.V"] == number])
    return {name: -10 * np.log10(np.concatenate(e).mean()) for name, e in errors.items()}
