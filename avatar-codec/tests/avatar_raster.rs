//! The reference rasteriser: coverage, interpolation, order, fringe.

use std::f32::consts::FRAC_PI_2;

use visavis_codec::avatar::{Mesh, Part, PartKind};
use visavis_codec::glam::{Mat4, Quat, Vec2, Vec3, Vec4, vec2, vec3};
use visavis_codec::reference::layers::MAX_LAYERS;
use visavis_codec::reference::raster::{self, Cull};
use visavis_codec::reference::shade::shade;
use visavis_codec::reference::{
    FeatureMap, Fragment, FringeFragment, Image, Layers, PixelLayers, View, decode, layers, pixel_color,
    render, skin,
};
use visavis_codec::testing::{Preset, Random, random_head, random_latent, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame, Timestamp};

const SIZE: u32 = 64;

/// Takes `(x, y)` in pixels of a 64² picture, y down, to clip space, with `w` = 1 and depth = `z`.
fn clip_from_pixels() -> Mat4 {
    let scale = 2.0 / SIZE as f32;
    Mat4::from_translation(vec3(-1.0, 1.0, 0.0)) * Mat4::from_scale(vec3(scale, -scale, 1.0))
}

/// Draws pixel-space triangles at depth ½, both sides; how often each pixel was hit.
fn coverage(triangles: &[[Vec2; 3]]) -> Vec<u32> {
    let mut hits = vec![0; (SIZE * SIZE) as usize];
    for triangle in triangles {
        let corners = triangle.map(|p| p.extend(0.5));
        raster::triangle(&clip_from_pixels(), [SIZE; 2], corners, Cull::None, |hit| {
            hits[(hit.y * SIZE + hit.x) as usize] += 1;
        });
    }
    hits
}

/// One part of triangles that share no welds other than the given vertices.
fn mesh(kind: PartKind, positions: &[Vec3], triangles: &[[u16; 3]]) -> (Mesh, Vec<Part>) {
    let n = positions.len();
    let mesh = Mesh {
        mean: positions.iter().map(|p| p.to_array()).collect(),
        uv: positions.iter().map(|p| [p.x + 0.5, p.y + 0.5]).collect(),
        triangles: triangles.to_vec(),
        weld: (0..n as u16).collect(),
        joints: vec![[0; 4]; n],
        weights: vec![[255, 0, 0, 0]; n],
    };
    (mesh, vec![Part { kind, vertices: 0..n as u32, triangles: 0..triangles.len() as u32 }])
}

fn see(kind: PartKind, positions: &[Vec3], triangles: &[[u16; 3]], view: &View) -> Layers {
    let (mesh, parts) = mesh(kind, positions, triangles);
    layers(&mesh, &parts, positions, &skin::normals(&mesh, positions), view, [SIZE; 2])
}

/// Looks along −Z from 1 m; 1 m at the origin is 32 pixels, the origin at the picture's centre.
fn view_of_32_pixels_a_metre() -> View {
    View::look_at(Vec3::Z, Vec3::ZERO, FRAC_PI_2, 1.0, 0.01)
}

#[test]
fn triangles_that_meet_cover_each_pixel_once() {
    let mut random = Random::new(1);
    for round in 0..60 {
        // A triangulated grid of 8² cells over 4..60; inner corners anywhere, on pixel centres, or on 1/256 steps.
        let mut corner = |i: usize, j: usize| {
            let place = vec2(4.0 + 7.0 * i as f32, 4.0 + 7.0 * j as f32);
            let jitter = vec2(random.uniform(-2.0, 2.0), random.uniform(-2.0, 2.0));
            match round % 3 {
                _ if i.is_multiple_of(8) || j.is_multiple_of(8) => place,
                0 => place + jitter,
                1 => (place + jitter).floor() + 0.5,
                _ => ((place + jitter) * 256.0).round() / 256.0,
            }
        };
        let grid: Vec<Vec2> = (0..81).map(|i| corner(i % 9, i / 9)).collect();
        let mut triangles = Vec::new();
        for cell in (0..72).filter(|cell| cell % 9 < 8) {
            let [a, b, c, d] = [grid[cell], grid[cell + 1], grid[cell + 9], grid[cell + 10]];
            if random.below(2) == 0 {
                triangles.extend([[a, c, b], [b, c, d]]);
            } else {
                triangles.extend([[a, c, d], [d, b, a]]);
            }
        }
        for (pixel, hits) in coverage(&triangles).into_iter().enumerate() {
            let (x, y) = (pixel as u32 % SIZE, pixel as u32 / SIZE);
            let inside = (4..60).contains(&x) && (4..60).contains(&y);
            assert_eq!(hits, u32::from(inside), "round {round}, pixel ({x}, {y})");
        }
    }
}

