//! Light of a host's on instances: both executors against the reference and each other, shadows received, and captured light
//! left as it is.

mod common;

use common::{Attachments, Linear, draw, flip, placed, random_frame, random_place, random_view, software};
use visavis::codec::avatar::PartKind;
use visavis::codec::glam::{Affine3A, Mat4, Quat, Vec3};
use visavis::codec::light::{Ambient, Lamp, LampKind, Light};
use visavis::codec::reference::{self, Image};
use visavis::codec::testing::{Preset, synthetic_avatar, without_blended_parts};
use visavis::error::{LightError, PrepareError};
use visavis::headless::Headless;
use visavis::{Executor, Instance, ShadowMap, Surroundings, Target, TargetFormat, View, Viewport, wgpu};

const SIZE: [u32; 2] = [128, 128];
const EXECUTORS: [Executor; 2] = [Executor::Gpu, Executor::Cpu];

/// At least so many of the pixels of opaque parts, away from edges, are within one 8-bit step of the reference.
const WITHIN_A_STEP: f64 = 0.99;
/// The most that a whole picture, blended parts and edges included, may differ in mean ꟻLIP.
const FLIP: f32 = 0.02;
/// The same on the CPU executor, whose layer keeps albedo, normal and reach in some 10 bits each: what is dark as captured and
/// bright in other light, or mirrors sharply, may be two steps off.
const WITHIN_A_STEP_OF_A_LAYER: f64 = 0.95;
/// There a pixel through which several surfaces are seen is relit as one. The made-up avatars are three such layers of noise over
/// most of the picture; a person is less so.
const FLIP_OF_A_LAYER: f32 = 0.03;

/// A made-up light: something from everywhere, and a lamp of each kind in turn.
fn random_light(seed: u64) -> Light {
    let number = |salt: f32| (seed as f32 * 0.754_877_7 + salt * 0.569_840_3).fract();
    let direction = |salt: f32| {
        let turn = Quat::from_rotation_y((number(salt) - 0.5) * 4.0);
        turn * Quat::from_rotation_x((number(salt + 1.0) - 0.4) * 1.5) * -Vec3::Z
    };
    let color = |salt: f32, strength: f32| [0.0, 1.0, 2.0].map(|c| strength * (0.4 + number(salt + c)));
    let directional =
        LampKind::Directional { to_lamp: direction(1.0), angular_radius_rad: 0.2 * number(9.0) };
    let position_m = 0.9 * direction(3.0);
    let point = LampKind::Point { position_m, radius_m: 0.2 * number(4.0) };
    let position_m = 1.3 * direction(5.0);
    let axis = (Vec3::new(0.0, 0.05, 0.0) - position_m).normalize();
    let spot = LampKind::Spot { position_m, radius_m: 0.05, axis, inner_rad: 0.04, outer_rad: 0.12 };
    let kinds = [directional, point, spot];
    let mut ambient = Ambient::sky(color(6.0, 0.3), color(7.0, 0.1));
    ambient.add(direction(8.0), Vec3::from(color(8.0, 0.3)));
    let lamps = (0..=seed as usize % 3)
        .map(|i| Lamp { kind: kinds[(i + seed as usize) % 3], color: color(i as f32, 0.6) });
    Light { ambient, lamps: lamps.collect() }
}

/// In the frame that a person at `world_from_rest` has: the reference's.
fn at_rest(light: &Light, world_from_rest: Affine3A) -> Light {
    let rest_from_world = world_from_rest.inverse();
    light.in_frame(Quat::from_mat3a(&rest_from_world.matrix3), rest_from_world.translation.into())
}

