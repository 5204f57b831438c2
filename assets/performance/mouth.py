"""Sounds to mouth shapes, run into one another as speech does.

Dominance functions as in Cohen & Massaro, "Modeling Coarticulation in Synthetic Visual Speech" (1993): every sound pulls
each articulator to its target with a strength that falls off exponentially before and after it, more slowly before
(anticipation) than after. Beyond that paper: lips that must meet do meet, and the jaw is heavier than the lips.
"""

import math

from curves import RATE, blurred, plateau

# Festival's US phones as (viseme, amount) or a pair of such for diphthongs.
PHONES = {
    "pau": ("sil", 1.0), "h#": ("sil", 1.0), "brth": ("sil", 1.0),
    "p": ("PP", 1.0), "b": ("PP", 1.0), "m": ("PP", 1.0), "em": ("PP", 1.0),
    "f": ("FF", 1.0), "v": ("FF", 1.0), "th": ("TH", 1.0), "dh": ("TH", 0.7),
    "t": ("DD", 1.0), "d": ("DD", 1.0), "dx": ("DD", 0.8), "n": ("nn", 1.0), "en": ("nn", 1.0), "l": ("nn", 1.0),
    "el": ("nn", 1.0), "k": ("kk", 1.0), "g": ("kk", 1.0), "ng": ("kk", 0.9), "hh": ("kk", 0.6), "y": ("ih", 0.8),
    "ch": ("CH", 1.0), "jh": ("CH", 1.0), "sh": ("CH", 1.0), "zh": ("CH", 1.0), "s": ("SS", 1.0), "z": ("SS", 1.0),
    "r": ("RR", 1.0), "er": ("RR", 1.0), "axr": ("RR", 0.8), "w": ("ou", 1.0),
    "aa": ("aa", 1.0), "ae": (("aa", 0.45), ("E", 0.65)), "ah": ("aa", 0.65), "ax": ("aa", 0.42), "ao": ("oh", 1.0),
    "eh": ("E", 1.0), "ih": ("ih", 0.9), "iy": ("ih", 1.0), "uh": ("ou", 0.6), "uw": ("ou", 0.95),
    "ow": (("oh", 0.9), ("ou", 0.9)), "aw": (("aa", 0.95), ("ou", 0.7)), "ay": (("aa", 0.95), ("ih", 0.9)),
    "ey": (("E", 0.95), ("ih", 0.9)), "oy": (("oh", 0.95), ("ih", 0.9)),
}
DIPHTHONGS = {"ow", "aw", "ay", "ey", "oy"}
VOWELS = {"aa", "E", "ih", "oh", "ou"}

ROUNDING = ("mouthFunnel", "mouthPucker")
# How strongly a viseme claims the jaw, the rounding of the lips, and the rest of the lips.
STRENGTH = {
    "sil": (0.6, 0.4, 0.5), "PP": (1.6, 0.6, 3.0), "FF": (1.4, 0.5, 2.5), "TH": (0.8, 0.3, 1.0), "DD": (0.7, 0.25, 0.7),
    "kk": (0.5, 0.15, 0.35), "CH": (1.2, 1.6, 1.2), "SS": (1.6, 0.4, 1.1), "nn": (0.6, 0.2, 0.5), "RR": (0.8, 0.9, 0.8),
    "aa": (1.3, 0.7, 1.0), "E": (1.1, 0.7, 1.0), "ih": (1.0, 0.8, 1.1), "oh": (1.2, 1.5, 1.2), "ou": (1.1, 2.0, 1.3),
}
# Fall-off of dominance, 1/s: before the sound (anticipation), after it.
LIPS_FALL = (22.0, 27.0)
ROUNDING_FALL = (13.0, 20.0)
JAW_FALL = (22.0, 24.0)
# The mouth's shape comes before the sound it shapes, seconds.
LIPS_LEAD = 0.045
JAW_LEAD = 0.03
# What is heavier moves more smoothly: standard deviation of the blur, seconds.
LIPS_BLUR = 0.016
JAW_BLUR = 0.028

CLOSED_JAW = 0.09
OPENING = (
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel", "mouthStretchLeft",
    "mouthStretchRight", "mouthShrugUpper",
)


