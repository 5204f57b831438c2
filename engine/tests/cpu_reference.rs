//! The CPU executor against the codec's readable reference, on made-up avatars.

use std::sync::Arc;

use visavis::codec::avatar::PartKind;
use visavis::codec::glam::{Affine3A, Quat, Vec3, vec3};
use visavis::codec::reference::{self, Image, View};
use visavis::codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis::codec::{Avatar, FaceFrame, HeadPose, Latent, Timestamp};
use visavis::cpu::{Instance, Layer, Level, Placed, Renderer, Weights};

/// How far a tensor may be off, as a share of its largest number: sums in another order, fast exponentials.
const TENSOR_TOLERANCE: f32 = 1e-3;
/// How far a colour may be off: one step of eight bits.
const COLOR_TOLERANCE: f32 = 1.0 / 255.0;
/// How many of the pixels away from edges must be within it.
const COLOR_SHARE: f64 = 0.999;
/// How near an edge of a part a pixel may be to be left out, pixels.
const EDGE: i64 = 2;

fn frame(seed: u64) -> FaceFrame {
    FaceFrame { time: Timestamp(0), latent: random_latent(seed), head: random_head(seed) }
}

/// From around the front, a head's height in the picture.
fn front_view(seed: u64, size: [u32; 2]) -> View {
    let angle = (seed as f32 * 0.7).sin() * 0.9;
    let eye = vec3(angle.sin(), 0.05 * (seed as f32).cos(), -angle.cos()) * 0.8;
    let aspect = size[0] as f32 / size[1] as f32;
    View::look_at(eye, vec3(0.0, -0.06, 0.05), 0.45, aspect, 0.05)
}

fn decoded(avatar: &Avatar, level: Level, face: &FaceFrame) -> Instance {
    let mut instance = Instance::new(Arc::new(Weights::for_level(avatar, level)));
    instance.decode(face, None).unwrap();
    instance
}

fn draw(instance: &Instance, view: &View, size: [u32; 2]) -> Layer {
    let mut layer = Layer::new();
    let placed = [Placed { instance, world_from_rest: Affine3A::IDENTITY }];
    Renderer::new().render(&placed, view, size, &mut layer, None).unwrap();
    layer
}

fn worst(ours: impl Iterator<Item = f32>, truth: impl Iterator<Item = f32>) -> (f32, f32) {
    let (mut error, mut largest) = (0.0f32, 0.0f32);
    let mut count = 0;
    for (ours, truth) in ours.zip(truth) {
        assert!(ours.is_finite(), "{ours} against {truth}");
        error = error.max((ours - truth).abs());
        largest = largest.max(truth.abs());
        count += 1;
    }
    assert!(count > 0 && largest > 0.0);
    (error, largest)
}

fn check_decode(avatar: &Avatar, level: Level, face: &FaceFrame) {
    let instance = decoded(avatar, level, face);
    let condition = reference::decode::condition(avatar, &face.latent, &face.head);
    let truth = reference::decode::texture(avatar, &condition);
    let (texels, stride, size) = instance.dynamic_texels();
    assert_eq!(size, truth.size);
    let ours = (0..truth.channels).flat_map(|c| texels.iter().skip(c).step_by(stride).copied());
    let (error, largest) = worst(ours, truth.data.iter().copied());
    assert!(error <= TENSOR_TOLERANCE * largest, "dynamic map: {error} of {largest}");

    let unskinned = reference::decode::geometry(avatar, &condition);
    let skeleton = &avatar.manifest.skeleton;
    let transforms = reference::skin::joint_transforms(skeleton, face.latent.gaze, &face.head);
    let positions = reference::skin::skin(&avatar.mesh, &unskinned, &transforms);
    let normals = reference::skin::normals(&avatar.mesh, &positions);
    let vertices = instance.vertices();
    assert_eq!(vertices.len(), positions.len());
    let (error, largest) =
        worst(vertices.iter().flat_map(|v| v.position), positions.iter().flat_map(|p| p.to_array()));
    assert!(error <= TENSOR_TOLERANCE * 0.1 * largest, "positions: {error} of {largest}");
    let (error, _) = worst(vertices.iter().flat_map(|v| v.normal), normals.iter().flat_map(|p| p.to_array()));
    assert!(error <= TENSOR_TOLERANCE, "normals: {error}");
    for (vertex, uv) in vertices.iter().zip(&avatar.mesh.uv) {
        assert_eq!([vertex.u, vertex.v], *uv);
    }
}

