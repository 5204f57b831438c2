"""The light rig, fixed to the rest frame: five soft boxes and a dim sky (body space, dm)."""
import numpy as np

from .cameras import direction

CENTRE_DM = (0.0, -0.1, -0.65)  # what every lamp points at

# name: azimuth and elevation (degrees), distance (dm), size (dm), power (W), linear colour
LAMPS = {
    "key": dict(at=(-42, 32), distance=11, size=(5, 6), power=2300, colour=(1, 0.955, 0.90)),
    "fill": dict(at=(50, 8), distance=13, size=(7, 8), power=620, colour=(0.90, 0.95, 1)),
    "rim_left": dict(at=(150, 30), distance=11, size=(3, 6), power=800, colour=(1, 0.97, 0.93)),
    "rim_right": dict(at=(-140, 25), distance=11, size=(3, 6), power=600, colour=(0.92, 0.96, 1)),
    "top": dict(at=(0, 75), distance=12, size=(6, 6), power=500, colour=(1, 1, 1)),
}
SKY = dict(colour=(0.62, 0.70, 0.80), strength=0.22)


def position(name):
    """Lamp centre in body space (dm)."""
    lamp = LAMPS[name]
    return np.array(CENTRE_DM) + lamp["distance"] * direction(*lamp["at"])
