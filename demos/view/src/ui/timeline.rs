//! The bar below a recording: where it is, what is to come, how fast.

use egui::{
    Align, ComboBox, CursorIcon, Layout, Rect, RichText, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::icons::Icon;
use super::keys::key_of;
use super::theme::{self, ACCENT, BRIGHT, FAINT, RAISED};
use super::widgets::icon_button;
use crate::model::actions::Action;
use crate::model::transport::{SPEEDS, Transport, clock};
use crate::model::{Player, Viewer};

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    if let Some(player) = &mut viewer.player {
        track(ui, player);
    }
    let Some(transport) = viewer.player.as_ref().map(|player| player.transport.clone()) else { return };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let mut button = |ui: &mut Ui, icon, name, action, is_on| {
            if icon_button(ui, icon, name, key_of(action), is_on).clicked() {
                viewer.act(action);
            }
        };
        button(ui, Icon::ToStart, "To the start", Action::Start, false);
        button(ui, Icon::StepBack, "One picture back", Action::Step(-1), false);
        let is_playing = transport.is_playing();
        let (icon, name) = if is_playing { (Icon::Pause, "Pause") } else { (Icon::Play, "Play") };
        button(ui, icon, name, Action::PlayPause, is_playing);
        button(ui, Icon::StepOn, "One picture on", Action::Step(1), false);
        button(ui, Icon::ToEnd, "To the end", Action::End, false);
        ui.add_space(8.0);
        ui.label(RichText::new(clock(transport.position())).monospace().color(BRIGHT));
        ui.label(RichText::new(format!("/ {}", clock(transport.seconds()))).monospace().color(FAINT));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let is_looping = transport.is_looping;
            if icon_button(ui, Icon::Loop, "Over and over", key_of(Action::Loop), is_looping).clicked() {
                viewer.act(Action::Loop);
            }
            ui.add_space(6.0);
            if let Some(player) = &mut viewer.player {
                speed(ui, &mut player.transport);
            }
            if let Some([start, end]) = transport.part() {
                ui.add_space(6.0);
                let text = format!("{} to {}", clock(start), clock(end));
                if ui.small_button(text).on_hover_text("Plays this part alone; click for all of it").clicked()
                    && let Some(player) = &mut viewer.player
                {
                    player.transport.set_part(None);
                }
            }
        });
    });
}

fn speed(ui: &mut Ui, transport: &mut Transport) {
    ui.name_inputs("Speed", |ui| {
        let shown = format!("× {}", transport.speed());
        ComboBox::from_id_salt("speed").width(64.0).selected_text(shown).show_ui(ui, |ui| {
            for speed in SPEEDS {
                if ui.selectable_label(transport.speed() == speed, format!("× {speed}")).clicked() {
                    transport.set_speed(speed);
                }
            }
        });
    });
}

/// The track: how lively the face is over time, what was played, the part that is looped.
fn track(ui: &mut Ui, player: &mut Player) {
    let Player { transport, activity, .. } = player;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, transport.position(), "Time"));
    let seconds = transport.seconds().max(1e-6);
    let time_at = |x: f32| f64::from(((x - rect.left()) / rect.width()).clamp(0.0, 1.0)) * seconds;
    let x_at = |time: f64| rect.left() + rect.width() * (time / seconds) as f32;

    let selects = ui.input(|input| input.modifiers.shift);
    if response.double_clicked() {
        transport.set_part(None);
    } else if let Some(pointer) = response.interact_pointer_pos()
        && (response.dragged() || response.is_pointer_button_down_on())
    {
        let origin = ui.input(|input| input.pointer.press_origin());
        match origin {
            Some(origin) if selects => {
                transport.set_part(Some([time_at(origin.x), time_at(pointer.x)]));
                if !transport.range().contains(&transport.position()) {
                    transport.seek(*transport.range().start());
                }
            }
            _ => transport.seek(time_at(pointer.x)),
        }
    }

    let painter = ui.painter_at(rect.expand(1.0));
    painter.rect_filled(rect, theme::RADIUS, RAISED);
    let played = x_at(transport.position());
    // A line of bars, each as high as the face moves then.
    let step = rect.width() / activity.len().max(1) as f32;
    for (n, level) in activity.iter().enumerate() {
        let x = rect.left() + (n as f32 + 0.5) * step;
        let half = (0.06 + 0.36 * level) * rect.height();
        let color = if x <= played { theme::veil(ACCENT, 0.85) } else { theme::veil(FAINT, 0.42) };
        let bar = Rect::from_center_size(pos2(x, rect.center().y), vec2((step * 0.55).max(1.0), 2.0 * half));
        painter.rect_filled(bar, 1.0, color);
    }
    if let Some([start, end]) = transport.part() {
        for (from, to) in [(rect.left(), x_at(start)), (x_at(end), rect.right())] {
            let outside = Rect::from_min_max(pos2(from, rect.top()), pos2(to, rect.bottom()));
            painter.rect_filled(outside, 0.0, theme::veil(theme::PANEL, 0.75));
        }
        for edge in [start, end] {
            painter.vline(x_at(edge), rect.y_range(), Stroke::new(1.5, ACCENT));
        }
    }
    painter.vline(played, rect.y_range(), Stroke::new(2.0, BRIGHT));
    let tip = pos2(played, rect.top());
    let points = vec![tip + vec2(-5.0, -1.0), tip + vec2(5.0, -1.0), tip + vec2(0.0, 6.0)];
    painter.add(Shape::convex_polygon(points, BRIGHT, Stroke::NONE));
    if let Some(hover) = response.hover_pos() {
        painter.vline(hover.x, rect.y_range(), Stroke::new(1.0, theme::veil(BRIGHT, 0.35)));
        let galley = painter.layout_no_wrap(clock(time_at(hover.x)), egui::FontId::monospace(12.0), BRIGHT);
        // On the side where there is room.
        let is_left = hover.x < rect.center().x;
        let x = if is_left { hover.x + 7.0 } else { hover.x - 7.0 - galley.size().x };
        let place = Rect::from_min_size(pos2(x, rect.center().y - 0.5 * galley.size().y), galley.size());
        painter.rect_filled(place.expand2(vec2(5.0, 3.0)), 4.0, theme::veil(theme::PANEL, 0.9));
        painter.galley(place.min, galley, BRIGHT);
        response.on_hover_cursor(CursorIcon::PointingHand);
    }
}
