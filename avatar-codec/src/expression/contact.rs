//! Where lips and lids touch: pairs of vertices that are together in one pose and far apart in another.

use glam::Vec3;

use crate::avatar::{Avatar, PartKind};
use crate::latent::{FaceUnit, HeadPose, Latent, UNITS};
use crate::reference::decode;

use super::curve::{self, Curve};

/// What touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeamKind {
    /// The lips: together at neutral, apart where the jaw opens.
    Lips,
    /// The left eye's lids: together in a blink.
    LidsLeft,
    /// The right eye's lids.
    LidsRight,
}

impl SeamKind {
    /// Lips, left lids, right lids.
    pub const ALL: [Self; 3] = [Self::Lips, Self::LidsLeft, Self::LidsRight];
}

/// A line along which two edges touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Seam {
    /// What touches.
    pub kind: SeamKind,
    /// Across the seam from −X to +X, at most [`MAX_CONTACTS`].
    pub contacts: Vec<Contact>,
    /// What the gaps have beside their slopes, if the avatar's geometry isn't linear in the units.
    pub(super) curve: Option<Curve>,
}

/// Two vertices on the two edges of a seam, and how far they are apart for any face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// The vertex that opens the seam: on the lower lip or the upper lid.
    pub moving: usize,
    /// The vertex that stays: on the upper lip or the lower lid.
    pub still: usize,
    /// Unit vector along which the moving vertex leaves the other.
    pub direction: Vec3,
    /// Metres between them along `direction` at neutral, less what it is where the seam is closed: 0 touches.
    pub neutral: f32,
    /// What each unit adds at weight 1, metres, by the straight way of the avatar's geometry.
    pub slope: [f32; UNITS],
}

/// The most contacts of a seam.
pub const MAX_CONTACTS: usize = 24;
/// A number for each contact; of a seam with fewer the last one again.
pub(super) type Row = [f32; MAX_CONTACTS];
/// A vertex moves if it goes more than this share of what the farthest does, and stays if less than the other.
const MOVES: f32 = 0.6;
const STAYS: f32 = 0.4;
/// Closer than this where the seam is closed, metres: on the contour.
const TOUCHING_M: f32 = 0.003;
/// Fewer pairs than this are no seam.
const MIN_PAIRS: usize = 6;
/// What opens by less than this is no seam, metres.
const MIN_OPENING_M: f32 = 0.002;

impl Contact {
    /// Metres between the two vertices, as the units' slopes sum up; 0 where the seam is closed.
    pub fn gap(&self, units: &[f32; UNITS]) -> f32 {
        self.neutral + self.slope.iter().zip(units).map(|(slope, unit)| slope * unit).sum::<f32>()
    }

    /// How differently the units move two contacts: the squared distance of their slopes.
    fn unlike(&self, other: &Self) -> f32 {
        self.slope.iter().zip(&other.slope).map(|(a, b)| (a - b) * (a - b)).sum()
    }
}

/// The seam of an avatar, found by its units' own displacements of the skin, or `None` if it shows none.
///
/// What moves by at least 0.6 of the largest displacement between the closed pose and the open one is one edge, what
/// moves by at most 0.4 of it the other; where two such vertices are closer than 3 mm in the closed pose, the edges
/// touch. Of all these pairs the seam keeps the closest one and then, one by one, the pair that the units open least like
/// any that is kept: what is kept stands for what isn't.
pub fn find_seam(avatar: &Avatar, kind: SeamKind) -> Option<Seam> {
    let decoded = Decoded::new(avatar)?;
    decoded.seam(kind)
}

/// The skin of an avatar at neutral and for each unit.
pub(super) struct Decoded<'a> {
    avatar: &'a Avatar,
    /// The skin's first vertex.
    first: usize,
    pub(super) neutral: Vec<Vec3>,
    /// Each unit at weight 1, extrapolated from what the decoder knows.
    units: Vec<Vec<Vec3>>,
}

