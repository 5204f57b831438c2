"""What hair may learn: maps far coarser than those of skin.

Strands lie in depth, and the shells that carry them don't: what one camera sees on a texel, another sees beside it. Fine
texels learn the strands of the training cameras by heart and are wrong for every other. On coarse ones, where a strand's
neighbours count too, the gloss has to be explained by the direction of view.
"""
import numpy as np
import torch
import torch.nn.functional as F

COARSE = 96  # texels a side of the static map's grid on hair
COARSE_DYNAMIC = 32  # texels a side beyond which the dynamic map has nothing of its own on hair
MARGIN = 8 / 768  # of the atlas, round what hair shows of it: what bilinear sampling reaches, and views to come


def texels(images, strand_ids, size):
    """[size, size]: which texels of the atlas hair is read from, by the fragments of `images`, with a margin."""
    hair, others = np.zeros((2, size * size), bool)
    for image in images:
        uv = image.fragment["uv"].astype(np.int64) * size >> 16
        cell = uv[:, 1] * size + uv[:, 0]
        is_strand = np.isin(image.fragment["part"], strand_ids)
        hair[cell[is_strand]] = True
        others[cell[~is_strand]] = True
    hair, others = (torch.from_numpy(x.reshape(1, 1, size, size)) for x in (hair, others))
    reach = max(1, round(MARGIN * size))
    grown = F.max_pool2d(hair.float(), 2 * reach + 1, 1, reach) > 0
    return (hair | grown & ~others)[0, 0]


class Strands:
    """Coarsens the gradients of a model's maps where hair reads them."""

    def __init__(self, images, strand_ids, shape):
        self.cells = max(1, shape.static_size // COARSE)
        static = texels(images, strand_ids, shape.static_size)
        rows, columns = (torch.nonzero(static.any(axis))[:, 0] for axis in (1, 0))
        self.box = None
        if len(rows):
            down, up = (lambda x: int(x) // self.cells * self.cells), (lambda x: -(-int(x + 1) // self.cells) * self.cells)
            self.box = slice(down(rows[0]), up(rows[-1])), slice(down(columns[0]), up(columns[-1]))
            self.inside = static[self.box].float()
        self.shape = shape
        # Untied biases of the blocks that are finer than hair may be: 1 where they may learn, [S, S, 1].
        self.free = {}
        for size in (8 << (n + 1) for n in range(len(shape.block_channels))):
            if size > COARSE_DYNAMIC:
                self.free[size] = (~texels(images, strand_ids, size))[..., None].float()

    def coarsen(self, model):
        """To be called between `backward` and the optimiser's step. Gradients of the static map become those of a coarse
        grid that is sampled bilinearly, those of the finer untied biases become zero."""
        if self.box is None:
            return
        for block in model.texture.blocks:
            if (free := self.free.get(len(block.bias))) is not None:
                block.bias.grad *= free
        if model.static.grad is not None:
            size = self.shape.static_size
            gradient = model.static.grad.reshape(size, size, -1)[self.box]
            inside = self.inside[..., None]
            x = (gradient * inside).permute(2, 0, 1)[None]
            x = F.interpolate(F.avg_pool2d(x, self.cells), x.shape[2:], mode="bilinear")[0].permute(1, 2, 0)
            gradient += (x - gradient) * inside
