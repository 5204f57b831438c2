"""From Blender's multi-layer EXR to the capture's PNG image and half-float planes."""
import numpy as np
import OpenEXR
from PIL import Image

from .spaces import mesh_axes_from_blender

BACKGROUND = 128


def srgb_from_linear(x):
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def linear_from_srgb(x):
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def read_passes(path):
    """All channels of a multi-layer EXR: {`Pass.C`: [h,w] float32}, layer name dropped."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name.split(".", 1)[1]: np.array(channel.pixels)
                for part in file.parts for name, channel in part.channels.items()}


def planes(passes, lamps):
    """The capture's planes from Blender's passes; depth in metres, normals in mesh axes."""
    get = lambda name, axes: np.stack([passes[f"{name}.{a}"] for a in axes], -1)
    beauty = get("Combined", "RGBA")
    normal = mesh_axes_from_blender(get("Normal", "XYZ"))
    albedo = get("Denoising Albedo", "RGB")
    out = {c: beauty[..., i] for i, c in enumerate("RGBA")}
    out |= {f"albedo.{c}": albedo[..., i] for i, c in enumerate("RGB")}
    out |= {f"normal.{c}": normal[..., i] for i, c in enumerate("XYZ")}
    out["part.V"] = passes["Object Index.X"]
    out["depth.Z"] = np.where(out["part.V"] > 0, passes["Depth.Z"] * 0.1, 0)
    for lamp in lamps:
        group = get(f"Combined_{lamp}", "RGB")
        out |= {f"light.{lamp}.{c}": group[..., i] for i, c in enumerate("RGB")}
    return out


def write_planes(path, channels):
    """Half-float EXR, ZIP, one part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    data = {k: np.ascontiguousarray(np.clip(v, -65000, 65000), np.float16) for k, v in channels.items()}
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, data) as file:
        file.write(str(draft))
    draft.replace(path)


def composite(channels):
    """8-bit sRGB picture over mid-grey, composited in linear light."""
    rgb = np.stack([channels[c] for c in "RGB"], -1)
    behind = linear_from_srgb(np.array(BACKGROUND / 255))
    linear = rgb + (1 - channels["A"][..., None]) * behind
    return (srgb_from_linear(linear) * 255 + 0.5).astype(np.uint8)


def write_image(path, channels):
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    Image.fromarray(composite(channels)).save(draft, format="PNG")
    draft.replace(path)
