//! What of a file turns, and what of a face moves which morph target.

use glam::{Affine3A, Quat, Vec3};
use visavis_codec::FaceUnit;

use super::cartoon::Reading;
use super::{Source, limits, warn};
use crate::cartoon::expression::{Bind, Look, Preset, Rule, Towards, look_of_unit, rule_of_unit};
use crate::cartoon::names::{Named, Side, eye_of_name, is_bone, unit_of_name};
use crate::cartoon::rig::Rig;
use crate::cartoon::vrm::On;
use crate::cartoon::{Cartoon, CartoonPart, Expression, Influence, UnitState};
use crate::error::{LoadError, Reason};
use crate::scene::Vertex;

/// A head whose eyes are nearer to each other, or further apart, isn't in metres.
const EYES_APART_M: std::ops::RangeInclusive<f32> = 0.025..=0.25;
/// What they are made then.
const EYES_APART_THEN_M: f32 = 0.075;
/// How far arms that stand out are lowered.
const ARMS_DOWN_RAD: f32 = 1.25;
/// An expression's weight of a target is no more.
const MAX_BIND: f32 = 10.0;

/// Finds neck, head and eyes: by VRM's bones, else by their names.
pub(super) fn find(cartoon: &mut Cartoon, reading: &Reading<'_>) {
    let ours = |file: Option<usize>| file.and_then(|file| reading.nodes.get(file).copied().flatten());
    let mut rig = Rig::default();
    if let Some(vrm) = &reading.vrm {
        rig.neck = ours(vrm.bone("neck"));
        rig.head = ours(vrm.bone("head"));
        if vrm.looks_by_bones {
            rig.eyes = [Side::Left, Side::Right].map(|side| ours(vrm.eye(side)));
            rig.eye_range = vrm.eye_range;
        }
        // They stand out to the sides where people's hang.
        for (bone, side) in [("leftUpperArm", 1.0), ("rightUpperArm", -1.0)] {
            if let Some(arm) = ours(vrm.bone(bone)) {
                // +X is the left of one that looks along +Z, and the right of one that looks along −Z.
                let forwards = if vrm.is_zero { -1.0 } else { 1.0 };
                rig.rest_turns.push((arm, Quat::from_rotation_z(-side * forwards * ARMS_DOWN_RAD)));
            }
        }
    } else {
        let name = |node: usize| {
            let node = &reading.root.nodes[reading.file_nodes[node]];
            node.name.as_deref().unwrap_or_default()
        };
        let is_joint = |node: usize| cartoon.skins.iter().any(|skin| skin.joints.contains(&node));
        let has_children = |node: usize| cartoon.nodes.iter().any(|other| other.parent == Some(node));
        // A mesh that is called so, beside hair and eyes of their own, would turn alone.
        let bone = |bone: &str| {
            let mut all = (0..cartoon.nodes.len()).filter(|&node| is_bone(name(node), bone));
            all.find(|&node| is_joint(node) || has_children(node))
        };
        (rig.neck, rig.head) = (bone("neck"), bone("head"));
        let eye = |side: Side| (0..cartoon.nodes.len()).find(|&node| eye_of_name(name(node)) == Some(side));
        rig.eyes = [eye(Side::Left), eye(Side::Right)];
    }
    if rig.eyes.contains(&None) || rig.eyes[0] == rig.eyes[1] {
        rig.eyes = [None; 2];
    }
    cartoon.report.head = match (rig.head, rig.neck) {
        (Some(_), Some(_)) => "head and neck",
        (Some(_), None) => "head",
        (None, Some(_)) => "neck",
        (None, None) => "the whole model",
    };
    cartoon.rig = rig;
}

