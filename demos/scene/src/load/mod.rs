//! glTF and GLB to a [`Scene`].

mod accessor;
mod cartoon;
mod container;
mod extras;
mod files;
mod limits;
mod material;
mod mesh;
mod node;
mod picture;
mod rigging;
mod tangent;
mod targets;

use std::borrow::Cow;
use std::path::Path;

use gltf::json;
use visavis_codec::light::Ambient;

use crate::error::{LoadError, Reason, Warning};
use crate::scene::Scene;
use files::Folder;

/// Directions in which the surroundings are looked at for their light.
const AMBIENT_SAMPLES: usize = 4096;

/// The file while it is read.
struct Source<'a> {
    file: &'a str,
    root: &'a json::Root,
    buffers: Vec<Cow<'a, [u8]>>,
    folder: Folder,
}

impl Scene {
    /// Reads a `.glb` or `.gltf` file, with buffers and pictures inside it or in its folder.
    ///
    /// # Errors
    /// [`LoadError`] names the file, the field, the reason and what helps. What can be shown all the same (a missing
    /// picture, lines) is told in [`Scene::warnings`] instead.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let (bytes, file, folder) = files::open(path)?;
        load(&bytes, &file, folder)
    }

    /// Reads a scene from bytes that hold everything; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_glb(bytes: &[u8], name: &str) -> Result<Self, LoadError> {
        load(bytes, name, Folder::None)
    }
}

fn load(bytes: &[u8], file: &str, folder: Folder) -> Result<Scene, LoadError> {
    let (root, binary, _) = container::split(bytes, file)?;
    let mut source = Source { file, root: &root, buffers: Vec::new(), folder };
    source.check_counts()?;
    source.buffers = source.read_buffers(binary)?;
    let extras = source.scene_extras()?;
    let exposure = source.exposure(&extras);

    let mut scene = Scene { name: file.to_owned(), ..Scene::default() };
    let mut pictures = picture::Pictures::default();
    source.materials(&mut scene, &mut pictures, exposure)?;
    let meshes = source.meshes(&mut scene)?;
    source.nodes(&mut scene, &meshes, exposure)?;
    source.surroundings(&mut scene, &mut pictures, extras)?;
    pictures.store(&mut scene);
    scene.environment.ambient = Ambient::project(AMBIENT_SAMPLES, |direction| scene.radiance(direction));
    Ok(scene)
}

impl<'a> Source<'a> {
    fn error(&self, field: &str, reason: Reason) -> LoadError {
        LoadError { file: self.file.to_owned(), field: field.to_owned(), reason }
    }

    fn broken(&self, field: &str, text: String) -> LoadError {
        self.error(field, Reason::Broken(text))
    }

    fn value(&self, field: &str, found: &impl std::fmt::Debug, allowed: &'static str) -> LoadError {
        self.error(field, Reason::Value { found: format!("{found:?}"), allowed })
    }

    /// Whether a number is in a range; NaN is in none.
    fn within(
        &self,
        field: &str,
        x: f32,
        least: f32,
        most: f32,
        allowed: &'static str,
    ) -> Result<f32, LoadError> {
        if (least..=most).contains(&x) { Ok(x) } else { Err(self.value(field, &x, allowed)) }
    }

    fn check_counts(&self) -> Result<(), LoadError> {
        let root = self.root;
        let lamps = root.extensions.as_ref().and_then(|all| all.khr_lights_punctual.as_ref());
        for (field, what, found, limit) in [
            ("nodes", "nodes", root.nodes.len(), limits::NODES),
            ("meshes", "meshes", root.meshes.len(), limits::NODES),
            ("materials", "materials", root.materials.len(), limits::MATERIALS),
            ("textures", "textures", root.textures.len(), limits::MATERIALS),
            ("images", "pictures", root.images.len(), limits::MATERIALS),
            ("cameras", "cameras", root.cameras.len(), limits::MATERIALS),
            ("lights", "lamps", lamps.map_or(0, |lamps| lamps.lights.len()), limits::MATERIALS),
        ] {
            if found as u64 > limit {
                return Err(self.error(field, Reason::TooMuch { what, found: found as u64, limit }));
            }
        }
        Ok(())
    }

    fn read_buffers(&self, binary: Option<&'a [u8]>) -> Result<Vec<Cow<'a, [u8]>>, LoadError> {
        let mut buffers = Vec::new();
        let mut total = 0u64;
        for (i, buffer) in self.root.buffers.iter().enumerate() {
            let field = format!("buffers[{i}]");
            let length = buffer.byte_length.0;
            total = total.saturating_add(length);
            if total > limits::BUFFER_BYTES {
                let limit = limits::BUFFER_BYTES;
                return Err(
                    self.error(&field, Reason::TooMuch { what: "bytes of buffers", found: total, limit })
                );
            }
            let bytes: Cow<'a, [u8]> = match (&buffer.uri, binary) {
                (Some(uri), _) => self.folder.resolve(uri).map_err(|reason| self.error(&field, reason))?,
                (None, Some(binary)) if i == 0 => Cow::Borrowed(binary),
                (None, _) => {
                    return Err(self.broken(&field, "it has neither a URI nor the binary chunk".to_owned()));
                }
            };
            if (bytes.len() as u64) < length {
                return Err(self.broken(&field, format!("it has {} of {length} bytes", bytes.len())));
            }
            buffers.push(bytes);
        }
        Ok(buffers)
    }
}

fn warn(scene: &mut Scene, field: &str, text: impl Into<String>) {
    scene.warnings.push(Warning { field: field.to_owned(), text: text.into() });
}
