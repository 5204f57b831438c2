//! The key lamp's view of a scene.

use glam::{Affine3A, Mat4, Vec3};
use visavis::{TargetFormat, View, Viewport, wgpu};
use visavis_codec::light::{Lamp, LampKind};

use crate::scene::{Scene, orthographic};

/// The passes that draw shadow maps: what an engine's target for [`visavis::Frame::draw_depth`] is made of.
pub const SHADOW_FORMAT: TargetFormat =
    TargetFormat { color: None, depth: wgpu::TextureFormat::Depth32Float, samples: 1, view_mask: None };

/// How wide a point lamp's map looks at the most, radians.
const POINT_ANGLE_RAD: f32 = 2.0;
/// Nearer to a lamp nothing throws a shadow, metres: its own bulb and shade.
const NEAR_M: f32 = 0.12;

/// Where the map looks from, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShadowView {
    pub(crate) view: View,
    /// Metres a texel; at one metre from the lamp, if it is near by.
    pub(crate) texel_m: f32,
    /// Metres from near to far of a parallel projection; 0 otherwise.
    pub(crate) range_m: f32,
}

impl ShadowView {
    /// So that everything that throws shadows is in a map of so many texels a side.
    pub(crate) fn new(scene: &Scene, lamp: &Lamp, size: u32) -> Self {
        let [low, high] = casters(scene);
        let corner = |i: usize| {
            Vec3::new([low.x, high.x][i & 1], [low.y, high.y][i >> 1 & 1], [low.z, high.z][i >> 2])
        };
        let middle = (low + high) / 2.0;
        match lamp.kind {
            LampKind::Directional { to_lamp, .. } => {
                let turn = looking(-to_lamp);
                let view_from_world = Affine3A::from_quat(turn.inverse());
                let (mut least, mut most) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
                for i in 0..8 {
                    let p = view_from_world.transform_point3(corner(i));
                    (least, most) = (least.min(p), most.max(p));
                }
                // A little more, so that nothing lies on the edge.
                let margin = Vec3::splat(0.05) + 0.01 * (most - least);
                (least, most) = (least - margin, most + margin);
                let centre = (least + most) / 2.0;
                let shift = Affine3A::from_translation(-Vec3::new(centre.x, centre.y, most.z));
                let half = (most - least) / 2.0;
                let range_m = most.z - least.z;
                Self {
                    view: View {
                        view_from_world: shift * view_from_world,
                        clip_from_view: orthographic([half.x, half.y], 0.0, range_m),
                    },
                    texel_m: 2.0 * half.x.max(half.y) / size as f32,
                    range_m,
                }
            }
            LampKind::Point { position_m, .. } => {
                near_by(position_m, middle - position_m, POINT_ANGLE_RAD, size)
            }
            LampKind::Spot { position_m, axis, outer_rad, .. } => {
                near_by(position_m, axis, (2.0 * outer_rad + 0.02).min(2.6), size)
            }
        }
    }

    pub(crate) fn clip_from_world(&self) -> Mat4 {
        self.view.clip_from_world()
    }

    pub(crate) fn viewport(&self, size: u32) -> Viewport {
        Viewport::depth_only(self.view, [size; 2])
    }
}

fn near_by(place: Vec3, along: Vec3, angle: f32, size: u32) -> ShadowView {
    let view_from_world = Affine3A::from_rotation_translation(looking(along), place).inverse();
    ShadowView {
        view: View::perspective(view_from_world, angle, 1.0, NEAR_M),
        texel_m: 2.0 * (angle / 2.0).tan() / size as f32,
        range_m: 0.0,
    }
}

/// Turns −Z to a direction.
fn looking(direction: Vec3) -> glam::Quat {
    glam::Quat::from_rotation_arc(Vec3::NEG_Z, direction.normalize_or(Vec3::NEG_Y))
}

/// Least and greatest corner of what throws shadows.
fn casters(scene: &Scene) -> [Vec3; 2] {
    let mut bounds = [Vec3::INFINITY, Vec3::NEG_INFINITY];
    for node in &scene.nodes {
        for mesh in &scene.meshes[node.meshes.clone()] {
            if !scene.materials[mesh.material].is_opaque_to_lamps() {
                continue;
            }
            for vertex in &mesh.vertices {
                let p = node.world_from_node.transform_point3(vertex.position.into());
                bounds = [bounds[0].min(p), bounds[1].max(p)];
            }
        }
    }
    if bounds[0].x <= bounds[1].x { bounds } else { [Vec3::splat(-1.0), Vec3::splat(1.0)] }
}
