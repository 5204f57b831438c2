//! glTF and VRM to a [`Cartoon`].

use std::path::Path;

use glam::{Affine3A, Mat4};
use gltf::Semantic;
use gltf::json;
use gltf::json::validation::Checked;

use super::files::{self, Folder};
use super::picture::Pictures;
use super::targets::Morphed;
use super::{Source, container, limits, rigging, targets, warn};
use crate::cartoon::vrm::{Document, Vrm};
use crate::cartoon::{Cartoon, CartoonNode, CartoonPart, Influence, Rig, Skin, UnitReport};
use crate::error::{LoadError, Reason};
use crate::scene::Scene;

impl Cartoon {
    /// Reads a `.glb`, `.gltf` or `.vrm` file, with buffers and pictures inside it or in its folder.
    ///
    /// # Errors
    /// [`LoadError`] names the file, the field, the reason and what helps: also if nothing in it is moved by a face. What can
    /// be shown all the same is told by [`Cartoon::warnings`] instead.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let (bytes, file, folder) = files::open(path)?;
        load(&bytes, &file, folder)
    }

    /// Reads a cartoon from bytes that hold everything; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_glb(bytes: &[u8], name: &str) -> Result<Self, LoadError> {
        load(bytes, name, Folder::None)
    }
}

/// What loading needs beside the cartoon itself.
pub(super) struct Reading<'a> {
    pub(super) root: &'a json::Root,
    pub(super) vrm: Option<Vrm>,
    /// By the file's numbers of nodes, ours.
    pub(super) nodes: Vec<Option<usize>>,
    /// By our numbers of nodes, the file's.
    pub(super) file_nodes: Vec<usize>,
    /// By the file's numbers of meshes: number of the first target's weight, and names of all.
    pub(super) targets: Vec<(usize, Vec<String>)>,
    /// At rest, in the file's frame.
    pub(super) model_from_node: Vec<Affine3A>,
}

fn load(bytes: &[u8], file: &str, folder: Folder) -> Result<Cartoon, LoadError> {
    let (root, binary, text) = container::split(bytes, file)?;
    let mut source = Source { file, root: &root, buffers: Vec::new(), folder };
    source.check_counts()?;
    source.buffers = source.read_buffers(binary)?;
    let document: Document =
        serde_json::from_slice(text).map_err(|error| source.broken("extensions (VRM)", error.to_string()))?;
    let vrm = document.vrm();

    let mut look = Scene { name: file.to_owned(), ..Scene::default() };
    let mut pictures = Pictures::default();
    source.materials(&mut look, &mut pictures, 1.0)?;
    pictures.store(&mut look);
    if vrm.is_some() {
        // Toon shaders of VRM mark their materials as unlit for programs that don't know them: they are lit.
        look.materials.iter_mut().for_each(|material| material.unlit = false);
    }
    let mut cartoon = Cartoon {
        look,
        nodes: Vec::new(),
        parts: Vec::new(),
        skins: Vec::new(),
        rest_weights: Vec::new(),
        expressions: Vec::new(),
        rig: Rig::default(),
        rest_from_model: Affine3A::IDENTITY,
        report: UnitReport::default(),
    };
    let mut reading = Reading {
        root: &root,
        vrm,
        nodes: vec![None; root.nodes.len()],
        file_nodes: Vec::new(),
        targets: Vec::new(),
        model_from_node: Vec::new(),
    };
    source.cartoon_nodes(&mut cartoon, &mut reading)?;
    source.count_targets(&mut cartoon, &mut reading)?;
    source.skins(&mut cartoon, &reading)?;
    rigging::find(&mut cartoon, &reading);
    rigging::express(&source, &mut cartoon, &reading)?;
    source.parts(&mut cartoon, &reading)?;
    rigging::place(&mut cartoon, &reading);
    rigging::keep_eyes_apart(&mut cartoon);
    if cartoon.parts.is_empty() {
        return Err(source.broken("meshes", "it has no triangles".to_owned()));
    }
    if !cartoon.report.is_driven() {
        return Err(source.error(
            "meshes[].extras.targetNames",
            Reason::Unsupported(
                "a head without a morph target that is called as one of ARKit's 52 blend shapes, and without VRM's expressions,"
                    .to_owned(),
            ),
        ));
    }
    Ok(cartoon)
}