def mouth(phones, visemes, clock):
    """Unit weights of the mouth over time: name → signal."""
    targets = _targets(phones, visemes)
    names = sorted({name for shape in visemes.values() for name in shape})
    out = {}
    for name in names:
        place, fall, lead = (2, LIPS_FALL, LIPS_LEAD)
        if name == "jawOpen":
            place, fall, lead = (0, JAW_FALL, JAW_LEAD)
        elif name in ROUNDING:
            place, fall, lead = (1, ROUNDING_FALL, LIPS_LEAD)
        signal = _dominated(targets, clock, name, place, fall, lead)
        out[name] = blurred(signal, JAW_BLUR if name == "jawOpen" else LIPS_BLUR)
    _close(out, phones, visemes, clock)
    return out


def _targets(phones, visemes):
    """(time from, time to, strengths, shape) of each sound; half of one for each part of a diphthong."""
    out = []
    for phone in phones:
        parts = PHONES.get(phone.name, ("kk", 0.5))
        if isinstance(parts[0], str):
            parts = (parts,)
        # What is stressed is opened wider; a weak vowel is hardly formed.
        effort = 1.35 if phone.accented else 1.05 if phone.stressed else 0.8
        length = (phone.end - phone.start) / (len(parts) if phone.name in DIPHTHONGS else 1)
        for i, (viseme, amount) in enumerate(parts):
            jaw = amount * (effort if viseme in VOWELS else 1.0)
            lips = min(jaw, 1.1 * amount)  # stress opens the jaw more than it shapes the lips
            shape = {n: weight * (jaw if n == "jawOpen" else lips) for n, weight in visemes[viseme].items()}
            if phone.name in DIPHTHONGS:
                # The first part of a diphthong is the longer one.
                split = phone.start + 0.6 * (phone.end - phone.start)
                span = ((phone.start, split), (split, phone.end))[i]
            else:
                span = (phone.start, phone.end)
            # A short weak sound can't pull as hard as a long one.
            weight = min(1.0, 0.45 + length / 0.11)
            out.append((*span, [weight * s for s in STRENGTH[viseme]], shape))
    return out


def _dominated(targets, clock, name, place, fall, lead):
    values = []
    low = 0
    for now in clock:
        t = now + lead
        while low < len(targets) - 1 and targets[low][1] < t - 0.6:
            low += 1
        total = pull = 0.0
        for start, end, strengths, shape in targets[low:]:
            if start > t + 0.6:
                break
            # Full strength over the middle of the sound, falling off outside of it.
            inset = 0.3 * (end - start)
            before, after = start + inset - t, t - (end - inset)
            dominance = strengths[place] * math.exp(-fall[0] * max(before, 0) - fall[1] * max(after, 0))
            total += dominance
            pull += dominance * shape.get(name, 0.0)
        values.append(pull / max(total, 1e-9))
    return values


def _close(out, phones, visemes, clock):
    """Brings the lips together for p, b and m and the lower lip to the teeth for f and v, for as long as the sound says."""
    closed, bitten = [0.0] * len(clock), [0.0] * len(clock)
    for phone in phones:
        viseme = PHONES.get(phone.name, ("kk", 0.5))[0]
        if viseme not in ("PP", "FF"):
            continue
        # Closed from the sound's beginning until shortly before its end (the burst), for two video frames at least.
        middle, half = phone.middle, max(0.5 * (phone.end - phone.start) - 0.012, 0.034)
        signal = closed if viseme == "PP" else bitten
        for i in range(max(int((middle - 0.25) * RATE), 0), min(int((middle + 0.25) * RATE), len(clock))):
            signal[i] = max(signal[i], plateau(clock[i], middle - half, middle + half, 0.065, 0.055))
    press, bite = visemes["PP"], visemes["FF"]
    for i in range(len(clock)):
        c, b = closed[i], bitten[i]
        if c + b <= 0:
            continue
        jaw = out["jawOpen"][i]
        out["jawOpen"][i] = jaw + max(c, 0.8 * b) * (min(jaw, CLOSED_JAW) - jaw)
        for name in OPENING:
            if name in out:
                keep = 0.35 if name == "mouthFunnel" else 0.0
                out[name][i] *= 1 - (1 - keep) * c
        for name in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthFunnel"):
            out[name][i] *= 1 - b
        for shape, amount in ((press, c), (bite, b)):
            for name, weight in shape.items():
                if name not in ("jawOpen", "mouthClose"):
                    out[name][i] += amount * (max(out[name][i], weight) - out[name][i])
        # mouthClose closes what the jaw opened.
        out["mouthClose"][i] += c * (1.25 * out["jawOpen"][i] - out["mouthClose"][i])
