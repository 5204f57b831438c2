//! The lamp that explains how surfaces are shaded.

use glam::Vec3;

use super::surfaces::Surface;

/// The albedo that surfaces are taken to have in the mean.
pub const ALBEDO: f32 = 0.45;
/// Directions that the lamp is looked for in, some 12° apart; before that, some 24° apart.
pub const DIRECTIONS: usize = 300;
const COARSE_DIRECTIONS: usize = 75;
/// Only round those of the coarse directions that explain nearly as much as the best of them, by this share, is looked closely.
const NEAR: f32 = 0.5;
/// Directions that surfaces are counted by.
const NORMALS: usize = 300;
/// How many times the ambient light a lamp is, straight on.
const RATIOS: [f32; 6] = [0.35, 0.7, 1.4, 2.8, 5.6, 11.2];
/// The first one tried.
const FIRST_RATIO: usize = 2;
/// The same more finely, for a colour's channels: the first, and what each is of the one before.
const FINE: (f32, f32, usize) = (0.1, 1.3, 20);
/// Neighbours are of one paint whose colours differ by less: chromaticity (each channel's share of the sum), and the logarithm of
/// luminance. Of one material, as a carpet of many paints, they are that differ by less than the second pair.
const SAME: [(f32, f32); 2] = [(0.02, 0.5), (0.18, 1.0)];
/// And whose depths differ by less, as a share; of one material are only those that face alike, by the angle's cosine.
const SAME_DEPTH: f32 = 0.08;
const SAME_FACING: f32 = 0.87;
/// How much it says that a material's paints are equally bright in the mean, and that all materials are (the grey world), beside
/// how each paint is shaded.
const EQUALS: [f32; 2] = [1.0, 0.1];
/// How much a lamp's colour may differ from the ambient light's, as the logarithm of a channel, for as much as shading explains.
const TINT: f32 = 2.2;
/// Directions have a say that explain nearly as much: 63 % less for each such share of all that the best one explains.
const SHARPNESS: f32 = 0.1;
/// A lamp that explains less than this share of what differs isn't believed wholly.
const BELIEVED: f32 = 0.03;
/// Of more surfaces than that, every second, third … of a paint is looked at after its first ones.
const MOST: usize = 1500;
const WHOLE: usize = 6;
/// Of fewer directions shading says nothing.
const LEAST_DIRECTIONS: usize = 12;
/// How much of the hue that materials have in the mean is the ambient light's.
const HUE: f32 = 0.3;
/// Cosines are looked up in so many steps.
const STEPS: usize = 64;

/// Light that shading tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// Towards the lamp, in the frame of the normals.
    pub(super) to_lamp: Vec3,
    /// What white takes from all round, and from the lamp straight on.
    pub(super) ambient: Vec3,
    pub(super) lamp: Vec3,
}

