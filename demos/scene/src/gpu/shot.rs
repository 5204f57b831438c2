//! A room as cameras see it.

use glam::{Affine3A, Vec3};
use visavis::error::scoped;
use visavis::{View, wgpu};
use visavis_shaders::mirror::{SceneLight, SceneNode, SceneView};

use super::cartoon::CartoonInstance;
use super::filled_buffer;
use super::pass::ScenePass;
use super::room::{Room, RoomMesh, node_mirror};
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
    cartoons: Vec<&'a CartoonInstance>,
    /// Node, cartoon, part, whether it is mirrored.
    cartoon_draws: Vec<(usize, usize, usize, bool)>,
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
        self.shot_with(views, occluders, &[])
    }

    /// As [`shot`](Self::shot), with cartoons in the room: they stand in its light, throw its key lamp's shadow, take it, and
    /// are drawn by the same calls.
    ///
    /// # Errors
    /// As [`shot`](Self::shot).
    pub fn shot_with<'a>(
        &'a self,
        views: &[visavis::Viewport],
        occluders: &[Occluder],
        cartoons: &[&'a CartoonInstance],
    ) -> Result<Shot<'a>, RoomError> {
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
        let mut cartoon_draws = Vec::new();
        for (number, cartoon) in cartoons.iter().enumerate() {
            let ambient = self.ambient(cartoon.pose().translation.into());
            for part in 0..cartoon.model.shared.parts.len() {
                let slot = (contents.len() - nodes_offset) / size_of::<SceneNode>();
                let world_from_part = cartoon.world_from_part(part);
                contents.extend_from_slice(bytemuck::bytes_of(&node_mirror(world_from_part, &ambient)));
                let is_mirrored = world_from_part.matrix3.determinant() < 0.0;
                cartoon_draws.push((slot, number, part, is_mirrored));
            }
        }
        if draws.is_empty() && cartoon_draws.is_empty() {
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
            cartoons: cartoons.to_vec(),
            cartoon_draws,
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
        for &(node, cartoon, part, _) in &self.cartoon_draws {
            let of = &self.cartoons[cartoon].model.shared.parts[part];
            if of.casts_shadow {
                pass.set_pipeline(if of.is_cut_out { cut_out } else { whole });
                self.draw_part(pass, node, cartoon, part);
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
        for &(node, cartoon, part, is_mirrored) in &self.cartoon_draws {
            let of = &self.cartoons[cartoon].model.shared.parts[part];
            if !of.is_blended {
                pass.set_pipeline(surface(kind, false, of.double_sided, is_mirrored));
                self.draw_part(pass, node, cartoon, part);
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
        let visible: Vec<usize> =
            (0..self.room.nodes.len()).filter(|&node| !self.room.nodes[node].meshes.is_empty()).collect();
        let meshes =
            self.draws.iter().filter(|(_, mesh, _)| self.room.meshes[*mesh].is_blended).map(|draw| {
                let &(node, mesh, _) = draw;
                let place = self.room.nodes[visible[node]].world_from_node;
                let centre = place.transform_point3(self.room.meshes[mesh].centre);
                (eye.distance_squared(centre), Blended::Mesh(draw))
            });
        // A cartoon's parts stay in the order that its file gives them.
        let is_blended = |&&(_, cartoon, part, _): &&(usize, usize, usize, bool)| {
            self.cartoons[cartoon].model.shared.parts[part].is_blended
        };
        let parts = self.cartoon_draws.iter().filter(is_blended).map(|draw| {
            let place = self.cartoons[draw.1].pose().translation.into();
            (eye.distance_squared(place), Blended::Part(draw))
        });
        let mut draws: Vec<_> = meshes.chain(parts).collect();
        if draws.is_empty() {
            return;
        }
        draws.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        pass.set_bind_group(0, &self.group, &[self.view_offset(view)]);
        for (_, draw) in draws {
            match draw {
                Blended::Mesh(&(node, mesh, is_mirrored)) => {
                    let mesh = &self.room.meshes[mesh];
                    pass.set_pipeline(pipeline(kind, mesh, is_mirrored));
                    self.bind(pass);
                    self.draw(pass, node, mesh);
                }
                Blended::Part(&(node, cartoon, part, is_mirrored)) => {
                    let of = &self.cartoons[cartoon].model.shared.parts[part];
                    pass.set_pipeline(surface(kind, true, of.double_sided, is_mirrored));
                    self.draw_part(pass, node, cartoon, part);
                }
            }
        }
    }

    fn draw_part(&self, pass: &mut wgpu::RenderPass<'_>, node: usize, cartoon: usize, part: usize) {
        let cartoon = self.cartoons[cartoon];
        let model = &cartoon.model.shared;
        let part = &model.parts[part];
        pass.set_vertex_buffer(0, cartoon.vertices(part).slice(..));
        pass.set_index_buffer(model.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.set_bind_group(1, &model.materials[part.material], &[]);
        pass.set_bind_group(2, &self.nodes, &[(node * size_of::<SceneNode>()) as u32]);
        pass.draw_indexed(part.indices.clone(), part.base_vertex, 0..1);
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
    surface(kind, mesh.is_blended, mesh.double_sided, is_mirrored)
}

fn surface(
    kind: &ScenePass,
    is_blended: bool,
    double_sided: bool,
    is_mirrored: bool,
) -> &wgpu::RenderPipeline {
    let index = usize::from;
    &kind.surfaces[index(is_blended)][index(double_sided)][index(is_mirrored)]
}

/// What is seen through.
enum Blended<'a> {
    /// Of the room: node, mesh, whether it is mirrored.
    Mesh(&'a (usize, usize, bool)),
    /// Of a cartoon: node, cartoon, part, whether it is mirrored.
    Part(&'a (usize, usize, usize, bool)),
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
