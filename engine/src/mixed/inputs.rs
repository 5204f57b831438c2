//! What a headset, a phone or a depth camera gives.

use glam::{Affine3A, Mat4, Vec4};
use visavis_codec::light::Light;

use crate::mixed::InvalidCamera;
use crate::{ShadowMap, View};

/// A pinhole camera in pixels. The first pixel is centred at (½, ½): add ½ to both principal coordinates of a
/// calibration that centres it at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intrinsics {
    /// Columns and rows of the picture that the other numbers speak of.
    pub size: [u32; 2],
    /// Focal length, pixels, to the right and down.
    pub focal_px: [f32; 2],
    /// Where the optical axis meets the picture, pixels from its left and top edge; need not be in the middle.
    pub centre_px: [f32; 2],
}

impl Intrinsics {
    /// Those of a view whose picture has this size, as of an eye of a headset.
    pub fn of_view(view: &View, size: [u32; 2]) -> Self {
        let half = size.map(|pixels| 0.5 * pixels as f32);
        let [x, y, z, _] = view.clip_from_view.to_cols_array_2d();
        Self {
            size,
            focal_px: [x[0] * half[0], y[1] * half[1]],
            centre_px: [half[0] * (1.0 - z[0]), half[1] * (1.0 + z[1])],
        }
    }

    /// The same camera with pictures of another size, as of a depth map that was scaled down.
    #[must_use]
    pub fn scaled_to(&self, size: [u32; 2]) -> Self {
        let by = [0, 1].map(|i| size[i] as f32 / self.size[i] as f32);
        Self {
            size,
            focal_px: [0, 1].map(|i| self.focal_px[i] * by[i]),
            centre_px: [0, 1].map(|i| self.centre_px[i] * by[i]),
        }
    }

    /// The view that sees what the camera sees: an asymmetric frustum, its far plane at infinity. `view_from_world` is the
    /// inverse of the camera's pose (it looks along −Z, +Y up); `near_m` is the near plane, metres.
    ///
    /// # Errors
    /// [`InvalidCamera`] where a number can't be.
    pub fn view(&self, view_from_world: Affine3A, near_m: f32) -> Result<View, InvalidCamera> {
        self.validate()?;
        if !view_from_world.is_finite() {
            return Err(InvalidCamera::Pose);
        }
        if !(near_m.is_finite() && near_m > 0.0) {
            return Err(InvalidCamera::Near(near_m));
        }
        let to_ndc = self.size.map(|pixels| 2.0 / pixels as f32);
        let clip_from_view = Mat4::from_cols(
            Vec4::new(self.focal_px[0] * to_ndc[0], 0.0, 0.0, 0.0),
            Vec4::new(0.0, self.focal_px[1] * to_ndc[1], 0.0, 0.0),
            Vec4::new(1.0 - self.centre_px[0] * to_ndc[0], self.centre_px[1] * to_ndc[1] - 1.0, 0.0, -1.0),
            Vec4::new(0.0, 0.0, near_m, 0.0),
        );
        Ok(View { view_from_world, clip_from_view })
    }

    pub(super) fn validate(&self) -> Result<(), InvalidCamera> {
        let Self { size, focal_px, centre_px } = *self;
        if size.contains(&0) {
            return Err(InvalidCamera::Empty(size));
        }
        let is_focal = |f: f32| f.is_finite() && f > 0.0;
        if !focal_px.into_iter().all(is_focal) {
            return Err(InvalidCamera::Focal(focal_px));
        }
        if !centre_px.into_iter().all(f32::is_finite) {
            return Err(InvalidCamera::Centre(centre_px));
        }
        Ok(())
    }

    /// `(scale, offset)` that takes pixels of `self` to pixels of `other`, if both look the same way from the same place.
    pub(super) fn other_from_self(&self, other: &Self) -> [f32; 4] {
        let scale = [0, 1].map(|i| other.focal_px[i] / self.focal_px[i]);
        let offset = [0, 1].map(|i| other.centre_px[i] - scale[i] * self.centre_px[i]);
        [scale[0], scale[1], offset[0], offset[1]]
    }
}

