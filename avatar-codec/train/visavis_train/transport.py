"""How much of each captured lamp's light reaches a place: one linear layer on the trained pixel decoder's last hidden layer.

The capture's planes show each lamp alone, so that the picture under any mix of them is known: the layer learns to give it, by
the formula of avatar-codec/src/reference/relight.rs, which this is a copy of. The networks themselves stay as they are.
"""
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import nn

from .composite import FRINGE, composite
from .data import Scene, gather, read_tensors
from .model import HAIR, MATERIALS, SEED_SIZE, SOLID, Model, Shape, bilinear, leaky

NEAR_M = 0.05  # of the prepared fragments' depth
STEPS, RATE, MIXES = 1200, 2e-2, 4
MIX = (-2.5, 1.3)  # logarithms of how strong a lamp is in a mix
DARK = 0.02  # squared colour below which errors count no more
AMBIENT_WEIGHT = 0.1
CALM = 2e-4  # how much reaches are held at 1
FRESNEL = 0.04
LEAST_DISTANCE_M = 0.05
BASIS = torch.tensor([0.2820948] + 3 * [0.4886025] + [1.0925484, 1.0925484, 0.31539157, 1.0925484, 0.5462742])
COSINE = torch.tensor([1.0] + 3 * [2 / 3] + 5 * [0.25])
# By part identifier (0 is none): wrap of each channel, roughness, specular; `Finish::of`.
SKIN, EYES, MOUTH = (0.12, 0.1, 0.09, 0.46, 1.2), (0.5, 0.5, 0.4, 0.16, 1.5), (0.25, 0.18, 0.17, 0.28, 0.7)
CLOTHES, LASHES, STRANDS = (0.36, 0.25, 0.22, 0.69, 0.85), (0.7, 0.7, 0.7, 0.69, 0.2), (0.8, 0.8, 0.8, 0.35, 0.2)
FINISH = torch.tensor([SKIN, SKIN, EYES, EYES, MOUTH, MOUTH, MOUTH, CLOTHES, LASHES, STRANDS])


@torch.no_grad()
def smooth_strands(model):
    """Hair keeps the normal of its shell: strands have no relief to tilt it by, and where tangents turn over (n.z = 0) the
    offset, which nothing but light shows, would draw a line."""
    last = model.pixel[HAIR].layers[2]
    last.weight[6:8] = 0
    last.bias[6:8] = 0


class Transport(nn.Module):
    """Hidden layer [F, P] of materials [F] to reaches [F, L + 1]."""

    def __init__(self, sources, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(MATERIALS), sources, hidden))
        self.bias = nn.Parameter(torch.full((len(MATERIALS), sources), math.log(math.e - 1)))  # softplus gives 1

    def forward(self, hidden, material):
        out = hidden.new_zeros(len(hidden), self.bias.shape[1])
        for m in MATERIALS:
            rows = torch.nonzero(material == m)[:, 0]
            out = out.index_copy(0, rows, hidden[rows] @ self.weight[m].t() + self.bias[m])
        return F.softplus(out)


