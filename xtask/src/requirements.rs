//! What a machine needs beside Rust, and how we see whether it is there.

use std::path::{Path, PathBuf};

use crate::packages::{Manager, find_program};
use crate::process::Failure;

/// What the machine is made ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Rendering: any adapter will do.
    Demo,
    /// Tests: they pick the software adapter on purpose, so that every machine compares the same pixels.
    Tests,
}

/// Something that has to be on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// An adapter to composite on: a GPU's driver, or lavapipe.
    Vulkan,
    /// lavapipe, Mesa's Vulkan on the CPU.
    SoftwareVulkan,
    /// Khronos' validation layer: tests fail for what it says about our use of Vulkan.
    ValidationLayer,
    /// Writes and reads video files.
    Ffmpeg,
    /// Builds the ꟻLIP metric, which is C++.
    CppCompiler,
    /// Builds the examples and tests of the C interface.
    CCompiler,
    /// Builds Opus, the voice codec.
    Cmake,
    /// What microphone and speakers (feature `audio`) are built with.
    SoundHeaders,
}

impl Requirement {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
        Self::Vulkan,
        Self::SoftwareVulkan,
        Self::ValidationLayer,
        Self::Ffmpeg,
        Self::CppCompiler,
        Self::CCompiler,
        Self::Cmake,
        Self::SoundHeaders,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Vulkan => "a Vulkan driver",
            Self::SoftwareVulkan => "lavapipe (Vulkan on the CPU)",
            Self::ValidationLayer => "the Vulkan validation layer",
            Self::Ffmpeg => "ffmpeg",
            Self::CppCompiler => "a C++ compiler",
            Self::CCompiler => "a C compiler",
            Self::Cmake => "CMake",
            Self::SoundHeaders => "ALSA's headers",
        }
    }

    /// What of this is on the machine, in words, or `None`.
    fn find(self) -> Option<String> {
        match self {
            Self::Vulkan => find_adapter(),
            Self::SoftwareVulkan => find_software_adapter(),
            Self::ValidationLayer => find_validation_layer(),
            Self::Ffmpeg => find_program("ffmpeg").map(|path| path.display().to_string()),
            Self::CppCompiler => find_compiler("CXX", "c++"),
            Self::CCompiler => find_compiler("CC", "cc"),
            Self::Cmake => find_cmake(),
            Self::SoundHeaders => find_sound_headers(),
        }
    }
}

