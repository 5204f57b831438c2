//! Faces that play: alive, on the ball, and never popping.

use std::path::Path;

use glam::Vec3;
use visavis_codec::expression::{FaceRange, Preset, Tuner};
use visavis_codec::latent::UNITS;
use visavis_codec::{Avatar, FaceUnit};
use visavis_game::face::Features;
use visavis_game::play::{Options, Phase, Side};
use visavis_game::show::{Character, Moment, Show};

const FRAME_S: f32 = 1.0 / 60.0;

fn show(seed: u64, cast: [Character; 2]) -> Show {
    let mut show = Show::new(Options { seed, ..Options::default() }, cast);
    show.set_replays(false);
    show
}

fn moments(mut show: Show, seconds: f32) -> Vec<Moment> {
    (0..(seconds / FRAME_S) as usize)
        .map(|_| {
            show.advance(FRAME_S);
            *show.moment()
        })
        .collect()
}

fn is_blink(unit: usize) -> bool {
    unit == FaceUnit::EyeBlinkLeft as usize || unit == FaceUnit::EyeBlinkRight as usize
}

fn wren() -> Avatar {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/avatars/wren.avatar");
    Avatar::read(&std::fs::read(path).expect("the shipped avatar")).expect("a good avatar")
}

#[test]
fn nothing_pops() {
    for seed in [1, 4] {
        let moments = moments(show(seed, Default::default()), 60.0);
        for pair in moments.windows(2) {
            for side in 0..2 {
                let (a, b) = (&pair[0].faces[side], &pair[1].faces[side]);
                assert!(b.latent.is_finite() && b.head.is_valid());
                for unit in 0..UNITS {
                    let step = (a.latent.units[unit] - b.latent.units[unit]).abs();
                    // A blink closes within five pictures; looks go with the eyes.
                    let name = FaceUnit::ALL[unit].name();
                    let most = match name {
                        _ if is_blink(unit) => 0.40,
                        _ if name.starts_with("eyeLook") || name.starts_with("eyeWide") => 0.45,
                        _ if name.starts_with("eyeSquint") => 0.30,
                        _ => 0.20,
                    };
                    assert!(step < most, "{name} steps by {step} at {} s", pair[1].time_s);
                }
                let turn = a.head.rotation.angle_between(b.head.rotation);
                // People turn their heads by some 300° a second at the most.
                assert!(turn < 0.085, "the head jerks by {turn} at {} s", pair[1].time_s);
                let slide = (pair[0].seats[side].translation - pair[1].seats[side].translation).length();
                assert!(slide < 0.03, "the seat jumps by {slide}");
            }
        }
    }
}

/// Where an eye looks: its place and direction in the world.
fn ray(moment: &Moment, side: usize, eye: usize, features: &Features) -> (Vec3, Vec3) {
    let face = &moment.faces[side];
    let turn = if eye == 0 { face.latent.gaze.left_rotation() } else { face.latent.gaze.right_rotation() };
    let place = features.turned(features.eyes[eye], face.head.rotation) + face.head.translation;
    let seat = moment.people[side];
    (seat.transform_point3(place), seat.transform_vector3(face.head.rotation * (turn * Vec3::NEG_Z)))
}

#[test]
fn eyes_are_on_the_ball() {
    let features = Features::default();
    let (mut on, mut all) = (0, 0);
    for moment in moments(show(2, Default::default()), 60.0) {
        if moment.phase != Phase::Rally {
            continue;
        }
        for side in 0..2 {
            for eye in 0..2 {
                let (from, along) = ray(&moment, side, eye, &features);
                all += 1;
                on += usize::from(along.angle_between(moment.ball_m - from) < 0.10);
            }
        }
    }
    eprintln!("{on} of {all}");
    assert!(all > 2000 && on * 2 > all, "{on} of {all}");
}

