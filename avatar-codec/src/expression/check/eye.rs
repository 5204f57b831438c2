//! One eye: what is seen of the ball between the lids, and how deep the lids are in it.

use glam::Vec3;

use crate::avatar::{Avatar, JointRole, PartKind};
use crate::latent::{Gaze, Latent};

use super::super::contact::Decoded;
use super::patch::Patch;

/// Rays across an eye, metres apart, and along each column.
const COLUMN_M: f32 = 0.5e-3;
const ROW_M: f32 = 0.05e-3;
/// A ray sees the eye if that is nearer than the skin by more than this, metres.
const NEARER_M: f32 = 0.01e-3;
/// One degree a bin of the ball's radius.
const BINS: usize = 181;

#[derive(Debug)]
pub(super) struct Eye {
    kind: PartKind,
    centre: Vec3,
    /// Radius by the angle from where the eye looks, degrees.
    radius: Vec<f32>,
    /// Lid contours that lie on the ball's outside, open and closed.
    lids: Patch,
    /// Skin in front of the eye, and its triangles.
    skin: Patch,
    skin_triangles: Vec<[usize; 3]>,
    /// The ball's own.
    ball: Patch,
    ball_triangles: Vec<[usize; 3]>,
    low: [f32; 2],
    high: [f32; 2],
}