/// Pixels that a part's edge is near to: some neighbour belongs to another part.
fn near_edges(truth: &Image) -> Vec<bool> {
    let [width, height] = truth.size.map(i64::from);
    let part = |x: i64, y: i64| truth.part[(y * width + x) as usize];
    let is_near = |x: i64, y: i64| {
        (-EDGE..=EDGE).any(|dy| {
            (-EDGE..=EDGE).any(|dx| {
                let (nx, ny) = ((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1));
                part(nx, ny) != part(x, y)
            })
        })
    };
    (0..width * height).map(|i| is_near(i % width, i / width)).collect()
}

/// Renders one frame and compares it with the reference's picture: colour and depth one by one away from the edges of
/// parts, where the last bit of a projection may decide what covers a pixel's centre, and the whole by its RMS error.
fn check_picture(avatar: &Avatar, level: Level, face: &FaceFrame, view: &View, size: [u32; 2]) {
    let truth = reference::render(avatar, face, view, size);
    let layer = draw(&decoded(avatar, level, face), view, size);
    assert_eq!(layer.size(), size);
    let near = near_edges(&truth);
    let (mut inside, mut good, mut solid, mut covered) = (0, 0, 0, 0);
    let (mut everywhere, mut squares) = (0.0f64, 0.0f64);
    for (i, (ours, truth_color)) in layer.color().iter().zip(&truth.rgba).enumerate() {
        let ours = ours.map(|x| x.to_f32());
        assert!(ours.iter().all(|x| x.is_finite()));
        let error = ours.iter().zip(truth_color).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        everywhere += 1.0;
        squares += f64::from(error.min(1.0)).powi(2);
        covered += usize::from(truth.part[i].is_some());
        if near[i] {
            continue;
        }
        inside += 1;
        good += usize::from(error <= COLOR_TOLERANCE * truth_color[3].max(0.0).max(1.0));
        if truth.depth[i] > 0.0 {
            solid += usize::from((layer.depth()[i] - truth.depth[i]).abs() <= 1e-4);
        } else {
            solid += usize::from((-1.0..=0.0).contains(&layer.depth()[i]));
        }
    }
    assert!(covered * 10 > truth.rgba.len(), "the avatar is in the picture");
    let share = |count: usize| count as f64 / f64::from(inside);
    assert!(share(good) >= COLOR_SHARE, "{:?}: colour {:.5} of {inside}", level.name(), share(good));
    assert!(share(solid) >= COLOR_SHARE, "{:?}: depth {:.5} of {inside}", level.name(), share(solid));
    // Edges, too, are those of the reference but for a few pixels.
    assert!(
        (squares / everywhere).sqrt() < 0.02,
        "{:?}: RMS {}",
        level.name(),
        (squares / everywhere).sqrt()
    );
}

#[test]
fn tiny_avatars_decode_as_the_reference() {
    for seed in 0..6 {
        let avatar = synthetic_avatar(seed, Preset::Tiny);
        check_decode(&avatar, Level::detect(), &frame(seed));
        check_decode(&avatar, Level::portable(), &frame(seed + 100));
    }
}

#[test]
fn the_full_avatar_decodes_as_the_reference() {
    let avatar = synthetic_avatar(7, Preset::Full);
    check_decode(&avatar, Level::detect(), &frame(7));
    check_decode(&avatar, Level::detect(), &FaceFrame::default());
}

#[test]
fn tiny_avatars_look_as_the_reference() {
    for seed in 0..6 {
        let avatar = synthetic_avatar(seed, Preset::Tiny);
        for (level, size) in [(Level::detect(), [160, 128]), (Level::portable(), [97, 131])] {
            check_picture(&avatar, level, &frame(seed), &front_view(seed, size), size);
        }
    }
}

#[test]
fn the_full_avatar_looks_as_the_reference() {
    let avatar = synthetic_avatar(3, Preset::Full);
    for seed in [1, 2] {
        check_picture(&avatar, Level::detect(), &frame(seed), &front_view(seed, [256, 256]), [256, 256]);
    }
}

