//! What a frame tells the decoder: the condition, the coefficients of the basis, the joints.

use glam::Affine3A;
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{GeometryHead, Skeleton, leaky};
use visavis_codec::latent::MAX_CONDITION;
use visavis_codec::reference::skin::joint_transforms;
use visavis_shaders::mirror::CONDITION_VECTORS;

use crate::cpu::Form;

/// The part of the geometry head that runs on the processor: its two small layers are some 30,000 multiply-adds,
/// less work than recording a dispatch for them.
#[derive(Clone, Debug)]
pub(crate) struct Pose {
    skeleton: Skeleton,
    residual: usize,
    hidden: usize,
    w1: Vec<f32>,
    b1: Vec<f32>,
    w2: Vec<f32>,
    w3: Vec<f32>,
    basis_step: Vec<f32>,
}

impl Pose {
    /// Where coefficients and joints begin in what [`write`](Self::write) appends: a binding of their own.
    pub(crate) const OFFSET: usize = (CONDITION_VECTORS * 16).next_multiple_of(256);

    pub(crate) fn new(form: &Form<'_>) -> Self {
        let GeometryHead { hidden, rank: _, w1, b1, w2, w3, basis: _, basis_step } = form.geometry;
        Self {
            skeleton: form.skeleton.clone(),
            residual: form.residual,
            hidden: *hidden,
            w1: w1.clone(),
            b1: b1.clone(),
            w2: w2.clone(),
            w3: w3.clone(),
            basis_step: basis_step.clone(),
        }
    }

    /// The basis's coefficients (without its steps), in a buffer that is kept from one time to the next.
    pub(crate) fn coefficients<'a>(&self, frame: &FaceFrame, floats: &'a mut Vec<f32>) -> &'a [f32] {
        let mut condition = [0.0; MAX_CONDITION];
        let length = frame.latent.condition(&frame.head, self.residual, &mut condition);
        let condition = &condition[..length];
        floats.clear();
        floats.extend(
            (self.w1.chunks_exact(length).zip(&self.b1))
                .map(|(row, &bias)| leaky(bias + dot(row, condition)) - leaky(bias)),
        );
        let hidden = floats.len();
        for (w2, w3) in self.w2.chunks_exact(self.hidden.max(1)).zip(self.w3.chunks_exact(length)) {
            let coefficient = dot(w2, &floats[..hidden]) + dot(w3, condition);
            floats.push(coefficient);
        }
        &floats[hidden..]
    }

    /// How many bytes [`write`](Self::write) gives.
    pub(crate) fn bytes(&self) -> usize {
        Self::OFFSET + (self.basis_step.len().div_ceil(4) + 3 * self.skeleton.joints.len()) * 16
    }

    /// The inputs of the seed and the skin shaders: the condition with its constant 1, zero padded; at
    /// [`OFFSET`](Self::OFFSET) the coefficients in metres a step, four a vector, and three rows of each joint's
    /// transform.
    pub(crate) fn write(&self, frame: &FaceFrame) -> Vec<u8> {
        let mut condition = [0.0; MAX_CONDITION];
        let length = frame.latent.condition(&frame.head, self.residual, &mut condition);
        let condition = &condition[..length];
        let hidden: Vec<f32> = (self.w1.chunks_exact(length).zip(&self.b1))
            .map(|(row, &bias)| leaky(bias + dot(row, condition)) - leaky(bias))
            .collect();
        let mut floats = condition.to_vec();
        floats.push(1.0);
        floats.resize(Self::OFFSET / 4, 0.0);
        floats.extend(
            (self.w2.chunks_exact(self.hidden.max(1)).zip(self.w3.chunks_exact(length)))
                .zip(&self.basis_step)
                .map(|((w2, w3), step)| (dot(w2, &hidden) + dot(w3, condition)) * step),
        );
        floats.resize(Self::OFFSET / 4 + self.basis_step.len().next_multiple_of(4), 0.0);
        for Affine3A { matrix3, translation } in
            joint_transforms(&self.skeleton, frame.latent.gaze, &frame.head)
        {
            for row in 0..3 {
                floats.extend_from_slice(&matrix3.row(row).to_array());
                floats.push(translation[row]);
            }
        }
        bytemuck::cast_slice(&floats).to_vec()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