/// Finds what moves which target: expressions called as units, targets called as units, VRM's presets for what is left.
pub(super) fn express(
    source: &Source<'_>,
    cartoon: &mut Cartoon,
    reading: &Reading<'_>,
) -> Result<(), LoadError> {
    let mut found: Vec<Expression> = Vec::new();
    let has = |found: &[Expression], rule: Rule| found.iter().any(|expression| expression.rule == rule);
    let mut presets = Vec::new();
    let expressions = reading.vrm.iter().flat_map(|vrm| vrm.expressions.iter().map(move |e| (vrm, e)));
    let mut total = 0u64;
    for (vrm, expression) in expressions {
        let field = format!("VRM expression `{}`", shown(&expression.name));
        total += 1 + expression.binds.len() as u64;
        if total > limits::EXPRESSIONS {
            let limit = limits::EXPRESSIONS;
            return Err(source.error(&field, Reason::TooMuch { what: "expressions", found: total, limit }));
        }
        let Some(rule) = vrm.rule(expression) else { continue };
        let mut binds = Vec::with_capacity(expression.binds.len());
        for bind in &expression.binds {
            let mesh = match bind.on {
                On::Mesh(mesh) => Some(mesh),
                On::Node(node) => {
                    let node = reading.root.nodes.get(node);
                    node.and_then(|node| node.mesh.as_ref()).map(|mesh| mesh.value())
                }
            };
            let targets = mesh.and_then(|mesh| reading.targets.get(mesh));
            let target =
                targets.filter(|(_, names)| bind.index < names.len()).map(|(first, _)| first + bind.index);
            let weight =
                source.within(&format!("{field}.weight"), bind.weight, -MAX_BIND, MAX_BIND, "-10 to 10")?;
            match target {
                Some(target) => binds.push(Bind { target, weight }),
                None => warn(&mut cartoon.look, &field, "it moves a target that isn't there; left out"),
            }
        }
        if binds.is_empty() {
            continue;
        }
        let made =
            Expression { rule, is_binary: expression.is_binary, overrides: expression.overrides, binds };
        match (expression.is_custom, rule) {
            (true, _) if !has(&found, rule) => found.push(made),
            (true, _) => {}
            (false, _) => presets.push(made),
        }
    }
    by_name(&mut found, reading);

    let states = &mut cartoon.report.states;
    let mut set = |unit: FaceUnit, state: UnitState| {
        let known = &mut states[unit as usize];
        if *known == UnitState::Missing {
            *known = state;
        }
    };
    let unit_of_rule = |rule: Rule| FaceUnit::ALL.into_iter().find(|&unit| rule_of_unit(unit) == rule);
    for expression in &found {
        match expression.rule {
            Rule::Pair(left, right) => {
                [left, right].into_iter().for_each(|unit| set(unit, UnitState::Mapped))
            }
            rule => unit_of_rule(rule).into_iter().for_each(|unit| set(unit, UnitState::Target)),
        }
    }
    let has_unit = |unit: FaceUnit| {
        found.iter().any(|expression| match expression.rule {
            Rule::Pair(left, right) => unit == left || unit == right,
            rule => rule == rule_of_unit(unit),
        })
    };
    let eyes_turn = cartoon.rig.eyes[0].is_some();
    let looks_by_targets =
        FaceUnit::ALL.into_iter().any(|unit| look_of_unit(unit).is_some() && has_unit(unit));
    let mut kept = Vec::new();
    for preset in presets {
        let is_needed = match preset.rule {
            Rule::Unit(unit) => !has_unit(unit),
            Rule::Look(_) => !eyes_turn && !looks_by_targets,
            Rule::Preset(Preset::Blink) => {
                let one = |other: &Expression| other.rule == Rule::Unit(FaceUnit::EyeBlinkLeft);
                !has_unit(FaceUnit::EyeBlinkLeft) && !kept.iter().any(one)
            }
            // What the units do themselves, no preset does again. Vowels go together, by the jaw.
            Rule::Preset(Preset::Aa | Preset::Ih | Preset::Ou | Preset::Ee | Preset::Oh) => {
                !has_unit(FaceUnit::JawOpen)
            }
            Rule::Preset(preset) => !preset.units().iter().any(|&unit| has_unit(unit)),
            Rule::Pair(..) => false,
        };
        // Blinks of one eye stand before or after those of both.
        let is_blink =
            |rule: Rule| matches!(rule, Rule::Unit(FaceUnit::EyeBlinkLeft | FaceUnit::EyeBlinkRight));
        if is_needed {
            if is_blink(preset.rule) {
                kept.retain(|other: &Expression| other.rule != Rule::Preset(Preset::Blink));
            }
            kept.push(preset);
        }
    }
    for expression in &kept {
        match expression.rule {
            Rule::Unit(unit) => set(unit, UnitState::Target),
            Rule::Preset(preset) => preset.units().iter().for_each(|&unit| set(unit, UnitState::Mapped)),
            Rule::Look(Look { towards, .. }) => {
                looks(towards).into_iter().for_each(|unit| set(unit, UnitState::Mapped));
            }
            Rule::Pair(..) => {}
        }
    }
    let looks_by_presets = kept.iter().any(|expression| matches!(expression.rule, Rule::Look(_)));
    if eyes_turn {
        for towards in [Towards::Left, Towards::Right, Towards::Up, Towards::Down] {
            looks(towards).into_iter().for_each(|unit| set(unit, UnitState::Mapped));
        }
    }
    cartoon.report.gaze = match (eyes_turn, looks_by_targets, looks_by_presets) {
        (true, ..) => Some("the eyes' nodes"),
        (_, true, _) => Some("targets eyeLook…"),
        (_, _, true) => Some("VRM's expressions look…"),
        _ => None,
    };
    found.extend(kept);
    cartoon.expressions = found;
    Ok(())
}

