"""The virtual capture dome: a path-traced person filmed by fixed cameras.

Two spaces are used throughout:

* *body space*: MakeHuman's axes in decimetres (+X the person's left, +Y up,
  +Z where the face looks), origin midway between the eyeball centres at neutral.
  Everything is built and rendered in it.
* *mesh space*: millimetres, +X the person's right, +Y up, the face looks along
  -Z, same origin. Everything that is written to disk is in it.

`template` positions are MakeHuman's base mesh before any identity, unshifted:
procedural masks and textures are functions of them, so they fit every person.
"""