#[test]
fn the_camera_may_be_anywhere() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    let instance = decoded(&avatar, Level::detect(), &frame(1));
    let size = [96, 80];
    // Inside the head, inside an eye, in the hair, behind, far away, looking away.
    let eyes = [vec3(0.0, -0.03, 0.085), vec3(0.032, 0.0, 0.003), vec3(0.0, 0.1, 0.08), vec3(0.0, 0.0, 0.9)];
    for eye in eyes {
        for target in [vec3(0.0, 0.0, -1.0), vec3(0.5, 0.2, 0.3), vec3(0.0, -1.0, 0.1), vec3(-0.3, 0.9, 0.8)]
        {
            for near in [0.001, 0.02, 0.2] {
                let view = View::look_at(eye, target, 1.2, 1.2, near);
                let truth = reference::render(&avatar, &frame(1), &view, size);
                let layer = draw(&instance, &view, size);
                let near_edge = near_edges(&truth);
                let mut bad = 0;
                for (i, (ours, truth_color)) in layer.color().iter().zip(&truth.rgba).enumerate() {
                    let ours = ours.map(|x| x.to_f32());
                    assert!(ours.iter().all(|x| x.is_finite()));
                    let error = ours.iter().zip(truth_color).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    bad += usize::from(!near_edge[i] && error > 4.0 * COLOR_TOLERANCE);
                }
                // Where the near plane cuts the mesh there are edges that are no part's.
                assert!(bad * 100 <= layer.color().len(), "{eye} to {target}, near {near}: {bad} pixels");
            }
        }
    }
}

#[test]
fn nothing_in_view_is_an_empty_picture() {
    let avatar = synthetic_avatar(2, Preset::Tiny);
    let instance = decoded(&avatar, Level::detect(), &frame(2));
    let away = View::look_at(vec3(0.0, 0.0, -1.0), vec3(0.0, 0.0, -2.0), 0.5, 1.0, 0.05);
    for size in [[1, 1], [33, 7], [64, 64]] {
        let layer = draw(&instance, &away, size);
        assert!(layer.color().iter().all(|c| c.iter().all(|x| x.to_f32() == 0.0)));
        assert!(layer.depth().iter().all(|&d| d == 0.0));
        let mut empty = Layer::new();
        Renderer::new().render(&[], &away, size, &mut empty, None).unwrap();
        assert_eq!(empty, layer);
    }
}

#[test]
fn odd_and_tiny_sizes_are_parts_of_the_same_picture() {
    let avatar = synthetic_avatar(4, Preset::Tiny);
    let instance = decoded(&avatar, Level::detect(), &frame(4));
    for size in [[1, 1], [1, 40], [40, 1], [31, 33], [65, 63], [7, 129]] {
        let view = front_view(4, size);
        let truth = reference::render(&avatar, &frame(4), &view, size);
        let layer = draw(&instance, &view, size);
        let near = near_edges(&truth);
        for (i, (ours, truth)) in layer.color().iter().zip(&truth.rgba).enumerate() {
            let error = ours.iter().zip(truth).map(|(a, b)| (a.to_f32() - b).abs()).fold(0.0, f32::max);
            assert!(near[i] || error < 0.02, "{size:?}, pixel {i}: {ours:?} against {truth:?}");
        }
    }
}

