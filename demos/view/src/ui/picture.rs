//! The picture: what stands behind, how far eyes are apart, and what draws.

use egui::{Align2, FontId, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::theme::{ACCENT, FAINT, RADIUS, TEXT, WARM};
use super::widgets::{choice, fader, hint, millimetres, switch};
use crate::model::actions::Action;
use crate::model::backdrop::Backdrop;
use crate::model::camera::Focus;
use crate::model::stage::Arrangement;
use crate::model::{Request, Viewer};

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    if let Some(focus) = choice(ui, viewer.camera.focus(), &Focus::ALL, Focus::name) {
        viewer.act(Action::Look(focus));
    }
    ui.add_space(2.0);
    hint(ui, "Backdrop");
    ui.horizontal_wrapped(|ui| {
        for backdrop in Backdrop::ALL {
            if swatch(ui, backdrop, viewer.settings.backdrop == backdrop) {
                viewer.settings.backdrop = backdrop;
            }
        }
    });
    ui.add_space(2.0);
    let is_stereo = viewer.arrangement == Arrangement::Stereo;
    if switch(ui, "Stereo preview", is_stereo, "Left and right eye beside each other; one decode") {
        viewer.act(Action::Stereo);
    }
    let apart = &mut viewer.settings.eyes_apart_mm;
    fader(ui, "Eyes apart", apart, 0.0..=120.0, 63.0, millimetres);
}

/// A small wall to be picked; whether it was.
fn swatch(ui: &mut Ui, backdrop: Backdrop, is_on: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(80.0, 44.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), is_on, backdrop.name()));
    let [centre, edge] = backdrop.light();
    let color = |light: [f32; 3]| egui::Color32::from(egui::Rgba::from_rgb(light[0], light[1], light[2]));
    let painter = ui.painter();
    painter.rect_filled(rect, RADIUS, color(edge));
    for n in 1..=6u8 {
        let part = f32::from(n) / 6.0;
        let light: [f32; 3] = std::array::from_fn(|c| edge[c] + (centre[c] - edge[c]) * part);
        painter.circle_filled(rect.center() - vec2(0.0, 3.0), 20.0 * (1.05 - part), color(light));
    }
    let is_bright = edge[1] > 0.15;
    let text = if is_bright { egui::Color32::from_gray(40) } else { TEXT };
    let font = FontId::proportional(12.0);
    painter.text(rect.left_bottom() + vec2(6.0, -4.0), Align2::LEFT_BOTTOM, backdrop.name(), font, text);
    if is_on || response.hovered() {
        let line = Stroke::new(if is_on { 2.0 } else { 1.0 }, ACCENT);
        painter.rect_stroke(rect, RADIUS, line, StrokeKind::Inside);
    }
    response.clicked()
}

/// Who this is, and what draws them.
pub(super) fn about(ui: &mut Ui, viewer: &mut Viewer) {
    let line = |ui: &mut Ui, name: &str, text: &str| {
        ui.label(RichText::new(name).size(12.5).color(FAINT));
        ui.label(RichText::new(text).size(13.0));
    };
    if let Some(shown) = &viewer.shown {
        line(ui, "Avatar", &shown.avatar_path.display().to_string());
        line(ui, "Terms of use", &shown.licence);
    }
    line(ui, "Drawn by", &viewer.device.adapter);
    if viewer.device.is_software {
        ui.label(RichText::new(software_line(viewer)).size(13.0).color(WARM));
    }
    if ui.button("Start graphics afresh").clicked() {
        viewer.requests.push(Request::RestartGraphics);
    }
}

/// What is said where there is no graphics processor.
pub(crate) fn software_line(viewer: &Viewer) -> &'static str {
    if viewer.device.on_cpu {
        "No graphics processor here, so this machine's cores draw. Moving pictures are a little coarser; at rest they are \
         sharp."
    } else {
        "No graphics processor here, and shaders were asked for: expect seconds a picture."
    }
}
