#!/usr/bin/env python3
"""Makes a performance from text: a voice (WAV) and a face (CSV, 30 frames a second) that says it.

    python3 perform.py            # writes hello.wav, hello.csv, hello.phones.csv beside this script

Needs Python 3 and Debian's packages festival and festvox-us-slt-hts. The same seed gives the same performance.
"""

import argparse
import json
import random
from pathlib import Path

import mouth
import speech
import upper
from curves import FRAMES_PER_SECOND, grid, sampled

HERE = Path(__file__).parent
SENTENCES = [
    "Hello, I'm Wren.",
    "You're looking at a face that crossed the network, as a few bytes a frame.",
    "My eyes, my smile, and my voice, all arrive together.",
    "It's good to meet you.",
]
LEAD_IN, PAUSE, TAIL = 0.45, 0.25, 0.7  # seconds


def perform(sentences, visemes, seed):
    """A voice and the signals of a face: column name → one value a frame."""
    dice = random.Random(seed)
    voice, phones = speech.speak(sentences, LEAD_IN, PAUSE, TAIL)
    voice = speech.normalised(voice)
    seconds = len(voice.samples) / voice.rate
    clock = grid(seconds)

    units = mouth.mouth(phones, visemes, clock)
    _smile(units, upper.smile(phones, clock, dice))
    inner, outer = upper.brows(phones, clock, dice)
    units["browInnerUp"] = inner
    units["browOuterUpLeft"], units["browOuterUpRight"] = [0.9 * x for x in outer], outer

    spoken = upper.phrases(phones)
    blink_times = upper.blinks(spoken, seconds, dice)
    lids = upper.eyelids(blink_times, clock, dice)
    rotation, translation = upper.head(phones, clock, seconds, dice)
    yaw, pitch = upper.fixations(upper.gaze_targets(spoken, blink_times, seconds, dice), clock, dice)
    # The eye rolls down a little behind the closing lid.
    gaze = yaw, [p - 0.035 * c for p, c in zip(pitch, lids)]
    gaze = upper.look_at_listener(gaze, rotation)
    for side, (yaw, pitch), outward in (("Left", gaze[:2], 1), ("Right", gaze[2:], -1)):
        units[f"eyeBlink{side}"] = lids
        units[f"eyeLookUp{side}"] = [max(p, 0) / upper.MAX_GAZE[1] for p in pitch]
        units[f"eyeLookDown{side}"] = [max(-p, 0) / upper.MAX_GAZE[1] for p in pitch]
        units[f"eyeLookOut{side}"] = [max(outward * y, 0) / upper.MAX_GAZE[0] for y in yaw]
        units[f"eyeLookIn{side}"] = [max(-outward * y, 0) / upper.MAX_GAZE[0] for y in yaw]

    frames = int(seconds * FRAMES_PER_SECOND) + 1
    columns = {"seconds": [i / FRAMES_PER_SECOND for i in range(frames)]}
    for name in sorted(units):
        columns[name] = [min(max(x, 0.0), 1.0) for x in sampled(units[name], frames)]
    named = zip(("gaze_left_yaw", "gaze_left_pitch", "gaze_right_yaw", "gaze_right_pitch"), gaze)
    named = [*named, *zip(("head_rotation_x", "head_rotation_y", "head_rotation_z"), rotation)]
    named = [*named, *zip(("head_translation_x", "head_translation_y", "head_translation_z"), translation)]
    for name, signal in named:
        columns[name] = sampled(signal, frames)
    return voice, phones, columns


def _smile(units, amount):
    """Lays a smile over the mouth's speech: rounded and closing lips leave less of it."""
    for i, s in enumerate(amount):
        rounded = min(units["mouthPucker"][i] + units["mouthFunnel"][i], 1.0)
        s *= 1 - 0.75 * rounded
        for side, share in (("Left", 1.0), ("Right", 0.92)):
            for name, gain in ((f"mouthSmile{side}", 1.0), (f"cheekSquint{side}", 0.5), (f"eyeSquint{side}", 0.35),
                               (f"mouthDimple{side}", 0.12)):
                signal = units.setdefault(name, [0.0] * len(amount))
                signal[i] = signal[i] + share * gain * s * (1 - signal[i])


def _number(value, digits):
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=HERE / "hello", help="path without extension")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--visemes", type=Path, default=HERE.parent / "visemes.json")
    parser.add_argument("sentences", nargs="*", default=SENTENCES)
    arguments = parser.parse_args()
    shapes = json.loads(arguments.visemes.read_text())["visemes"]
    visemes = {name: shape["units"] for name, shape in shapes.items()}
    voice, phones, columns = perform(arguments.sentences, visemes, arguments.seed)

    speech.write_wav(arguments.out.with_suffix(".wav"), voice)
    digits = [7 if name == "seconds" else 5 for name in columns]
    rows = zip(*columns.values())
    lines = [",".join(columns), *(",".join(_number(x, d) for x, d in zip(row, digits)) for row in rows)]
    arguments.out.with_suffix(".csv").write_text("\n".join(lines) + "\n")
    lines = ["start,end,phone,accented,word", *(f"{p.start:.3f},{p.end:.3f},{p.name},{p.accented:d},{p.word}" for p in phones)]
    arguments.out.with_suffix(".phones.csv").write_text("\n".join(lines) + "\n")
    print(f"{arguments.out}: {len(columns['seconds'])} frames, {len(voice.samples) / voice.rate:.2f} s of voice")


if __name__ == "__main__":
    main()
