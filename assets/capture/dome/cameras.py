"""The cameras: many for training, so that hardly two frames are seen alike, and 2 for tests, 15 degrees from any other.

Most see the face alone: three quarters of a picture of the whole head show hair, clothes and nothing, which no expression changes."""
import numpy as np

from .spaces import mesh_from_body, unit

SIZE = 512           # pixels, square
DISTANCE_DM = 12.0   # from the target
FRAME_DM = 3.3       # height of the picture at the target
TARGET_DM = (0.0, -0.27, -0.62)

# name: (azimuth, elevation) in degrees; azimuth + is the person's left.
FIXED = {
    "c00": (0, 0), "c01": (8, 14), "c02": (10, -11), "c03": (-4, 28), "c04": (-14, -14), "c05": (20, 2),
    "c06": (30, 14), "c07": (33, -6), "c08": (-40, 10), "c09": (-38, -8), "c10": (-22, 26), "c11": (70, 0),
    "c12": (97, 10), "c13": (-64, 4), "c14": (-98, 2), "c15": (48, 30), "c16": (-52, 2), "c17": (-84, 2),
    "c18": (-72, 16), "c19": (-54, 16), "c20": (18, 16), "c21": (72, 16), "c22": (0, -16), "c23": (36, -16),
    "c24": (54, -16), "c25": (72, -16), "c26": (-54, -16), "c27": (-40, 32), "c28": (-60, 32), "c29": (20, 32),
    "c30": (80, 32), "c31": (0, 50), "c32": (-36, 50), "c33": (36, 50), "c34": (-78, -14), "c35": (-80, 32),
}
TEST = {"t00": (-20, 4), "t01": (52, 6)}
LEAST_GAP = 15  # degrees from a test camera
# Gloss on hair is a lobe some 10 degrees wide: between cameras 25 degrees apart it would have to be guessed.
ROVING, ROVING_AZIMUTH, ROVING_ELEVATION = 200, (-105, 105), (-20, 55)
FACES, FACES_AZIMUTH, FACES_ELEVATION = 100, (-75, 75), (-20, 40)


def direction(azimuth, elevation):
    """Unit vector from the target to the camera, body space."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def gap(a, b):
    """Degrees between two (azimuth, elevation)."""
    return np.degrees(np.arccos(np.clip(direction(*a) @ direction(*b), -1, 1)))


def spread(count, azimuth, elevation):
    """Places spread evenly over a part of the dome, none near a test camera: a Kronecker sequence (Roberts 2018, R2)."""
    low, high = np.sin(np.radians(elevation))
    out, i = [], 0
    while len(out) < count:
        i += 1
        x, y = (0.5 + i * 0.7548776662466927) % 1, (0.5 + i * 0.5698402909980532) % 1
        place = (round(azimuth[0] + x * (azimuth[1] - azimuth[0]), 1),
                 round(float(np.degrees(np.arcsin(low + y * (high - low)))), 1))
        if all(gap(place, test) >= LEAST_GAP for test in TEST.values()):
            out.append(place)
    return out


WHOLE = {**FIXED, **{f"r{i:03d}": p for i, p in enumerate(spread(ROVING, ROVING_AZIMUTH, ROVING_ELEVATION))}}
FACE = {f"f{i:02d}": p for i, p in enumerate(spread(FACES, FACES_AZIMUTH, FACES_ELEVATION))}
FACE_DM = (0.0, -0.30, 0.05), 2.0  # where to, and how high the picture is there
# Close-ups: where to, how high the picture is there (dm), and from where.
EYES_DM, MOUTH_DM = ((0.0, 0.0, 0.10), 1.15), ((0.0, -0.62, 0.18), 0.95)
CLOSE_FROM = ((0, 2), (14, 12), (-2, -12), (28, 0), (-38, 2), (12, 26), (36, 18), (-42, -12), (-4, 20), (30, -14))
CLOSE = {f"{what}{i}": place for what in ("eyes", "mouth") for i, place in enumerate(CLOSE_FROM)}
TRAIN = {**WHOLE, **FACE, **CLOSE}


def target(name):
    """What a camera looks at (dm, body space), and the height of its picture there (dm)."""
    if name in WHOLE or name in TEST:
        return np.array(TARGET_DM), FRAME_DM
    place, height = FACE_DM if name in FACE else EYES_DM if name.startswith("eyes") else MOUTH_DM
    return np.array(place), height


def position(name):
    """Camera centre in body space (dm)."""
    return target(name)[0] + DISTANCE_DM * direction(*{**TRAIN, **TEST}[name])


def intrinsics(name):
    """3x3 K; pixel (i, j) is centred at (i + 0.5, j + 0.5)."""
    f = SIZE * DISTANCE_DM / target(name)[1]
    return np.array([[f, 0, SIZE / 2], [0, f, SIZE / 2], [0, 0, 1.0]])


def camera_from_mesh(name):
    """3x4 [R|t] in mm: OpenCV camera (x right, y down, z forward) from mesh space."""
    centre, aim = mesh_from_body(position(name)), mesh_from_body(target(name)[0])
    forward = unit(aim - centre)
    right = unit(np.cross(forward, [0, 1, 0]))
    rotation = np.stack([right, np.cross(forward, right), forward])
    return np.c_[rotation, -rotation @ centre]


def frontal_weights():
    """How often each camera of the face is drawn: mostly from the front."""
    angle = np.array([np.degrees(np.arccos(direction(*place)[2])) for place in FACE.values()])
    w = np.exp(-(angle / 50) ** 2) + 0.30
    return w / w.sum()


assert all(gap(train, test) >= LEAST_GAP for train in TRAIN.values() for test in TEST.values())
