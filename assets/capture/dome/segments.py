"""What is performed: seeded frames of units, gaze and head rotation, and the order of rendering."""
import json
from pathlib import Path

import numpy as np

from .cameras import CLOSE, FACE, TEST, WHOLE, frontal_weights
from .makehuman import UNIT_NAMES
from .spaces import smoothstep as ss

RATE = 30  # frames a second of the continuous segments
MAX_GAZE = np.radians([30, 25])  # yaw, pitch at which the eyeLook units reach 1
TRAIN_SAMPLES, TEST_SAMPLES = 8, 160
WHOLE_SHARE, CLOSE_SHARE = 0.5, 0.35  # of frames: whose whole head is seen, too; whose eyes or mouth are, from close up
TEST_SEGMENTS = {"talk_06", "emotion_04"}

EMOTIONS = {
    "joy": {"mouthSmile": 0.85, "cheekSquint": 0.6, "eyeSquint": 0.40, "mouthUpperUp": 0.35, "mouthLowerDown": 0.15, "jawOpen": 0.12},
    "soft_smile": {"mouthSmile": 0.50, "cheekSquint": 0.3, "eyeSquint": 0.2, "mouthDimple": 0.25},
    "laugh": {"mouthSmile": 0.9, "cheekSquint": 0.8, "eyeSquint": 0.55, "mouthUpperUp": 0.5, "mouthLowerDown": 0.45, "jawOpen": 0.38},
    "sadness": {"browInnerUp": 0.9, "mouthFrown": 0.75, "mouthShrugLower": 0.4, "eyeSquint": 0.25, "eyeBlink": 0.15},
    "anger": {"browDown": 0.95, "noseSneer": 0.6, "eyeSquint": 0.4, "mouthPress": 0.6, "mouthFrown": 0.35},
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.85, "eyeWide": 0.7, "jawOpen": 0.45, "mouthFunnel": 0.2},
    "fear": {"browInnerUp": 0.9, "browDown": 0.2, "eyeWide": 0.8, "mouthStretch": 0.65, "jawOpen": 0.2, "mouthLowerDown": 0.3},
    "disgust": {"noseSneer": 0.9, "mouthUpperUp": 0.6, "browDown": 0.5, "eyeSquint": 0.45, "mouthFrown": 0.3},
    "doubt": {"browOuterUpLeft": 0.9, "browDownRight": 0.5, "mouthLeft": 0.45, "mouthPress": 0.4, "mouthDimpleRight": 0.3},
    "pout": {"mouthPucker": 0.6, "mouthShrugLower": 0.5, "browInnerUp": 0.4, "cheekPuff": 0.35},
}
PAIRED = {n[:-4] for n in UNIT_NAMES if n.endswith("Left") and n[:-4] + "Right" in UNIT_NAMES}
SINGLES = [n for n in UNIT_NAMES if not n.startswith("eyeLook")]


def spread(weights, lean=0.0):
    """Weights by base name (`mouthSmile`) to all 52, with `lean` towards one side."""
    u = dict.fromkeys(UNIT_NAMES, 0.0)
    for name, w in weights.items():
        if name in u:
            u[name] += w
        else:
            u[name + "Left"] += w * (1 + lean)
            u[name + "Right"] += w * (1 - lean)
    return u


def frame(segment, number, units, gaze=(0, 0), head=(0, 0, 0), weight=1.0):
    """One planned frame; gaze = (yaw, pitch) in radians of both eyes, head a rotation vector."""
    u = {n: float(np.clip(units.get(n, 0), 0, 1)) for n in UNIT_NAMES}
    yaw, pitch = (float(np.clip(g, -m, m)) for g, m in zip(gaze, (np.radians(30), np.radians(30))))
    for side, outward in (("Left", 1), ("Right", -1)):
        u[f"eyeLookUp{side}"] = max(pitch, 0) / MAX_GAZE[1]
        u[f"eyeLookDown{side}"] = max(-pitch, 0) / MAX_GAZE[1]
        u[f"eyeLookOut{side}"] = max(yaw * outward, 0) / MAX_GAZE[0]
        u[f"eyeLookIn{side}"] = max(-yaw * outward, 0) / MAX_GAZE[0]
    return {"segment": segment, "frame": number, "units": [round(min(u[n], 1.0), 5) for n in UNIT_NAMES],
            "gaze": [round(g, 5) for g in (yaw, pitch, yaw, pitch)], "head_rotation": [round(float(h), 5) for h in head],
            "weight": weight}


