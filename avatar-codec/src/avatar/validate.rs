//! Whether an avatar is one: every array against every other, every number against its range.

use std::ops::Range;

use super::layout::{Dimensions, Values, values};
use super::{Avatar, AvatarForm, LatentAxis, Manifest, Mesh, Part, Preview, Semantic};
use crate::latent::{GAZE, UNITS};

/// Why an avatar isn't valid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidAvatar {
    /// A field of the manifest has a value that it must not have.
    #[error("manifest field `{field}` is {found}, allowed: {allowed}")]
    Field {
        /// The field, as `parts[2].triangles`.
        field: String,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: String,
    },
    /// A size is outside its limits.
    #[error("{what}: found {found}, allowed: {allowed}")]
    Limit {
        /// What was counted, or the tensor's name.
        what: String,
        /// How many there are.
        found: u64,
        /// How many there may be.
        allowed: String,
    },
    /// An array doesn't fit the others.
    #[error("tensor `{tensor}` has {found} numbers, {expected} fit the rest of the avatar")]
    Length {
        /// The tensor.
        tensor: String,
        /// Its length.
        found: usize,
        /// The length that the other shapes demand.
        expected: usize,
    },
    /// A number in a tensor is out of range.
    #[error("tensor `{tensor}`, number {index} is {found}, allowed: {allowed}")]
    Value {
        /// The tensor.
        tensor: String,
        /// Where in it, counted in rows' order.
        index: usize,
        /// The number.
        found: String,
        /// What it may be.
        allowed: String,
    },
}

impl InvalidAvatar {
    pub(super) fn limit(what: &str, found: impl TryInto<u64>, allowed: String) -> Self {
        Self::Limit { what: what.into(), found: found.try_into().unwrap_or(u64::MAX), allowed }
    }

    /// Names the first NaN or infinity of a tensor.
    pub(super) fn not_finite(tensor: &str, values: Values<'_>) -> Option<Self> {
        let (index, x) = values.first_not_finite()?;
        Some(Self::value(tensor, index, x, "finite numbers"))
    }

    fn field(field: impl Into<String>, found: impl ToString, allowed: &str) -> Self {
        // A hostile file may hold strings of any kind: bounded and escaped, they can be shown.
        let found: String = found.to_string().chars().take(80).flat_map(char::escape_debug).collect();
        Self::Field { field: field.into(), found, allowed: allowed.into() }
    }

    fn value(tensor: &str, index: usize, found: impl ToString, allowed: impl Into<String>) -> Self {
        Self::Value { tensor: tensor.into(), index, found: found.to_string(), allowed: allowed.into() }
    }
}

/// The furthest that a vertex or joint may be from the origin, metres.
const MAX_DISTANCE: f32 = 10.0;
/// The longest name, in characters.
const MAX_NAME: usize = 64;
/// The longest licence expression and consent, in characters.
const MAX_SPDX: usize = 128;
const MAX_CONSENT: usize = 4096;

impl Avatar {
    /// Checks every array against every other, the manifest and the limits. What [`read`](Self::read) returns has
    /// passed; whoever builds an avatar calls it before decoding.
    ///
    /// # Errors
    /// The first thing found that isn't as the format demands.
    pub fn validate(&self) -> Result<(), InvalidAvatar> {
        let dimensions = Dimensions::of(self);
        dimensions.check()?;
        for (i, block) in self.texture.blocks.iter().enumerate() {
            let before = match i {
                0 => self.texture.seed_channels,
                _ => self.texture.blocks[i - 1].out_channels,
            };
            if block.in_channels != before {
                let what = format!("input channels of texture block {i}");
                return Err(InvalidAvatar::limit(&what, block.in_channels, before.to_string()));
            }
        }
        self.manifest.check(dimensions.vertices, dimensions.triangles)?;
        for (spec, values) in dimensions.tensors().iter().zip(values(self)) {
            let (found, expected) = (values.len(), spec.elements());
            if found != expected {
                return Err(InvalidAvatar::Length { tensor: spec.name.clone(), found, expected });
            }
            if let Some(error) = InvalidAvatar::not_finite(&spec.name, values) {
                return Err(error);
            }
        }
        let Manifest { parts, skeleton, capture_light, .. } = &self.manifest;
        let lit = capture_light.as_ref().map_or(0, |light| light.lamps.len() + 1);
        if let Some(sources) = dimensions.sources.filter(|&sources| sources != lit) {
            let allowed = format!("{lit}: the lamps of the manifest's `capture_light` and its ambient light");
            return Err(InvalidAvatar::limit("sources of the light transport", sources, allowed));
        }
        self.mesh.check("mesh", parts, skeleton.joints.len())?;
        self.preview.as_ref().map_or(Ok(()), |preview| preview.check(&self.manifest))
    }
}

