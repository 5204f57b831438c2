"""What `visavis train` prepared: the scene, one shard an image, and batches of pixels from them."""
import json
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .composite import BLENDED, FRINGE, OPAQUE
from .model import HAIR, SOFT, SOLID

FACE_PARTS = ("skin", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")
HEAD_PARTS = (*FACE_PARTS, "hair", "lashes")
FRAGMENT_COLUMNS = ("kind", "part", "coverage", "depth", "uv", "normal", "view")
DTYPES = {"U8": np.uint8, "I8": np.int8, "I16": np.int16, "U16": np.uint16, "U32": np.uint32, "F16": np.float16,
          "F32": np.float32}


def read_tensors(path):
    """The tensors of a safetensors file as arrays over one memory map: nothing is read before it is used."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        dtype = np.dtype(DTYPES[entry["dtype"]])
        begin, end = entry["data_offsets"]
        out[name] = np.frombuffer(data, dtype, (end - begin) // dtype.itemsize, 8 + length + begin)
        out[name] = out[name].reshape(entry["shape"])
    return out


@dataclass
class Fragments:
    """F fragments, ready for the pixel decoder, and where they go in K slots of P pixels."""
    uv: torch.Tensor
    normal: torch.Tensor
    view: torch.Tensor
    layer: torch.Tensor
    material: torch.Tensor
    kind: torch.Tensor
    part: torch.Tensor
    coverage: torch.Tensor
    depth: torch.Tensor
    pixel: torch.Tensor
    slot: torch.Tensor
    pixels: int
    slots: int

    def spread(self, values, empty=0.0):
        """Values [F, …] into slots [P, K, …]."""
        out = values.new_full((self.pixels, self.slots, *values.shape[1:]), empty)
        return out.index_put((self.pixel, self.slot), values)


@dataclass
class Truth:
    """What the camera saw at P pixels: premultiplied linear colour, alpha, albedo, normal, part."""
    color: torch.Tensor
    alpha: torch.Tensor
    albedo: torch.Tensor
    normal: torch.Tensor
    part: torch.Tensor


class Image:
    """One prepared image."""

    def __init__(self, folder, entry):
        self.name = f'{entry["segment"]}/{entry["camera"]}/{entry["frame"]}'
        self.split, self.camera = entry["split"], entry["camera"]
        self.size = (entry["height"], entry["width"])
        self.frame = entry["frame_number"]
        t = read_tensors(folder / entry["shard"])
        self.index = t["pixel.index"]
        self.color = t["pixel.color"]
        self.albedo = t["pixel.albedo"]
        self.normal = t["pixel.normal"]
        self.part = t["pixel.part"]
        self.count = t["pixel.fragments"]
        self.start = np.zeros(len(self.count) + 1, np.int64)
        np.cumsum(self.count, out=self.start[1:])
        self.fragment = {name: t[f"fragment.{name}"] for name in FRAGMENT_COLUMNS}
        self.draws = np.flatnonzero(self.count > 0).astype(np.uint32)

    def sort(self, strand_ids):
        """Says of each fragment which of the pixel decoder's networks shades it."""
        soft = np.where(np.isin(self.fragment["part"], strand_ids), HAIR, SOFT)
        self.fragment["material"] = np.where(self.fragment["kind"] == BLENDED, soft, SOLID).astype(np.uint8)

    def weigh(self, importance, seed):
        """Makes pixels whose first fragment lies on important texels come up more often."""
        size = len(importance)
        first = self.fragment["uv"][self.start[self.draws]].astype(np.int64) * size >> 16
        weight = importance[first[:, 1], first[:, 0]]
        whole = np.floor(weight)
        extra = np.random.default_rng(seed).random(len(weight)) < weight - whole
        self.draws = np.repeat(self.draws, whole.astype(np.int64) + extra)

    def showing(self, part_ids):
        """Which pixels show one of these parts, by the truth."""
        return torch.from_numpy(np.isin(self.part, part_ids))


class Scene:
    """Everything prepared: images by split, and the condition of every frame."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.time = self._time()
        self.description = json.loads((self.folder / "scene.json").read_text())
        assert self.description["schema"] == "visavis.prepared/1", "unknown schema of prepared data"
        self.mesh = read_tensors(self.folder / "mesh.safetensors")
        self.parts = self.description["parts"]
        self.face_ids = [p["id"] for p in self.parts if p["name"] in FACE_PARTS]
        self.head_ids = [p["id"] for p in self.parts if p["name"] in HEAD_PARTS]
        self.strand_ids = torch.tensor([p["id"] for p in self.parts if p["name"] == "hair"], dtype=torch.uint8)
        frames = self.description["frames"]
        self.units = np.array([f["units"] for f in frames], np.float32)
        self.gaze = np.array([f["gaze"] for f in frames], np.float32)
        self.neck = np.array([f["head_rotation"] for f in frames], np.float32)
        self.split = [f["split"] for f in frames]
        self.images = [Image(self.folder, entry) for entry in self.description["images"]]
        self._unexplained = self._read_unexplained()
        importance = self._importance()
        for number, image in enumerate(self.images):
            image.sort(self.strand_ids.numpy())
            if image.split == "train":
                image.weigh(importance, number)

    def _time(self):
        return (self.folder / "scene.json").stat().st_mtime_ns

    def has_changed(self):
        """Whether more was prepared since this was read."""
        return self._time() != self.time

    def condition(self, frames, residual=None):
        """[u | g | r | n] of frames; `residual` [N, k] or nothing."""
        rows = [self.units[frames], self.gaze[frames]]
        if residual is not None:
            rows.append(residual)
        return np.concatenate(rows + [self.neck[frames]], 1)

    def _read_unexplained(self):
        """Row in `unexplained` of each frame, and the offsets [rows, V, 3] in millimetres; None if units explain the mesh."""
        path = self.folder / "unexplained.safetensors"
        if not path.exists():
            return None
        tensors = read_tensors(path)
        return {int(frame): row for row, frame in enumerate(tensors["frame"])}, tensors["millimetres"]

    def unexplained(self, frames):
        """What the units' straight lines don't explain of the tracked meshes of frames, before skinning: [frames, V, 3] metres,
        or None."""
        if self._unexplained is None:
            return None
        rows, millimetres = self._unexplained
        return np.stack([1e-3 * millimetres[rows[frame]].astype(np.float32) for frame in frames])

    @property
    def tracked(self):
        """Frames of the training split whose mesh is there, pictures or not; none where units explain everything."""
        return [] if self._unexplained is None else [f for f in sorted(self._unexplained[0]) if self.split[f] == "train"]

    def _importance(self, size=128, near=4.0, inside=12.0, clothes=0.25):
        """[size, size] over the atlas: 1, up to `near` round eyes and mouth, `inside` them (they are few pixels), `clothes` on
        clothes (they are many, smooth, and share a pixel decoder with hair)."""
        motion = np.abs(self.mesh["unit_deltas"]).sum(-1)
        names = self.description["unit_names"]
        local = [i for i, n in enumerate(names) if n.startswith(("eyeBlink", "eyeSquint", "mouth", "tongue"))]
        strength = (motion[local] / np.maximum(motion[local].max(1, keepdims=True), 1e-6)).max(0)
        weight = 1 + (near - 1) * np.clip((strength - 0.25) / 0.5, 0, 1)
        for part in self.parts:
            first, last = part["vertices"]
            if part["name"].startswith(("eye", "teeth", "tongue", "lashes")):
                weight[first:last] = inside
            elif part["name"] != "skin":
                weight[first:last] = clothes if part["name"] == "clothes" else 1
        weight = self._splat(weight, size)
        return np.where(weight > 0, weight, 1)

    def stillness(self, size):
        """[size, size] over the atlas, 0 to 1: 1 where no face unit moves the surface, as on hair and clothes. What is
        inside eyes and mouth counts as moving: lids and lips throw their shadows there."""
        motion_mm = 1e3 * np.linalg.norm(self.mesh["unit_deltas"], axis=-1).max(0)
        moving = motion_mm**2 / (motion_mm**2 + 0.25)
        for part in self.parts:
            first, last = part["vertices"]
            if part["name"].startswith(("eye", "teeth", "tongue", "lashes")):
                moving[first:last] = 1
        return 1 - self._splat(moving, size)

    def _splat(self, values, size, rounds=6):
        """Values of vertices on a grid over the atlas, the largest of a cell; gaps between them filled from around."""
        grid = np.zeros((size, size), np.float32)
        cell = np.clip((self.mesh["uv"] * size).astype(int), 0, size - 1)
        np.maximum.at(grid, (cell[:, 1], cell[:, 0]), values)
        for _ in range(rounds):
            grown = grid.copy()
            for axis in (0, 1):
                for shift in (-1, 1):
                    grown = np.maximum(grown, np.roll(grid, shift, axis))
            grid = np.where(grid > 0, grid, grown)
        return grid


def gather(chosen):
    """Fragments and truth of pixels, as tensors; `chosen` holds (image, its pixels, layer of its decoded map)."""
    truth, parts, pixel0 = [], [], 0
    for image, pixels, layer in chosen:
        pixels = pixels.astype(np.int64)
        count = image.count[pixels].astype(np.int64)
        begin = np.repeat(image.start[pixels], count)
        slot = np.arange(len(begin)) - np.repeat(np.cumsum(count) - count, count)
        rows = begin + slot
        fragment = {name: values[rows] for name, values in image.fragment.items()}
        fragment["slot"] = slot
        fragment["pixel"] = np.repeat(np.arange(len(pixels)), count) + pixel0
        fragment["layer"] = np.full(len(rows), layer)
        parts.append(fragment)
        truth.append((image.color[pixels], image.albedo[pixels], image.normal[pixels], image.part[pixels]))
        pixel0 += len(pixels)
    f = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    color, albedo, normal, part = (np.concatenate(x) for x in zip(*truth))
    kind = torch.from_numpy(f["kind"].astype(np.int64))
    color = torch.from_numpy(color.astype(np.float32))
    fragments = Fragments(
        uv=torch.from_numpy(f["uv"].astype(np.float32) / 65535), normal=_direction(f["normal"]),
        view=_direction(f["view"]), layer=torch.from_numpy(f["layer"]), material=torch.from_numpy(f["material"]), kind=kind,
        part=torch.from_numpy(f["part"]), coverage=torch.from_numpy(f["coverage"].astype(np.float32) / 255),
        depth=torch.from_numpy(f["depth"]), pixel=torch.from_numpy(f["pixel"]), slot=torch.from_numpy(f["slot"]),
        pixels=pixel0, slots=int(f["slot"].max(initial=0)) + 1)
    return fragments, Truth(color[:, :3], color[:, 3], torch.from_numpy(albedo.astype(np.float32)),
                            _direction(normal), torch.from_numpy(part))


def _direction(integers):
    return torch.nn.functional.normalize(torch.from_numpy(integers.astype(np.float32)), dim=-1)


def own_surface(fragments, truth, alpha):
    """Fragments whose albedo and normal the planes show: the pixel is fully this part's, and they are in front.
    Photographs show neither; their normals are zero."""
    covered = alpha.detach() > 0.9
    own = (fragments.part == truth.part[fragments.pixel]) & (truth.alpha[fragments.pixel] > 0.99)
    own &= (truth.normal[fragments.pixel] != 0).any(-1)
    front = (fragments.kind == OPAQUE) | (fragments.kind == BLENDED) & covered
    return own & front & (fragments.kind != FRINGE)