def plan(seed, visemes_path, habits=()):
    """All frames in rendering order, each with its split, cameras, samples and render seed; those of which only the mesh is
    captured (no cameras) come last."""
    r = np.random.RandomState(seed)
    visemes = {k: v["units"] for k, v in json.loads(Path(visemes_path).read_text())["visemes"].items()}
    frames = _units(r) + _pairs(r)
    for k in range(1, 13):
        frames += _talk(r, f"talk_{k:02d}", visemes, 30 if f"talk_{k:02d}" in TEST_SEGMENTS else 36)
    for k in range(1, 9):
        frames += _emotion(r, f"emotion_{k:02d}", 30 if f"emotion_{k:02d}" in TEST_SEGMENTS else 36)
    frames += _gaze(r) + _head_motion(r)
    unseen = [f for f in frames if f["weight"] == 0]
    frames = [f for f in frames if f["weight"] > 0]
    unseen += _lids(r) + _anything(np.random.RandomState(seed + 1))

    train = [f for f in frames if f["segment"] not in TEST_SEGMENTS]
    test = [f for f in frames if f["segment"] in TEST_SEGMENTS]
    early = lambda fs: [fs[i] for i in np.argsort([-r.rand() ** (1 / f["weight"]) for f in fs])]
    train, test = early(train), early(test)
    names, weights, closer = list(FACE), frontal_weights(), list(CLOSE)
    everywhere = []
    for f in train:
        f.update(split="train", cameras=[names[r.choice(len(names), p=weights)]], samples=TRAIN_SAMPLES)
        if r.rand() < WHOLE_SHARE:
            everywhere = everywhere or [list(WHOLE)[i] for i in r.permutation(len(WHOLE))]
            f["cameras"].append(everywhere.pop())
        if r.rand() < CLOSE_SHARE:
            f["cameras"].append(closer[r.randint(len(closer))])
    for i, f in enumerate(test):
        f.update(split="test", cameras=[list(TEST)[i % len(TEST)]], samples=TEST_SAMPLES)
    order = []
    while train or test:
        order += train[:8] + test[:1]
        train, test = train[8:], test[1:]
    for f in unseen:
        f.update(split="train", cameras=[], samples=0)
    order += unseen
    for i, f in enumerate(order):
        f["render_seed"] = i + 1
        # Nobody's units come with nobody's habits: there the mesh is to say what units alone do.
        f["habits"] = [0.0 if f["segment"] == "anything" else round(_habit(h, k, f), 5) for k, h in enumerate(habits)]
        del f["weight"]
    return order


def _habit(habit, number, f):
    """How strong a habit is in a frame, 0..1: it comes along with some units, now more, now less."""
    u = dict(zip(UNIT_NAMES, f["units"]))
    drive = sum(w * u[n] for n, w in habit["with"].items())
    phase = sum(map(ord, f["segment"])) * 0.7 + number * 2.1
    return float(np.clip(drive, 0, 1) * (0.5 + 0.5 * np.sin(2 * np.pi * 0.4 * f["frame"] / RATE + phase)))


def _unseen(name, chosen, every, make):
    """Frames of a continuous segment whose mesh alone is captured: it costs nothing, and says how the face moves."""
    return [] if name in TEST_SEGMENTS else [make(i) | {"weight": 0} for i in every if i not in chosen]


