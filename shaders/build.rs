//! Validates every module and writes it for every back end, so that a mistake in a shader fails the build of whoever
//! uses it, with naga's message, instead of the first frame on somebody else's GPU.

#![allow(clippy::print_stdout, reason = "cargo reads it")]

use std::fmt::Display;
use std::process::ExitCode;

use naga::back::{glsl, hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, SourceLocation};

#[allow(unreachable_pub, reason = "they are the library's")]
#[path = "src/modules.rs"]
mod modules;

use modules::{ALL, MULTIVIEW, Shader};

/// What WebGPU's core has and naga counts as a capability: `unpack2x16float`.
const CORE: Capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=wgsl");
    // Modules share files, so one mistake would be told many times: the first is enough.
    match ALL.iter().try_for_each(|&shader| check(shader)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check(shader: Shader) -> Result<(), String> {
    let (module, info) = validated(shader)?;
    let refused =
        |back_end, error| format!("wgsl/{}.wgsl can't be written for {back_end}: {error}", shader.name);
    spir_v(&module, &info).map_err(|error| refused("Vulkan", error))?;
    metal(shader, &module, &info).map_err(|error| refused("Metal", error))?;
    direct_x(shader, &module, &info).map_err(|error| refused("Direct3D 12", error))?;
    gles(&module, &info).map_err(|error| refused("OpenGL ES 3.1", error))
}

/// The module, valid with no more than it may use: several views only where its list says so.
fn validated(shader: Shader) -> Result<(Module, ModuleInfo), String> {
    let Shader { name, source, .. } = shader;
    let capabilities = if MULTIVIEW.contains(&shader) { CORE | Capabilities::MULTIVIEW } else { CORE };
    let module = naga::front::wgsl::parse_str(source).map_err(|error| {
        told(shader, error.location(source), &error.emit_to_string_with_path(source, name))
    })?;
    let info = Validator::new(ValidationFlags::all(), capabilities).validate(&module).map_err(|error| {
        told(shader, error.location(source), &error.emit_to_string_with_path(source, name))
    })?;
    // Back ends want pipeline constants as constants.
    let (module, info) =
        naga::back::pipeline_constants::process_overrides(&module, &info, None, &Default::default())
            .map_err(|error| format!("wgsl/{name}.wgsl: {error}"))?;
    Ok((module.into_owned(), info.into_owned()))
}

/// naga's message, whose lines count from the start of the module, under the file and line where the mistake is.
fn told(shader: Shader, location: Option<SourceLocation>, message: &str) -> String {
    let made_of = shader.files.join(" + ");
    let place = location.and_then(|location| place(shader, location.line_number as usize));
    let place = place.unwrap_or_else(|| format!("wgsl/{}.wgsl", shader.name));
    format!("{place}: in the module {} ({made_of}):\n{message}", shader.name)
}

/// The file and the line of it that a module's line, counted from 1, comes from.
fn place(shader: Shader, line: usize) -> Option<String> {
    let mut line = line;
    for file in shader.files {
        let path = format!("wgsl/{file}.wgsl");
        // With the line that each file ends in and the empty one after it.
        let lines = std::fs::read_to_string(&path).ok()?.matches('\n').count() + 1;
        if line <= lines {
            return Some(format!("{path}:{line}"));
        }
        line -= lines;
    }
    None
}

fn spir_v(module: &Module, info: &ModuleInfo) -> Result<(), String> {
    spv::write_vec(module, info, &spv::Options::default(), None).map_err(|error| error.to_string())?;
    Ok(())
}

fn metal(shader: Shader, module: &Module, info: &ModuleInfo) -> Result<(), String> {
    // Metal tells views apart from 2.2 on.
    let lang_version = if MULTIVIEW.contains(&shader) { (2, 2) } else { (2, 0) };
    let options = msl::Options { lang_version, fake_missing_bindings: true, ..Default::default() };
    let (_, written) =
        msl::write_string(module, info, &options, &Default::default()).map_err(|error| error.to_string())?;
    every_entry_point(written.entry_point_names)
}

fn direct_x(shader: Shader, module: &Module, info: &ModuleInfo) -> Result<(), String> {
    let mut options = hlsl::Options { fake_missing_bindings: true, ..Default::default() };
    if MULTIVIEW.contains(&shader) {
        options.shader_model = hlsl::ShaderModel::V6_1;
    }
    let mut text = String::new();
    let pipeline = hlsl::PipelineOptions::default();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(module, info, None)
        .map_err(|error| error.to_string())?;
    every_entry_point(written.entry_point_names)
}

/// An entry point that couldn't be written doesn't fail the module that it is in.
fn every_entry_point<E: Display>(names: Vec<Result<String, E>>) -> Result<(), String> {
    names.into_iter().try_for_each(|name| name.map(|_| ())).map_err(|error| error.to_string())
}

fn gles(module: &Module, info: &ModuleInfo) -> Result<(), String> {
    let options = glsl::Options { version: glsl::Version::new_gles(310), ..Default::default() };
    for entry in &module.entry_points {
        let pipeline = glsl::PipelineOptions {
            shader_stage: entry.stage,
            entry_point: entry.name.clone(),
            multiview: None,
        };
        let mut text = String::new();
        let policies = naga::proc::BoundsCheckPolicies::default();
        glsl::Writer::new(&mut text, module, info, &options, &pipeline, policies)
            .and_then(|mut writer| writer.write())
            .map_err(|error| format!("{}: {error}", entry.name))?;
    }
    Ok(())
}
