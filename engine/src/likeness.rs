//! Whether a likeness fits together: those that [`Avatar::read_prefix`](visavis_codec::Avatar::read_prefix) gives do, but
//! its fields are anybody's.

use visavis_codec::avatar::{InvalidAvatar, Likeness, MAX_TRIANGLES, MAX_VERTICES};

use crate::cpu::Form;

/// The largest base colour, texels a side.
const MAX_COLOR_SIZE: usize = 256;

/// Checks every length and every index that drawing relies on.
pub(crate) fn check(likeness: &Likeness) -> Result<(), InvalidAvatar> {
    let Likeness { manifest, parts, mesh, geometry, color } = likeness;
    let condition = Form::of_likeness(likeness).condition();
    let vertices = mesh.mean.len();
    let limits = [
        ("likeness's vertices", vertices, 1, MAX_VERTICES),
        ("likeness's triangles", mesh.triangles.len(), 0, MAX_TRIANGLES),
        ("likeness's colour's size", color.size, 1, MAX_COLOR_SIZE),
        ("joints", manifest.skeleton.joints.len(), 1, 32),
        ("basis's rank", geometry.rank, 1, 256),
        ("geometry's hidden width", geometry.hidden, 0, 4096),
    ];
    for (what, found, least, most) in limits {
        if !(least..=most).contains(&found) {
            return Err(InvalidAvatar::Limit {
                what: what.to_owned(),
                found: found as u64,
                allowed: format!("{least} to {most}"),
            });
        }
    }
    let lengths = [
        ("preview.uv", mesh.uv.len(), vertices),
        ("preview.weld", mesh.weld.len(), vertices),
        ("preview.joints", mesh.joints.len(), vertices),
        ("preview.weights", mesh.weights.len(), vertices),
        ("preview.color", color.texels.len(), color.size * color.size),
        ("preview.basis", geometry.basis.len(), geometry.rank * vertices * 3),
        ("geometry.basis_step", geometry.basis_step.len(), geometry.rank),
        ("geometry.w1", geometry.w1.len(), geometry.hidden * condition),
        ("geometry.b1", geometry.b1.len(), geometry.hidden),
        ("geometry.w2", geometry.w2.len(), geometry.rank * geometry.hidden),
        ("geometry.w3", geometry.w3.len(), geometry.rank * condition),
    ];
    for (tensor, found, expected) in lengths {
        if found != expected {
            return Err(InvalidAvatar::Length { tensor: tensor.to_owned(), found, expected });
        }
    }
    let index = |tensor: &str, index: usize, found: u64, below: usize| InvalidAvatar::Value {
        tensor: tensor.to_owned(),
        index,
        found: found.to_string(),
        allowed: format!("below {below}"),
    };
    let corners = mesh.triangles.as_flattened();
    for (tensor, numbers) in [("preview.triangles", corners), ("preview.weld", mesh.weld.as_slice())] {
        if let Some(at) = numbers.iter().position(|&v| usize::from(v) >= vertices) {
            return Err(index(tensor, at, u64::from(numbers[at]), vertices));
        }
    }
    let triangles = mesh.triangles.len() as u32;
    for (at, part) in parts.iter().enumerate() {
        let range = &part.triangles;
        if range.start > range.end || range.end > triangles {
            return Err(index("preview.ends", at, u64::from(range.end), triangles as usize + 1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use visavis_codec::reference;
    use visavis_codec::testing::{Preset, synthetic_avatar};

    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let mut avatar = synthetic_avatar(1, Preset::Tiny);
        avatar.preview = reference::preview(&avatar, 16, usize::MAX);
        let good = avatar.likeness().expect("a likeness");
        assert_eq!(check(&good), Ok(()));
        type Spoil = fn(&mut Likeness);
        let spoilt: [(&str, Spoil); 6] = [
            ("preview.weld", |likeness| likeness.mesh.weld[0] = u16::MAX),
            ("preview.triangles", |likeness| likeness.mesh.triangles[3][1] = u16::MAX),
            ("preview.color", |likeness| likeness.color.texels.truncate(3)),
            ("preview.basis", |likeness| likeness.geometry.basis.truncate(3)),
            ("preview.ends", |likeness| likeness.parts[0].triangles.end = u32::MAX),
            ("vertices", |likeness| likeness.mesh.mean.clear()),
        ];
        for (name, spoil) in spoilt {
            let mut bad = good.clone();
            spoil(&mut bad);
            let error = check(&bad).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
