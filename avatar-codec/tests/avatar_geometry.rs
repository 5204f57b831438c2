//! The reference's decode and skinning, against definitions and against what the words of the conventions mean.

use visavis_codec::avatar::{Avatar, LEAKY_SLOPE, PartKind};
use visavis_codec::glam::{Affine3A, Quat, Vec3};
use visavis_codec::reference::{decode, skin};
use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis_codec::{Gaze, HeadPose, Latent};

fn leaky(x: f64) -> f64 {
    if x > 0.0 { x } else { f64::from(LEAKY_SLOPE) * x }
}

/// The condition of a random face, as `f64`.
fn condition(avatar: &Avatar, seed: u64) -> (Vec<f32>, Vec<f64>) {
    let condition = decode::condition(avatar, &random_latent(seed), &random_head(seed));
    assert_eq!(condition.len(), avatar.condition_size());
    let wide = condition.iter().map(|&x| f64::from(x)).collect();
    (condition, wide)
}

fn mean(avatar: &Avatar) -> Vec<Vec3> {
    avatar.mesh.mean.iter().map(|&p| Vec3::from(p)).collect()
}

/// Positions of the vertices of one part.
fn of_part(avatar: &Avatar, kind: PartKind, positions: &[Vec3]) -> Vec<Vec3> {
    let part = avatar.manifest.parts.iter().find(|part| part.kind == kind).unwrap();
    positions[part.vertices.start as usize..part.vertices.end as usize].to_vec()
}

#[test]
fn the_neutral_face_is_the_mean_mesh_bit_for_bit() {
    for preset in [Preset::Tiny, Preset::Full] {
        let avatar = synthetic_avatar(2, preset);
        let condition = decode::condition(&avatar, &Latent::NEUTRAL, &HeadPose::REST);
        let bits = |p: Vec3| p.to_array().map(f32::to_bits);
        let decoded = decode::geometry(&avatar, &condition);
        assert!(decoded.iter().zip(mean(&avatar)).all(|(a, b)| bits(*a) == bits(b)), "{preset:?}");
    }
}

#[test]
fn geometry_by_definition() {
    let avatar = synthetic_avatar(3, Preset::Tiny);
    let g = &avatar.geometry;
    let (narrow, c) = condition(&avatar, 8);
    let decoded = decode::geometry(&avatar, &narrow);
    let product = |weights: &[f32], row: usize, x: &[f64]| -> f64 {
        (0..x.len()).map(|i| f64::from(weights[row * x.len() + i]) * x[i]).sum()
    };
    let h: Vec<f64> = (0..g.hidden)
        .map(|i| leaky(product(&g.w1, i, &c) + f64::from(g.b1[i])) - leaky(f64::from(g.b1[i])))
        .collect();
    let mut moved: f64 = 0.0;
    for (v, place) in decoded.iter().enumerate() {
        for axis in 0..3 {
            let rest = f64::from(avatar.mesh.mean[v][axis]);
            let offset: f64 = (0..g.rank)
                .map(|r| {
                    let a = product(&g.w2, r, &h) + product(&g.w3, r, &c);
                    let basis = g.basis[(r * decoded.len() + v) * 3 + axis];
                    a * f64::from(g.basis_step[r]) * f64::from(basis)
                })
                .sum();
            moved = moved.max(offset.abs());
            assert!((f64::from(place[axis]) - rest - offset).abs() < 1e-7, "vertex {v}");
        }
    }
    assert!((1e-3..5e-2).contains(&moved), "a random face moves by millimetres, not {moved} m");
}

