//! Mixed reality as a host uses it: made-up real worlds whose geometry is known, avatars in them, on a software adapter.

mod common;
mod mixed_common;

use common::{FORMAT, Linear, random_frame};
use mixed_common::{Block, Shot, Stage, World, begin, degrade, texture};
use visavis::codec::glam::{Affine3A, Quat, Vec3};
use visavis::codec::light::{Ambient, Lamp, LampKind, Light};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::mixed::{Intrinsics, MixerOptions, Output, lamp_view};
use visavis::{ShadowMap, TargetFormat, View, Viewport, wgpu};

const SIZE: [u32; 2] = [128, 96];
const CAMERA: Intrinsics = Intrinsics { size: SIZE, focal_px: [110.0, 110.0], centre_px: [66.0, 47.0] };
/// Half as many pixels a side, as the depth sensors of phones have at most.
const DEPTH_SIZE: [u32; 2] = [64, 48];
const SKIN: wgpu::Color = wgpu::Color { r: 0.5, g: 0.35, b: 0.25, a: 1.0 };

fn view_at(world_from_view: Affine3A) -> View {
    CAMERA.view(world_from_view.inverse(), 0.05).expect("a camera")
}

/// A pillar 1 m away whose sides are at these places to the right, metres.
fn pillar(left: f32, right: f32) -> World {
    let from = Vec3::new(left, -2.0, -1.1);
    World(vec![Block { from, to: Vec3::new(right, 2.0, -1.0), srgb: [70, 45, 38] }])
}

/// Where a place 1 m away is in the picture.
fn column(right: f32) -> f32 {
    CAMERA.focal_px[0] * right + CAMERA.centre_px[0]
}

fn shot<'a>(
    view: View,
    avatars: &'a [wgpu::TextureView; 2],
    metres: &'a [f32],
    rgba: &'a [u8],
    is_guided: bool,
) -> Shot<'a> {
    Shot {
        view,
        camera: CAMERA,
        avatars,
        metres: Some((metres, CAMERA.scaled_to(DEPTH_SIZE))),
        rgba: Some(rgba),
        is_guided,
        light: None,
        shadow: None,
    }
}

fn alpha(picture: &Linear, x: usize, y: usize) -> f32 {
    picture.rgba[y * SIZE[0] as usize + x][3]
}

