# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shaders of the dome; lengths in decimetres (one Blender unit)."""
from .nodes import Material, image

# Range of the static relief (dm) that the baked height picture spans.
HEIGHT_MIN, HEIGHT_MAX = -0.03, 0.06
WRINKLES = {"wrinkle_forehead": 0, "wrinkle_crow": 1, "wrinkle_under": 1, "wrinkle_nose": 1, "wrinkle_smile": 1, "wrinkle_glabella": 2,
            "wrinkle_chin": 2}
WRINKLE_SPAN = 0.04  # dm of depth that 1.0 in the baked wrinkle picture stands for


def _skin_principled(m, colour, rough, coat, height):
    shader = m.node("BsdfPrincipled", {
        "Base Color": colour, "Roughness": rough, "IOR": 1.42, "Subsurface Weight": 1.0,
        "Subsurface Radius": (1.0, 0.36, 0.17), "Subsurface Scale": 0.028, "Specular IOR Level": 0.5,
        "Coat Weight": coat, "Coat Roughness": 0.28, "Coat IOR": 1.4, "Normal": m.bump(height)})
    shader.subsurface_method = "BURLEY"
    return shader


def skin_baked(folder, wrinkle_depth):
    """The skin from its three baked pictures; wrinkles are switched by attributes per pose."""
    m = Material("skin")
    uv = m.node("UVMap", uv_map="atlas").outputs[0]

    def picture(name, space):
        node = m.node("TexImage", {"Vector": uv})
        node.image = image(folder / name, space)
        return node.outputs[0]

    relief = m.node("SeparateColor", {0: picture("bake_relief.exr", "Non-Color")})
    wrinkles = m.node("SeparateColor", {0: picture("bake_wrinkles.png", "Non-Color")})
    height = m.math("MULTIPLY_ADD", relief.outputs[0], HEIGHT_MAX - HEIGHT_MIN, HEIGHT_MIN)
    for name, channel in WRINKLES.items():
        height = m.math("SUBTRACT", height, m.times(wrinkles.outputs[channel], wrinkle_depth * WRINKLE_SPAN, m.attribute(name)))
    colour = m.mix(1.0, picture("bake_colour.png", "sRGB"), m.attribute("blood", "Color"), "MULTIPLY")
    return m.surface(_skin_principled(m, colour, relief.outputs[1], relief.outputs[2], height))