/// What is in a depth map. Zero, negative numbers, NaN and infinity are holes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DepthUnit {
    /// Distance along the camera's axis; times `scale` it is metres (0.001 for millimetres).
    Metres {
        /// Metres of 1.
        scale: f32,
    },
    /// As a depth buffer has it: 0 at `near_m`, 1 at `far_m`, linear in the inverse of the distance. Headsets' environment
    /// depth. 0 and 1 themselves are holes.
    Normalised {
        /// Metres of 0.
        near_m: f32,
        /// Metres of 1; may be infinity.
        far_m: f32,
    },
}

/// The numbers of a depth map, row by row from the top left.
#[derive(Clone, Copy, Debug)]
pub enum DepthPixels<'a> {
    /// On the device: a view of one layer, of a float or depth format with [`wgpu::TextureUsages::TEXTURE_BINDING`]; depth is
    /// in its first channel.
    Texture(&'a wgpu::TextureView),
    /// In memory.
    F32(&'a [f32]),
    /// In memory, as most sensors have it: millimetres, with [`DepthUnit::Metres`] of `scale` 0.001.
    U16(&'a [u16]),
}

/// Depth of the real world, seen from where the view is, in the same direction. It may be of another size than the output, and cover
/// more or less of the world: what lies outside of it counts as unknown, and hides nothing.
#[derive(Clone, Copy, Debug)]
pub struct DepthMap<'a> {
    /// Its numbers.
    pub pixels: DepthPixels<'a>,
    /// What they mean.
    pub unit: DepthUnit,
    /// The camera that took it, where it is; of its size.
    pub camera: Intrinsics,
}

/// How the numbers of a camera's picture are to be read. Textures of sRGB formats are linear when a shader sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Linear light.
    Linear,
    /// sRGB's curve (IEC 61966-2-1).
    Srgb,
}

/// The pixels of a camera's picture, row by row from the top left.
#[derive(Clone, Copy, Debug)]
pub enum PicturePixels<'a> {
    /// On the device: a view of one layer, of a filterable format with [`wgpu::TextureUsages::TEXTURE_BINDING`].
    Texture(&'a wgpu::TextureView, Encoding),
    /// In memory: red, green, blue and a fourth byte of no meaning, sRGB.
    Rgba8(&'a [u8]),
}

/// A picture of the real world, seen from where the view is, in the same direction.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its pixels.
    pub pixels: PicturePixels<'a>,
    /// The camera that took it, where it is; of its size.
    pub camera: Intrinsics,
}

/// Avatars as [`Frame::draw`](crate::Frame::draw) left them over transparent black.
#[derive(Clone, Copy, Debug)]
pub struct Avatars<'a> {
    /// Linear, premultiplied; a floating-point format with [`wgpu::TextureUsages::TEXTURE_BINDING`].
    pub color: &'a wgpu::TextureView,
    /// Reversed-Z, cleared to 0; with [`wgpu::TextureUsages::TEXTURE_BINDING`]. Of the same size.
    pub depth: &'a wgpu::TextureView,
}

/// All that one view of one frame is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The camera that the avatars were drawn with.
    pub view: &'a View,
    /// The avatars, drawn.
    pub avatars: Avatars<'a>,
    /// What is really there. None: nothing hides the avatars, and no shadow falls.
    pub depth: Option<DepthMap<'a>>,
    /// What it looks like. It leads the edges of the depth map, and an [`Output::Picture`](super::Output::Picture) shows it.
    pub picture: Option<Picture<'a>>,
    /// The light of the place, world space. Without, or without a lamp in it, no shadow falls.
    pub light: Option<&'a Light>,
    /// Where the avatars keep the light's first lamp from shining: their depth alone as that lamp sees it, drawn with
    /// [`Frame::draw_depth`](crate::Frame::draw_depth) before; a parallel projection, as [`lamp_view`](super::lamp_view) makes.
    /// The same map can be round the avatars when they are prepared ([`Surroundings`](crate::Surroundings)), so that their
    /// shadows fall on each other too.
    pub shadow: Option<ShadowMap<'a>>,
    /// Where it goes: of the format that [`Engine::mixer`](crate::Engine::mixer) was told, of the avatars' size; every pixel is
    /// written.
    pub output: &'a wgpu::TextureView,
}
