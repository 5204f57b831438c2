"""Everything but the mouth: eyes, lids, brows, smile, head, breath."""

import math

from curves import RATE, blurred, bump, plateau, smooth_step, wander

DEGREE = math.pi / 180
MAX_GAZE = (30 * DEGREE, 25 * DEGREE)  # yaw and pitch at which the eyeLook units reach 1
MAX_HEAD = 8 * DEGREE
LISTENER_METRES = 1.1
EYE_FROM_MIDDLE_METRES = 0.0315


def phrases(phones):
    """(start, end) of each stretch of speech between silences."""
    out, start = [], None
    for p in phones:
        if p.name == "pau":
            if start is not None:
                out.append((start, p.start))
            start = None
        elif start is None:
            start = p.start
    return out


def accents(phones):
    """(time, strength) of each accented syllable's vowel."""
    vowels = {"aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"}
    return [
        (p.middle, 0.6 + min((p.end - p.start) / 0.2, 1.0) * 0.6)
        for p in phones
        if p.accented and p.name in vowels
    ]


def blinks(spoken, seconds, random):
    """Times of blinks: some 20 a minute in conversation, unevenly, most likely where a phrase ends."""
    times = []
    t = random.uniform(0.25, 0.45)
    while t < seconds - 0.4:
        near = [end for _, end in spoken if -0.3 < end + 0.06 - t < 0.7]
        if near:
            t = near[0] + random.uniform(0.02, 0.12)
        times.append(t)
        t += min(max(random.lognormvariate(math.log(2.5), 0.4), 1.2), 5.0)
    return [t for t in times if t < seconds - 0.35]


def eyelids(times, clock, random):
    """The weight of eyeBlink: down in some 80 ms, closed for 35, up in some 170."""
    signal = [0.0] * len(clock)
    for start in times:
        down, hold, up = random.uniform(0.07, 0.09), 0.035, random.uniform(0.15, 0.19)
        for i in range(int(start * RATE), min(int((start + 0.45) * RATE), len(clock))):
            t = clock[i] - start
            if t < down:
                value = smooth_step(t / down)
            elif t < down + hold:
                value = 1.0
            else:
                # Opens fast at first and then settles.
                value = (1 - smooth_step(min((t - down - hold) / up, 1.0))) ** 1.3
            signal[i] = max(signal[i], value)
    return signal


def gaze_targets(spoken, blink_times, seconds, random):
    """(time, yaw, pitch) of fixations, radians relative to the listener's eyes: mostly there, from eye to eye to mouth; now
    and then away, within a phrase, and back before it ends."""
    out = [(0.0, 0.0, 0.0)]
    away = []
    for start, end in [(a, b) for a, b in spoken[:-1] if b - a > 1.0][1::2]:
        if not away or start - away[-1][1] > 2.5:
            at = start + random.uniform(0.15, 0.3) * (end - start)
            side = random.choice((-1, 1))
            away.append((at, at + random.uniform(0.45, 0.65), side * random.uniform(5, 8) * DEGREE, random.uniform(2, 4) * DEGREE))
    t = random.uniform(0.5, 0.9)
    spots = ((-0.9, 0.2), (0.9, 0.2), (0.0, -1.3), (0.0, 0.0))
    while t < seconds:
        if not any(a - 0.2 < t < b + 0.25 for a, b, _, _ in away):
            yaw, pitch = random.choice(spots)
            out.append((t, yaw * DEGREE, pitch * DEGREE))
        t += random.uniform(0.35, 1.3)
    for start, end, yaw, pitch in away:
        out.append((start, yaw, pitch))
        out.append((end, 0.0, 0.0))
    # Blinks hide small shifts of gaze.
    out += [(t + 0.06, random.uniform(-0.4, 0.4) * DEGREE, random.uniform(-0.3, 0.3) * DEGREE) for t in blink_times
            if not any(a - 0.2 < t < b + 0.25 for a, b, _, _ in away)]
    return sorted(out)


def fixations(targets, clock, random):
    """Yaw and pitch over time: each saccade takes 21 ms and 2.2 ms a degree (Carpenter 1988), then the eye drifts a little."""
    yaw, pitch = [0.0] * len(clock), [0.0] * len(clock)
    now, n = (0.0, 0.0), 0
    begin, start, length = 0.0, (0.0, 0.0), 0.02
    for i, t in enumerate(clock):
        while n < len(targets) and targets[n][0] <= t:
            start = (yaw[i - 1], pitch[i - 1]) if i else (0.0, 0.0)
            begin, now = targets[n][0], targets[n][1:]
            length = 0.021 + 0.0022 * math.hypot(now[0] - start[0], now[1] - start[1]) / DEGREE
            n += 1
        part = smooth_step((t - begin) / length)
        yaw[i] = start[0] + part * (now[0] - start[0])
        pitch[i] = start[1] + part * (now[1] - start[1])
    drift = [wander(clock, random, 0.12 * DEGREE, 0.6, 3.0) for _ in range(2)]
    return [a + b for a, b in zip(yaw, drift[0])], [a + b for a, b in zip(pitch, drift[1])]