#[test]
fn texture_by_definition() {
    let avatar = synthetic_avatar(4, Preset::Tiny);
    let t = &avatar.texture;
    let (narrow, c) = condition(&avatar, 9);
    let decoded = decode::texture(&avatar, &narrow);
    let mut size = 8;
    let mut map: Vec<f64> = (0..t.seed_channels * 64)
        .map(|i| {
            let sum: f64 = (0..c.len()).map(|j| t.seed_weight[i * c.len() + j].to_f64() * c[j]).sum();
            leaky(sum + t.seed_bias[i].to_f64())
        })
        .collect();
    for (index, block) in t.blocks.iter().enumerate() {
        let (inputs, n, wide) = (block.in_channels, size, size * 2);
        // What the depth-to-space puts at (y, x) of output channel o; zero outside.
        let spread = |o: usize, y: i32, x: i32| -> f64 {
            if y < 0 || x < 0 || y >= wide as i32 || x >= wide as i32 {
                return 0.0;
            }
            let (y, x) = (y as usize, x as usize);
            let row = 4 * o + 2 * (y % 2) + x % 2;
            (0..inputs)
                .map(|i| block.expand[row * inputs + i].to_f64() * map[(i * n + y / 2) * n + x / 2])
                .sum()
        };
        let biases = block.bias_values();
        let mut next = Vec::new();
        for o in 0..block.out_channels {
            for y in 0..wide as i32 {
                for x in 0..wide as i32 {
                    let mut sum = biases[(o * wide + y as usize) * wide + x as usize].to_f64();
                    for (tap, weight) in block.depthwise[o * 9..o * 9 + 9].iter().enumerate() {
                        let (dy, dx) = (tap as i32 / 3 - 1, tap as i32 % 3 - 1);
                        sum += weight.to_f64() * spread(o, y + dy, x + dx);
                    }
                    next.push(if index + 1 == t.blocks.len() { sum } else { leaky(sum) });
                }
            }
        }
        (map, size) = (next, wide);
    }
    assert_eq!((decoded.size, decoded.channels, decoded.data.len()), (32, 12, map.len()));
    let largest = map.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!((0.5..100.0).contains(&largest), "features of {largest}");
    for (i, (a, b)) in decoded.data.iter().zip(&map).enumerate() {
        assert!((f64::from(*a) - b).abs() < 1e-5 * largest, "texel {i}: {a} against {b}");
    }
}

#[test]
fn a_condition_of_another_length_is_no_panic() {
    let avatar = synthetic_avatar(4, Preset::Tiny);
    for length in [0, 10, 200] {
        assert_eq!(decode::geometry(&avatar, &vec![0.0; length]).len(), avatar.mesh.mean.len());
        assert_eq!(decode::texture(&avatar, &vec![0.0; length]).data.len(), 12 * 32 * 32);
    }
}

#[test]
fn at_rest_skinning_changes_nothing() {
    let avatar = synthetic_avatar(2, Preset::Full);
    let joints = skin::joint_transforms(&avatar.manifest.skeleton, Gaze::default(), &HeadPose::REST);
    assert!(joints.iter().all(|joint| *joint == Affine3A::IDENTITY));
    let skinned = skin::skin(&avatar.mesh, &mean(&avatar), &joints);
    assert!(skinned.iter().zip(mean(&avatar)).all(|(a, b)| a.abs_diff_eq(b, 1e-7)));
}