/// Finds a lamp and ambient light that shade `surfaces` as they are seen. `columns`: of the grid that their cells number, row by
/// row. None if too few directions are seen.
///
/// Where a patch of one paint turns, its colour over its unknown albedo is `1 + k cos`, whatever the albedo (shape from shading
/// the other way round; cf. Horn 1970, and Land & McCann 1971 on what is shading and what is paint). Patches are grown over
/// neighbours of one chromaticity; each has an albedo of its own, the median of what is left over. That the paints of one material,
/// and all materials, are alike in the mean speaks more softly. Costs are absolute: shadows and highlights are outvoted.
pub(super) fn explain(surfaces: &[Surface], columns: usize) -> Option<Found> {
    let patches = Patches::grow(surfaces, columns)?;
    let tables = RATIOS.map(table);
    let luminances: Vec<f32> =
        patches.colors.iter().map(|color| super::estimate::luminance(*color).ln()).collect();
    let mut work = Work::default();
    let none = patches.rest(&luminances, None, &mut work).cost();
    let mut steps = Vec::new();
    let mut cost_of = |to_lamp: Vec3, first: usize| {
        patches.facing(to_lamp, &mut steps);
        least(first, |ratio| patches.rest(&luminances, Some((&tables[ratio], &steps)), &mut work).cost())
    };
    let coarse: Vec<(Vec3, usize, f32)> = (0..COARSE_DIRECTIONS)
        .map(|i| {
            let to_lamp = fibonacci(i, COARSE_DIRECTIONS);
            let (ratio, cost) = cost_of(to_lamp, FIRST_RATIO);
            (to_lamp, ratio, cost)
        })
        .collect();
    let mut best = coarse.iter().fold(none, |best, (.., cost)| best.min(*cost));
    let worth = best + NEAR * (none - best);
    let mut costs = Vec::new();
    for to_lamp in (0..DIRECTIONS).map(|i| fibonacci(i, DIRECTIONS)) {
        let near = coarse.iter().max_by(|a, b| to_lamp.dot(a.0).total_cmp(&to_lamp.dot(b.0)));
        if let Some(&(_, ratio, _)) = near.filter(|(.., cost)| *cost <= worth) {
            let (_, cost) = cost_of(to_lamp, ratio);
            best = best.min(cost);
            costs.push((to_lamp, cost));
        }
    }
    let explained = none - best;
    if explained <= 1e-4 * none || !explained.is_finite() {
        return None;
    }
    let to_lamp: Vec3 = (costs.iter())
        .map(|(direction, cost)| *direction * ((best - cost) / (SHARPNESS * explained)).exp())
        .sum();
    let to_lamp = to_lamp.try_normalize()?;

    patches.facing(to_lamp, &mut steps);
    let weigh = |cost: f32, best: f32| ((best - cost) / (SHARPNESS * explained)).exp();
    // How strong the lamp is beside the ambient light: in all, then channel by channel by how each paint is shaded.
    let mut strength = |values: &[f32], near: Option<f32>| {
        let tried: Vec<(f32, f32, f32)> = (0..FINE.2)
            .map(|i| {
                let ratio = FINE.0 * FINE.1.powi(i as i32);
                let rest = patches.rest(values, Some((&table(ratio), &steps)), &mut work);
                let far = near.map_or(0.0, |near| ((ratio.ln() - near) / TINT).powi(2));
                let cost = if near.is_some() {
                    rest.of_paints + EQUALS[0] * rest.of_materials + far * explained
                } else {
                    rest.cost()
                };
                (ratio.ln(), rest.middle, cost)
            })
            .collect();
        let best = tried.iter().map(|(.., cost)| *cost).fold(f32::INFINITY, f32::min);
        let sum: f32 = tried.iter().map(|(.., cost)| weigh(*cost, best)).sum();
        let mean = |of: fn(&(f32, f32, f32)) -> f32| {
            tried.iter().map(|one| of(one) * weigh(one.2, best)).sum::<f32>() / sum
        };
        (mean(|one| one.0), mean(|one| one.1))
    };
    let (ratio, level) = strength(&luminances, None);
    let (mut ambient, mut lamp) = (Vec3::ZERO, Vec3::ZERO);
    for channel in 0..3 {
        let values: Vec<f32> = patches.colors.iter().map(|color| color[channel].ln()).collect();
        let (ratio, own_level) = strength(&values, Some(ratio));
        ambient[channel] = (level + HUE * (own_level - level)).exp() / ALBEDO;
        lamp[channel] = ratio.exp() * ambient[channel];
    }
    let doubt = 1.0 - (explained / (BELIEVED * none)).min(1.0);
    // A quarter of a lamp's light is what a sphere takes of it in the mean.
    Some(Found { to_lamp, ambient: ambient + 0.25 * doubt * lamp, lamp: (1.0 - doubt) * lamp })
}

/// Which of [`RATIOS`] costs least, and what: downhill from the first one.
fn least(first: usize, mut cost: impl FnMut(usize) -> f32) -> (usize, f32) {
    let mut best = (first, cost(first));
    for ratio in first + 1..RATIOS.len() {
        let next = cost(ratio);
        if next >= best.1 {
            break;
        }
        best = (ratio, next);
    }
    if best.0 == first {
        for ratio in (0..first).rev() {
            let next = cost(ratio);
            if next >= best.1 {
                break;
            }
            best = (ratio, next);
        }
    }
    best
}

