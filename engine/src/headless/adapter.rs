//! Which adapter, and a device of it.

use super::HeadlessError;

/// Which adapters will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AdapterChoice {
    /// Any; discrete GPUs first, software last.
    #[default]
    Any,
    /// Real GPUs only.
    Hardware,
    /// Software only, as lavapipe or WARP: the same pictures on every machine.
    Software,
}

impl AdapterChoice {
    fn admits(self, kind: wgpu::DeviceType) -> bool {
        match self {
            Self::Any => true,
            Self::Hardware => kind != wgpu::DeviceType::Cpu,
            Self::Software => kind == wgpu::DeviceType::Cpu,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Any => "graphics adapter",
            Self::Hardware => "hardware graphics adapter",
            Self::Software => "software graphics adapter",
        }
    }
}

/// The best admitted adapter.
pub(super) fn pick(choice: AdapterChoice, validation: bool) -> Result<wgpu::Adapter, HeadlessError> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    descriptor.flags =
        if validation { wgpu::InstanceFlags::debugging() } else { wgpu::InstanceFlags::empty() };
    let instance = wgpu::Instance::new(descriptor);
    let all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let found = match all.len() {
        0 => "there is none at all".to_owned(),
        _ => {
            let names: Vec<_> = all.iter().map(|adapter| adapter.get_info().name).collect();
            format!("there is {}", names.join(", "))
        }
    };
    all.into_iter()
        .filter(|adapter| choice.admits(adapter.get_info().device_type))
        .min_by_key(|adapter| match adapter.get_info().device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        })
        .ok_or(HeadlessError::NoAdapter { wanted: choice.words(), found })
}

/// A device without optional features.
pub(super) fn device(
    adapter: &wgpu::Adapter,
    downlevel: bool,
) -> Result<(wgpu::Device, wgpu::Queue), HeadlessError> {
    let limits = wgpu::Limits::downlevel_defaults();
    let required_limits = if downlevel { limits } else { limits.using_resolution(adapter.limits()) };
    pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("visavis headless"),
        required_limits,
        ..Default::default()
    }))
    .map_err(|error| HeadlessError::NoDevice { adapter: adapter.get_info().name, reason: error.to_string() })
}
