//! Panels as people use them: pressed, dragged, typed into.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, Modifiers, Pos2, Role, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use visavis_codec::call::Timeline;
use visavis_codec::expression::{Preset, Region};
use visavis_codec::testing::{Preset as Size, random_latent, synthetic_avatar};
use visavis_codec::{FaceFrame, FaceUnit, Timestamp};

use crate::host::{Call, Opened};
use crate::model::camera::Focus;
use crate::model::settings::Settings;
use crate::model::stage::Arrangement;
use crate::model::{Arrival, Request, Viewer};

#[derive(Clone, Copy, PartialEq)]
enum With {
    Nobody,
    Avatar,
    Call,
}

fn harness(with: With) -> Harness<'static, Viewer> {
    let mut viewer = Viewer::new(Settings::default(), Arc::new(|| {}));
    if with != With::Nobody {
        let frames = (0..300).map(|n| FaceFrame {
            time: Timestamp(n * 33_333_333),
            latent: random_latent(n / 6),
            ..FaceFrame::default()
        });
        let call = (with == With::Call).then(|| Call {
            sender: "Wren".to_owned(),
            timeline: Timeline::new(frames.collect()),
            start: Timestamp(0),
            seconds: 10.0,
        });
        let avatar = synthetic_avatar(1, Size::Tiny);
        let opened = Opened { avatar, avatar_path: "wren.avatar".into(), call };
        viewer.opened(Arrival::new("wren.avatar".into(), opened));
    }
    let mut harness = Harness::builder()
        .with_size(vec2(1200.0, 1400.0))
        .with_max_steps(64)
        .with_context_setup(super::theme::apply)
        .build_ui_state(
            |ui, viewer: &mut Viewer| {
                super::show(ui, viewer);
            },
            viewer,
        );
    harness.run_steps(3);
    harness
}

/// Presses somewhere and lets go elsewhere.
fn drag(harness: &mut Harness<'_, Viewer>, from: Pos2, to: Pos2, modifiers: Modifiers) {
    use egui::{Event, PointerButton};
    let button =
        |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    harness.event_modifiers(Event::PointerMoved(from), modifiers);
    harness.event_modifiers(button(from, true), modifiers);
    harness.run_steps(1);
    for step in 1..=4 {
        harness.event_modifiers(Event::PointerMoved(from.lerp(to, step as f32 / 4.0)), modifiers);
        harness.run_steps(1);
    }
    harness.event_modifiers(button(to, false), modifiers);
    harness.run_steps(2);
}

fn press(harness: &mut Harness<'_, Viewer>, name: &str) {
    harness.get_by_label(name).click();
    harness.run_steps(3);
}

#[test]
fn nobody_is_told_what_to_do_and_a_path_is_opened() {
    let mut harness = harness(With::Nobody);
    harness.get_by_label("Nobody is here yet");
    press(&mut harness, "Open a file…");
    assert!(harness.state().overlays.open);
    harness.state_mut().overlays.path = " there/somebody.avatar ".to_owned();
    harness.run_steps(1);
    press(&mut harness, "Open it");
    assert_eq!(harness.state().requests, [Request::Open(PathBuf::from("there/somebody.avatar"))]);
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    assert!(!harness.state().overlays.open);
}

#[test]
fn presets_and_faders_change_the_profile() {
    let mut harness = harness(With::Avatar);
    press(&mut harness, "warmer");
    assert_eq!(harness.state().tuning.preset(), Some(Preset::Warmer));
    let fader = harness.get_by_role_and_label(Role::Slider, "Brows").rect();
    drag(&mut harness, fader.center(), fader.right_center() - vec2(1.0, 0.0), Modifiers::NONE);
    let gain = harness.state().tuning.gain(Region::Brows);
    assert!((gain - 2.0).abs() < 0.05, "{gain}");
    assert_eq!(harness.state().tuning.preset(), None);
    press(&mut harness, "As I am | tuned");
    assert_eq!(harness.state().arrangement, Arrangement::Split);
}

#[test]
fn a_unit_is_searched_found_and_moved() {
    let mut harness = harness(With::Avatar);
    assert!(harness.query_by_label("Mouth smile left").is_none(), "regions are closed at first");
    harness.state_mut().overlays.search = "smile LEFT".to_owned();
    harness.run_steps(12);
    assert!(harness.query_by_label("Jaw open").is_none());
    let fader = harness.get_by_label("Mouth smile left").rect();
    drag(&mut harness, fader.left_center() + vec2(1.0, 0.0), fader.center(), Modifiers::NONE);
    let smile = harness.state().puppet.units[FaceUnit::MouthSmileLeft as usize];
    assert!(smile > 0.02, "{smile}");
    press(&mut harness, "Rest");
    assert!(harness.state().puppet.is_at_rest());
    harness.state_mut().overlays.search = "zzz".to_owned();
    harness.run_steps(3);
    harness.get_by_label_contains("Nothing is called");
}

