// The activation of every hidden layer.
fn leaky(x: vec4<f32>) -> vec4<f32> {
    return max(x, 0.2 * x);
}
