//! One view's mixed reality: what it remembers, and the passes of a frame.

use std::sync::Arc;

use visavis_shaders::mirror::MixedFrame;
use wgpu::{BindingResource, TextureFormat, TextureUsages};

use super::frame::{self, Before};
use super::mixer::{FILLED, GUIDE, MixerInner, RESOLVED, SHADE, STATE, group, guarded, run};
use super::upload::{Landing, check_depth, depth_row};
use super::{DepthPixels, Inputs, MixedError, Output, PicturePixels};
use crate::error::scoped;
use crate::upload::mapped_buffer;

/// What one view of mixed reality remembers between frames: smoothed depth, and textures of its sizes. Made by
/// [`Mixer::view`](super::Mixer::view); one for each eye.
#[derive(Debug)]
pub struct MixedView {
    mixer: Arc<MixerInner>,
    frame: Option<FrameUniform>,
    depth: Option<DepthTextures>,
    resolved: Option<(wgpu::TextureView, [u32; 2])>,
    map_landing: Option<Landing>,
    picture_landing: Option<Landing>,
    /// Groups of textures that were used lately, the last used at the end.
    groups: Vec<Groups>,
    /// Where the depth map was taken that `depth` remembers.
    before: Option<Before>,
}

#[derive(Debug)]
struct FrameUniform {
    buffer: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// Textures of a depth map's size.
#[derive(Debug)]
struct DepthTextures {
    size: [u32; 2],
    /// Now and before, by turns.
    states: [wgpu::TextureView; 2],
    /// Which is now.
    turn: usize,
    guide: wgpu::TextureView,
    filled: wgpu::TextureView,
    shade: wgpu::TextureView,
}

/// The second groups of a frame's passes, for the textures that they were made of.
#[derive(Debug)]
struct Groups {
    key: Key,
    /// Of a frame with a depth map.
    depth: Option<DepthGroups>,
    composite: wgpu::BindGroup,
}

#[derive(Debug)]
struct DepthGroups {
    depth: wgpu::BindGroup,
    fill: wgpu::BindGroup,
    shadow: Option<wgpu::BindGroup>,
    resolve: wgpu::BindGroup,
}

/// What groups are made of.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    turn: usize,
    avatars: [wgpu::TextureView; 2],
    map: Option<wgpu::TextureView>,
    picture: wgpu::TextureView,
    shadow: Option<wgpu::TextureView>,
}

/// Groups that are kept: two turns for each of a camera's three pictures in flight.
const MAX_GROUPS: usize = 6;

impl MixedView {
    pub(super) fn new(mixer: Arc<MixerInner>) -> Self {
        Self {
            mixer,
            frame: None,
            depth: None,
            resolved: None,
            map_landing: None,
            picture_landing: None,
            groups: Vec::new(),
            before: None,
        }
    }

    /// Forgets what was seen before, as after the tracking was lost or the user went into another room. Where depth or sizes
    /// change, nothing need be said.
    pub fn reset(&mut self) {
        self.before = None;
    }