/// Targets called as units, where no expression is.
fn by_name(found: &mut Vec<Expression>, reading: &Reading<'_>) {
    let known: Vec<Rule> = found.iter().map(|expression| expression.rule).collect();
    let mut pairs = Vec::new();
    for (first, names) in &reading.targets {
        let mut taken = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let Some(named) = unit_of_name(name) else { continue };
            let rule = match named {
                Named::Unit(unit) => rule_of_unit(unit),
                Named::Pair(left, right) => Rule::Pair(left, right),
            };
            // Of two targets of one mesh that are called alike, the first counts.
            if known.contains(&rule) || taken.contains(&rule) {
                continue;
            }
            taken.push(rule);
            let bind = Bind { target: first + i, weight: 1.0 };
            let all = if matches!(rule, Rule::Pair(..)) { &mut pairs } else { &mut *found };
            // The same unit of other meshes: teeth, brows, lashes.
            match all.iter_mut().find(|expression: &&mut Expression| expression.rule == rule) {
                Some(expression) => expression.binds.push(bind),
                None => all.push(Expression {
                    rule,
                    is_binary: false,
                    overrides: Default::default(),
                    binds: vec![bind],
                }),
            }
        }
    }
    // Both sides at once only where neither has one of its own.
    pairs.retain(|pair| match pair.rule {
        Rule::Pair(left, right) => {
            !found.iter().any(|other| [left, right].iter().any(|&unit| other.rule == rule_of_unit(unit)))
        }
        _ => false,
    });
    found.append(&mut pairs);
}

/// The units that look there, one an eye.
fn looks(towards: Towards) -> [FaceUnit; 2] {
    use FaceUnit as U;
    match towards {
        Towards::Left => [U::EyeLookOutLeft, U::EyeLookInRight],
        Towards::Right => [U::EyeLookInLeft, U::EyeLookOutRight],
        Towards::Up => [U::EyeLookUpLeft, U::EyeLookUpRight],
        Towards::Down => [U::EyeLookDownLeft, U::EyeLookDownRight],
    }
}

