//! A room as cameras see it.

use glam::{Affine3A, Vec3};
use visavis::error::scoped;
use visavis::{View, wgpu};
use visavis_shaders::mirror::{SceneLight, SceneNode, SceneView};

use super::filled_buffer;
use super::pass::ScenePass;
use super::room::{Room, RoomMesh};
use crate::error::RoomError;

/// A sphere that takes ambient light away from what is near it: where people touch things, it grows dark between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occluder {
    /// In the world, metres.
    pub centre: Vec3,
    /// Metres.
    pub radius_m: f32,
}

impl Occluder {
    /// A person's head, neck and trunk as a bust has them; `world_from_rest` is what
    /// [`visavis::Instance::set_pose`] was given.
    pub fn person(world_from_rest: Affine3A) -> [Self; 5] {
        // The rest frame's origin lies between the eyes; the face looks along −Z.
        [
            ([0.0, 0.01, 0.09], 0.105),
            ([0.0, -0.16, 0.11], 0.065),
            ([0.0, -0.27, 0.11], 0.12),
            ([0.13, -0.25, 0.12], 0.085),
            ([-0.13, -0.25, 0.12], 0.085),
        ]
        .map(|(centre, radius_m)| Self { centre: world_from_rest.transform_point3(centre.into()), radius_m })
    }
}

/// A room as cameras see it at one moment; it owns its buffers. Keep it until what was recorded is submitted.
#[derive(Debug)]
pub struct Shot<'a> {
    room: &'a Room,
    views: Vec<View>,
    /// With the room's shadow map.
    group: wgpu::BindGroup,
    /// Without: for the pass that draws the map.
    shadow_group: wgpu::BindGroup,
    nodes: wgpu::BindGroup,
    /// Node, mesh, whether its node mirrors it.
    draws: Vec<(usize, usize, bool)>,
}

/// At which uniforms may begin.
const ALIGNMENT: usize = 256;
/// As many as shaders read.
const MAX_OCCLUDERS: usize = 16;

impl Room {
    /// Makes ready what these cameras see. `origin` and `size` of each: the rectangle of the target that its picture fills,
    /// pixels. Ambient light is dimmed near `occluders`, of which the first 16 count.
    ///
    /// # Errors
    /// If the device refuses, or is gone.
    pub fn shot(&self, views: &[visavis::Viewport], occluders: &[Occluder]) -> Result<Shot<'_>, RoomError> {
        let mut contents = Vec::new();
        for viewport in views {
            let [origin, size] = [viewport.origin, viewport.size].map(|pair| pair.map(|n| n as f32));
            contents.extend_from_slice(bytemuck::bytes_of(&view_mirror(&viewport.view, origin, size)));
        }
        let from_lamp = self.shadow.as_ref().map(|shadow| shadow.from.view);
        let from_lamp = from_lamp.unwrap_or(View::look_at(Vec3::Y, Vec3::ZERO, 1.0, 1.0, 0.1));
        contents.extend_from_slice(bytemuck::bytes_of(&view_mirror(&from_lamp, [0.0; 2], [1.0; 2])));
        let light_offset = contents.len();
        let mut light: SceneLight = self.light;
        for (to, occluder) in light.occluders.iter_mut().zip(occluders) {
            *to = occluder.centre.extend(occluder.radius_m).to_array();
        }
        light.counts[1] = occluders.len().min(MAX_OCCLUDERS) as u32;
        contents.extend_from_slice(bytemuck::bytes_of(&light));
        contents.resize(contents.len().next_multiple_of(ALIGNMENT), 0);
        let nodes_offset = contents.len();
        let mut draws = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if node.meshes.is_empty() {
                continue;
            }
            let slot = (contents.len() - nodes_offset) / size_of::<SceneNode>();
            contents.extend_from_slice(bytemuck::bytes_of(&self.node(&self.nodes[number])));
            let is_mirrored = node.world_from_node.matrix3.determinant() < 0.0;
            draws.extend(node.meshes.clone().map(|mesh| (slot, mesh, is_mirrored)));
        }
        if draws.is_empty() {
            contents.resize(contents.len() + size_of::<SceneNode>(), 0);
        }

        let shared = &*self.renderer.shared;
        let buffer =
            filled_buffer(&shared.device, "visavis scene shot", &contents, wgpu::BufferUsages::UNIFORM)?;
        let (group, shadow_group, nodes) = scoped(&shared.device, || {
            let part = |offset: usize, size: usize| {
                wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &buffer,
                    offset: offset as u64,
                    size: wgpu::BufferSize::new(size as u64),
                })
            };
            let group = |map: &wgpu::TextureView| {
                let resources = [
                    part(0, size_of::<SceneView>()),
                    part(light_offset, size_of::<SceneLight>()),
                    wgpu::BindingResource::TextureView(map),
                    wgpu::BindingResource::Sampler(&shared.comparison),
                    wgpu::BindingResource::TextureView(&self.surroundings),
                    wgpu::BindingResource::Sampler(&shared.smooth),
                    wgpu::BindingResource::TextureView(&self.sky_map),
                    wgpu::BindingResource::TextureView(map),
                ];
                let entries: Vec<_> = (0..)
                    .zip(resources)
                    .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
                    .collect();
                shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("visavis scene shot"),
                    layout: &shared.layouts.view,
                    entries: &entries,
                })
            };
            let nodes = shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis scene nodes"),
                layout: &shared.layouts.node,
                entries: &[wgpu::BindGroupEntry {
                    binding: 0,
                    resource: part(nodes_offset, size_of::<SceneNode>()),
                }],
            });
            let map = self.shadow.as_ref().map_or(&shared.no_shadow, |shadow| &shadow.map);
            (group(map), group(&shared.no_shadow), nodes)
        })?;
        Ok(Shot {
            room: self,
            views: views.iter().map(|viewport| viewport.view).collect(),
            group,
            shadow_group,
            nodes,
            draws,
        })
    }
}