impl<'a> Decoded<'a> {
    /// `None` without skin.
    pub(super) fn new(avatar: &'a Avatar) -> Option<Self> {
        let part = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Skin)?;
        let skin = part.vertices.start as usize..part.vertices.end as usize;
        let decode = |latent: &Latent| -> Vec<Vec3> {
            let condition = decode::condition(avatar, latent, &HeadPose::REST);
            decode::geometry(avatar, &condition)[skin.clone()].to_vec()
        };
        let neutral = decode(&Latent::NEUTRAL);
        let units = FaceUnit::ALL
            .into_iter()
            .map(|unit| {
                let max = avatar.manifest.latent.axes.get(unit as usize).map_or(1.0, |axis| axis.max);
                let max = if max > 0.0 { max } else { 1.0 };
                let mut latent = Latent::NEUTRAL;
                *latent.unit_mut(unit) = max;
                let at_max = decode(&latent);
                at_max.iter().zip(&neutral).map(|(&at, &from)| from + (at - from) / max).collect()
            })
            .collect();
        Some(Self { avatar, first: skin.start, neutral, units })
    }

    pub(super) fn seam(&self, kind: SeamKind) -> Option<Seam> {
        let (closed, open) = self.closed_and_open(kind);
        let pairs = touching(closed, open);
        if pairs.len() < MIN_PAIRS {
            return None;
        }
        let all: Vec<Contact> = pairs.iter().filter_map(|&pair| self.contact(pair, closed, open)).collect();
        let closest = pairs.iter().min_by(|a, b| a.distance.total_cmp(&b.distance))?;
        let mut contacts = Vec::new();
        let mut next = all.iter().position(|contact| contact.moving == closest.moving)?;
        let mut unlike = vec![f32::INFINITY; all.len()];
        while contacts.len() < MAX_CONTACTS.min(all.len()) {
            let kept = all[next];
            contacts.push(kept);
            for (unlike, contact) in unlike.iter_mut().zip(&all) {
                *unlike = unlike.min(contact.unlike(&kept));
            }
            next = (0..all.len()).max_by(|&a, &b| unlike[a].total_cmp(&unlike[b]))?;
        }
        contacts.sort_by(|a, b| closed[a.moving].x.total_cmp(&closed[b.moving].x));
        let curve = Curve::new(self.avatar, self.first, &contacts);
        Some(Seam { kind, contacts, curve })
    }

    /// The skin in the pose where a seam is closed, and in one where it is open.
    pub(super) fn closed_and_open(&self, kind: SeamKind) -> (&[Vec3], &[Vec3]) {
        match kind {
            SeamKind::Lips => (&self.neutral, self.unit(FaceUnit::JawOpen)),
            SeamKind::LidsLeft => (self.unit(FaceUnit::EyeBlinkLeft), &self.neutral),
            SeamKind::LidsRight => (self.unit(FaceUnit::EyeBlinkRight), &self.neutral),
        }
    }

    /// The skin with one unit at weight 1.
    pub(super) fn unit(&self, unit: FaceUnit) -> &Vec<Vec3> {
        &self.units[unit as usize]
    }

    fn contact(&self, pair: Pair, closed: &[Vec3], open: &[Vec3]) -> Option<Contact> {
        let Pair { moving, still, distance: _ } = pair;
        let apart = |positions: &[Vec3]| positions[moving] - positions[still];
        let direction = (apart(open) - apart(closed)).try_normalize()?;
        let gap = |positions: &[Vec3]| apart(positions).dot(direction);
        let neutral = gap(&self.neutral);
        let neutral = neutral - gap(closed);
        let mut contact = Contact { moving, still, direction, neutral, slope: [0.0; UNITS] };
        contact.slope = curve::slopes(self.avatar, self.first, &contact);
        Some(contact)
    }
}

/// Two vertices, metres apart where the seam is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) moving: usize,
    pub(super) still: usize,
    distance: f32,
}

/// Each moving vertex on the contour, with the closest one that stays.
pub(super) fn touching(closed: &[Vec3], open: &[Vec3]) -> Vec<Pair> {
    let moved: Vec<f32> = closed.iter().zip(open).map(|(a, b)| a.distance(*b)).collect();
    let most = moved.iter().copied().fold(0.0, f32::max);
    if most < MIN_OPENING_M || !most.is_finite() {
        return Vec::new();
    }
    let of = |keep: &dyn Fn(f32) -> bool| -> Vec<usize> {
        (0..closed.len()).filter(|&v| keep(moved[v])).collect()
    };
    let still = of(&|moved| moved < STAYS * most);
    of(&|moved| moved > MOVES * most)
        .into_iter()
        .filter_map(|moving| {
            let squared = |&v: &usize| closed[v].distance_squared(closed[moving]);
            let nearest = *still.iter().min_by(|a, b| squared(a).total_cmp(&squared(b)))?;
            let distance = squared(&nearest).sqrt();
            (distance < TOUCHING_M).then_some(Pair { moving, still: nearest, distance })
        })
        .collect()
}