/// Share of the pixels of opaque parts, two pixels from any other, that are within one 8-bit step.
fn opaque_within_a_step(found: &Linear, expected: &Image) -> (usize, f64) {
    let [width, height] = SIZE.map(|n| n as i32);
    let opaque = |x: i32, y: i32| {
        let at = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize;
        expected.part[at].filter(|part| !part.is_blended() && expected.rgba[at][3] > 0.999)
    };
    let (mut count, mut close) = (0, 0);
    for y in 0..height {
        for x in 0..width {
            let part = opaque(x, y);
            if part.is_none() || (-2..=2).any(|dy| (-2..=2).any(|dx| opaque(x + dx, y + dy) != part)) {
                continue;
            }
            let at = (y * width + x) as usize;
            let apart = (common::srgb(found.rgba[at]).iter().zip(common::srgb(expected.rgba[at])))
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            count += 1;
            close += usize::from(apart <= common::EIGHT_BIT_STEP);
        }
    }
    (count, close as f64 / f64::from(count.max(1) as u32))
}

fn keep(name: &str, found: &Linear, expected: Option<&Image>) {
    if let Some(folder) = std::env::var_os("VISAVIS_TEST_IMAGES") {
        let folder = std::path::Path::new(&folder);
        common::save(&folder.join(format!("{name}-found.png")), found.size, &found.rgba);
        if let Some(expected) = expected {
            common::save(&folder.join(format!("{name}-expected.png")), found.size, &expected.rgba);
        }
    }
}

#[test]
fn both_executors_relight_as_the_reference_does() {
    let mut compared = 0;
    let stages = EXECUTORS.map(software);
    // Where a layer shows several surfaces, it relights their mixture: that is near, and what is one surface is exact.
    for (seed, is_plain) in (1..=6).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut avatar = synthetic_avatar(seed, Preset::Tiny);
        if is_plain {
            avatar = without_blended_parts(avatar);
        }
        let (frame, view) = (random_frame(seed), random_view(seed));
        let light = random_light(seed);
        let world_from_rest = random_place(seed);
        let expected = reference::render_lit(&avatar, &frame, &at_rest(&light, world_from_rest), &view, SIZE)
            .expect("it says which light it was captured in");
        let pictures = stages.each_ref().map(|headless| {
            let target = headless.engine().target(&common::FORMAT).expect("drawable");
            let mut instance = headless.load(&avatar).expect("loaded").instance();
            instance.set_frame(&frame).expect("finite");
            instance.set_pose(world_from_rest).expect("finite");
            let view = placed(&view, world_from_rest);
            let captured = draw(headless, &target, &[&instance], &view, SIZE);
            instance.set_light(Some(&light)).expect("possible light");
            let found = draw(headless, &target, &[&instance], &view, SIZE);
            assert!(flip(SIZE, &found.rgba, &captured.rgba) > 0.02, "light changes the picture");
            // Light moves no edge.
            assert!(found.depth == captured.depth);
            assert!(found.rgba.iter().zip(&captured.rgba).all(|(a, b)| a[3] == b[3]));
            found
        });
        for (executor, found) in EXECUTORS.into_iter().zip(&pictures) {
            keep(&format!("{executor:?}-lit-{seed}"), found, Some(&expected));
            let (count, close) = opaque_within_a_step(found, &expected);
            let apart = flip(SIZE, &found.rgba, &expected.rgba);
            eprintln!("{executor:?}, seed {seed}: {close:.4} of {count} opaque pixels, ꟻLIP {apart:.4}");
            compared += count;
            let (least, most) = match (executor, is_plain) {
                (Executor::Cpu, false) => (0.0, FLIP_OF_A_LAYER),
                (Executor::Cpu, true) => (WITHIN_A_STEP_OF_A_LAYER, FLIP),
                _ => (WITHIN_A_STEP, FLIP),
            };
            assert!(count == 0 || close >= least, "{executor:?}, seed {seed}: {close} of {count}");
            assert!(apart <= most, "{executor:?}, seed {seed}: {apart}");
        }
    }
    assert!(compared > 2000, "the pictures show too little: {compared} opaque pixels");
    common::driver_log::assert_silent();
}

