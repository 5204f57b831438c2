//! The picture's own area: the camera by mouse, trackpad and fingers; names over divided pictures.

use egui::{
    Align2, FontId, MouseWheelSource, PointerButton, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use glam::Vec2;

use super::theme::{self, ACCENT, BRIGHT};
use super::{StageArea, welcome};
use crate::model::Viewer;
use crate::model::camera::Focus;

/// A notch of the wheel comes so much nearer.
const ZOOM_PER_POINT: f32 = 0.0022;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) -> StageArea {
    let rect = ui.available_rect_before_wrap();
    let response = ui.interact(rect, ui.scope_id().with("stage"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Stage"));
    let columns = viewer.arrangement.columns() as f32;
    let size = vec2(rect.width() / columns, rect.height()).max(vec2(1.0, 1.0));
    let aspect = size.x / size.y;
    // From a place in the window to the picture that is there.
    let place = |at: egui::Pos2| {
        let x = (at.x - rect.left()).rem_euclid(size.x) - 0.5 * size.x;
        Vec2::new(x, rect.center().y - at.y) / size.y
    };

    if viewer.shown.is_some() {
        let drag = response.drag_delta();
        let drag = Vec2::new(drag.x, drag.y) / size.y;
        let shift = ui.input(|input| input.modifiers.shift);
        let pans =
            response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle);
        if pans || (shift && response.dragged()) {
            viewer.camera.pan(drag);
        } else if response.dragged_by(PointerButton::Primary) {
            viewer.camera.orbit(drag);
        }
        if response.double_clicked()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            let part = viewer.camera.part_at(place(pointer), aspect);
            // The same again: back to where one sees everything.
            let again = viewer.camera.focus() == Some(part);
            viewer.camera.look_at(if again { Focus::Portrait } else { part });
        }
        if response.hovered() {
            scroll(ui, viewer, size.y);
        }
        captions(ui, rect, viewer);
    } else {
        welcome::show(ui, rect, viewer);
    }
    if viewer.overlays.hovers {
        drop_here(ui, rect);
    }
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| viewer.shown.is_some()).map(place);
    StageArea { rect, pointer }
}

/// A wheel zooms; two fingers on a trackpad turn, pinched they zoom.
fn scroll(ui: &Ui, viewer: &mut Viewer, height: f32) {
    let (delta, pinch, source) =
        ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta(), input.scroll_source()));
    if pinch != 1.0 {
        viewer.camera.zoom(pinch);
    } else if delta != egui::Vec2::ZERO {
        match source {
            Some(MouseWheelSource::Trackpad | MouseWheelSource::Momentum) => {
                viewer.camera.orbit(Vec2::new(delta.x, delta.y) / height);
            }
            _ => viewer.camera.zoom((ZOOM_PER_POINT * (delta.y + delta.x)).exp()),
        }
    }
}

/// Names over pictures that stand beside each other, and lines between them.
fn captions(ui: &Ui, rect: Rect, viewer: &Viewer) {
    let names = viewer.arrangement.captions();
    let width = rect.width() / names.len().max(1) as f32;
    let painter = ui.painter_at(rect);
    for (n, name) in names.iter().enumerate() {
        let left = rect.left() + width * n as f32;
        if n > 0 {
            painter.vline(left, rect.y_range(), Stroke::new(1.0, theme::veil(BRIGHT, 0.25)));
        }
        let at = pos2(left + 0.5 * width, rect.top() + 20.0);
        let galley = painter.layout_no_wrap((*name).to_owned(), FontId::proportional(13.0), BRIGHT);
        let plate = Rect::from_center_size(at, galley.size() + vec2(18.0, 8.0));
        painter.rect_filled(plate, 255, theme::veil(theme::PANEL, 0.72));
        painter.galley(plate.center() - 0.5 * galley.size(), galley, BRIGHT);
    }
}

/// What is said while a file is held over the window.
fn drop_here(ui: &Ui, rect: Rect) {
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, theme::veil(theme::PANEL, 0.7));
    painter.rect_stroke(rect.shrink(14.0), 12, Stroke::new(2.0, ACCENT), egui::StrokeKind::Inside);
    let font = FontId::proportional(20.0);
    painter.text(rect.center(), Align2::CENTER_CENTER, "Let go to open it", font, BRIGHT);
}
