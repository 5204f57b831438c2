//! What an avatar's units don't explain of a tracked mesh.

use glam::Vec3;

use crate::Avatar;
use crate::latent::{HeadPose, Latent, MAX_RESIDUAL};
use crate::reference::{decode, skin};

/// Offsets, metres before skinning, between the tracked vertices of a frame and what the avatar decodes for its units,
/// gaze and pose with r = 0. `tracked` are V posed positions in head space, metres; `None` where a vertex isn't tracked,
/// its offset is 0.
pub fn unexplained(
    avatar: &Avatar,
    latent: &Latent,
    head: &HeadPose,
    tracked: impl IntoIterator<Item = Option<Vec3>>,
) -> Vec<Vec3> {
    let latent = Latent { residual: [0.0; MAX_RESIDUAL], ..*latent };
    let decoded = decode::geometry(avatar, &decode::condition(avatar, &latent, head));
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, latent.gaze, head);
    let tracked = tracked.into_iter().chain(std::iter::repeat(None));
    let at_rest = skin::unskin(&avatar.mesh, tracked.take(decoded.len()), &transforms);
    at_rest
        .zip(decoded)
        .map(|(at_rest, decoded)| at_rest.map_or(Vec3::ZERO, |at_rest| at_rest - decoded))
        .collect()
}
