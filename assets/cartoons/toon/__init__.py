"""Cartoon heads from MakeHuman's mesh and face units (CC0): a warp makes them drawn ones, everything else is built here.

Space: body space as in `assets/capture/dome`: decimetres, +X the person's left, +Y up, +Z where the face looks, origin
midway between the eyeballs of the person before the warp. The file that is written is in metres, on the same axes.
"""
