//! Where the room's avatars sit, and what their faces do.

use visavis::{Instance, Person, View, Viewport};
use visavis_codec::FaceFrame;
use visavis_codec::glam::{Affine3A, Vec3};

use crate::bench::face;

/// Metres between two seats of a row, and between two rows.
const SEAT: [f32; 2] = [0.62, 0.75];
/// How much higher each row sits than the one before it, metres.
const STEP: f32 = 0.26;

/// Instances in rows before a camera, the nearest row first: 1; 2 × 2; 4 × 4; 8 × 8.
pub(super) struct Stage {
    pub(super) cast: Vec<Instance>,
    columns: usize,
}

impl Stage {
    /// So many of a person.
    pub(super) fn new(person: &Person, avatars: usize) -> Self {
        let columns = (avatars as f64).sqrt().ceil().max(1.0) as usize;
        let cast = (0..avatars)
            .map(|n| {
                let (row, column) = (n / columns, n % columns);
                let across = column as f32 - (columns as f32 - 1.0) / 2.0;
                // Every other row is shifted by half a seat, so that nobody sits right behind another.
                let across = across + if row % 2 == 1 { 0.25 } else { -0.25 } * f32::from(columns > 1);
                let seat = Vec3::new(across * SEAT[0], row as f32 * STEP, row as f32 * SEAT[1]);
                let mut instance = person.instance();
                // A seat is finite.
                let _ = instance.set_pose(Affine3A::from_translation(seat));
                instance
            })
            .collect();
        Self { cast, columns }
    }

    /// The camera that sees them all: as far away as the first row is wide, at 40° from the lower edge to the upper.
    pub(super) fn viewport(&self, [width, height]: [u32; 2]) -> Viewport {
        let rows = self.cast.len().div_ceil(self.columns) as f32;
        let aspect = width as f32 / height as f32;
        let wide = self.columns as f32 * SEAT[0];
        let distance = (0.75 * wide / aspect / (20f32).to_radians().tan()).max(0.9);
        let eye = Vec3::new(0.0, 0.35 * (rows - 1.0) * STEP, -distance);
        let target = Vec3::new(0.0, 0.45 * (rows - 1.0) * STEP - 0.03, 0.3 * (rows - 1.0) * SEAT[1]);
        Viewport::new(View::look_at(eye, target, 40f32.to_radians(), aspect, 0.05), [width, height])
    }

    /// The next frame of everybody's face.
    pub(super) fn play(&mut self, n: u32) -> anyhow::Result<()> {
        for (who, instance) in (0u32..).zip(&mut self.cast) {
            let frame: FaceFrame = face(n.wrapping_add(who * 37));
            instance.set_frame(&frame)?;
        }
        Ok(())
    }

    pub(super) fn cast(&self) -> Vec<&Instance> {
        self.cast.iter().collect()
    }
}
