//! Light from all around, as real spherical harmonics of order 2.

use glam::{Mat3, Quat, Vec3};
use serde::{Deserialize, Serialize};

use super::Lamp;

/// Coefficients of real spherical harmonics up to order 2.
pub const BANDS: usize = 9;

/// The constants of the basis functions, in the order of [`Ambient::coefficients`].
pub const BASIS: [f32; BANDS] = [
    0.282_094_8,
    0.488_602_5,
    0.488_602_5,
    0.488_602_5,
    1.092_548_4,
    1.092_548_4,
    0.315_391_57,
    1.092_548_4,
    0.546_274_2,
];
/// What the cosine lobe leaves of each order, divided by π (Ramamoorthi & Hanrahan 2001, equation 8).
const COSINE: [f32; BANDS] = [1.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.25, 0.25, 0.25, 0.25, 0.25];

/// Radiance from every direction, in real spherical harmonics of order 2, RGB.
///
/// Coefficient `i` belongs to the basis function (no Condon–Shortley phase; the order of ARCore, WebXR and Filament)
/// `0.282095`, `0.488603 y`, `0.488603 z`, `0.488603 x`, `1.092548 xy`, `1.092548 yz`, `0.315392 (3z² − 1)`,
/// `1.092548 xz`, `0.546274 (x² − y²)`, where `(x, y, z)` is the unit direction *towards* the light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ambient {
    /// `[9][RGB]`, of radiance; a uniform radiance of 1 makes white 1.
    pub coefficients: [[f32; 3]; BANDS],
}

impl Ambient {
    /// The same radiance from everywhere.
    pub fn uniform(radiance: [f32; 3]) -> Self {
        let mut coefficients = [[0.0; 3]; BANDS];
        coefficients[0] = radiance.map(|c| c / BASIS[0]);
        Self { coefficients }
    }

    /// `above` from straight up, `below` from straight down, even between them: a sky over a floor.
    pub fn sky(above: [f32; 3], below: [f32; 3]) -> Self {
        let mut out = Self::uniform([0, 1, 2].map(|c| (above[c] + below[c]) / 2.0));
        out.coefficients[1] = [0, 1, 2].map(|c| (above[c] - below[c]) / 2.0 / BASIS[1]);
        out
    }

    /// The nearest to a radiance that is known in `samples` directions spread evenly over the sphere (a Fibonacci
    /// lattice; 1,000 are plenty for a room).
    pub fn project(samples: usize, mut radiance: impl FnMut(Vec3) -> Vec3) -> Self {
        let mut out = Self::default();
        let share = 4.0 * std::f32::consts::PI / samples.max(1) as f32;
        for i in 0..samples {
            let direction = fibonacci(i, samples);
            out.add(direction, radiance(direction) * share);
        }
        out
    }

    /// Adds light that comes from one direction (unit length) alone: radiance times solid angle (steradians).
    pub fn add(&mut self, direction: Vec3, power: Vec3) {
        for (coefficient, basis) in self.coefficients.iter_mut().zip(basis(direction)) {
            *coefficient = (Vec3::from(*coefficient) + basis * power).to_array();
        }
    }

    /// Adds a lamp as it shines on `position_m`: it loses its edge and its highlight, and keeps its colour and its side.
    pub fn add_lamp(&mut self, lamp: &Lamp, position_m: Vec3) {
        let (to_lamp, facing) = lamp.at(position_m);
        self.add(to_lamp, facing * std::f32::consts::PI);
    }

    /// Radiance from a direction (unit length); never less than 0.
    pub fn radiance(&self, direction: Vec3) -> Vec3 {
        self.sum(basis(direction))
    }

    /// What white that faces `normal` (unit length) takes on: irradiance over π, never less than 0.
    pub fn irradiance(&self, normal: Vec3) -> Vec3 {
        let basis = basis(normal);
        self.sum(std::array::from_fn(|i| basis[i] * COSINE[i]))
    }

    fn sum(&self, weights: [f32; BANDS]) -> Vec3 {
        let sum: Vec3 =
            self.coefficients.iter().zip(weights).map(|(&c, weight)| Vec3::from(c) * weight).sum();
        sum.max(Vec3::ZERO)
    }

    /// The same light after everything was turned: `rotated(r).radiance(r · d) = radiance(d)`.
    #[must_use]
    pub fn rotated(&self, rotation: Quat) -> Self {
        // Order 2 is a constant, a vector and a symmetric matrix without trace: `a + b·d + dᵀMd`. Those turn by themselves.
        let r = Mat3::from_quat(rotation);
        let mut out = *self;
        for channel in 0..3 {
            let c = self.coefficients.map(|rgb| rgb[channel]);
            let linear = r * Vec3::new(c[3], c[1], c[2]);
            let [xy, yz, zz, xz, xx_yy] = [4, 5, 6, 7, 8].map(|i| c[i] * BASIS[i]);
            let quadratic = Mat3::from_cols(
                Vec3::new(xx_yy - zz, xy / 2.0, xz / 2.0),
                Vec3::new(xy / 2.0, -xx_yy - zz, yz / 2.0),
                Vec3::new(xz / 2.0, yz / 2.0, 2.0 * zz),
            );
            let q = r * quadratic * r.transpose();
            let turned = [
                c[0],
                linear.y,
                linear.z,
                linear.x,
                2.0 * q.x_axis.y / BASIS[4],
                2.0 * q.y_axis.z / BASIS[5],
                q.z_axis.z / 2.0 / BASIS[6],
                2.0 * q.x_axis.z / BASIS[7],
                (q.x_axis.x - q.y_axis.y) / 2.0 / BASIS[8],
            ];
            for (row, value) in out.coefficients.iter_mut().zip(turned) {
                row[channel] = value;
            }
        }
        out
    }

    /// Each channel times a factor.
    #[must_use]
    pub fn scaled(&self, factor: Vec3) -> Self {
        Self { coefficients: self.coefficients.map(|c| (Vec3::from(c) * factor).to_array()) }
    }
}

impl std::ops::Add for Ambient {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sum =
            |i: usize| (Vec3::from(self.coefficients[i]) + Vec3::from(other.coefficients[i])).to_array();
        Self { coefficients: std::array::from_fn(sum) }
    }
}

/// The basis functions in a direction.
fn basis(d: Vec3) -> [f32; BANDS] {
    let Vec3 { x, y, z } = d;
    let polynomials = [1.0, y, z, x, x * y, y * z, 3.0 * z * z - 1.0, x * z, x * x - y * y];
    std::array::from_fn(|i| BASIS[i] * polynomials[i])
}

/// Direction `i` of `count` spread evenly over the sphere.
fn fibonacci(i: usize, count: usize) -> Vec3 {
    let golden_angle = std::f32::consts::PI * (3.0 - 5f32.sqrt());
    let y = 1.0 - (2.0 * i as f32 + 1.0) / count as f32;
    let (sin, cos) = (golden_angle * i as f32).sin_cos();
    let radius = (1.0 - y * y).max(0.0).sqrt();
    Vec3::new(radius * cos, y, radius * sin)
}
