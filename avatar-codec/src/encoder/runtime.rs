//! What runs a graph: pure Rust (tract) by default, a loaded ONNX Runtime where a caller names its library.
//!
//! `ort`, through which ONNX Runtime is called, keeps one table of functions for the whole process, set once. So it is
//! left untouched until a caller names a library: an embedder that uses `ort` itself keeps its own. For the same reason
//! tract is called as it is and not as `ort`'s back end (`ort-tract`): with that in the table, no ONNX Runtime could be
//! compared with it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tract_onnx::prelude::{
    Framework as _, InferenceModelExt as _, IntoRunnable as _, IntoTValue as _, Tensor, TypedRunnableModel,
    tvec,
};

use super::graph::Graph;

/// Why a graph can't be made ready or run.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The pure-Rust runtime refuses it.
    #[error("tract can't run the graph: {0}")]
    Tract(String),
    /// ONNX Runtime refuses it.
    #[error("ONNX Runtime can't run the graph: {0}")]
    OnnxRuntime(String),
    /// The library can't be loaded.
    #[error("{path}: not a usable ONNX Runtime: {reason}")]
    Library {
        /// The library.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A process can load one ONNX Runtime.
    #[error("{asked}: this process has loaded {loaded}, and can't load another ONNX Runtime")]
    OtherLibrary {
        /// The one that is loaded.
        loaded: PathBuf,
        /// The one that was asked for.
        asked: PathBuf,
    },
    /// The loaded library computes something else.
    #[error("{path} disagrees with tract by {difference} on a component of r, allowed: {allowed}")]
    Disagrees {
        /// The library.
        path: PathBuf,
        /// The largest difference.
        difference: f32,
        /// How large it may be.
        allowed: f32,
    },
    /// The result isn't k finite numbers.
    #[error("the graph's result isn't {expected} finite numbers")]
    Result {
        /// k.
        expected: usize,
    },
}

/// Runs one graph. Values of each input come in the order of the graph's inputs, the last dimension first.
pub(super) trait Runtime: Send {
    fn run(&mut self, inputs: &[&[f32]]) -> Result<Vec<f32>, RuntimeError>;
}

/// The pure-Rust runtime.
pub(super) struct Tract {
    plan: std::sync::Arc<TypedRunnableModel>,
    shapes: Vec<Vec<usize>>,
}

impl Tract {
    /// Optimises a checked graph.
    pub(super) fn new(graph: &Graph) -> Result<Self, RuntimeError> {
        let file = graph.write();
        let plan = tract_onnx::onnx()
            .model_for_read(&mut &file[..])
            .and_then(|model| model.into_optimized())
            .and_then(|model| model.into_runnable())
            .map_err(|error| RuntimeError::Tract(format!("{error:#}")))?;
        Ok(Self { plan, shapes: shapes(graph) })
    }
}

impl Runtime for Tract {
    fn run(&mut self, inputs: &[&[f32]]) -> Result<Vec<f32>, RuntimeError> {
        let failed = |error| RuntimeError::Tract(format!("{error:#}"));
        let mut tensors = tvec!();
        for (shape, values) in self.shapes.iter().zip(inputs) {
            tensors.push(Tensor::from_shape(shape, values).map_err(failed)?.into_tvalue());
        }
        let outputs = self.plan.run(tensors).map_err(failed)?;
        let output = outputs.first().ok_or_else(|| RuntimeError::Tract("no result".into()))?;
        let view = output.to_plain_array_view::<f32>().map_err(failed)?;
        Ok(view.iter().copied().collect())
    }
}

fn shapes(graph: &Graph) -> Vec<Vec<usize>> {
    graph.inputs.iter().map(|port| port.shape.clone()).collect()
}

/// The library that this process has loaded.
static LOADED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);

/// A loaded ONNX Runtime, 1.17 or later. It stays loaded until the process ends.
#[derive(Clone)]
pub struct OnnxRuntime {
    path: PathBuf,
    environment: ort::environment::Environment,
}

impl std::fmt::Debug for OnnxRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxRuntime").field("path", &self.path).finish_non_exhaustive()
    }
}

impl OnnxRuntime {
    /// Loads the library at `path`. Loading runs code of it: the path must come from who runs the program, never from
    /// a file. Asking for the same library again returns the loaded one.
    ///
    /// Sets `ort`'s one table of functions and its one environment for the process. Where the embedder uses the same
    /// version of `ort` and has set them, this fails, and theirs stay.
    ///
    /// # Errors
    /// If there is no such library, it isn't an ONNX Runtime of 1.17 or later, or an environment of `ort` is there already.
    pub fn load(path: &Path) -> Result<Self, RuntimeError> {
        let failed = |reason: String| RuntimeError::Library { path: path.to_owned(), reason };
        // `ort` takes relative paths as relative to the program; a shell's user doesn't.
        let path = path.canonicalize().map_err(|error| failed(error.to_string()))?;
        let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*loaded {
            Some(runtime) if runtime.path == path => return Ok(runtime.clone()),
            Some(runtime) => {
                return Err(RuntimeError::OtherLibrary { loaded: runtime.path.clone(), asked: path });
            }
            None => {}
        }
        let environment = ort::init_from(&path)
            .map_err(|error| failed(error.to_string()))?
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let runtime = Self { path, environment };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// The library.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A graph in ONNX Runtime, on one thread.
pub(super) struct Loaded {
    session: ort::session::Session,
    inputs: Vec<(String, Vec<usize>)>,
}

impl Loaded {
    pub(super) fn new(graph: &Graph, runtime: &OnnxRuntime) -> Result<Self, RuntimeError> {
        let session = ort::session::Session::builder(&runtime.environment)
            .and_then(|builder| Ok(builder.with_intra_threads(1)?))
            .and_then(|mut builder| builder.commit_from_memory(&graph.write()))
            .map_err(|error| RuntimeError::OnnxRuntime(error.to_string()))?;
        let inputs = graph.inputs.iter().map(|port| (port.name.clone(), port.shape.clone())).collect();
        Ok(Self { session, inputs })
    }
}

impl Runtime for Loaded {
    fn run(&mut self, inputs: &[&[f32]]) -> Result<Vec<f32>, RuntimeError> {
        let failed = |error: ort::Error| RuntimeError::OnnxRuntime(error.to_string());
        let mut values = Vec::with_capacity(inputs.len());
        for ((name, shape), data) in self.inputs.iter().zip(inputs) {
            let tensor = ort::value::Tensor::from_array((shape.clone(), data.to_vec())).map_err(failed)?;
            values.push((name.as_str(), tensor));
        }
        let outputs = self.session.run(values).map_err(failed)?;
        let output = outputs
            .get("residual")
            .ok_or_else(|| RuntimeError::OnnxRuntime("it returns nothing of the name `residual`".into()))?;
        let (_, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
        Ok(values.to_vec())
    }
}