def _lids(r):
    """Lids and gaze together, of which only the mesh is captured."""
    out = []
    for i in range(160):
        lids = {"eyeBlink": r.rand() ** 0.7, "eyeSquint": r.rand() * (r.rand() < 0.4), "eyeWide": r.rand() * (r.rand() < 0.2)}
        out.append(frame("lids", i, spread(lids, 0.1 * r.randn()), np.radians(r.uniform(-1, 1, 2) * [28, 24]), weight=0))
    return out


def _anything(r):
    """Units that nobody joins, of which only the mesh is captured: a viewer's sliders do, and what was never seen would be guessed."""
    out = []
    for i in range(1200):
        u = r.rand(52) * (r.rand(52) < r.choice([0.1, 0.2, 0.4])) * r.uniform(0.4, 1.6)
        units = dict(zip(UNIT_NAMES, np.clip(u, 0, 1)))
        units["mouthClose"] = units["jawOpen"] * (r.rand() < 0.3) * r.rand()
        out.append(frame("anything", i, units, np.radians(r.uniform(-1, 1, 2) * [25, 20]), weight=0))
    return out


def _units(r):
    """The neutral face and every unit alone at its peak; both sides' eyes through the gaze."""
    out = [frame("units", 0, {}, weight=8)]
    for name in SINGLES:
        u = {name: 0.95}
        if name == "mouthClose":
            u = {"jawOpen": 0.35, "mouthClose": 0.35}
        favourite = any(k in name for k in ("jawOpen", "Blink", "Smile", "brow"))
        out.append(frame("units", len(out), u, weight=3 if favourite else 1))
    return out


def _pairs(r):
    """Two things that a face does at once."""
    out = []
    groups = {"mouth": ["mouthSmile", "mouthFrown", "mouthPucker", "mouthFunnel", "mouthStretch", "mouthUpperUp", "mouthLowerDown",
                        "jawOpen", "mouthPress", "mouthRollLower", "mouthShrugLower", "mouthDimple", "cheekPuff"],
              "eyes": ["eyeBlink", "eyeSquint", "eyeWide", "cheekSquint"],
              "brows": ["browDown", "browInnerUp", "browOuterUp", "noseSneer"]}
    for i in range(120):
        a, b = [("mouth", "mouth"), ("mouth", "eyes"), ("mouth", "brows"), ("eyes", "brows")][i % 4]
        w = {}
        for g in (a, b):
            w[groups[g][r.randint(len(groups[g]))]] = r.uniform(0.4, 0.95)
        gaze = np.radians(r.randn(2) * [8, 5])
        out.append(frame("pairs", i, spread(w, 0.15 * r.randn()), gaze, weight=1.3))
    return out


def _smooth(r, count, scale):
    """`count` samples of a slow random walk of standard deviation `scale`."""
    x = np.convolve(r.randn(count + 80), np.hanning(60), "valid")[:count]
    return scale * x / max(x.std(), 1e-9)


