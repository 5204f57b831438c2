//! Messages in a corner of the picture.

use egui::{Align2, Area, Context, Frame, Id, Margin, Order, Rect, RichText, Stroke, vec2};

use super::icons::Icon;
use super::theme::{self, ACCENT, ALERT, BRIGHT, FAINT, WARM};
use super::widgets::icon_button;
use crate::model::Viewer;
use crate::model::notice::Kind;

pub(super) fn show(context: &Context, stage: Rect, viewer: &mut Viewer) {
    let mut closed = None;
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .movable(false)
        .fixed_pos(stage.left_bottom() + vec2(14.0, -14.0))
        .pivot(Align2::LEFT_BOTTOM)
        .show(context, |ui| {
            ui.set_width((stage.width() - 28.0).clamp(120.0, 420.0));
            for notice in viewer.notices.iter() {
                let color = match notice.kind {
                    Kind::Done => ACCENT,
                    Kind::Hint => WARM,
                    Kind::Problem => ALERT,
                };
                let card = Frame::new()
                    .fill(theme::veil(theme::PANEL, 0.94))
                    .stroke(Stroke::new(1.0, theme::veil(color, 0.55)))
                    .corner_radius(8)
                    .inner_margin(Margin { left: 14, right: 6, top: 6, bottom: 6 });
                card.show(ui, |ui| {
                    ui.horizontal(|ui| {
                        let width = (ui.available_width() - 34.0).max(40.0);
                        ui.vertical(|ui| {
                            ui.set_width(width);
                            ui.add_space(4.0);
                            ui.label(RichText::new(&notice.text).color(BRIGHT));
                            if let Some(file) = &notice.file {
                                ui.label(RichText::new(file.display().to_string()).size(12.5).color(FAINT));
                            }
                            ui.add_space(4.0);
                        });
                        if icon_button(ui, Icon::Close, "Close", "", false).clicked() {
                            closed = Some(notice.number());
                        }
                    });
                });
            }
        });
    if let Some(number) = closed {
        viewer.notices.close(number);
    }
}
