"""python -m visavis_train PREPARED RUN --minutes M: trains, and writes RUN/export.safetensors."""
import argparse
import json
import sys
from pathlib import Path

from . import export, fit, geometry
from .model import Shape


def main():
    parser = argparse.ArgumentParser(prog="visavis_train", description=__doc__)
    parser.add_argument("prepared", type=Path, help="the folder that `visavis train` prepared")
    parser.add_argument("run", type=Path, help="where checkpoint, contact sheet and export go")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--rank", type=int, default=32, help="vectors of the geometry's basis")
    parser.add_argument("--checkpoint-minutes", type=float, default=3)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)

    shape = Shape()
    state, scene, held_out = fit.run(args.prepared, args.run, shape, args.minutes, args.seed, args.resume,
                                     args.checkpoint_minutes)
    train = [i for i, split in enumerate(scene.split) if split == "train"]
    shapes = geometry.fit(scene.mesh["unit_deltas"], scene.units[train], shape.residual, args.rank)
    fit.report(event="geometry", **{f"{k}_mm": v for k, v in shapes.error_mm.items()})
    model = state.average
    export.round_to_half(model)
    measured = [fit.measure(model, scene, image) for image in held_out]
    facts = {"steps": state.step, "seconds": round(state.seconds), "images": len(scene.images),
             "psnr_face_db": fit.mean(m[0] for m in measured), "psnr_head_db": fit.mean(m[1] for m in measured),
             "geometry_error_mm": shapes.error_mm}
    export.write(args.run / "export.safetensors", model, shapes, {"facts": json.dumps(facts)})
    color, alpha = fit.render(model, scene, held_out[0])
    export.write_check(args.run / "check.safetensors", color, alpha, held_out[0],
                       scene.condition([held_out[0].frame])[0])
    fit.report(event="done", **facts)


try:
    main()
except KeyboardInterrupt:
    sys.exit("interrupted")
