//! The tree of places, with cameras and lamps.

use std::f32::consts::{FRAC_PI_2, PI};
use std::ops::Range;

use glam::{Affine3A, Mat4, Quat, Vec3};
use gltf::json;
use gltf::json::extensions::scene::khr_lights_punctual::{Light, Type};
use gltf::json::validation::Checked;
use visavis_codec::light::{Lamp, LampKind, MAX_STRENGTH};

use super::{Source, limits, warn};
use crate::error::{LoadError, Reason};
use crate::scene::{Camera, Node, Projection, Scene, SceneLamp};

impl Source<'_> {
    /// The nodes that the scene shows, parents first, and what they carry.
    pub(super) fn nodes(
        &self,
        scene: &mut Scene,
        meshes: &[Range<usize>],
        exposure: f32,
    ) -> Result<(), LoadError> {
        let mut seen = vec![false; self.root.nodes.len()];
        let mut stack: Vec<(usize, Option<usize>)> =
            self.roots()?.into_iter().rev().map(|root| (root, None)).collect();
        let mut draws = 0u64;
        while let Some((index, parent)) = stack.pop() {
            let field = format!("nodes[{index}]");
            let node = self
                .root
                .nodes
                .get(index)
                .ok_or_else(|| self.broken(&field, "there is no such node".to_owned()))?;
            if std::mem::replace(&mut seen[index], true) {
                return Err(self.broken(&field, "it has two parents, or is its own ancestor".to_owned()));
            }
            let parent_from_node = self.transform(node, &field)?;
            let world_from_parent =
                parent.map_or(Affine3A::IDENTITY, |parent| scene.nodes[parent].world_from_node);
            let world_from_node = world_from_parent * parent_from_node;
            let reach = world_from_node.translation.abs().max_element();
            if !(world_from_node.is_finite() && reach <= limits::DISTANCE_M) {
                return Err(self.value(&field, &world_from_node, "finite, within 100 km of the origin"));
            }
            let meshes = match &node.mesh {
                None => 0..0,
                Some(mesh) => match meshes.get(mesh.value()) {
                    Some(range) => range.clone(),
                    None => return Err(self.broken(&field, format!("there is no mesh {}", mesh.value()))),
                },
            };
            draws += meshes.len() as u64;
            if draws > limits::NODES {
                let (found, limit) = (draws, limits::NODES);
                return Err(self.error(&field, Reason::TooMuch { what: "meshes on nodes", found, limit }));
            }
            if node.skin.is_some() {
                warn(scene, &field, "skinned meshes stand as they were modelled");
            }
            let number = scene.nodes.len();
            let name = node.name.clone().unwrap_or_default();
            if let Some(camera) = &node.camera {
                let camera = self.camera(node, camera.value(), number, &name, &field)?;
                scene.cameras.push(camera);
            }
            let lamp = node.extensions.as_ref().and_then(|all| all.khr_lights_punctual.as_ref());
            if let Some(lamp) = lamp {
                let lamp = self.lamp(lamp.light.value(), &world_from_node, &name, &field, exposure)?;
                scene.lamps.push(lamp);
            }
            scene.nodes.push(Node { name, parent, parent_from_node, world_from_node, meshes });
            let children = node.children.iter().flatten().rev();
            stack.extend(children.map(|child| (child.value(), Some(number))));
        }
        // The strongest first: what white takes on in the middle of everything.
        let [low, high] = scene.bounds();
        let middle = (low + high) / 2.0;
        scene.lamps.sort_by(|a, b| b.strength(middle).total_cmp(&a.strength(middle)));
        Ok(())
    }

    pub(super) fn roots(&self) -> Result<Vec<usize>, LoadError> {
        let index = self.root.scene.as_ref().map_or(0, |index| index.value());
        match self.root.scenes.get(index) {
            Some(scene) => Ok(scene.nodes.iter().map(|node| node.value()).collect()),
            None if self.root.scene.is_some() => {
                Err(self.broken("scene", format!("there is no scene {index}")))
            }
            // A library of things without a scene: everything that nothing else holds.
            None => {
                let mut is_child = vec![false; self.root.nodes.len()];
                for child in self.root.nodes.iter().flat_map(|node| node.children.iter().flatten()) {
                    if let Some(is_child) = is_child.get_mut(child.value()) {
                        *is_child = true;
                    }
                }
                Ok((0..is_child.len()).filter(|&i| !is_child[i]).collect())
            }
        }
    }

    pub(super) fn transform(&self, node: &json::Node, field: &str) -> Result<Affine3A, LoadError> {
        if let Some(matrix) = node.matrix {
            let matrix = Mat4::from_cols_array(&matrix);
            let last = matrix.row(3);
            if !matrix.is_finite() || (last - glam::Vec4::W).abs().max_element() > 1e-3 {
                return Err(self.value(&format!("{field}.matrix"), &matrix, "finite and affine"));
            }
            return Ok(Affine3A::from_mat4(matrix));
        }
        let rotation = node.rotation.map_or(Quat::IDENTITY, |rotation| Quat::from_array(rotation.0));
        let length = rotation.length();
        if !(0.5..=2.0).contains(&length) {
            return Err(self.value(&format!("{field}.rotation"), &rotation, "a quaternion of length 1"));
        }
        let scale = Vec3::from(node.scale.unwrap_or([1.0; 3]));
        let translation = Vec3::from(node.translation.unwrap_or_default());
        if !scale.is_finite() || !translation.is_finite() {
            return Err(self.value(field, &(scale, translation), "finite numbers"));
        }
        Ok(Affine3A::from_scale_rotation_translation(scale, rotation.normalize(), translation))
    }

    fn camera(
        &self,
        node: &json::Node,
        index: usize,
        number: usize,
        name: &str,
        field: &str,
    ) -> Result<Camera, LoadError> {
        let camera = self.root.cameras.get(index);
        let camera = camera.ok_or_else(|| self.broken(field, format!("there is no camera {index}")))?;
        let field = format!("cameras[{index}]");
        let projection = match (&camera.perspective, &camera.orthographic) {
            (Some(lens), _) => Projection::Perspective {
                vertical_angle_rad: self.within(
                    &format!("{field}.yfov"),
                    lens.yfov,
                    1e-3,
                    3.1,
                    "0.001 to 3.1 radians",
                )?,
                near_m: self.within(&format!("{field}.znear"), lens.znear, 1e-6, 1e4, "more than 0")?,
            },
            (None, Some(lens)) => {
                let near_m = self.within(&format!("{field}.znear"), lens.znear, 0.0, 1e5, "0 and more")?;
                Projection::Orthographic {
                    half_height_m: self.within(
                        &format!("{field}.ymag"),
                        lens.ymag.abs(),
                        1e-6,
                        1e5,
                        "not 0",
                    )?,
                    near_m,
                    far_m: self.within(
                        &format!("{field}.zfar"),
                        lens.zfar,
                        near_m + 1e-6,
                        1e6,
                        "more than znear",
                    )?,
                }
            }
            (None, None) => return Err(self.broken(&field, "it has no lens".to_owned())),
        };
        let name = match (name, &camera.name) {
            ("", Some(name)) => name.clone(),
            _ => name.to_owned(),
        };
        let lens = self.lens_extras(node, &format!("nodes of {name}"))?;
        Ok(Camera { name, node: number, projection, lens })
    }

    fn lamp(
        &self,
        index: usize,
        world_from_node: &Affine3A,
        name: &str,
        field: &str,
        exposure: f32,
    ) -> Result<SceneLamp, LoadError> {
        let lights = self.lights();
        let light =
            lights.get(index).ok_or_else(|| self.broken(field, format!("there is no lamp {index}")))?;
        let field = format!("lights[{index}]");
        let mut color = [0.0; 3];
        for (to, c) in color.iter_mut().zip(light.color) {
            let c = self.within(&format!("{field}.color"), c, 0.0, 1e4, "0 and more")?;
            let intensity =
                self.within(&format!("{field}.intensity"), light.intensity, 0.0, 1e9, "0 and more")?;
            // Lux and candela: irradiance, over π it is the colour that white takes on.
            *to = (c * intensity * exposure / PI).min(MAX_STRENGTH);
        }
        // As cameras, lamps aren't scaled.
        let axis = world_from_node.transform_vector3(Vec3::NEG_Z).normalize_or(Vec3::NEG_Y);
        let position_m = Vec3::from(world_from_node.translation);
        let kind = match (&light.type_, &light.spot) {
            (Checked::Valid(Type::Directional), _) => {
                LampKind::Directional { to_lamp: -axis, angular_radius_rad: SUN_RADIUS_RAD }
            }
            (Checked::Valid(Type::Point), _) => LampKind::Point { position_m, radius_m: BULB_RADIUS_M },
            (Checked::Valid(Type::Spot), Some(spot)) => {
                let outer_rad = self.within(
                    &format!("{field}.spot.outerConeAngle"),
                    spot.outer_cone_angle,
                    1e-4,
                    FRAC_PI_2 + 1e-4,
                    "0 to π/2",
                )?;
                let outer_rad = outer_rad.min(FRAC_PI_2);
                let inner_rad = self.within(
                    &format!("{field}.spot.innerConeAngle"),
                    spot.inner_cone_angle,
                    0.0,
                    outer_rad,
                    "0 to the outer angle",
                )?;
                LampKind::Spot { position_m, radius_m: BULB_RADIUS_M, axis, inner_rad, outer_rad }
            }
            _ => {
                return Err(self.broken(
                    &field,
                    "its type is none of directional, point and spot, or its cone is missing".to_owned(),
                ));
            }
        };
        let range_m = match light.range {
            None => f32::INFINITY,
            Some(range) => self.within(&format!("{field}.range"), range, 1e-6, f32::MAX, "more than 0")?,
        };
        let name = if name.is_empty() { light.name.clone().unwrap_or_default() } else { name.to_owned() };
        Ok(SceneLamp { name, lamp: Lamp { kind, color }, range_m })
    }

    /// The lamps of the file.
    pub(super) fn lights(&self) -> &[Light] {
        let lights = self.root.extensions.as_ref().and_then(|all| all.khr_lights_punctual.as_ref());
        lights.map_or(&[], |all| &all.lights)
    }
}

/// The sun's, which directional lamps mostly are.
const SUN_RADIUS_RAD: f32 = 0.0047;
/// glTF's lamps are points; a bulb is not, and its highlight is seen.
const BULB_RADIUS_M: f32 = 0.03;
