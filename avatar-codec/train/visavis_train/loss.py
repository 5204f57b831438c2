"""What is minimised, and what is reported."""
import torch
import torch.nn.functional as F

GREY = ((128 / 255 + 0.055) / 1.055) ** 2.4  # mid-grey (sRGB 128), linear: what pictures are compared over


STEADY_STILL, STEADY_MOVING = 3.0, 0.05  # weights of `steadiness_loss`


def srgb(linear):
    """The sRGB curve, carried on above 1 so that highlights keep a gradient."""
    low = linear * 12.92
    high = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, low, high)


def over_grey(color, alpha):
    """Premultiplied linear colour over mid-grey, in sRGB."""
    return srgb(color + (1 - alpha)[..., None] * GREY)


def picture_loss(color, alpha, truth, truth_alpha):
    """L1 of what one sees, plus L1 of the matte."""
    seen = over_grey(color, alpha) - over_grey(truth, truth_alpha)
    return seen.abs().mean() + 2.0 * (seen * seen).mean() + 0.25 * (alpha - truth_alpha).abs().mean()


def surface_loss(appearance, truth_albedo, truth_normal, chosen):
    """Albedo (L1 in sRGB) and normal (1 − cosine) of fragments whose own surface the planes show."""
    if not chosen.any():
        return appearance.color.new_zeros(())
    albedo = (srgb(appearance.albedo[chosen]) - srgb(truth_albedo[chosen])).abs().mean()
    normal = F.normalize(truth_normal[chosen], dim=-1)
    cosine = (appearance.normal[chosen] * normal).sum(-1).mean()
    return 0.1 * albedo + 0.02 * (1 - cosine)


def steadiness_loss(dynamic, stillness):
    """How much the dynamic maps [N, S, S, D] of a batch differ, most where nothing moves (stillness [S, S], 0 to 1).

    With one camera a frame, the networks could learn from the expression which camera looks, and paint each frame as
    that camera saw it. This makes them explain views by the view.
    """
    weight = STEADY_MOVING + (STEADY_STILL - STEADY_MOVING) * stillness
    spread = dynamic - dynamic.mean(0, keepdim=True)
    return (weight[..., None] * spread * spread).mean()


def psnr(error2_mean):
    """Decibels of a mean squared error of values in 0..=1."""
    return -10 * torch.log10(torch.as_tensor(error2_mean).clamp(min=1e-10)).item()
