//! People of a call in a real room: a camera's picture, its depth map, and avatars composited into it as a headset would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use visavis::error::{self, GpuError};
use visavis::headless::{Canvas, Headless, HeadlessOptions, ReadBack};
use visavis::mixed::{
    self, Avatars, DepthMap, DepthPixels, DepthUnit, Inputs, Intrinsics, MixedView, MixerOptions, Output,
    Picture, PicturePixels,
};
use visavis::{Executor, Instance, ShadowMap, Surroundings, Target, TargetFormat, View, Viewport, wgpu};
use visavis_codec::glam::{Affine3A, Quat, Vec3};
use visavis_codec::light::Light;
use visavis_codec::{Avatar, FaceFrame};

use crate::avatar_file::read_bounded;

/// Larger files of a room are refused: they are held in memory.
const MAX_FILE_BYTES: usize = 64 << 20;
/// More people than that don't sit in one picture.
const MAX_SEATS: usize = 16;
/// Near plane, metres.
const NEAR_M: f32 = 0.05;
/// From between the eyes to the furthest of a person, chest to hair.
const PERSON_RADIUS_M: f32 = 0.42;
/// Pixels of the shadow map's sides.
const SHADOW_SIDE: u32 = 1024;

/// A room as its `.json` describes it; picture and depth map lie beside it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// The camera's picture, sRGB (.jpg, .png).
    picture: String,
    /// Depth along the camera's axis in millimetres, 0 where it isn't known (16-bit .png, of any size).
    depth: String,
    camera: CameraDescription,
    /// In the world of the camera's pose.
    light: Light,
    seats: Vec<Seat>,
}

/// The camera that took the picture.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraDescription {
    size_px: [u32; 2],
    focal_px: [f32; 2],
    centre_px: [f32; 2],
    /// World, metres.
    position_m: Vec3,
    /// World from camera; the camera looks along −Z.
    rotation_xyzw: [f32; 4],
}

/// Where somebody sits.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seat {
    /// Between the eyes, world, metres.
    position_m: Vec3,
    /// How far they are turned from looking along +Z; positive: towards +X.
    yaw_deg: f32,
    /// What of the call they do: this many seconds after the others' beginning.
    pub(crate) call_s: f64,
}

/// A room that was read.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) path: PathBuf,
    camera: Intrinsics,
    view: View,
    rgba: Vec<u8>,
    millimetres: Vec<u16>,
    depth_size: [u32; 2],
    light: Light,
    pub(crate) seats: Vec<Seat>,
}

impl Room {
    /// Reads the description and what lies beside it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = read_bounded(path, MAX_FILE_BYTES)?;
        let room: Description = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not the description of a room", path.display()))?;
        let Description { picture, depth, camera, light, seats } = room;
        let wrong = |what: &str| format!("{}: {what}", path.display());
        light.validate().with_context(|| wrong("its light"))?;
        ensure!((1..=MAX_SEATS).contains(&seats.len()), wrong("needs 1 to 16 seats"));
        for (n, seat) in seats.iter().enumerate() {
            let is_fine = seat.position_m.is_finite()
                && seat.yaw_deg.is_finite()
                && (0.0..=super::MAX_SECONDS).contains(&seat.call_s);
            ensure!(is_fine, wrong(&format!("seats[{n}] is not finite, or its call_s not within a day")));
        }
        let intrinsics =
            Intrinsics { size: camera.size_px, focal_px: camera.focal_px, centre_px: camera.centre_px };
        let rotation = Quat::from_array(camera.rotation_xyzw);
        ensure!((rotation.length() - 1.0).abs() < 1e-3, wrong("camera.rotation_xyzw is no unit quaternion"));
        let world_from_view = Affine3A::from_rotation_translation(rotation.normalize(), camera.position_m);
        let view = intrinsics.view(world_from_view.inverse(), NEAR_M).with_context(|| wrong("its camera"))?;

        let rgba = image_beside(path, &picture)?.to_rgba8();
        let size = [rgba.width(), rgba.height()];
        ensure!(
            size == camera.size_px,
            wrong(&format!("{picture} has {size:?} pixels, camera.size_px says {:?}", camera.size_px))
        );
        let image::DynamicImage::ImageLuma16(millimetres) = image_beside(path, &depth)? else {
            bail!(wrong(&format!("{depth} is no grey picture of 16 bits")));
        };
        Ok(Self {
            path: path.to_owned(),
            camera: intrinsics,
            view,
            rgba: rgba.into_raw(),
            depth_size: [millimetres.width(), millimetres.height()],
            millimetres: millimetres.into_raw(),
            light,
            seats,
        })
    }

    /// Columns and rows of its picture.
    pub(crate) fn size(&self) -> [u32; 2] {
        self.camera.size
    }
}