def learn(model, scene, seed):
    """The layer, or None if the capture doesn't show its lamps one by one."""
    light = scene.description.get("capture_light")
    if not light or not light["files"]:
        return None
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    files = [f for f in light["files"] if scene.images[f["image"]].split == "train"]
    batches = [Batch(model, scene, scene.images[f["image"]], scene.folder / f["file"], light["light"], rng) for f in files]
    layer = Transport(len(light["light"]["lamps"]) + 1, model.shape.hidden)
    optimiser = torch.optim.Adam(layer.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    mean = torch.stack([b.truth.mean((0, 2)) for b in batches]).mean(0).clamp(min=1e-4)
    for _ in range(STEPS):
        batch = batches[rng.integers(len(batches))]
        loss = batch.loss(layer, mean)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return layer.requires_grad_(False)


class Batch:
    """Pixels of one image, with all that the formula needs but the reaches."""

    @torch.no_grad()
    def __init__(self, model, scene, image, path, light, rng, count=6000):
        tensors = read_tensors(path)
        rows = np.searchsorted(image.index, tensors["index"]).clip(0, len(image.index) - 1)
        share = np.bincount(image.draws, minlength=len(image.count))[rows] * (image.index[rows] == tensors["index"])
        chosen = np.sort(rng.choice(len(rows), count, p=share / share.sum()))
        self.truth = torch.from_numpy(tensors["light"][chosen].astype(np.float32)).clamp(max=4)
        f, _ = gather([(image, rows[chosen], 0)])
        eye, forward = torch.from_numpy(tensors["camera"].copy())
        position = eye - f.view * (NEAR_M / f.depth / -(f.view @ forward))[:, None]
        dynamic = model.decode(torch.from_numpy(scene.condition([image.frame], np.zeros((1, model.shape.residual), np.float32))))
        self.hidden = hidden_layer(model, dynamic, f)
        look = model.shade(dynamic, f)
        self.alpha, self.color = torch.where(f.kind == FRINGE, f.coverage, look.alpha), look.color
        self.fragments = f
        self.lamps, self.ambient, self.directions = responses(light, f, look.albedo, look.normal, position)
        cosines = torch.einsum("fac,fbc->fab", self.directions, self.directions)
        near = (0.5 + 0.5 * cosines).clamp(min=0) ** 8
        near = torch.cat([near, torch.full((*near.shape[:2], 1), AMBIENT_WEIGHT)], -1)
        self.near = near / near.sum(-1, keepdim=True)

    def loss(self, layer, mean):
        """Squared errors under random mixes of the lamps, against how light the picture is there; reaches stay near 1 where
        nothing asks for more."""
        reach = layer(self.hidden, self.fragments.material)
        lamps = self.lamps * torch.einsum("fab,fb->fa", self.near, reach)[..., None]
        given = torch.cat([lamps, (self.ambient * reach[:, -1:])[:, None]], 1)
        color = self.color[:, None] * given / given.sum(1, keepdim=True).clamp(min=1e-4)
        f, sources = self.fragments, given.shape[1]
        shown, _ = composite(f.spread(color.reshape(-1, 3 * sources)), f.spread(self.alpha), f.spread(f.kind, -1), f.spread(f.depth))
        mix = torch.exp(torch.empty(MIXES, sources).uniform_(*MIX))
        mix = mix * mean.sum() / (mix @ mean)[:, None]
        ours = torch.einsum("ml,plc->mpc", mix, shown.reshape(-1, sources, 3))
        truth = torch.einsum("ml,plc->mpc", mix, self.truth)
        error = (ours - truth) ** 2 / (ours.detach().mean(-1, keepdim=True) ** 2 + DARK)
        return error.mean() + CALM * (torch.log(reach) ** 2).mean()


def hidden_layer(model, dynamic, f):
    """The pixel decoder's second hidden layer, [F, P]."""
    facing = (f.normal * f.view).sum(-1, keepdim=True)
    reflection = 2 * facing * f.normal - f.view
    blended = (f.material != SOLID)[:, None]
    towards = torch.where(blended, torch.cat([reflection, f.view], -1), torch.cat([f.normal, reflection], -1))
    x = torch.cat([bilinear(dynamic, model.shape.dynamic_size, f.layer, f.uv),
                   bilinear(model.static, model.shape.static_size, torch.zeros_like(f.layer), f.uv), towards, facing], -1)
    hidden = x.new_zeros(len(x), model.shape.hidden)
    for m in MATERIALS:
        rows = torch.nonzero(f.material == m)[:, 0]
        first, second, _ = model.pixel[m].layers
        hidden = hidden.index_copy(0, rows, leaky(second(leaky(first(x[rows])))))
    return hidden


def responses(light, fragments, albedo, n, position):
    """What the model of a material gives back of each lamp [F, L, 3] and of the ambient light [F, 3], with nothing in the way,
    and the lamps' directions [F, L, 3]."""
    wrap, roughness, specular = FINISH[fragments.part.long()].split([3, 1, 1], -1)
    v, is_hair = fragments.view, (fragments.material == HAIR)[:, None]
    straight = (n * v).sum(-1, keepdim=True)
    facing = straight.clamp(0.05, 1)
    coefficients = torch.tensor(light["ambient"]["coefficients"])
    mirrored = specular * fresnel(facing)
    ambient = albedo * ((harmonics(n) * COSINE) @ coefficients).clamp(min=0)
    ambient = ambient + mirrored * (harmonics(2 * straight * n - v) @ coefficients).clamp(min=0)
    lamps, directions = [], []
    for lamp in light["lamps"]:
        place = lamp["kind"]["point"]  # a capture's lamps all are
        offset = torch.tensor(place["position_m"]) - position
        distance = offset.norm(dim=-1, keepdim=True).clamp(min=LEAST_DISTANCE_M)
        to_lamp, size = offset / distance, (place["radius_m"] / distance).clamp(max=1)
        cosine = (n * to_lamp).sum(-1, keepdim=True)
        half = F.normalize(to_lamp + v, dim=-1)
        smooth = microfacets(cosine, (n * half).sum(-1, keepdim=True), (v * half).sum(-1, keepdim=True), size, roughness, facing)
        lobe = torch.where(is_hair, strands(n, half, cosine, size, roughness), smooth)
        given = albedo * soft_cosine(cosine, (size + wrap).clamp(max=1)) + specular * lobe
        lamps.append(torch.tensor(lamp["color"]) / distance**2 * given)
        directions.append(to_lamp)
    return torch.stack(lamps, 1), ambient, torch.stack(directions, 1)


def harmonics(d):
    x, y, z = d.unbind(-1)
    return BASIS * torch.stack([torch.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], -1)


def soft_cosine(cosine, width):
    width = width.clamp(min=1e-4)
    above = torch.minimum((cosine + width).clamp(min=0), 2 * width)
    return above * above / (4 * width) + (cosine - width).clamp(min=0)


def microfacets(cosine, nh, vh, size, roughness, facing):
    nl = soft_cosine(cosine, size.clamp(min=0.05))
    squared = (roughness * roughness + 0.5 * size).clamp(max=1) ** 2
    distribution = squared / (nh.clamp(0, 1) ** 2 * (squared - 1) + 1) ** 2
    k = (roughness + 1) ** 2 / 8
    visibility = 0.25 / ((facing * (1 - k) + k) * (nl * (1 - k) + k))
    return nl * distribution * visibility * fresnel(vh.clamp(0, 1))


def strands(n, half, cosine, size, roughness):
    strand = F.normalize(n * n[:, 1:2] - torch.tensor([0.0, 1.0, 0.0]), dim=-1)
    across = (1 - (strand * half).sum(-1, keepdim=True) ** 2).clamp(min=1e-6)
    exponent = 2 / (roughness * roughness + 0.5 * size).clamp(max=1) ** 2
    return FRESNEL * (exponent + 2).sqrt() * across ** (0.5 * exponent) * soft_cosine(cosine, torch.full_like(cosine, 0.5))


def fresnel(cosine):
    return FRESNEL + (1 - FRESNEL) * (1 - cosine) ** 5


def tensors(layer):
    """As the file has them."""
    return {"transport.w": layer.weight.numpy().copy(), "transport.b": layer.bias.numpy().copy()}


@torch.no_grad()
def read_model(path):
    """The networks of an `.avatar` file."""
    t = {name: torch.from_numpy(values.copy()) for name, values in read_tensors(path).items()}
    blocks = range(sum(name.endswith(".expand") for name in t))
    model = Model(Shape(
        residual=t["texture.seed.weight"].shape[1] - Shape().condition, seed_channels=len(t["texture.seed.bias"]) // SEED_SIZE**2,
        block_channels=tuple(len(t[f"texture.block{i}.depthwise"]) for i in blocks), hidden=t["pixel.b1"].shape[1],
        static_size=t["static.texels"].shape[0], static_channels=t["static.texels"].shape[2]))
    model.texture.seed.weight.copy_(t["texture.seed.weight"])
    model.texture.seed.bias.copy_(t["texture.seed.bias"])
    for i, block in enumerate(model.texture.blocks):
        block.expand.copy_(t[f"texture.block{i}.expand"])
        block.depthwise.copy_(t[f"texture.block{i}.depthwise"][:, None])
        bias = (t[f"texture.block{i}.bias"].float() * t[f"texture.block{i}.bias_step"][:, None, None]).half()
        block.bias.copy_(bias.permute(1, 2, 0))
    model.static.copy_((t["static.texels"].float() * t["static.scale"] + t["static.offset"]).reshape(model.static.shape))
    for material, decoder in enumerate(model.pixel):
        for number, layer in enumerate(decoder.layers, 1):
            layer.weight.copy_(t[f"pixel.w{number}"][material])
            layer.bias.copy_(t[f"pixel.b{number}"][material])
    return model


def main():
    """python -m visavis_train.transport PREPARED AVATAR OUT: learns it for an avatar that is trained already."""
    prepared, avatar, out = sys.argv[1:]
    torch.set_flush_denormal(True)
    model = read_model(avatar)
    smooth_strands(model)
    layer = learn(model.requires_grad_(False), Scene(prepared), seed=1)
    if layer is None:
        sys.exit(f"{prepared}: the capture doesn't show its lamps one by one")
    save_file(tensors(layer), out)


if __name__ == "__main__":
    main()