/// A person at the origin, captured, relit and captured again; and beside somebody who is relit.
#[test]
fn captured_light_costs_no_bit() {
    for executor in EXECUTORS {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let person = headless.load(&synthetic_avatar(2, Preset::Tiny)).expect("loaded");
        let mut instance = person.instance();
        instance.set_frame(&random_frame(2)).expect("finite");
        let view = random_view(2);
        let before = draw(&headless, &target, &[&instance], &view, SIZE);
        instance.set_light(Some(&random_light(3))).expect("possible");
        assert_eq!(instance.light(), Some(&random_light(3)));
        let relit = draw(&headless, &target, &[&instance], &view, SIZE);
        assert!(relit.rgba != before.rgba);
        instance.set_light(None).expect("possible");
        let after = draw(&headless, &target, &[&instance], &view, SIZE);
        assert!(after.rgba == before.rgba && after.depth == before.depth, "{executor:?}");

        // Somebody relit, so far to the side that they share no pixel.
        let mut other = person.instance();
        other.set_pose(Affine3A::from_translation(Vec3::new(0.5, 0.0, 0.0))).expect("finite");
        other.set_light(Some(&random_light(3))).expect("possible");
        let view = View::look_at(Vec3::new(0.25, 0.0, -2.4), Vec3::new(0.25, -0.03, 0.1), 0.4, 1.0, 0.05);
        let alone = draw(&headless, &target, &[&instance], &view, SIZE);
        let both = draw(&headless, &target, &[&instance, &other], &view, SIZE);
        let seen = alone.rgba.iter().filter(|texel| texel[3] > 0.0).count();
        assert!(seen > 800, "{seen}");
        let is_kept = |(alone, both): (&[f32; 4], &[f32; 4])| alone[3] == 0.0 || alone == both;
        assert!(alone.rgba.iter().zip(&both.rgba).all(is_kept), "{executor:?}");
    }
    common::driver_log::assert_silent();
}

/// Seen by the lamp alone, as who stands beside a picture and throws a shadow into it.
#[test]
fn who_is_relit_beside_the_picture_changes_nothing_in_it() {
    for executor in EXECUTORS {
        let headless = software(executor);
        let engine = headless.engine();
        let target = engine.target(&common::FORMAT).expect("drawable");
        let person = headless.load(&synthetic_avatar(2, Preset::Tiny)).expect("loaded");
        let mut beside = person.instance();
        beside.set_pose(Affine3A::from_translation(Vec3::new(9.0, 0.0, 0.0))).expect("finite");
        beside.set_light(Some(&random_light(3))).expect("possible");
        let seen = person.instance();
        let view = View::look_at(Vec3::new(0.0, 0.0, -1.2), Vec3::new(0.0, -0.03, 0.1), 0.5, 1.0, 0.05);
        let lamp = View::look_at(Vec3::new(9.0, 0.0, -1.2), Vec3::new(9.0, -0.03, 0.1), 0.5, 1.0, 0.05);
        let views = [Viewport::new(view, SIZE), Viewport::depth_only(lamp, SIZE)];
        let together = |people: &[&Instance]| {
            let mut encoder = engine.device().create_command_encoder(&Default::default());
            let frame = engine.prepare(&mut encoder, &target, people, &views).expect("prepared");
            let attachments = Attachments::new(engine.device(), SIZE);
            attachments.draw(&mut encoder, &frame, 0);
            attachments.read(engine.device(), engine.queue(), encoder)
        };
        assert!(
            together(&[&beside]).rgba.iter().all(|texel| texel[3] == 0.0),
            "{executor:?}: nobody is there"
        );
        let alone = draw(&headless, &target, &[&seen], &view, SIZE);
        let both = together(&[&seen, &beside]);
        assert!(both.rgba == alone.rgba && both.depth == alone.depth, "{executor:?}");
    }
    common::driver_log::assert_silent();
}