#[test]
fn a_pixel_on_an_edge_belongs_to_the_triangle_right_of_it_or_below() {
    // A square whose sides run through pixel centres: top and left belong to it, bottom and right don't.
    let [a, b, c, d] = [vec2(10.5, 10.5), vec2(20.5, 10.5), vec2(10.5, 20.5), vec2(20.5, 20.5)];
    let hits = coverage(&[[a, c, b], [b, c, d]]);
    for (pixel, hits) in hits.into_iter().enumerate() {
        let (x, y) = (pixel as u32 % SIZE, pixel as u32 / SIZE);
        assert_eq!(hits, u32::from((10..20).contains(&x) && (10..20).contains(&y)), "pixel ({x}, {y})");
    }
}

#[test]
fn interpolation_is_that_of_the_plane_also_through_the_near_plane() {
    let (near, eye) = (0.3, vec3(0.2, 0.1, 1.0));
    let view = View::look_at(eye, vec3(0.0, 0.0, 0.0), 1.2, 1.0, near);
    let world_from_clip = view.clip_from_world().inverse();
    // The second reaches from behind the eye to far away.
    for corners in [
        [vec3(-0.7, -0.5, 0.3), vec3(0.8, -0.4, -1.5), vec3(-0.1, 0.9, -0.2)],
        [vec3(-2.0, -0.4, 2.5), vec3(3.0, -0.5, -4.0), vec3(-6.0, -0.2, -5.0)],
    ] {
        let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize();
        let mut count = 0;
        raster::triangle(&view.clip_from_world(), [SIZE; 2], corners, Cull::None, |hit| {
            let place: Vec3 = (0..3).map(|i| hit.weights[i] * corners[i]).sum();
            let ndc = (vec2(hit.x as f32, hit.y as f32) + 0.5) / 32.0 - 1.0;
            let through = world_from_clip.project_point3(vec3(ndc.x, -ndc.y, 0.5));
            let ray = (through - eye).normalize();
            let distance = (corners[0] - eye).dot(normal) / ray.dot(normal);
            let expected = eye + ray * distance;
            // Corners are snapped to 1/256 pixel, which on a slanted plane is this much of the distance.
            let tolerance = 2e-3 * distance / ray.dot(normal).abs();
            assert!(place.distance(expected) < tolerance, "{place} against {expected}");
            let in_front = -view.view_from_world.transform_point3(place).z;
            assert!(in_front >= near * 0.999, "{in_front} m is nearer than the near plane");
            assert!((hit.depth - near / in_front).abs() < 2e-3, "depth {}", hit.depth);
            assert!((hit.weights.element_sum() - 1.0).abs() < 1e-4);
            count += 1;
        });
        assert!(count > 300, "{count} pixels");
    }
}

#[test]
fn the_nearest_opaque_fragment_wins_whatever_the_order() {
    let square = |z: f32| [vec3(-0.5, -0.5, z), vec3(0.5, -0.5, z), vec3(0.0, 0.5, z)];
    let view = view_of_32_pixels_a_metre();
    for (first, second) in [(0.0, 0.2), (0.2, 0.0)] {
        let positions = [square(first), square(second)].concat();
        let seen = see(PartKind::Skin, &positions, &[[0, 1, 2], [3, 4, 5]], &view);
        let fragment = seen.pixel(32, 32).opaque.unwrap();
        assert!((fragment.position.z - 0.2).abs() < 1e-5);
        assert_eq!(fragment.triangle, u32::from(second > first));
        assert!((fragment.depth - 0.01 / 0.8).abs() < 1e-6);
    }
}