impl Eye {
    /// `lids` are the contour's vertices, counted from the skin's `first`.
    pub(super) fn new(
        avatar: &Avatar,
        kind: PartKind,
        first: usize,
        lids: &[usize],
        decoded: &Decoded<'_>,
    ) -> Option<Self> {
        let role = if kind == PartKind::EyeLeft { JointRole::EyeLeft } else { JointRole::EyeRight };
        let centre = avatar.manifest.skeleton.joints.iter().find(|joint| joint.role == role)?.position;
        let part = avatar.manifest.parts.iter().find(|part| part.kind == kind)?;
        let vertices: Vec<usize> = (part.vertices.start as usize..part.vertices.end as usize).collect();
        let at = |v: usize| Vec3::from(avatar.mesh.mean[v]);

        let mut radius = vec![0.0f32; BINS];
        for &v in &vertices {
            let from_centre = at(v) - centre;
            let angle = from_centre.angle_between(Vec3::NEG_Z).to_degrees();
            let bin = &mut radius[(angle.round() as usize).min(BINS - 1)];
            *bin = bin.max(from_centre.length());
        }
        // Empty bins take the nearest filled one's radius.
        let filled: Vec<usize> = (0..BINS).filter(|&bin| radius[bin] > 0.0).collect();
        let nearest = |bin: usize| filled.iter().copied().min_by_key(|&other| other.abs_diff(bin));
        let radius: Vec<f32> =
            (0..BINS).map(|bin| nearest(bin).map(|bin| radius[bin])).collect::<Option<_>>()?;
        let most = radius.iter().copied().fold(0.0, f32::max);

        let (closed, open) = decoded.closed_and_open(if kind == PartKind::EyeLeft {
            super::SeamKind::LidsLeft
        } else {
            super::SeamKind::LidsRight
        });
        let outside = |p: Vec3| {
            let angle = (p - centre).angle_between(Vec3::NEG_Z).to_degrees();
            (p - centre).length() > radius[(angle.round() as usize).min(BINS - 1)]
        };
        let mut outer: Vec<usize> =
            lids.iter().copied().filter(|&v| outside(closed[v]) && outside(open[v])).collect();
        outer.sort_unstable();
        outer.dedup();

        // What can cover the ball: triangles that are in front of it in either pose.
        let before = |p: Vec3| p.z < centre.z && (p - centre).truncate().length() < 1.6 * most;
        let skin_part = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Skin)?;
        let range = |part: &crate::avatar::Part| part.triangles.start as usize..part.triangles.end as usize;
        let corners = |t: &[u16; 3]| t.map(usize::from);
        let skin: Vec<[usize; 3]> = avatar.mesh.triangles[range(skin_part)]
            .iter()
            .map(|t| corners(t).map(|v| v - first))
            .filter(|t| t.iter().any(|&v| before(closed[v]) || before(open[v])))
            .collect();
        let ball: Vec<[usize; 3]> = avatar.mesh.triangles[range(part)].iter().map(corners).collect();
        let (skin_vertices, skin_triangles) = renumbered(&skin);
        let (ball_vertices, ball_triangles) = renumbered(&ball);
        let extent = |axis: usize| {
            let along = |&v: &usize| closed[v][axis];
            let low = outer.iter().map(along).fold(f32::INFINITY, f32::min);
            (low, outer.iter().map(along).fold(f32::NEG_INFINITY, f32::max))
        };
        let (low_x, high_x) = extent(0);
        (!outer.is_empty()).then(|| Self {
            kind,
            centre,
            radius,
            lids: Patch::new(avatar, first, &outer),
            skin: Patch::new(avatar, first, &skin_vertices),
            skin_triangles,
            ball: Patch::new(avatar, 0, &ball_vertices),
            ball_triangles,
            low: [low_x, centre.y - most],
            high: [high_x, centre.y + most],
        })
    }

    /// How deep the lids are in the ball, metres.
    pub(super) fn depth(&self, avatar: &Avatar, latent: &Latent) -> f32 {
        let looks = self.rotation(latent.gaze) * Vec3::NEG_Z;
        let depth = |p: Vec3| {
            let from_centre = p - self.centre;
            let angle = from_centre.angle_between(looks).to_degrees();
            let (bin, rest) = (angle as usize, angle.fract());
            let [near, far] = [bin, bin + 1].map(|bin| self.radius[bin.min(BINS - 1)]);
            near + (far - near) * rest - from_centre.length()
        };
        self.lids.decode(avatar, latent).into_iter().map(depth).fold(0.0, f32::max)
    }

    /// The tallest run of rays from the front that meet the ball before the skin, metres.
    pub(super) fn opening(&self, avatar: &Avatar, latent: &Latent) -> f32 {
        let size =
            |axis: usize, step: f32| ((self.high[axis] - self.low[axis]) / step).ceil().max(1.0) as usize;
        let (columns, rows) = (size(0, COLUMN_M), size(1, ROW_M));
        let skin = self.skin.decode(avatar, latent);
        let rotation = self.rotation(latent.gaze);
        let turned = self.ball.decode(avatar, latent).into_iter();
        let ball: Vec<Vec3> = turned.map(|p| self.centre + rotation * (p - self.centre)).collect();
        let skin = self.nearest(&skin, &self.skin_triangles, columns, rows);
        let ball = self.nearest(&ball, &self.ball_triangles, columns, rows);
        let mut tallest = 0;
        for column in 0..columns {
            let mut run = 0;
            for row in 0..rows {
                let i = column * rows + row;
                run = if ball[i] < skin[i] - NEARER_M { run + 1 } else { 0 };
                tallest = tallest.max(run);
            }
        }
        tallest as f32 * ROW_M
    }

    fn rotation(&self, gaze: Gaze) -> glam::Quat {
        if self.kind == PartKind::EyeLeft { gaze.left_rotation() } else { gaze.right_rotation() }
    }

    /// The smallest z of any triangle at each ray, infinity where there is none.
    fn nearest(&self, positions: &[Vec3], triangles: &[[usize; 3]], columns: usize, rows: usize) -> Vec<f32> {
        let mut depth = vec![f32::INFINITY; columns * rows];
        for t in triangles {
            let [a, b, c] = t.map(|v| positions[v]);
            let (ab, ac) = (b - a, c - a);
            let area = ab.x * ac.y - ab.y * ac.x;
            if area == 0.0 {
                continue;
            }
            let span = |axis: usize, step: f32, count: usize| {
                let (low, high) = (a[axis].min(b[axis]).min(c[axis]), a[axis].max(b[axis]).max(c[axis]));
                let index = |x: f32| ((x - self.low[axis]) / step).clamp(0.0, count as f32) as usize;
                index(low)..(index(high) + 1).min(count)
            };
            for column in span(0, COLUMN_M, columns) {
                for row in span(1, ROW_M, rows) {
                    let x = self.low[0] + column as f32 * COLUMN_M - a.x;
                    let y = self.low[1] + row as f32 * ROW_M - a.y;
                    let (v, w) = ((x * ac.y - y * ac.x) / area, (ab.x * y - ab.y * x) / area);
                    if v >= 0.0 && w >= 0.0 && v + w <= 1.0 {
                        let z = &mut depth[column * rows + row];
                        *z = z.min(a.z + v * ab.z + w * ac.z);
                    }
                }
            }
        }
        depth
    }
}

/// The vertices that triangles use, and the triangles in their numbers.
fn renumbered(triangles: &[[usize; 3]]) -> (Vec<usize>, Vec<[usize; 3]>) {
    let mut vertices: Vec<usize> = triangles.iter().flatten().copied().collect();
    vertices.sort_unstable();
    vertices.dedup();
    let number = |v: usize| vertices.partition_point(|&other| other < v);
    let triangles = triangles.iter().map(|t| t.map(number)).collect();
    (vertices, triangles)
}