#[test]
fn what_is_in_front_hides_softly_and_what_is_behind_does_not() {
    let stage = Stage::new(SIZE);
    let mixer = (stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let view = view_at(Affine3A::IDENTITY);
    let avatars = stage.wall(&view, 1.5, SKIN);
    let (left, right) = (-0.2, 0.11);
    let world = pillar(left, right);
    let (metres, _) = world.seen(&CAMERA.scaled_to(DEPTH_SIZE), Affine3A::IDENTITY);
    let (_, rgba) = world.seen(&CAMERA, Affine3A::IDENTITY);
    for is_guided in [true, false] {
        let picture =
            stage.mix(&mut mixer.view(), &shot(view, &avatars, &metres, &rgba, is_guided), Output::Overlay);
        for y in [5, 48, 90] {
            let row: Vec<f32> = (0..SIZE[0] as usize).map(|x| alpha(&picture, x, y)).collect();
            let (from, to) = (column(left) as usize, column(right) as usize);
            assert!(row[..from - 5].iter().chain(&row[to + 5..]).all(|&a| a > 0.99), "behind: {row:?}");
            assert!(row[from + 5..to - 5].iter().all(|&a| a < 0.01), "in front: {row:?}");
            // From hidden to seen, once: falling towards the pillar's middle, then rising.
            let middle = (from + to) / 2;
            let falls = row[..middle].windows(2).all(|pair| pair[1] <= pair[0] + 1e-3);
            let rises = row[middle..].windows(2).all(|pair| pair[1] >= pair[0] - 1e-3);
            assert!(falls && rises, "{row:?}");
            for (edge, half) in [(column(left), &row[..middle]), (column(right), &row[middle..])] {
                let between = half.iter().filter(|a| (0.02..0.98).contains(*a)).count();
                assert!((2..=6).contains(&between), "guided {is_guided}: {between} pixels in {half:?}");
                // In the middle of the softness is the edge.
                let start = if edge < middle as f32 { 0.0 } else { middle as f32 };
                let sum: f32 = half.iter().sum();
                let found = if start == 0.0 { sum } else { start + half.len() as f32 - sum };
                assert!((found - edge).abs() < 1.1, "edge at {edge}, found at {found}");
            }
        }
    }
    // Something further away than the avatar hides nothing.
    let far = World(vec![Block {
        from: Vec3::new(-0.5, -2.0, -2.2),
        to: Vec3::new(0.2, 2.0, -2.0),
        srgb: [70, 45, 38],
    }]);
    let (metres, _) = far.seen(&CAMERA.scaled_to(DEPTH_SIZE), Affine3A::IDENTITY);
    let picture = stage.mix(&mut mixer.view(), &shot(view, &avatars, &metres, &rgba, true), Output::Overlay);
    assert!(picture.rgba.iter().all(|texel| texel[3] > 0.99));
    common::driver_log::assert_silent();
}

/// The most that alpha may change from one frame to the next where nothing moves: in the mean over the picture, and for the
/// worst pixel of a hundred. Half a step of 8 bits is 0.002.
const FLICKER_MEAN: f32 = 0.001;
const FLICKER_WORST_OF_100: f32 = 0.02;

/// Mean and 99th percentile of the change of alpha over ten frames, after a second's third of getting used to it.
fn flicker(stage: &Stage, options: MixerOptions) -> (f32, f32) {
    let mixer = (stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, options)
        .expect("pipelines");
    let view = view_at(Affine3A::IDENTITY);
    let avatars = stage.wall(&view, 1.5, SKIN);
    // A pillar before the avatar, a thin one too, and a box only 4 cm behind it: two deviations of the noise.
    let mut world = pillar(-0.2, 0.11);
    world.0.extend(pillar(0.2, 0.23).0);
    world.0.push(Block {
        from: Vec3::new(0.35, -0.2, -2.0),
        to: Vec3::new(0.6, 0.3, -1.54),
        srgb: [60, 90, 70],
    });
    let (clean, _) = world.seen(&CAMERA.scaled_to(DEPTH_SIZE), Affine3A::IDENTITY);
    let (_, rgba) = world.seen(&CAMERA, Affine3A::IDENTITY);
    let mut mixed = mixer.view();
    let mut frames = Vec::new();
    for n in 0..21 {
        let mut metres = clean.clone();
        degrade(&mut metres, 0.02, 0.05, n + 1);
        let picture = stage.mix(&mut mixed, &shot(view, &avatars, &metres, &rgba, true), Output::Overlay);
        frames.push(picture);
    }
    let used = &frames[10..];
    let mut changes = Vec::new();
    for pair in used.windows(2) {
        changes.extend(pair[0].rgba.iter().zip(&pair[1].rgba).map(|(a, b)| (a[3] - b[3]).abs()));
    }
    changes.sort_by(f32::total_cmp);
    let mean = changes.iter().sum::<f32>() / changes.len() as f32;
    let last = used.last().expect("drawn");
    assert!(alpha(last, column(-0.05) as usize, 48) < 0.02 && alpha(last, 10, 48) > 0.98, "and it is right");
    (mean, changes[changes.len() * 99 / 100])
}

#[test]
fn noise_and_holes_do_not_flicker() {
    let stage = Stage::new(SIZE);
    let (mean, worst) = flicker(&stage, MixerOptions::default());
    let (mean_of_one, worst_of_one) =
        flicker(&stage, MixerOptions { memory_frames: 1, hold_frames: 0, ..MixerOptions::default() });
    eprintln!(
        "alpha changes by {mean:.5} a frame, 99 % by {worst:.4}; without memory {mean_of_one:.5}, {worst_of_one:.4}"
    );
    assert!(mean <= FLICKER_MEAN && worst <= FLICKER_WORST_OF_100, "{mean} {worst}");
    assert!(mean_of_one > 2.0 * mean, "memory is what keeps it still: {mean_of_one} without, {mean} with");
}

#[test]
fn what_moves_is_followed_at_once() {
    let stage = Stage::new(SIZE);
    let mixer = (stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let view = view_at(Affine3A::IDENTITY);
    let avatars = stage.wall(&view, 1.5, SKIN);
    let mut mixed = mixer.view();
    for n in 0..8 {
        // 12 cm a frame: 13 pixels.
        let left = -0.5 + 0.12 * n as f32;
        let world = pillar(left, left + 0.25);
        let (mut metres, _) = world.seen(&CAMERA.scaled_to(DEPTH_SIZE), Affine3A::IDENTITY);
        degrade(&mut metres, 0.02, 0.05, n + 1);
        let (_, rgba) = world.seen(&CAMERA, Affine3A::IDENTITY);
        let picture = stage.mix(&mut mixed, &shot(view, &avatars, &metres, &rgba, true), Output::Overlay);
        for x in 0..SIZE[0] as usize {
            let (from, to) = (column(left), column(left + 0.25));
            let place = x as f32 + 0.5;
            let a = alpha(&picture, x, 40);
            if place < from - 5.0 || place > to + 5.0 {
                assert!(a > 0.95, "frame {n}, column {x}: a ghost, {a}");
            } else if place > from + 5.0 && place < to - 5.0 {
                assert!(a < 0.05, "frame {n}, column {x}: late, {a}");
            }
        }
    }
}

#[test]
fn what_stands_still_stays_where_it_is_while_the_head_moves() {
    let stage = Stage::new(SIZE);
    let mixer = (stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let world = pillar(-0.2, 0.11);
    let mut mixed = mixer.view();
    for n in 0..10 {
        let place = Vec3::new(0.03 * n as f32 - 0.15, 0.01 * n as f32, 0.02 * n as f32);
        let turn = Quat::from_rotation_y(0.012 * n as f32 - 0.05);
        let world_from_view = Affine3A::from_rotation_translation(turn, place);
        let view = view_at(world_from_view);
        let avatars = stage.wall(&view, 1.7, SKIN);
        let (truth, _) = world.seen(&CAMERA, world_from_view);
        let (mut metres, _) = world.seen(&CAMERA.scaled_to(DEPTH_SIZE), world_from_view);
        degrade(&mut metres, 0.01, 0.15, n + 1);
        let (_, rgba) = world.seen(&CAMERA, world_from_view);
        let picture = stage.mix(&mut mixed, &shot(view, &avatars, &metres, &rgba, true), Output::Overlay);
        let wrong = (truth.iter().zip(&picture.rgba))
            .filter(|(metres, texel)| (**metres < 1.6) != (texel[3] < 0.5))
            .count();
        // A column of pixels, at the most, at each of the pillar's two sides.
        assert!(wrong <= 2 * SIZE[1] as usize, "frame {n}: {wrong} pixels are on the wrong side");
    }
}

/// The avatar's shadow from a lamp above it, on a floor under it.
#[test]
fn a_shadow_lands_where_the_lamp_throws_it() {
    let stage = Stage::new(SIZE);
    let engine = stage.headless.engine();
    let mixer = engine
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let person = stage.headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded");
    let mut instance = person.instance();
    instance.set_frame(&random_frame(3)).expect("finite");
    let centre = Vec3::new(0.0, 0.0, -0.9);
    instance
        .set_pose(Affine3A::from_rotation_translation(Quat::from_rotation_y(3.0), centre))
        .expect("finite");

    let floor_m = -0.32;
    let to_lamp = Vec3::new(-1.0, 0.9, 0.2).normalize();
    let mut lamp = Lamp::directional(to_lamp, [0.8, 0.7, 0.5]);
    lamp.kind = LampKind::Directional { to_lamp, angular_radius_rad: 0.02 };
    let mut light = Light::new(Ambient::uniform([0.2, 0.2, 0.3]));
    light.lamps.push(lamp);

    // From above, looking down at the floor.
    let world_from_view =
        Affine3A::from_rotation_translation(Quat::from_rotation_x(-0.6), Vec3::new(0.0, 0.45, 0.0));
    let view = view_at(world_from_view);
    let world = World(vec![Block {
        from: Vec3::new(-3.0, floor_m - 1.0, -2.9),
        to: Vec3::new(3.0, floor_m, 1.0),
        srgb: [150; 3],
    }]);
    let camera = CAMERA.scaled_to(SIZE);
    let (metres, rgba) = world.seen(&camera, world_from_view);

    let side = 256;
    let lamp_eye = lamp_view(&light.lamps[0], centre, 0.8);
    let shadow = texture(stage.device(), [side; 2], wgpu::TextureFormat::Depth32Float)
        .create_view(&Default::default());
    let unseen = texture(stage.device(), [side; 2], wgpu::TextureFormat::Rgba16Float);
    let target = engine.target(&FORMAT).expect("drawable");
    let depth_target = engine.target(&TargetFormat { color: None, ..FORMAT }).expect("drawable");
    let surfaces = stage.surfaces();
    let mut encoder = stage.device().create_command_encoder(&Default::default());
    let views = [Viewport::new(view, SIZE), Viewport::depth_only(lamp_eye, [side; 2])];
    let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
    {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &shadow,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        frame.draw_depth(&mut pass, &depth_target, 1).expect("drawn");
    }
    let [color, depth] = &surfaces;
    frame.draw(&mut begin(&mut encoder, [color, depth], wgpu::Color::TRANSPARENT, 0.0), 0).expect("drawn");
    let map = common::Attachments { size: [side; 2], color: unseen, depth: shadow.texture().clone() }
        .read(stage.device(), engine.queue(), encoder)
        .depth;

    let shot = Shot {
        metres: Some((&metres, camera)),
        light: Some(&light),
        shadow: Some(ShadowMap { view: &shadow, clip_from_world: lamp_eye.clip_from_world() }),
        ..shot(view, &surfaces, &metres, &rgba, true)
    };
    let picture = stage.mix(&mut mixer.view(), &shot, Output::Overlay);
    let nothing = Shot { shadow: None, ..shot };
    let avatar_alone = stage.mix(&mut mixer.view(), &nothing, Output::Overlay);

    let (mut dark, mut lit) = (0, 0);
    for y in 0..SIZE[1] as usize {
        for x in 0..SIZE[0] as usize {
            let at = y * SIZE[0] as usize + x;
            let ray = Vec3::new(
                (x as f32 + 0.5 - CAMERA.centre_px[0]) / CAMERA.focal_px[0],
                -(y as f32 + 0.5 - CAMERA.centre_px[1]) / CAMERA.focal_px[1],
                -1.0,
            );
            let place = world_from_view.transform_point3(ray * metres[at]);
            if (place.y - floor_m).abs() > 1e-3 || avatar_alone.rgba[at][3] > 0.0 {
                continue;
            }
            // What of the lamp's map is round the place, a few centimetres each way.
            let clip = lamp_eye.clip_from_world().project_point3(place);
            let texel = [(0.5 + 0.5 * clip.x) * side as f32, (0.5 - 0.5 * clip.y) * side as f32];
            let (mut covered, mut near_covered, mut near_taps) = (0, 0, 0);
            for dy in -8i32..=8 {
                for dx in -8i32..=8 {
                    let [u, v] = [texel[0] as i32 + dx, texel[1] as i32 + dy];
                    let is_near = dx.abs().max(dy.abs()) <= 7;
                    near_taps += usize::from(is_near);
                    if (0..side as i32).contains(&u) && (0..side as i32).contains(&v) {
                        let is_covered = map[(v * side as i32 + u) as usize] > clip.z.max(0.0);
                        covered += usize::from(is_covered);
                        near_covered += usize::from(is_covered && is_near);
                    }
                }
            }
            let [r, g, b, a] = picture.rgba[at];
            assert_eq!([r, g, b], [0.0; 3], "a shadow is black");
            if near_covered == near_taps {
                // White on the floor: 0.2–0.3 from all round, the lamp's colour by the cosine.
                let facing = 0.2126 * 0.8 + 0.7152 * 0.7 + 0.0722 * 0.5;
                let lamp = facing * to_lamp.y;
                let share = lamp / (lamp + 0.207);
                assert!((a - share).abs() < 0.04, "{x} {y}: {a}, the lamp's share is {share}");
                dark += 1;
            } else if covered == 0 {
                assert!(a < 0.02, "{x} {y}: {a} where the lamp shines");
                lit += 1;
            }
        }
    }
    let in_map = map.iter().filter(|depth| **depth > 0.0).count();
    assert!(dark > 20 && lit > 3000, "{dark} {lit}, {in_map} texels of the map are the avatar");
    common::driver_log::assert_silent();
}

/// A made-up person behind a made-up table with a cup on it, and what a camera sees of those.
struct Meeting {
    stage: Stage,
    surfaces: [wgpu::TextureView; 2],
    metres: Vec<f32>,
    rgba: Vec<u8>,
    view: View,
}

impl Meeting {
    fn new() -> Self {
        let stage = Stage::new(SIZE);
        let engine = stage.headless.engine();
        let person = stage.headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded");
        let mut instance = person.instance();
        instance.set_frame(&random_frame(3)).expect("finite");
        let place =
            Affine3A::from_rotation_translation(Quat::from_rotation_y(2.9), Vec3::new(0.05, 0.02, -0.75));
        instance.set_pose(place).expect("finite");
        let view = view_at(Affine3A::IDENTITY);
        let target = engine.target(&FORMAT).expect("drawable");
        let surfaces = stage.surfaces();
        let mut encoder = stage.device().create_command_encoder(&Default::default());
        let frame = engine
            .prepare(&mut encoder, &target, &[&instance], &[Viewport::new(view, SIZE)])
            .expect("prepared");
        let [color, depth] = &surfaces;
        frame
            .draw(&mut begin(&mut encoder, [color, depth], wgpu::Color::TRANSPARENT, 0.0), 0)
            .expect("drawn");
        engine.queue().submit([encoder.finish()]);
        let world = World(vec![
            Block {
                from: Vec3::new(-2.0, -1.0, -0.68),
                to: Vec3::new(2.0, -0.12, -0.2),
                srgb: [139, 101, 66],
            },
            Block {
                from: Vec3::new(0.03, -0.12, -0.6),
                to: Vec3::new(0.11, 0.0, -0.52),
                srgb: [196, 60, 38],
            },
        ]);
        let (metres, _) = world.seen(&CAMERA.scaled_to(DEPTH_SIZE), Affine3A::IDENTITY);
        let (_, rgba) = world.seen(&CAMERA, Affine3A::IDENTITY);
        Self { stage, surfaces, metres, rgba, view }
    }

    fn mixed(&self, output: Output) -> Linear {
        let mixer = (self.stage.headless.engine())
            .mixer(wgpu::TextureFormat::Rgba16Float, output, MixerOptions::default())
            .expect("pipelines");
        let shot = shot(self.view, &self.surfaces, &self.metres, &self.rgba, true);
        self.stage.mix(&mut mixer.view(), &shot, output)
    }
}

#[test]
fn overlays_are_premultiplied_and_give_the_picture() {
    let meeting = Meeting::new();
    let [overlay, picture] = [Output::Overlay, Output::Picture].map(|output| meeting.mixed(output));
    let drawn = mixed_common::read(
        &meeting.stage.headless,
        meeting.surfaces[0].texture(),
        meeting.stage.device().create_command_encoder(&Default::default()),
    );
    let (mut hidden, mut whole, mut partly) = (0, 0, 0);
    for at in 0..overlay.rgba.len() {
        let [r, g, b, a] = overlay.rgba[at];
        let avatar = drawn.rgba[at];
        assert!((0.0..=1.0).contains(&a) && [r, g, b].iter().all(|c| *c >= 0.0 && c.is_finite()));
        // What is seen of the avatar has the avatar's colour, times alpha.
        for (seen, drawn) in [r, g, b].iter().zip(avatar) {
            assert!(
                (seen * avatar[3] - drawn * a).abs() < 2e-3,
                "{at}: {:?} of {avatar:?}",
                overlay.rgba[at]
            );
        }
        hidden += usize::from(avatar[3] > 0.9 && a < 0.01);
        whole += usize::from(avatar[3] > 0.9 && a > 0.99);
        partly += usize::from(avatar[3] > 0.9 && (0.1..0.9).contains(&a));
        // Blended over the camera's picture, it is what the other output says.
        let texel = &meeting.rgba[4 * at..4 * at + 3];
        for (c, over) in [r, g, b].into_iter().enumerate() {
            let under = visavis::headless::linear_from_srgb(texel[c]);
            let expected = over + (1.0 - a) * under;
            assert!(
                (picture.rgba[at][c] - expected).abs() < 2e-3,
                "{at}: {} {expected}",
                picture.rgba[at][c]
            );
        }
        assert_eq!(picture.rgba[at][3], 1.0);
    }
    assert!(hidden > 100 && whole > 200 && partly > 20, "{hidden} {whole} {partly}");
    golden("mixed-overlay.png", &overlay);
    golden("mixed-picture.png", &picture);
    common::driver_log::assert_silent();
}

/// No golden file is larger.
const MAX_BYTES: u64 = 40_000;
/// The most that drivers may differ, mean ꟻLIP.
const FLIP: f32 = 0.02;

/// Against the picture that somebody looked at. `VISAVIS_UPDATE_GOLDEN=1` writes a new one.
fn golden(name: &str, found: &Linear) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(name);
    if std::env::var_os("VISAVIS_UPDATE_GOLDEN").is_some() {
        common::save(&path, SIZE, &found.rgba);
    }
    let bytes = std::fs::metadata(&path).expect("the golden image is there").len();
    assert!(bytes <= MAX_BYTES, "{name} has {bytes} bytes");
    let expected = image::open(&path).expect("the golden image is an image").to_rgb8();
    let here = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    common::save(&here, SIZE, &found.rgba);
    let found = image::open(&here).expect("written just now").to_rgb8();
    let of = |image: &image::RgbImage| nv_flip::FlipImageRgb8::with_data(SIZE[0], SIZE[1], image);
    let map = nv_flip::flip(of(&expected), of(&found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    let apart = nv_flip::FlipPool::from_image(&map).mean();
    assert!(apart <= FLIP, "{name}: mean ꟻLIP {apart}; see {}", here.display());
}

#[test]
fn sizes_may_change_between_frames() {
    let meeting = Meeting::new();
    let mixer = (meeting.stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let mut mixed = mixer.view();
    let fresh = |shot: &Shot<'_>| meeting.stage.mix(&mut mixer.view(), shot, Output::Overlay).rgba;
    // A depth map of the output's own size, then none, then one of half as many pixels a side.
    let large = vec![0.62; (SIZE[0] * SIZE[1]) as usize];
    let half = shot(meeting.view, &meeting.surfaces, &meeting.metres, &meeting.rgba, true);
    let full = Shot { metres: Some((&large, CAMERA)), ..half };
    let none = Shot { metres: None, ..half };
    for shot in [&full, &none, &half, &full] {
        assert!(meeting.stage.mix(&mut mixed, shot, Output::Overlay).rgba == fresh(shot));
    }
}

#[test]
fn a_view_takes_its_memory_once() {
    let meeting = Meeting::new();
    let mixer = (meeting.stage.headless.engine())
        .mixer(wgpu::TextureFormat::Rgba16Float, Output::Overlay, MixerOptions::default())
        .expect("pipelines");
    let mut mixed = mixer.view();
    let shot = shot(meeting.view, &meeting.surfaces, &meeting.metres, &meeting.rgba, true);
    let mut bytes_after = |frames: usize| {
        for _ in 0..frames {
            meeting.stage.mix(&mut mixed, &shot, Output::Overlay);
        }
        meeting.stage.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
        meeting.stage.headless.gpu_bytes().expect("Vulkan says")
    };
    let warm = bytes_after(4);
    assert_eq!(bytes_after(20), warm, "bytes on the device after 24 frames, and after 4");
}
