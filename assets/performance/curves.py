"""Signals on a regular grid of time, as lists of floats."""

import math

RATE = 240  # samples a second: finer than anything in a face
FRAMES_PER_SECOND = 30


def grid(seconds):
    return [i / RATE for i in range(round(seconds * RATE) + 1)]


def smooth_step(x):
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def bump(t, start, peak, end):
    """Rises from 0 at start to 1 at peak and falls to 0 at end."""
    if t <= start or t >= end:
        return 0.0
    return smooth_step((t - start) / (peak - start)) if t < peak else smooth_step((end - t) / (end - peak))


def plateau(t, start, end, ramp_in, ramp_out):
    """1 between start and end, with ramps outside of it."""
    return smooth_step((t - start + ramp_in) / ramp_in) * smooth_step((end + ramp_out - t) / ramp_out)


def blurred(signal, sigma):
    """Gaussian of `sigma` seconds, without delay; the ends hold their value."""
    radius = max(math.ceil(3 * sigma * RATE), 1)
    kernel = [math.exp(-0.5 * (i / (sigma * RATE)) ** 2) for i in range(-radius, radius + 1)]
    total = sum(kernel)
    kernel = [k / total for k in kernel]
    padded = [signal[0]] * radius + list(signal) + [signal[-1]] * radius
    return [sum(k * padded[i + j] for j, k in enumerate(kernel)) for i in range(len(signal))]


def wander(clock, random, amplitude, slowest, fastest, terms=5):
    """A slow signal without a rhythm: sines of frequencies (Hz) spread over a range, at random phases."""
    waves = []
    for i in range(terms):
        frequency = slowest * (fastest / slowest) ** ((i + random.random()) / terms)
        waves.append((2 * math.pi * frequency, random.uniform(0, 2 * math.pi), (slowest / frequency) ** 0.7))
    norm = math.sqrt(sum(a * a for _, _, a in waves) / 2)
    return [amplitude / norm * sum(a * math.sin(w * t + p) for w, p, a in waves) for t in clock]


def sampled(signal, frames):
    """The signal at the times of `frames` frames."""
    step = RATE // FRAMES_PER_SECOND
    return [signal[min(i * step, len(signal) - 1)] for i in range(frames)]
