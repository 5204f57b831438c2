//! Every module is valid WGSL without any optional feature (but those for several views), and every back end can be
//! given it.

use naga::back::{glsl, hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};
use visavis_shaders::{ALL, MULTIVIEW, Shader};

/// What WebGPU's core has and naga counts as a capability: `unpack2x16float`.
const CORE: Capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;

/// What a module may use: several views only where its name says so.
fn capabilities(shader: Shader) -> Capabilities {
    if MULTIVIEW.contains(&shader) { CORE | Capabilities::MULTIVIEW } else { CORE }
}

fn parse(shader: Shader) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(shader.source)
        .unwrap_or_else(|error| panic!("{}: {}", shader.name, error.emit_to_string(shader.source)));
    let info = Validator::new(ValidationFlags::all(), capabilities(shader))
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}: {}", shader.name, error.emit_to_string(shader.source)));
    // Back ends want pipeline constants as constants.
    let (module, info) =
        naga::back::pipeline_constants::process_overrides(&module, &info, None, &Default::default())
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
    (module.into_owned(), info.into_owned())
}

#[test]
fn spir_v() {
    for &shader in ALL {
        let (module, info) = parse(shader);
        let words = spv::write_vec(&module, &info, &spv::Options::default(), None)
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        assert_eq!(words[0], 0x0723_0203, "{}", shader.name);
    }
}

#[test]
fn metal() {
    for &shader in ALL {
        let (module, info) = parse(shader);
        // Metal tells views apart from 2.2 on.
        let lang_version = if MULTIVIEW.contains(&shader) { (2, 2) } else { (2, 0) };
        let options = msl::Options { lang_version, fake_missing_bindings: true, ..Default::default() };
        let (text, _) = msl::write_string(&module, &info, &options, &Default::default())
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        for entry in &module.entry_points {
            assert!(text.contains(&entry.name), "{}: {}", shader.name, entry.name);
        }
    }
}

#[test]
fn direct_x() {
    for &shader in ALL {
        let (module, info) = parse(shader);
        let mut options = hlsl::Options { fake_missing_bindings: true, ..Default::default() };
        if MULTIVIEW.contains(&shader) {
            options.shader_model = hlsl::ShaderModel::V6_1;
        }
        let mut text = String::new();
        let pipeline = hlsl::PipelineOptions::default();
        hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&module, &info, None)
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        for entry in &module.entry_points {
            assert!(text.contains(&entry.name), "{}: {}", shader.name, entry.name);
        }
    }
}

#[test]
fn gles_3_1() {
    for &shader in ALL {
        let (module, info) = parse(shader);
        for entry in &module.entry_points {
            let options = glsl::Options { version: glsl::Version::new_gles(310), ..Default::default() };
            let pipeline = glsl::PipelineOptions {
                shader_stage: entry.stage,
                entry_point: entry.name.clone(),
                multiview: None,
            };
            let mut text = String::new();
            let written = glsl::Writer::new(
                &mut text,
                &module,
                &info,
                &options,
                &pipeline,
                naga::proc::BoundsCheckPolicies::default(),
            )
            .and_then(|mut writer| writer.write());
            written.unwrap_or_else(|error| panic!("{} {}: {error}", shader.name, entry.name));
            assert!(text.starts_with("#version 310 es"), "{} {}", shader.name, entry.name);
        }
    }
}

/// What [downlevel limits](https://docs.rs/wgpu/latest/wgpu/struct.Limits.html) allow, counted from the modules.
#[test]
fn downlevel_limits() {
    use naga::{AddressSpace, ImageClass, StorageAccess, TypeInner};
    for &shader in ALL {
        let (module, info) = parse(shader);
        for (index, entry) in module.entry_points.iter().enumerate() {
            let used = info.get_entry_point(index);
            let mut storage_buffers = 0;
            let mut storage_textures = 0;
            for (handle, variable) in module.global_variables.iter() {
                if used[handle].is_empty() {
                    continue;
                }
                match variable.space {
                    AddressSpace::Storage { access } => {
                        storage_buffers += 1;
                        // Vertex and fragment stages may only read.
                        assert!(
                            entry.stage == ShaderStage::Compute || !access.contains(StorageAccess::STORE),
                            "{} {}",
                            shader.name,
                            entry.name
                        );
                    }
                    AddressSpace::Uniform => {
                        let size = module.types[variable.ty].inner.size(module.to_ctx());
                        assert!(size <= 16 << 10, "{}: a uniform of {size} bytes", shader.name);
                    }
                    AddressSpace::Handle => {
                        if let TypeInner::Image { class: ImageClass::Storage { .. }, .. } =
                            module.types[variable.ty].inner
                        {
                            storage_textures += 1;
                        }
                    }
                    _ => {}
                }
            }
            assert!(storage_buffers <= 4, "{} {}: {storage_buffers}", shader.name, entry.name);
            assert!(storage_textures <= 4, "{} {}: {storage_textures}", shader.name, entry.name);
            let invocations: u32 = entry.workgroup_size.iter().product();
            assert!(invocations <= 256, "{} {}", shader.name, entry.name);
        }
    }
}