/// `ln(1 + ratio · cosine)` by steps of the cosine.
fn table(ratio: f32) -> [f32; STEPS + 1] {
    std::array::from_fn(|step| (ratio * step as f32 / STEPS as f32).ln_1p())
}

/// Surfaces in order of the materials, and of the paints, that they are of.
struct Patches {
    normals: Vec<Vec3>,
    colors: Vec<Vec3>,
    weights: Vec<f32>,
    /// Where each paint ends, and what it weighs.
    paints: Vec<(usize, f32)>,
    /// Where each material ends among the paints, and what it weighs.
    materials: Vec<(usize, f32)>,
}

/// What is left over once shading is taken away.
struct Rest {
    /// The logarithm in the middle.
    middle: f32,
    of_paints: f32,
    of_materials: f32,
    of_all: f32,
}

/// Memory that is used again and again.
#[derive(Default)]
struct Work {
    rests: Vec<f32>,
    ordered: Vec<f32>,
    paints: Vec<(f32, f32)>,
    materials: Vec<(f32, f32)>,
}

impl Rest {
    fn cost(&self) -> f32 {
        self.of_paints + EQUALS[0] * self.of_materials + EQUALS[1] * self.of_all
    }
}

impl Patches {
    fn grow(surfaces: &[Surface], columns: usize) -> Option<Self> {
        let mut roots: [Vec<usize>; 2] = std::array::from_fn(|_| (0..surfaces.len()).collect());
        let mut at_cell = vec![usize::MAX; surfaces.last()?.cell + 1];
        for (index, surface) in surfaces.iter().enumerate() {
            at_cell[surface.cell] = index;
            let left = (!surface.cell.is_multiple_of(columns)).then(|| surface.cell - 1);
            let above = surface.cell.checked_sub(columns);
            for neighbour in [left, above].into_iter().flatten().map(|cell| at_cell[cell]) {
                let Some(other) = surfaces.get(neighbour) else { continue };
                for (roots, same) in roots.iter_mut().zip(SAME) {
                    if surface.is_as(other, same) {
                        let (a, b) = (root(roots, index), root(roots, neighbour));
                        roots[a.max(b)] = a.min(b);
                    }
                }
            }
        }
        let [paints, materials] = &mut roots;
        let mut order: Vec<[usize; 3]> =
            (0..surfaces.len()).map(|i| [root(materials, i), root(paints, i), i]).collect();
        order.sort_unstable();
        let (step, mut place, mut last) = (surfaces.len().div_ceil(MOST), 0, usize::MAX);
        order.retain(|&[_, paint, _]| {
            place = if paint == last { place + 1 } else { 0 };
            last = paint;
            place < WHOLE || place.is_multiple_of(step)
        });
        let of = |at: usize| &surfaces[order[at][2]];

        // A large wall says more than a cup, but not as much more as it is larger.
        let directions: Vec<Vec3> = (0..NORMALS).map(|i| fibonacci(i, NORMALS)).collect();
        let nearest = |normal: Vec3| {
            let nearer =
                |a: &usize, b: &usize| normal.dot(directions[*a]).total_cmp(&normal.dot(directions[*b]));
            (0..NORMALS).max_by(nearer).unwrap_or(0)
        };
        let bins: Vec<usize> = (0..order.len()).map(|at| nearest(of(at).normal)).collect();
        let mut counts = [0u32; NORMALS];
        bins.iter().for_each(|&bin| counts[bin] += 1);
        if counts.iter().filter(|count| **count > 1).count() < LEAST_DIRECTIONS {
            return None;
        }
        let weights: Vec<f32> = bins.iter().map(|&bin| (counts[bin] as f32).sqrt().recip()).collect();

        let (mut paints, mut materials) = (Vec::new(), Vec::new());
        let (mut of_paint, mut of_material) = (0.0, 0.0);
        for (at, &[material, paint, _]) in order.iter().enumerate() {
            of_paint += weights[at];
            of_material += weights[at];
            let next = order.get(at + 1);
            if next.is_none_or(|next| [next[0], next[1]] != [material, paint]) {
                paints.push((at + 1, std::mem::take(&mut of_paint)));
            }
            if next.is_none_or(|next| next[0] != material) {
                materials.push((paints.len(), std::mem::take(&mut of_material)));
            }
        }
        Some(Self {
            normals: (0..order.len()).map(|at| of(at).normal).collect(),
            colors: (0..order.len()).map(|at| of(at).color.max(Vec3::splat(1e-5))).collect(),
            weights,
            paints,
            materials,
        })
    }

