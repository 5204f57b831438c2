//! The geometry head, skinning and vertex normals: condition → posed vertices.
//!
//! Vertices go in blocks of eight, coordinate by coordinate, so that the basis, the blended joint matrices and their
//! application are plain vector arithmetic; a vertex record, `[x, y, z, u, nx, ny, nz, v]`, is one vector, laid out as
//! the GPU has it.

use glam::{Affine3A, Quat, Vec3};
use visavis_codec::avatar::{GeometryHead, JointRole, Skeleton};
use visavis_codec::latent::{Gaze, HeadPose};

use super::instance::Form;
use super::simd::{Kernel, LANES, Level, Simd, each};
use super::threads::{Threads, for_each_piece};

/// A skinned vertex: position, u, normal, v.
pub(crate) type Vertex = [f32; LANES];

/// The geometry head and the mesh, packed for the kernels.
#[derive(Debug)]
pub(crate) struct GeometryWeights {
    first: Layer,
    second: Layer,
    skip: Layer,
    /// What the hidden layer is at a condition of zero.
    neutral_hidden: Vec<f32>,
    basis_step: Vec<f32>,
    /// `[blocks, rank]` of eight vertices each.
    basis: Vec<[[i8; LANES]; 3]>,
    mean: Vec<[[f32; LANES]; 3]>,
    uv: Vec<[[f32; LANES]; 2]>,
    /// Where each block's bindings start; one more at the end.
    binding_start: Vec<u32>,
    bindings: Vec<Binding>,
    skeleton: Skeleton,
    vertices: usize,
    pub(crate) triangles: Vec<[u16; 3]>,
    /// For each vertex, where its weld's triangles start and end.
    fan: Vec<[u32; 2]>,
    fans: Vec<u16>,
}

/// A dense layer: `[outputs / 8, inputs]` rows of eight.
#[derive(Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    weight: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
}

/// How strongly one joint holds each vertex of a block.
#[derive(Clone, Copy, Debug)]
struct Binding {
    joint: u8,
    weights: [f32; LANES],
}

/// Posed vertices and what it takes to make them.
#[derive(Debug)]
pub(crate) struct GeometryState {
    hidden: Vec<[f32; LANES]>,
    coefficients: Vec<[f32; LANES]>,
    skipped: Vec<[f32; LANES]>,
    joints: Vec<Affine3A>,
    /// Padded to whole blocks.
    pub(crate) vertices: Vec<Vertex>,
    /// For each triangle its normal, times twice its area.
    pub(crate) face_normals: Vec<Vec3>,
}

impl Layer {
    fn new(weight: &[f32], bias: &[f32], inputs: usize, outputs: usize) -> Self {
        let blocks = outputs.div_ceil(LANES);
        let mut packed = Self {
            inputs,
            outputs,
            weight: vec![[0.0; LANES]; blocks * inputs],
            bias: vec![[0.0; LANES]; blocks],
        };
        for output in 0..outputs {
            let (block, lane) = (output / LANES, output % LANES);
            for input in 0..inputs {
                packed.weight[block * inputs + input][lane] = weight[output * inputs + input];
            }
            packed.bias[block][lane] = bias.get(output).copied().unwrap_or(0.0);
        }
        packed
    }

    fn buffer(&self) -> Vec<[f32; LANES]> {
        vec![[0.0; LANES]; self.bias.len()]
    }

    #[inline(always)]
    fn apply<S: Simd>(&self, s: S, x: &[f32], output: &mut [[f32; LANES]], is_leaky: bool) {
        let rows = self.weight.chunks_exact(self.inputs.max(1));
        for ((row, bias), output) in rows.zip(&self.bias).zip(output) {
            let mut sums = [s.load(bias), s.splat(0.0)];
            for (i, (weight, &x)) in row.iter().zip(x).enumerate() {
                sums[i % 2] = s.mul_add(s.load(weight), s.splat(x), sums[i % 2]);
            }
            let sum = s.add(sums[0], sums[1]);
            s.store(if is_leaky { s.leaky(sum) } else { sum }, output);
        }
    }
}