/// Finds where the head looks, and puts the middle between its eyes at the origin.
pub(super) fn place(cartoon: &mut Cartoon, reading: &Reading<'_>) {
    let vertices = |part: &CartoonPart| {
        let place = |(number, vertex): (usize, &Vertex)| {
            let model_from_part = match part.skin.map(|skin| &cartoon.skins[skin]) {
                // By the joint that carries the most of it.
                Some(skin) => {
                    let Influence { joints, weights } = part.influences[number];
                    let most = (0..4).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0);
                    let joint = usize::from(joints[most]);
                    reading.model_from_node[skin.joints[joint]] * skin.joint_from_model[joint]
                }
                None => reading.model_from_node[part.node],
            };
            model_from_part.transform_point3(vertex.position.into())
        };
        part.mesh.vertices.iter().enumerate().map(place).collect::<Vec<_>>()
    };
    let places: Vec<_> = cartoon.parts.iter().map(vertices).collect();
    // The middle of what these rules move, each vertex by how far.
    let middle = |rules: &dyn Fn(Rule) -> bool| {
        let binds =
            cartoon.expressions.iter().filter(|expression| rules(expression.rule)).flat_map(|e| &e.binds);
        let numbers: Vec<usize> = binds.map(|bind| bind.target).collect();
        let (mut sum, mut total) = (Vec3::ZERO, 0.0f32);
        for (part, places) in cartoon.parts.iter().zip(&places) {
            for target in part.targets.iter().filter(|target| numbers.contains(&target.number)) {
                for moved in &target.moves {
                    let weight = moved.position.length();
                    sum += places[moved.vertex as usize] * weight;
                    total += weight;
                }
            }
        }
        (total > 0.0).then(|| sum / total)
    };
    let bounds = |parts: &mut dyn Iterator<Item = usize>| {
        let mut bounds = [Vec3::INFINITY, Vec3::NEG_INFINITY];
        for part in parts {
            bounds = places[part].iter().fold(bounds, |[low, high], &p| [low.min(p), high.max(p)]);
        }
        bounds
    };
    let faces = (0..cartoon.parts.len()).filter(|&part| !cartoon.parts[part].targets.is_empty());
    let [low, high] = bounds(&mut faces.collect::<Vec<_>>().into_iter());
    let (centre, size) =
        if low.x <= high.x { ((low + high) / 2.0, high - low) } else { (Vec3::ZERO, Vec3::ONE) };

    // glTF's things look along +Z, VRM 0.x's along −Z; of others, where their faces are says it.
    let looks_along_z = match &reading.vrm {
        Some(vrm) => !vrm.is_zero,
        None => middle(&|_| true).is_none_or(|face| face.z >= centre.z - 0.05 * size.z),
    };
    let turn = if looks_along_z { Quat::from_rotation_y(std::f32::consts::PI) } else { Quat::IDENTITY };

    let blink = |unit| middle(&|rule| rule == Rule::Unit(unit));
    let nodes =
        cartoon.rig.eyes.map(|eye| eye.map(|eye| Vec3::from(reading.model_from_node[eye].translation)));
    let pair = match nodes {
        [Some(left), Some(right)] => Some([left, right]),
        _ => blink(FaceUnit::EyeBlinkLeft)
            .zip(blink(FaceUnit::EyeBlinkRight))
            .map(|(left, right)| [left, right]),
    };
    let both = || {
        middle(&|rule| matches!(rule, Rule::Preset(Preset::Blink) | Rule::Pair(FaceUnit::EyeBlinkLeft, _)))
    };
    let (between, scale) = match pair {
        Some([left, right]) => {
            let apart = left.distance(right);
            let is_in_metres = EYES_APART_M.contains(&apart) || apart < 1e-6;
            ((left + right) / 2.0, if is_in_metres { 1.0 } else { EYES_APART_THEN_M / apart })
        }
        None => {
            // A head is some 25 cm high.
            let scale = if (0.1..=1.0).contains(&size.y) { 1.0 } else { 0.25 / size.y.max(1e-6) };
            (both().unwrap_or(centre), if reading.vrm.is_some() { 1.0 } else { scale })
        }
    };
    let scaled = Affine3A::from_scale_rotation_translation(Vec3::splat(scale), turn, Vec3::ZERO);
    cartoon.rest_from_model = scaled * Affine3A::from_translation(-between);
}

/// Where eyes turn with their nodes, `eyeLook…` moves what is round them and not the eyes as well.
pub(super) fn keep_eyes_apart(cartoon: &mut Cartoon) {
    let eyes = cartoon.rig.eyes;
    if eyes.contains(&None) {
        return;
    }
    let hangs_on_eye = |mut node: Option<usize>| {
        while let Some(number) = node {
            if eyes.contains(&Some(number)) {
                return true;
            }
            node = cartoon.nodes[number].parent;
        }
        false
    };
    let looks = cartoon.expressions.iter().filter(|expression| matches!(expression.rule, Rule::Look(_)));
    let numbers: Vec<usize> =
        looks.flat_map(|expression| &expression.binds).map(|bind| bind.target).collect();
    let mut kept = Vec::with_capacity(cartoon.parts.len());
    for part in &cartoon.parts {
        let is_eye = |vertex: u32| match part.skin.map(|skin| &cartoon.skins[skin]) {
            None => hangs_on_eye(Some(part.node)),
            Some(skin) => {
                let influence = &part.influences[vertex as usize];
                let of_eyes = |(joint, weight): (u16, f32)| {
                    if hangs_on_eye(Some(skin.joints[usize::from(joint)])) { weight } else { 0.0 }
                };
                influence.joints.into_iter().zip(influence.weights).map(of_eyes).sum::<f32>() > 0.5
            }
        };
        let mut targets = part.targets.clone();
        for target in targets.iter_mut().filter(|target| numbers.contains(&target.number)) {
            target.moves.retain(|moved| !is_eye(moved.vertex));
        }
        targets.retain(|target| !target.moves.is_empty());
        kept.push(targets);
    }
    for (part, targets) in cartoon.parts.iter_mut().zip(kept) {
        part.targets = targets;
    }
}

/// A name from a file, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_default).collect()
}
