//! The Vulkan validation layer is at work in our tests: it hears a mistake that wgpu lets through, so that its silence
//! means something, and it is silent about every shader.

#![cfg(target_os = "linux")]

mod common;

use common::driver_log;
use naga::back::{pipeline_constants, spv};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use visavis::wgpu;
use visavis_shaders as shaders;

/// SPIR-V that is well-formed, but for OpenCL and without an entry point.
const OPEN_CL: [u32; 10] = [
    0x0723_0203,    // magic number
    0x0001_0000,    // version 1.0
    0,              // generator
    1,              // bound of the ids
    0,              // reserved
    (2 << 16) | 17, // OpCapability
    6,              // Kernel
    (3 << 16) | 14, // OpMemoryModel
    0,              // Logical
    2,              // OpenCL
];

/// A device that takes SPIR-V as it is, under the eyes of the layer.
fn device() -> wgpu::Device {
    driver_log::listen();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::VULKAN,
        flags: wgpu::InstanceFlags::debugging(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapter = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN))
        .into_iter()
        .find(|adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu)
        .expect("a software adapter: apt-get install mesa-vulkan-drivers");
    let (device, _) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: wgpu::Features::PASSTHROUGH_SHADERS | wgpu::Features::MULTIVIEW,
        required_limits: wgpu::Limits {
            max_multiview_view_count: adapter.limits().max_multiview_view_count,
            ..wgpu::Limits::downlevel_defaults()
        },
        ..Default::default()
    }))
    .expect("a device");
    device
}

/// Has the layer look at a module.
fn show(device: &wgpu::Device, label: &str, words: &[u32]) {
    // SAFETY: the driver keeps a module's words until a pipeline is made of it, and none is.
    let module = unsafe {
        device.create_shader_module_passthrough(wgpu::ShaderModuleDescriptorPassthrough {
            label: Some(label),
            spirv: Some(words.into()),
            ..Default::default()
        })
    };
    drop(module);
}

/// The module as naga writes it for Vulkan, without the debug information that old layers stumble over.
fn spir_v(shader: shaders::Shader) -> Vec<u32> {
    let module = naga::front::wgsl::parse_str(shader.source).expect(shader.name);
    let info =
        Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module).expect(shader.name);
    let (module, info) =
        pipeline_constants::process_overrides(&module, &info, None, &Default::default()).expect(shader.name);
    spv::write_vec(&module, &info, &spv::Options::default(), None).expect(shader.name)
}

/// One test, because what was said stays said: first the silence, then the mistake.
#[test]
fn every_shader_is_passed_over_and_a_mistake_is_heard() {
    let device = device();
    for &shader in shaders::ALL {
        show(&device, shader.name, &spir_v(shader));
        eprintln!("{}", shader.name); // the last one is meant by what is said
        driver_log::assert_silent();
    }
    show(&device, "for OpenCL", &OPEN_CL);
    let said = driver_log::said().join("\n");
    assert!(
        said.replace('-', "").to_lowercase().contains("spirv"),
        "the layer said nothing of the mistake, but: {said}"
    );
}
