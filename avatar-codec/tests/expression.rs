//! Expression profiles: the format, what a tuner promises for any avatar, and what it does to the shipped one's mesh.

use proptest::prelude::*;
use visavis_codec::avatar::{LatentAxis, LatentModel, Semantic};
use visavis_codec::bitstream::plain_latent_model;
use visavis_codec::expression::check::{Checker, random_faces, random_profile};
use visavis_codec::expression::{
    FaceRange, LearnError, OwnerLimits, PRESETS, ParseProfileError, Preset, Profile, ProfileProblem, Region,
    RegionLimit, Scope, SeamKind, Setting, Target, Tuner, Usage,
};
use visavis_codec::testing::{Preset as Size, random_latent, synthetic_avatar};
use visavis_codec::{Avatar, FaceUnit, Latent, Timestamp};

fn frame(n: usize) -> Timestamp {
    Timestamp(n as u64 * 33_333_333)
}

fn plain() -> FaceRange {
    FaceRange::of_model(&plain_latent_model(4)).unwrap()
}

fn shipped() -> Avatar {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/avatars/wren.avatar");
    Avatar::read(&std::fs::read(path).unwrap()).unwrap()
}

fn with_gain(units: &[FaceUnit], gain: f32) -> Profile {
    let mut profile = Profile::default();
    for &unit in units {
        profile.set(Scope::Unit(unit), Setting::Gain, Some(gain)).unwrap();
    }
    profile
}

fn bits(latent: &Latent) -> Vec<u32> {
    let Latent { units, gaze, residual } = latent;
    units.iter().chain(&gaze.to_array()).chain(residual).map(|number| number.to_bits()).collect()
}

fn problem(text: &str) -> (usize, String, ProfileProblem) {
    match Profile::parse(text.as_bytes()).unwrap_err() {
        ParseProfileError::At { line, key, problem } => (line, key, problem),
        other => panic!("{other}"),
    }
}

