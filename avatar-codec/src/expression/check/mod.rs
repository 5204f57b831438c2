//! What tuning does to the decoded mesh, measured with the reference decoder.
//!
//! Every landmark is found on the mesh from the units' own displacements, so that any avatar can be checked:
//! - *lip contour, lid contours*: the vertices of a [`Seam`](super::Seam)'s two edges that touch where it is closed;
//! - *mouth corner* of a side: the vertex of the lip contour that this side's `mouthSmile` moves farthest;
//! - *brows*: the skin that a `brow…` unit moves by at least half of its own largest displacement.

mod eye;
mod patch;
mod random;

use glam::Vec3;

use crate::avatar::{Avatar, PartKind};
use crate::latent::{FaceUnit, Latent, Timestamp};

use self::eye::Eye;
use self::patch::{Edges, Patch, blinking_faces};
pub use self::random::{random_faces, random_profile};
use super::contact::{Decoded, SeamKind, touching};
use super::preset::Preset;
use super::profile::{Profile, Scope, Setting};
use super::range::{FaceRange, NotReadable};
use super::tuner::Tuner;

/// Why an avatar can't be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It can't be tuned at all.
    #[error(transparent)]
    NotReadable(#[from] NotReadable),
    /// No skin that a unit moves, no seam, or no eyes.
    #[error("no {what} are found on its mesh: no unit moves the skin as that would need")]
    Missing {
        /// What isn't there.
        what: &'static str,
    },
}

/// Measures one avatar.
#[derive(Debug)]
pub struct Checker<'a> {
    avatar: &'a Avatar,
    range: FaceRange,
    corners: Patch,
    lids: Patch,
    brows: Patch,
    /// For each unit the vertex that it moves farthest, and the direction in which it does.
    farthest: Patch,
    ways: Vec<Vec3>,
    seams: Vec<Edges>,
    eyes: Vec<Eye>,
}

/// How far contours pass through each other or into an eye, tuned less untuned, over many faces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Penetration {
    /// Faces measured.
    pub faces: usize,
    /// 99.9 % of faces are below, mm.
    pub p999_mm: f32,
    /// The worst face, mm.
    pub worst_mm: f32,
    /// The same for untuned faces, by itself: how far this avatar's own contours go at worst.
    pub untuned_worst_mm: f32,
}

/// Penetration of each kind, over the same faces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Penetrations {
    /// Lower lip through upper lip.
    pub lips: Penetration,
    /// Upper lid past the lower one.
    pub lids: Penetration,
    /// Lids into the eyeball.
    pub eyes: Penetration,
    /// The same beyond the deepest moment of the untuned face's own blink: units move lids along straight lines, so that
    /// half-closed ones lie in the cornea of many an avatar.
    pub eyes_beyond_blink: Penetration,
    /// Whether every tuned number was finite.
    pub is_finite: bool,
}

/// The smile's weights at which gain and spill are measured.
const SMILES: [f32; 6] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
/// The gain that is measured.
const GAIN: f32 = 1.5;
/// Metres to millimetres.
const MM: f32 = 1e3;
/// How far back a vertex may go as a gain rises: where one unit makes up for another.
const GIVES_WAY_MM: f32 = 0.01;
/// A blink is looked at in so many steps.
const BLINK_STEPS: usize = 10;
/// Frames of one random sequence.
const SEQUENCE: usize = 20;

impl<'a> Checker<'a> {
    /// Finds the landmarks.
    ///
    /// # Errors
    /// If the avatar has no face units, or lacks a part or a seam that is measured; the error names it.
    pub fn new(avatar: &'a Avatar) -> Result<Self, CheckError> {
        let range = FaceRange::of_avatar(avatar)?;
        let missing = |what| CheckError::Missing { what };
        let skin = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Skin);
        let first = skin.ok_or(missing("skin"))?.vertices.start as usize;
        let decoded = Decoded::new(avatar).ok_or(missing("skin"))?;