#[test]
fn the_light_of_the_capture_gives_the_captured_look() {
    for executor in EXECUTORS {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let avatar = synthetic_avatar(3, Preset::Tiny);
        let mut instance = headless.load(&avatar).expect("loaded").instance();
        instance.set_frame(&random_frame(3)).expect("finite");
        let view = random_view(3);
        let captured = draw(&headless, &target, &[&instance], &view, SIZE);
        instance.set_light(avatar.manifest.capture_light.as_ref()).expect("possible");
        let relit = draw(&headless, &target, &[&instance], &view, SIZE);
        let worst = (relit.rgba.iter().zip(&captured.rgba))
            .flat_map(|(a, b)| [0, 1, 2].map(|c| (a[c] - b[c]).abs() / b[c].max(0.05)))
            .fold(0.0, f32::max);
        // Two roundings to half floats, and a division.
        assert!(worst < 0.01, "{executor:?}: {worst}");
    }
    common::driver_log::assert_silent();
}

/// Everything that a shadow test needs: a stage, somebody, a lamp, and a map of what the lamp sees.
struct Stage {
    headless: Headless,
    target: Target,
    map: wgpu::Texture,
}

const MAP_SIZE: u32 = 256;

impl Stage {
    fn new(executor: Executor) -> Self {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let map = headless.engine().device().create_texture(&map_descriptor());
        Self { headless, target, map }
    }

    /// A picture with the map given as the lamp's. The map holds `nearest` everywhere, and the person's own mesh, if it is to.
    fn draw(&self, person: &Instance, view: &View, lamp: &View, nearest: f32, casts: bool) -> Linear {
        let engine = self.headless.engine();
        let (device, queue) = (engine.device(), engine.queue());
        let depth = TargetFormat { color: None, ..common::FORMAT };
        let depth = engine.target(&depth).expect("drawable");
        let mut encoder = device.create_command_encoder(&Default::default());
        let map = self.map.create_view(&Default::default());
        let surroundings =
            Surroundings { shadow: Some(ShadowMap { view: &map, clip_from_world: lamp.clip_from_world() }) };
        let views = [Viewport::new(*view, SIZE), Viewport::depth_only(*lamp, [MAP_SIZE; 2])];
        let frame = engine
            .prepare_in(&mut encoder, &self.target, &[person], &views, &surroundings)
            .expect("prepared");
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &map,
                    depth_ops: Some(wgpu::Operations {
                        load: wgpu::LoadOp::Clear(nearest),
                        store: wgpu::StoreOp::Store,
                    }),
                    stencil_ops: None,
                }),
                ..Default::default()
            });
            if casts {
                frame.draw_shadow(&mut pass, &depth, 1).expect("the view exists");
            }
        }
        let attachments = Attachments::new(device, SIZE);
        attachments.draw(&mut encoder, &frame, 0);
        attachments.read(device, queue, encoder)
    }
}

fn map_descriptor() -> wgpu::TextureDescriptor<'static> {
    wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: MAP_SIZE, height: MAP_SIZE, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Depth32Float,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    }
}

/// A lamp in front, a little to the side, and some light from everywhere.
fn front_lamp() -> Light {
    let lamp = Lamp::directional(Vec3::new(0.3, 0.3, -1.0), [1.0, 0.9, 0.8]);
    Light { ambient: Ambient::uniform([0.2, 0.22, 0.25]), lamps: vec![lamp] }
}

fn luminance(texel: &[f32; 4]) -> f64 {
    f64::from(0.2126 * texel[0] + 0.7152 * texel[1] + 0.0722 * texel[2])
}

