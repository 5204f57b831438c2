//! A room as pure data.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use glam::{Affine3A, Mat4, Vec3};
use visavis_codec::light::{Ambient, Lamp, LampKind};

use crate::error::Warning;

/// A room: what [`Scene::read`](crate::Scene::read) gives. Everything in it is finite, and every index is valid.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What it is called in messages.
    pub name: String,
    /// Parents before their children.
    pub nodes: Vec<Node>,
    /// Triangles with one material each.
    pub meshes: Vec<Mesh>,
    /// What surfaces are made of; the first is glTF's default material.
    pub materials: Vec<Material>,
    /// Pictures with how they are read.
    pub textures: Vec<Texture>,
    /// Decoded pictures.
    pub images: Vec<Image>,
    /// Cameras in the order of the nodes that carry them.
    pub cameras: Vec<Camera>,
    /// Lamps, strongest first; the first one has a shadow map.
    pub lamps: Vec<SceneLamp>,
    /// What is far away.
    pub environment: Environment,
    /// Light as measured at places in the room, without the lamps' direct light.
    pub probes: Vec<Probe>,
    /// How it wants to be drawn.
    pub look: Look,
    /// What it is drawn without.
    pub warnings: Vec<Warning>,
}

/// A place in the tree of places.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name; may be empty.
    pub name: String,
    /// Number of the node that it hangs on; less than its own.
    pub parent: Option<usize>,
    /// Relative to its parent.
    pub parent_from_node: Affine3A,
    /// Where it is in the world, metres.
    pub world_from_node: Affine3A,
    /// Numbers of its meshes.
    pub meshes: Range<usize>,
}

/// Triangles with one material.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// In the node's frame.
    pub vertices: Vec<Vertex>,
    /// Three a triangle, counter-clockwise from its front.
    pub indices: Vec<u32>,
    /// Number of its material.
    pub material: usize,
}

/// A vertex as the GPU reads it.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Vertex {
    /// Metres.
    pub position: [f32; 3],
    /// Unit length.
    pub normal: [f32; 3],
    /// Direction of growing u, unit length, and the side that v grows to: bitangent = w · cross(normal, tangent).
    pub tangent: [f32; 4],
    /// Texture coordinates, v downwards.
    pub uv: [f32; 2],
    /// The second set.
    pub uv_1: [f32; 2],
    /// Linear, with alpha, in 255ths; multiplies the base colour.
    pub color: [u8; 4],
}

/// What a surface is made of: glTF's metallic-roughness model.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Its name; may be empty.
    pub name: String,
    /// Linear, with alpha.
    pub base_color: [f32; 4],
    /// 0 dielectric ..= 1 metal.
    pub metallic: f32,
    /// 0 mirror ..= 1 matt; perceptual, α is its square.
    pub roughness: f32,
    /// Light of its own, linear, in units of diffuse white.
    pub emissive: [f32; 3],
    /// How deep the normal map is.
    pub normal_scale: f32,
    /// How much of the occlusion map counts, 0..=1.
    pub occlusion_strength: f32,
    /// What alpha means.
    pub alpha: AlphaMode,
    /// Whether both sides are seen.
    pub double_sided: bool,
    /// Whether it shows its base colour without any light.
    /// Whether it shows its base colour without any light.
    pub unlit: bool,
    /// Whether it keeps lamps from shining on what is behind it.
    pub casts_shadow: bool,
    /// What a light map's 1 stands for, in units of diffuse white.
    pub light_map_scale: f32,
    /// By [`TextureUse`].
    pub slots: [Option<Slot>; TextureUse::COUNT],
}

/// What a texture of a material is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextureUse {
    /// sRGB, with alpha.
    BaseColor,
    /// Tangent space.
    Normal,
    /// Green: roughness; blue: metal.
    MetallicRoughness,
    /// Red.
    Occlusion,
    /// sRGB.
    Emissive,
    /// sRGB times [`Material::light_map_scale`]: irradiance over π of all light but the lamps' direct one.
    LightMap,
}

impl TextureUse {
    /// How many there are.
    pub const COUNT: usize = 6;
    /// All of them, by number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::BaseColor,
        Self::Normal,
        Self::MetallicRoughness,
        Self::Occlusion,
        Self::Emissive,
        Self::LightMap,
    ];

    /// Whether its colours are encoded.
    pub fn is_srgb(self) -> bool {
        matches!(self, Self::BaseColor | Self::Emissive | Self::LightMap)
    }
}