    /// Records the passes of one frame into `encoder`; the avatars must have been drawn in it before, or in one submitted
    /// earlier. Sizes may change from frame to frame: textures are made anew then, and what was seen before is forgotten
    /// if the depth map's did.
    ///
    /// # Errors
    /// [`MixedError`] says which input, what is wrong with it, and what it may be. The view can be used again after each
    /// of them but a lost device.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        inputs: &Inputs<'_>,
    ) -> Result<(), MixedError> {
        let mixer = self.mixer.clone();
        let output = self.check(inputs)?;
        let shadow = inputs
            .shadow
            .filter(|_| inputs.depth.is_some() && inputs.light.is_some_and(|light| !light.lamps.is_empty()));
        let map_size = inputs.depth.map(|map| map.camera.size);
        let before = match &self.depth {
            Some(textures) if Some(textures.size) == map_size => self.before,
            _ => None,
        };
        let shadow_texels = shadow.map_or(1, |shadow| shadow.view.texture().width());
        let uniform =
            frame::frame(&Inputs { shadow, ..*inputs }, output, shadow_texels, before, &mixer.options)?;

        let device = &mixer.shared.device;
        guarded(device, || self.make(encoder, map_size, output))?;
        self.land(encoder, inputs)?;
        let turn = self.depth.as_ref().map_or(0, |textures| 1 - textures.turn);
        guarded(device, || {
            self.write(encoder, &uniform)?;
            self.choose_groups(inputs, turn, shadow.map(|shadow| shadow.view));
            self.draw(encoder, inputs, turn);
            Ok(())
        })?;
        if let Some(textures) = &mut self.depth {
            textures.turn = turn;
        }
        self.before = (inputs.depth)
            .map(|map| Before { view_from_world: inputs.view.view_from_world, camera: map.camera });
        Ok(())
    }

    /// The output's size, if everything fits together.
    fn check(&self, inputs: &Inputs<'_>) -> Result<[u32; 2], MixedError> {
        let Inputs { view: _, avatars, depth, picture, light, shadow, output } = *inputs;
        let MixerInner { shared, format, output: kind, .. } = &*self.mixer;
        let limit = shared.device.limits().max_texture_dimension_2d;
        let sized = |what, size: [u32; 2]| match size.iter().all(|side| (1..=limit).contains(side)) {
            true => Ok(size),
            false => Err(MixedError::Size { what, size, limit }),
        };
        let same = |what, found: [u32; 2], expected_by, expected: [u32; 2]| match found == expected {
            true => Ok(()),
            false => Err(MixedError::Mismatch { what, found, expected_by, expected }),
        };
        let formed = |what, view: &wgpu::TextureView, allowed, fits: fn(TextureFormat) -> bool| {
            let texture = view.texture();
            match fits(texture.format()) && texture.usage().contains(TextureUsages::TEXTURE_BINDING) {
                true => Ok(()),
                false => Err(MixedError::Format { what, found: texture.format(), allowed }),
            }
        };
        let readable = |format: TextureFormat| {
            matches!(
                format
                    .sample_type(Some(wgpu::TextureAspect::DepthOnly), None)
                    .or(format.sample_type(None, None)),
                Some(wgpu::TextureSampleType::Float { .. } | wgpu::TextureSampleType::Depth)
            )
        };
        let size = sized("the output", size_of_texture(output))?;
        if output.texture().format() != *format {
            let allowed = "the one that the mixer was made for";
            return Err(MixedError::Format { what: "the output", found: output.texture().format(), allowed });
        }
        let color = size_of_texture(avatars.color);
        same("the avatars' colour", color, "the output", size)?;
        same("the avatars' depth", size_of_texture(avatars.depth), "the output", size)?;
        formed(
            "the avatars' colour",
            avatars.color,
            "floating-point, usable as TEXTURE_BINDING",
            crate::target::is_float,
        )?;
        let depth_format = "a depth format, usable as TEXTURE_BINDING";
        formed("the avatars' depth", avatars.depth, depth_format, |format| format.has_depth_aspect())?;
        if let Some(map) = depth {
            map.camera.validate().map_err(|reason| MixedError::Camera { what: "depth map", reason })?;
            sized("the depth map", map.camera.size)?;
            if let DepthPixels::Texture(view) = map.pixels {
                same("the depth map", size_of_texture(view), "its camera", map.camera.size)?;
                formed(
                    "the depth map",
                    view,
                    "a float or depth format, usable as TEXTURE_BINDING",
                    readable,
                )?;
            }
            check_depth(&map)?;
        }
        if let Some(picture) = picture {
            picture.camera.validate().map_err(|reason| MixedError::Camera { what: "picture", reason })?;
            let [width, height] = sized("the picture", picture.camera.size)?;
            match picture.pixels {
                PicturePixels::Texture(view, _) => {
                    same("the picture", size_of_texture(view), "its camera", [width, height])?;
                    let allowed = "a filterable colour format, usable as TEXTURE_BINDING";
                    formed("the picture", view, allowed, |format| {
                        let filterable = wgpu::TextureSampleType::Float { filterable: true };
                        format.sample_type(None, None) == Some(filterable)
                    })?;
                }
                PicturePixels::Rgba8(bytes) => {
                    let expected = width as usize * height as usize * 4;
                    if bytes.len() != expected {
                        let found = bytes.len();
                        return Err(MixedError::Length { what: "the picture", found, expected });
                    }
                }
            }
        } else if *kind == Output::Picture {
            return Err(MixedError::NoPicture);
        }
        if let Some(light) = light {
            light.validate()?;
        }
        if let Some(shadow) = shadow {
            sized("the shadow map", size_of_texture(shadow.view))?;
            formed("the shadow map", shadow.view, depth_format, |format| format.has_depth_aspect())?;
        }
        Ok(size)
    }

    /// Makes the textures that aren't there, or are of another size.
    fn make(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        map: Option<[u32; 2]>,
        output: [u32; 2],
    ) -> Result<(), MixedError> {
        let device = &self.mixer.shared.device;
        if self.frame.is_none() {
            self.mixer.nothing.draw(encoder);
            self.frame = Some(FrameUniform::new(&self.mixer));
        }
        if let Some(size) = map
            && self.depth.as_ref().is_none_or(|textures| textures.size != size)
        {
            let new = |label, format| texture(device, label, size, format);
            let state = || new("visavis mixed depth", STATE);
            self.depth = Some(DepthTextures {
                size,
                states: [state(), state()],
                turn: 0,
                guide: new("visavis mixed guide", GUIDE),
                filled: new("visavis mixed filled depth", FILLED),
                shade: new("visavis mixed shade", SHADE),
            });
            self.groups.clear();
            self.before = None;
        }
        if self.resolved.as_ref().is_none_or(|(_, size)| *size != output) {
            self.resolved = Some((texture(device, "visavis mixed resolved", output, RESOLVED), output));
            self.groups.clear();
        }
        Ok(())
    }

    /// Copies what is in memory.
    fn land(&mut self, encoder: &mut wgpu::CommandEncoder, inputs: &Inputs<'_>) -> Result<(), MixedError> {
        let device = &self.mixer.shared.device;
        if let Some(map) = inputs.depth
            && !matches!(map.pixels, DepthPixels::Texture(_))
        {
            let width = map.camera.size[0] as usize;
            let landing = landing(device, &mut self.map_landing, map.camera.size, FILLED)?;
            landing.fill(device, encoder, |y, out| depth_row(map.pixels, width, y, out))?;
        }
        if let Some(picture) = inputs.picture
            && let PicturePixels::Rgba8(bytes) = picture.pixels
        {
            let srgb = TextureFormat::Rgba8UnormSrgb;
            let row = picture.camera.size[0] as usize * 4;
            let landing = landing(device, &mut self.picture_landing, picture.camera.size, srgb)?;
            landing.fill(device, encoder, |y, out| {
                if let Some(texels) = bytes.get(y * row..(y + 1) * row) {
                    out.copy_from_slice(texels);
                }
            })?;
        }
        Ok(())
    }

    /// Through a buffer of the frame's own, so that frames recorded ahead don't overwrite each other.
    fn write(&self, encoder: &mut wgpu::CommandEncoder, uniform: &MixedFrame) -> Result<(), MixedError> {
        let bytes = bytemuck::bytes_of(uniform);
        let usage = wgpu::BufferUsages::COPY_SRC;
        let staging = mapped_buffer(&self.mixer.shared.device, "visavis mixed frame", bytes, usage)?;
        if let Some(FrameUniform { buffer, .. }) = &self.frame {
            encoder.copy_buffer_to_buffer(&staging, 0, buffer, 0, bytes.len() as u64);
        }
        Ok(())
    }

    /// Puts the groups of this frame's textures last; makes them, if they aren't among those that were used lately.
    fn choose_groups(&mut self, inputs: &Inputs<'_>, turn: usize, shadow: Option<&wgpu::TextureView>) {
        let nothing = &self.mixer.nothing;
        let Some((resolved, _)) = &self.resolved else { return };
        let map = match (inputs.depth.map(|map| map.pixels), &self.map_landing) {
            (Some(DepthPixels::Texture(view)), _) => Some(view.clone()),
            (Some(_), Some(landing)) => Some(landing.view.clone()),
            _ => None,
        };
        let picture = match (inputs.picture.map(|picture| picture.pixels), &self.picture_landing) {
            (Some(PicturePixels::Texture(view, _)), _) => view,
            (Some(_), Some(landing)) => &landing.view,
            _ => &nothing.black,
        };
        let key = Key {
            turn,
            avatars: [inputs.avatars.color.clone(), inputs.avatars.depth.clone()],
            map,
            picture: picture.clone(),
            shadow: shadow.cloned(),
        };
        match self.groups.iter().position(|groups| groups.key == key) {
            Some(index) => {
                let found = self.groups.remove(index);
                self.groups.push(found);
            }
            None => {
                if self.groups.len() >= MAX_GROUPS {
                    self.groups.remove(0);
                }
                let made = Groups::new(&self.mixer, self.depth.as_ref(), resolved, key);
                self.groups.push(made);
            }
        }
    }

    fn draw(&self, encoder: &mut wgpu::CommandEncoder, inputs: &Inputs<'_>, turn: usize) {
        let (Some(FrameUniform { group: frame, .. }), Some(groups), Some((resolved, _))) =
            (&self.frame, self.groups.last(), &self.resolved)
        else {
            return;
        };
        let MixerInner { depth, fill, shadow, resolve, composite, .. } = &*self.mixer;
        if let (Some(DepthTextures { states, guide, filled, shade, .. }), Some(of_depth)) =
            (&self.depth, &groups.depth)
        {
            run(encoder, depth, &[&states[turn], guide], [frame, &of_depth.depth]);
            run(encoder, fill, &[filled], [frame, &of_depth.fill]);
            if let Some(group) = &of_depth.shadow {
                run(encoder, shadow, &[shade], [frame, group]);
            }
            run(encoder, resolve, &[resolved], [frame, &of_depth.resolve]);
        }
        run(encoder, composite, &[inputs.output], [frame, &groups.composite]);
    }
}