#[test]
fn a_call_is_paused_sought_and_looped_in_part() {
    let mut harness = harness(With::Call);
    assert!(harness.query_by_label("Breathes and blinks").is_none(), "the recording moves the face");
    press(&mut harness, "Pause");
    let transport =
        |harness: &Harness<'_, Viewer>| harness.state().player.as_ref().unwrap().transport.clone();
    assert!(!transport(&harness).is_playing());
    harness.key_press(Key::Space);
    harness.run_steps(2);
    assert!(transport(&harness).is_playing());
    let track = harness.get_by_label("Time").rect();
    let at = |part: f32| Pos2::new(track.left() + part * track.width(), track.center().y);
    drag(&mut harness, at(0.1), at(0.5), Modifiers::NONE);
    assert!((transport(&harness).position() - 5.0).abs() < 0.1, "{}", transport(&harness).position());
    drag(&mut harness, at(0.25), at(0.75), Modifiers::SHIFT);
    let [start, end] = transport(&harness).part().unwrap();
    assert!((start - 2.5).abs() < 0.1 && (end - 7.5).abs() < 0.1, "{start} {end}");
    press(&mut harness, "Over and over");
    assert!(!transport(&harness).is_looping);
}

#[test]
fn the_stage_turns_zooms_and_looks_at_parts() {
    let mut harness = harness(With::Avatar);
    let stage = harness.get_by_label("Stage").rect();
    let eye = |harness: &mut Harness<'_, Viewer>| {
        let camera = &mut harness.state_mut().camera;
        (0..200).for_each(|_| {
            camera.advance(0.05);
        });
        camera.eye(1.0)
    };
    drag(&mut harness, stage.center(), stage.center() + vec2(120.0, 0.0), Modifiers::NONE);
    assert!(eye(&mut harness).x > 0.1, "the head follows the hand");
    harness.key_press(Key::Num3);
    harness.run_steps(2);
    assert_eq!(harness.state().camera.focus(), Some(Focus::Eyes));
    let near = eye(&mut harness).length();
    harness.key_press(Key::Minus);
    harness.run_steps(2);
    assert!(eye(&mut harness).length() > near * 1.05);
    harness.key_press(Key::R);
    harness.run_steps(2);
    assert!(eye(&mut harness).x.abs() < 1e-3);
}

#[test]
fn help_says_every_key_and_goes_away() {
    let mut harness = harness(With::Avatar);
    harness.key_press(Key::F1);
    harness.run_steps(3);
    for binding in super::keys::BINDINGS {
        assert!(harness.query_all_by_label(binding.text).count() > 0, "{}", binding.text);
    }
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert!(!harness.state().overlays.help);
}

#[test]
fn keys_are_letters_while_one_types() {
    let mut dialog = harness(With::Avatar);
    let before = dialog.state().settings.backdrop;
    dialog.key_press_modifiers(Modifiers::COMMAND, Key::O);
    dialog.run_steps(3);
    assert!(dialog.state().overlays.open);
    dialog.key_press(Key::B);
    dialog.run_steps(2);
    assert_eq!((dialog.state().settings.backdrop, dialog.state().overlays.open), (before, true));

    let mut harness = harness(With::Avatar);
    let before = harness.state().settings.backdrop;
    harness.key_press(Key::B);
    harness.run_steps(2);
    let after = harness.state().settings.backdrop;
    assert_ne!(before, after);
    harness.query_all_by_role(Role::TextInput).next().expect("a field to type in").focus();
    harness.run_steps(2);
    harness.key_press(Key::B);
    harness.run_steps(2);
    assert_eq!(harness.state().settings.backdrop, after);
}

#[test]
fn problems_are_shown_and_closed() {
    let mut harness = harness(With::Avatar);
    harness.state_mut().notices.problem("bad.avatar: not a usable avatar");
    harness.run_steps(3);
    harness.get_by_label("bad.avatar: not a usable avatar");
    press(&mut harness, "Close");
    assert_eq!(harness.state().notices.iter().count(), 0);
}

#[test]
fn statistics_and_a_window_of_any_size_are_shown() {
    for with in [With::Nobody, With::Avatar, With::Call] {
        let mut harness = harness(with);
        harness.key_press(Key::G);
        for size in [vec2(300.0, 200.0), vec2(1.0, 1.0), vec2(2400.0, 500.0)] {
            harness.set_size(size);
            harness.run_steps(3);
        }
        assert!(harness.state().settings.statistics);
    }
}