#[test]
fn a_profile_reads_as_it_is_documented() {
    let text = "version = 1\nname = \"mine\"\nintensity = 1.1\n[region.brows]\ngain = 2\nattack = 0.1\n\
                [unit.mouthSmileLeft]\ngain = 1.3\n[unit.mouthSmile]\ngain = 1.5\noffset = 0.06\n";
    let profile = Profile::parse(text.as_bytes()).unwrap();
    assert_eq!((profile.name(), profile.intensity()), ("mine", 1.1));
    assert_eq!(profile.get(Scope::Region(Region::Brows), Setting::Gain), Some(2.0));
    // A side's own table goes before the one of both, whatever their order.
    assert_eq!(profile.get(Scope::Unit(FaceUnit::MouthSmileLeft), Setting::Gain), Some(1.3));
    assert_eq!(profile.get(Scope::Unit(FaceUnit::MouthSmileLeft), Setting::Offset), Some(0.06));
    assert_eq!(profile.get(Scope::Unit(FaceUnit::MouthSmileRight), Setting::Gain), Some(1.5));
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_line() {
    let (line, key, wrong) = problem("version = 1\n\n[region.brow]\ngain = 1\n");
    assert_eq!((line, key.as_str()), (3, "region.brow"));
    assert!(matches!(wrong, ProfileProblem::Unknown { expected } if expected.contains("brows")));
    let (line, key, _) = problem("version = 1\n[unit.jawOpen]\ngain = 1\ngian = 2\n");
    assert_eq!((line, key.as_str()), (4, "unit.jawOpen.gian"));
    for (value, shown) in
        [("nan", "NaN"), ("-nan", "NaN"), ("inf", "inf"), ("4.5", "4.5"), ("1e39", "inf"), ("-1", "-1")]
    {
        let text = format!("version = 1\n[unit.jawOpen]\n# louder\ngain = {value}\n");
        let (line, key, wrong) = problem(&text);
        assert_eq!((line, key.as_str()), (4, "unit.jawOpen.gain"), "{value}");
        assert!(
            matches!(wrong, ProfileProblem::OutOfRange(_)) && wrong.to_string().contains(shown),
            "{wrong}"
        );
    }
    for value in ["\"1\"", "true", "[1]", "{}", "0x1", "1979-05-27"] {
        let (line, _, wrong) = problem(&format!("version = 1\nintensity = {value}\n"));
        assert!(line == 2 && matches!(wrong, ProfileProblem::WrongType { .. }), "{value}: {wrong}");
    }
    let (line, key, wrong) = problem("version = 1\n[region.jaw]\ngain = 1\ngain = 2\n");
    assert!(line == 4 && key == "gain" && wrong.to_string().contains("duplicate"), "{line} {wrong}");
    assert_eq!(problem("[region.jaw]\ngain = 1\n").1, "version");
    for version in ["0", "2", "1.0", "\"1\""] {
        assert_eq!(problem(&format!("version = {version}\n")).2, ProfileProblem::Version, "{version}");
    }
    assert!(matches!(problem("version = 1\n[region.mouth]\noffset = 0.1").2, ProfileProblem::OutOfRange(_)));
    assert!(matches!(problem("version = 1\nregion = 3").2, ProfileProblem::WrongType { .. }));
    assert!(matches!(problem("version = 1\nmood = 3").2, ProfileProblem::Unknown { .. }));
    let long = format!("version = 1\nname = \"{}\"", "x".repeat(65));
    assert_eq!(problem(&long).2, ProfileProblem::Name);
    assert_eq!(problem("version = 1\nname = \"a\\u001b[2J\"").2, ProfileProblem::Name);
}

#[test]
fn bytes_that_are_no_profile_are_refused_and_nothing_panics() {
    let not_text = Profile::parse(b"version = 1\n\nname = \"\xff\"").unwrap_err();
    assert!(matches!(not_text, ParseProfileError::At { line: 3, problem: ProfileProblem::NotText, .. }));
    let long = vec![b'#'; (1 << 16) + 1];
    assert!(matches!(Profile::parse(&long), Err(ParseProfileError::TooLong { bytes: 65_537 })));
    for nested in ["[", "{a=", "a.", "[[a]]\n"] {
        let text = format!("version = 1\nx = {}", nested.repeat(60_000 / nested.len()));
        assert!(Profile::parse(text.as_bytes()).is_err());
    }
    let steered = Profile::parse("version = 1\n\"\u{1b}[2J\" = 1".as_bytes()).unwrap_err().to_string();
    assert!(!steered.contains('\u{1b}'), "{steered:?}");
}

#[test]
fn nothing_else_than_face_units_is_tuned() {
    let model = LatentModel { semantic: Semantic::None, ..plain_latent_model(4) };
    assert!(FaceRange::of_model(&model).is_err());
}

#[test]
fn gaze_is_only_touched_if_asked() {
    let range = plain();
    let mut face = random_latent(3);
    face.gaze.left_yaw = 0.2;
    let mut profile = Preset::Lively.profile();
    profile.set_intensity(1.7).unwrap();
    let tuned = Tuner::new(&profile, &range).apply(&face, frame(0));
    assert_eq!(tuned.gaze, face.gaze);
    for unit in FaceUnit::ALL.into_iter().filter(|&unit| Region::of(unit) == Region::Gaze) {
        assert_eq!(tuned.unit(unit).to_bits(), face.unit(unit).to_bits(), "{}", unit.name());
    }
    profile.set(Scope::Region(Region::Gaze), Setting::Gain, Some(0.5)).unwrap();
    let tuned = Tuner::new(&profile, &range).apply(&face, frame(0));
    assert!((tuned.gaze.left_yaw - 0.1).abs() < 1e-6);
}

#[test]
fn attack_and_release_take_their_time() {
    let range = plain();
    let mut profile = Profile::default();
    let brow = Scope::Unit(FaceUnit::BrowInnerUp);
    profile.set(brow, Setting::Attack, Some(0.2)).unwrap();
    profile.set(brow, Setting::Release, Some(0.5)).unwrap();
    let mut tuner = Tuner::new(&profile, &range);
    let face = |weight: f32| {
        let mut latent = Latent::NEUTRAL;
        *latent.unit_mut(FaceUnit::BrowInnerUp) = weight;
        latent
    };
    let at = |milliseconds: u64| Timestamp(milliseconds * 1_000_000);
    assert_eq!(tuner.apply(&face(0.0), at(0)).unit(FaceUnit::BrowInnerUp), 0.0);
    let mut value = 0.0;
    for ms in (10..=200).step_by(10) {
        value = tuner.apply(&face(1.0), at(ms)).unit(FaceUnit::BrowInnerUp);
    }
    assert!((value - 0.632).abs() < 2e-3, "{value}: 63 % after the attack's time, in 20 steps");
    let again = tuner.apply(&face(1.0), at(200)).unit(FaceUnit::BrowInnerUp);
    assert_eq!(again, value, "no time, no way");
    let fallen = tuner.apply(&face(0.0), at(700)).unit(FaceUnit::BrowInnerUp);
    assert!((fallen - value * 0.368).abs() < 2e-3, "{fallen}: and in one step");
    assert_eq!(
        tuner.apply(&face(1.0), at(100)).unit(FaceUnit::BrowInnerUp),
        1.0,
        "a step back starts afresh"
    );
    assert_eq!(tuner.apply(&face(0.0), at(1200)).unit(FaceUnit::BrowInnerUp), 0.0, "and so does a long gap");
}

#[test]
fn a_viewer_may_do_nothing_unless_the_owner_says_so() {
    let range = plain();
    for seed in 0..200 {
        let clamped = OwnerLimits::default().clamp(&random_profile(seed));
        assert!(Tuner::new(&clamped, &range).is_identity(), "{seed}: {}", clamped.to_toml());
    }
    let mut limits = OwnerLimits::default();
    let mouth = RegionLimit { gain: [0.8, 1.5], offset: 0.05, shape: false };
    limits.set(Region::Mouth, mouth).unwrap();
    for seed in 0..200 {
        let wanted = random_profile(seed);
        let clamped = limits.clamp(&wanted);
        for unit in FaceUnit::ALL {
            let (low, high) = if Region::of(unit) == Region::Mouth { (0.8, 1.5) } else { (1.0, 1.0) };
            let gain = clamped.gain(unit);
            assert!(gain >= low - 1e-6 && gain <= high + 1e-6, "{seed} {}: {gain}", unit.name());
            let inside = (low..=high).contains(&wanted.gain(unit));
            assert!(!inside || (gain - wanted.gain(unit)).abs() < 1e-6, "{seed} {}", unit.name());
            assert_eq!(clamped.effective(unit, Setting::Curve), None);
            assert!(clamped.effective(unit, Setting::Offset).is_none_or(|offset| offset.abs() <= 0.05));
        }
        assert_eq!(limits.clamp(&clamped), clamped, "{seed}: once is enough");
    }
}

#[test]
fn an_owners_limits_have_one_sequence_of_bytes() {
    let mut limits = OwnerLimits::default();
    limits.set(Region::Brows, RegionLimit { gain: [0.5, 2.0], offset: 0.1, shape: true }).unwrap();
    let bytes = limits.to_bytes();
    assert_eq!(OwnerLimits::from_bytes(&bytes), Ok(limits));
    assert_ne!(bytes, OwnerLimits::default().to_bytes());
    for i in 0..bytes.len() {
        assert!(OwnerLimits::from_bytes(&bytes[..i]).is_err());
        for bit in 0..8 {
            let mut changed = bytes;
            changed[i] ^= 1 << bit;
            // What is still read is something else, and has bytes of its own.
            if let Ok(other) = OwnerLimits::from_bytes(&changed) {
                assert!(other != limits && other.to_bytes() == changed, "byte {i} bit {bit}");
            }
        }
    }
    for wrong in [[1.1, 2.0], [0.5, 0.9], [f32::NAN, 2.0], [0.0, 5.0], [-0.1, 1.0]] {
        assert!(limits.set(Region::Jaw, RegionLimit { gain: wrong, ..RegionLimit::NONE }).is_err());
    }
}

#[test]
fn a_recording_teaches_neutral_and_width() {
    let faces: Vec<Latent> = (0..300)
        .map(|i| {
            let mut latent = Latent::NEUTRAL;
            let wave = 0.5 - 0.5 * (i as f32 * 0.2).cos();
            *latent.unit_mut(FaceUnit::BrowInnerUp) = 0.05 + 0.1 * wave;
            *latent.unit_mut(FaceUnit::MouthSmileLeft) = if i == 7 { 1.0 } else { 0.7 * wave }; // a spike
            *latent.unit_mut(FaceUnit::MouthSmileRight) = 0.7 * wave;
            latent
        })
        .collect();
    let usage = Usage::learn(&faces).unwrap();
    let brow = usage.unit(FaceUnit::BrowInnerUp);
    assert!((brow.neutral - 0.05).abs() < 0.01 && (brow.p95 - 0.15).abs() < 0.01, "{brow:?}");
    assert!(usage.unit(FaceUnit::MouthSmileLeft).end < 0.75, "a spike isn't an end");
    let typical = usage.suggest(Target::Typical);
    assert!(typical.gain(FaceUnit::BrowInnerUp) > 1.5, "who hardly moves a brow is helped");
    assert!(typical.gain(FaceUnit::MouthSmileLeft) < 1.0, "who smiles widely is held");
    assert_eq!(typical.gain(FaceUnit::JawOpen), 1.0, "what isn't used is left");
    let warmer = usage.suggest(Target::Preset(Preset::Warmer));
    let gain = warmer.gain(FaceUnit::MouthSmileRight);
    assert!(gain > 1.3 && gain * 0.7 <= 0.951, "{gain}");
    assert_eq!(warmer.gain(FaceUnit::MouthSmileLeft), gain);
    assert!(matches!(Usage::learn(&faces[..10]), Err(LearnError::TooShort { frames: 10 })));
    let mut broken = faces;
    broken[50].units[3] = f32::NAN;
    assert!(matches!(Usage::learn(&broken), Err(LearnError::NotFinite { frame: 50 })));
}

#[test]
fn the_shipped_avatars_mesh_meets_what_is_promised() {
    let avatar = shipped();
    let checker = Checker::new(&avatar).unwrap();
    assert_eq!(checker.range().seams().len(), 3, "lips and both eyes' lids are found");
    let smile = checker.smile_gain_error();
    assert!(smile < 0.05, "gain 1.5 moves the mouth corners 1.5 times as far ± 5 %: {smile}");
    let spill = checker.spill_ratio();
    assert!(spill < 0.02, "{spill} of the corner's motion elsewhere");
    for preset in PRESETS {
        let gap = checker.resting_blink_gap_mm(&preset.profile());
        assert!(gap < 0.3, "{}: {gap} mm between closed lids", preset.name());
    }
    assert!(checker.is_identity_exact(300));
    assert!(checker.is_monotonic());
    let found = checker.penetration(2_000, 1, &mut |_| true);
    assert!(found.is_finite);
    for (name, kind) in [("lips", found.lips), ("lids", found.lids), ("eyes", found.eyes_beyond_blink)] {
        assert!(kind.worst_mm < 0.5, "{name}: {kind:?}");
        assert!(kind.untuned_worst_mm > 0.1, "{name}: nothing touched in {} faces", kind.faces);
    }
    for (name, kind) in [("lips", found.lips), ("lids", found.lids)] {
        assert!(kind.p999_mm < 0.2, "{name}: {kind:?}");
    }
}

#[test]
fn seals_hold_on_the_shipped_avatar_under_every_profile() {
    let avatar = shipped();
    let range = FaceRange::of_avatar(&avatar).unwrap();
    let seam = |kind| range.seams().iter().find(|seam| seam.kind == kind).unwrap();
    let mut pressed = Latent::NEUTRAL;
    *pressed.unit_mut(FaceUnit::JawOpen) = 0.3;
    *pressed.unit_mut(FaceUnit::MouthClose) = 0.3;
    for seed in 0..300 {
        let tuned = Tuner::new(&random_profile(seed), &range).apply(&pressed, frame(0));
        for contact in &seam(SeamKind::Lips).contacts {
            let (before, after) = (contact.gap(&pressed.units), contact.gap(&tuned.units));
            assert!(after < 5.0 * before.max(0.0) + 0.5e-3, "{seed}: lips {before} m apart became {after}");
        }
    }
}

#[test]
fn an_avatar_that_shows_no_seam_is_tuned_all_the_same() {
    for seed in 0..3 {
        let avatar = synthetic_avatar(seed, Size::Tiny);
        let range = FaceRange::of_avatar(&avatar).unwrap();
        for (i, face) in random_faces(&range, seed, 50).iter().enumerate() {
            assert!(Tuner::new(&random_profile(seed), &range).apply(face, frame(i)).is_finite());
        }
    }
}

fn any_weight() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0), Just(1.0), 0.0f32..=1.0, -0.2f32..=1.5]
}

