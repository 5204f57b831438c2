"""The contact sheet: truth | ours | error × 5, one row an image."""
import numpy as np
from PIL import Image as Picture


def to_picture(shape, index, values, background):
    """Values [P, 3] at pixel `index` into an image [H, W, 3]."""
    out = np.full((shape[0] * shape[1], 3), background, np.float32)
    out[index] = values
    return out.reshape(*shape, 3)


def write(path, rows):
    """rows: (truth, ours) pairs [H, W, 3] of sRGB in 0..=1. Written beside and renamed."""
    lines = [np.concatenate([a, b, np.clip(np.abs(a - b) * 5, 0, 1)], 1) for a, b in rows]
    width = max(line.shape[1] for line in lines)
    lines = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    pixels = np.round(np.clip(np.concatenate(lines), 0, 1) * 255).astype(np.uint8)
    beside = path.with_suffix(".part.png")
    Picture.fromarray(pixels).save(beside)
    beside.replace(path)
