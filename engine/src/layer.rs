//! The CPU executor's way into a host's pass: pictures rasterised here, uploaded, drawn as a quad.

use std::sync::{Mutex, PoisonError};

use visavis_shaders::mirror::LayerPlacement;

use crate::cpu;
use crate::engine::Shared;
use crate::error::{GpuError, PrepareError, scoped};
use crate::frame::Viewport;
use crate::raster::{LayerPart, RasterKey, Sweep};
use crate::target::Target;

/// Unused textures that are kept: a window, a thumbnail and two eyes, say.
const MAX_IDLE_LAYERS: usize = 4;

/// Rasterisers and textures that no frame uses at present.
#[derive(Debug, Default)]
pub(crate) struct LayerPool {
    rasterizers: Mutex<Vec<Rasterizer>>,
    textures: Mutex<Vec<LayerTextures>>,
}

/// A renderer with a layer to draw in, both kept for their buffers.
#[derive(Debug, Default)]
struct Rasterizer {
    renderer: cpu::Renderer,
    layer: cpu::Layer,
}

/// The layers of a pass on the GPU, one for each of its views.
#[derive(Debug)]
pub(crate) struct LayerTextures {
    size: [u32; 2],
    views: u32,
    /// Whether the textures are arrays, as passes of several views want them.
    is_array: bool,
    color: wgpu::Texture,
    depth: wgpu::Texture,
    /// Where some instance is relit.
    parts: Option<wgpu::Texture>,
    placement: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// Bytes a texel of colour (`Rgba16Float`), depth (`R32Float`) and parts (`Rgba32Uint`).
const COLOR_BYTES: usize = 8;
const DEPTH_BYTES: usize = 4;
const PARTS_BYTES: usize = 16;

impl LayerTextures {
    /// What the layer's shader binds.
    pub(crate) fn group(&self) -> &wgpu::BindGroup {
        &self.group
    }

    /// Whether some instance is relit.
    pub(crate) fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    fn new(
        shared: &Shared,
        size: [u32; 2],
        views: u32,
        is_array: bool,
        has_parts: bool,
    ) -> Result<Self, GpuError> {
        let device = &shared.device;
        scoped(device, || {
            let texture = |label, format| {
                device.create_texture(&wgpu::TextureDescriptor {
                    label: Some(label),
                    size: wgpu::Extent3d { depth_or_array_layers: views, ..extent(size) },
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                    view_formats: &[],
                })
            };
            let color = texture("visavis layer", wgpu::TextureFormat::Rgba16Float);
            let depth = texture("visavis layer depth", wgpu::TextureFormat::R32Float);
            let parts = has_parts.then(|| texture("visavis layer parts", wgpu::TextureFormat::Rgba32Uint));
            let placement = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis layer placement"),
                size: size_of::<LayerPlacement>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let dimension =
                if is_array { wgpu::TextureViewDimension::D2Array } else { wgpu::TextureViewDimension::D2 };
            let descriptor = wgpu::TextureViewDescriptor { dimension: Some(dimension), ..Default::default() };
            let planes: Vec<_> = ([&color, &depth].into_iter().chain(&parts))
                .map(|texture| texture.create_view(&descriptor))
                .collect();
            let mut entries =
                vec![wgpu::BindGroupEntry { binding: 0, resource: placement.as_entire_binding() }];
            entries.extend((1..).zip(&planes).map(|(binding, plane)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::TextureView(plane),
            }));
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis layer"),
                layout: shared.layouts.layer(is_array, has_parts),
                entries: &entries,
            });
            Self { size, views, is_array, color, depth, parts, placement, group }
        })
    }
}

/// What draws layers of a kind of target, solid and soft.
#[derive(Debug)]
pub(crate) struct LayerPipelines {
    /// What is as captured; none if all is relit.
    pub(crate) captured: Option<[wgpu::RenderPipeline; 2]>,
    /// Whether some instance is relit, by pipelines of its own.
    pub(crate) is_relit: bool,
}

impl LayerPipelines {
    /// For instances that are relit or not.
    pub(crate) fn new(shared: &Shared, target: &Target, is_relit: &[bool]) -> Result<Self, GpuError> {
        let (some, all) = (is_relit.contains(&true), !is_relit.contains(&false));
        let part = if some { LayerPart::Captured } else { LayerPart::All };
        let captured = if some && all { None } else { Some(Self::pair(shared, target, part)?) };
        Ok(Self { captured, is_relit: some })
    }

    /// What draws a part of layers, solid and soft.
    pub(crate) fn pair(
        shared: &Shared,
        target: &Target,
        part: LayerPart,
    ) -> Result<[wgpu::RenderPipeline; 2], GpuError> {
        let pipeline = |sweep| shared.raster_pipeline(RasterKey::Layer(target.format, part, sweep));
        Ok([pipeline(Sweep::Solid)?, pipeline(Sweep::Soft)?])
    }
}

fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}

