"""The training loop: it has so many minutes, and whatever it has learnt when they are over is the result."""
import json
import math
import queue
import sys
import threading
import time

import numpy as np
import torch

from . import export, sheet
from .composite import FRINGE, composite
from .data import Scene, gather, own_surface
from .loss import over_grey, picture_loss, psnr, steadiness_loss, surface_loss
from .model import Model

FRAMES_PER_STEP = 2
PIXELS_PER_FRAME = 10240
NETWORK_RATE, MAP_RATE = 2e-3, 1e-2
SEED_DECAY = 0.1  # of the weights that read the condition: what no frame asks for goes away
JITTER = 0.03  # of units and angles (radians): the map is to change smoothly between the few faces that were captured
WARM_UP_STEPS = 60
CONSTANT_UNTIL = 0.4  # of the time; then a cosine down to LAST_RATE of the rate
LAST_RATE = 0.02
FREEZE_AT = 0.93  # of the time: from here the static map is the 8-bit one, and the networks get used to it
EMA_DECAY = 0.998
EVALUATED_IMAGES = 4


def report(**values):
    """One line of JSON for the program that shows the progress."""
    print(json.dumps(values), flush=True)


class Batches:
    """Batches of pixels, drawn by a thread ahead of the step that needs them; the same for the same seed."""

    def __init__(self, scene, images, seed, step):
        self.by_frame = {}
        for image in images:
            self.by_frame.setdefault(image.frame, []).append(image)
        self.frames = sorted(self.by_frame)
        self.scene, self.seed, self.step, self.stopped = scene, seed, step, False
        self.ready = queue.Queue(maxsize=2)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        step = self.step
        while not self.stopped:
            try:
                self.ready.put(self._draw(np.random.default_rng((self.seed, step))))
            except Exception as error:  # handed to the loop, which ends with it
                self.ready.put(error)
                return
            step += 1

    def _draw(self, rng):
        count = min(FRAMES_PER_STEP, len(self.frames))
        frames = [self.frames[i] for i in rng.choice(len(self.frames), count, replace=False)]
        chosen = []
        for layer, frame in enumerate(frames):
            images = self.by_frame[frame]
            for image in images:
                chosen.append((image, rng.choice(image.draws, PIXELS_PER_FRAME // len(images)), layer))
        condition = self.scene.condition(frames)
        condition += JITTER * rng.standard_normal(condition.shape, np.float32)
        return torch.from_numpy(condition), *gather(chosen)

    def stop(self):
        """Lets the thread end."""
        self.stopped = True
        while not self.ready.empty():
            self.ready.get_nowait()

    def next(self):
        batch = self.ready.get()
        if isinstance(batch, Exception):
            raise batch
        return batch


def shade_pixels(model, dynamic, fragments):
    """Appearance of the fragments, and colour and alpha of the pixels."""
    appearance = model.shade(dynamic, fragments)
    alpha = torch.where(fragments.kind == FRINGE, fragments.coverage, appearance.alpha)
    color, cover = composite(fragments.spread(appearance.color), fragments.spread(alpha),
                             fragments.spread(fragments.kind, -1), fragments.spread(fragments.depth))
    return appearance, color, cover


@torch.no_grad()
def render(model, scene, image, chunk=1 << 16):
    """Colour [P, 3] and alpha [P] of all pixels of an image."""
    dynamic = model.decode(torch.from_numpy(scene.condition([image.frame])))
    pieces = []
    for begin in range(0, len(image.count), chunk):
        pixels = np.arange(begin, min(begin + chunk, len(image.count)))
        fragments, _ = gather([(image, pixels, 0)])
        pieces.append(shade_pixels(model, dynamic, fragments)[1:])
    return torch.cat([p[0] for p in pieces]), torch.cat([p[1] for p in pieces])


def measure(model, scene, image):
    """PSNR over the pixels that show the face and those that show the head, and the two pictures."""
    color, alpha = render(model, scene, image)
    ours = over_grey(color, alpha).clamp(0, 1)
    stored = torch.from_numpy(image.color.astype(np.float32))
    truth = over_grey(stored[:, :3], stored[:, 3]).clamp(0, 1)
    error = ((ours - truth) ** 2).mean(-1)
    masks = [image.showing(ids) for ids in (scene.face_ids, scene.head_ids)]
    face, head = (psnr(error[mask].mean()) if mask.any() else None for mask in masks)
    grey = 128 / 255
    pictures = tuple(sheet.to_picture(image.size, image.index, x.numpy(), grey) for x in (truth, ours))
    return face, head, pictures


class Threads:
    """How many threads to use: all, or one where other programs want the cores too (threads that wait for each other
    then wait for the slowest). Both are tried for a few steps now and then."""

    TRIAL, PERIOD = 2, 300

    def __init__(self):
        self.all = torch.get_num_threads()
        self.seconds = {1: 0.0, self.all: 0.0}

    def before(self, step):
        turn = step % self.PERIOD
        if turn == 0:
            self.seconds = dict.fromkeys(self.seconds, 0.0)
            torch.set_num_threads(1)
        elif turn == self.TRIAL:
            torch.set_num_threads(self.all)
        elif turn == 2 * self.TRIAL:
            torch.set_num_threads(min(self.seconds, key=self.seconds.get))

    def after(self, step, seconds):
        if step % self.PERIOD < 2 * self.TRIAL:
            self.seconds[torch.get_num_threads()] += seconds


def rate(fraction, step):
    """Factor on the learning rates."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    if fraction < CONSTANT_UNTIL:
        return warm
    t = min(1.0, (fraction - CONSTANT_UNTIL) / (1 - CONSTANT_UNTIL))
    return warm * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * t)))


class Run:
    """Model, average, optimiser and clock of one training, and their checkpoint."""

    def __init__(self, shape, seed):
        torch.manual_seed(seed)
        self.seed, self.step, self.seconds, self.frozen = seed, 0, 0.0, False
        self.model = Model(shape)
        self.average = Model(shape)
        self.average.load_state_dict(self.model.state_dict())
        self.average.requires_grad_(False)
        self._optimiser()

    def _optimiser(self):
        seed, static = self.model.texture.seed.weight, self.model.static
        networks = [p for p in self.model.parameters() if p is not seed and p is not static]
        groups = [{"params": networks, "scale": NETWORK_RATE, "weight_decay": 0},
                  {"params": [seed], "scale": NETWORK_RATE, "weight_decay": SEED_DECAY},
                  {"params": [static], "scale": MAP_RATE, "weight_decay": 0}]
        self.optimiser = torch.optim.AdamW(groups, lr=NETWORK_RATE, betas=(0.9, 0.99), fused=True)

    def save(self, path):
        state = {"model": self.model.state_dict(), "average": self.average.state_dict(),
                 "optimiser": self.optimiser.state_dict(), "seed": self.seed, "step": self.step,
                 "seconds": self.seconds, "frozen": self.frozen}
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(path)

    def load(self, path):
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seed, self.step, self.seconds = state["seed"], state["step"], state["seconds"]
        if state["frozen"]:
            self.model.static.requires_grad_(False)
        self.frozen = state["frozen"]

    def freeze_static(self):
        """Puts the 8-bit form of the averaged static map in both models, for good."""
        texels, scale, offset = export.quantise_static(self.average.static.detach().numpy())
        with torch.no_grad():
            value = torch.from_numpy(texels.astype(np.float32) * scale + offset)
            self.model.static.copy_(value)
            self.average.static.copy_(value)
        self.model.static.requires_grad_(False)
        self.frozen = True

    def advance(self, batch, stillness, fraction):
        """One step; returns the loss."""
        condition, fragments, truth = batch
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * rate(fraction, self.step)
        dynamic = self.model.decode(condition)
        appearance, color, alpha = shade_pixels(self.model, dynamic, fragments)
        loss = picture_loss(color, alpha, truth.color, truth.alpha)
        own = own_surface(fragments, truth, appearance.alpha)
        loss = loss + surface_loss(appearance, truth.albedo[fragments.pixel], truth.normal[fragments.pixel], own)
        size = self.model.shape.dynamic_size
        loss = loss + steadiness_loss(dynamic.reshape(-1, size, size, dynamic.shape[-1]), stillness)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1
        decay = min(EMA_DECAY, self.step / (self.step + 9))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        return loss.item()


def run(folder_of_data, folder, shape, minutes, seed, resume, checkpoint_minutes):
    """Trains until the clock says so; returns the run. Checkpoint and sheet are written into `folder`."""
    torch.set_flush_denormal(True)
    path = folder / "checkpoint.pt"
    state = Run(shape, seed)
    if resume and path.exists():
        state.load(path)
    try:
        scene, held_out, shown = _loop(state, folder_of_data, folder, path, 60 * minutes, 60 * checkpoint_minutes)
    except KeyboardInterrupt:
        state.save(path)
        sys.exit(f"interrupted at step {state.step}; --resume goes on from there")
    if not state.frozen:
        state.freeze_static()
    _checkpoint(state, scene, shown, folder, path)
    return state, scene, held_out


def _loop(state, folder_of_data, folder, path, budget, checkpoint_every):
    """Steps until `budget` seconds are used up."""
    scene, batches, held_out, shown = _begin(folder_of_data, state)
    stillness = torch.from_numpy(scene.stillness(state.model.shape.dynamic_size))
    smooth, threads = None, Threads()
    last_saved = last_shown = begun = time.monotonic()
    while state.seconds < budget:
        fraction = state.seconds / budget
        if fraction >= FREEZE_AT and not state.frozen:
            state.freeze_static()
        step = state.step
        threads.before(step)
        loss = state.advance(batches.next(), stillness, fraction)
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
            _checkpoint(state, scene, shown, folder, path)
            if scene.has_changed():  # more frames were prepared meanwhile
                batches.stop()
                scene, batches, held_out, shown = _begin(folder_of_data, state)
            begun = time.monotonic()
    return scene, held_out, shown


def _begin(folder_of_data, state):
    """Scene, batches from the present step on, held-out images, and those of them that checkpoints show."""
    scene = Scene(folder_of_data)
    train = [i for i in scene.images if i.split == "train" and len(i.draws)]
    held_out = [i for i in scene.images if i.split == "test"]
    if not held_out:  # an unfinished capture: keep back some frames, to have something to measure
        kept = sorted({i.frame for i in train})[::16]
        held_out = [i for i in train if i.frame in kept]
        train = [i for i in train if i.frame not in kept] or train
    if not train:
        sys.exit("no training image in the prepared capture: render some frames of its training split first")
    shown = [held_out[i] for i in np.linspace(0, len(held_out) - 1, min(EVALUATED_IMAGES, len(held_out))).astype(int)]
    report(event="start", images=len(train), held_out=len(held_out), step=state.step)
    return scene, Batches(scene, train, state.seed, state.step), held_out, shown


def _checkpoint(state, scene, shown, folder, path):
    state.save(path)
    measured = [measure(state.average, scene, image) for image in shown]
    sheet.write(folder / "sheet.png", [m[2] for m in measured])
    report(event="checkpoint", step=state.step, seconds=state.seconds,
           psnr_face_db=mean(m[0] for m in measured), psnr_head_db=mean(m[1] for m in measured))


def mean(values):
    """Mean of those that are there; nothing of none."""
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None