/// A texture where a material uses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Its number.
    pub texture: usize,
    /// 0 or 1.
    pub uv_set: u8,
    /// Where in the picture a coordinate is: two rows, `u' = a·u + b·v + c` (KHR_texture_transform).
    pub transform: [[f32; 3]; 2],
}

/// What alpha means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AlphaMode {
    /// Nothing.
    #[default]
    Opaque,
    /// There or not, from this value on.
    Mask(f32),
    /// Seen through.
    Blend,
}

/// A picture, and how it goes on beyond its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texture {
    /// Number of the picture.
    pub image: usize,
    /// To the sides, and up and down.
    pub wrap: [Wrap; 2],
    /// Whether texels are seen as squares.
    pub nearest: bool,
}

/// How a picture goes on beyond its edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrap {
    /// Again and again.
    #[default]
    Repeat,
    /// Again, mirrored.
    Mirror,
    /// With its last texels.
    Clamp,
}

/// A decoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Red, green, blue, alpha, from the top left; encoded as the file has it.
    pub rgba: Vec<u8>,
}

/// A camera of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// The camera's name, or its node's.
    pub name: String,
    /// Number of its node; it looks along that node's −Z.
    pub node: usize,
    /// Its lens.
    pub projection: Projection,
    /// Metres to what is sharp, and the diameter of its opening, metres; everything is sharp without.
    pub lens: Option<[f32; 2]>,
}

/// A camera's lens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// As eyes see.
    Perspective {
        /// From the picture's bottom to its top, radians.
        vertical_angle_rad: f32,
        /// Metres.
        near_m: f32,
    },
    /// Without perspective.
    Orthographic {
        /// Half the picture's height, metres.
        half_height_m: f32,
        /// Metres.
        near_m: f32,
        /// Metres.
        far_m: f32,
    },
}

/// A lamp of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneLamp {
    /// Its name.
    pub name: String,
    /// In the world, its strength as the colour of white that faces it.
    pub lamp: Lamp,
    /// Beyond this distance it is dark, metres; infinite unless the file says.
    pub range_m: f32,
}

/// What is far away: seen behind everything, in reflections, and as light where there is no light map.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// What it looks like.
    pub sky: Sky,
    /// Whether it is seen behind everything, or shines only.
    pub is_visible: bool,
    /// Least and greatest corner of the walls that it shows, metres, and where it was seen from: reflections are
    /// shifted accordingly. Without, it is infinitely far away.
    pub room: Option<[Vec3; 3]>,
    /// Its light in order 2, in units of diffuse white.
    pub ambient: Ambient,
}

/// What the surroundings look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Sky {
    /// Radiance from straight up, from the horizon, from straight down.
    Gradient([Vec3; 3]),
    /// A picture of all directions (equirectangular: its middle is −Z, its top +Y), by its number, and what its 1
    /// stands for.
    Picture {
        /// Number of the picture.
        image: usize,
        /// Radiance of a texel of 1, in units of diffuse white.
        scale: f32,
    },
}

/// Light as measured at a place, without the lamps' direct light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// In the world, metres.
    pub position_m: Vec3,
    /// What comes in there.
    pub ambient: Ambient,
}

/// How a scene wants to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Look {
    /// Physically based.
    #[default]
    Photoreal,
    /// Banded light and ink outlines.
    Toon {
        /// Steps of light, 2..=8.
        bands: u32,
        /// Width of the outlines for a picture of 720 rows, pixels; 0 for none.
        ink_px: f32,
        /// Linear.
        ink_color: [f32; 3],
    },
}

impl Default for Environment {
    /// A light grey day: enough to see a scene that says nothing.
    fn default() -> Self {
        let colors = [Vec3::new(0.75, 0.85, 1.0), Vec3::new(0.6, 0.62, 0.65), Vec3::new(0.25, 0.24, 0.22)];
        Self { sky: Sky::Gradient(colors), is_visible: true, room: None, ambient: Ambient::default() }
    }
}

