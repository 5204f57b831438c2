//! A whole frame, by the readable way.

use glam::Vec3;

use super::decode::{self, FeatureMap};
use super::layers::{Fragment, PixelLayers, layers};
use super::shade::shade;
use super::skin::{joint_transforms, normals, skin};
use super::view::View;
use crate::avatar::{Avatar, PartKind};
use crate::latent::FaceFrame;

/// A picture, row by row from the top left.
///
/// How it is put together of a pixel's [layers](mod@super::layers), with every depth test "nearer than what is there":
/// the opaque fragment; then *solid* blended fragments (alpha ≥ ½) in order, blended over and writing depth; then
/// *soft* ones (alpha < ½) in order, blended over, writing no depth; then the fringe, its shade's colour times the
/// coverage, blended over, writing no depth. So depth is written where alpha ≥ ½, and the fringe darkens nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Colour as captured, linear, premultiplied by alpha.
    pub rgba: Vec<[f32; 4]>,
    /// Reversed depth of what wrote it; 0 where nothing did.
    pub depth: Vec<f32>,
    /// The part that wrote the depth.
    pub part: Vec<Option<PartKind>>,
}

/// Decodes, poses and draws one frame, alone in its rest frame (the world of `view`), on transparent black.
pub fn render(avatar: &Avatar, frame: &FaceFrame, view: &View, size: [u32; 2]) -> Image {
    let condition = decode::condition(avatar, &frame.latent, &frame.head);
    let dynamic = decode::texture(avatar, &condition);
    let unskinned = decode::geometry(avatar, &condition);
    let transforms = joint_transforms(&avatar.manifest.skeleton, frame.latent.gaze, &frame.head);
    let positions = skin(&avatar.mesh, &unskinned, &transforms);
    let normals = normals(&avatar.mesh, &positions);
    let layers = layers(&avatar.mesh, &avatar.manifest.parts, &positions, &normals, view, size);

    let eye = view.eye();
    let pixels = size[0] as usize * size[1] as usize;
    let mut image = Image {
        size,
        rgba: Vec::with_capacity(pixels),
        depth: Vec::with_capacity(pixels),
        part: Vec::with_capacity(pixels),
    };
    for y in 0..size[1] {
        for x in 0..size[0] {
            let pixel = composite(avatar, &dynamic, layers.pixel(x, y), eye);
            image.rgba.push(pixel.rgba);
            image.depth.push(pixel.depth);
            image.part.push(pixel.part);
        }
    }
    image
}

/// What a pixel has become so far.
struct Pixel {
    rgba: [f32; 4],
    depth: f32,
    part: Option<PartKind>,
}

impl Pixel {
    fn blend_over(&mut self, color: Vec3, alpha: f32) {
        let [r, g, b, a] = self.rgba;
        let keep = 1.0 - alpha;
        let rgb = color * alpha + Vec3::new(r, g, b) * keep;
        self.rgba = [rgb.x, rgb.y, rgb.z, alpha + a * keep];
    }

    fn write_depth(&mut self, fragment: &Fragment) {
        self.depth = fragment.depth;
        self.part = Some(fragment.kind);
    }
}

/// One pixel of what [`render`] draws, linear, premultiplied; all of it in the rest frame, as for
/// [`shade`](super::shade::shade).
pub fn pixel_color(avatar: &Avatar, dynamic: &FeatureMap, layers: PixelLayers<'_>, eye: Vec3) -> [f32; 4] {
    composite(avatar, dynamic, layers, eye).rgba
}

fn composite(avatar: &Avatar, dynamic: &FeatureMap, layers: PixelLayers<'_>, eye: Vec3) -> Pixel {
    let mut pixel = Pixel { rgba: [0.0; 4], depth: 0.0, part: None };
    if let Some(fragment) = layers.opaque {
        pixel.blend_over(shade(avatar, dynamic, fragment, eye).color(), 1.0);
        pixel.write_depth(fragment);
    }
    let blended: Vec<_> = layers.blended.iter().map(|f| (f, shade(avatar, dynamic, f, eye))).collect();
    for (fragment, shaded) in &blended {
        if shaded.alpha >= 0.5 && fragment.depth > pixel.depth {
            pixel.blend_over(shaded.color(), shaded.alpha);
            pixel.write_depth(fragment);
        }
    }
    for (fragment, shaded) in &blended {
        if shaded.alpha < 0.5 && fragment.depth > pixel.depth {
            pixel.blend_over(shaded.color(), shaded.alpha);
        }
    }
    for fringe in layers.fringe {
        if fringe.fragment.depth > pixel.depth {
            pixel.blend_over(shade(avatar, dynamic, &fringe.fragment, eye).color(), fringe.coverage);
        }
    }
    pixel
}