        let (mut seams, mut contours) = (Vec::new(), Vec::new());
        for kind in SeamKind::ALL {
            let (closed, open) = decoded.closed_and_open(kind);
            let pairs = touching(closed, open);
            let (mut moving, mut still) = (Vec::new(), Vec::new());
            let (mut directions, mut gaps) = (Vec::new(), Vec::new());
            for pair in pairs {
                let apart = |p: &[Vec3]| p[pair.moving] - p[pair.still];
                if let Some(direction) = (apart(open) - apart(closed)).try_normalize() {
                    moving.push(pair.moving);
                    still.push(pair.still);
                    directions.push(direction);
                    gaps.push(apart(closed).dot(direction).min(0.0));
                }
            }
            if directions.is_empty() {
                return Err(missing(if kind == SeamKind::Lips { "lips" } else { "lids" }));
            }
            let vertices = [moving, still].concat();
            seams.push(Edges { kind, patch: Patch::new(avatar, first, &vertices), directions, closed: gaps });
            contours.push(vertices);
        }
        let moved = |unit, v: usize| decoded.unit(unit)[v].distance(decoded.neutral[v]);
        let corner = |unit| {
            let farthest =
                contours[0].iter().copied().max_by(|&a, &b| moved(unit, a).total_cmp(&moved(unit, b)));
            farthest.ok_or(missing("lips"))
        };
        let corners = [corner(FaceUnit::MouthSmileLeft)?, corner(FaceUnit::MouthSmileRight)?];
        let all = 0..decoded.neutral.len();
        let mut brows = Vec::new();
        for unit in FaceUnit::ALL.into_iter().filter(|unit| unit.name().starts_with("brow")) {
            let most = all.clone().map(|v| moved(unit, v)).fold(0.0, f32::max);
            brows.extend(all.clone().filter(|&v| most > 0.0 && moved(unit, v) >= 0.5 * most));
        }
        brows.sort_unstable();
        brows.dedup();
        let farthest = FaceUnit::ALL
            .map(|unit| all.clone().max_by(|&a, &b| moved(unit, a).total_cmp(&moved(unit, b))).unwrap_or(0));
        let way = |unit: FaceUnit| {
            let v = farthest[unit as usize];
            (decoded.unit(unit)[v] - decoded.neutral[v]).normalize_or_zero()
        };
        let ways = FaceUnit::ALL.map(way).to_vec();
        let eyes = [PartKind::EyeLeft, PartKind::EyeRight]
            .into_iter()
            .zip(&contours[1..])
            .map(|(kind, lids)| Eye::new(avatar, kind, first, lids, &decoded).ok_or(missing("eyes")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            avatar,
            corners: Patch::new(avatar, first, &corners),
            lids: Patch::new(avatar, first, &contours[1..].concat()),
            brows: Patch::new(avatar, first, &brows),
            farthest: Patch::new(avatar, first, &farthest),
            ways,
            seams,
            eyes,
            range,
        })
    }

    /// The avatar's limits.
    pub fn range(&self) -> &FaceRange {
        &self.range
    }

    /// How far a smile with gain 1.5 is from moving the mouth corners 1.5 times as far: the worst of left, right and
    /// both at six weights up to where the soft ceiling begins, as a share of 1.5.
    pub fn smile_gain_error(&self) -> f32 {
        let mut worst = 0.0f32;
        for units in [&SMILE[..1], &SMILE[1..], &SMILE] {
            let mut tuner = Tuner::new(&gain_of(units), &self.range);
            for weight in SMILES {
                let (untuned, tuned) = self.tuned(&mut tuner, units, weight);
                for &unit in units {
                    let corner = SMILE.iter().position(|&side| side == unit).unwrap_or(0);
                    let moved = |latent: &Latent| {
                        let at = self.corners.decode(self.avatar, latent)[corner];
                        at.distance(Vec3::from(self.corners.mesh.mean[corner]))
                    };
                    worst = worst.max((moved(&tuned) / moved(&untuned) / GAIN - 1.0).abs());
                }
            }
        }
        worst
    }

    /// What a one-sided smile with gain 1.5 changes at lids, brows and the far mouth corner beyond what that very unit
    /// does there by itself at the same weight, as a share of what it changes at its own corner: the worst vertex.
    pub fn spill_ratio(&self) -> f32 {
        let mut worst = 0.0f32;
        for (side, unit) in SMILE.into_iter().enumerate() {
            let mut tuner = Tuner::new(&gain_of(&[unit]), &self.range);
            for weight in SMILES {
                let (untuned, tuned) = self.tuned(&mut tuner, &[unit], weight);
                let mut alone = untuned;
                *alone.unit_mut(unit) = tuned.unit(unit);
                let spilled = |patch: &Patch| {
                    let (tuned, alone) =
                        (patch.decode(self.avatar, &tuned), patch.decode(self.avatar, &alone));
                    tuned.iter().zip(&alone).map(|(a, b)| a.distance(*b)).collect::<Vec<_>>()
                };
                let spill = [&self.lids, &self.brows].into_iter().flat_map(spilled).fold(0.0, f32::max);
                let far = spilled(&self.corners)[1 - side];
                let corner = |latent: &Latent| self.corners.decode(self.avatar, latent)[side];
                worst = worst.max(spill.max(far) / corner(&tuned).distance(corner(&untuned)));
            }
        }
        worst
    }

    /// The tallest opening between the lids that is seen from the front at full blink, mm, over both eyes and faces at rest,
    /// that smile, are surprised, frown and squint.
    pub fn blink_gap_mm(&self, profile: &Profile) -> f32 {
        self.gap_mm(profile, &blinking_faces(&self.range))
    }

    /// The same of the face at rest alone.
    pub fn resting_blink_gap_mm(&self, profile: &Profile) -> f32 {
        self.gap_mm(profile, &blinking_faces(&self.range)[..1])
    }

    fn gap_mm(&self, profile: &Profile, faces: &[Latent]) -> f32 {
        let mut worst = 0.0f32;
        for face in faces {
            // A tuner of its own: the lids have to be closed in the very frame that closes them.
            let tuned = Tuner::new(profile, &self.range).apply(face, Timestamp(0));
            for eye in &self.eyes {
                worst = worst.max(eye.opening(self.avatar, &tuned) * MM);
            }
        }
        worst
    }

    /// Whether every unit's gain, from 0 to 4, moves the vertex that this unit moves farthest further along its own way
    /// with each step (or no more than 0.01 mm back, where one unit makes up for another), at three weights; `mouthClose` over an open jaw.
    pub fn is_monotonic(&self) -> bool {
        FaceUnit::ALL.into_iter().enumerate().all(|(number, unit)| {
            [0.15, 0.4, 0.8].into_iter().all(|weight| {
                let mut face = Latent::NEUTRAL;
                if unit == FaceUnit::MouthClose {
                    *face.unit_mut(FaceUnit::JawOpen) = self.range.unit(FaceUnit::JawOpen)[1];
                }
                *face.unit_mut(unit) = weight * self.range.unit(unit)[1];
                let mut last = f32::NEG_INFINITY;
                (0..=16).all(|step| {
                    let mut profile = Profile::default();
                    let set = profile.set(Scope::Unit(unit), Setting::Gain, Some(step as f32 * 0.25));
                    debug_assert!(set.is_ok());
                    let tuned = Tuner::new(&profile, &self.range).apply(&face, Timestamp(0));
                    let at = self.farthest.decode(self.avatar, &tuned)[number];
                    let along =
                        (at - Vec3::from(self.farthest.mesh.mean[number])).dot(self.ways[number]) * MM;
                    let rises = along >= last - GIVES_WAY_MM;
                    last = last.max(along);
                    rises
                })
            })
        })
    }

    /// Whether `as-i-am` returns every bit of `count` random faces.
    pub fn is_identity_exact(&self, count: usize) -> bool {
        let mut tuner = Tuner::new(&Preset::AsIAm.profile(), &self.range);
        let bits = |latent: &Latent| -> Vec<u32> {
            let Latent { units, gaze, residual } = latent;
            units.iter().chain(&gaze.to_array()).chain(residual).map(|number| number.to_bits()).collect()
        };
        let faces = random_faces(&self.range, 7, count);
        faces
            .iter()
            .enumerate()
            .all(|(i, face)| bits(&tuner.apply(face, Timestamp(i as u64 * 33_333_333))) == bits(face))
    }

    /// How much further contours go through each other and into the eyes than they do untuned, over `faces` frames of
    /// random sequences, 20 to a random profile. `step` is told after each profile, and ends it by returning false.
    pub fn penetration(&self, faces: usize, seed: u64, step: &mut dyn FnMut(usize) -> bool) -> Penetrations {
        let mut differences: [Vec<f32>; 4] = Default::default();
        let mut untuned_worst = [0.0f32; 4];
        let mut is_finite = true;
        for sequence in 0..faces.div_ceil(SEQUENCE) {
            let seed = seed.wrapping_mul(0x1_0000_0001).wrapping_add(sequence as u64);
            let mut tuner = Tuner::new(&random_profile(seed), &self.range);
            let count = SEQUENCE.min(faces - sequence * SEQUENCE);
            for (i, face) in random_faces(&self.range, seed, count).iter().enumerate() {
                let tuned = tuner.apply(face, Timestamp(i as u64 * 33_333_333));
                is_finite &= tuned.is_finite();
                let ([lips, lids, eyes], after) = (self.depths(face), self.depths(&tuned));
                let before = [lips, lids, eyes, eyes.max(self.blink_depth(face))];
                let after = [after[0], after[1], after[2], after[2]];
                for kind in 0..4 {
                    differences[kind].push((after[kind] - before[kind]) * MM);
                    untuned_worst[kind] = untuned_worst[kind].max(before[kind] * MM);
                }
            }
            if !step(count) {
                break;
            }
        }
        let [lips, lids, eyes, eyes_beyond_blink] = std::array::from_fn(|kind| {
            let all = &mut differences[kind];
            all.sort_unstable_by(f32::total_cmp);
            let at = |share: f64| all.get((all.len() as f64 * share) as usize).or(all.last()).copied();
            Penetration {
                faces: all.len(),
                p999_mm: at(0.999).unwrap_or(0.0),
                worst_mm: all.last().copied().unwrap_or(0.0),
                untuned_worst_mm: untuned_worst[kind],
            }
        });
        Penetrations { lips, lids, eyes, eyes_beyond_blink, is_finite }
    }

    /// How deep lips, lids and eyes are in each other, metres.
    fn depths(&self, latent: &Latent) -> [f32; 3] {
        let mut depths = [0.0f32; 3];
        for seam in &self.seams {
            let kind = if seam.kind == SeamKind::Lips { 0 } else { 1 };
            depths[kind] = depths[kind].max(seam.depth(self.avatar, latent));
        }
        for eye in &self.eyes {
            depths[2] = depths[2].max(eye.depth(self.avatar, latent));
        }
        depths
    }

    /// How deep the lids of a face are in its eyes at the worst moment of a blink, metres.
    fn blink_depth(&self, face: &Latent) -> f32 {
        let mut deepest = 0.0f32;
        for i in 0..=BLINK_STEPS {
            let mut latent = *face;
            for unit in [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight] {
                *latent.unit_mut(unit) = self.range.unit(unit)[1] * i as f32 / BLINK_STEPS as f32;
            }
            deepest = self.eyes.iter().map(|eye| eye.depth(self.avatar, &latent)).fold(deepest, f32::max);
        }
        deepest
    }

    /// The face with these units at a weight (times their largest), untuned and tuned.
    fn tuned(&self, tuner: &mut Tuner, units: &[FaceUnit], weight: f32) -> (Latent, Latent) {
        let mut latent = Latent::NEUTRAL;
        for &unit in units {
            *latent.unit_mut(unit) = weight * self.range.unit(unit)[1];
        }
        tuner.reset();
        (latent, tuner.apply(&latent, Timestamp(0)))
    }
}

const SMILE: [FaceUnit; 2] = [FaceUnit::MouthSmileLeft, FaceUnit::MouthSmileRight];

fn gain_of(units: &[FaceUnit]) -> Profile {
    let mut profile = Profile::default();
    for &unit in units {
        let set = profile.set(Scope::Unit(unit), Setting::Gain, Some(GAIN));
        debug_assert!(set.is_ok());
    }
    profile
}