#[test]
fn the_head_turns_by_the_whole_rotation_rigidly_and_the_torso_stays() {
    let avatar = synthetic_avatar(2, Preset::Full);
    let rotation = Quat::from_scaled_axis(Vec3::new(0.1, -0.35, 0.05));
    let translation = Vec3::new(0.01, 0.02, -0.03);
    // Both signs of the quaternion are the same pose.
    for rotation in [rotation, -rotation] {
        let head = HeadPose { rotation, translation };
        let joints = skin::joint_transforms(&avatar.manifest.skeleton, Gaze::default(), &head);
        let skinned = skin::skin(&avatar.mesh, &mean(&avatar), &joints);
        let mut rigid = 0;
        for (v, (p, rest)) in skinned.iter().zip(mean(&avatar)).enumerate() {
            // Joints 2 and above (head, jaw, eyes) move as one while the gaze is straight.
            let [first, second, ..] = avatar.mesh.joints[v];
            if first >= 2 && (second >= 2 || avatar.mesh.weights[v][1] == 0) {
                let turned = joints[2].transform_vector3(rest - mean(&avatar)[0]);
                assert!((*p - skinned[0]).abs_diff_eq(turned, 2e-6), "vertex {v} isn't carried by the head");
                rigid += 1;
            } else if first == 0 && avatar.mesh.weights[v][0] == 255 {
                assert!((*p - rest).abs_diff_eq(translation, 1e-6), "vertex {v} of the torso turned");
            }
        }
        assert!(rigid > 5000);
        let head_rotation = Quat::from_mat3a(&joints[2].matrix3);
        assert!(head_rotation.dot(rotation).abs() > 1.0 - 1e-6);
        let neck_rotation = Quat::from_mat3a(&joints[1].matrix3);
        assert!(
            (neck_rotation.to_axis_angle().1
                - 0.5 * HeadPose { rotation, translation }.rotation_vector().length())
            .abs()
                < 1e-5
        );
        // The head turns about the neck's joint by half first: its own joint is where that takes it.
        let (neck, joint) =
            (avatar.manifest.skeleton.joints[1].position, avatar.manifest.skeleton.joints[2].position);
        let expected = neck + neck_rotation * (joint - neck) + translation;
        assert!(joints[2].transform_point3(joint).abs_diff_eq(expected, 1e-6));
    }
}

#[test]
fn positive_yaw_looks_to_the_persons_left_and_positive_pitch_up() {
    let avatar = synthetic_avatar(2, Preset::Full);
    let front = |gaze: Gaze, head: HeadPose, kind: PartKind| -> Vec3 {
        // The vertex that is foremost at rest: where the iris would be.
        let rest = of_part(&avatar, kind, &mean(&avatar));
        let iris = (0..rest.len()).min_by(|&a, &b| rest[a].z.total_cmp(&rest[b].z)).unwrap();
        let joints = skin::joint_transforms(&avatar.manifest.skeleton, gaze, &head);
        let posed = of_part(&avatar, kind, &skin::skin(&avatar.mesh, &mean(&avatar), &joints));
        posed[iris] - rest[iris]
    };
    let left = Gaze { left_yaw: 0.3, ..Gaze::default() };
    let moved = front(left, HeadPose::REST, PartKind::EyeLeft);
    assert!(moved.x < -0.003 && moved.y.abs() < 1e-6, "{moved}: the person's left is −X");
    assert_eq!(front(left, HeadPose::REST, PartKind::EyeRight), Vec3::ZERO, "the other eye stays");
    let up = front(Gaze { right_pitch: 0.3, ..Gaze::default() }, HeadPose::REST, PartKind::EyeRight);
    assert!(up.y > 0.003 && up.x.abs() < 1e-6, "{up}");
    // With the head turned to the left by 90°, looking up in the head's frame is still up.
    let turned = HeadPose { rotation: Quat::from_rotation_y(1.57), translation: Vec3::ZERO };
    let straight = front(Gaze::default(), turned, PartKind::EyeRight);
    let up = front(Gaze { right_pitch: 0.3, ..Gaze::default() }, turned, PartKind::EyeRight) - straight;
    assert!(up.y > 0.003 && up.z.abs() < 1e-4, "{up}");
}

#[test]
fn normals_point_outwards_and_agree_across_the_seam() {
    let avatar = synthetic_avatar(2, Preset::Full);
    let normals = skin::normals(&avatar.mesh, &mean(&avatar));
    assert!(normals.iter().all(|n| n.is_normalized()));
    for (v, &weld) in avatar.mesh.weld.iter().enumerate() {
        assert_eq!(normals[v], normals[usize::from(weld)]);
    }
    let part = &avatar.manifest.parts[1];
    let centre = avatar.manifest.skeleton.joints[4].position;
    for v in part.vertices.start as usize..part.vertices.end as usize {
        let outward = (Vec3::from(avatar.mesh.mean[v]) - centre).normalize();
        assert!(normals[v].dot(outward) > 0.98, "vertex {v} of a ball: {} against {outward}", normals[v]);
    }
}
