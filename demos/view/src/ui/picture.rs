//! The picture: what stands behind, how far eyes are apart, and what draws.

use std::f32::consts::PI;

use egui::{Align2, CornerRadius, FontId, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::theme::{ACCENT, FAINT, RADIUS, RAISED, TEXT, WARM};
use super::widgets::{choice, degrees, fader, hint, millimetres, percent, switch};
use crate::model::actions::Action;
use crate::model::backdrop::Backdrop;
use crate::model::camera::Focus;
use crate::model::light::Mood;
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
            if wall(ui, backdrop, viewer.settings.backdrop == backdrop) {
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

/// Light to see the person in.
pub(super) fn light(ui: &mut Ui, viewer: &mut Viewer) {
    if !viewer.shown.as_ref().is_some_and(|shown| shown.can_be_relit) {
        hint(ui, "This avatar doesn't say which light it was captured in, so it is only seen in that one.");
        return;
    }
    let lighting = &mut viewer.lighting;
    ui.horizontal_wrapped(|ui| {
        for mood in Mood::ALL {
            let [bright, dark] = mood.colors().map(|[r, g, b]| egui::Color32::from_rgb(r, g, b));
            let paint = |painter: &egui::Painter, rect: egui::Rect| {
                painter.rect_filled(rect, RADIUS, RAISED);
                // Two colours above, and room for the name below them.
                let colors = rect.with_max_y(rect.top() + 22.0);
                let corner = CornerRadius { nw: RADIUS, ..CornerRadius::ZERO };
                painter.rect_filled(colors.with_max_x(rect.center().x), corner, bright);
                let corner = CornerRadius { ne: RADIUS, ..CornerRadius::ZERO };
                painter.rect_filled(colors.with_min_x(rect.center().x), corner, dark);
            };
            if swatch(ui, mood.name(), TEXT, lighting.mood == mood, paint) {
                lighting.mood = mood;
            }
        }
    });
    ui.add_enabled_ui(lighting.mood != Mood::AsCaptured, |ui| {
        fader(ui, "Turned", &mut lighting.turn, -PI..=PI, 0.0, degrees);
        fader(ui, "Strength", &mut lighting.strength, 0.0..=2.0, 1.0, percent);
    });
}

/// A wall to be picked; whether it was.
fn wall(ui: &mut Ui, backdrop: Backdrop, is_on: bool) -> bool {
    let [centre, edge] = backdrop.light();
    let color = |light: [f32; 3]| egui::Color32::from(egui::Rgba::from_rgb(light[0], light[1], light[2]));
    let text = if edge[1] > 0.15 { egui::Color32::from_gray(40) } else { TEXT };
    swatch(ui, backdrop.name(), text, is_on, |painter, rect| {
        painter.rect_filled(rect, RADIUS, color(edge));
        for n in 1..=6u8 {
            let part = f32::from(n) / 6.0;
            let light: [f32; 3] = std::array::from_fn(|c| edge[c] + (centre[c] - edge[c]) * part);
            painter.circle_filled(rect.center() - vec2(0.0, 3.0), 20.0 * (1.05 - part), color(light));
        }
    })
}

/// A small picture to be picked; whether it was.
fn swatch(
    ui: &mut Ui,
    name: &str,
    text: egui::Color32,
    is_on: bool,
    paint: impl FnOnce(&egui::Painter, egui::Rect),
) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(80.0, 44.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), is_on, name));
    let painter = ui.painter();
    paint(painter, rect);
    let font = FontId::proportional(12.0);
    painter.text(rect.left_bottom() + vec2(6.0, -4.0), Align2::LEFT_BOTTOM, name, font, text);
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
