//! Mixed reality: avatars among real things.
//!
//! In go avatars drawn over nothing ([`Frame::draw`](crate::Frame::draw)), a depth map of the real world with its holes and its
//! noise, where there is one the camera's picture, and the light of the place. Out comes either premultiplied RGBA for a
//! compositor that blends it over what the user sees ([`Output::Overlay`]), or the picture with the avatars in it
//! ([`Output::Picture`]).
//!
//! - **Depth** is smoothed over time where it agrees with what was there (reprojected by the view's movement), taken as it
//!   is where it doesn't; holes are filled from the last frames, then from those neighbours that look alike.
//! - **Occlusion**: what is filtered at the output's resolution is the answer *which is nearer?*, not depth (as in
//!   percentage-closer filtering, Reeves et al. 1987), with the weights of joint bilateral upsampling (Kopf et al. 2007) led by
//!   the camera's picture: edges are as sharp as the picture's where it has them, soft by a few pixels elsewhere.
//! - **Shadow**: the avatars' depth as the light's first lamp sees them ([`ShadowMap`](crate::ShadowMap), [`lamp_view`]) darkens real surfaces by
//!   the share of light there that is the lamp's, with a penumbra that widens with distance (Fernando 2005).
//! - **Light**: what the platform says, or a [`LightEstimator`]'s.
//!
//! A [`Mixer`] is the pipelines for one kind of output; a [`MixedView`] holds what one view remembers between frames. Everything
//! is recorded into the host's encoder; nothing is submitted, waited for or read back, and the textures of a view
//! are made when its sizes change, not each frame.
//!
//! ```no_run
//! # use visavis::codec::{glam::Affine3A, light::Light};
//! # use visavis::mixed::{Intrinsics, Avatars, DepthMap, DepthPixels, DepthUnit, Inputs, MixedError, MixerOptions, Output};
//! # use visavis::wgpu;
//! # fn each_frame(engine: &visavis::Engine, encoder: &mut wgpu::CommandEncoder, drawn: Avatars<'_>, millimetres: &[u16],
//! #     camera: Intrinsics, view_from_world: Affine3A, light: &Light, eye_buffer: &wgpu::TextureView)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let mixer = engine.mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())?;
//! let mut eye = mixer.view();
//!
//! // each frame
//! let depth_camera = camera.scaled_to([160, 120]);
//! eye.record(encoder, &Inputs {
//!     view: &camera.view(view_from_world, 0.05)?, // that the avatars were drawn with
//!     avatars: drawn,
//!     depth: Some(DepthMap {
//!         pixels: DepthPixels::U16(millimetres),
//!         unit: DepthUnit::Metres { scale: 0.001 },
//!         camera: depth_camera,
//!     }),
//!     picture: None,
//!     light: Some(light),
//!     shadow: None,
//!     output: eye_buffer,
//! })?;
//! # Ok(()) }
//! ```

mod error;
mod estimate;
mod frame;
mod inputs;
mod lamp;
mod mixer;
mod shading;
mod solve;
mod surfaces;
mod upload;
mod view;

pub use error::{InvalidCamera, MixedError};
pub use estimate::{FADE_RAD, LightEstimator, Observation, ObservationError};
pub use inputs::{
    Avatars, DepthMap, DepthPixels, DepthUnit, Encoding, Inputs, Intrinsics, Picture, PicturePixels,
};
pub use lamp::lamp_view;
pub use mixer::{Mixer, MixerOptions, Output};
pub use shading::{ALBEDO, DIRECTIONS};
pub use view::MixedView;