impl Shared {
    /// Rasterises what the viewports of one pass see (all of one rectangle) and records the uploads. `numbers` are those of
    /// [`render_relit`](cpu::Renderer::render_relit); `has_parts`: whether somebody of the frame is relit, seen or not, for the
    /// frame's pipelines are chosen by that.
    pub(crate) fn rasterize(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        viewports: &[Viewport],
        is_array: bool,
        placed: &[cpu::Placed<'_>],
        numbers: &[u16],
        has_parts: bool,
        observe: &mut dyn FnMut(),
    ) -> Result<LayerTextures, PrepareError> {
        let size = viewports.first().map_or([1; 2], |viewport| viewport.size);
        let textures = self.layer_textures(size, viewports.len().max(1) as u32, is_array, has_parts)?;
        let mut rasterizer = lock(&self.layers.rasterizers).pop().unwrap_or_default();
        let Rasterizer { renderer, layer } = &mut rasterizer;
        for (view, viewport) in (0..).zip(viewports) {
            let pool = self.pool.as_deref();
            renderer.render_relit(placed, numbers, &viewport.view, viewport.size, layer, pool)?;
            self.upload(encoder, viewport, layer, &textures, view)?;
            observe();
        }
        lock(&self.layers.rasterizers).push(rasterizer);
        Ok(textures)
    }

    fn layer_textures(
        &self,
        size: [u32; 2],
        views: u32,
        is_array: bool,
        has_parts: bool,
    ) -> Result<LayerTextures, GpuError> {
        let mut idle = lock(&self.layers.textures);
        let fits = |textures: &LayerTextures| {
            (textures.size, textures.views, textures.is_array, textures.has_parts())
                == (size, views, is_array, has_parts)
        };
        match idle.iter().position(fits) {
            Some(index) => Ok(idle.remove(index)),
            None => {
                // The size that was out of use longest goes, so that a window being resized leaves little behind.
                if idle.len() >= MAX_IDLE_LAYERS {
                    idle.remove(0);
                }
                LayerTextures::new(self, size, views, is_array, has_parts)
            }
        }
    }

    /// Takes a layer's textures back.
    pub(crate) fn retire_layer(&self, textures: LayerTextures) {
        lock(&self.layers.textures).push(textures);
    }

    /// Into the layer of view number `view` of the pass, through one mapped buffer: first all rows of colour, then of depth,
    /// then of parts, if there are any, then where the layer goes.
    fn upload(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        viewport: &Viewport,
        layer: &cpu::Layer,
        textures: &LayerTextures,
        view: u32,
    ) -> Result<(), GpuError> {
        let [width, height] = viewport.size.map(|pixels| pixels as usize);
        let stride =
            |texel: usize| (width * texel).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT as usize);
        let planes: [(Option<&wgpu::Texture>, &[u8], usize); 3] = [
            (Some(&textures.color), bytemuck::cast_slice(layer.color()), COLOR_BYTES),
            (Some(&textures.depth), bytemuck::cast_slice(layer.depth()), DEPTH_BYTES),
            (textures.parts.as_ref(), bytemuck::cast_slice(layer.parts()), PARTS_BYTES),
        ];
        let planes = || {
            let mut end = 0;
            let planes =
                planes.into_iter().filter_map(|(texture, bytes, texel)| Some((texture?, bytes, texel)));
            planes.map(move |(texture, bytes, texel)| {
                let start = end;
                end += stride(texel) * height;
                (texture, bytes, texel, start)
            })
        };
        let placement_offset =
            planes().map(|(_, _, texel, start)| start + stride(texel) * height).max().unwrap_or(0);
        let placement =
            LayerPlacement { origin: viewport.origin.map(|pixels| pixels as f32), reserved: [0.0; 2] };

        let buffer = scoped(&self.device, || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis layer upload"),
                size: (placement_offset + size_of::<LayerPlacement>()) as u64,
                // Mappable, so that it is written in place and not by way of another buffer.
                usage: wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            })
        })?;
        {
            // Only a lost device raises no error and yet maps nothing.
            let mut bytes = buffer.get_mapped_range_mut(..).map_err(|_| GpuError::DeviceLost)?;
            for (_, plane, texel, start) in planes() {
                for (row, texels) in plane.chunks_exact(width * texel).enumerate() {
                    let start = start + row * stride(texel);
                    bytes.slice(start..start + texels.len()).copy_from_slice(texels);
                }
            }
            bytes.slice(placement_offset..).copy_from_slice(bytemuck::bytes_of(&placement));
        }
        buffer.unmap();

        scoped(&self.device, || {
            for (texture, _, texel, offset) in planes() {
                encoder.copy_buffer_to_texture(
                    wgpu::TexelCopyBufferInfo {
                        buffer: &buffer,
                        layout: wgpu::TexelCopyBufferLayout {
                            offset: offset as u64,
                            bytes_per_row: Some(stride(texel) as u32),
                            rows_per_image: Some(viewport.size[1]),
                        },
                    },
                    wgpu::TexelCopyTextureInfo {
                        origin: wgpu::Origin3d { x: 0, y: 0, z: view },
                        ..texture.as_image_copy()
                    },
                    extent(viewport.size),
                );
            }
            let size = size_of::<LayerPlacement>() as u64;
            encoder.copy_buffer_to_buffer(&buffer, placement_offset as u64, &textures.placement, 0, size);
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