impl Manifest {
    /// All but what needs the tensors' contents, for a mesh of so many vertices and triangles.
    pub(super) fn check(&self, vertices: usize, triangles: usize) -> Result<(), InvalidAvatar> {
        let Self { form, parts, skeleton: _, latent: _, capture_light, .. } = self;
        if *form != AvatarForm::Photoreal {
            return Err(InvalidAvatar::field("form", "cartoon", "photoreal, of a captured person"));
        }
        self.check_person()?;
        check_parts(parts, vertices, triangles)?;
        self.check_skeleton()?;
        self.check_latent()?;
        capture_light.as_ref().map_or(Ok(()), |light| {
            light
                .validate()
                .map_err(|error| InvalidAvatar::field("capture_light", error, "light that can be"))
        })
    }

    /// All, of a cartoon.
    pub(super) fn check_cartoon(&self) -> Result<(), InvalidAvatar> {
        let Self { form, parts, skeleton, capture_light, .. } = self;
        if *form != AvatarForm::Cartoon {
            return Err(InvalidAvatar::field("form", "photoreal", "cartoon, of a drawn person"));
        }
        for (field, is_empty) in [
            ("parts", parts.is_empty()),
            ("skeleton.joints", skeleton.joints.is_empty()),
            ("capture_light", capture_light.is_none()),
        ] {
            if !is_empty {
                return Err(InvalidAvatar::field(field, "there", "none, which the model has itself"));
            }
        }
        if self.latent.semantic != Semantic::FaceUnits || self.latent.residual != 0 {
            let found = format!("{:?}, {} residual components", self.latent.semantic, self.latent.residual);
            return Err(InvalidAvatar::field("latent", found, "face units without a residual"));
        }
        self.check_person()?;
        self.check_latent()
    }

    /// Who it is, and under which terms.
    fn check_person(&self) -> Result<(), InvalidAvatar> {
        let Self { version, name, licence, owner, .. } = self;
        if *version != Self::VERSION {
            return Err(InvalidAvatar::field("version", version, "1"));
        }
        check_text("name", name, 1..MAX_NAME + 1, false)?;
        check_text("licence.spdx", &licence.spdx, 1..MAX_SPDX + 1, false)?;
        check_text("licence.consent", &licence.consent, 0..MAX_CONSENT + 1, true)?;
        check_hex("owner.public_key", &owner.public_key, &[0, 64])?;
        check_hex("owner.signature", &owner.signature, &[128])
    }

    fn check_skeleton(&self) -> Result<(), InvalidAvatar> {
        let joints = &self.skeleton.joints;
        if !(1..=255).contains(&joints.len()) {
            return Err(InvalidAvatar::field(
                "skeleton.joints",
                format!("{} joints", joints.len()),
                "1 to 255",
            ));
        }
        for (i, joint) in joints.iter().enumerate() {
            if let Some(parent) = joint.parent.filter(|&parent| usize::from(parent) >= i) {
                let field = format!("skeleton.joints[{i}].parent");
                return Err(InvalidAvatar::field(field, parent, "a joint before this one"));
            }
            if !(joint.position.abs().max_element() <= MAX_DISTANCE && joint.position.is_finite()) {
                let field = format!("skeleton.joints[{i}].position");
                return Err(InvalidAvatar::field(field, joint.position, "within 10 m"));
            }
        }
        Ok(())
    }

    fn check_latent(&self) -> Result<(), InvalidAvatar> {
        let (axes, expected) = (&self.latent.axes, UNITS + GAZE + self.latent.residual as usize);
        if axes.len() != expected {
            let allowed = format!("{expected} for {} residual components", self.latent.residual);
            return Err(InvalidAvatar::field("latent.axes", format!("{} axes", axes.len()), &allowed));
        }
        for (i, &LatentAxis { min, max, deviation, step }) in axes.iter().enumerate() {
            let fail = |name: &str, found: f32, allowed: &str| {
                Err(InvalidAvatar::field(format!("latent.axes[{i}].{name}"), found, allowed))
            };
            if !min.is_finite() {
                return fail("min", min, "finite numbers");
            }
            if !(max.is_finite() && max >= min) {
                return fail("max", max, "finite, at least `min`");
            }
            if !(deviation.is_finite() && deviation >= 0.0) {
                return fail("deviation", deviation, "finite, at least 0");
            }
            if !(step.is_finite() && step > 0.0) {
                return fail("step", step, "finite, more than 0");
            }
        }
        if let Some(i) = self.latent.head_steps.iter().position(|step| !(step.is_finite() && *step > 1e-6)) {
            let found = self.latent.head_steps[i];
            return Err(InvalidAvatar::field(
                format!("latent.head_steps[{i}]"),
                found,
                "finite, more than 1e-6",
            ));
        }
        Ok(())
    }
}

fn check_text(field: &str, text: &str, length: Range<usize>, lines: bool) -> Result<(), InvalidAvatar> {
    // Counting stops where the answer is clear.
    let count = text.chars().take(length.end).count();
    if !length.contains(&count) {
        let allowed = format!("{} to {} characters", length.start, length.end - 1);
        return Err(InvalidAvatar::field(field, text, &allowed));
    }
    if text.chars().any(|c| c.is_control() && !(lines && c == '\n')) {
        return Err(InvalidAvatar::field(field, text, "no control characters"));
    }
    Ok(())
}

