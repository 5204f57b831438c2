"""The picture of an eye: white, iris, pupil, and the light that an animator draws into it."""
import io

import numpy as np
from PIL import Image

from dome.spaces import smoothstep as ss

SIZE = 256


def picture(look):
    """PNG bytes; the disc's edge is 105 degrees from the pole."""
    n = 4 * SIZE
    y, x = np.mgrid[0:n, 0:n]
    x, y = ((x + 0.5) / n * 2 - 1, 1 - (y + 0.5) / n * 2)
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    iris = look["iris"]
    q = r / iris
    white = np.ones((n, n, 3)) * [0.90, 0.92, 0.94]
    white = white * (1 - 0.30 * ss(y, 0.0, 0.45))[..., None]
    streaks = 0.5 + 0.5 * np.cos(angle * 23 + 1.3 * np.sin(angle * 5)) * np.cos(angle * 9 + 2)
    top, bottom = np.array(look["dark"]), np.array(look["light"])
    down = ss(-y / iris, -0.75, 0.8)[..., None]
    color = top * (1 - down) + bottom * down
    color = color * (1 + 0.22 * (streaks - 0.5) * ss(q, 0.4, 0.7) * (1 - ss(q, 0.8, 0.95)))[..., None]
    glow = np.exp(-(((q - 0.72) / 0.18) ** 2)) * ss(-y / iris, 0.05, 0.6)
    color = color + glow[..., None] * 0.45 * bottom
    color = color * (1 - 0.8 * ss(q, 0.84, 1.0))[..., None]
    pupil = ss(q, look["pupil"] - 0.02, look["pupil"] + 0.03)[..., None]
    color = color * pupil + np.array([0.004, 0.003, 0.004]) * (1 - pupil)
    edge = ss(q, 0.985, 1.02)[..., None]
    out = color * (1 - edge) + white * edge
    for cx, cy, size, strength in ((0.36, 0.42, 0.27, 1.0), (-0.38, -0.44, 0.13, 0.7)):
        spot = 1 - ss(np.hypot((x / iris - cx), (y / iris - cy)) / size, 0.8, 1.05)
        out = out * (1 - strength * spot[..., None]) + strength * spot[..., None] * np.array([1.0, 1.0, 1.0])
    small = out.reshape(SIZE, 4, SIZE, 4, 3).mean((1, 3)).clip(0, 1)
    code = np.where(small <= 0.0031308, small * 12.92, 1.055 * small ** (1 / 2.4) - 0.055)
    file = io.BytesIO()
    Image.fromarray((code * 255 + 0.5).astype(np.uint8)).quantize(128, method=Image.Quantize.MEDIANCUT).convert("RGB").save(file, "PNG", optimize=True)
    return file.getvalue()
