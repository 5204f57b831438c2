//! What VRM says beyond glTF: bones by their meaning, expressions, how eyes look about. Version 1.0 (`VRMC_vrm`) and 0.x
//! (`VRM`), after their published schemas; what isn't of use to a face is left out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::expression::{FULL_LOOK_RAD, Look, Override, Preset, Rule, Towards, rule_of_unit};
use super::names::{Named, Side, plain, unit_of_name};
use super::rig::{Curve, EyeRange};

/// The parts of a glTF document that VRM is in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    #[serde(rename = "VRMC_vrm")]
    one: Option<One>,
    #[serde(rename = "VRM")]
    zero: Option<Zero>,
}

/// Either version, as one.
#[derive(Debug, Default)]
pub(crate) struct Vrm {
    pub(crate) is_zero: bool,
    /// Numbers of the file's nodes by VRM 1.0's names of bones.
    pub(crate) bones: BTreeMap<String, usize>,
    pub(crate) expressions: Vec<VrmExpression>,
    pub(crate) eye_range: EyeRange,
    /// Of looks by expressions: angle at which they are full, and how full that is; horizontal, down, up.
    pub(crate) look_range: [(f32, f32); 3],
    /// Whether eyes are turned by their bones.
    pub(crate) looks_by_bones: bool,
}

#[derive(Debug)]
pub(crate) struct VrmExpression {
    pub(crate) name: String,
    pub(crate) is_custom: bool,
    pub(crate) is_binary: bool,
    pub(crate) overrides: [Override; 2],
    pub(crate) binds: Vec<VrmBind>,
}

