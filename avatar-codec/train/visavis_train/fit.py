"""The training loop: it has so many minutes, and whatever it has learnt when they are over is the result."""
import json
import math
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import torch

from . import export, sheet
from .batches import Batches
from .composite import FRINGE, composite
from .corrective import Corrective
from .data import Scene, gather, own_surface
from .encoder import AGREEMENT, CALM, INDEPENDENCE, Encoder, Independence, agreement_loss, calm_loss
from .loss import over_grey, picture_loss, psnr, steadiness_loss, surface_loss
from .model import Model, Shape, with_residual
from .schedule import Threads, rate
from .sources import Sources, encode
from .strands import Strands

NETWORK_RATE, MAP_RATE = 2e-3, 1e-2
SEED_DECAY = 0.1  # of the weights that read the condition: what no frame asks for goes away
FREEZE_AT = 0.93  # of the time: from here the static map is the 8-bit one, and the networks get used to it
EMA_DECAY = 0.998
EVALUATED_IMAGES = 4


def report(**values):
    """One line of JSON for the program that shows the progress."""
    print(json.dumps(values), flush=True)


def shade_pixels(model, dynamic, fragments):
    """Appearance of the fragments, and colour and alpha of the pixels."""
    appearance = model.shade(dynamic, fragments)
    alpha = torch.where(fragments.kind == FRINGE, fragments.coverage, appearance.alpha)
    color, cover = composite(fragments.spread(appearance.color), fragments.spread(alpha),
                             fragments.spread(fragments.kind, -1), fragments.spread(fragments.depth))
    return appearance, color, cover


@torch.no_grad()
def render(model, scene, image, residual=None, chunk=1 << 16):
    """Colour [P, 3] and alpha [P] of all pixels of an image; `residual` [k], zero if None."""
    if residual is None:
        residual = np.zeros(model.shape.residual, np.float32)
    dynamic = model.decode(torch.from_numpy(scene.condition([image.frame], residual[None])))
    pieces = []
    for begin in range(0, len(image.count), chunk):
        pixels = np.arange(begin, min(begin + chunk, len(image.count)))
        fragments, _ = gather([(image, pixels, 0)])
        pieces.append(shade_pixels(model, dynamic, fragments)[1:])
    return torch.cat([p[0] for p in pieces]), torch.cat([p[1] for p in pieces])


def measure(model, scene, image, residual=None):
    """PSNR over the pixels that show the face and those that show the head, and the two pictures."""
    color, alpha = render(model, scene, image, residual)
    ours = over_grey(color, alpha).clamp(0, 1)
    stored = torch.from_numpy(image.color.astype(np.float32))
    truth = over_grey(stored[:, :3], stored[:, 3]).clamp(0, 1)
    error = ((ours - truth) ** 2).mean(-1)
    masks = [image.showing(ids) for ids in (scene.face_ids, scene.head_ids)]
    face, head = (psnr(error[mask].mean()) if mask.any() else None for mask in masks)
    grey = 128 / 255
    pictures = tuple(sheet.to_picture(image.size, image.index, x.numpy(), grey) for x in (truth, ours))
    return face, head, pictures


