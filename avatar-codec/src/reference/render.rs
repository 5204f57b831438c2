//! A whole frame, by the readable way.

use glam::Vec3;

use super::decode::{self, FeatureMap};
use super::layers::{Fragment, PixelLayers, Surface};
use super::relight::{Place, relit};
use super::shade::shade;
use super::skin::{joint_transforms, normals, skin};
use super::view::View;
use crate::avatar::{Avatar, Likeness, Manifest, Mesh, Part, PartKind, Skeleton};
use crate::latent::{FaceFrame, MAX_CONDITION};
use crate::light::Light;

/// A picture, row by row from the top left.
///
/// How it is put together of a pixel's [layers](mod@super::layers), with every depth test "nearer than what is there":
/// the opaque fragment; then *solid* blended fragments (alpha ≥ ½) in order, blended over and writing depth; then the
/// fringe, its shade's colour times the coverage, blended over: first where coverage ≥ ½, writing depth, then the rest,
/// writing none; then *soft* blended fragments (alpha < ½) in order, blended over, writing no depth. So depth is written
/// where alpha ≥ ½, the fringe darkens nothing, and thin hair in front of a silhouette lies over its fringe.
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

/// Decodes, poses and draws one frame, alone in its rest frame (the world of `view`), on transparent black. Takes memory
/// for the avatar and the picture, however many triangles lie behind one another.
pub fn render(avatar: &Avatar, frame: &FaceFrame, view: &View, size: [u32; 2]) -> Image {
    let condition = decode::condition(avatar, &frame.latent, &frame.head);
    let dynamic = decode::texture(avatar, &condition);
    let unskinned = decode::geometry(avatar, &condition);
    let Manifest { parts, skeleton, .. } = &avatar.manifest;
    let posed = pose(&avatar.mesh, &unskinned, skeleton, frame);
    let eye = view.eye();
    draw(&avatar.mesh, parts, &posed, view, size, |fragment| {
        let shaded = shade(avatar, &dynamic, fragment, eye);
        (shaded.color(), shaded.alpha)
    })
}

/// [`render`] under a light in the avatar's rest frame; [`None`] if the avatar doesn't say which light it was captured in.
pub fn render_lit(
    avatar: &Avatar,
    frame: &FaceFrame,
    light: &Light,
    view: &View,
    size: [u32; 2],
) -> Option<Image> {
    let captured = avatar.manifest.capture_light.as_ref()?;
    let condition = decode::condition(avatar, &frame.latent, &frame.head);
    let dynamic = decode::texture(avatar, &condition);
    let unskinned = decode::geometry(avatar, &condition);
    let Manifest { parts, skeleton, .. } = &avatar.manifest;
    let posed = pose(&avatar.mesh, &unskinned, skeleton, frame);
    let eye = view.eye();
    Some(draw(&avatar.mesh, parts, &posed, view, size, |fragment| {
        let shaded = shade(avatar, &dynamic, fragment, eye);
        let Fragment { kind, position, normal, .. } = *fragment;
        let to_eye = (eye - position).normalize_or(normal);
        (relit(&shaded, &Place { kind, position, to_eye }, captured, light), shaded.alpha)
    }))
}

/// [`render`] of what the first bytes of a file hold: the base colour on the coarse mesh, the same from everywhere.
pub fn render_likeness(likeness: &Likeness, frame: &FaceFrame, view: &View, size: [u32; 2]) -> Image {
    let Likeness { manifest, parts, mesh, geometry, color } = likeness;
    let mut condition = [0.0; MAX_CONDITION];
    let length = frame.latent.condition(&frame.head, manifest.latent.residual as usize, &mut condition);
    let unskinned = decode::vertices(mesh, geometry, &condition[..length]);
    let posed = pose(mesh, &unskinned, &manifest.skeleton, frame);
    draw(mesh, parts, &posed, view, size, |fragment| {
        let [r, g, b, alpha] = color.sample(fragment.uv);
        (Vec3::new(r, g, b), if fragment.kind.is_blended() { alpha } else { 1.0 })
    })
}

/// Positions and normals.
type Posed = (Vec<Vec3>, Vec<Vec3>);

fn pose(mesh: &Mesh, unskinned: &[Vec3], skeleton: &Skeleton, frame: &FaceFrame) -> Posed {
    let transforms = joint_transforms(skeleton, frame.latent.gaze, &frame.head);
    let positions = skin(mesh, unskinned, &transforms);
    let normals = normals(mesh, &positions);
    (positions, normals)
}