/// A target by its mesh, or by a node that carries the mesh.
#[derive(Debug)]
pub(crate) struct VrmBind {
    pub(crate) on: On,
    pub(crate) index: usize,
    pub(crate) weight: f32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Mesh(usize),
    Node(usize),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct One {
    humanoid: OneHumanoid,
    expressions: OneExpressions,
    #[serde(rename = "lookAt")]
    look_at: OneLookAt,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OneHumanoid {
    #[serde(rename = "humanBones")]
    bones: BTreeMap<String, OneBone>,
}

#[derive(Debug, Deserialize)]
struct OneBone {
    node: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OneExpressions {
    preset: BTreeMap<String, OneExpression>,
    custom: BTreeMap<String, OneExpression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OneExpression {
    morph_target_binds: Vec<OneBind>,
    is_binary: bool,
    override_blink: String,
    override_mouth: String,
}

#[derive(Debug, Deserialize)]
struct OneBind {
    node: usize,
    index: usize,
    weight: f32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OneLookAt {
    r#type: String,
    range_map_horizontal_inner: Option<OneRange>,
    range_map_horizontal_outer: Option<OneRange>,
    range_map_vertical_down: Option<OneRange>,
    range_map_vertical_up: Option<OneRange>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneRange {
    #[serde(default = "ninety")]
    input_max_value: f32,
    #[serde(default = "one")]
    output_scale: f32,
}

fn ninety() -> f32 {
    90.0
}

fn one() -> f32 {
    1.0
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Zero {
    humanoid: ZeroHumanoid,
    blend_shape_master: ZeroExpressions,
    first_person: ZeroFirstPerson,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ZeroHumanoid {
    #[serde(rename = "humanBones")]
    bones: Vec<ZeroBone>,
}

#[derive(Debug, Deserialize)]
struct ZeroBone {
    bone: String,
    /// −1 for none.
    node: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ZeroExpressions {
    blend_shape_groups: Vec<ZeroExpression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ZeroExpression {
    name: String,
    preset_name: String,
    binds: Vec<ZeroBind>,
    is_binary: bool,
}

#[derive(Debug, Deserialize)]
struct ZeroBind {
    mesh: i64,
    index: i64,
    /// Of 100.
    weight: f32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ZeroFirstPerson {
    look_at_type_name: String,
    look_at_horizontal_inner: Option<ZeroRange>,
    look_at_horizontal_outer: Option<ZeroRange>,
    look_at_vertical_down: Option<ZeroRange>,
    look_at_vertical_up: Option<ZeroRange>,
}

/// Degrees in; degrees, or a share of an expression, out. The curve between is taken as a line.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZeroRange {
    #[serde(default = "ninety")]
    x_range: f32,
    #[serde(default = "one")]
    y_range: f32,
}

impl Document {
    /// What it says as VRM, if it is VRM. The newer version counts where a file has both.
    pub(crate) fn vrm(self) -> Option<Vrm> {
        match (self.extensions.one, self.extensions.zero) {
            (Some(one), _) => Some(one.vrm()),
            (None, Some(zero)) => Some(zero.vrm()),
            (None, None) => None,
        }
    }
}

impl One {
    fn vrm(self) -> Vrm {
        let Self { humanoid, expressions, look_at } = self;
        let OneLookAt {
            r#type: kind,
            range_map_horizontal_inner: inner,
            range_map_horizontal_outer: outer,
            range_map_vertical_down: down,
            range_map_vertical_up: up,
        } = look_at;
        let range = |range: Option<OneRange>| range.map(|range| (range.input_max_value, range.output_scale));
        let all = |map: BTreeMap<String, OneExpression>, is_custom| {
            map.into_iter().map(move |(name, expression)| expression.vrm(name, is_custom))
        };
        let OneExpressions { preset, custom } = expressions;
        let mut vrm = Vrm {
            bones: humanoid.bones.into_iter().map(|(name, bone)| (name, bone.node)).collect(),
            expressions: all(preset, false).chain(all(custom, true)).collect(),
            looks_by_bones: kind != "expression",
            ..Vrm::default()
        };
        vrm.set_ranges([inner, outer, down, up].map(range));
        vrm
    }
}

impl OneExpression {
    fn vrm(self, name: String, is_custom: bool) -> VrmExpression {
        let overrides = |text: &str| match text {
            "block" => Override::Block,
            "blend" => Override::Blend,
            _ => Override::None,
        };
        VrmExpression {
            name,
            is_custom,
            is_binary: self.is_binary,
            overrides: [overrides(&self.override_blink), overrides(&self.override_mouth)],
            binds: (self.morph_target_binds.into_iter())
                .map(|bind| VrmBind { on: On::Node(bind.node), index: bind.index, weight: bind.weight })
                .collect(),
        }
    }
}

impl Zero {
    fn vrm(self) -> Vrm {
        let Self { humanoid, blend_shape_master, first_person } = self;
        let ZeroFirstPerson {
            look_at_type_name: kind,
            look_at_horizontal_inner: inner,
            look_at_horizontal_outer: outer,
            look_at_vertical_down: down,
            look_at_vertical_up: up,
        } = first_person;
        let bones = (humanoid.bones.into_iter())
            .filter_map(|bone| Some((bone.bone, usize::try_from(bone.node).ok()?)))
            .collect();
        let expressions = (blend_shape_master.blend_shape_groups.into_iter()).map(|group| {
            let is_custom = matches!(plain(&group.preset_name).as_str(), "" | "unknown");
            VrmExpression {
                name: if is_custom { group.name } else { group.preset_name },
                is_custom,
                is_binary: group.is_binary,
                overrides: [Override::None; 2],
                binds: (group.binds.into_iter())
                    .filter_map(|bind| {
                        let (mesh, index) =
                            (usize::try_from(bind.mesh).ok()?, usize::try_from(bind.index).ok()?);
                        Some(VrmBind { on: On::Mesh(mesh), index, weight: bind.weight / 100.0 })
                    })
                    .collect(),
            }
        });
        let mut vrm = Vrm {
            is_zero: true,
            bones,
            expressions: expressions.collect(),
            looks_by_bones: kind != "BlendShape",
            ..Vrm::default()
        };
        let range = |range: Option<ZeroRange>| range.map(|range| (range.x_range, range.y_range));
        vrm.set_ranges([inner, outer, down, up].map(range));
        vrm
    }
}

impl Vrm {
    /// Degrees in and what comes out of inner, outer, down, up. What isn't said, or can't be, is as it is without.
    fn set_ranges(&mut self, ranges: [Option<(f32, f32)>; 4]) {
        let good = ranges.map(|range| {
            range.filter(|(most, out)| (1.0..=360.0).contains(most) && (0.0..=180.0).contains(out))
        });
        // The most that a head's eyes turn is reached where people's do, not at what VRM's `lookAt` is asked at the most: a
        // gaze of 20° would be one of 2° otherwise.
        let curve = |range: Option<(f32, f32)>| match range {
            Some((_, out)) => {
                let (out, full) = (out.to_radians(), FULL_LOOK_RAD);
                Curve { most_rad: out.max(full), scale: (out / full).min(1.0) }
            }
            None => Curve::WHOLE,
        };
        let [inner, outer, down, up] = good.map(curve);
        self.eye_range = EyeRange { inner, outer, down, up };
        let look = |range: Option<(f32, f32)>| {
            range.map_or((FULL_LOOK_RAD, 1.0), |(_, out)| (FULL_LOOK_RAD, out.min(1.0)))
        };
        self.look_range = [good[1], good[2], good[3]].map(look);
    }

    /// What says how much of an expression is shown; none of those that no face needs (`neutral`, `relaxed`).
    pub(crate) fn rule(&self, expression: &VrmExpression) -> Option<Rule> {
        let name = plain(&expression.name);
        if expression.is_custom {
            // "Perfect sync": expressions that are called as ARKit's units.
            return match unit_of_name(&expression.name)? {
                Named::Unit(unit) => Some(rule_of_unit(unit)),
                Named::Pair(left, right) => Some(Rule::Pair(left, right)),
            };
        }
        use visavis_codec::FaceUnit as U;
        match name.as_str() {
            "blinkleft" | "blinkl" => return Some(Rule::Unit(U::EyeBlinkLeft)),
            "blinkright" | "blinkr" => return Some(Rule::Unit(U::EyeBlinkRight)),
            _ => {}
        }
        let towards = match name.as_str() {
            "lookleft" => Some((Towards::Left, 0)),
            "lookright" => Some((Towards::Right, 0)),
            "lookdown" => Some((Towards::Down, 1)),
            "lookup" => Some((Towards::Up, 2)),
            _ => None,
        };
        if let Some((towards, range)) = towards {
            let (full_rad, most) = self.look_range[range];
            return Some(Rule::Look(Look { eye: None, towards, full_rad, most }));
        }
        let is = |preset: &Preset| preset.names()[usize::from(self.is_zero)] == name;
        Preset::ALL.into_iter().find(is).map(Rule::Preset)
    }

    /// The node of a bone.
    pub(crate) fn bone(&self, name: &str) -> Option<usize> {
        self.bones.get(name).copied()
    }

    pub(crate) fn eye(&self, side: Side) -> Option<usize> {
        self.bone(if side == Side::Left { "leftEye" } else { "rightEye" })
    }
}
