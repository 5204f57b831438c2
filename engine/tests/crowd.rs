//! Crowds: who isn't seen costs nothing, and who is small costs less; both executors mean the same.

mod common;

use std::f32::consts::PI;

use common::{Difference, Linear, difference, flip, random_frame, random_view, software};
use visavis::codec::Avatar;
use visavis::codec::glam::{Affine3A, Vec3};
use visavis::codec::reference;
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::headless::Headless;
use visavis::stereo::{Eyes, Fov, head_locked};
use visavis::{Detail, Executor, FrameStatistics, Instance, Level, Target, Thresholds, Viewport};

const SIZE: [u32; 2] = [128, 128];
/// The most that the executors' pictures may differ, mean ꟻLIP.
const FLIP: f32 = 0.02;

/// An avatar with a likeness, as those from files have.
fn avatar(seed: u64) -> Avatar {
    let mut avatar = synthetic_avatar(seed, Preset::Tiny);
    avatar.preview = reference::preview(&avatar, 64, usize::MAX);
    assert!(avatar.preview.is_some());
    avatar
}

/// Prepares and draws view 0; what it took, and the picture.
fn draw_counted(
    headless: &Headless,
    target: &Target,
    instances: &[&Instance],
    views: &[Viewport],
) -> (FrameStatistics, Linear) {
    let engine = headless.engine();
    let mut encoder = engine.device().create_command_encoder(&Default::default());
    let frame = engine.prepare(&mut encoder, target, instances, views).expect("prepared");
    let attachments = common::Attachments::new(engine.device(), views[0].size);
    attachments.draw(&mut encoder, &frame, 0);
    (frame.statistics(), attachments.read(engine.device(), engine.queue(), encoder))
}

/// Prepares alone.
fn count(
    headless: &Headless,
    target: &Target,
    instances: &[&Instance],
    views: &[Viewport],
) -> FrameStatistics {
    let engine = headless.engine();
    let mut encoder = engine.device().create_command_encoder(&Default::default());
    let frame = engine.prepare(&mut encoder, target, instances, views).expect("prepared");
    engine.queue().submit([encoder.finish()]);
    frame.statistics()
}

#[test]
fn who_is_not_seen_costs_nothing_and_changes_nothing() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let person = headless.load(&avatar(1)).expect("loaded");
        let stranger = headless.load(&avatar(2)).expect("loaded");
        let view = Viewport::new(random_view(1), SIZE);
        let mut seen = person.instance();
        seen.set_frame(&random_frame(1)).expect("finite");
        let (alone, picture) = draw_counted(&headless, &target, &[&seen], &[view]);
        assert_eq!((alone.culled, alone.skinned, alone.decoded), (0, 1, 1));

        // Behind the camera and beside its picture.
        let eye = view.view.eye();
        let away = (eye - Vec3::new(0.0, -0.03, 0.08)).normalize();
        let aside = away.cross(Vec3::Y).normalize();
        let hidden: Vec<Instance> = (0..20)
            .map(|n| {
                let mut instance = stranger.instance();
                instance.set_frame(&random_frame(n)).expect("finite");
                let place = match n % 3 {
                    0 => eye + away * (0.4 + n as f32 * 0.1),
                    1 => aside * (1.0 + n as f32 * 0.1),
                    _ => -aside * (1.0 + n as f32 * 0.1),
                };
                instance.set_pose(Affine3A::from_translation(place)).expect("finite");
                instance
            })
            .collect();
        let before = headless.gpu_bytes();
        let mut all: Vec<&Instance> = hidden.iter().collect();
        all.insert(7, &seen);
        let (statistics, with_hidden) = draw_counted(&headless, &target, &all, &[view]);
        assert_eq!((statistics.culled, statistics.skinned, statistics.decoded), (20, 1, 1), "{executor:?}");
        assert_eq!(statistics.vertices, alone.vertices);
        assert!(with_hidden.rgba == picture.rgba && with_hidden.depth == picture.depth, "{executor:?}");
        assert!(hidden.iter().all(|instance| instance.level().is_none()));
        // No buffer was made for them.
        assert_eq!(headless.gpu_bytes(), before, "{executor:?}");

        // A view of depth alone sees one of them, or some: skinned, not decoded.
        let mut light = Viewport::depth_only(random_view(1), [64, 64]);
        light.view.view_from_world *= hidden[1].pose().inverse();
        let statistics = count(&headless, &target, &all, &[view, light]);
        assert!(
            (2..8).contains(&statistics.skinned) && statistics.decoded == 1,
            "{executor:?}: {statistics:?}"
        );
        assert_eq!(statistics.culled + statistics.skinned, 21);
    }
    common::driver_log::assert_silent();
}

