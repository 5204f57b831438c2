"""The trained tensors, as the Rust half packs them into an `.avatar` file."""
import numpy as np
import torch
from safetensors.numpy import save_file

from . import onnx_file
from .model import SLOPE
from .sources import sample

BEYOND = 1e-4  # share of texels that may be clamped at either end of a channel's range


def grid(values):
    """Scale and offset [channels] of 8 bits for a map [n, channels]."""
    low, high = np.quantile(values, [BEYOND, 1 - BEYOND], axis=0).astype(np.float32)
    return (np.maximum(high - low, 1e-6) / 255).astype(np.float32), low


def texels(values, grid):
    """[n, channels] as 8 bits."""
    scale, offset = grid
    return np.clip(np.round((values - offset) / scale), 0, 255).astype(np.uint8)


def half(tensor):
    """Contiguous f16."""
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float16))


def single(tensor):
    """Contiguous f32."""
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))


def steps(bias):
    """An untied bias [n, n, channels] in 8 bits: steps [channels, n, n] and the step [channels] of each."""
    planes = single(bias.permute(2, 0, 1))
    step = np.maximum(np.abs(planes).max((1, 2)), 1e-9) / 127
    return np.round(planes / step[:, None, None]).astype(np.int8), step


def round_weights(model):
    """Rounds the texture decoder's weights to what the file holds."""
    with torch.no_grad():
        for parameter in model.texture.parameters():
            parameter.copy_(parameter.half().float())
        for block in model.texture.blocks:
            rounded, step = steps(block.bias)
            values = (rounded.astype(np.float32) * step[:, None, None]).astype(np.float16)
            block.bias.copy_(torch.from_numpy(values.astype(np.float32)).permute(1, 2, 0))


def tensors(model, grid, geometry):
    """All tensors by name, in the layout that avatar-codec/src/avatar/mod.rs documents."""
    shape = model.shape
    scale, offset = grid
    out = {
        "geometry.w1": geometry.w1, "geometry.b1": geometry.b1, "geometry.w2": geometry.w2,
        "geometry.w3": geometry.w3, "geometry.basis": geometry.basis, "geometry.basis_step": geometry.basis_step,
        "texture.seed_weight": half(model.texture.seed.weight), "texture.seed_bias": half(model.texture.seed.bias),
        "static.texels": texels(model.static.detach().numpy(), grid).reshape(shape.static_size, shape.static_size, shape.static_channels),
        "static.scale": scale, "static.offset": offset,
    }
    for number, block in enumerate(model.texture.blocks):
        out[f"texture.{number}.expand"] = half(block.expand)
        out[f"texture.{number}.depthwise"] = half(block.depthwise[:, 0])
        out[f"texture.{number}.bias"], out[f"texture.{number}.bias_step"] = steps(block.bias)
    for number, alike in enumerate(zip(*(decoder.layers for decoder in model.pixel)), 1):
        out[f"pixel.w{number}"] = np.stack([single(layer.weight) for layer in alike])
        out[f"pixel.b{number}"] = np.stack([single(layer.bias) for layer in alike])
    return out


def write(path, model, grid, geometry, codes, light, facts):
    """Writes the export; `grid` is that of the static map, `codes` [frames, k] are r of the training frames, `light` the tensors of
    the light transport if there is one, `facts` strings for its metadata."""
    beside = path.with_suffix(".part")
    out = tensors(model, grid, geometry) | light
    if codes.shape[1]:
        out["residual.codes"] = np.ascontiguousarray(codes, np.float32)
    save_file(out, beside, metadata=facts)
    beside.replace(path)


def write_encoder(path, encoder, sources, frame, images):
    """Writes the encoder's graph, what its inputs are normalised with, and one frame through it for comparison; or
    removes what an earlier training left if there is no encoder."""
    if encoder is None:
        path.unlink(missing_ok=True)
        return
    vertices = sources.scene.mesh["uv"].shape[0]
    graph = np.frombuffer(onnx_file.encoder(encoder, SLOPE), np.uint8)
    out = {"graph": graph, "texture.mean": single(encoder.texture_mean.permute(1, 2, 0)),
           "texture.seen": encoder.texture_seen.numpy().astype(np.uint8),
           "texture.deviation": single(encoder.texture_deviation.reshape(1)),
           "mesh.basis": np.ascontiguousarray(sources.basis.basis.reshape(-1, vertices, 3), np.float32)}
    out |= sample(encoder, sources, frame, images)
    beside = path.with_suffix(".part")
    save_file({name: np.ascontiguousarray(array) for name, array in out.items()}, beside)
    beside.replace(path)


def write_check(path, color, alpha, image, condition):
    """What this model makes of one image, for the Rust half to compare its own with."""
    save_file({
        "condition": condition.astype(np.float32), "color": single(color), "alpha": single(alpha),
        "index": np.ascontiguousarray(image.index, np.uint32), "frame": np.array([image.frame], np.uint32),
        "camera": np.frombuffer(image.camera.encode(), np.uint8),
    }, path)