#[test]
fn extreme_latents_stay_finite() {
    let avatar = synthetic_avatar(5, Preset::Tiny);
    for sign in [-10.0, 10.0] {
        let mut latent = Latent::NEUTRAL;
        latent.units.fill(sign);
        latent.residual.fill(-sign);
        latent.gaze = visavis::codec::Gaze::from_array([sign; 4]);
        let head = HeadPose { rotation: Quat::from_rotation_y(sign), translation: Vec3::splat(sign * 0.01) };
        let face = FaceFrame { time: Timestamp(0), latent, head };
        let instance = decoded(&avatar, Level::detect(), &face);
        assert!(
            instance.vertices().iter().all(|v| v.position.iter().chain(&v.normal).all(|x| x.is_finite()))
        );
        let layer = draw(&instance, &front_view(0, [128, 128]), [128, 128]);
        assert!(layer.color().iter().flatten().all(|x| x.is_finite()));
        assert!(layer.depth().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn weights_beyond_all_measure_give_no_non_finite_pixel() {
    let mut avatar = synthetic_avatar(5, Preset::Tiny);
    avatar.pixel.w1.fill(3e38);
    avatar.pixel.w2.fill(-3e38);
    avatar.pixel.w3.fill(3e38);
    let mut monstrous = synthetic_avatar(6, Preset::Tiny);
    monstrous.geometry.w3.fill(3e38);
    monstrous.static_map.scale.fill(3e38);
    for avatar in [avatar, monstrous] {
        avatar.validate().unwrap();
        let instance = decoded(&avatar, Level::detect(), &frame(5));
        let layer = draw(&instance, &front_view(0, [64, 64]), [64, 64]);
        assert!(layer.color().iter().flatten().all(|x| x.is_finite()));
        assert!(layer.depth().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn frames_that_are_no_faces_are_refused() {
    let avatar = synthetic_avatar(6, Preset::Tiny);
    let mut instance = decoded(&avatar, Level::detect(), &frame(6));
    let before: Vec<_> = instance.vertices().to_vec();
    let mut bad = frame(6);
    bad.latent.units[3] = f32::NAN;
    assert!(instance.decode(&bad, None).is_err());
    let mut bad = frame(6);
    bad.head.rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 3.0);
    assert!(instance.decode(&bad, None).is_err());
    assert_eq!(before, instance.vertices());
}

#[test]
fn pictures_that_cannot_be_are_refused() {
    let avatar = synthetic_avatar(6, Preset::Tiny);
    let instance = decoded(&avatar, Level::detect(), &frame(6));
    let placed = [Placed { instance: &instance, world_from_rest: Affine3A::IDENTITY }];
    let view = front_view(1, [8, 8]);
    let mut layer = Layer::new();
    let mut renderer = Renderer::new();
    for size in [[0, 8], [8, 0], [Layer::MAX_SIZE + 1, 1]] {
        assert!(renderer.render(&placed, &view, size, &mut layer, None).is_err());
    }
    let nowhere = View { view_from_world: Affine3A::from_translation(Vec3::NAN), ..view };
    assert!(renderer.render(&placed, &nowhere, [8, 8], &mut layer, None).is_err());
    assert_eq!(layer.size(), [0, 0]);
}

#[test]
fn threads_change_nothing() {
    let avatar = synthetic_avatar(8, Preset::Full);
    let alone = decoded(&avatar, Level::detect(), &frame(8));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let mut shared = Instance::new(alone.weights().clone());
    shared.decode(&frame(8), Some(&pool)).unwrap();
    assert_eq!(alone.vertices(), shared.vertices());
    assert_eq!(alone.dynamic_texels(), shared.dynamic_texels());
    let (view, size) = (front_view(8, [200, 150]), [200, 150]);
    let placed = [Placed { instance: &shared, world_from_rest: Affine3A::IDENTITY }];
    let mut layer = Layer::new();
    Renderer::new().render(&placed, &view, size, &mut layer, Some(&pool)).unwrap();
    assert!(layer == draw(&alone, &view, size));
}

#[test]
fn the_nearer_of_two_avatars_hides_the_other() {
    let avatar = synthetic_avatar(9, Preset::Tiny);
    let instance = decoded(&avatar, Level::detect(), &frame(9));
    let (view, size) = (front_view(0, [128, 128]), [128, 128]);
    let at = |z: f32| Placed {
        instance: &instance,
        world_from_rest: Affine3A::from_translation(vec3(0.0, 0.0, z)),
    };
    let mut one = Layer::new();
    Renderer::new().render(&[at(0.0)], &view, size, &mut one, None).unwrap();
    let mut both = [Layer::new(), Layer::new()];
    for (layer, order) in both.iter_mut().zip([[at(0.0), at(0.5)], [at(0.5), at(0.0)]]) {
        Renderer::new().render(&order, &view, size, layer, None).unwrap();
    }
    assert!(both[0] == both[1], "the order of the list says nothing");
    let truth = reference::render(&avatar, &frame(9), &view, size);
    let near = near_edges(&truth);
    let opaque = |part: Option<PartKind>| part.is_some_and(|kind| !kind.is_blended());
    let mut seen = 0;
    for (i, (two, one)) in both[0].color().iter().zip(one.color()).enumerate() {
        if opaque(truth.part[i]) && !near[i] {
            seen += 1;
            assert_eq!(two, one);
        }
    }
    assert!(seen > 300);
    let differs = both[0].color().iter().zip(one.color()).filter(|(a, b)| a != b).count();
    assert!(differs > 100, "the farther one is seen beside the nearer: {differs}");
}
