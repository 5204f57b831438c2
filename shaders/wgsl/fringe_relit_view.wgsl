// The relit fringe in a pass of one view.

@group(0) @binding(0) var<uniform> camera: Camera;

@vertex
fn fringe_relit_vertex(
    @builtin(vertex_index) index: u32,
    @builtin(instance_index) kind: u32,
) -> FringeRelitVarying {
    return fringe_relit_from(camera, index, kind);
}
