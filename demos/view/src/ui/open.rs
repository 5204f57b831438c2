//! The dialog for files: the system's own, or a path that one types.

use std::path::PathBuf;

use egui::{Context, Frame, Id, Key, Modal, RichText, TextEdit};

use super::theme::{self, BRIGHT, FAINT};
use super::welcome;
use crate::model::{Request, Viewer};

pub(super) fn show(context: &Context, viewer: &mut Viewer) {
    let frame = Frame::window(&context.global_style()).inner_margin(20);
    let response = Modal::new(Id::unique("open"))
        .backdrop_color(theme::veil(theme::PANEL, 0.6))
        .frame(frame)
        .show(context, |ui| {
            ui.set_width(440.0);
            ui.label(RichText::new("Open").size(19.0).color(BRIGHT));
            ui.label(
                RichText::new("An avatar (.avatar), a recorded call (.mcap) or a profile (.toml)")
                    .color(FAINT),
            );
            ui.add_space(6.0);
            let mut go = false;
            ui.horizontal(|ui| {
                let field = TextEdit::singleline(&mut viewer.overlays.path)
                    .hint_text("Path of a file")
                    .desired_width((ui.available_width() - 76.0).max(40.0));
                let response = ui.name_inputs("Path", |ui| ui.add(field));
                if std::mem::take(&mut viewer.overlays.types_path) {
                    response.request_focus();
                }
                go = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                go |= ui.button("Open it").clicked();
            });
            if ui.button("Browse…").on_hover_text("The system's dialog for files").clicked() {
                viewer.requests.push(Request::Browse);
            }
            ui.add_space(6.0);
            welcome::files(ui, viewer);
            if go && !viewer.overlays.path.trim().is_empty() {
                let path = PathBuf::from(viewer.overlays.path.trim());
                viewer.requests.push(Request::Open(path));
            }
        });
    if response.backdrop_response.clicked() {
        viewer.overlays.open = false;
    }
}
