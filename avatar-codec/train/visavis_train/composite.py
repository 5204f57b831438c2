"""From the fragments of a pixel to one premultiplied colour, by the raster rule of avatar-codec/src/reference.

A pixel's fragments stand in K slots: its nearest opaque one, then the blended ones in triangle order, then the fringe.
"""
import torch

OPAQUE, BLENDED, FRINGE = 0, 1, 2


def composite(color, alpha, kind, depth):
    """color [P, K, 3], alpha [P, K] (coverage on the fringe), kind [P, K] (negative: empty), depth [P, K] (1 near).

    Returns premultiplied colour [P, 3] and alpha [P].
    """
    pixels, slots = kind.shape
    opaque = (kind[:, 0] == OPAQUE).to(color.dtype)
    out, cover = color[:, 0] * opaque[:, None], opaque
    nearest = depth[:, 0] * opaque

    def over(slot, chosen):
        nonlocal out, cover
        a = alpha[:, slot] * chosen
        out = color[:, slot] * a[:, None] + out * (1 - a)[:, None]
        cover = a + cover * (1 - a)

    # Coverage decides as alpha does: what is at least half there writes depth. The rim of opaque parts comes before what
    # is soft, so that thin hair in front of a silhouette lies over it.
    blended, fringe, solid = kind == BLENDED, kind == FRINGE, alpha >= 0.5
    passes = (
        (blended & solid, True),
        (fringe & solid, True),
        (fringe & ~solid, False),
        (blended & ~solid, False),
    )
    for pass_kind, writes_depth in passes:
        for slot in range(slots):
            chosen = pass_kind[:, slot] & (depth[:, slot] > nearest)
            if chosen.any():
                over(slot, chosen)
                if writes_depth:
                    nearest = torch.where(chosen, depth[:, slot], nearest)
    return out, cover
