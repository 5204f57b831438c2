"""Trains the networks of an avatar on what `visavis train` has prepared.

    data       shards and scene as the Rust half wrote them, and batches of pixels from them
    geometry   the basis of offsets, its coefficients, its 8-bit form
    model      the networks, as avatar-codec/src/avatar/mod.rs defines them
    composite  fragments of a pixel to one colour, as the raster rule says
    loss       what is minimised, and PSNR
    fit        the loop: schedule, moving average, checkpoints
    sheet      the contact sheet
    export     the trained tensors for the Rust half to pack
"""