def head(phones, clock, seconds, random):
    """Rotation vector (radians; +x up, +y to the person's left, +z towards the left shoulder) and translation (metres)."""
    pitch = wander(clock, random, 0.6 * DEGREE, 0.12, 0.8)
    yaw = wander(clock, random, 1.1 * DEGREE, 0.1, 0.7)
    roll = wander(clock, random, 0.8 * DEGREE, 0.1, 0.6)
    spoken = phrases(phones)
    # A new posture with each phrase, reached as it begins.
    postures = [(0.0, (0.0, 0.0, 0.0))]
    side = random.choice((-1, 1))
    for start, _ in spoken:
        side = -side
        postures.append((start - 0.25, (random.uniform(-0.8, 1.2), side * random.uniform(1.0, 2.6), side * random.uniform(-2.2, 0.4))))
    postures.append((spoken[-1][1] - 0.1, (-0.6, 0.6, -2.4)))
    for axis, signal in enumerate((pitch, yaw, roll)):
        steps, n = [0.0] * len(clock), 0
        for i, t in enumerate(clock):
            while n + 1 < len(postures) and postures[n + 1][0] <= t:
                n += 1
            steps[i] = postures[n][1][axis] * DEGREE
        for i, value in enumerate(blurred(steps, 0.2)):
            signal[i] += value
    # A nod on each stress: up a little before it, down on it, slowly back.
    for at, strength in accents(phones):
        size = strength * random.uniform(1.2, 2.3) * DEGREE
        for i, t in enumerate(clock):
            pitch[i] += size * (0.45 * bump(t, at - 0.28, at - 0.1, at + 0.02) - bump(t, at - 0.12, at + 0.07, at + 0.42))
    greeting = spoken[0][0]
    for i, t in enumerate(clock):
        pitch[i] += 1.6 * DEGREE * bump(t, greeting - 0.45, greeting - 0.1, greeting + 0.25)
    pitch, yaw, roll = (blurred(s, 0.035) for s in (pitch, yaw, roll))
    for i in range(len(clock)):
        size = math.sqrt(pitch[i] ** 2 + yaw[i] ** 2 + roll[i] ** 2)
        if size > MAX_HEAD:
            pitch[i], yaw[i], roll[i] = (x * MAX_HEAD / size for x in (pitch[i], yaw[i], roll[i]))

    breath = _breath(spoken, clock)
    # The body leans a little with the head, and rises with the breath.
    x = [-0.03 * a - 0.02 * b for a, b in zip(yaw, roll)]
    y = [0.0022 * b + 0.008 * p for b, p in zip(breath, pitch)]
    z = [0.025 * p for p in blurred(pitch, 0.15)]
    for axis, signal in zip((x, y, z), (wander(clock, random, 0.0008, 0.08, 0.4) for _ in range(3))):
        for i, value in enumerate(signal):
            axis[i] += value
    return (pitch, yaw, roll), (x, y, z)


def _breath(spoken, clock):
    """0 empty .. 1 full: in before each phrase, out along it."""
    signal = [0.3] * len(clock)
    for i, t in enumerate(clock):
        for start, end in spoken:
            full = start - 0.02
            if full - 0.45 < t <= full:
                signal[i] = max(signal[i], 0.3 + 0.7 * smooth_step((t - full + 0.45) / 0.45))
            elif full < t < end + 0.4:
                signal[i] = max(signal[i], 0.3 + 0.7 * (1 - smooth_step((t - full) / (end + 0.4 - full))))
    return blurred(signal, 0.08)


def brows(phones, clock, random):
    """browInnerUp and browOuterUp: up with the strongest stresses and with the greeting, falling a little along a phrase."""
    inner, outer = [0.0] * len(clock), [0.0] * len(clock)
    strong = sorted(accents(phones), key=lambda a: -a[1])
    strong = strong[: max(len(strong) // 2, 1)]
    greeting = phrases(phones)[0][0]
    for at, size, lead, length in [(at, 0.20 * s * random.uniform(0.7, 1.3), 0.16, 0.42) for at, s in strong] + [
        (greeting + 0.1, 0.34, 0.35, 0.75)
    ]:
        for i, t in enumerate(clock):
            up = size * bump(t, at - lead, at + 0.02, at + length)
            inner[i] = max(inner[i], 0.9 * up)
            outer[i] = max(outer[i], up)
    idle = wander(clock, random, 0.025, 0.1, 0.6)
    return (
        [max(x + 0.03 + w, 0.0) for x, w in zip(blurred(inner, 0.03), idle)],
        [max(x + 0.02 + 0.7 * w, 0.0) for x, w in zip(blurred(outer, 0.03), idle)],
    )


def smile(phones, clock, random):
    """Warm before and after the words, lighter while they are said."""
    spoken = phrases(phones)
    first, last = spoken[0][0], spoken[-1][1]
    idle = wander(clock, random, 0.02, 0.1, 0.5)
    signal = []
    for t, w in zip(clock, idle):
        before = 1 - smooth_step((t - first + 0.25) / 0.8)
        after = smooth_step((t - last + 0.35) / 0.55)
        between = sum(plateau(t, a_end + 0.05, b_start - 0.1, 0.25, 0.25) for (_, a_end), (b_start, _) in zip(spoken, spoken[1:])
                      if b_start - a_end > 0.2)
        signal.append(max(0.13 + w + 0.24 * before + 0.36 * after + 0.07 * min(between, 1.0), 0.0))
    return blurred(signal, 0.06)


def look_at_listener(gaze, rotation):
    """Gaze angles in the head (left yaw, left pitch, right yaw, right pitch): the eyes turn against the head so as to stay on
    the listener, and towards each other for the distance."""
    (target_yaw, target_pitch), (pitch, yaw, _) = gaze, rotation
    toe_in = math.atan2(EYE_FROM_MIDDLE_METRES, LISTENER_METRES)
    eye_yaw = [a - b for a, b in zip(target_yaw, yaw)]
    eye_pitch = [a - b for a, b in zip(target_pitch, pitch)]
    return [y - toe_in for y in eye_yaw], eye_pitch, [y + toe_in for y in eye_yaw], eye_pitch