fn check_hex(field: &str, text: &str, lengths: &[usize]) -> Result<(), InvalidAvatar> {
    if lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    let allowed: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Err(InvalidAvatar::field(field, text, &format!("{} hexadecimal digits", allowed.join(" or "))))
}

fn check_parts(parts: &[Part], vertices: usize, triangles: usize) -> Result<(), InvalidAvatar> {
    let (mut vertex, mut triangle) = (0, 0);
    for (i, part) in parts.iter().enumerate() {
        if parts[..i].iter().any(|other| other.kind == part.kind) {
            return Err(InvalidAvatar::field(
                format!("parts[{i}].kind"),
                format!("{:?}", part.kind),
                "each kind once",
            ));
        }
        for (name, range, next, count) in [
            ("vertices", &part.vertices, &mut vertex, vertices),
            ("triangles", &part.triangles, &mut triangle, triangles),
        ] {
            if range.start != *next || range.end <= range.start || range.end as usize > count {
                let allowed = format!("a range that begins at {next}, isn't empty and ends by {count}");
                return Err(InvalidAvatar::field(
                    format!("parts[{i}].{name}"),
                    format!("{range:?}"),
                    &allowed,
                ));
            }
            *next = range.end;
        }
    }
    if vertex as usize != vertices || triangle as usize != triangles {
        let found = format!("{vertex} vertices and {triangle} triangles");
        return Err(InvalidAvatar::field(
            "parts",
            found,
            &format!("all {vertices} and {triangles} of the mesh"),
        ));
    }
    Ok(())
}

impl Preview {
    /// The numbers, once shapes and finite-ness are known to be right.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), InvalidAvatar> {
        let Self { ends, mesh, basis: _, color: _ } = self;
        if ends.len() != manifest.parts.len() {
            let expected = manifest.parts.len();
            let what = "parts of the preview";
            return Err(InvalidAvatar::limit(what, ends.len(), format!("{expected}, as the avatar has")));
        }
        let mut before = [0, 0];
        let last = [mesh.mean.len(), mesh.triangles.len()];
        for (i, &end) in ends.iter().enumerate() {
            for k in 0..2 {
                let (end, is_last) = (usize::from(end[k]), i + 1 == ends.len());
                if end <= before[k] || end > last[k] || (is_last && end != last[k]) {
                    let allowed =
                        format!("more than {}, at most {}, which the last one is", before[k], last[k]);
                    return Err(InvalidAvatar::value("preview.ends", 2 * i + k, end, allowed));
                }
                before[k] = end;
            }
        }
        mesh.check("preview", &self.parts(manifest), manifest.skeleton.joints.len())
    }
}

impl Mesh {
    /// The numbers, once shapes, parts and finite-ness are known to be right.
    fn check(&self, tensors: &str, parts: &[Part], joints: usize) -> Result<(), InvalidAvatar> {
        let named = |name: &str| format!("{tensors}.{name}");
        if let Some(i) = self.mean.as_flattened().iter().position(|x| x.abs() > MAX_DISTANCE) {
            return Err(InvalidAvatar::value(&named("mean"), i, self.mean.as_flattened()[i], "within 10 m"));
        }
        if let Some(i) = self.uv.as_flattened().iter().position(|x| !(0.0..=1.0).contains(x)) {
            return Err(InvalidAvatar::value(&named("uv"), i, self.uv.as_flattened()[i], "0 to 1"));
        }
        for part in parts {
            let Part { kind, vertices, triangles } = part;
            let allowed = || format!("vertices {vertices:?} of its part, {kind:?}");
            let corners =
                &self.triangles.as_flattened()[triangles.start as usize * 3..triangles.end as usize * 3];
            if let Some(i) = corners.iter().position(|&v| !vertices.contains(&u32::from(v))) {
                let index = triangles.start as usize * 3 + i;
                return Err(InvalidAvatar::value(&named("triangles"), index, corners[i], allowed()));
            }
            for v in vertices.start as usize..vertices.end as usize {
                let weld = self.weld[v];
                if usize::from(weld) > v || !vertices.contains(&u32::from(weld)) {
                    let allowed = format!("at most {v}, in {}", allowed());
                    return Err(InvalidAvatar::value(&named("weld"), v, weld, allowed));
                }
                if self.weld[usize::from(weld)] != weld {
                    return Err(InvalidAvatar::value(
                        &named("weld"),
                        v,
                        weld,
                        "a vertex that is welded to itself",
                    ));
                }
            }
        }
        if let Some(i) = self.joints.as_flattened().iter().position(|&j| usize::from(j) >= joints) {
            let allowed = format!("joints below {joints}");
            return Err(InvalidAvatar::value(&named("joints"), i, self.joints.as_flattened()[i], allowed));
        }
        for (v, weights) in self.weights.iter().enumerate() {
            let sum: u16 = weights.iter().map(|&weight| u16::from(weight)).sum();
            if sum != 255 {
                return Err(InvalidAvatar::value(
                    &named("weights"),
                    v * 4,
                    sum,
                    "four weights whose sum is 255",
                ));
            }
        }
        Ok(())
    }
}