class Run:
    """Models, averages, optimiser and clock of one training, and their checkpoint."""

    def __init__(self, shape, seed):
        torch.manual_seed(seed)
        self.shape = shape
        self.seed, self.step, self.seconds = seed, 0, 0.0
        self.grid = None  # scale and offset of the 8-bit static map, once it is frozen
        self.model = Model(shape)
        self.average = _copy_of(self.model, Model(shape))
        self.encoder = self.average_encoder = self.independence = None
        if shape.residual:
            self.encoder = Encoder(shape)
            self.average_encoder = _copy_of(self.encoder, Encoder(shape))
            self.independence = Independence(shape)
        self.mesh_basis = torch.zeros(0, 0)
        self.corrective = None
        self._optimiser()

    def _optimiser(self):
        seed, static = self.model.texture.seed.weight, self.model.static
        networks = [p for p in self.model.parameters() if p is not seed and p is not static]
        networks += self.encoder.parameters() if self.encoder else []
        groups = [{"params": networks, "scale": NETWORK_RATE, "weight_decay": 0},
                  {"params": [seed], "scale": NETWORK_RATE, "weight_decay": SEED_DECAY},
                  {"params": [static], "scale": MAP_RATE, "weight_decay": 0}]
        self.optimiser = torch.optim.AdamW(groups, lr=NETWORK_RATE, betas=(0.9, 0.99), fused=True)

    def _parts(self):
        """What a checkpoint keeps the state of."""
        parts = {"model": self.model, "average": self.average, "optimiser": self.optimiser}
        if self.encoder:
            parts |= {"encoder": self.encoder, "average_encoder": self.average_encoder,
                      "independence": self.independence}
        return parts

    def save(self, path):
        state = {name: part.state_dict() for name, part in self._parts().items()}
        grid = self.grid and [torch.from_numpy(x) for x in self.grid]
        correct = self.corrective and {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in vars(self.corrective).items()}
        state |= {"corrective": correct, "shape": asdict(self.shape), "mesh_basis": self.mesh_basis, "seed": self.seed, "step": self.step,
                  "seconds": self.seconds, "grid": grid}
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(path)

    @classmethod
    def load(cls, path):
        state = torch.load(path, weights_only=True)
        try:
            run = cls(Shape(**state["shape"]), state["seed"])
            for name, part in run._parts().items():
                part.load_state_dict(state[name])
            run.mesh_basis = state["mesh_basis"]
            correct = state["corrective"]
            run.corrective = correct and Corrective(**{k: v.numpy() for k, v in correct.items()})
            run.grid = state["grid"] and tuple(x.numpy() for x in state["grid"])
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            sys.exit(f"{path} is of another version of the trainer: train without --resume ({str(error).splitlines()[0]})")
        run.step, run.seconds = state["step"], state["seconds"]
        run.model.static.requires_grad_(run.grid is None)
        return run

    def begin_encoder(self, sources):
        """Takes over how the encoder's inputs are normalised, for good."""
        self.mesh_basis, self.corrective = torch.from_numpy(sources.basis.basis), sources.corrective
        if self.encoder:
            normalisation = sources.statistics()
            self.encoder.set_texture(*normalisation)
            self.average_encoder.set_texture(*normalisation)

    def freeze_static(self):
        """Puts the 8-bit form of the averaged static map in both models, for good."""
        static = self.average.static.detach().numpy()
        self.grid = export.grid(static)
        scale, offset = self.grid
        with torch.no_grad():
            value = torch.from_numpy(export.texels(static, self.grid).astype(np.float32) * scale + offset)
            self.model.static.copy_(value)
            self.average.static.copy_(value)
        self.model.static.requires_grad_(False)

    def _encode(self, batch):
        """The batch's whole condition, and what is to be minimised for r's sake."""
        if not self.encoder:
            return batch.condition, 0.0
        faces = batch.faces
        residual = self.encoder(self.encoder.normalise(faces.textures), faces.mesh)
        residual, again = residual[:len(faces.units)], residual[len(faces.units):]
        penalty = INDEPENDENCE * self.independence.loss(residual, faces.readable)
        penalty = penalty + CALM * calm_loss(residual, faces.units)
        penalty = penalty + AGREEMENT * agreement_loss(residual, residual[faces.again], again)
        used = (residual[:len(batch.condition)] + faces.jitter) * faces.active
        return with_residual(batch.condition, used), penalty

    def advance(self, batch, stillness, strands, fraction):
        """One step; returns the loss of the pictures."""
        fragments, truth = batch.fragments, batch.truth
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * rate(fraction, self.step)
        condition, penalty = self._encode(batch)
        dynamic = self.model.decode(condition)
        appearance, color, alpha = shade_pixels(self.model, dynamic, fragments)
        loss = picture_loss(color, alpha, truth.color, truth.alpha)
        own = own_surface(fragments, truth, appearance.alpha)
        loss = loss + surface_loss(appearance, truth.albedo[fragments.pixel], truth.normal[fragments.pixel], own)
        size = self.model.shape.dynamic_size
        loss = loss + steadiness_loss(dynamic.reshape(-1, size, size, dynamic.shape[-1]), stillness)
        self.optimiser.zero_grad()
        (loss + penalty).backward()
        strands.coarsen(self.model)
        self.optimiser.step()
        self.step += 1
        decay = min(EMA_DECAY, self.step / (self.step + 9))
        pairs = [(self.average, self.model)] + ([(self.average_encoder, self.encoder)] if self.encoder else [])
        with torch.no_grad():
            for average, now in pairs:
                torch._foreach_lerp_(list(average.parameters()), list(now.parameters()), 1 - decay)
        return loss.item()


def _copy_of(module, other):
    """`other` with the state of `module`, not trained itself."""
    other.load_state_dict(module.state_dict())
    return other.requires_grad_(False)


