"""python -m visavis_train PREPARED RUN --minutes M: trains, and writes RUN/export.safetensors."""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

from . import export, fit, geometry, transport


def main():
    parser = argparse.ArgumentParser(prog="visavis_train", description=__doc__)
    parser.add_argument("prepared", type=Path, help="the folder that `visavis train` prepared")
    parser.add_argument("run", type=Path, help="where checkpoint, contact sheet and export go")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--residual", type=int, default=8, choices=range(33), metavar="0..32",
                        help="components of r; 0 trains no encoder")
    parser.add_argument("--rank", type=int, default=36, help="vectors of the geometry's basis")
    parser.add_argument("--checkpoint-minutes", type=float, default=3)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)

    state, data = fit.run(args.prepared, args.run, args.residual, args.minutes, args.seed, args.resume,
                          args.checkpoint_minutes)
    finish(state, data, args.run, args.rank)


def finish(state, data, folder, rank):
    """Measures what was trained, and writes what the Rust half packs."""
    scene, model, held_out = data.scene, state.average, data.held_out
    frames, codes = data.codes(state)
    by_residual = geometry.by_residual(data.sources.unexplained(frames), codes)
    shapes = geometry.fit(scene, codes, rank, by_residual, data.sources.corrective)
    fit.report(event="geometry", **{f"{k}_mm": v for k, v in shapes.error_mm.items()})
    export.round_weights(model)
    transport.smooth_strands(model)
    measured = [fit.measure(model, scene, image) for image in held_out]
    facts = {"steps": state.step, "seconds": round(state.seconds), "images": len(scene.images),
             "psnr_face_db": fit.mean(m[0] for m in measured), "psnr_head_db": fit.mean(m[1] for m in measured),
             "geometry_error_mm": shapes.error_mm}
    if state.encoder:
        measured = [fit.measure(model, scene, image, data.code(state, image)) for image in held_out]
        facts["residual"] = {
            "psnr_face_db": fit.mean(m[0] for m in measured), "psnr_head_db": fit.mean(m[1] for m in measured),
            "deviation": codes.std(0).tolist(), "mean": codes.mean(0).tolist(),
            "linear_share": linear_share(codes, scene.condition(frames))}
    layer = transport.learn(model, scene, state.seed)
    light = transport.tensors(layer) if layer else {}
    export.write(folder / "export.safetensors", model, state.grid, shapes, codes, light, {"facts": json.dumps(facts)})
    code = data.code(state, held_out[0])
    color, alpha = fit.render(model, scene, held_out[0], code)
    export.write_check(folder / "check.safetensors", color, alpha, held_out[0],
                       scene.condition([held_out[0].frame], code[None])[0])
    export.write_encoder(folder / "encoder.safetensors", state.average_encoder, data.sources,
                         held_out[0].frame, data.pictures_for(held_out[0]))
    fit.report(event="done", **facts)


def linear_share(codes, conditions):
    """How much of r's variance is linear in u, g and the head's rotation, after correction for how many they are."""
    known = conditions[:, conditions.std(0) > 1e-3]
    free = len(codes) - known.shape[1] - 1
    if free < 1:
        return None
    known = np.concatenate([known, np.ones((len(known), 1))], 1).astype(np.float64)
    left = codes - known @ np.linalg.lstsq(known, codes.astype(np.float64), rcond=None)[0]
    share = 1 - left.var(0) / np.maximum(codes.var(0), 1e-12) * (len(codes) - 1) / free
    return float(share.mean())


try:
    main()
except KeyboardInterrupt:
    sys.exit("interrupted")