def skin_procedural(style):
    """The skin's node textures as bakeable sockets: material, {name: socket}."""
    m = Material("skin procedural")
    rest = m.attribute("template", "Vector")
    p, p2 = m.wander(rest, 9, 0.03), m.wander(rest, 60, 0.010)
    colour, lips, pore = m.attribute("colour", "Color"), m.attribute("lip"), m.attribute("pore")
    dry = m.inverse(lips)
    # Mottling: blood, melanin, fine grain.
    colour = m.tint(m.times(m.ramp(m.noise(p, 32, 4, .62), .45, .72), .30), colour, (.93, .66, .62))
    colour = m.tint(m.times(m.ramp(m.noise(p, 11, 3, .6), .5, .75), .30), colour, (1.05, .94, .80))
    colour = m.tint(m.times(m.ramp(m.noise(p2, 150, 3, .6), .35, .75), .28), colour, (.84, .74, .70))
    # Freckles of two densities, and a few moles.
    for frequency, keep, strength in ((26, 0.55, 0.34), (40, 0.35, style["freckles"])):
        cell = m.node("SeparateColor", {0: m.cells(p2, frequency, output="Color")})
        size = m.math("MULTIPLY_ADD", m.math("POWER", cell.outputs[0], 4.0), .34, .03)
        dot = m.inverse(m.ramp(m.math("DIVIDE", m.cells(p2, frequency), size), .45, 1.0))
        where = m.attribute("freckle") if frequency == 40 else 1.0
        dot = m.times(dot, m.math("GREATER_THAN", cell.outputs[1], keep), dry, strength, where)
        colour = m.tint(dot, colour, (.62, .44, .34))
    cell = m.node("SeparateColor", {0: m.cells(p2, 3.4, output="Color")})
    mole = m.times(m.inverse(m.ramp(m.cells(p2, 3.4), .028, .045)), m.math("GREATER_THAN", cell.outputs[0], .66), dry, style["moles"])
    colour = m.mix(mole, colour, (.13, .065, .04, 1))
    # Pores and micro relief.
    pit = m.times(m.inverse(m.ramp(m.cells(p2, 118, "SMOOTH_F1", Smoothness=.25), .05, .42)), pore)
    pit2 = m.times(m.inverse(m.ramp(m.cells(p, 205), .05, .45)), pore)
    colour = m.tint(m.math("MULTIPLY", pit, .20, clamp=True), colour, (.72, .52, .46))
    e1 = m.ramp(m.cells(m.scale(p2, (1, 1.45, 1)), 92, "DISTANCE_TO_EDGE"), 0, .22)
    e2 = m.ramp(m.cells(m.scale(p2, (1.3, 1, 1)), 210, "DISTANCE_TO_EDGE"), 0, .25)
    height = m.add(m.times(e1, .0014), m.times(e2, .0007), m.times(m.noise(rest, 330, 3, .65), .0011),
                   m.times(pit, -.0038), m.times(pit2, -.0011), m.times(m.noise(rest, 28, 4, .6), .007))
    height = m.times(height, dry)
    # Lips: upright furrows.
    furrow = m.ramp(m.cells(m.wander(m.scale(rest, (1, .16, .35)), 60, .010), 62, "DISTANCE_TO_EDGE"), 0, .28)
    fine = m.noise(m.scale(rest, (1, .3, .5)), 130, 3, .6)
    height = m.add(height, m.times(m.add(m.times(furrow, .0055), m.times(fine, .005)), lips))
    colour = m.tint(m.times(m.inverse(furrow), lips, .40), colour, (.66, .48, .48))
    # Wrinkle patterns, each scaled to WRINKLE_SPAN.
    axis = m.node("SeparateXYZ", {0: rest})
    x, y, ax = axis.outputs[0], axis.outputs[1], m.math("ABSOLUTE", axis.outputs[0])
    drift = m.noise(rest, 5, 2)

    def lines(coordinate, frequency, depth, wobble):
        phase = m.add(m.times(coordinate, frequency), m.times(drift, wobble * 6.28))
        return m.times(m.math("POWER", m.math("MULTIPLY_ADD", m.math("SINE", phase), .5, .5), 4.0), depth / WRINKLE_SPAN)

    forehead = m.times(lines(y, 60, .030, 2.2), m.ramp(m.noise(rest, 4, 2), .30, .60))
    crow = lines(m.math("MULTIPLY_ADD", ax, -.35, y), 100, .014, .9)
    under = lines(y, 110, .010, .9)
    nose = lines(m.add(ax, y), 120, .012, .6)
    # Beside the mouth, in arcs round its corners.
    smile = lines(m.math("MULTIPLY_ADD", y, .35, ax), 62, .019, .7)
    fine = m.add(m.times(crow, m.attribute("wrinkle_crow")), m.times(under, m.attribute("wrinkle_under")),
                 m.times(nose, m.attribute("wrinkle_nose")), m.times(smile, m.attribute("wrinkle_smile")))
    # The chin puckers into dimples.
    dimples = m.times(m.inverse(m.ramp(m.cells(m.wander(rest, 30, .02), 26, "SMOOTH_F1", Smoothness=.5), .1, .6)), .030 / WRINKLE_SPAN)
    upright = m.add(m.times(lines(x, 70, .022, .5), m.attribute("wrinkle_glabella")), m.times(dimples, m.attribute("wrinkle_chin")))
    rough = m.add(m.attribute("roughness"), -.05, m.math("MULTIPLY_ADD", m.noise(p2, 70, 4, .6), .24, -.12), m.times(pit, .10))
    scaled = m.math("DIVIDE", m.math("SUBTRACT", height, HEIGHT_MIN), HEIGHT_MAX - HEIGHT_MIN)
    pack = lambda a, b, c: m.node("CombineColor", {0: a, 1: b, 2: c}).outputs[0]
    return m, {"bake_colour": colour,
               "bake_relief": pack(scaled, rough, m.math("MULTIPLY_ADD", lips, .25, .10)),
               "bake_wrinkles": pack(forehead, fine, upright)}


