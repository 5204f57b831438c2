//! Cameras, and the call that decodes and draws.

use visavis::codec::glam::{Affine3A, Mat4, Vec3};
use visavis::error::scoped;
use visavis::{Instance, View, Viewport, wgpu};

use crate::engine::{State, VisavisEngine, max_size};
use crate::instance::VisavisInstance;
use crate::pointer::{self, Sized32, check_size};
use crate::status::{Failure, VISAVIS_ERROR_POSE, VisavisStatus, call};
use crate::target::Sheet;

/// The most views of one draw.
pub const VISAVIS_MAX_VIEWS: u32 = 8;
/// The most instances of one draw.
pub const VISAVIS_MAX_INSTANCES: u32 = 255;

/// A camera: looks along −Z of its own frame with +Y up. Matrices are column by column, for column vectors.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisView {
    /// sizeof(VisavisView).
    pub struct_size: u32,
    /// World (metres) to the camera's frame; rigid, the last row 0 0 0 1.
    pub view_from_world: [f32; 16],
    /// The camera's frame to clip space: x and y in −w..w, y up; depth z/w is 1 at the near plane and falls to 0.
    /// Asymmetric frusta are welcome.
    pub clip_from_view: [f32; 16],
}

/// A draw: which instances, as which cameras see them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisDraw {
    /// sizeof(VisavisDraw).
    pub struct_size: u32,
    /// Pixels, 1 to VisavisEngineInfo.max_size; of every view.
    pub width: u32,
    /// Pixels, 1 to VisavisEngineInfo.max_size; of every view.
    pub height: u32,
    /// How many views there are, 1 to VISAVIS_MAX_VIEWS. Each instance is decoded once for all of them.
    pub view_count: u32,
    /// How many instances there are, at most VISAVIS_MAX_INSTANCES.
    pub instance_count: u32,
    /// What stands behind the avatars: linear red, green, blue, premultiplied by alpha, and alpha; all zero for avatars
    /// alone.
    pub background: [f32; 4],
    /// The views.
    pub views: *const VisavisView,
    /// The instances; each may come more than once.
    pub instances: *const *const VisavisInstance,
}

// SAFETY: plain numbers and pointers, the size first.
unsafe impl Sized32 for VisavisView {
    const NAME: &'static str = "VisavisView";
}

// SAFETY: plain numbers and pointers, the size first.
unsafe impl Sized32 for VisavisDraw {
    const NAME: &'static str = "VisavisDraw";
}

/// Fills `view` with a symmetric perspective camera that stands at `eye` and looks at `target` (world, metres), upright, its
/// far plane at infinity. `vertical_angle`: from the lower to the upper edge of the picture, radians, more than 0 and less
/// than π. `aspect`: width / height. `near`: metres, more than 0; the depth of what is z metres in front is near / z.
///
/// Threads: any.
///
/// # Safety
/// `eye` and `target` are null or point to three numbers; `view` is null or may be written; its struct_size is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_view_look_at(
    eye: *const f32,
    target: *const f32,
    vertical_angle: f32,
    aspect: f32,
    near: f32,
    view: *mut VisavisView,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let eye = unsafe { pointer::slice(eye, 3, "eye")? };
        // SAFETY: the caller's promise.
        let target = unsafe { pointer::slice(target, 3, "target")? };
        let (eye, target) = (Vec3::from_slice(eye), Vec3::from_slice(target));
        if !(vertical_angle > 0.0 && vertical_angle < std::f32::consts::PI && aspect > 0.0 && near > 0.0) {
            return Err(Failure::argument(format!(
                "an angle of {vertical_angle}, an aspect of {aspect}, a near plane at {near}: must be 0..π, and more than 0"
            )));
        }
        let camera = View::look_at(eye, target, vertical_angle, aspect, near);
        let made = VisavisView {
            struct_size: size_of::<VisavisView>() as u32,
            view_from_world: Mat4::from(camera.view_from_world).to_cols_array(),
            clip_from_view: camera.clip_from_view.to_cols_array(),
        };
        made.camera(0)?;
        // SAFETY: the caller's promise.
        unsafe { pointer::put(view, made, "view") }
    })
}

impl VisavisView {
    fn camera(&self, number: usize) -> Result<View, Failure> {
        let Self { struct_size: _, view_from_world, clip_from_view } = self;
        let view_from_world = Mat4::from_cols_array(view_from_world);
        let clip_from_view = Mat4::from_cols_array(clip_from_view);
        let refused = |what| Failure::new(VISAVIS_ERROR_POSE, format!("view {number}: {what}"));
        if !(view_from_world.is_finite() && clip_from_view.is_finite()) {
            return Err(refused("a matrix isn't finite"));
        }
        if view_from_world.row(3).to_array() != [0.0, 0.0, 0.0, 1.0] {
            return Err(refused("the last row of view_from_world isn't 0 0 0 1; is it row by row?"));
        }
        Ok(View { view_from_world: Affine3A::from_mat4(view_from_world), clip_from_view })
    }
}