#[test]
fn maps_are_decoded_at_their_levels_rate_and_not_all_at_once() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let person = headless.load(&avatar(1)).expect("loaded");
        let views = [Viewport::new(random_view(1), [32, 32])];
        for (level, period) in [(Level::Full, 1), (Level::Half, 2), (Level::Coarse, 4)] {
            headless.engine().set_detail(Detail::Fixed(level));
            let mut cast: Vec<Instance> = (0..8).map(|_| person.instance()).collect();
            let mut decoded = Vec::new();
            for frame in 0..20 {
                for (n, instance) in (0..).zip(&mut cast) {
                    instance.set_frame(&random_frame(100 * n + frame)).expect("finite");
                }
                let cast: Vec<&Instance> = cast.iter().collect();
                let statistics = count(&headless, &target, &cast, &views);
                assert_eq!(statistics.decoded + statistics.held, 8);
                assert_eq!(statistics.levels[level as usize], 8);
                decoded.push(statistics.decoded);
            }
            assert_eq!(decoded[0], 8, "everybody needs a map at first");
            assert!(decoded.iter().all(|&count| count <= 8));
            // From then on the same in every frame, once the first round is over.
            let steady = &decoded[2 * period..];
            assert!(steady.iter().all(|&count| count == 8 / period), "{level:?}: {decoded:?}");
        }
        headless.engine().set_detail(Detail::Fixed(Level::Likeness));
        let instance = person.instance();
        let statistics = count(&headless, &target, &[&instance], &views);
        assert_eq!((statistics.decoded, statistics.held, statistics.levels), (0, 0, [0, 0, 0, 1]));
    }
    common::driver_log::assert_silent();
}

#[test]
fn every_level_looks_alike_on_both_executors() {
    let avatar = avatar(3);
    let likeness = avatar.likeness().expect("a likeness");
    let (frame, view) = (random_frame(3), random_view(3));
    let pictures = [Executor::Gpu, Executor::Cpu].map(|executor| {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let person = headless.load(&avatar).expect("loaded");
        let draw = |instance: &Instance| common::draw(&headless, &target, &[instance], &view, SIZE);
        let mut instance = person.instance();
        instance.set_frame(&frame).expect("finite");
        let untold = draw(&instance);
        let levels = Level::ALL.map(|level| {
            instance.set_detail(Some(Detail::Fixed(level)));
            let picture = draw(&instance);
            assert_eq!(instance.level(), Some(level));
            picture
        });
        assert!(levels[0].rgba == untold.rgba && levels[0].depth == untold.depth, "full isn't full");
        // The first frame of the half level has just been decoded.
        assert!(levels[1].rgba == untold.rgba, "half isn't full when it is decoded");

        // The likeness is what the reference draws, on its own as in the whole avatar.
        let expected = reference::render_likeness(&likeness, &frame, &view, SIZE);
        let mut alone = headless.engine().load_likeness(&likeness).expect("loaded").instance();
        alone.set_frame(&frame).expect("finite");
        for (what, found) in [("in the avatar", &levels[3]), ("alone", &draw(&alone))] {
            let difference = difference(found, &expected);
            eprintln!("{executor:?}, {what}: {difference:?}");
            let Difference { inner, within_a_step, flip, .. } = difference;
            assert!(inner > 1000 && within_a_step >= 0.999 && flip <= FLIP, "{executor:?}, {what}");
        }
        // Half-way between the two colours.
        instance.set_detail(Some(Detail::Full));
        instance.set_likeness(0.5);
        let mixed = draw(&instance);
        instance.set_likeness(1.0);
        let base = draw(&instance);
        let apart: Vec<f32> = (mixed.rgba.iter().zip(&base.rgba).zip(&untold.rgba))
            .filter(|((mixed, _), _)| mixed[3] == 1.0)
            .map(|((mixed, base), full)| (mixed[1] - (base[1] + full[1]) / 2.0).abs())
            .collect();
        let near = apart.iter().filter(|apart| **apart < 0.01).count();
        assert!(apart.len() > 1000 && near as f64 > 0.9 * apart.len() as f64, "{near} of {}", apart.len());
        levels
    });
    let [gpu, cpu] = pictures;
    for (level, (gpu, cpu)) in Level::ALL.iter().zip(gpu.iter().zip(&cpu)) {
        let apart = flip(SIZE, &gpu.rgba, &cpu.rgba);
        eprintln!("{level:?}: the executors differ by {apart}");
        assert!(apart <= FLIP, "{level:?}: {apart}");
    }
    common::driver_log::assert_silent();
}