impl Default for Material {
    /// glTF's: white, but here no metal, as meshes without a material are meant.
    fn default() -> Self {
        Self {
            name: String::new(),
            base_color: [1.0; 4],
            metallic: 0.0,
            roughness: 1.0,
            emissive: [0.0; 3],
            normal_scale: 1.0,
            occlusion_strength: 1.0,
            alpha: AlphaMode::Opaque,
            double_sided: false,
            unlit: false,
            casts_shadow: true,
            light_map_scale: 1.0,
            slots: [None; TextureUse::COUNT],
        }
    }
}

impl Material {
    /// Whether lamps don't shine through it.
    pub(crate) fn is_opaque_to_lamps(&self) -> bool {
        self.casts_shadow && self.alpha != AlphaMode::Blend
    }
}

impl Scene {
    /// Nothing but light, for somebody who is shown alone: a soft key lamp before them and to their right, another from
    /// behind, and a sky that isn't seen. They stand at the origin and look along −Z.
    pub fn studio() -> Self {
        let lamp = |name: &str, to_lamp: Vec3, color: [f32; 3]| SceneLamp {
            name: name.to_owned(),
            lamp: Lamp {
                kind: LampKind::Directional {
                    to_lamp: to_lamp.normalize_or(Vec3::Y),
                    angular_radius_rad: 0.12,
                },
                color,
            },
            range_m: f32::INFINITY,
        };
        let colors = [Vec3::new(0.50, 0.53, 0.60), Vec3::new(0.36, 0.36, 0.38), Vec3::new(0.22, 0.19, 0.17)];
        let mut scene = Self {
            name: "studio".to_owned(),
            lamps: vec![
                lamp("key", Vec3::new(0.55, 0.75, -0.9), [0.62, 0.58, 0.53]),
                lamp("rim", Vec3::new(-0.8, 0.6, 0.75), [0.42, 0.45, 0.52]),
            ],
            environment: Environment {
                sky: Sky::Gradient(colors),
                is_visible: false,
                ..Environment::default()
            },
            ..Self::default()
        };
        scene.materials.push(Material::default());
        scene.environment.ambient = Ambient::project(4096, |direction| scene.radiance(direction));
        scene
    }

    /// The number of the node of this name; the first, if there are several.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// Least and greatest corner of everything, metres; zero if there is nothing.
    pub fn bounds(&self) -> [Vec3; 2] {
        let mut bounds = [Vec3::INFINITY, Vec3::NEG_INFINITY];
        for node in &self.nodes {
            for mesh in &self.meshes[node.meshes.clone()] {
                for vertex in &mesh.vertices {
                    let p = node.world_from_node.transform_point3(vertex.position.into());
                    bounds = [bounds[0].min(p), bounds[1].max(p)];
                }
            }
        }
        if bounds[0].x <= bounds[1].x { bounds } else { [Vec3::ZERO; 2] }
    }

    /// The camera as the engine takes it, for a picture of this shape (width over height).
    pub fn view(&self, camera: &Camera, aspect: f32) -> visavis::View {
        let place = self.nodes.get(camera.node).map_or(Affine3A::IDENTITY, |node| node.world_from_node);
        // Cameras aren't scaled, whatever their parents are.
        let (_, rotation, translation) = place.to_scale_rotation_translation();
        let view_from_world = Affine3A::from_rotation_translation(rotation, translation).inverse();
        match camera.projection {
            Projection::Perspective { vertical_angle_rad, near_m } => {
                visavis::View::perspective(view_from_world, vertical_angle_rad, aspect, near_m)
            }
            Projection::Orthographic { half_height_m, near_m, far_m } => {
                let half_width = half_height_m * aspect;
                let clip_from_view = orthographic([half_width, half_height_m], near_m, far_m);
                visavis::View { view_from_world, clip_from_view }
            }
        }
    }
}

/// Reversed-Z orthographic projection: depth 1 at `near_m`, 0 at `far_m`.
pub(crate) fn orthographic(half_size: [f32; 2], near_m: f32, far_m: f32) -> Mat4 {
    let depth = 1.0 / (far_m - near_m).max(1e-6);
    Mat4::from_cols_array(&[
        1.0 / half_size[0],
        0.0,
        0.0,
        0.0, //
        0.0,
        1.0 / half_size[1],
        0.0,
        0.0, //
        0.0,
        0.0,
        depth,
        0.0, //
        0.0,
        0.0,
        far_m * depth,
        1.0,
    ])
}
