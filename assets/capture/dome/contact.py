"""What the plain units get wrong where surfaces touch: lids ride on the eyeball, and lips never pass through each other.

Units move every vertex along a straight line. A lid that slides over an eyeball doesn't, nor do lips that are pressed
together by a smile. Both corrections are functions of the pose alone, smooth, and zero at neutral.
"""
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter
from scipy.spatial import cKDTree

from . import eyes

LID_REACH = 1.6  # of the eyeball's radius, from its centre: skin that may meet it
LIDS_SOFT_DM = 0.002
LID_CLEARANCE_DM = 0.0006  # between a lid and the ball

LIP_REACH_DM = 0.06  # over which what lips do to each other fades
LIP_CELL_DM = 0.008
RIM_DM = 0.03  # from the other lip, at rest
UPPER_GIVES = 0.55  # of what the lower lip asks for
PASSES = 3
LIPS_SOFT_DM = 0.004
LIPS_PRESS_DM = 0.0015  # lips that meet are pressed together by so much


class Lids:
    """Pushes lids out of the eyeballs, along the ball's radii, by what they sink deeper than at rest."""

    def __init__(self, centres, radius, skin, lashes):
        self.theta, self.profile = eyes.shell_profile()
        self.centres, self.radius = centres, radius
        self.skin, self.lashes, self.allowed, self.rest = [], [], [], []
        for centre in centres:
            from_centre = skin - centre
            near = np.where((np.linalg.norm(from_centre, axis=1) < LID_REACH * radius) & (from_centre[:, 2] > 0))[0]
            self.skin.append(near)
            depth = self._depth(skin[near] - centre, np.array([0, 0, 1.0]))
            self.allowed.append(np.maximum(depth, -LID_CLEARANCE_DM))
            self.rest.append(depth - self.allowed[-1])
            mine = np.where(np.linalg.norm(lashes - centre, axis=1) < 2.5 * radius)[0]
            # A lash goes with the skin that it is nearest to at rest.
            self.lashes.append((mine, cKDTree(skin[near]).query(lashes[mine])[1]))

    def _depth(self, from_centre, look):
        """How deep points are in the ball (dm); negative outside."""
        r = np.maximum(np.linalg.norm(from_centre, axis=1), 1e-9)
        angle = np.arccos(np.clip(from_centre @ look / r, -1, 1))
        return self.radius * np.interp(angle, self.theta, self.profile) - r

    def ride(self, skin, lashes, looks):
        """Corrects posed skin and lashes in place, in the head's rest frame; `looks` are the unit directions of gaze."""
        eyes_of = zip(self.centres, looks, self.skin, self.allowed, self.rest, self.lashes)
        for centre, look, near, allowed, rest, (mine, root) in eyes_of:
            from_centre = skin[near] - centre
            deeper = self._depth(from_centre, look) - allowed
            push = (soft(deeper, LIDS_SOFT_DM) - soft(rest, LIDS_SOFT_DM)).clip(0)[:, None] * from_centre / np.linalg.norm(from_centre, axis=1, keepdims=True)
            skin[near] += push
            lashes[mine] += push[root]


def soft(x, width):
    """max(0, x) with its corner rounded over `width` dm below zero."""
    return np.where(x > width, x, np.where(x < -width, 0, (x + width) ** 2 / (4 * width)))


class Lips:
    """Parts lips that overlap, column by column across the mouth, upwards and downwards."""

    def __init__(self, skin, jaw_open, lips, inside):
        moved = np.linalg.norm(jaw_open, axis=1) / np.linalg.norm(jaw_open, axis=1).max()
        lower, upper = moved > 0.6, moved < 0.4
        mouth = np.where((lips > 0.25) | (inside > 0.5))[0]
        of_lower, of_upper = mouth[lower[mouth]], mouth[upper[mouth]]
        # The lips' rims: what lies within reach of the other lip while the mouth is shut.
        self.rim = []
        for own, other in ((of_upper, of_lower), (of_lower, of_upper)):
            self.rim.append(own[cKDTree(skin[other]).query(skin[own])[0] < RIM_DM])
        self.sides = []
        for own, other in ((moved <= 0.5, self.rim[1]), (moved > 0.5, self.rim[0])):
            reach = cKDTree(skin[other]).query(skin)[0]
            near = np.where(own & (reach < 3 * LIP_REACH_DM))[0]
            self.sides.append((near, np.exp(-(reach[near] / LIP_REACH_DM) ** 2)))
        rim = skin[np.concatenate(self.rim)]
        self.low = rim[:, [0, 2]].min(0) - 0.3
        self.cells = np.ceil((rim[:, [0, 2]].max(0) + 0.3 - self.low) / LIP_CELL_DM).astype(int)
        self.rest = self._overlap(skin)

    def _overlap(self, skin):
        """By column: how far the lower lip stands above the upper one (dm), at worst over the depth of the mouth."""
        height = []
        for rim, sign in zip(self.rim, (-1, 1)):
            p = skin[rim]
            cell = np.clip(((p[:, [0, 2]] - self.low) / LIP_CELL_DM).astype(int), 0, self.cells - 1)
            grid = np.full(self.cells, -np.inf)
            np.maximum.at(grid, (cell[:, 0], cell[:, 1]), sign * p[:, 1])
            height.append(maximum_filter(grid, 3, mode="nearest"))
        return np.maximum(height[0] + height[1], -1.0).max(1)

    def part(self, skin):
        """Corrects posed skin in place, in the head's rest frame."""
        for _ in range(PASSES):
            allowed = np.maximum(self.rest, LIPS_PRESS_DM)
            deeper = soft(self._overlap(skin) - allowed, LIPS_SOFT_DM) - soft(self.rest - allowed, LIPS_SOFT_DM)
            if deeper.max() < 1e-4:
                return
            deeper = np.maximum(gaussian_filter1d(maximum_filter(deeper, 5), 4), 0)
            for (near, weight), share in zip(self.sides, (UPPER_GIVES, UPPER_GIVES - 1)):
                column = (skin[near, 0] - self.low[0]) / LIP_CELL_DM - 0.5
                amount = np.interp(column, np.arange(len(deeper)), deeper)
                skin[near, 1] += share * weight * amount
