//! A scene on the GPU.

use std::ops::Range;

use bytemuck::Zeroable;
use glam::{Affine3A, Mat3, Mat4, Vec3};
use visavis::error::scoped;
use visavis::{ShadowMap, Viewport, wgpu};
use visavis_codec::light::{Ambient, LampKind};
use visavis_shaders::mirror::{SceneLamp as LampMirror, SceneLight, SceneMaterial, SceneNode};

use super::pass::{Renderer, RendererShared};
use super::shadow::{SHADOW_FORMAT, ShadowView};
use super::{filled_buffer, prefilter, texture};
use crate::error::RoomError;
use crate::scene::{AlphaMode, Look, Material, Node, Scene, Sky, TextureUse, Vertex};

/// Lamps that shine on a scene's own surfaces.
const MAX_LAMPS: usize = 8;

/// A scene on the GPU, with the shadow map of its key lamp. Made by [`Renderer::load`].
#[derive(Debug)]
pub struct Room {
    pub(crate) renderer: Renderer,
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) indices: wgpu::Buffer,
    pub(crate) meshes: Vec<RoomMesh>,
    pub(crate) materials: Vec<wgpu::BindGroup>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) surroundings: wgpu::TextureView,
    pub(crate) sky_map: wgpu::TextureView,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) light: SceneLight,
    pub(crate) shows_sky: bool,
    /// For light at nodes: lamps and meshes are left out.
    probes: Scene,
}

/// The key lamp's map.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) map: wgpu::TextureView,
    pub(crate) size: u32,
    pub(crate) from: ShadowView,
}

/// Triangles with one material.
#[derive(Debug)]
pub(crate) struct RoomMesh {
    pub(crate) indices: Range<u32>,
    pub(crate) base_vertex: i32,
    pub(crate) material: usize,
    pub(crate) centre: Vec3,
    pub(crate) is_blended: bool,
    pub(crate) is_cut_out: bool,
    pub(crate) double_sided: bool,
    pub(crate) casts_shadow: bool,
}

impl Renderer {
    /// Puts a scene on the GPU; `shadow_size` is the texels a side of its key lamp's shadow map, 0 for none.
    ///
    /// # Errors
    /// If it is too large for the device, or the device refuses.
    pub fn load(&self, scene: &Scene, shadow_size: u32) -> Result<Room, RoomError> {
        let shared = &*self.shared;
        let limits = shared.device.limits();
        let (mut vertices, mut indices) = (Vec::<Vertex>::new(), Vec::<u32>::new());
        let count = |size: usize, total: usize| (size * total) as u64;
        let total = scene.meshes.iter().map(|mesh| mesh.vertices.len()).sum();
        for (what, found) in [
            ("the scene's vertices", count(size_of::<Vertex>(), total)),
            ("the scene's indices", count(4, scene.meshes.iter().map(|mesh| mesh.indices.len()).sum())),
        ] {
            if found > limits.max_buffer_size {
                return Err(RoomError::TooLarge { what, found, limit: limits.max_buffer_size });
            }
        }
        let mut meshes = Vec::with_capacity(scene.meshes.len());
        for mesh in &scene.meshes {
            let material = &scene.materials[mesh.material];
            let (low, high) =
                mesh.vertices.iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), vertex| {
                    let p = Vec3::from(vertex.position);
                    (low.min(p), high.max(p))
                });
            let first = indices.len() as u32;
            let base_vertex = vertices.len() as i32;
            vertices.extend_from_slice(&mesh.vertices);
            indices.extend_from_slice(&mesh.indices);
            meshes.push(RoomMesh {
                indices: first..indices.len() as u32,
                base_vertex,
                material: mesh.material,
                centre: (low + high) / 2.0,
                is_blended: material.alpha == AlphaMode::Blend,
                is_cut_out: matches!(material.alpha, AlphaMode::Mask(_)),
                double_sided: material.double_sided,
                casts_shadow: material.is_opaque_to_lamps(),
            });
        }
        let device = &shared.device;
        let vertices = filled_buffer(
            device,
            "visavis scene vertices",
            bytemuck::cast_slice(&vertices),
            wgpu::BufferUsages::VERTEX,
        )?;
        let indices = filled_buffer(
            device,
            "visavis scene indices",
            bytemuck::cast_slice(&indices),
            wgpu::BufferUsages::INDEX,
        )?;
        let materials = materials(shared, scene)?;
        let size = shadow_size.min(limits.max_texture_dimension_2d);
        let shadow = match scene.lamps.first().filter(|_| size > 0) {
            Some(key) => Some(Shadow::new(shared, ShadowView::new(scene, &key.lamp, size), size)?),
            None => None,
        };
        let (surroundings, sky_map) = scoped(device, || {
            let sky_map = match scene.environment.sky {
                Sky::Picture { image, .. } => {
                    scene.images.get(image).map(|image| texture::upload(shared, image, true))
                }
                Sky::Gradient(_) => None,
            };
            (prefilter::cube(shared, scene), sky_map.unwrap_or_else(|| texture::white(shared)))
        })?;
        let probes = Scene {
            probes: scene.probes.clone(),
            environment: scene.environment.clone(),
            ..Scene::default()
        };
        Ok(Room {
            renderer: self.clone(),
            vertices,
            indices,
            meshes,
            materials,
            nodes: scene.nodes.clone(),
            surroundings,
            sky_map,
            light: light(scene, shadow.as_ref()),
            shadow,
            shows_sky: scene.environment.is_visible,
            probes,
        })
    }
}