impl Shot<'_> {
    /// Draws what throws shadows into a pass of [`Room::begin_shadow_pass`].
    pub fn draw_shadow(&self, pass: &mut wgpu::RenderPass<'_>) {
        let [whole, cut_out] = &self.room.renderer.shared.depth;
        pass.set_bind_group(0, &self.shadow_group, &[self.view_offset(self.views.len())]);
        self.bind(pass);
        for &(node, mesh, _) in &self.draws {
            let mesh = &self.room.meshes[mesh];
            if mesh.casts_shadow {
                pass.set_pipeline(if mesh.is_cut_out { cut_out } else { whole });
                self.draw(pass, node, mesh);
            }
        }
    }

    /// Draws all that isn't seen through, and the sky if it is seen, from camera number `view`: before people. A camera that
    /// isn't there sees nothing.
    pub fn draw_opaque(&self, pass: &mut wgpu::RenderPass<'_>, kind: &ScenePass, view: usize) {
        if view >= self.views.len() {
            return;
        }
        pass.set_bind_group(0, &self.group, &[self.view_offset(view)]);
        self.bind(pass);
        for &(node, mesh, is_mirrored) in &self.draws {
            let mesh = &self.room.meshes[mesh];
            if !mesh.is_blended {
                pass.set_pipeline(pipeline(kind, mesh, is_mirrored));
                self.draw(pass, node, mesh);
            }
        }
        if self.room.shows_sky {
            pass.set_pipeline(&kind.sky);
            pass.draw(0..3, 0..1);
        }
    }

    /// Draws what is seen through, far to near, from camera number `view`: after people.
    pub fn draw_blended(&self, pass: &mut wgpu::RenderPass<'_>, kind: &ScenePass, view: usize) {
        let Some(eye) = self.views.get(view).map(View::eye) else { return };
        let mut draws: Vec<_> =
            self.draws.iter().filter(|(_, mesh, _)| self.room.meshes[*mesh].is_blended).collect();
        if draws.is_empty() {
            return;
        }
        let visible: Vec<usize> =
            (0..self.room.nodes.len()).filter(|&node| !self.room.nodes[node].meshes.is_empty()).collect();
        let distance = |&(node, mesh, _): &(usize, usize, bool)| {
            let place = self.room.nodes[visible[node]].world_from_node;
            eye.distance_squared(place.transform_point3(self.room.meshes[mesh].centre))
        };
        draws.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
        pass.set_bind_group(0, &self.group, &[self.view_offset(view)]);
        self.bind(pass);
        for &&(node, mesh, is_mirrored) in &draws {
            let mesh = &self.room.meshes[mesh];
            pass.set_pipeline(pipeline(kind, mesh, is_mirrored));
            self.draw(pass, node, mesh);
        }
    }

    fn bind(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_vertex_buffer(0, self.room.vertices.slice(..));
        pass.set_index_buffer(self.room.indices.slice(..), wgpu::IndexFormat::Uint32);
    }

    fn draw(&self, pass: &mut wgpu::RenderPass<'_>, node: usize, mesh: &RoomMesh) {
        pass.set_bind_group(1, &self.room.materials[mesh.material], &[]);
        pass.set_bind_group(2, &self.nodes, &[(node * size_of::<SceneNode>()) as u32]);
        pass.draw_indexed(mesh.indices.clone(), mesh.base_vertex, 0..1);
    }

    fn view_offset(&self, view: usize) -> u32 {
        (view * size_of::<SceneView>()) as u32
    }
}

fn pipeline<'a>(kind: &'a ScenePass, mesh: &RoomMesh, is_mirrored: bool) -> &'a wgpu::RenderPipeline {
    let index = usize::from;
    &kind.surfaces[index(mesh.is_blended)][index(mesh.double_sided)][index(is_mirrored)]
}

fn view_mirror(view: &View, origin: [f32; 2], size: [f32; 2]) -> SceneView {
    let clip_from_world = view.clip_from_world();
    SceneView {
        clip_from_world: clip_from_world.to_cols_array_2d(),
        world_from_clip: clip_from_world.inverse().to_cols_array_2d(),
        eye: view.eye().to_array(),
        reserved: 0.0,
        viewport: [origin[0], origin[1], size[0], size[1]],
        padding: [[0.0; 4]; 6],
    }
}