impl GeometryWeights {
    /// Packs an avatar whose arrays have the lengths that their documentation says.
    pub(crate) fn new(form: &Form<'_>) -> Self {
        let GeometryHead { hidden, rank, w1, b1, w2, w3, basis, basis_step } = form.geometry;
        let (mesh, condition) = (form.mesh, form.condition());
        let vertices = mesh.mean.len();
        let blocks = vertices.div_ceil(LANES);
        // The last vertex again where a block is not full.
        let vertex_of = |block: usize, lane: usize| (block * LANES + lane).min(vertices.saturating_sub(1));

        let mut packed_basis = vec![[[0; LANES]; 3]; blocks * rank];
        let mut mean = vec![[[0.0; LANES]; 3]; blocks];
        let mut uv = vec![[[0.0; LANES]; 2]; blocks];
        let mut binding_start = vec![0];
        let mut bindings: Vec<Binding> = Vec::new();
        for block in 0..blocks {
            let first = bindings.len();
            for lane in 0..LANES {
                let vertex = vertex_of(block, lane);
                for axis in 0..3 {
                    mean[block][axis][lane] = mesh.mean[vertex][axis];
                    for r in 0..*rank {
                        packed_basis[block * rank + r][axis][lane] =
                            basis[(r * vertices + vertex) * 3 + axis];
                    }
                }
                for axis in 0..2 {
                    uv[block][axis][lane] = mesh.uv[vertex][axis];
                }
                for (&joint, &weight) in mesh.joints[vertex].iter().zip(&mesh.weights[vertex]) {
                    if weight == 0 {
                        continue;
                    }
                    let known = bindings[first..].iter().position(|binding| binding.joint == joint);
                    let at = known.map_or(bindings.len(), |at| first + at);
                    if known.is_none() {
                        bindings.push(Binding { joint, weights: [0.0; LANES] });
                    }
                    bindings[at].weights[lane] += f32::from(weight) / 255.0;
                }
            }
            binding_start.push(bindings.len() as u32);
        }
        let (fan, fans) = fans(&mesh.triangles, &mesh.weld);
        Self {
            first: Layer::new(w1, b1, condition, *hidden),
            second: Layer::new(w2, &[], *hidden, *rank),
            skip: Layer::new(w3, &[], condition, *rank),
            neutral_hidden: b1.iter().map(|&b| visavis_codec::avatar::leaky(b)).collect(),
            basis_step: basis_step.clone(),
            basis: packed_basis,
            mean,
            uv,
            binding_start,
            bindings,
            skeleton: form.skeleton.clone(),
            vertices,
            triangles: mesh.triangles.clone(),
            fan,
            fans,
        }
    }

    /// What the mesh and its basis take in memory.
    pub(crate) fn bytes(&self) -> usize {
        let Self { basis, mean, uv, bindings, triangles, fan, fans, .. } = self;
        size_of_val(basis.as_slice())
            + size_of_val(mean.as_slice())
            + size_of_val(uv.as_slice())
            + size_of_val(bindings.as_slice())
            + size_of_val(triangles.as_slice())
            + size_of_val(fan.as_slice())
            + size_of_val(fans.as_slice())
    }

    /// Number of vertices, without padding.
    pub(crate) fn vertices(&self) -> usize {
        self.vertices
    }

    /// Buffers for one decode at a time.
    pub(crate) fn state(&self) -> GeometryState {
        GeometryState {
            hidden: self.first.buffer(),
            coefficients: self.second.buffer(),
            skipped: self.skip.buffer(),
            joints: Vec::with_capacity(self.skeleton.joints.len()),
            vertices: vec![[0.0; LANES]; self.mean.len() * LANES],
            face_normals: vec![Vec3::ZERO; self.triangles.len()],
        }
    }

    /// Poses the mesh: condition, gaze and head pose → `state.vertices`.
    pub(crate) fn run(
        &self,
        level: Level,
        threads: Threads,
        condition: &[f32],
        gaze: Gaze,
        head: &HeadPose,
        state: &mut GeometryState,
    ) {
        let GeometryState { hidden, coefficients, skipped, joints, vertices, face_normals } = state;
        level.run(CoefficientsKernel { weights: self, condition, hidden, coefficients, skipped });
        joint_transforms(&self.skeleton, gaze, head, joints);

        let blocks = self.mean.len();
        let pieces = threads.pieces(blocks / 64);
        let first_block = |piece: usize| piece * blocks / pieces;
        let first_vertex = |piece: usize| first_block(piece) * LANES;
        let (coefficients, joints) = (coefficients.as_flattened(), &*joints);
        for_each_piece(threads, &mut vertices[..], 0..pieces, &first_vertex, &|piece, vertices| {
            let first = first_block(piece);
            level.run(SkinKernel { weights: self, first, coefficients, joints, vertices });
        });

        let triangles = self.triangles.len();
        let posed = &*vertices;
        let first_face = |piece: usize| piece * triangles / pieces;
        for_each_piece(threads, &mut face_normals[..], 0..pieces, &first_face, &|piece, normals| {
            for (normal, triangle) in normals.iter_mut().zip(&self.triangles[first_face(piece)..]) {
                let [a, b, c] = triangle.map(|v| position(posed, v));
                *normal = (b - a).cross(c - a);
            }
        });
        let face_normals = &*face_normals;
        for_each_piece(
            threads,
            &mut vertices[..self.vertices],
            0..pieces,
            &first_vertex,
            &|piece, vertices| {
                for (vertex, &[start, end]) in
                    vertices.iter_mut().zip(&self.fan[first_vertex(piece).min(self.vertices)..])
                {
                    let faces = self.fans[start as usize..end as usize].iter();
                    let sum: Vec3 = faces.map(|&face| face_normals[usize::from(face)]).sum();
                    vertex[4..7].copy_from_slice(&sum.normalize_or(Vec3::Z).to_array());
                }
            },
        );
    }
}

/// Where a vertex is.
pub(crate) fn position(vertices: &[Vertex], vertex: u16) -> Vec3 {
    let [x, y, z, ..] = vertices[usize::from(vertex)];
    Vec3::new(x, y, z)
}