impl Source<'_> {
    /// All nodes that the scene shows, parents first.
    fn cartoon_nodes(&self, cartoon: &mut Cartoon, reading: &mut Reading<'_>) -> Result<(), LoadError> {
        let mut stack: Vec<(usize, Option<usize>)> =
            self.roots()?.into_iter().rev().map(|root| (root, None)).collect();
        while let Some((index, parent)) = stack.pop() {
            let field = format!("nodes[{index}]");
            let missing = || self.broken(&field, "there is no such node".to_owned());
            let node = self.root.nodes.get(index).ok_or_else(missing)?;
            let number = cartoon.nodes.len();
            if reading.nodes[index].replace(number).is_some() {
                return Err(self.broken(&field, "it has two parents, or is its own ancestor".to_owned()));
            }
            let parent_from_node = self.transform(node, &field)?;
            let model_from_parent =
                parent.map_or(Affine3A::IDENTITY, |parent: usize| reading.model_from_node[parent]);
            let model_from_node = model_from_parent * parent_from_node;
            let reach = model_from_node.translation.abs().max_element();
            if !(model_from_node.is_finite() && reach <= limits::DISTANCE_M) {
                return Err(self.value(&field, &model_from_node, "finite, within 100 km of the origin"));
            }
            cartoon.nodes.push(CartoonNode { parent, parent_from_node });
            reading.file_nodes.push(index);
            reading.model_from_node.push(model_from_node);
            let children = node.children.iter().flatten().rev();
            stack.extend(children.map(|child| (child.value(), Some(number))));
        }
        Ok(())
    }

    /// Numbers for the weights of all meshes' targets, with their names.
    fn count_targets(&self, cartoon: &mut Cartoon, reading: &mut Reading<'_>) -> Result<(), LoadError> {
        let mut total = 0u64;
        for (i, mesh) in self.root.meshes.iter().enumerate() {
            let field = format!("meshes[{i}]");
            let counts = mesh.primitives.iter().map(|part| part.targets.as_ref().map_or(0, Vec::len));
            let count = counts.max().unwrap_or(0);
            total += count as u64;
            if total > limits::TARGETS {
                let (found, limit) = (total, limits::TARGETS);
                return Err(self.error(&field, Reason::TooMuch { what: "morph targets", found, limit }));
            }
            let first = cartoon.rest_weights.len();
            let given = mesh.weights.as_deref().unwrap_or_default();
            for target in 0..count {
                let weight = given.get(target).copied().unwrap_or(0.0);
                let weight = self.within(&format!("{field}.weights"), weight, -10.0, 10.0, "-10 to 10")?;
                cartoon.rest_weights.push(weight);
            }
            reading.targets.push((first, targets::names(mesh, count)));
        }
        Ok(())
    }

    fn skins(&self, cartoon: &mut Cartoon, reading: &Reading<'_>) -> Result<(), LoadError> {
        let mut total = 0u64;
        for (i, skin) in self.root.skins.iter().enumerate() {
            let field = format!("skins[{i}]");
            total += skin.joints.len() as u64;
            if total > limits::JOINTS {
                let (found, limit) = (total, limits::JOINTS);
                return Err(self.error(&field, Reason::TooMuch { what: "joints", found, limit }));
            }
            if skin.joints.is_empty() {
                return Err(self.broken(&field, "it has no joints".to_owned()));
            }
            let joints: Result<Vec<_>, _> = (skin.joints.iter())
                .map(|joint| {
                    let number = reading.nodes.get(joint.value()).copied().flatten();
                    number.ok_or_else(|| {
                        self.broken(&field, format!("its joint {} is no node of the scene", joint.value()))
                    })
                })
                .collect();
            let joints = joints?;
            let joint_from_model = match &skin.inverse_bind_matrices {
                None => vec![Affine3A::IDENTITY; joints.len()],
                Some(accessor) => {
                    let field = format!("{field}.inverseBindMatrices");
                    let matrices = self.floats::<16>(accessor.value() as u32, &field, joints.len() as u64)?;
                    if matrices.len() != joints.len() {
                        let (found, needed) = (matrices.len(), joints.len());
                        return Err(self.broken(&field, format!("{found} matrices for {needed} joints")));
                    }
                    let affine = |matrix: &[f32; 16]| Affine3A::from_mat4(Mat4::from_cols_array(matrix));
                    matrices.iter().map(affine).collect()
                }
            };
            cartoon.skins.push(Skin { joints, joint_from_model });
        }
        Ok(())
    }

    fn parts(&self, cartoon: &mut Cartoon, reading: &Reading<'_>) -> Result<(), LoadError> {
        let mut left = targets::Left::default();
        let (mut vertices, mut indices) = (0u64, 0u64);
        let mut used: Vec<bool> = cartoon.rest_weights.iter().map(|&weight| weight != 0.0).collect();
        for bind in cartoon.expressions.iter().flat_map(|expression| &expression.binds) {
            used[bind.target] = true;
        }
        for node in 0..cartoon.nodes.len() {
            let file_node = &reading.root.nodes[reading.file_nodes[node]];
            let field = format!("nodes[{}]", reading.file_nodes[node]);
            let Some(mesh) = &file_node.mesh else { continue };
            let number = mesh.value();
            let mesh = self.root.meshes.get(number);
            let mesh = mesh.ok_or_else(|| self.broken(&field, format!("there is no mesh {number}")))?;
            let skin = file_node.skin.as_ref().map(|skin| skin.value());
            if let Some(skin) = skin.filter(|&skin| skin >= cartoon.skins.len()) {
                return Err(self.broken(&field, format!("there is no skin {skin}")));
            }
            for (j, primitive) in mesh.primitives.iter().enumerate() {
                let field = format!("meshes[{number}].primitives[{j}]");
                let room = (limits::CARTOON_VERTICES - vertices, limits::CARTOON_INDICES - indices);
                let (mesh, sources) = match self.primitive(&cartoon.look, primitive, &field, room)? {
                    Ok(found) => found,
                    Err(reason) => {
                        warn(&mut cartoon.look, &field, format!("{reason}; left out"));
                        continue;
                    }
                };
                vertices += mesh.vertices.len() as u64;
                indices += mesh.indices.len() as u64;
                if cartoon.parts.len() as u64 >= limits::NODES {
                    let (found, limit) = (cartoon.parts.len() as u64 + 1, limits::NODES);
                    return Err(self.error(&field, Reason::TooMuch { what: "primitives", found, limit }));
                }
                let count = self.vertices_of(primitive, &field)?;
                let joints = skin.map_or(0, |skin| cartoon.skins[skin].joints.len());
                let mut influences = match skin {
                    Some(_) => self.influences(primitive, &field, count, joints)?,
                    None => Vec::new(),
                };
                if let Some(sources) = sources.as_deref().filter(|_| skin.is_some()) {
                    influences = sources.iter().map(|&source| influences[source as usize]).collect();
                }
                let (first, _) = reading.targets[number];
                let sources = sources.as_deref();
                let morphed = Morphed { primitive, mesh: &mesh, sources, count, first };
                let targets = self.targets(&morphed, &used, &field, &mut left)?;
                cartoon.parts.push(CartoonPart { node, skin, mesh, influences, targets });
            }
        }
        Ok(())
    }

    /// How many vertices the file has of a primitive that was read.
    fn vertices_of(&self, primitive: &json::mesh::Primitive, field: &str) -> Result<usize, LoadError> {
        let positions = primitive.attributes.get(&Checked::Valid(Semantic::Positions));
        let accessor = positions.and_then(|index| self.root.accessors.get(index.value()));
        accessor
            .and_then(|accessor| usize::try_from(accessor.count.0).ok())
            .ok_or_else(|| self.broken(field, "it has no positions".to_owned()))
    }

    /// Four joints and weights a vertex.
    fn influences(
        &self,
        primitive: &json::mesh::Primitive,
        field: &str,
        count: usize,
        joints: usize,
    ) -> Result<Vec<Influence>, LoadError> {
        let read = |semantic, name: &str| {
            let field = format!("{field}.attributes.{name}");
            let accessor = primitive.attributes.get(&Checked::Valid(semantic));
            let accessor =
                accessor.ok_or_else(|| self.broken(&field, "a skinned part needs it".to_owned()))?;
            let found = self.floats::<4>(accessor.value() as u32, &field, count as u64)?;
            match found.len() == count {
                true => Ok(found),
                false => Err(self.broken(&field, format!("{} elements for {count} vertices", found.len()))),
            }
        };
        let numbers = read(Semantic::Joints(0), "JOINTS_0")?;
        let weights = read(Semantic::Weights(0), "WEIGHTS_0")?;
        let mut out = Vec::with_capacity(count);
        for (numbers, weights) in numbers.into_iter().zip(weights) {
            let weights = weights.map(|weight| weight.clamp(0.0, 1.0));
            let sum: f32 = weights.iter().sum();
            // Where nothing carries a vertex, the first joint does.
            let weights = if sum > 1e-6 { weights.map(|weight| weight / sum) } else { [1.0, 0.0, 0.0, 0.0] };
            for (number, weight) in numbers.iter().zip(weights) {
                if weight > 0.0 && !(0.0..joints as f32).contains(number) {
                    let field = format!("{field}.attributes.JOINTS_0");
                    return Err(self.broken(&field, format!("joint {number} of {joints}")));
                }
            }
            let joints = std::array::from_fn(|i| if weights[i] > 0.0 { numbers[i] as u16 } else { 0 });
            out.push(Influence { joints, weights });
        }
        Ok(out)
    }
}