def eyeball():
    """One shell: veined sclera under a wet coat, clear refracting cornea over the iris."""
    m = Material("eyeball")
    p = m.attribute("unit_eye", "Vector")
    axis = m.node("SeparateXYZ", {0: p})
    radius = m.math("SQRT", m.add(m.times(axis.outputs[0], axis.outputs[0]), m.times(axis.outputs[1], axis.outputs[1])))
    edge = m.ramp(m.add(radius, m.math("MULTIPLY_ADD", m.noise(p, 6), .03, -.015)), .415, .495)
    cornea = m.times(m.inverse(edge), m.math("GREATER_THAN", axis.outputs[2], 0.0))
    v = m.wander(p, 3.2, .45, 4)
    vein = m.inverse(m.ramp(m.cells(v, 3.0, "DISTANCE_TO_EDGE"), 0, .045))
    vein2 = m.inverse(m.ramp(m.cells(v, 7.0, "DISTANCE_TO_EDGE"), 0, .06))
    away = m.ramp(radius, .5, .85)
    veins = m.times(m.add(m.times(vein, .45), m.times(vein2, .25)), away, m.ramp(m.noise(p, 2.5), .3, .65))
    colour = m.mix(away, (.72, .69, .665, 1), (.68, .54, .49, 1))
    colour = m.mix(veins, colour, (.50, .10, .08, 1))
    colour = m.mix(m.times(m.inverse(m.ramp(radius, .46, .54)), .6), colour, (.28, .27, .27, 1))
    sclera = m.node("BsdfPrincipled", {
        "Base Color": colour, "Roughness": .35, "Subsurface Weight": 1.0, "Subsurface Radius": (1, .6, .5), "Subsurface Scale": .012,
        "Coat Weight": 1.0, "Coat Roughness": .03, "Coat IOR": 1.38, "Specular IOR Level": .3,
        "Normal": m.bump(m.noise(p, 14, 3), .25, .006)})
    sclera.subsurface_method = "BURLEY"
    glass = m.node("BsdfGlass", {"IOR": 1.36, "Roughness": 0.0, "Color": (1, 1, 1, 1)})
    path = m.node("LightPath")
    through = m.math("MAXIMUM", path.outputs["Is Shadow Ray"], path.outputs["Is Diffuse Ray"])
    clear = m.node("MixShader", {0: through, 1: glass, 2: m.node("BsdfTransparent")})
    return m.surface(m.node("MixShader", {0: cornea, 1: sclera, 2: clear}))


def iris(picture):
    m = Material("iris")
    node = m.node("TexImage", {"Vector": m.attribute("iris_uv", "Vector")})
    node.image, node.extension = picture, "EXTEND"
    bump = m.bump(m.node("RGBToBW", {0: node.outputs[0]}), .6, .004)
    return m.surface(m.node("BsdfPrincipled", {"Base Color": node.outputs[0], "Roughness": .55, "Normal": bump, "Specular IOR Level": .2}))


def _wet(name, colour, roughness, radius, scale, coat, coat_roughness):
    m = Material(name)
    shader = m.node("BsdfPrincipled", {
        "Base Color": (*colour, 1), "Roughness": roughness, "Subsurface Weight": 1.0, "Subsurface Radius": radius,
        "Subsurface Scale": scale, "Coat Weight": coat, "Coat Roughness": coat_roughness})
    shader.subsurface_method = "BURLEY"
    m.surface(shader)
    return m, shader, m.attribute("template", "Vector")


def teeth(style):
    m, shader, p = _wet("teeth", style["enamel"], .18, (1, .75, .5), .012, .6, .06)
    m.connect(m.mix(m.noise(p, 14, 3), (*style["enamel"], 1), (*style["shade"], 1)), shader.inputs["Base Color"])
    m.connect(m.bump(m.noise(m.scale(p, (1, 1, .3)), 60), .15, .004), shader.inputs["Normal"])
    return m.material


def gum():
    m, shader, p = _wet("gum", (.45, .14, .13), .25, (1, .3, .2), .012, .7, .08)
    m.connect(m.bump(m.noise(p, 45, 3), .35, .008), shader.inputs["Normal"])
    return m.material


def tongue():
    m, shader, p = _wet("tongue", (.44, .14, .13), .32, (1, .3, .2), .02, .5, .12)
    m.connect(m.bump(m.cells(p, 70, "SMOOTH_F1"), .5, .008), shader.inputs["Normal"])
    return m.material


def knit(colour):
    m = Material("knit")
    p = m.attribute("template", "Vector")
    folds = m.times(m.noise(m.scale(p, (1, 1, .5)), 4), 5.0)
    ribs = m.node("TexWave", {"Vector": p, "Scale": 45.0, "Distortion": .6}).outputs["Fac"]
    return m.surface(m.node("BsdfPrincipled", {
        "Base Color": (*colour, 1), "Roughness": .85, "Sheen Weight": .4, "Sheen Roughness": .5,
        "Normal": m.bump(m.add(folds, ribs), .35, .012)}))


def hair(name, melanin, redness=.3, roughness=.35, variation=.25):
    m = Material(name)
    shader = m.node("BsdfHairPrincipled")
    shader.parametrization = "MELANIN"
    for key, value in (("Melanin", melanin), ("Melanin Redness", redness), ("Roughness", roughness), ("Radial Roughness", .35),
                       ("Random Color", variation), ("Random Roughness", .2), ("Coat", 0.0)):
        if key in shader.inputs:
            shader.inputs[key].default_value = value
    return m.surface(shader)