/// Draws pass by pass, as a GPU does; `shade` gives a fragment's colour and alpha.
fn draw(
    mesh: &Mesh,
    parts: &[Part],
    (positions, normals): &Posed,
    view: &View,
    size: [u32; 2],
    shade: impl Fn(&Fragment) -> (Vec3, f32),
) -> Image {
    let surface = Surface { mesh, positions, normals, view, size };
    let mut pixels: Vec<Pixel> = surface.nearest(parts).iter().map(Pixel::opaque_of(&shade)).collect();
    for (source, pass) in PASSES {
        for part in parts.iter().filter(|part| part.kind.is_blended() == (source == Source::Blended)) {
            match source {
                Source::Blended => surface.fragments(part, |pixel, fragment| {
                    pixels[pixel].lay(pass, &fragment, None, &shade);
                }),
                Source::Fringe => surface.fringe(part, |pixel, fringe| {
                    pixels[pixel].lay(pass, &fringe.fragment, Some(fringe.coverage), &shade);
                }),
            }
        }
    }
    Image {
        size,
        rgba: pixels.iter().map(|pixel| pixel.rgba).collect(),
        depth: pixels.iter().map(|pixel| pixel.depth).collect(),
        part: pixels.iter().map(|pixel| pixel.part).collect(),
    }
}

/// One pixel of what [`render`] draws, linear, premultiplied; all of it in the rest frame, as for
/// [`shade`](super::shade::shade).
pub fn pixel_color(avatar: &Avatar, dynamic: &FeatureMap, layers: PixelLayers<'_>, eye: Vec3) -> [f32; 4] {
    let shade = |fragment: &Fragment| {
        let shaded = shade(avatar, dynamic, fragment, eye);
        (shaded.color(), shaded.alpha)
    };
    let mut pixel = Pixel::opaque_of(&shade)(&layers.opaque.copied());
    for (source, pass) in PASSES {
        match source {
            Source::Blended => {
                for fragment in layers.blended {
                    pixel.lay(pass, fragment, None, &shade);
                }
            }
            Source::Fringe => {
                for fringe in layers.fringe {
                    pixel.lay(pass, &fringe.fragment, Some(fringe.coverage), &shade);
                }
            }
        }
    }
    pixel.rgba
}

/// What follows the opaque fragments, in this order.
const PASSES: [(Source, Pass); 4] = [
    (Source::Blended, Pass::Solid),
    (Source::Fringe, Pass::Solid),
    (Source::Fringe, Pass::Soft),
    (Source::Blended, Pass::Soft),
];

/// Where a pass's fragments come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The triangles of blended parts.
    Blended,
    /// The silhouettes of opaque parts.
    Fringe,
}

/// Which of them it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Alpha ≥ ½: writes depth.
    Solid,
    /// Alpha < ½: doesn't.
    Soft,
}

impl Pass {
    fn takes(self, alpha: f32) -> bool {
        match self {
            Self::Solid => alpha >= 0.5,
            Self::Soft => alpha < 0.5,
        }
    }
}

/// What a pixel has become so far.
#[derive(Clone, Copy, Debug)]
struct Pixel {
    rgba: [f32; 4],
    depth: f32,
    part: Option<PartKind>,
}

impl Pixel {
    /// Begins a pixel with its opaque fragment, if it has one.
    fn opaque_of(shade: &impl Fn(&Fragment) -> (Vec3, f32)) -> impl Fn(&Option<Fragment>) -> Self + '_ {
        move |fragment| match fragment {
            None => Self { rgba: [0.0; 4], depth: 0.0, part: None },
            Some(fragment) => Self {
                rgba: shade(fragment).0.extend(1.0).to_array(),
                depth: fragment.depth,
                part: Some(fragment.kind),
            },
        }
    }

    /// Blends a fragment over what is there, if it is nearer and belongs to the pass. Its alpha is the fringe's
    /// `coverage`, or what its shade says.
    fn lay(
        &mut self,
        pass: Pass,
        fragment: &Fragment,
        coverage: Option<f32>,
        shade: &impl Fn(&Fragment) -> (Vec3, f32),
    ) {
        if fragment.depth <= self.depth || !coverage.is_none_or(|coverage| pass.takes(coverage)) {
            return;
        }
        let (color, alpha) = shade(fragment);
        let alpha = coverage.unwrap_or(alpha);
        if !pass.takes(alpha) {
            return;
        }
        let [r, g, b, a] = self.rgba;
        let keep = 1.0 - alpha;
        let rgb = color * alpha + Vec3::new(r, g, b) * keep;
        self.rgba = [rgb.x, rgb.y, rgb.z, alpha + a * keep];
        if pass == Pass::Solid {
            (self.depth, self.part) = (fragment.depth, Some(fragment.kind));
        }
    }
}
