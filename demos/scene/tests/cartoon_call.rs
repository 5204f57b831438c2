//! The shipped head in the shipped call: what is said and seen is what its mesh does. The same latents move the photoreal
//! avatar: nothing is made up for the cartoon.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use visavis_codec::call::{CallReader, Voice};
use visavis_codec::glam::Vec3;
use visavis_codec::{FaceFrame, FaceUnit, Latent};
use visavis_scene::{Cartoon, CartoonPose, UnitState};

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets").join(name)
}

fn mia() -> CartoonPose {
    let cartoon = Cartoon::read(&asset("cartoons/mia.glb")).expect("it is read");
    assert!(cartoon.warnings().is_empty(), "{:?}", cartoon.warnings());
    CartoonPose::new(Arc::new(cartoon))
}

fn of(units: &[(FaceUnit, f32)]) -> Latent {
    let mut latent = Latent::NEUTRAL;
    units.iter().for_each(|&(unit, value)| *latent.unit_mut(unit) = value);
    latent
}

/// A vertex in the rest frame.
fn place(pose: &CartoonPose, part: usize, vertex: usize) -> Vec3 {
    pose.rest_from_part(part).transform_point3(Vec3::from(pose.vertices(part)[vertex].position))
}

/// What is first met from the front at a place of the face: the part, and how deep.
fn seen_at(pose: &CartoonPose, x: f32, y: f32) -> Option<(usize, f32)> {
    let mut nearest: Option<(usize, f32)> = None;
    for part in 0..pose.parts() {
        for corners in pose.indices(part).chunks_exact(3) {
            let [a, b, c] =
                [corners[0], corners[1], corners[2]].map(|corner| place(pose, part, corner as usize));
            let side = |p: Vec3, q: Vec3| (q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x);
            let (u, v, w) = (side(b, c), side(c, a), side(a, b));
            let area = u + v + w;
            if area == 0.0 || (u < 0.0) != (v < 0.0) || (v < 0.0) != (w < 0.0) {
                continue;
            }
            let depth = (a.z * u + b.z * v + c.z * w) / area;
            if nearest.is_none_or(|(_, before)| depth < before) {
                nearest = Some((part, depth));
            }
        }
    }
    nearest
}

#[test]
fn it_shows_all_units_and_is_small() {
    let pose = mia();
    let units = pose.cartoon().units();
    for unit in FaceUnit::ALL {
        let is_look = unit.name().starts_with("eyeLook");
        assert!(is_look || units.state(unit) == UnitState::Target, "{}", unit.name());
        assert_ne!(units.state(unit), UnitState::Missing, "{}", unit.name());
    }
    assert_eq!((units.gaze(), units.head()), (Some("the eyes' nodes"), "head and neck"));
    assert!(std::fs::metadata(asset("cartoons/mia.glb")).expect("it is there").len() <= 1_000_000);
}

#[test]
fn a_blink_closes_the_lids_over_the_eyes() {
    let mut pose = mia();
    // Squares over the irises, as far apart as the eyes are.
    let eyes = |pose: &CartoonPose| {
        let parts: Vec<usize> = (0..pose.parts()).filter(|&part| pose.material(part) == "eyes").collect();
        let mut open = [0usize; 2];
        for (side, open) in open.iter_mut().enumerate() {
            let centre = pose.rest_from_part(parts[side]).translation;
            for step in 0..25 {
                let [dx, dy] = [step % 5, step / 5].map(|n| n as f32 - 2.0);
                let seen = seen_at(pose, centre.x + 0.0022 * dx, centre.y + 0.0015 * dy);
                *open += usize::from(seen.is_some_and(|(part, _)| parts.contains(&part)));
            }
        }
        open
    };
    let open = eyes(&pose);
    assert!(open.iter().all(|&open| open >= 18), "at rest the eyes are seen: {open:?} of 25");
    pose.set_latent(&of(&[(FaceUnit::EyeBlinkLeft, 1.0)])).unwrap();
    let [left, right] = eyes(&pose);
    // Node 0 of the eyes is the left one: the person's, at −X.
    assert!(left <= 1 && right >= 18, "the left one is closed: {left} and {right} of 25");
    pose.set_latent(&of(&[(FaceUnit::EyeBlinkLeft, 1.0), (FaceUnit::EyeBlinkRight, 1.0)])).unwrap();
    assert!(eyes(&pose).iter().all(|&open| open <= 1));
}