/// Looks for everything that `purpose` needs and installs what is missing.
pub(crate) fn set_up(purpose: Purpose, may_install: bool) -> Result<(), Failure> {
    let own: &[Requirement] = match purpose {
        Purpose::Demo => &[Requirement::Vulkan],
        Purpose::Tests => &[
            Requirement::SoftwareVulkan,
            Requirement::ValidationLayer,
            Requirement::SoundHeaders,
            Requirement::CCompiler,
        ],
    };
    let always = [Requirement::Ffmpeg, Requirement::CppCompiler, Requirement::Cmake];
    let needed = own.iter().copied().chain(always);
    let mut missing = Vec::new();
    eprintln!("xtask: what this machine has");
    for requirement in needed {
        match requirement.find() {
            Some(what) => eprintln!("  {}: {what}", requirement.name()),
            None => {
                eprintln!("  {}: missing", requirement.name());
                missing.push(requirement);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ");
    let manager = Manager::find().ok_or_else(|| {
        let hint = if cfg!(windows) { " (ffmpeg: `winget install ffmpeg`)" } else { "" };
        Failure(format!(
            "missing: {names}, and no package manager that we know is here; please install it{hint}"
        ))
    })?;
    manager.install(&missing, may_install)?;
    // An installation that ends well may still lack what we look for: better said here than deep in a test.
    match missing.into_iter().find(|requirement| requirement.find().is_none()) {
        None => Ok(()),
        Some(still) => Err(Failure(format!(
            "{} is still not found after it was installed; is another architecture's package in the way?",
            still.name()
        ))),
    }
}

fn find_adapter() -> Option<String> {
    if cfg!(target_os = "macos") {
        return Some("Metal, part of the system".to_owned());
    }
    if cfg!(windows) {
        return Some("DirectX 12, part of the system".to_owned());
    }
    find_loader()?;
    // A driver's manifest says nothing about the hardware: Mesa installs all of its drivers everywhere.
    let has_gpu = has_render_node() || Path::new("/dev/nvidiactl").exists() || Path::new("/dev/dxg").exists();
    let gpu = driver_manifests().into_iter().find(|path| has_gpu && !is_software(path));
    gpu.map(|path| path.display().to_string()).or_else(find_software_adapter)
}

fn find_software_adapter() -> Option<String> {
    if cfg!(target_os = "macos") {
        return Some("none on macOS; tests use Metal".to_owned());
    }
    if cfg!(windows) {
        return Some("WARP, part of the system".to_owned());
    }
    find_loader()?;
    driver_manifests().into_iter().find(|path| is_software(path)).map(|path| path.display().to_string())
}

fn is_software(manifest: &Path) -> bool {
    manifest.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_"))
}

/// The Vulkan loader, which finds and loads the drivers.
fn find_loader() -> Option<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let folders = [
        format!("/usr/lib/{architecture}-linux-gnu"),
        format!("/lib/{architecture}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
        "/usr/local/lib".to_owned(),
        "/run/opengl-driver/lib".to_owned(),
    ];
    let from_environment = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&from_environment)
        .chain(folders.into_iter().map(PathBuf::from))
        .map(|folder| folder.join("libvulkan.so.1"))
        .find(|library| library.exists())
}

/// Drivers that the Vulkan loader would find.
fn driver_manifests() -> Vec<PathBuf> {
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(files) = std::env::var_os(variable) {
            return std::env::split_paths(&files).filter(|path| path.is_file()).collect();
        }
    }
    manifests(VULKAN_FOLDERS.iter().map(|folder| Path::new(folder).join("icd.d")))
}

/// Where the Vulkan loader looks for manifests of drivers and of layers.
const VULKAN_FOLDERS: [&str; 4] =
    ["/usr/share/vulkan", "/etc/vulkan", "/usr/local/share/vulkan", "/run/opengl-driver/share/vulkan"];

fn manifests(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut manifests: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    manifests.sort();
    manifests
}

fn find_validation_layer() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("only for Vulkan, which tests use on Linux".to_owned());
    }
    layer_manifests()
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name == "VkLayer_khronos_validation.json"))
        .map(|path| path.display().to_string())
}

/// Layers that the Vulkan loader would find for a program that asks for them.
fn layer_manifests() -> Vec<PathBuf> {
    let added = std::env::var_os("VK_ADD_LAYER_PATH").unwrap_or_default();
    let system = VULKAN_FOLDERS.iter().map(|folder| Path::new(folder).join("explicit_layer.d"));
    // The first takes the place of the system's folders, the second stands beside them.
    match std::env::var_os("VK_LAYER_PATH") {
        Some(folders) => manifests(std::env::split_paths(&folders)),
        None => manifests(std::env::split_paths(&added).chain(system)),
    }
}

fn has_render_node() -> bool {
    std::fs::read_dir("/dev/dri").is_ok_and(|mut entries| {
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("renderD")))
    })
}

/// The compiler that a variable names, or that has this name, as the build scripts find it.
fn find_compiler(variable: &str, name: &str) -> Option<String> {
    if cfg!(windows) {
        return Some("comes with the MSVC toolchain that Rust needs".to_owned());
    }
    if let Some(compiler) = std::env::var_os(variable) {
        return Some(compiler.to_string_lossy().into_owned());
    }
    find_program(name).map(|path| path.display().to_string())
}

fn find_cmake() -> Option<String> {
    if let Some(program) = std::env::var_os("CMAKE") {
        return Some(program.to_string_lossy().into_owned());
    }
    find_program("cmake").map(|path| path.display().to_string())
}

fn find_sound_headers() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("not needed: sound is part of the system".to_owned());
    }
    // The crate that needs them asks pkg-config, which knows them wherever they are.
    let answer = std::process::Command::new("pkg-config").args(["--modversion", "alsa"]).output().ok()?;
    answer.status.success().then(|| format!("ALSA {}", String::from_utf8_lossy(&answer.stdout).trim()))
}