#[test]
fn backs_are_culled_but_on_two_sided_parts() {
    let positions = [vec3(-0.5, -0.5, 0.0), vec3(0.5, -0.5, 0.0), vec3(0.0, 0.5, 0.0)];
    let view = view_of_32_pixels_a_metre();
    for kind in PartKind::ALL {
        for (triangle, is_front) in [([0, 1, 2], true), ([0, 2, 1], false)] {
            let seen = see(kind, &positions, &[triangle], &view);
            let pixel = seen.pixel(32, 32);
            let fragment = pixel.opaque.or(pixel.blended.first());
            assert_eq!(pixel.opaque.is_some(), is_front && !kind.is_blended(), "{kind:?}");
            assert_eq!(fragment.is_some(), is_front || kind.is_two_sided(), "{kind:?}");
            if let Some(fragment) = fragment {
                assert!(fragment.normal.z > 0.999, "{kind:?}: the normal looks at the viewer");
            }
        }
    }
}

#[test]
fn blended_fragments_keep_the_order_of_triangles_and_end_at_the_opaque_one() {
    let layer = |z: f32| [vec3(-0.5, -0.5, z), vec3(0.5, -0.5, z), vec3(0.0, 0.5, z)];
    let positions = [layer(0.0), layer(0.1), layer(0.3), layer(-0.1), layer(0.2)].concat();
    let triangles: Vec<[u16; 3]> = (0..5).map(|i| [3 * i, 3 * i + 1, 3 * i + 2]).collect();
    let (mesh, _) = mesh(PartKind::Skin, &positions, &triangles);
    let parts = [
        Part { kind: PartKind::Skin, vertices: 0..3, triangles: 0..1 },
        Part { kind: PartKind::Hair, vertices: 3..15, triangles: 1..5 },
    ];
    let normals = skin::normals(&mesh, &positions);
    let seen = layers(&mesh, &parts, &positions, &normals, &view_of_32_pixels_a_metre(), [SIZE; 2]);
    let order: Vec<u32> = seen.pixel(32, 32).blended.iter().map(|f| f.triangle).collect();
    assert_eq!(order, [1, 2, 4], "the fourth lies behind the skin");
}

#[test]
fn the_fringe_of_a_straight_edge_is_its_distance_from_the_pixel() {
    let view = view_of_32_pixels_a_metre();
    for step in 0..16 {
        let offset = step as f32 / 16.0;
        // The right-hand edge stands at pixel 40 + offset.
        let right = (8.0 + offset) / 32.0;
        let positions =
            [vec3(-0.5, -0.5, 0.0), vec3(right, -0.5, 0.0), vec3(right, 0.5, 0.0), vec3(-0.5, 0.5, 0.0)];
        let seen = see(PartKind::Skin, &positions, &[[0, 1, 2], [0, 2, 3]], &view);
        for y in 17..47 {
            let first_outside = if offset <= 0.5 { 40 } else { 41 };
            assert!(seen.pixel(first_outside - 1, y).opaque.is_some(), "inside at offset {offset}");
            let pixel = seen.pixel(first_outside, y);
            assert!(pixel.opaque.is_none());
            let [fringe] = pixel.fringe else {
                panic!("{} fringe fragments at {offset}", pixel.fringe.len())
            };
            let expected = 1.0 - (first_outside as f32 + 0.5 - 40.0 - offset);
            assert!((fringe.coverage - expected).abs() < 0.01, "{} against {expected}", fringe.coverage);
            assert!((fringe.fragment.position.x - right).abs() < 1e-3, "it is a point of the edge");
            assert!((fringe.fragment.uv.x - right - 0.5).abs() < 1e-3);
            let height = (31.5 - y as f32) / 32.0;
            assert!((fringe.fragment.position.y - height).abs() < 1e-3);
            assert!(seen.pixel(first_outside + 1, y).fringe.is_empty(), "one pixel and no more");
            assert!(seen.pixel(30, y).fringe.is_empty(), "the diagonal inside is no silhouette");
        }
    }
}