/// The chin goes down while there is voice, and rests while there is none.
#[test]
fn the_mouth_opens_when_the_voice_does() {
    let bytes = std::fs::read(asset("calls/hello.mcap")).expect("the call is there");
    let call = CallReader::new(&bytes).expect("a call");
    let (id, sender) = call.senders().next().expect("somebody");
    let frames = call.faces(id).expect("faces");
    let rate = sender.audio.sample_rate;
    let mut sound = call.sound(rate, &[Voice { sender: id, shift: 0 }]).expect("a voice");
    let (start, _) = sound.span().expect("a voice");
    let mut level = |frame: &FaceFrame| {
        let mut samples = vec![0i16; rate as usize / 15];
        let since_s = (frame.time.0 as f64 - start.0 as f64) * 1e-9;
        sound.read(start, ((since_s - 1.0 / 30.0) * f64::from(rate)) as i64, &mut samples).expect("read");
        (samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    };

    let mut pose = mia();
    let face = (0..pose.parts()).find(|&part| pose.material(part) == "skin").expect("a skin");
    let count = pose.vertices(face).len();
    let rest: Vec<f32> = (0..count).map(|vertex| place(&pose, face, vertex).y).collect();
    pose.set_latent(&of(&[(FaceUnit::JawOpen, 1.0)])).unwrap();
    let drop = |pose: &CartoonPose, vertex: usize| rest[vertex] - place(pose, face, vertex).y;
    let chin = (0..count).max_by(|&a, &b| drop(&pose, a).total_cmp(&drop(&pose, b))).expect("vertices");
    let widest = drop(&pose, chin);
    assert!(widest > 0.012, "an open jaw is open: {widest} m");

    let (mut loud, mut quiet) = (Vec::new(), Vec::new());
    for frame in &frames {
        // The head's own movement is none of the mouth's.
        pose.set_latent(&frame.latent).unwrap();
        let open = drop(&pose, chin);
        let level = level(frame);
        if level > 1500.0 {
            loud.push(open);
        } else if level < 60.0 {
            quiet.push(open);
        }
    }
    let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
    assert!(loud.len() > 30 && quiet.len() > 15, "{} loud and {} quiet frames", loud.len(), quiet.len());
    let (loud, quiet) = (mean(&loud), mean(&quiet));
    eprintln!(
        "the chin is {:.1} mm down while there is voice, {:.1} mm while there is none",
        loud * 1e3,
        quiet * 1e3
    );
    assert!(loud > 2.5 * quiet.max(0.0) && loud > 0.1 * widest, "{loud} m in speech, {quiet} m in silence");
}

#[test]
fn gaze_and_pose_go_where_the_latent_says() {
    let mut pose = mia();
    let mut frame = FaceFrame::default();
    frame.latent.gaze.left_yaw = 0.35;
    frame.latent.gaze.right_yaw = 0.35;
    pose.set_frame(&frame).unwrap();
    for part in (0..pose.parts()).filter(|&part| pose.material(part) == "eyes") {
        // The pole of the ball is the iris' middle: the file looks along +Z.
        let look = pose.rest_from_part(part).transform_vector3(Vec3::Z).normalize();
        let expected = frame.latent.gaze.left_rotation() * Vec3::NEG_Z;
        assert!(look.angle_between(expected) < 1e-3 && look.x < -0.3, "to the person's left: {look}");
    }
    let brow = |pose: &CartoonPose| {
        let part = (0..pose.parts()).find(|&part| pose.material(part) == "brows and lashes").expect("brows");
        pose.rest_from_part(part).transform_vector3(Vec3::Z).normalize()
    };
    frame.head.rotation = visavis_codec::glam::Quat::from_rotation_y(0.5);
    pose.set_frame(&frame).unwrap();
    let expected = frame.head.rotation * Vec3::NEG_Z;
    assert!(brow(&pose).angle_between(expected) < 1e-3);
}
