//! Leaves out of the render mesh what nobody can see.

use glam::Vec3;

use super::rig::Rig;
use crate::avatar::{JointRole, PartKind};

/// Cosine of the angle from straight ahead beyond which an eyeball is always inside the head: a gaze of 30° and a camera
/// at 100° bring what is 65° behind the side of the ball no further than to the edge, and lids cover that.
const EYEBALL_BACK: f32 = -0.4;

impl Rig {
    /// Drops the backs of the eyeballs, and vertices that no triangle uses.
    pub(super) fn trim(&mut self) {
        let keep: Vec<bool> =
            (0..self.mesh.triangles.len()).map(|triangle| !self.is_behind_an_eye(triangle)).collect();
        self.retain(&keep);
    }

    fn is_behind_an_eye(&self, triangle: usize) -> bool {
        let part = self.parts.iter().find(|part| part.triangles.contains(&(triangle as u32)));
        let role = match part.map(|part| part.kind) {
            Some(PartKind::EyeLeft) => JointRole::EyeLeft,
            Some(PartKind::EyeRight) => JointRole::EyeRight,
            _ => return false,
        };
        let Some(joint) = self.skeleton.joints.iter().find(|joint| joint.role == role) else { return false };
        self.mesh.triangles[triangle].iter().all(|&v| {
            let outward = (Vec3::from(self.mesh.mean[usize::from(v)]) - joint.position).normalize_or_zero();
            outward.dot(Vec3::NEG_Z) < EYEBALL_BACK
        })
    }

    /// Keeps the marked triangles and the vertices that they use.
    fn retain(&mut self, keep_triangle: &[bool]) {
        let vertices = self.mesh.mean.len();
        let mut used = vec![false; vertices];
        let kept = self.mesh.triangles.iter().zip(keep_triangle).filter(|(_, keep)| **keep);
        kept.flat_map(|(triangle, _)| triangle).for_each(|&v| used[usize::from(v)] = true);
        // A weld must survive if a vertex that names it does.
        for vertex in 0..vertices {
            if used[vertex] {
                used[usize::from(self.mesh.weld[vertex])] = true;
            }
        }
        let new_number: Vec<u16> = used
            .iter()
            .scan(0u16, |next, &used| {
                let number = *next;
                *next += u16::from(used);
                Some(number)
            })
            .collect();
        let new = |v: u16| new_number[usize::from(v)];
        // Ranges count what is kept before their ends.
        let kept_before =
            |marks: &[bool], end: u32| marks.iter().take(end as usize).filter(|m| **m).count() as u32;
        for part in &mut self.parts {
            let [v, t] = [&part.vertices, &part.triangles];
            let (v, t) = (
                kept_before(&used, v.start)..kept_before(&used, v.end),
                kept_before(keep_triangle, t.start)..kept_before(keep_triangle, t.end),
            );
            (part.vertices, part.triangles) = (v, t);
        }
        let mesh = &mut self.mesh;
        select(&mut mesh.triangles, keep_triangle);
        mesh.triangles.iter_mut().for_each(|triangle| *triangle = triangle.map(new));
        mesh.weld.iter_mut().for_each(|weld| *weld = new(*weld));
        select(&mut mesh.weld, &used);
        select(&mut mesh.mean, &used);
        select(&mut mesh.uv, &used);
        select(&mut mesh.joints, &used);
        select(&mut mesh.weights, &used);
        select(&mut self.tracked_index, &used);
        let per_unit = used.repeat(self.unit_deltas.len() / vertices.max(1));
        select(&mut self.unit_deltas, &per_unit);
    }
}

fn select<T>(rows: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    rows.retain(|_| keep.next().copied().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latent::UNITS;
    use crate::testing::{Preset, synthetic_avatar};

    /// The rig of a made-up avatar; unit deltas number their vertices.
    fn rig() -> Rig {
        let avatar = synthetic_avatar(3, Preset::Tiny);
        let vertices = avatar.mesh.mean.len();
        Rig {
            tracked_index: (0..vertices as u32).collect(),
            unit_deltas: (0..UNITS * vertices).map(|i| Vec3::splat((i % vertices) as f32)).collect(),
            mesh: avatar.mesh,
            parts: avatar.manifest.parts,
            skeleton: avatar.manifest.skeleton,
        }
    }

    #[test]
    fn the_back_of_the_eyes_goes_and_everything_else_stays_as_it_was() {
        let (before, mut after) = (rig(), rig());
        after.trim();
        assert!(after.mesh.mean.len() < before.mesh.mean.len());
        assert_eq!(after.mesh.mean.len(), after.parts.last().unwrap().vertices.end as usize);
        assert_eq!(after.mesh.triangles.len(), after.parts.last().unwrap().triangles.end as usize);
        assert_eq!(after.unit_deltas.len(), UNITS * after.mesh.mean.len());
        for (vertex, &old) in after.tracked_index.iter().enumerate() {
            let old = old as usize;
            assert_eq!(after.mesh.mean[vertex], before.mesh.mean[old]);
            assert_eq!(after.mesh.uv[vertex], before.mesh.uv[old]);
            assert_eq!(after.unit_deltas[7 * after.mesh.mean.len() + vertex].x, old as f32);
            let weld = usize::from(after.mesh.weld[vertex]);
            assert_eq!(after.tracked_index[weld], u32::from(before.mesh.weld[old]));
        }
        for (part, old) in after.parts.iter().zip(&before.parts) {
            let lost = old.triangles.len() - part.triangles.len();
            let is_eye = matches!(part.kind, PartKind::EyeLeft | PartKind::EyeRight);
            assert_eq!(lost > 0, is_eye, "{:?} lost {lost} triangles", part.kind);
            for triangle in part.triangles.clone() {
                for v in after.mesh.triangles[triangle as usize] {
                    assert!(part.vertices.contains(&u32::from(v)));
                }
            }
        }
    }
}
