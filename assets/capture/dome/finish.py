"""Closing step of a capture: Multiface's mean and variance files, and the noise ceiling."""
import json
from pathlib import Path

import numpy as np
import OpenEXR
from PIL import Image
from safetensors.numpy import load_file

from . import cameras, multiface, planes
from .parts import JOINTS

TEXTURE = 1024           # texels, square
DEPTH_TOLERANCE_M = 0.004  # a texel is seen when its depth agrees with the picture's
NOISE_SEED_OFFSET = 100_000


def finish(folder, description, noise_frames, load_person, render_channels):
    """Writes vert_mean.bin, vert_var.txt, tex_mean.png, tex_var.txt, and the noise ceiling if asked."""
    folder = Path(folder)
    document = json.loads((folder / "capture.json").read_text())
    done = [f for f in document["frames"] if all(p.exists() for c in f["cameras"] for p in multiface.frame_paths(folder, f, c).values())]
    train = [f for f in done if f["split"] == "train"]
    print(f"{len(train)} training and {len(done) - len(train)} test frames")
    _vertices(folder, train)
    _texture(folder, document, train)
    if noise_frames:
        test = [f for f in done if f["split"] == "test"][:noise_frames]
        document = json.loads((folder / "capture.json").read_text())
        head = [p["id"] for p in document["parts"] if p["name"] != "clothes"]
        document["noise_ceiling_db"] = _noise_ceiling(folder, test, head, load_person(), render_channels)
        multiface.replace(folder / "capture.json", json.dumps(document, separators=(",", ":")))
        print(f"noise ceiling: {document['noise_ceiling_db']} dB over the head with hair of {noise_frames} test frames")


def _in_head_frame(folder, f):
    """Tracked vertices (mm) with the head's rigid motion taken out."""
    base = folder / "tracked_mesh" / f["segment"] / f"{f['frame']:06d}"
    v = np.fromfile(base.with_suffix(".bin"), "<f4").reshape(-1, 3).astype(float)
    t = np.array(f["joint_transforms"]).reshape(-1, 3, 4)[JOINTS.index("head")]
    return v, (v - t[:, 3]) @ t[:, :3]


def _vertices(folder, frames):
    total, square = 0.0, 0.0
    for f in frames:
        _, v = _in_head_frame(folder, f)
        total, square = total + v, square + v * v
    mean = total / len(frames)
    mean.astype("<f4").tofile(folder / "vert_mean.bin")
    (folder / "vert_var.txt").write_text(f"{(square / len(frames) - mean * mean).mean():.8f}\n")


def atlas_lookup(rig, size):
    """Which triangle covers each texel, and where in it: ids [n], barycentrics [n,3], rows, columns."""
    triangle = np.full((size, size), -1)
    bary = np.zeros((size, size, 3))
    for i, t in enumerate(rig["uv"][rig["triangles"]].astype(float) * size):
        lo, hi = np.floor(t.min(0)).astype(int), np.ceil(t.max(0)).astype(int) + 1
        lo, hi = np.maximum(lo, 0), np.minimum(hi, size)
        x, y = np.meshgrid(np.arange(lo[0], hi[0]) + 0.5, np.arange(lo[1], hi[1]) + 0.5)
        edge = lambda a, b: (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
        w = np.stack([edge(t[1], t[2]), edge(t[2], t[0]), edge(t[0], t[1])], -1)
        area = w.sum(-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            w = w / area
        inside = (w >= 0).all(-1)
        triangle[lo[1]:hi[1], lo[0]:hi[0]][inside] = i
        bary[lo[1]:hi[1], lo[0]:hi[0]][inside] = w[inside]
    rows, columns = np.where(triangle >= 0)
    return triangle[rows, columns], bary[rows, columns], rows, columns


def _texture(folder, document, frames):
    """Mean and variance of the pictures unwrapped into the atlas, weighted by how squarely a texel faces the camera."""
    rig = load_file(folder / "rig.safetensors")
    ids, bary, rows, columns = atlas_lookup(rig, TEXTURE)
    corners = rig["triangles"][ids]
    total, square, weight = np.zeros((len(ids), 3)), np.zeros((len(ids), 3)), np.full(len(ids), 1e-6)
    for f in frames:
        tracked, _ = _in_head_frame(folder, f)
        v = tracked[rig["tracked_index"]]
        for camera in f["cameras"]:
            k, view = cameras.intrinsics(camera), cameras.camera_from_mesh(camera)
            q = v @ view[:, :3].T + view[:, 3]
            c = q[corners]
            p = (c * bary[..., None]).sum(1)
            n = np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0])
            facing = -(n * p).sum(1) / np.maximum(np.linalg.norm(n, axis=1) * np.linalg.norm(p, axis=1), 1e-9)
            pixel = p @ k.T
            x, y = (pixel[:, :2] / pixel[:, 2:]).astype(int).T
            ok = (x >= 0) & (y >= 0) & (x < cameras.SIZE) & (y < cameras.SIZE) & (facing > 0.1)
            x, y = np.where(ok, x, 0), np.where(ok, y, 0)
            paths = multiface.frame_paths(folder, f, camera)
            with OpenEXR.File(str(paths["planes"]), separate_channels=True) as file:
                depth = np.array(file.channels()["depth.Z"].pixels, float)
            ok &= np.abs(depth[y, x] - p[:, 2] / 1000) < DEPTH_TOLERANCE_M
            colour = np.asarray(Image.open(paths["image"]), float)[y, x]
            w = np.where(ok, facing, 0.0) ** 2
            total, square, weight = total + w[:, None] * colour, square + w[:, None] * colour ** 2, weight + w
    mean = total / weight[:, None]
    picture = np.full((TEXTURE, TEXTURE, 3), planes.BACKGROUND, np.uint8)
    seen = weight > 1e-3
    picture[rows[seen], columns[seen]] = (mean[seen] + 0.5).clip(0, 255)
    Image.fromarray(picture).save(folder / "tex_mean.png")
    variance = (square / weight[:, None] - mean ** 2)[seen].mean()
    (folder / "tex_var.txt").write_text(f"{variance:.8f}\n")


def _noise_ceiling(folder, frames, head, person, render_channels):
    """PSNR (dB) of a test frame against itself with another seed, over the parts `head`: the mean over frames, as `visavis eval` has it."""
    from .scene import Dome
    dome = Dome(person, folder / "work", threads=1)
    ceilings = []
    for f in frames:
        dome.pose(f["units"], np.array(f["joint_transforms"]).reshape(-1, 3, 4), f["habits"])
        for camera in f["cameras"]:
            dome.look_from(camera)
            channels = render_channels(dome, f["samples"], f["render_seed"] + NOISE_SEED_OFFSET)
            kept = np.asarray(Image.open(multiface.frame_paths(folder, f, camera)["image"]), float)
            where = np.isin(channels["part.V"], head)
            error = ((planes.composite(channels) - kept) / 255)[where]
            ceilings.append(-10 * np.log10((error ** 2).mean()))
    return round(float(np.mean(ceilings)), 2)
