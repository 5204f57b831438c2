"""A soft top with a rolled collar, closed below: a bust that stands anywhere."""
import numpy as np

from .face import Piece

AROUND = 40


def build(look, neck_centre, neck_radius):
    """`neck_centre` [3]: where the collar's middle is."""
    # Height below the collar's edge, half width, half depth, colour (0 body, 1 collar), how square the outline is.
    w = neck_radius
    rows = [(-0.16, 0.90 * w, 0.92 * w, 1, 2.0), (-0.02, 0.98 * w, 1.0 * w, 1, 2.0), (0.03, 1.07 * w, 1.09 * w, 1, 2.0),
            (0.02, 1.18 * w, 1.2 * w, 1, 2.0), (-0.04, 1.27 * w, 1.28 * w, 1, 2.0), (-0.13, 1.30 * w, 1.30 * w, 1, 2.0),
            (-0.17, 1.27 * w, 1.27 * w, 1, 2.0), (-0.171, 1.25 * w, 1.25 * w, 0, 2.0), (-0.20, 1.40 * w, 1.36 * w, 0, 2.0)]
    wide, deep, fall = look["wide"], look["deep"], look["fall"]
    for t in np.linspace(0.05, 1, 11):
        a = t * np.pi / 2
        rows.append((-0.20 - fall * (1 - np.cos(a)) - 0.10 * t, 1.40 * w + (wide - 1.40 * w) * np.sin(a) ** 1.1,
                     1.36 * w + (deep - 1.36 * w) * np.sin(a), 0, 2.0 + 0.5 * t))
    bottom = rows[-1][0]
    for t in np.linspace(0.2, 1, 5):
        rows.append((bottom - t * look["drop"], wide * (1 - 0.05 * t ** 2), deep * (1 - 0.03 * t ** 2), 0, 2.5))
    for t, inward in ((1.03, 0.93), (1.05, 0.85), (1.05, 0.4), (1.05, 0.02)):
        rows.append((bottom - t * look["drop"], wide * 0.95 * inward, deep * 0.97 * inward, 2, 2.5))
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    points, colors, weights = [], [], []
    for down, half_wide, half_deep, part, square in rows:
        cos, sin = np.cos(angle), np.sin(angle)
        x = half_wide * np.sign(cos) * np.abs(cos) ** (2 / square)
        z = half_deep * np.sign(sin) * np.abs(sin) ** (2 / square)
        # A collar lies lower in front.
        lean = -0.16 * (1 if part == 1 else np.clip(1 + (down + 0.17) / 0.6, 0, 1)) * sin
        points.append(np.stack([x, down + lean, z], 1) + neck_centre)
        base = look["collar"] if part == 1 else look["color"]
        colors.append(np.ones((AROUND, 3)) * base * (0.4 if part == 2 else 1.0))
        weights.append(np.tile([0.7, 0.3, 0.0] if part == 1 else [1.0, 0.0, 0.0], (AROUND, 1)))
    count = len(rows)
    i, j = np.meshgrid(np.arange(count - 1), np.arange(AROUND), indexing="ij")
    k = (j + 1) % AROUND
    quads = np.stack([i * AROUND + j, i * AROUND + k, (i + 1) * AROUND + k, (i + 1) * AROUND + j], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    piece = Piece(np.concatenate(points), triangles, np.concatenate(colors), weights=np.concatenate(weights))
    stripe = look.get("stripe")
    if stripe:
        y = piece.points[:, 1] - neck_centre[1]
        band = (y < stripe["from"]) & (y > stripe["to"])
        piece.colors[band] = stripe["color"]
    return piece
