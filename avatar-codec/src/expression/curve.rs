//! How a seam's gaps leave the units' straight lines: the hidden layer of the geometry head, as the contacts see it.
//!
//! An avatar with correctives (lids that ride on the eyeball, lips that stop where they meet) moves its edges by
//! `Wx + M (leaky(W₁c + b₁) − leaky(b₁))`. The first term is the contacts' slopes; this is the second, of those hidden
//! units that matter to the seam.

use crate::avatar::{Avatar, leaky};
use crate::latent::{GAZE, UNITS};

use super::contact::{Contact, MAX_CONTACTS, Row};

/// The most hidden units that are followed.
pub(super) const MAX_HIDDEN: usize = 128;
/// A hidden unit that moves no contact by more than this, metres, over all units' ranges, isn't.
const LEAST_M: f32 = 0.03e-3;

/// Activations of a face.
pub(super) type Hidden = [f32; MAX_HIDDEN];

/// Of one seam. All rows have the same hidden units, at most [`MAX_HIDDEN`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// `[input][hidden]`: units, then gaze.
    weights: Vec<Vec<f32>>,
    bias: Vec<f32>,
    /// `[hidden]`: metres of each contact for an activation of 1.
    metres: Vec<Row>,
}

impl Curve {
    /// `None` where nothing leaves the lines. `skin` is the number of the first vertex of the skin.
    pub(super) fn new(avatar: &Avatar, skin: usize, contacts: &[Contact]) -> Option<Self> {
        let head = &avatar.geometry;
        let inputs = head.w1.len() / head.hidden.max(1);
        if inputs < UNITS + GAZE || contacts.is_empty() {
            return None;
        }
        let modes: Vec<Row> = (0..head.rank)
            .map(|rank| {
                std::array::from_fn(|k| along(avatar, skin, rank, contacts.get(k).or(contacts.last())))
            })
            .collect();
        let mut kept: Vec<(f32, usize, Row)> = (0..head.hidden)
            .filter_map(|unit| {
                let mut metres = [0.0; MAX_CONTACTS];
                for (rank, mode) in modes.iter().enumerate() {
                    add(&mut metres, head.w2[rank * head.hidden + unit], mode);
                }
                let reach: f32 = head.w1[unit * inputs..][..UNITS + GAZE].iter().map(|w| w.abs()).sum();
                let most = metres.iter().fold(0.0f32, |most, m| most.max(m.abs())) * reach;
                (most > LEAST_M).then_some((most, unit, metres))
            })
            .collect();
        kept.sort_by(|a, b| b.0.total_cmp(&a.0));
        kept.truncate(MAX_HIDDEN);
        let column = |input: usize| kept.iter().map(|&(_, unit, _)| head.w1[unit * inputs + input]).collect();
        (!kept.is_empty()).then(|| Self {
            weights: (0..UNITS + GAZE).map(column).collect(),
            bias: kept.iter().map(|&(_, unit, _)| head.b1[unit]).collect(),
            metres: kept.iter().map(|&(_, _, metres)| metres).collect(),
        })
    }

    /// What goes into the hidden units of a face.
    pub(super) fn sums(&self, units: &[f32; UNITS], gaze: [f32; GAZE]) -> Hidden {
        let mut sums = [0.0; MAX_HIDDEN];
        sums[..self.bias.len()].copy_from_slice(&self.bias);
        for (weights, &value) in self.weights.iter().zip(units.iter().chain(&gaze)) {
            // Most units rest.
            if value != 0.0 {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += value * weight;
                }
            }
        }
        sums
    }

    /// What a unit's change adds to the sums.
    pub(super) fn step(&self, sums: &mut Hidden, unit: usize, change: f32) {
        for (sum, weight) in sums.iter_mut().zip(&self.weights[unit]) {
            *sum += change * weight;
        }
    }

    /// Metres that each contact's gap has at `to` beyond what it has at `from`, its slopes apart.
    pub(super) fn between(&self, from: &Hidden, to: &Hidden) -> Row {
        let mut row = [0.0; MAX_CONTACTS];
        for ((metres, &a), &b) in self.metres.iter().zip(from).zip(to) {
            add(&mut row, leaky(b) - leaky(a), metres);
        }
        row
    }

    /// Metres at a face beyond neutral, its slopes apart.
    pub(super) fn beyond_neutral(&self, sums: &Hidden) -> Row {
        let mut neutral = [0.0; MAX_HIDDEN];
        neutral[..self.bias.len()].copy_from_slice(&self.bias);
        self.between(&neutral, sums)
    }
}

/// The slopes of a contact: what each unit adds to its gap at weight 1 by the head's linear way, metres.
pub(super) fn slopes(avatar: &Avatar, skin: usize, contact: &Contact) -> [f32; UNITS] {
    let head = &avatar.geometry;
    let inputs = head.w3.len() / head.rank.max(1);
    let mut slopes = [0.0; UNITS];
    for (rank, row) in head.w3.chunks_exact(inputs.max(1)).enumerate() {
        let metres = along(avatar, skin, rank, Some(contact));
        for (slope, weight) in slopes.iter_mut().zip(row) {
            *slope += metres * weight;
        }
    }
    slopes
}

/// How a vector of the basis opens a contact, metres for a coefficient of 1; 0 without one.
fn along(avatar: &Avatar, skin: usize, rank: usize, contact: Option<&Contact>) -> f32 {
    let head = &avatar.geometry;
    let vertices = avatar.mesh.mean.len();
    let step = |vertex: usize| {
        let at = (rank * vertices + skin + vertex) * 3;
        glam::Vec3::from(std::array::from_fn(|axis| f32::from(head.basis[at + axis])))
    };
    contact.map_or(0.0, |contact| {
        (step(contact.moving) - step(contact.still)).dot(contact.direction) * head.basis_step[rank]
    })
}

/// `row += factor · slope`.
pub(super) fn add(row: &mut Row, factor: f32, slope: &Row) {
    for (sum, slope) in row.iter_mut().zip(slope) {
        *sum += factor * slope;
    }
}
