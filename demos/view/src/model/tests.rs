use std::time::Duration;

use visavis_codec::call::Timeline;
use visavis_codec::expression::{Preset, Region};
use visavis_codec::testing::{Preset as Size, random_latent, synthetic_avatar};
use visavis_codec::{FaceFrame, FaceUnit};

use super::actions::Action;
use super::*;
use crate::host::{Call, Opened};

fn viewer() -> Viewer {
    Viewer::new(Settings::default(), Arc::new(|| {}))
}

/// Opens a made-up avatar, with a call of two seconds or without.
fn open(viewer: &mut Viewer, with_call: bool) {
    let avatar = synthetic_avatar(1, Size::Tiny);
    let frames = (0..60).map(|n| FaceFrame {
        time: Timestamp(5_000_000_000 + n * 33_333_333),
        latent: random_latent(n / 6),
        ..FaceFrame::default()
    });
    let call = with_call.then(|| Call {
        sender: "somebody".to_owned(),
        timeline: Timeline::new(frames.collect()),
        start: Timestamp(5_000_000_000),
        seconds: 2.0,
    });
    let opened = Opened { avatar, avatar_path: "x.avatar".into(), call };
    viewer.opened(Arrival::new("x.avatar".into(), opened));
}

#[test]
fn an_empty_viewer_rests() {
    let mut viewer = viewer();
    viewer.step(0.1, None, 1.0);
    assert!(viewer.pace().is_none());
    for action in [Action::PlayPause, Action::Step(1), Action::Loop, Action::Split, Action::End] {
        viewer.act(action);
    }
    viewer.step(0.1, None, 1.0);
}

#[test]
fn a_call_plays_and_rests_when_paused() {
    let mut viewer = viewer();
    open(&mut viewer, true);
    assert_eq!((viewer.driver(), viewer.shown.as_ref().unwrap().name.as_str()), ("recording", "somebody"));
    let first = viewer.step(0.0, None, 1.0);
    let later = viewer.step(0.4, None, 1.0);
    assert!(later.differs_from(&first) && viewer.pace().is_some());
    viewer.act(Action::PlayPause);
    for _ in 0..10 {
        viewer.step(0.1, None, 1.0);
    }
    assert!(viewer.pace().is_none(), "a paused call costs nothing");
    assert_eq!(viewer.detail.scale(), 1.0);
    let at = viewer.player.as_ref().unwrap().transport.position();
    viewer.act(Action::Step(1));
    assert!(viewer.player.as_ref().unwrap().transport.position() > at);
    viewer.act(Action::Loop);
    assert!(!viewer.settings.loops, "it is remembered");
}

#[test]
fn a_slider_moves_the_face_and_tuning_shows_beside_it() {
    let mut viewer = viewer();
    open(&mut viewer, false);
    viewer.set_alive(false);
    viewer.puppet.units[FaceUnit::JawLeft as usize] = 0.3;
    viewer.tuning.set_gain(Region::Jaw, 0.0);
    let faces = viewer.step(0.1, None, 1.0);
    assert_eq!(faces.as_i_am.latent.unit(FaceUnit::JawLeft), 0.3);
    assert!(faces.tuned.latent.unit(FaceUnit::JawLeft) < 0.05);
    viewer.tuning.take_preset(Preset::AsIAm);
    let faces = viewer.step(0.1, None, 1.0);
    assert_eq!(faces.as_i_am.latent, faces.tuned.latent);
}

#[test]
fn eyes_follow_the_pointer_to_its_side() {
    let mut viewer = viewer();
    open(&mut viewer, false);
    viewer.set_alive(false);
    viewer.set_follows(true);
    let mut faces = Faces::default();
    for _ in 0..40 {
        faces = viewer.step(0.05, Some(Vec2::new(0.4, 0.3)), 1.0);
    }
    // The picture's right is the person's left.
    let gaze = faces.as_i_am.latent.gaze;
    assert!(gaze.left_yaw > 0.02 && gaze.left_pitch > 0.02, "{gaze:?}");
}

#[test]
fn split_and_stereo_exclude_each_other() {
    let mut viewer = viewer();
    viewer.act(Action::Split);
    viewer.act(Action::Stereo);
    assert_eq!(viewer.arrangement, Arrangement::Stereo);
    viewer.act(Action::Stereo);
    assert_eq!(viewer.arrangement, Arrangement::One);
}

#[test]
fn a_tracker_drives_the_face_and_goes() {
    let mut viewer = viewer();
    viewer.toggle_live(LiveProtocol::Vmc, 0);
    assert!(viewer.live.is_none(), "there is nobody to drive");
    open(&mut viewer, true);
    viewer.toggle_live(LiveProtocol::Vmc, 0);
    assert_eq!((viewer.driver(), viewer.is_by_hand()), (LiveProtocol::Vmc.name(), false));
    assert!(!viewer.player.as_ref().unwrap().transport.is_playing());
    let mut frame = FaceFrame { time: Timestamp(1), ..FaceFrame::default() };
    *frame.latent.unit_mut(FaceUnit::JawOpen) = 0.5;
    for n in 0..90u32 {
        frame.time = Timestamp(u64::from(n) * 33_333_333);
        let arrival = viewer.start + Duration::from_nanos(frame.time.0);
        viewer.tracker.0.send(LiveFace { frame, arrival }).unwrap();
        viewer.now = f64::from(n) / 30.0;
        viewer.step(1.0 / 30.0, None, 1.0);
    }
    assert!((viewer.faces.as_i_am.latent.unit(FaceUnit::JawOpen) - 0.5).abs() < 0.02);
    viewer.toggle_live(LiveProtocol::Vmc, 0);
    assert!(viewer.live.is_none() && viewer.playout().is_none());
}

#[test]
fn escape_closes_what_is_open_first() {
    let mut viewer = viewer();
    viewer.notices.problem("broken");
    viewer.act(Action::Help);
    viewer.act(Action::Escape);
    assert!(!viewer.overlays.help && viewer.notices.iter().count() == 1);
    viewer.act(Action::Escape);
    assert_eq!(viewer.notices.iter().count(), 0);
}
