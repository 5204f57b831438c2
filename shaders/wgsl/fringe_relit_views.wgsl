// The relit fringe in a pass of several views, each a layer of the attachments. Needs the feature multiview.

@group(0) @binding(0) var<uniform> cameras: array<Camera, 8>;

@vertex
fn fringe_relit_vertex(
    @builtin(view_index) view: u32,
    @builtin(vertex_index) index: u32,
    @builtin(instance_index) kind: u32,
) -> FringeRelitVarying {
    return fringe_relit_from(cameras[view], index, kind);
}
