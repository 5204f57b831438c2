"""How fast to learn as the time goes by, and with how many threads."""
import math

import torch

WARM_UP_STEPS = 60
CONSTANT_UNTIL = 0.4  # of the time; then a cosine down to LAST_RATE of the rate
LAST_RATE = 0.02


class Threads:
    """How many threads to use: all, or one where other programs want the cores too (threads that wait for each other
    then wait for the slowest). Both are tried for a few steps now and then."""

    TRIAL, PERIOD = 2, 300

    def __init__(self):
        self.all = torch.get_num_threads()
        self.seconds = {1: 0.0, self.all: 0.0}
        self.first = None  # a training that goes on must try at once, too

    def _turn(self, step):
        if self.first is None:
            self.first = step
        return (step - self.first) % self.PERIOD

    def before(self, step):
        turn = self._turn(step)
        if turn == 0:
            self.seconds = dict.fromkeys(self.seconds, 0.0)
            torch.set_num_threads(1)
        elif turn == self.TRIAL:
            torch.set_num_threads(self.all)
        elif turn == 2 * self.TRIAL:
            torch.set_num_threads(min(self.seconds, key=self.seconds.get))

    def after(self, step, seconds):
        if self._turn(step) < 2 * self.TRIAL:
            self.seconds[torch.get_num_threads()] += seconds


def rate(fraction, step):
    """Factor on the learning rates."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    if fraction < CONSTANT_UNTIL:
        return warm
    t = min(1.0, (fraction - CONSTANT_UNTIL) / (1 - CONSTANT_UNTIL))
    return warm * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * t)))
