//! Widgets of our own.

use std::ops::RangeInclusive;

use egui::{
    Align2, FontId, Key, Rect, Response, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use super::icons::{self, Icon};
use super::theme::{self, ACCENT, BRIGHT, FAINT, HOVERED, RADIUS, RAISED, TEXT};

/// A button with an icon. `name` is what it does, for the tooltip and for screen readers; `key` the key that does it too.
pub(crate) fn icon_button(ui: &mut Ui, icon: Icon, name: &str, key: &str, is_on: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(30.0, 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), is_on, name));
    if ui.is_rect_visible(rect) {
        let hovers = response.hovered() || response.has_focus();
        let fill = match (is_on, hovers) {
            (true, _) => theme::veil(ACCENT, 0.2),
            (false, true) => HOVERED,
            (false, false) => egui::Color32::TRANSPARENT,
        };
        ui.painter().rect_filled(rect, RADIUS, fill);
        let color = match (is_on, hovers) {
            _ if !ui.is_enabled() => theme::veil(FAINT, 0.5),
            (true, _) => ACCENT,
            (false, true) => BRIGHT,
            (false, false) => TEXT,
        };
        icons::paint(ui.painter(), icon, rect, color);
    }
    let tip = if key.is_empty() { name.to_owned() } else { format!("{name}   [{key}]") };
    response.on_hover_text(tip)
}

/// What a fader says of its value.
pub(crate) type Format = fn(f32) -> String;

pub(crate) fn percent(value: f32) -> String {
    format!("{:.0} %", value * 100.0)
}

pub(crate) fn times(value: f32) -> String {
    format!("× {value:.2}")
}

pub(crate) fn degrees(value: f32) -> String {
    format!("{:+.0}°", value.to_degrees())
}

pub(crate) fn millimetres(value: f32) -> String {
    format!("{value:.0} mm")
}

/// A bar that is its own slider: name, value, and from `usual` how far it was moved. A double click brings it back.
pub(crate) fn fader(
    ui: &mut Ui,
    name: &str,
    value: &mut f32,
    range: RangeInclusive<f32>,
    usual: f32,
    format: Format,
) -> Response {
    let size = vec2(ui.available_width(), 24.0);
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let (low, high) = range.into_inner();
    let span = (high - low).max(1e-6);
    let before = *value;
    if response.double_clicked() {
        *value = usual;
    } else if let Some(pointer) = response.interact_pointer_pos()
        && (response.dragged() || response.is_pointer_button_down_on())
    {
        let fine = ui.input(|input| input.modifiers.shift);
        *value = if fine {
            (*value + response.drag_delta().x / rect.width() * span * 0.2).clamp(low, high)
        } else {
            low + span * ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0)
        };
        // Near where it usually is it snaps, so that one gets back there.
        if !fine && (*value - usual).abs() < 0.012 * span {
            *value = usual;
        }
    }
    if response.has_focus() {
        let steps = ui.input(|input| {
            input.num_presses(Key::ArrowRight) as f32 - input.num_presses(Key::ArrowLeft) as f32
        });
        *value = (*value + 0.02 * span * steps).clamp(low, high);
    }
    if *value != before {
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), f64::from(*value), name));

    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        let hovers = response.hovered() || response.dragged() || response.has_focus();
        painter.rect_filled(rect, RADIUS, if hovers { HOVERED } else { RAISED });
        let x = |value: f32| rect.left() + rect.width() * ((value - low) / span).clamp(0.0, 1.0);
        let (from, to) = (x(usual).min(x(*value)), x(usual).max(x(*value)));
        if to - from > 0.5 {
            let moved = Rect::from_min_max(pos2(from, rect.top()), pos2(to, rect.bottom()));
            painter.rect_filled(moved, RADIUS.min(3), theme::veil(ACCENT, if hovers { 0.38 } else { 0.28 }));
            painter.vline(x(*value), rect.y_range().shrink(3.0), Stroke::new(2.0, ACCENT));
        }
        if usual > low && usual < high {
            painter.vline(x(usual), rect.y_range().shrink(9.0), Stroke::new(1.0, theme::veil(FAINT, 0.7)));
        }
        let font = FontId::proportional(13.0);
        let is_moved = (*value - usual).abs() > 1e-4;
        let color = if is_moved || hovers { BRIGHT } else { TEXT };
        painter.text(rect.left_center() + vec2(9.0, 0.0), Align2::LEFT_CENTER, name, font.clone(), color);
        let color = if is_moved { BRIGHT } else { FAINT };
        painter.text(rect.right_center() - vec2(9.0, 0.0), Align2::RIGHT_CENTER, format(*value), font, color);
    }
    response
}

/// A choice among few, side by side and equally wide. The one that was pressed.
pub(crate) fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    chosen: Option<T>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Option<T> {
    let mut pressed = None;
    let gap = 4.0;
    let count = all.len().max(1) as f32;
    let width = ((ui.available_width() - gap * (count - 1.0)) / count).floor().max(1.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        for &one in all {
            let is_on = chosen == Some(one);
            let (rect, response) = ui.allocate_exact_size(vec2(width, 26.0), Sense::click());
            response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), is_on, name(one)));
            let hovers = response.hovered() || response.has_focus();
            let fill = match (is_on, hovers) {
                (true, _) => theme::veil(ACCENT, 0.2),
                (false, true) => HOVERED,
                (false, false) => RAISED,
            };
            ui.painter().rect_filled(rect, RADIUS, fill);
            if is_on {
                let line = Stroke::new(1.0, theme::veil(ACCENT, 0.7));
                ui.painter().rect_stroke(rect, RADIUS, line, StrokeKind::Inside);
            }
            let color = if is_on { ACCENT } else { TEXT };
            let font = FontId::proportional(13.0);
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, name(one), font, color);
            if response.clicked() {
                pressed = Some(one);
            }
        }
    });
    pressed
}

/// A switch with its name; whether it was pressed.
pub(crate) fn switch(ui: &mut Ui, name: &str, is_on: bool, hint: &str) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), is_on, name));
    let hovers = response.hovered() || response.has_focus();
    let color = if hovers || is_on { BRIGHT } else { TEXT };
    let font = FontId::proportional(14.0);
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, font, color);
    let track = Rect::from_center_size(pos2(rect.right() - 17.0, rect.center().y), vec2(30.0, 16.0));
    let how = ui.ctx().animate_bool(response.id, is_on);
    let fill = if is_on {
        theme::veil(ACCENT, 0.75)
    } else if hovers {
        HOVERED
    } else {
        RAISED
    };
    ui.painter().rect_filled(track, 8, fill);
    let knob = pos2(egui::lerp(track.left() + 8.0..=track.right() - 8.0, how), track.center().y);
    ui.painter().circle_filled(knob, 5.5, if is_on { theme::PANEL } else { FAINT });
    let pressed = response.clicked();
    if !hint.is_empty() {
        response.on_hover_text(hint);
    }
    pressed
}

/// A heading within a panel that opens and closes what is below it.
pub(crate) fn section(ui: &mut Ui, name: &str, is_open: bool, add: impl FnOnce(&mut Ui)) {
    ui.add_space(2.0);
    let header =
        egui::CollapsingHeader::new(RichText::new(name).size(14.0).color(BRIGHT)).default_open(is_open);
    header.show_unindented(ui, |ui| {
        ui.add_space(2.0);
        add(ui);
        ui.add_space(6.0);
    });
    ui.separator();
}

/// Words that explain, smaller and fainter.
pub(crate) fn hint(ui: &mut Ui, text: impl Into<String>) {
    ui.label(RichText::new(text).size(12.5).color(FAINT));
}