#[test]
fn levels_follow_the_pixels_and_fade() {
    let headless = software(Executor::Cpu);
    let target = headless.engine().target(&common::FORMAT).expect("drawable");
    let person = headless.load(&avatar(1)).expect("loaded");
    headless.engine().set_detail(Detail::ByPixels(Thresholds {
        half: 80.0,
        coarse: 40.0,
        likeness: 16.0,
        hysteresis: 0.2,
    }));
    let mut instance = person.instance();
    let mut level_at = |distance: f32, frames: usize| {
        let view = visavis::View::look_at(Vec3::new(0.0, 0.0, -distance), Vec3::ZERO, 0.5, 1.0, 0.05);
        let mut decoded = 0;
        for n in 0..frames {
            instance.set_frame(&random_frame(n as u64)).expect("finite");
            decoded += count(&headless, &target, &[&instance], &[Viewport::new(view, SIZE)]).decoded;
        }
        (instance.level(), decoded)
    };
    let near = level_at(0.7, 4);
    assert_eq!(near, (Some(Level::Full), 4));
    let mut found = Vec::new();
    for distance in [1.0, 2.0, 4.0, 9.0, 20.0] {
        found.push(level_at(distance, 1).0);
    }
    assert!(found.is_sorted(), "{found:?}");
    assert!(found.contains(&Some(Level::Coarse)) && found[4] == Some(Level::Likeness), "{found:?}");
    // It goes on being decoded, now and then, until the likeness's colour has faded in; then no more.
    assert!(level_at(20.0, 12).1 >= 1);
    assert_eq!(level_at(20.0, 12).1, 0);
    assert_eq!(level_at(0.7, 4), (Some(Level::Full), 4));
}

/// Frusta as headsets have them, the avatar before one eye's edge; and a lock to the head.
#[test]
fn asymmetric_eyes_share_a_decode_and_see_what_they_should() {
    let fov = [
        Fov { left: -0.36, right: 0.17, up: 0.22, down: -0.3 },
        Fov { left: -0.19, right: 0.33, up: 0.27, down: -0.25 },
    ];
    let world_from_head = random_view(4).view_from_world.inverse();
    let eyes = Eyes::beside(world_from_head, 0.08, fov, 0.05);
    let views = eyes.views();
    let avatar = avatar(2);
    let frame = random_frame(2);
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let engine = headless.engine();
        let target = engine.target(&common::FORMAT).expect("drawable");
        let mut instance = headless.load(&avatar).expect("loaded").instance();
        instance.set_frame(&frame).expect("finite");
        let viewports = views.map(|view| Viewport::new(view, SIZE));
        let mut encoder = engine.device().create_command_encoder(&Default::default());
        let prepared = engine.prepare(&mut encoder, &target, &[&instance], &viewports).expect("prepared");
        let statistics = prepared.statistics();
        assert_eq!((statistics.decoded, statistics.skinned), (1, 1), "{executor:?}");
        let attachments = [0, 1].map(|eye| {
            let attachments = common::Attachments::new(engine.device(), SIZE);
            attachments.draw(&mut encoder, &prepared, eye);
            attachments
        });
        engine.queue().submit([encoder.finish()]);
        for (view, attachments) in views.iter().zip(&attachments) {
            let encoder = engine.device().create_command_encoder(&Default::default());
            let found = attachments.read(engine.device(), engine.queue(), encoder);
            let expected = reference::render(&avatar, &frame, view, SIZE);
            let difference = difference(&found, &expected);
            eprintln!("{executor:?}: {difference:?}");
            let Difference { inner, within_a_step, flip, .. } = difference;
            assert!(inner > 1000 && within_a_step >= 0.998 && flip <= FLIP, "{executor:?}");
        }

        // Locked to the head, it is seen alike wherever the head goes.
        let head_from_rest = world_from_head.inverse();
        let moved_head = world_from_head
            * Affine3A::from_rotation_translation(
                visavis::codec::glam::Quat::from_rotation_y(PI / 3.0),
                Vec3::new(0.3, -0.2, 1.0),
            );
        let here = draw_counted(&headless, &target, &[&instance], &viewports).1;
        instance.set_pose(head_locked(moved_head, head_from_rest)).expect("finite");
        let there = Eyes::beside(moved_head, 0.08, fov, 0.05).views().map(|view| Viewport::new(view, SIZE));
        let there = draw_counted(&headless, &target, &[&instance], &there).1;
        let apart = flip(SIZE, &here.rgba, &there.rgba);
        assert!(apart <= FLIP / 2.0, "{executor:?}: {apart}");
    }
    common::driver_log::assert_silent();
}