impl Room {
    /// Moves a node and all that hangs on it, from the next [`shot`](Self::shot) on.
    ///
    /// # Errors
    /// If there is no such node, or the place is not finite.
    pub fn set_node(&mut self, node: usize, parent_from_node: Affine3A) -> Result<(), RoomError> {
        if !parent_from_node.is_finite() {
            return Err(RoomError::NotFinite);
        }
        self.nodes.get_mut(node).ok_or(RoomError::NoSuchNode(node))?.parent_from_node = parent_from_node;
        // Parents stand before their children.
        for i in node..self.nodes.len() {
            let Node { parent, parent_from_node, .. } = self.nodes[i];
            let world_from_parent =
                parent.map_or(Affine3A::IDENTITY, |parent| self.nodes[parent].world_from_node);
            self.nodes[i].world_from_node = world_from_parent * parent_from_node;
        }
        Ok(())
    }

    /// The nodes, as they stand.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How it is drawn from the next [`shot`](Self::shot) on; ink is drawn by a [`Stage`](crate::Stage).
    pub fn set_look(&mut self, look: Look) {
        self.light.counts[2] = bands(look);
    }

    /// The key lamp's shadow map, for [`visavis::Surroundings`]; none without lamps.
    pub fn shadow_map(&self) -> Option<ShadowMap<'_>> {
        let shadow = self.shadow.as_ref()?;
        Some(ShadowMap { view: &shadow.map, clip_from_world: shadow.from.clip_from_world() })
    }

    /// The view of depth alone that people are to be prepared for, so that they throw shadows.
    pub fn shadow_viewport(&self) -> Option<Viewport> {
        self.shadow.as_ref().map(|shadow| shadow.from.viewport(shadow.size))
    }

    /// Begins the pass that draws the shadow map: [`Shot::draw_shadow`](crate::Shot::draw_shadow) into it, then people by
    /// [`visavis::Frame::draw_depth`].
    pub fn begin_shadow_pass<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
    ) -> Option<wgpu::RenderPass<'a>> {
        let shadow = self.shadow.as_ref()?;
        Some(encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("visavis scene shadow"),
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &shadow.map,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        }))
    }

    /// What shaders read of a node.
    pub(crate) fn node(&self, node: &Node) -> SceneNode {
        node_mirror(node.world_from_node, &self.ambient(node.world_from_node.translation.into()))
    }

    /// The light from all around at a place, as shaders read it.
    pub(crate) fn ambient(&self, place: Vec3) -> [[f32; 4]; 9] {
        harmonics(&self.probes.light_at(place).ambient)
    }
}

/// What shaders read of a place and the light there.
pub(crate) fn node_mirror(world_from_node: Affine3A, ambient: &[[f32; 4]; 9]) -> SceneNode {
    let matrix = Mat3::from(world_from_node.matrix3);
    // The cofactors take normals where the matrix takes planes, even if it has no inverse.
    let cofactors = [
        matrix.y_axis.cross(matrix.z_axis),
        matrix.z_axis.cross(matrix.x_axis),
        matrix.x_axis.cross(matrix.y_axis),
    ];
    let side = if matrix.determinant() < 0.0 { -1.0 } else { 1.0 };
    SceneNode {
        world_from_node: Mat4::from(world_from_node).to_cols_array_2d(),
        normal_from_node: cofactors.map(|column| (column * side).extend(0.0).to_array()),
        ambient: *ambient,
    }
}

impl Shadow {
    fn new(shared: &RendererShared, from: ShadowView, size: u32) -> Result<Self, RoomError> {
        let map = scoped(&shared.device, || {
            let texture = shared.device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis scene shadow map"),
                size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: SHADOW_FORMAT.depth,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        })?;
        Ok(Self { map, size, from })
    }
}

/// Radiance's harmonics with the basis's and the cosine lobe's constants in them (Ramamoorthi & Hanrahan 2001).
fn harmonics(ambient: &Ambient) -> [[f32; 4]; 9] {
    const CONSTANTS: [f32; 9] = [
        0.282_094_8,
        0.325_735,
        0.325_735,
        0.325_735,
        0.273_137_1,
        0.273_137_1,
        0.078_847_9,
        0.273_137_1,
        0.136_568_55,
    ];
    std::array::from_fn(|i| {
        let [r, g, b] = ambient.coefficients[i].map(|c| c * CONSTANTS[i]);
        [r, g, b, 0.0]
    })
}

fn bands(look: Look) -> u32 {
    match look {
        Look::Photoreal => 0,
        Look::Toon { bands, .. } => bands.max(1),
    }
}

