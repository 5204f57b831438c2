// A scene that was drawn with several samples a pixel.

@group(0) @binding(2) var drawn_depth: texture_multisampled_2d<f32>;

fn depth_at(pixel: vec2<i32>) -> f32 {
    return textureLoad(drawn_depth, pixel, 0).x;
}
