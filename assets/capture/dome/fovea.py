# SPDX-License-Identifier: MIT OR Apache-2.0
"""More samples where people look: eyes with their lashes, and the inside of the mouth, are few pixels of fine detail.

A denoiser makes smooth skin of 8 samples a pixel, but paints irises, wet lines and teeth as it likes (`capture.py noise` measures it).
They are a hundredth of a picture, so that more samples there cost little.
"""
import numpy as np

from .parts import PART_NAMES

REGIONS = (("eye_left", "eye_right", "lashes"), ("teeth_upper", "teeth_lower", "tongue"))
MARGIN, GAP = 4, 6  # pixels: round a region, and between two of them in a row
BUDGET = 25_000     # pixels of a region times how many times as many samples it gets
MOST, MOST_SAMPLES = 24, 1024  # times as many samples, and samples


def refine(channels, draw, samples):
    """Renders the regions of a picture's planes again and puts them in. `draw(box, samples)` gives the planes of a box
    (left, top, right, bottom: pixels)."""
    for box in regions(channels["part.V"]):
        left, top, right, bottom = box
        times = min(BUDGET / ((right - left) * (bottom - top)), MOST, MOST_SAMPLES / samples)
        if times < 2:  # a close-up of it: many pixels already
            continue
        finer = draw(box, round(samples * times))
        for name, plane in channels.items():
            plane[top:bottom, left:right] = finer[name]


def regions(part):
    """Boxes of what is to be rendered finer in a picture of part ids [h, w]."""
    boxes = []
    for names in REGIONS:
        seen = np.isin(part, [PART_NAMES.index(n) + 1 for n in names])
        columns = np.flatnonzero(seen.any(0))
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > GAP) + 1):
            if len(run):
                rows = np.flatnonzero(seen[:, run[0]:run[-1] + 1].any(1))
                boxes.append((max(run[0] - MARGIN, 0), max(rows[0] - MARGIN, 0),
                              min(run[-1] + 1 + MARGIN, part.shape[1]), min(rows[-1] + 1 + MARGIN, part.shape[0])))
    return [tuple(map(int, box)) for box in boxes]