impl FrameUniform {
    fn new(mixer: &MixerInner) -> Self {
        let device = &mixer.shared.device;
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("visavis mixed frame"),
            size: size_of::<MixedFrame>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("visavis mixed frame"),
            layout: &mixer.frame_layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        Self { buffer, group }
    }
}

impl Groups {
    fn new(
        mixer: &MixerInner,
        textures: Option<&DepthTextures>,
        resolved: &wgpu::TextureView,
        key: Key,
    ) -> Self {
        use BindingResource::{Sampler, TextureView};
        let device = &mixer.shared.device;
        let [color, avatar_depth] = [&key.avatars[0], &key.avatars[1]].map(TextureView);
        let (picture, bilinear) = (TextureView(&key.picture), Sampler(&mixer.bilinear));
        let depth = (textures.zip(key.map.as_ref())).map(|(textures, map)| {
            let DepthTextures { states, guide, filled, shade, .. } = textures;
            let now = key.turn.min(1);
            let (state, before) = (TextureView(&states[now]), TextureView(&states[1 - now]));
            let (guide, filled) = (TextureView(guide), TextureView(filled));
            let shade = TextureView(if key.shadow.is_some() { shade } else { &mixer.nothing.white });
            let of = [TextureView(map), before, picture.clone(), bilinear.clone()];
            DepthGroups {
                depth: group(device, &mixer.depth, &of),
                fill: group(device, &mixer.fill, &[state, guide.clone()]),
                shadow: (key.shadow.as_ref())
                    .map(|map| group(device, &mixer.shadow, &[filled.clone(), TextureView(map)])),
                resolve: group(
                    device,
                    &mixer.resolve,
                    &[color.clone(), avatar_depth, filled, guide, shade, picture.clone(), bilinear.clone()],
                ),
            }
        });
        let resolved = TextureView(if depth.is_some() { resolved } else { &mixer.nothing.white });
        let composite = group(device, &mixer.composite, &[color, resolved, picture, bilinear]);
        Self { key, depth, composite }
    }
}

fn size_of_texture(view: &wgpu::TextureView) -> [u32; 2] {
    [view.texture().width(), view.texture().height()]
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    [width, height]: [u32; 2],
    format: TextureFormat,
) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: TextureUsages::TEXTURE_BINDING | TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    });
    texture.create_view(&Default::default())
}

/// The one that is there, if it is so; else a new one.
fn landing<'a>(
    device: &wgpu::Device,
    slot: &'a mut Option<Landing>,
    size: [u32; 2],
    format: TextureFormat,
) -> Result<&'a Landing, MixedError> {
    let landing = match slot.take() {
        Some(landing) if landing.is(size, format) => landing,
        _ => scoped(device, || Landing::new(device, size, format))?,
    };
    Ok(slot.insert(landing))
}