#[test]
fn a_shadow_takes_the_first_lamp_away_where_it_falls() {
    for executor in EXECUTORS {
        let stage = Stage::new(executor);
        let person = stage.headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
        let mut person = person.instance();
        person.set_pose(random_place(1)).expect("finite");
        let view = placed(&random_view(1), random_place(1));
        let mut light = at_rest(&front_lamp(), random_place(1).inverse());
        let second = Lamp::directional(random_place(1).transform_vector3(Vec3::X), [0.3, 0.3, 0.4]);
        light.lamps.push(second);
        person.set_light(Some(&light)).expect("possible");
        let face = random_place(1).transform_point3(Vec3::new(0.0, -0.03, 0.06));
        let LampKind::Directional { to_lamp, .. } = light.lamps[0].kind else { panic!("it is far away") };
        let lamp = View::look_at(face + to_lamp, face, 0.8, 1.0, 0.1);

        let lit = draw(&stage.headless, &stage.target, &[&person], &view, SIZE);
        let nothing_near = stage.draw(&person, &view, &lamp, 0.0, false);
        assert!(nothing_near.rgba == lit.rgba, "{executor:?}: an empty map shadows nothing");
        let all_dark = stage.draw(&person, &view, &lamp, 1.0, false);
        light.lamps.remove(0);
        person.set_light(Some(&light)).expect("possible");
        let without = draw(&stage.headless, &stage.target, &[&person], &view, SIZE);
        let worst = (all_dark.rgba.iter().zip(&without.rgba))
            .flat_map(|(a, b)| [0, 1, 2, 3].map(|c| (a[c] - b[c]).abs()))
            .fold(0.0, f32::max);
        assert!(worst < 2e-3, "{executor:?}: {worst}");
        let sum = |picture: &Linear| picture.rgba.iter().map(luminance).sum::<f64>();
        assert!(sum(&lit) > 1.5 * sum(&without), "{executor:?}: the lamp matters");

        // A map that ends in the middle of the face: dark to one side, lit to the other.
        light = at_rest(&front_lamp(), random_place(1).inverse());
        light.lamps.push(second);
        person.set_light(Some(&light)).expect("possible");
        let half = View { clip_from_view: Mat4::from_translation(Vec3::X) * lamp.clip_from_view, ..lamp };
        let half_dark = stage.draw(&person, &view, &half, 1.0, false);
        let (mut as_lit, mut as_dark, mut between) = (0, 0, 0);
        for (half, (lit, dark)) in half_dark.rgba.iter().zip(lit.rgba.iter().zip(&all_dark.rgba)) {
            if luminance(lit) < 1.2 * luminance(dark) + 0.01 {
                continue;
            }
            let share = (luminance(half) - luminance(dark)) / (luminance(lit) - luminance(dark));
            match share {
                x if x > 0.98 => as_lit += 1,
                x if x < 0.02 => as_dark += 1,
                _ => between += 1,
            }
        }
        eprintln!("{executor:?}: {as_lit} lit, {as_dark} dark, {between} between");
        assert!(as_lit > 800 && as_dark > 800, "{executor:?}: {as_lit} lit, {as_dark} dark");
        assert!(between * 10 < as_lit + as_dark, "{executor:?}: {between} between");
    }
    common::driver_log::assert_silent();
}

/// Somebody in the map that shadows them: what faces the lamp stays lit, without the pattern that too small a bias draws.
#[test]
fn nobody_shadows_what_of_them_faces_the_lamp() {
    for executor in EXECUTORS {
        let stage = Stage::new(executor);
        let avatar = synthetic_avatar(1, Preset::Tiny);
        let mut person = stage.headless.load(&avatar).expect("loaded").instance();
        let light = front_lamp();
        person.set_light(Some(&light)).expect("possible");
        let LampKind::Directional { to_lamp, .. } = light.lamps[0].kind else { panic!("it is far away") };
        let face = Vec3::new(0.0, -0.03, 0.06);
        // Seen from where the lamp is: whatever is seen is lit.
        let view = View::look_at(face + to_lamp * 4.0, face, 0.11, 1.0, 0.5);
        let lamp = View::look_at(face + to_lamp * 4.0, face, 0.2, 1.0, 0.5);
        let lit = draw(&stage.headless, &stage.target, &[&person], &view, SIZE);
        let shadowed = stage.draw(&person, &view, &lamp, 0.0, true);
        let image = reference::render(&avatar, &Default::default(), &view, SIZE);
        let (mut count, mut dark, mut sum) = (0, 0, [0.0; 2]);
        for (at, part) in image.part.iter().enumerate() {
            if *part != Some(PartKind::Skin) {
                continue;
            }
            let [before, after] = [&lit, &shadowed].map(|picture| luminance(&picture.rgba[at]));
            count += 1;
            dark += usize::from(after < 0.9 * before);
            sum = [sum[0] + before, sum[1] + after];
        }
        eprintln!("{executor:?}: {dark} of {count} darker, {:.4} of the light", sum[1] / sum[0]);
        keep(&format!("{executor:?}-self-shadow"), &shadowed, None);
        assert!(count > 1000, "{count}");
        // The made-up mesh has edges of centimetres, whose triangles stand behind one another's normals here and there.
        assert!(dark * 100 < 3 * count, "{executor:?}: {dark} of {count} pixels are in shadow");
        assert!(sum[1] > 0.98 * sum[0], "{executor:?}: {sum:?}");
        // And from the side, where the lamp doesn't reach, something is.
        let aside = View::look_at(face + Vec3::new(-0.9, 0.3, -0.4), face, 0.42, 1.0, 0.05);
        let lit = draw(&stage.headless, &stage.target, &[&person], &aside, SIZE);
        let shadowed = stage.draw(&person, &aside, &lamp, 0.0, true);
        assert!(lit.rgba != shadowed.rgba, "{executor:?}: the head shadows nothing of itself");
    }
    common::driver_log::assert_silent();
}

