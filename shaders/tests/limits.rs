//! No module asks for more than the weakest supported device has. That each is valid, and that every back end can be given
//! it, is said by the build.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};
use visavis_shaders::{ALL, Shader};

fn parse(shader: Shader) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(shader.source).expect(shader.name);
    let info =
        Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module).expect(shader.name);
    (module, info)
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
            let (mut uniforms, mut textures, mut samplers) = (0, 0, 0);
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
                        uniforms += 1;
                        let size = module.types[variable.ty].inner.size(module.to_ctx());
                        assert!(size <= 16 << 10, "{}: a uniform of {size} bytes", shader.name);
                    }
                    AddressSpace::Handle => match module.types[variable.ty].inner {
                        TypeInner::Image { class: ImageClass::Storage { .. }, .. } => {
                            storage_textures += 1;
                        }
                        TypeInner::Image { .. } => textures += 1,
                        TypeInner::Sampler { .. } => samplers += 1,
                        _ => {}
                    },
                    _ => {}
                }
            }
            assert!(storage_buffers <= 4, "{} {}: {storage_buffers}", shader.name, entry.name);
            assert!(storage_textures <= 4, "{} {}: {storage_textures}", shader.name, entry.name);
            assert!(uniforms <= 12, "{} {}: {uniforms}", shader.name, entry.name);
            assert!(textures <= 16 && samplers <= 16, "{} {}", shader.name, entry.name);
            let invocations: u32 = entry.workgroup_size.iter().product();
            assert!(invocations <= 256, "{} {}", shader.name, entry.name);
        }
    }
}