#[test]
fn eyes_meet_on_a_ball_that_is_held() {
    // While nobody has served, the server looks at the ball now and then: both eyes at the same place.
    let features = Features::default();
    let best = moments(show(2, Default::default()), 4.0)
        .iter()
        .filter(|moment| moment.phase == Phase::Toss)
        .map(|moment| {
            let miss = |eye| {
                let (from, along) = ray(moment, Side::Left.index(), eye, &features);
                let way = moment.ball_m - from;
                (way - along * way.dot(along)).length()
            };
            f32::max(miss(0), miss(1))
        })
        .fold(f32::INFINITY, f32::min);
    assert!(best < 0.02, "{best} m beside the ball");
}

#[test]
fn winners_smile_and_losers_do_not() {
    let unit = |moment: &Moment, side: Side, unit: FaceUnit| moment.faces[side.index()].latent.unit(unit);
    let mut points = 0;
    for seed in 1..4 {
        let all = moments(show(seed, Default::default()), 60.0);
        for n in 1..all.len().saturating_sub(90) {
            let [before, now] = [all[n - 1].score.points, all[n].score.points];
            if before == now {
                continue;
            }
            points += 1;
            let winner = if now[0] > before[0] { Side::Left } else { Side::Right };
            let after = &all[n..n + 75];
            let most = |side, of| after.iter().map(|moment| unit(moment, side, of)).fold(0.0, f32::max);
            assert!(most(winner, FaceUnit::MouthSmileLeft) > 0.35, "nobody is glad");
            assert!(most(winner.other(), FaceUnit::BrowInnerUp) > 0.25, "nobody is sorry");
            assert!(most(winner.other(), FaceUnit::MouthSmileLeft) < 0.3, "who loses smiles");
        }
    }
    assert!(points >= 6, "{points} points");
}

#[test]
fn lids_blink_as_often_as_people_do() {
    let moments = moments(show(7, Default::default()), 120.0);
    for side in 0..2 {
        let closed: Vec<bool> = moments
            .iter()
            .map(|moment| moment.faces[side].latent.unit(FaceUnit::EyeBlinkLeft) > 0.8)
            .collect();
        let blinks = closed.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((10..80).contains(&blinks), "{blinks} blinks in two minutes");
    }
}

#[test]
fn faces_stay_inside_what_the_avatar_has_shown() {
    let avatar = wren();
    let range = FaceRange::of_avatar(&avatar).expect("it has units");
    let character = Character {
        name: "wren".to_owned(),
        features: Features::of(&avatar),
        tuner: Some(Tuner::new(&Preset::Lively.profile(), &range)),
        range: Some(range.clone()),
        sinks_m: 0.0,
    };
    assert!(character.features.eyes[0].x < 0.0 && character.features.neck.y < -0.05);
    for moment in moments(show(3, [character.clone(), character]), 30.0) {
        for face in &moment.faces {
            for unit in FaceUnit::ALL {
                let [low, high] = range.unit(unit);
                let value = face.latent.unit(unit);
                assert!(value >= low - 1e-3 && value <= high + 1e-3, "{}: {value}", unit.name());
            }
            let gaze = face.latent.gaze.to_array();
            assert!(
                gaze.iter().all(|angle| angle.abs() <= visavis_codec::drive::LOOK_YAW + 1e-3),
                "{gaze:?}"
            );
        }
    }
}

#[test]
fn a_show_is_the_same_each_time() {
    let run = || moments(show(5, Default::default()), 12.0);
    assert_eq!(run().last(), run().last());
}

#[test]
fn good_points_are_shown_again_slowly() {
    let mut show = Show::new(Options { seed: 1, ..Options::default() }, Default::default());
    let (mut replays, mut pictures, mut was) = (0, 0, false);
    let mut game_s = 0.0;
    for _ in 0..60 * 60 {
        show.advance(FRAME_S);
        if show.is_replay() {
            replays += usize::from(!was);
            pictures += 1;
            if was {
                assert_eq!(show.game().time_s(), game_s, "the game waits");
            }
            assert_ne!(show.camera(), visavis_game::show::Camera::Spectator);
        }
        was = show.is_replay();
        game_s = show.game().time_s();
    }
    assert!(replays >= 2 && pictures > 200 * replays, "{replays} replays, {pictures} pictures");
}