fn any_face() -> impl Strategy<Value = Latent> {
    proptest::collection::vec(any_weight(), 52).prop_map(|weights| {
        let mut latent = random_latent(9);
        latent.units.copy_from_slice(&weights);
        latent
    })
}

fn any_model() -> impl Strategy<Value = LatentModel> {
    proptest::collection::vec((0.3f32..=1.2, 0.01f32..0.4), 56).prop_map(|axes| {
        let mut model = plain_latent_model(0);
        for (axis, (max, deviation)) in model.axes.iter_mut().zip(axes) {
            let min = if axis.min < 0.0 { -max } else { 0.0 };
            *axis = LatentAxis { min, max, deviation, ..*axis };
        }
        model
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_profile_comes_back_from_its_text(seed in any::<u64>(), name in ".{0,40}") {
        let mut profile = random_profile(seed);
        profile.set_name(&name);
        let text = profile.to_toml();
        prop_assert_eq!(Profile::parse(text.as_bytes()).map_err(|error| format!("{error}\n{text}")), Ok(profile));
    }

    #[test]
    fn broken_text_never_panics(seed in any::<u64>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = random_profile(seed).to_toml().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = Profile::parse(&text);
        let _ = Profile::parse(&text[..at]);
    }

    #[test]
    fn as_i_am_keeps_every_bit(face in any_face(), model in any_model()) {
        let range = FaceRange::of_model(&model).unwrap();
        let tuned = Tuner::new(&Preset::AsIAm.profile(), &range).apply(&face, frame(0));
        prop_assert_eq!(bits(&tuned), bits(&face));
    }

    #[test]
    fn gains_near_one_come_near_the_face(face in any_face(), model in any_model()) {
        let range = FaceRange::of_model(&model).unwrap();
        let mut last = f32::INFINITY;
        for distance in [1e-1f32, 1e-2, 1e-3, 1e-4] {
            let all: Vec<FaceUnit> = FaceUnit::ALL.to_vec();
            let tuned = Tuner::new(&with_gain(&all, 1.0 + distance), &range).apply(&face, frame(0));
            let off = tuned.units.iter().zip(&face.units).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            prop_assert!(off <= 1.6 * distance + 1e-6 && off <= last, "{off} at 1 + {distance}");
            last = off;
        }
    }

    #[test]
    fn tuned_faces_stay_where_the_decoder_was_trained(seed in any::<u64>(), face in any_face(), model in any_model()) {
        let range = FaceRange::of_model(&model).unwrap();
        let mut tuner = Tuner::new(&random_profile(seed), &range);
        let mut before = [[f32::INFINITY, f32::NEG_INFINITY]; 52];
        for (i, face) in random_faces(&range, seed, 5).iter().chain([&face]).enumerate() {
            let tuned = tuner.apply(face, frame(i));
            prop_assert!(tuned.is_finite());
            prop_assert_eq!(tuned.residual, face.residual);
            for unit in FaceUnit::ALL {
                // With attack and release, what an earlier face sent outside the range may still be on its way back.
                let [least, most] = &mut before[unit as usize];
                (*least, *most) = (least.min(face.unit(unit)), most.max(face.unit(unit)));
                let [min, max] = range.unit(unit);
                let allowed = min.min(*least) - 1e-5..=max.max(*most) + 1e-5;
                prop_assert!(allowed.contains(&tuned.unit(unit)), "{} {}", unit.name(), tuned.unit(unit));
            }
        }
    }

    #[test]
    fn a_unit_rises_with_each_of_its_gains(seed in any::<u64>(), face in any_face(), u in 0usize..52) {
        let range = plain();
        let unit = FaceUnit::ALL[u];
        let mut profile = random_profile(seed);
        // What lies below a neutral goes down with the gain, as it should.
        prop_assume!(face.unit(unit) >= profile.get(Scope::Unit(unit), Setting::Neutral).unwrap_or(0.0));
        for scope in [Scope::Unit(unit), Scope::Region(Region::of(unit))] {
            let mut last = f32::NEG_INFINITY;
            for i in 0..=40 {
                profile.set(scope, Setting::Gain, Some(i as f32 * 0.1)).unwrap();
                let now = Tuner::new(&profile, &range).apply(&face, frame(0)).unit(unit);
                if matches!(scope, Scope::Unit(_)) {
                    prop_assert!(now >= last - 1e-6, "{} at gain {}: {now} after {last}", unit.name(), i as f32 * 0.1);
                }
                prop_assert!(now.is_finite());
                last = now;
            }
        }
    }

    #[test]
    fn a_full_blink_stays_full(seed in any::<u64>(), model in any_model()) {
        let range = FaceRange::of_model(&model).unwrap();
        let mut profile = random_profile(seed);
        for unit in [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight] {
            let mut face = Latent::NEUTRAL;
            *face.unit_mut(unit) = range.unit(unit)[1];
            let tuned = Tuner::new(&profile, &range).apply(&face, frame(0)).unit(unit);
            prop_assert!(tuned >= face.unit(unit), "{tuned}");
        }
        profile.set_intensity(0.0).unwrap();
        prop_assert!(profile.gain(FaceUnit::EyeBlinkLeft) == 0.0);
    }
}
