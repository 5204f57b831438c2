//! A camera as two transforms.

use glam::{Affine3A, DMat3, DVec3, Mat4, Vec3, Vec4};

/// A camera: looks along −Z of its own frame with +Y up, and projects with reversed depth (1 near, 0 at infinity).
///
/// ```
/// use glam::{Vec3, vec3};
/// use visavis_codec::reference::View;
///
/// // 1 m in front of a face at the origin, which looks along −Z; 29° high, near plane at 5 cm.
/// let view = View::look_at(vec3(0.0, 0.0, -1.0), Vec3::ZERO, 0.5, 16.0 / 9.0, 0.05);
/// assert!(view.eye().distance(vec3(0.0, 0.0, -1.0)) < 1e-6);
/// // The depth of what is z metres away is near / z.
/// let clip = view.clip_from_world() * Vec3::ZERO.extend(1.0);
/// assert!((clip.z / clip.w - 0.05).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// World (metres) to the camera's frame; rigid.
    pub view_from_world: Affine3A,
    /// The camera's frame to clip space: `x, y` in −w..w (y up), depth `z / w` 1 at the near plane and falling. A
    /// perspective projection; the far plane may be at infinity.
    pub clip_from_view: Mat4,
}

impl View {
    /// A symmetric perspective camera with its far plane at infinity: `vertical_angle` from the lower to the upper
    /// edge of the picture (radians), `aspect` = width / height, `near` in metres.
    pub fn perspective(view_from_world: Affine3A, vertical_angle: f32, aspect: f32, near: f32) -> Self {
        let focal = (vertical_angle * 0.5).tan().recip();
        let clip_from_view = Mat4::from_cols(
            Vec4::new(focal / aspect, 0.0, 0.0, 0.0),
            Vec4::new(0.0, focal, 0.0, 0.0),
            Vec4::new(0.0, 0.0, 0.0, -1.0),
            Vec4::new(0.0, 0.0, near, 0.0),
        );
        Self { view_from_world, clip_from_view }
    }

    /// [`perspective`](Self::perspective) from `eye` towards `target` (world, metres; two different places), upright
    /// unless it looks straight up or down.
    pub fn look_at(eye: Vec3, target: Vec3, vertical_angle: f32, aspect: f32, near: f32) -> Self {
        let backward = (eye - target).normalize_or(Vec3::Z);
        let right = Vec3::Y.cross(backward).normalize_or(Vec3::X);
        let up = backward.cross(right);
        let world_from_view =
            Affine3A::from_mat3_translation(glam::Mat3::from_cols(right, up, backward), eye);
        Self::perspective(world_from_view.inverse(), vertical_angle, aspect, near)
    }

    /// A calibrated camera in OpenCV's terms, as Multiface's `KRT` file has them.
    ///
    /// `intrinsics` is the 3×3 matrix K in pixels, for a picture of `width` × `height` whose first pixel is *centred at
    /// (½, ½)* (add ½ to both principal coordinates of a calibration that centres it at 0); `rotation` and
    /// `translation_mm` take world millimetres to a camera that looks along +z with y down. All matrices in rows. No
    /// lens distortion. The world of the result is in metres.
    pub fn from_opencv(
        intrinsics: [[f64; 3]; 3],
        rotation: [[f64; 3]; 3],
        translation_mm: [f64; 3],
        [width, height]: [u32; 2],
        near: f32,
    ) -> Self {
        let view_from_camera = DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0));
        let rotation = view_from_camera * DMat3::from_cols_array_2d(&rotation).transpose();
        let translation = view_from_camera * DVec3::from(translation_mm) * 1e-3;
        let view_from_world = Affine3A::from_mat3_translation(rotation.as_mat3(), translation.as_vec3());

        let [[fx, skew, cx], [_, fy, cy], _] = intrinsics;
        let (to_x, to_y) = (2.0 / f64::from(width), 2.0 / f64::from(height));
        let clip_from_view = Mat4::from_cols(
            Vec4::new((fx * to_x) as f32, 0.0, 0.0, 0.0),
            Vec4::new((-skew * to_x) as f32, (fy * to_y) as f32, 0.0, 0.0),
            Vec4::new((1.0 - cx * to_x) as f32, (cy * to_y - 1.0) as f32, 0.0, -1.0),
            Vec4::new(0.0, 0.0, near, 0.0),
        );
        Self { view_from_world, clip_from_view }
    }

    /// Where the camera is in the world, metres.
    pub fn eye(&self) -> Vec3 {
        self.view_from_world.inverse().translation.into()
    }

    /// World to clip space.
    pub fn clip_from_world(&self) -> Mat4 {
        self.clip_from_view * Mat4::from(self.view_from_world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(view: &View, size: f32, world: Vec3) -> (f32, f32, f32) {
        let clip = view.clip_from_world() * world.extend(1.0);
        let ndc = clip / clip.w;
        ((ndc.x * 0.5 + 0.5) * size, (0.5 - ndc.y * 0.5) * size, ndc.z)
    }

    #[test]
    fn opencv_projection_agrees_with_its_own_equations() {
        let k = [[1800.0, 3.0, 250.0], [0.0, 1790.0, 262.0], [0.0, 0.0, 1.0]];
        let (sin, cos) = 0.3f64.sin_cos();
        // A camera in front of the face (which looks along −Z), turned a little about the vertical.
        let r = [[-cos, 0.0, sin], [0.0, -1.0, 0.0], [sin, 0.0, cos]];
        let t = [3.0, -20.0, 1100.0];
        let view = View::from_opencv(k, r, t, [512, 512], 0.05);
        for world_mm in [[0.0, 0.0, 0.0], [30.0, -40.0, 25.0], [-70.0, 90.0, -10.0]] {
            let camera: [f64; 3] =
                std::array::from_fn(|i| t[i] + (0..3).map(|j| r[i][j] * world_mm[j]).sum::<f64>());
            let u = (k[0][0] * camera[0] + k[0][1] * camera[1]) / camera[2] + k[0][2];
            let v = k[1][1] * camera[1] / camera[2] + k[1][2];
            let world = Vec3::from(world_mm.map(|x| x as f32 * 1e-3));
            let (x, y, depth) = pixel(&view, 512.0, world);
            assert!((x - u as f32).abs() < 2e-3 && (y - v as f32).abs() < 2e-3, "{x} {y} against {u} {v}");
            assert!((depth - 0.05 / (camera[2] * 1e-3) as f32).abs() < 1e-6);
        }
    }

    #[test]
    fn the_persons_right_is_on_the_left_of_the_picture_from_the_front() {
        let view = View::look_at(Vec3::new(0.0, 0.0, -1.0), Vec3::ZERO, 0.3, 1.0, 0.05);
        let (x, y, _) = pixel(&view, 100.0, Vec3::new(0.05, 0.05, 0.0));
        assert!(x < 50.0 && y < 50.0, "{x} {y}");
        assert!((view.eye() - Vec3::new(0.0, 0.0, -1.0)).length() < 1e-6);
    }
}
