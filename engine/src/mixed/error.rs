//! Why mixed reality failed.

use crate::error::GpuError;

/// Numbers of a camera that can't be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidCamera {
    /// No pixels.
    #[error("size is {} × {} pixels, allowed: at least 1 each way", .0[0], .0[1])]
    Empty([u32; 2]),
    /// Focal lengths.
    #[error("focal_px is {:?}, allowed: finite, more than 0", .0)]
    Focal([f32; 2]),
    /// The principal point.
    #[error("centre_px is {:?}, allowed: finite", .0)]
    Centre([f32; 2]),
    /// The near plane.
    #[error("near_m is {0}, allowed: finite, more than 0")]
    Near(f32),
    /// The pose.
    #[error("the pose is not finite: wait until the camera is tracked")]
    Pose,
}

/// Why [`Engine::mixer`](crate::Engine::mixer) or [`MixedView::record`](super::MixedView::record) failed. What was recorded
/// until then is harmless, and the view keeps the depth that it had: the host may leave the frame out, or go on with the next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixedError {
    /// A camera's numbers can't be.
    #[error("the {what}'s camera: {reason}")]
    Camera {
        /// Depth map, picture or view.
        what: &'static str,
        /// Which number.
        reason: InvalidCamera,
    },
    /// A texture is empty or too large.
    #[error("{what} is {} × {} pixels; allowed: 1 to {limit} each way", .size[0], .size[1])]
    Size {
        /// Which one.
        what: &'static str,
        /// Columns and rows.
        size: [u32; 2],
        /// The device's largest texture.
        limit: u32,
    },
    /// Two things that belong together are of different sizes, as after a window's size changed: make them anew.
    #[error("{what} is {} × {} pixels, {expected_by} is {} × {}: make both of one size", .found[0], .found[1], .expected[0], .expected[1])]
    Mismatch {
        /// Which one.
        what: &'static str,
        /// Its size.
        found: [u32; 2],
        /// What it should fit.
        expected_by: &'static str,
        /// That one's size.
        expected: [u32; 2],
    },
    /// A slice has not as many elements as its camera has pixels.
    #[error("{what} has {found} elements, its camera's size asks for {expected}")]
    Length {
        /// Which one.
        what: &'static str,
        /// Elements.
        found: usize,
        /// Elements.
        expected: usize,
    },
    /// A format can't be used so.
    #[error("{what} is of format {found:?}; allowed: {allowed}")]
    Format {
        /// Which one.
        what: &'static str,
        /// Its format.
        found: wgpu::TextureFormat,
        /// What works, in words.
        allowed: &'static str,
    },
    /// The depth map's unit can't be.
    #[error("the depth map's {field} is {found}, allowed: {allowed}")]
    Unit {
        /// Which field.
        field: &'static str,
        /// Its value.
        found: f32,
        /// What it may be.
        allowed: &'static str,
    },
    /// No number of a depth map in memory is a distance.
    #[error(
        "the depth map has no distance in it: {not_a_number} of {total} are NaN, the others 0, negative or infinite; pass `None` while the sensor sees nothing"
    )]
    NoDepth {
        /// How many are NaN.
        not_a_number: usize,
        /// How many there are.
        total: usize,
    },
    /// The view's projection isn't one that a camera has.
    #[error("the view is not a finite perspective projection with reversed depth")]
    View,
    /// The shadow map's projection can't be used.
    #[error("the shadow's clip_from_world is not a finite parallel projection; `mixed::lamp_view` makes one")]
    ShadowProjection,
    /// The light can't be.
    #[error(transparent)]
    Light(#[from] visavis_codec::light::InvalidLight),
    /// The composited picture was asked for without a camera's picture.
    #[error("an output of the picture needs `Inputs::picture`")]
    NoPicture,
    /// A setting can't be.
    #[error("setting {field} is {found}, allowed: {allowed}")]
    Setting {
        /// Which one.
        field: &'static str,
        /// Its value.
        found: f32,
        /// What it may be.
        allowed: &'static str,
    },
    /// Textures or commands were refused, or the device is gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