def run(folder_of_data, folder, residual, minutes, seed, resume, checkpoint_minutes):
    """Trains until the clock says so, with `residual` components of r if the capture can teach them. Checkpoint and
    sheet are written into `folder`. Returns the run, its data and the held-out images."""
    torch.set_flush_denormal(True)
    path = folder / "checkpoint.pt"
    data = Data(folder_of_data)
    if resume and path.exists():
        state = Run.load(path)
        data.read(state)
    else:
        shape = replace(Shape(), residual=residual if data.can_teach else 0, mesh_inputs=data.sources.mesh_inputs)
        state = Run(shape, seed)
        state.begin_encoder(data.sources)
    if state.shape.residual != residual:
        report(event="residual", asked=residual, used=state.shape.residual)
    try:
        _loop(state, data, folder, path, 60 * minutes, 60 * checkpoint_minutes)
    except KeyboardInterrupt:
        state.save(path)
        sys.exit(f"interrupted at step {state.step}; --resume goes on from there")
    if state.grid is None:
        state.freeze_static()
    _checkpoint(state, data, folder, path)
    return state, data


class Data:
    """The scene as far as it is prepared, which of its images are held out, and what the encoder is fed with."""

    def __init__(self, folder):
        self.folder, self.textures = folder, None
        self.read(None)

    def read(self, state):
        """Reads what is prepared by now; `state`, if there is one, says how meshes were normalised."""
        self.scene = Scene(self.folder)
        train = [i for i in self.scene.images if i.split == "train" and len(i.draws)]
        self.held_out = [i for i in self.scene.images if i.split == "test"]
        if not self.held_out:  # an unfinished capture: keep back some frames, to have something to measure
            kept = sorted({i.frame for i in train})[::16]
            self.held_out = [i for i in train if i.frame in kept]
            train = [i for i in train if i.frame not in kept] or train
        if not train:
            sys.exit("no training image in the prepared capture: render some frames of its training split first")
        self.train = train
        known = (state.mesh_basis.numpy(), state.corrective) if state else ()
        self.sources = Sources(self.scene, train, self.textures, *known)
        self.textures = self.sources.textures
        count = min(EVALUATED_IMAGES, len(self.held_out))
        self.shown = [self.held_out[i] for i in np.linspace(0, len(self.held_out) - 1, count).astype(int)]

    @property
    def can_teach(self):
        return self.sources.can_teach

    def pictures_for(self, image):
        """The pictures that a held-out one's r comes from: the others of its frame, or itself if it has no others."""
        frame = [i for i in self.scene.images if i.frame == image.frame]
        return [i for i in frame if i is not image] or [image]

    def code(self, state, image):
        """r [k] of a held-out picture."""
        return encode(state.average_encoder, self.sources, [image.frame], [self.pictures_for(image)])[0]

    def codes(self, state):
        """The frames that were trained on, and their r [frames, k] from all of their pictures."""
        frames = sorted(self.sources.by_frame)
        chosen = [self.sources.by_frame[frame] for frame in frames]
        return frames, encode(state.average_encoder, self.sources, frames, chosen)

    def begin(self, state):
        """Batches from the present step on."""
        report(event="start", images=len(self.train), held_out=len(self.held_out), step=state.step,
               residual=state.shape.residual)
        return Batches(self.sources, state.shape.residual, state.seed, state.step)


def _loop(state, data, folder, path, budget, checkpoint_every):
    """Steps until `budget` seconds are used up."""
    batches = data.begin(state)
    stillness = torch.from_numpy(data.scene.stillness(state.model.shape.dynamic_size))
    strands = Strands(data.train, data.scene.strand_ids.numpy(), state.shape)
    smooth, threads = None, Threads()
    last_saved = last_shown = begun = time.monotonic()
    while state.seconds < budget:
        fraction = state.seconds / budget
        if fraction >= FREEZE_AT and state.grid is None:
            state.freeze_static()
        step = state.step
        threads.before(step)
        loss = state.advance(batches.next(), stillness, strands, fraction)
        if not math.isfinite(loss):
            sys.exit(f"the loss is {loss} at step {state.step}: resume from the last checkpoint with another seed")
        now = time.monotonic()
        threads.after(step, now - begun)
        state.seconds += now - begun
        begun = now
        smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
        if now - last_shown > 2:
            last_shown = now
            report(event="step", step=state.step, seconds=state.seconds, loss=smooth, threads=torch.get_num_threads())
        if now - last_saved > checkpoint_every:
            last_saved = now
            _checkpoint(state, data, folder, path)
            if data.scene.has_changed():  # more frames were prepared meanwhile
                batches.stop()
                data.read(state)
                batches = data.begin(state)
            begun = time.monotonic()


def _checkpoint(state, data, folder, path):
    state.save(path)
    measured = [measure(state.average, data.scene, image) for image in data.shown]
    sheet.write(folder / "sheet.png", [m[2] for m in measured])
    report(event="checkpoint", step=state.step, seconds=state.seconds,
           psnr_face_db=mean(m[0] for m in measured), psnr_head_db=mean(m[1] for m in measured))


def mean(values):
    """Mean of those that are there; nothing of none."""
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None