fn light(scene: &Scene, shadow: Option<&Shadow>) -> SceneLight {
    let mut light = SceneLight::zeroed();
    for (to, lamp) in light.lamps.iter_mut().zip(&scene.lamps) {
        let range = if lamp.range_m.is_finite() { lamp.range_m } else { 0.0 };
        let base = LampMirror { color: lamp.lamp.color, range, ..LampMirror::zeroed() };
        *to = match lamp.lamp.kind {
            LampKind::Directional { to_lamp, angular_radius_rad } => {
                LampMirror { place: to_lamp.to_array(), radius: angular_radius_rad, ..base }
            }
            LampKind::Point { position_m, radius_m } => {
                LampMirror { place: position_m.to_array(), kind: 1.0, radius: radius_m, ..base }
            }
            LampKind::Spot { position_m, radius_m, axis, inner_rad, outer_rad } => LampMirror {
                place: position_m.to_array(),
                kind: 2.0,
                radius: radius_m,
                axis: axis.to_array(),
                cos_outer: outer_rad.cos(),
                cos_inner: inner_rad.cos(),
                ..base
            },
        };
    }
    if let Some(Shadow { from, size, .. }) = shadow {
        light.shadow_from_world = from.clip_from_world().to_cols_array_2d();
        light.shadow = [*size as f32, from.texel_m, from.range_m, 1.0];
    }
    match scene.environment.sky {
        Sky::Gradient(colors) => light.sky = colors.map(|color| color.extend(0.0).to_array()),
        Sky::Picture { scale, .. } => light.sky[0][3] = scale,
    }
    if let Some(room) = scene.environment.room {
        light.room = room.map(|corner| corner.extend(1.0).to_array());
    }
    light.counts = [scene.lamps.len().min(MAX_LAMPS) as u32, 0, bands(scene.look), prefilter::LEVELS];
    light
}

/// A bind group for each of the scene's materials.
pub(super) fn materials(shared: &RendererShared, scene: &Scene) -> Result<Vec<wgpu::BindGroup>, RoomError> {
    let device = &shared.device;
    let white = scoped(device, || texture::white(shared))?;
    // Pictures are shared by the materials that read them alike.
    let mut pictures: Vec<((usize, bool), wgpu::TextureView)> = Vec::new();
    let mut groups = Vec::with_capacity(scene.materials.len());
    for material in &scene.materials {
        let contents = material_mirror(material);
        let uniform = filled_buffer(
            device,
            "visavis scene material",
            bytemuck::bytes_of(&contents),
            wgpu::BufferUsages::UNIFORM,
        )?;
        groups.push(scoped(device, || {
            let mut views = Vec::with_capacity(TextureUse::COUNT);
            let mut samplers = Vec::with_capacity(TextureUse::COUNT);
            for usage in TextureUse::ALL {
                let texture =
                    material.slots[usage as usize].and_then(|slot| scene.textures.get(slot.texture));
                let image = texture.and_then(|texture| Some((texture, scene.images.get(texture.image)?)));
                match image {
                    None => {
                        views.push(white.clone());
                        samplers.push(shared.smooth.clone());
                    }
                    Some((texture, image)) => {
                        let key = (texture.image, usage.is_srgb());
                        let known =
                            pictures.iter().find(|(other, _)| *other == key).map(|(_, view)| view.clone());
                        views.push(known.unwrap_or_else(|| {
                            let view = texture::upload(shared, image, usage.is_srgb());
                            pictures.push((key, view.clone()));
                            view
                        }));
                        samplers.push(texture::sampler(device, texture, usage));
                    }
                }
            }
            let mut entries =
                vec![wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() }];
            let resources = (views.iter().map(wgpu::BindingResource::TextureView))
                .chain(samplers.iter().map(wgpu::BindingResource::Sampler));
            entries.extend(
                (1..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }),
            );
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis scene material"),
                layout: &shared.layouts.material,
                entries: &entries,
            })
        })?);
    }
    Ok(groups)
}

fn material_mirror(material: &Material) -> SceneMaterial {
    let mut textures = 0;
    let mut places = [[0.0; 4]; 2 * TextureUse::COUNT];
    for (i, slot) in material.slots.iter().enumerate() {
        let Some(slot) = slot else { continue };
        textures |= 1 << i;
        [places[2 * i], places[2 * i + 1]] = texture::rows(slot);
    }
    SceneMaterial {
        base_color: material.base_color,
        emissive: material.emissive,
        light_map_scale: material.light_map_scale,
        metallic: material.metallic,
        roughness: material.roughness,
        normal_scale: material.normal_scale,
        occlusion_strength: material.occlusion_strength,
        cutoff: match material.alpha {
            AlphaMode::Opaque => 0.0,
            AlphaMode::Mask(cutoff) => cutoff,
            AlphaMode::Blend => -1.0,
        },
        unlit: f32::from(u8::from(material.unlit)),
        textures,
        reserved: 0,
        places,
    }
}