    /// Each surface's cosine to a direction, in steps.
    fn facing(&self, to_lamp: Vec3, steps: &mut Vec<u8>) {
        steps.clear();
        let step = |normal: &Vec3| (normal.dot(to_lamp).clamp(0.0, 1.0) * STEPS as f32 + 0.5) as u8;
        steps.extend(self.normals.iter().map(step));
    }

    /// What is left of logarithms of colours once shading is taken from them.
    fn rest(&self, values: &[f32], shading: Option<(&[f32; STEPS + 1], &[u8])>, work: &mut Work) -> Rest {
        let Work { rests, ordered, paints, materials } = work;
        rests.clear();
        match shading {
            Some((table, steps)) => {
                rests.extend(values.iter().zip(steps).map(|(value, step)| value - table[usize::from(*step)]));
            }
            None => rests.extend_from_slice(values),
        }
        let (mut of_paints, mut start) = (0.0, 0);
        paints.clear();
        for &(end, weight) in &self.paints {
            let rests = &rests[start..end];
            ordered.clear();
            ordered.extend_from_slice(rests);
            let half = ordered.len() / 2;
            let (_, &mut middle, _) = ordered.select_nth_unstable_by(half, f32::total_cmp);
            let apart = rests.iter().zip(&self.weights[start..end]);
            of_paints += apart.map(|(rest, weight)| weight * (rest - middle).abs()).sum::<f32>();
            paints.push((middle, weight));
            start = end;
        }
        let (mut of_materials, mut start) = (0.0, 0);
        materials.clear();
        for &(end, weight) in &self.materials {
            let (middle, apart) = spread(&mut paints[start..end]);
            of_materials += apart;
            materials.push((middle, weight));
            start = end;
        }
        let (middle, of_all) = spread(materials);
        Rest { middle, of_paints, of_materials, of_all }
    }
}

/// The weighted median of values, and how far they are from it in all. Their order changes.
fn spread(values: &mut [(f32, f32)]) -> (f32, f32) {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f32>() / 2.0;
    let mut below = 0.0;
    let middle = values.iter().find(|(_, weight)| {
        below += weight;
        below >= half
    });
    let middle = middle.map_or(0.0, |(middle, _)| *middle);
    (middle, values.iter().map(|(value, weight)| weight * (value - middle).abs()).sum())
}

impl Surface {
    fn is_as(&self, other: &Self, (chromaticity, luminance): (f32, f32)) -> bool {
        let share = |color: Vec3| color / (color.element_sum()).max(1e-6);
        let level = |color: Vec3| super::estimate::luminance(color).max(1e-5).ln();
        (share(self.color) - share(other.color)).abs().max_element() < chromaticity
            && (level(self.color) - level(other.color)).abs() < luminance
            && (self.depth_m / other.depth_m - 1.0).abs() < SAME_DEPTH
            && self.normal.dot(other.normal) > SAME_FACING
    }
}

/// The first of a surface's patch.
fn root(roots: &mut [usize], mut at: usize) -> usize {
    while roots[at] != at {
        roots[at] = roots[roots[at]];
        at = roots[at];
    }
    at
}

/// Direction `i` of `count` spread evenly over the sphere.
fn fibonacci(i: usize, count: usize) -> Vec3 {
    let y = 1.0 - (2.0 * i as f32 + 1.0) / count as f32;
    let (sin, cos) = (2.399_963 * i as f32).sin_cos();
    let radius = (1.0 - y * y).max(0.0).sqrt();
    Vec3::new(radius * cos, y, radius * sin)
}
