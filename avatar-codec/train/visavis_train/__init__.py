"""Trains the networks of an avatar on what `visavis train` has prepared.

    data       shards and scene as the Rust half wrote them, and pixels from them
    texture    the average texture of a frame
    sources    what the encoder is fed with
    batches    batches of pixels and faces
    geometry   the basis of offsets, its coefficients, its 8-bit form
    model      the networks of the avatar, as avatar-codec/src/avatar/mod.rs defines them
    encoder    the network that finds r
    composite  fragments of a pixel to one colour, as the raster rule says
    loss       what is minimised, and PSNR
    schedule   learning rates and threads
    fit        the loop: moving average, checkpoints
    sheet      the contact sheet
    onnx_file  the encoder as ONNX
    export     the trained tensors for the Rust half to pack
"""
