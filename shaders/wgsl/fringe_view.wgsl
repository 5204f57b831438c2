// The fringe in a pass of one view.

@group(0) @binding(0) var<uniform> camera: Camera;

@vertex
fn fringe_vertex(@builtin(vertex_index) index: u32) -> FringeVarying {
    return fringe_from(camera, index);
}
