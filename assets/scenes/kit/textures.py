# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pictures made of noise and rules: floor boards, cloth, a rug, a painting. Arrays of sRGB, 0..1, rows downwards."""
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates


def noise(random, shape, sigma):
    """Smooth noise that repeats in both directions, about −1..1."""
    field = gaussian_filter(random.standard_normal(shape), sigma, mode="wrap")
    return field / (np.abs(field).max() + 1e-9)


def mix(a, b, t):
    """Between two colours, by a picture of shares."""
    return np.asarray(a) * (1 - t[..., None]) + np.asarray(b) * t[..., None]


def boards(size=(768, 768), rows=6, seed=1):
    """Oak boards: colour and roughness. Repeats. Boards run to the right."""
    random = np.random.default_rng(seed)
    height, width = size
    board = height // rows
    colour, rough = np.zeros((height, width, 3)), np.zeros((height, width))
    for row in range(rows):
        for part, (left, right) in enumerate([(0, width // 2), (width // 2, width)]):
            h, w = board, right - left
            grain = noise(random, (h, w), (1.2, 38)) * 0.55 + noise(random, (h, w), (0.6, 14)) * 0.3
            rings = noise(random, (h, w), (9, 90))
            figure = np.sin(rings * 26 + grain * 2.2) * 0.5 + 0.5
            tone = random.uniform(-0.07, 0.07)
            base = mix([0.60 + tone, 0.445 + tone, 0.30 + tone * 0.8], [0.47 + tone, 0.33 + tone, 0.205 + tone * 0.7],
                       np.clip(figure * 0.75 + grain * 0.35, 0, 1))
            pores = (noise(random, (h, w), (0.4, 7)) > 0.42)[..., None]
            base = np.where(pores, base * 0.86, base)
            edge = np.minimum(np.arange(h), h - 1 - np.arange(h))[:, None].clip(0, 4) / 4
            ends = np.minimum(np.arange(w), w - 1 - np.arange(w))[None].clip(0, 3) / 3
            gap = np.minimum(edge, ends)
            shift = (row * 293 + part * 17) % width
            span = (np.arange(left, right) + shift) % width
            rows_of = slice(row * board, (row + 1) * board)
            colour[rows_of, span] = base * (0.35 + 0.65 * gap[..., None] ** 0.5)
            rough[rows_of, span] = 0.36 + 0.13 * figure + 0.08 * grain + 0.3 * (1 - gap)
    return colour.clip(0, 1), rough.clip(0, 1)


def wood(dark, light, size=(256, 512), seed=2):
    """A veneer."""
    random = np.random.default_rng(seed)
    grain = noise(random, size, (0.8, 30)) * 0.5 + noise(random, size, (0.5, 9)) * 0.25
    rings = noise(random, size, (16, 120))
    figure = np.sin(rings * 18 + grain * 2) * 0.5 + 0.5
    return mix(light, dark, np.clip(figure * 0.7 + grain * 0.5, 0, 1)).clip(0, 1)


def weave(colour, size=256, threads=48, contrast=0.2, seed=3):
    """Plain-woven cloth: colour, and a normal map. Repeats."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size * threads
    over = (np.floor(x) + np.floor(y)) % 2
    across = np.sin(np.pi * (x % 1)) ** 0.7
    along = np.sin(np.pi * (y % 1)) ** 0.7
    height = np.where(over > 0, across * (0.75 + 0.25 * along), along * (0.75 + 0.25 * across))
    uneven = noise(random, (size, size), (1, 8)) * 0.5 + noise(random, (size, size), (8, 1)) * 0.5
    blotch = noise(random, (size, size), 28)
    shade = 1 - contrast * (1 - height) + 0.16 * uneven + 0.07 * blotch
    picture = np.asarray(colour) * shade[..., None]
    return picture.clip(0, 1), normals(gaussian_filter(height + 0.4 * uneven, 0.8, mode="wrap"), 1.1)


def normals(height, strength):
    """A tangent-space normal map (y up) of a height field that repeats."""
    dx = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * strength
    dy = (np.roll(height, 1, 0) - np.roll(height, -1, 0)) * strength
    n = np.stack([-dx, -dy, np.ones_like(height)], -1)
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    return n * 0.5 + 0.5


def plaster(size=256, seed=4):
    """The normal map of a rolled wall."""
    random = np.random.default_rng(seed)
    return normals(noise(random, (size, size), 1.6) * 0.6 + noise(random, (size, size), 5) * 0.8, 0.55)


def rug(size=(384, 576), seed=5):
    """A woollen rug with a border of lozenges."""
    random = np.random.default_rng(seed)
    h, w = size
    y, x = np.mgrid[0:h, 0:w]
    edge = np.minimum(np.minimum(x, w - 1 - x), np.minimum(y, h - 1 - y))
    field = np.array([0.60, 0.55, 0.48]) * np.ones((h, w, 1))
    lozenge = (np.abs((x % 48) - 24) / 24 + np.abs((y % 48) - 24) / 24)
    field[(lozenge < 0.9) & (lozenge > 0.55)] = [0.42, 0.27, 0.22]
    field[lozenge < 0.28] = [0.25, 0.31, 0.36]
    field[edge < 44] = [0.36, 0.22, 0.19]
    field[(edge > 12) & (edge < 20)] = [0.66, 0.60, 0.50]
    field[(edge > 38) & (edge < 44)] = [0.66, 0.60, 0.50]
    pile = noise(random, (h, w), 0.8) * 0.22 + noise(random, (h, w), (0.5, 2)) * 0.12
    return (field * (1 + pile[..., None])).clip(0, 1)


def painting(size=(320, 416), seed=6):
    """A landscape in broad strokes: hills in haze under an evening sky."""
    random = np.random.default_rng(seed)
    h, w = size
    y, x = np.mgrid[0:h, 0:w].astype(float)
    t = y / h
    picture = mix([0.48, 0.60, 0.70], [0.93, 0.78, 0.58], (t * 1.7).clip(0, 1))
    for n, (level, colour) in enumerate([(0.46, [0.52, 0.56, 0.60]), (0.56, [0.38, 0.45, 0.46]),
                                         (0.67, [0.31, 0.37, 0.30]), (0.80, [0.40, 0.36, 0.20])]):
        ridge = level + 0.07 * gaussian_filter(random.standard_normal(w), 26 - 5 * n) * 5
        inside = ((t - ridge[None]) * h / 6).clip(0, 1)
        fade = mix(colour, np.asarray(colour) * 0.72, ((t - level) * 2.5).clip(0, 1))
        picture = picture * (1 - inside[..., None]) + fade * inside[..., None]
    # Strokes: colours are pulled along a flowing field.
    flow = noise(random, (h, w), 22) * 9
    stroke = noise(random, (h, w), (1.2, 9))
    moved = [map_coordinates(picture[..., c], [y + stroke * 5, x + flow], order=1, mode="nearest") for c in range(3)]
    return (np.stack(moved, -1) * (1 + 0.10 * stroke[..., None])).clip(0, 1)


def garden(size=(192, 96), seed=7):
    """What is seen through the window, out of focus: a bright sky over foliage."""
    random = np.random.default_rng(seed)
    h, w = size
    y = np.linspace(0, 1, h)[:, None] * np.ones((1, w))
    tree = 0.52 + 0.10 * gaussian_filter(random.standard_normal(w), 9) * 4
    inside = ((y - tree[None]) * 14 + noise(random, (h, w), 5) * 1.6).clip(0, 1)
    leaves = mix([0.50, 0.58, 0.36], [0.28, 0.38, 0.20], noise(random, (h, w), 4) * 0.5 + 0.5)
    sky = mix([0.86, 0.93, 1.0], [1.0, 0.985, 0.95], (y * 1.6).clip(0, 1))
    return gaussian_filter(sky * (1 - inside[..., None]) + leaves * inside[..., None], (2, 2, 0)).clip(0, 1)