#[test]
fn a_convex_body_has_its_fringe_all_round_and_only_outside() {
    let corner = |i: usize| vec3((i & 1) as f32, (i >> 1 & 1) as f32, (i >> 2) as f32) - 0.5;
    let faces: [[u16; 4]; 6] =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let triangles: Vec<[u16; 3]> = faces.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
    let mut random = Random::new(3);
    for round in 0..20 {
        let axis = vec3(random.normal(), random.normal(), random.normal());
        let turn = Quat::from_scaled_axis(axis);
        let positions: Vec<Vec3> = (0..8).map(|i| turn * corner(i) * 0.7).collect();
        let seen = see(PartKind::Skin, &positions, &triangles, &view_of_32_pixels_a_metre());
        let (mut beside, mut bare) = (0, 0);
        for y in 1..SIZE - 1 {
            for x in 1..SIZE - 1 {
                let pixel = seen.pixel(x, y);
                if pixel.opaque.is_some() {
                    assert!(pixel.fringe.is_empty(), "round {round}: fringe inside at ({x}, {y})");
                    continue;
                }
                let sides = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
                if sides.iter().any(|&(x, y)| seen.pixel(x, y).opaque.is_some()) {
                    beside += 1;
                    bare += u32::from(pixel.fringe.is_empty());
                }
            }
        }
        let ring = (0..SIZE * SIZE).filter(|i| !seen.pixel(i % SIZE, i / SIZE).fringe.is_empty()).count();
        assert!((60..400).contains(&ring), "round {round}: {ring} pixels of fringe");
        // Only off the six corners of the outline may a neighbour of the body be without.
        assert!(beside > 60 && bare <= 6, "round {round}: {bare} of {beside} neighbours have no fringe");
    }
}

#[test]
fn a_picture_is_premultiplied_and_its_depth_tells_its_part() {
    let avatar = synthetic_avatar(6, Preset::Tiny);
    let frame = FaceFrame { time: Timestamp(0), latent: random_latent(4), head: random_head(4) };
    let view = View::look_at(vec3(-0.2, 0.0, -0.7), vec3(0.0, -0.06, 0.05), 0.5, 1.0, 0.05);
    let image = render(&avatar, &frame, &view, [SIZE, SIZE]);
    let mut parts = std::collections::HashSet::new();
    let (mut soft, mut solid) = (0, 0);
    for ((rgba, &depth), &part) in image.rgba.iter().zip(&image.depth).zip(&image.part) {
        assert!(rgba.iter().all(|x| x.is_finite() && *x >= 0.0) && rgba[3] <= 1.0 + 1e-6, "{rgba:?}");
        assert_eq!(depth > 0.0, part.is_some());
        if let Some(part) = part {
            assert!(rgba[3] >= 0.5, "depth where alpha is {}", rgba[3]);
            parts.insert(part);
            solid += 1;
        } else if rgba[3] > 0.0 {
            soft += 1;
        }
    }
    for kind in [PartKind::Skin, PartKind::EyeLeft, PartKind::EyeRight, PartKind::Hair] {
        assert!(parts.contains(&kind), "no pixel of {kind:?}");
    }
    assert!(solid > 500 && soft > 10, "{solid} solid, {soft} soft");
}

/// Everything that a picture of a made-up avatar is made of.
struct Seen {
    avatar: Avatar,
    dynamic: FeatureMap,
    layers: Layers,
    image: Image,
    eye: Vec3,
}

fn seen(seed: u64) -> Seen {
    let avatar = synthetic_avatar(seed, Preset::Tiny);
    let frame = FaceFrame { time: Timestamp(0), latent: random_latent(seed), head: random_head(seed) };
    let view = View::look_at(vec3(-0.2, 0.0, -0.7), vec3(0.0, -0.06, 0.05), 0.5, 1.0, 0.05);
    let condition = decode::condition(&avatar, &frame.latent, &frame.head);
    let dynamic = decode::texture(&avatar, &condition);
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, frame.latent.gaze, &frame.head);
    let positions = skin::skin(&avatar.mesh, &decode::geometry(&avatar, &condition), &transforms);
    let normals = skin::normals(&avatar.mesh, &positions);
    let layers = layers(&avatar.mesh, &avatar.manifest.parts, &positions, &normals, &view, [SIZE; 2]);
    let image = render(&avatar, &frame, &view, [SIZE; 2]);
    Seen { avatar, dynamic, layers, image, eye: view.eye() }
}