def _talk(r, name, visemes, keep):
    """Speech: visemes of 60-160 ms that melt into one another, brows, blinks, small head motion."""
    seconds = 8
    n = seconds * RATE
    keys = [k for k in visemes if k != "sil"]
    track, t = np.zeros((n, 52)), 0.0
    total = np.full((n, 1), 0.05)
    clock = np.arange(n) / RATE
    while t < seconds:
        k = "sil" if r.rand() < 0.07 else keys[r.randint(len(keys))]
        length = r.uniform(0.07, 0.17)
        w = np.exp(-0.5 * ((clock - t) / (0.62 * length)) ** 2)[:, None]
        u = spread(visemes[k])
        loud = r.uniform(0.7, 1.15)
        track += w * loud * np.array([u[x] for x in UNIT_NAMES])
        total += w
        t += length
    track /= total
    add = lambda base, curve: _add(track, base, curve)
    add("browInnerUp", np.clip(_smooth(r, n, 0.30), 0, 1))
    add("browOuterUp", np.clip(_smooth(r, n, 0.22), 0, 1))
    add("browDown", np.clip(_smooth(r, n, 0.20), 0, 1))
    add("mouthSmile", np.clip(_smooth(r, n, 0.20) + 0.08, 0, 0.6))
    add("eyeSquint", np.clip(_smooth(r, n, 0.15), 0, 0.6))
    blink = np.zeros(n)
    for at in np.cumsum(r.uniform(1.2, 3.2, 6)):
        blink = np.maximum(blink, np.exp(-0.5 * ((clock - at) / 0.07) ** 2))
    add("eyeBlink", blink)
    saccades = np.repeat(np.radians(r.randn(n // 20 + 1, 2) * [7, 4]), 20, 0)[:n]
    head = np.stack([_smooth(r, n, np.radians(s)) for s in (2.6, 3.2, 1.6)], 1)
    norm = np.linalg.norm(head, axis=1, keepdims=True)
    head *= np.minimum(1, np.radians(8) / np.maximum(norm, 1e-9))
    blinking = np.where(blink > 0.3)[0]
    chosen = set(r.choice(n, keep - 3, False)) | set(r.choice(blinking, 3, False))
    make = lambda i: frame(name, int(i), dict(zip(UNIT_NAMES, track[i])), saccades[i], head[i], weight=1.8)
    return [make(i) for i in sorted(chosen)] + _unseen(name, chosen, range(0, n, 4), make)


def _add(track, base, curve):
    for i, n in enumerate(UNIT_NAMES):
        if n == base or n in (base + "Left", base + "Right"):
            track[:, i] += curve


def _emotion(r, name, keep):
    """Emotions rising, holding and melting into the next, uneven between the sides."""
    kinds = list(EMOTIONS)
    order = [kinds[i] for i in r.permutation(len(kinds))]
    step = 36
    n = step * len(order)
    clock = np.arange(n)
    track = np.zeros((n, 52))
    for i, k in enumerate(order):
        u = spread(EMOTIONS[k], 0.14 * r.randn())
        middle = (i + 0.5) * step
        w = ss(1 - np.abs(clock - middle) / (0.85 * step), 0.0, 0.5) * r.uniform(0.7, 1.1)
        track += w[:, None] * np.array([u[x] for x in UNIT_NAMES])
    gaze = np.repeat(np.radians(r.randn(n // 30 + 1, 2) * [9, 5]), 30, 0)[:n]
    head = np.stack([_smooth(r, n, np.radians(1.5)) for _ in range(3)], 1)
    chosen = sorted(r.choice(n, keep, False))
    make = lambda i: frame(name, int(i), dict(zip(UNIT_NAMES, track[i])), gaze[i], head[i], weight=1.5)
    return [make(i) for i in chosen] + _unseen(name, chosen, range(0, n, 6), make)


def _gaze(r):
    """Sweeps over the whole range, some with squint or wide lids."""
    out = []
    for i in range(30):
        a, d = 2 * np.pi * i / 10, (0.35, 0.7, 1.0)[i // 10]
        gaze = d * np.radians([28, 24]) * [np.cos(a), np.sin(a)] + np.radians(r.randn(2))
        lids = {0: {}, 1: {"eyeSquint": 0.4}, 2: {"eyeWide": 0.4}, 3: {"eyeBlink": 0.35}}[i % 4]
        out.append(frame("gaze", i, spread(lids), gaze, weight=1.6))
    return out


def _head_motion(r):
    """Head turns, nods and tilts up to 25 degrees, the eyes countering half of them."""
    out = []
    for i in range(26):
        axis = r.randn(3) * [1, 1.2, 0.6]
        v = axis / np.linalg.norm(axis) * np.radians(r.uniform(8, 25))
        u = spread(EMOTIONS[list(EMOTIONS)[i % len(EMOTIONS)]]) if i % 3 == 0 else spread({"jawOpen": 0.25 * r.rand()})
        out.append(frame("head_motion", i, u, (-0.5 * v[1], -0.5 * v[0]), v, weight=1.0))
    return out