#[test]
fn what_cannot_be_lit_is_told() {
    let headless = software(Executor::Cpu);
    let engine = headless.engine();
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    let mut instance = headless.load(&avatar).expect("loaded").instance();
    let mut wrong = front_lamp();
    wrong.lamps[0].color[1] = f32::NAN;
    let error = instance.set_light(Some(&wrong)).expect_err("not a number");
    assert!(
        matches!(error, LightError::Invalid(_)) && error.to_string().contains("lamps[0].color"),
        "{error}"
    );
    assert_eq!(instance.light(), None);
    instance.set_light(Some(&front_lamp())).expect("possible");
    instance.set_light(Some(&wrong)).expect_err("not a number");
    assert_eq!(instance.light(), Some(&front_lamp()));

    (avatar.manifest.capture_light, avatar.transport) = (None, None);
    let mut unsaid = headless.load(&avatar).expect("loaded").instance();
    let error = unsaid.set_light(Some(&front_lamp())).expect_err("nothing to compare with");
    assert_eq!(error, LightError::NoCaptureLight { name: avatar.manifest.name.clone() });
    assert!(error.to_string().contains("capture_light") && error.to_string().contains("set_light(None)"));
    assert_eq!(unsaid.set_light(None), Ok(()));

    let target = engine.target(&common::FORMAT).expect("drawable");
    let views = [Viewport::new(random_view(1), SIZE)];
    let told = |descriptor: &wgpu::TextureDescriptor<'_>, clip_from_world: Mat4| {
        let map = engine.device().create_texture(descriptor).create_view(&Default::default());
        let surroundings = Surroundings { shadow: Some(ShadowMap { view: &map, clip_from_world }) };
        let mut encoder = engine.device().create_command_encoder(&Default::default());
        match engine.prepare_in(&mut encoder, &target, &[&instance], &views, &surroundings) {
            Ok(_) => panic!("prepared"),
            Err(PrepareError::ShadowMap { what, .. }) => what,
            Err(error) => panic!("{error}"),
        }
    };
    let descriptor = map_descriptor();
    let color = wgpu::TextureFormat::Rgba8Unorm;
    let attachment = wgpu::TextureUsages::RENDER_ATTACHMENT;
    assert_eq!(told(&wgpu::TextureDescriptor { format: color, ..descriptor }, Mat4::IDENTITY), "format");
    assert_eq!(told(&wgpu::TextureDescriptor { usage: attachment, ..descriptor }, Mat4::IDENTITY), "usage");
    let samples = wgpu::TextureDescriptor { sample_count: 4, ..map_descriptor() };
    assert_eq!(told(&samples, Mat4::IDENTITY), "number of samples");
    assert_eq!(told(&map_descriptor(), Mat4::NAN), "clip_from_world");
}