/// A picture in the same folder.
fn image_beside(path: &Path, name: &str) -> Result<image::DynamicImage> {
    let is_name = Path::new(name).file_name().is_some_and(|file| file == name);
    ensure!(is_name, "{}: `{name}` must be the name of a file beside it", path.display());
    let file = path.with_file_name(name);
    let bytes = read_bounded(&file, MAX_FILE_BYTES)?;
    let mut reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(super::MAX_SIDE);
    limits.max_image_height = Some(super::MAX_SIDE);
    reader.limits(limits);
    reader.decode().with_context(|| format!("{}: not a usable picture", file.display()))
}

/// Draws people into a room.
pub(crate) struct RoomPainter {
    headless: Headless,
    target: Target,
    shadow_target: Target,
    people: Vec<Instance>,
    room: Room,
    surfaces: Surfaces,
    lamp_view: Option<View>,
    mixed: MixedView,
    rgba: Vec<u8>,
}

/// What is drawn into.
struct Surfaces {
    people: Canvas,
    shadow: wgpu::TextureView,
    picture: wgpu::TextureView,
    read_back: ReadBack,
}

const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
const PICTURE: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

const FORMAT: TargetFormat = TargetFormat {
    color: Some(COLOR),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

impl RoomPainter {
    /// Gets ready to draw everybody in `room` with one avatar.
    pub(crate) fn new(
        avatar: &Avatar,
        room: Room,
        executor: Executor,
        threads: Option<usize>,
    ) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0)) // 0: as many as there are cores
            .build()
            .context("threads for the CPU executor")?;
        let options = HeadlessOptions { executor, pool: Some(Arc::new(pool)), ..Default::default() };
        let headless = Headless::new(&options).context("setting up the engine")?;
        let engine = headless.engine();
        let person = headless.load(avatar).context("loading the avatar into the engine")?;
        let mut people = Vec::with_capacity(room.seats.len());
        for seat in &room.seats {
            let mut instance = person.instance();
            // Faces look along −Z.
            let turn = Quat::from_rotation_y(std::f32::consts::PI + seat.yaw_deg.to_radians());
            instance.set_pose(Affine3A::from_rotation_translation(turn, seat.position_m))?;
            if let Err(error) = instance.set_light(Some(&room.light)) {
                tracing::warn!("seen as captured: {error}");
            }
            people.push(instance);
        }
        let surfaces = Surfaces::new(engine.device(), room.size()).context("a picture of that size")?;
        let output = Output::Picture;
        let mixer =
            engine.mixer(PICTURE, output, MixerOptions::default()).context("setting up mixed reality")?;
        Ok(Self {
            target: engine.target(&FORMAT)?,
            shadow_target: engine.target(&TargetFormat { color: None, ..FORMAT })?,
            lamp_view: lamp_view(&room),
            mixed: mixer.view(),
            headless,
            people,
            room,
            surfaces,
            rgba: Vec::new(),
        })
    }

    /// One picture, `[height, width, 4]` sRGB, opaque, valid until the next. A face for each seat.
    pub(crate) fn paint(&mut self, faces: &[FaceFrame]) -> Result<&[u8]> {
        let Self { headless, target, shadow_target, people, room, surfaces, lamp_view, mixed, rgba } = self;
        for (person, face) in people.iter_mut().zip(faces) {
            person.set_frame(face).context("the face")?;
        }
        let engine = headless.engine();
        let size = room.size();
        let mut views = vec![Viewport::new(room.view, size)];
        views.extend(lamp_view.map(|view| Viewport::depth_only(view, [SHADOW_SIDE; 2])));
        let shadow = lamp_view
            .map(|view| ShadowMap { view: &surfaces.shadow, clip_from_world: view.clip_from_world() });
        let mut encoder = engine.device().create_command_encoder(&Default::default());
        let people: Vec<&Instance> = people.iter().collect();
        let frame = engine.prepare_in(&mut encoder, target, &people, &views, &Surroundings { shadow })?;
        if lamp_view.is_some() {
            frame.draw_shadow(&mut surfaces.begin_shadow(&mut encoder), shadow_target, 1)?;
        }
        frame.draw(&mut surfaces.people.begin(&mut encoder, wgpu::Color::TRANSPARENT), 0)?;
        let depth_camera = room.camera.scaled_to(room.depth_size);
        mixed.record(
            &mut encoder,
            &Inputs {
                view: &room.view,
                avatars: Avatars { color: surfaces.people.color(), depth: surfaces.people.depth() },
                depth: Some(DepthMap {
                    pixels: DepthPixels::U16(&room.millimetres),
                    unit: DepthUnit::Metres { scale: 0.001 },
                    camera: depth_camera,
                }),
                picture: Some(Picture { pixels: PicturePixels::Rgba8(&room.rgba), camera: room.camera }),
                light: Some(&room.light),
                shadow,
                output: &surfaces.picture,
            },
        )?;
        surfaces.read_back.record(&mut encoder, surfaces.picture.texture());
        engine.queue().submit([encoder.finish()]);
        surfaces.read_back.read(engine.device(), rgba)?;
        Ok(rgba)
    }

    /// Who sits where.
    pub(crate) fn seats(&self) -> &[Seat] {
        &self.room.seats
    }

    /// The adapter's name in reports.
    pub(crate) fn adapter(&self) -> &str {
        &self.headless.adapter().name
    }

    /// The executor's name in reports.
    pub(crate) fn executor(&self) -> &'static str {
        match self.headless.engine().executor() {
            Executor::Gpu => "gpu",
            _ => "cpu",
        }
    }
}