/// Decodes the instances' faces, once for all views, and draws each view into a target of the engine's own, which
/// visavis_engine_read reads. Pictures stay until the next draw.
///
/// On the GPU executor it returns before the GPU is done; on the CPU executor nearly all of the work is done when it
/// returns.
///
/// Threads: any; waits for other calls on this engine.
///
/// # Safety
/// `engine` is null or a live handle; `draw` is null or points to a structure of the size that it says, whose views and
/// instances are null or point to as many of those as it says, each instance null or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_engine_draw(
    engine: *const VisavisEngine,
    draw: *const VisavisDraw,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { pointer::get(engine, "engine")? };
        // SAFETY: the caller's promise.
        let draw = unsafe { pointer::read(draw, "draw")? };
        if !(1..=VISAVIS_MAX_VIEWS).contains(&draw.view_count) {
            let text = format!("`draw.view_count` is {}, must be 1 to {VISAVIS_MAX_VIEWS}", draw.view_count);
            return Err(Failure::argument(text));
        }
        if draw.instance_count > VISAVIS_MAX_INSTANCES {
            let text =
                format!("`draw.instance_count` is {}, at most {VISAVIS_MAX_INSTANCES}", draw.instance_count);
            return Err(Failure::argument(text));
        }
        if !draw.background.iter().all(|channel| channel.is_finite()) {
            return Err(Failure::argument("`draw.background` isn't finite"));
        }
        // Before all of them are taken to be there: the first says how large the caller thinks that they are.
        // SAFETY: the caller's promise.
        unsafe { check_size(draw.views, "draw.views")? };
        // SAFETY: the caller's promise.
        let views = unsafe { pointer::slice(draw.views, draw.view_count as usize, "draw.views")? };
        let viewports = (views.iter().enumerate())
            .map(|(number, view)| {
                // SAFETY: a reference is a good pointer.
                unsafe { check_size(view, "draw.views")? };
                Ok(Viewport::new(view.camera(number)?, [draw.width, draw.height]))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        // SAFETY: the caller's promise.
        let handles =
            unsafe { pointer::slice(draw.instances, draw.instance_count as usize, "draw.instances")? };
        let instances = (handles.iter())
            .map(|&handle| {
                // SAFETY: the caller's promise.
                Ok(unsafe { pointer::get(handle, "draw.instances[]")? }.snapshot())
            })
            .collect::<Result<Vec<Instance>, Failure>>()?;
        engine.lock().draw(&instances, &viewports, draw.background)
    })
}

impl State {
    fn draw(
        &mut self,
        instances: &[Instance],
        views: &[Viewport],
        background: [f32; 4],
    ) -> Result<(), Failure> {
        let engine = self.headless.engine().clone();
        let (device, queue) = (engine.device(), engine.queue());
        let size = views.first().map_or([0; 2], |view| view.size);
        let most = max_size(device);
        if size.iter().any(|side| !(1..=most).contains(side)) {
            let [width, height] = size;
            return Err(Failure::argument(format!("{width} × {height} pixels; 1 to {most} each way")));
        }
        let instances: Vec<&Instance> = instances.iter().collect();
        let mut encoder = device.create_command_encoder(&Default::default());
        let frame = engine.prepare(&mut encoder, &self.target, &instances, views)?;

        // From here on the pictures of the last draw are no more.
        self.drawn = 0;
        self.sheets.retain(|sheet| sheet.canvas.size() == size);
        self.sheets.truncate(views.len());
        while self.sheets.len() < views.len() {
            self.sheets.push(Sheet::new(device, size)?);
        }
        let [r, g, b, a] = background.map(f64::from);
        scoped(device, || {
            for (view, sheet) in self.sheets.iter().enumerate() {
                let mut pass = sheet.canvas.begin(&mut encoder, wgpu::Color { r, g, b, a });
                // It was prepared for every one of these views, with colour.
                let _ = frame.draw(&mut pass, view);
            }
            queue.submit([encoder.finish()]);
        })?;
        drop(frame);
        if self.headless.lost().is_some() {
            return Err(visavis::error::GpuError::DeviceLost.into());
        }
        self.drawn = views.len();
        Ok(())
    }
}
