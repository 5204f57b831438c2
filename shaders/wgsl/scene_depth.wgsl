// A scene into a shadow map: what is cut out by its alpha lets light through.

@fragment
fn scene_cut_out(in: SceneVarying) {
    if material_color(in).a < material.cutoff {
        discard;
    }
}