/// The triangles round each weld, in order: for each vertex where its weld's list starts and ends, and the lists.
fn fans(triangles: &[[u16; 3]], weld: &[u16]) -> (Vec<[u32; 2]>, Vec<u16>) {
    let mut start = vec![0u32; weld.len() + 1];
    let corners =
        || (triangles.iter().enumerate()).flat_map(|(t, corners)| corners.map(|v| (t, weld[usize::from(v)])));
    for (_, vertex) in corners() {
        start[usize::from(vertex) + 1] += 1;
    }
    for vertex in 0..weld.len() {
        start[vertex + 1] += start[vertex];
    }
    let mut fans = vec![0; triangles.len() * 3];
    let mut next = start.clone();
    for (triangle, vertex) in corners() {
        let at = &mut next[usize::from(vertex)];
        fans[*at as usize] = triangle as u16; // a mesh has at most 40,000
        *at += 1;
    }
    (weld.iter().map(|&w| [start[usize::from(w)], start[usize::from(w) + 1]]).collect(), fans)
}

/// How each joint moves what is bound to it, in the rest frame (see the codec's reference for the rules).
pub(crate) fn joint_transforms(
    skeleton: &Skeleton,
    gaze: Gaze,
    head: &HeadPose,
    transforms: &mut Vec<Affine3A>,
) {
    let half = Quat::from_scaled_axis(head.rotation_vector() * 0.5);
    transforms.clear();
    for joint in &skeleton.joints {
        let rotation = match joint.role {
            JointRole::Neck | JointRole::Head => half,
            JointRole::EyeLeft => gaze.left_rotation(),
            JointRole::EyeRight => gaze.right_rotation(),
            JointRole::Torso | JointRole::Jaw => Quat::IDENTITY,
        };
        let turn = Affine3A::from_rotation_translation(rotation, joint.position - rotation * joint.position);
        let parent = joint.parent.and_then(|parent| transforms.get(usize::from(parent)).copied());
        transforms.push(parent.unwrap_or(Affine3A::from_translation(head.translation)) * turn);
    }
}

struct CoefficientsKernel<'a> {
    weights: &'a GeometryWeights,
    condition: &'a [f32],
    hidden: &'a mut [[f32; LANES]],
    coefficients: &'a mut [[f32; LANES]],
    skipped: &'a mut [[f32; LANES]],
}

impl Kernel for CoefficientsKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { weights, condition, hidden, coefficients, skipped } = self;
        weights.first.apply(s, condition, hidden, true);
        for (hidden, neutral) in hidden.as_flattened_mut().iter_mut().zip(&weights.neutral_hidden) {
            *hidden -= neutral;
        }
        weights.second.apply(s, hidden.as_flattened(), coefficients, false);
        weights.skip.apply(s, condition, skipped, false);
        let both = coefficients.as_flattened_mut().iter_mut().zip(skipped.as_flattened());
        for ((coefficient, skipped), step) in both.zip(&weights.basis_step).take(weights.second.outputs) {
            *coefficient = (*coefficient + skipped) * step;
        }
    }
}

struct SkinKernel<'a> {
    weights: &'a GeometryWeights,
    /// The first block.
    first: usize,
    /// Metres a basis step.
    coefficients: &'a [f32],
    joints: &'a [Affine3A],
    vertices: &'a mut [Vertex],
}

impl Kernel for SkinKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { weights, first, coefficients, joints, vertices } = self;
        let rank = weights.second.outputs;
        let zero = s.splat(0.0);
        for (i, vertices) in vertices.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let block = first + i;
            let mut p = each!(axis < 3 => s.load(&weights.mean[block][axis]));
            let basis = &weights.basis[block * rank..(block + 1) * rank];
            for (offsets, &coefficient) in basis.iter().zip(coefficients) {
                let coefficient = s.splat(coefficient);
                for axis in 0..3 {
                    p[axis] = s.mul_add(s.load_i8(&offsets[axis]), coefficient, p[axis]);
                }
            }
            // The mean of the joints' matrices, weighted, by columns; then its product with the position.
            let mut matrix = [[zero; 3]; 4];
            let bindings = weights.binding_start[block] as usize..weights.binding_start[block + 1] as usize;
            for Binding { joint, weights } in &weights.bindings[bindings] {
                let Some(transform) = joints.get(usize::from(*joint)) else { continue };
                let weights = s.load(weights);
                let columns = transform.to_cols_array_2d();
                for column in 0..4 {
                    for row in 0..3 {
                        matrix[column][row] =
                            s.mul_add(s.splat(columns[column][row]), weights, matrix[column][row]);
                    }
                }
            }
            let [x, y, z] = each!(row < 3 => {
                let sum = s.mul_add(matrix[0][row], p[0], matrix[3][row]);
                s.mul_add(matrix[2][row], p[2], s.mul_add(matrix[1][row], p[1], sum))
            });
            let [u, v] = each!(axis < 2 => s.load(&weights.uv[block][axis]));
            for (row, vertex) in s.transpose([x, y, z, u, zero, zero, zero, v]).into_iter().zip(vertices) {
                s.store(row, vertex);
            }
        }
    }
}