/// Everybody as the first lamp sees them.
fn lamp_view(room: &Room) -> Option<View> {
    let lamp = room.light.lamps.first()?;
    let centre: Vec3 = room.seats.iter().map(|seat| seat.position_m).sum::<Vec3>() / room.seats.len() as f32;
    let reach = |seat: &Seat| seat.position_m.distance(centre) + PERSON_RADIUS_M;
    let radius = room.seats.iter().map(reach).fold(0.0, f32::max);
    Some(mixed::lamp_view(lamp, centre, radius))
}

impl Surfaces {
    fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let people = Canvas::new(device, size, [COLOR, FORMAT.depth], wgpu::TextureUsages::TEXTURE_BINDING)?;
        let read_back = ReadBack::new(device, size, PICTURE)?;
        error::scoped(device, || {
            let texture = |[width, height]: [u32; 2], format, usage| {
                let texture = device.create_texture(&wgpu::TextureDescriptor {
                    label: Some("room"),
                    size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                    view_formats: &[],
                });
                texture.create_view(&Default::default())
            };
            Self {
                people,
                shadow: texture([SHADOW_SIDE; 2], FORMAT.depth, wgpu::TextureUsages::TEXTURE_BINDING),
                picture: texture(size, PICTURE, wgpu::TextureUsages::COPY_SRC),
                read_back,
            }
        })
    }

    /// Reversed-Z: nothing is near.
    fn begin_shadow<'e>(&self, encoder: &'e mut wgpu::CommandEncoder) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("people's shadow"),
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.shadow,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mixed/meeting.json")
    }

    #[test]
    fn the_meeting_is_a_room() {
        let room = Room::read(&meeting()).unwrap();
        assert_eq!((room.size(), room.seats.len()), ([1280, 720], 2));
        // What the middle of the lower edge shows, the table, is nearer than the wall at the upper edge.
        let [width, height] = room.depth_size.map(|side| side as usize);
        let depth = |y: usize| room.millimetres[y * width + width / 2];
        assert!(depth(height - 2) > 300 && depth(height - 2) < 1000 && depth(2) > 3000);
    }

    #[test]
    fn what_is_wrong_with_a_room_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(meeting()).unwrap();
        let error = |text: &str| {
            let path = folder.path().join("room.json");
            std::fs::write(&path, text).unwrap();
            format!("{:#}", Room::read(&path).unwrap_err())
        };
        assert!(error("{").contains("room.json"));
        assert!(error(&text.replace("meeting.jpg", "../meeting.jpg")).contains("beside it"));
        assert!(error(&text).contains("meeting.jpg"), "the picture isn't beside this one");
        assert!(error(&text.replace("\"focal_px\"", "\"focal\"")).contains("focal"));
        assert!(error(&text.replace("\"yaw_deg\": ", "\"yaw_deg\": 1e99")).contains("room.json"));
    }

    /// The script knows the light that it lit the room with.
    #[test]
    fn the_rooms_light_is_found_in_its_picture() {
        let room = Room::read(&meeting()).unwrap();
        let metres: Vec<f32> = room.millimetres.iter().map(|&mm| f32::from(mm) * 1e-3).collect();
        let mut estimator = mixed::LightEstimator::new(0.0);
        let found = estimator
            .observe(&mixed::Observation {
                rgba: &room.rgba,
                camera: room.camera,
                world_from_view: room.view.view_from_world.inverse(),
                depth: Some((&metres, room.camera.scaled_to(room.depth_size))),
                seconds: 0.0,
            })
            .unwrap();
        let direction = |light: &Light| light.lamps[0].at(Vec3::ZERO).0;
        let apart = direction(found).angle_between(direction(&room.light)).to_degrees();
        eprintln!("{apart:.1}° apart: {found:?} and {:?}", room.light);
        assert!(apart < 25.0, "{apart}°");
    }
}