#[test]
fn layers_make_the_picture_that_render_draws() {
    for seed in 0..4 {
        let Seen { avatar, dynamic, layers, image, eye } = seen(seed);
        for (i, rgba) in image.rgba.iter().enumerate() {
            let (x, y) = (i as u32 % SIZE, i as u32 / SIZE);
            assert_eq!(pixel_color(&avatar, &dynamic, layers.pixel(x, y), eye), *rgba, "pixel ({x}, {y})");
        }
    }
}

#[test]
fn the_fringe_writes_depth_where_its_coverage_is_at_least_a_half() {
    let Seen { layers, image, .. } = seen(6);
    let mut found = [0; 2];
    for (i, &depth) in image.depth.iter().enumerate() {
        let pixel = layers.pixel(i as u32 % SIZE, i as u32 / SIZE);
        if pixel.opaque.is_some() || !pixel.blended.is_empty() || pixel.fringe.is_empty() {
            continue;
        }
        let solid = pixel.fringe.iter().filter(|fringe| fringe.coverage >= 0.5);
        let nearest = solid.map(|fringe| fringe.fragment.depth).fold(0.0, f32::max);
        assert_eq!(depth, nearest, "pixel {i}");
        found[usize::from(nearest > 0.0)] += 1;
    }
    assert!(found.iter().all(|&count| count > 10), "{found:?} pixels of soft and solid fringe");
}

#[test]
fn thin_hair_lies_over_the_fringe_behind_it() {
    let Seen { avatar, dynamic, layers, eye, .. } = seen(1);
    let pixels = || (0..SIZE * SIZE).map(|i| layers.pixel(i % SIZE, i / SIZE));
    let fragment = *pixels().find_map(|pixel| pixel.opaque).unwrap();
    let rim = FringeFragment { fragment, coverage: 0.9 };
    let is_thin = |fragment: &&Fragment| (0.05..0.5).contains(&shade(&avatar, &dynamic, fragment, eye).alpha);
    let mut hair = *pixels().flat_map(|pixel| pixel.blended).find(is_thin).expect("some of it is thin");
    let draw = |hair: Fragment| {
        let layers = PixelLayers { opaque: None, blended: &[hair], fringe: &[rim] };
        Vec4::from_array(pixel_color(&avatar, &dynamic, layers, eye))
    };
    let of_rim = shade(&avatar, &dynamic, &rim.fragment, eye).color().extend(1.0) * rim.coverage;
    hair.depth = rim.fragment.depth * 1.1;
    let shaded = shade(&avatar, &dynamic, &hair, eye);
    let over = shaded.color().extend(1.0) * shaded.alpha + of_rim * (1.0 - shaded.alpha);
    assert!(draw(hair).distance(over) < 1e-6, "in front it is seen");
    hair.depth = rim.fragment.depth * 0.9;
    assert!(draw(hair).distance(of_rim) < 1e-6, "behind the solid rim it isn't");
}

#[test]
fn a_pixel_keeps_the_first_of_very_many_layers() {
    let count = 100u16;
    let layer = |z: f32| [vec3(-0.5, -0.5, z), vec3(0.5, -0.5, z), vec3(0.0, 0.5, z)];
    let positions: Vec<Vec3> = (0..count).flat_map(|i| layer(f32::from(i) * 1e-3)).collect();
    let triangles: Vec<[u16; 3]> = (0..count).map(|i| [3 * i, 3 * i + 1, 3 * i + 2]).collect();
    let seen = see(PartKind::Hair, &positions, &triangles, &view_of_32_pixels_a_metre());
    let order: Vec<u32> = seen.pixel(32, 32).blended.iter().map(|f| f.triangle).collect();
    assert_eq!(order, (0..MAX_LAYERS as u32).collect::<Vec<_>>());
    assert!(seen.pixel(1, 1).blended.is_empty());
}
