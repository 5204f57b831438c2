//! What is seen before anybody is: what to do.

use std::path::PathBuf;

use egui::{Align2, Area, Frame, Id, Margin, Order, Rect, RichText, Sense, Ui};

use super::theme::{BRIGHT, FAINT, TEXT};
use crate::model::{Request, Viewer};

pub(super) fn show(ui: &Ui, rect: Rect, viewer: &mut Viewer) {
    let area = Area::new(Id::unique("welcome"))
        .order(Order::Middle)
        .movable(false)
        .sense(Sense::hover())
        .fixed_pos(rect.center())
        .pivot(Align2::CENTER_CENTER);
    area.show(ui.ctx(), |ui| {
        Frame::new().inner_margin(Margin::same(24)).show(ui, |ui| {
            ui.set_width((rect.width() - 48.0).clamp(80.0, 520.0));
            ui.vertical_centered(|ui| {
                if let Some(path) = &viewer.loading {
                    ui.spinner();
                    ui.add_space(6.0);
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    ui.label(RichText::new(format!("Reading {name}…")).size(16.0).color(BRIGHT));
                    return;
                }
                ui.label(RichText::new("Nobody is here yet").size(26.0).color(BRIGHT));
                ui.add_space(6.0);
                let text = "Drop an avatar (.avatar) or a recorded call (.mcap) into this window.";
                ui.label(RichText::new(text).size(15.0).color(TEXT));
                ui.add_space(16.0);
                if ui.add_sized([200.0, 36.0], egui::Button::new("Open a file…")).clicked() {
                    viewer.show_open(true);
                }
                ui.add_space(10.0);
                files(ui, viewer);
            });
        });
    });
}

/// What comes with the program, and what was open before.
pub(super) fn files(ui: &mut Ui, viewer: &mut Viewer) {
    let mut picked: Option<PathBuf> = None;
    for (name, path) in viewer.samples.iter().filter(|sample| sample.1.is_file()) {
        if ui.link(RichText::new(name).size(14.0)).on_hover_text(path.display().to_string()).clicked() {
            picked = Some(path.clone());
        }
    }
    let is_sample = |path: &PathBuf| viewer.samples.iter().any(|sample| same_file(&sample.1, path));
    let recent: Vec<&PathBuf> =
        viewer.settings.recent.iter().filter(|path| path.is_file() && !is_sample(path)).take(5).collect();
    if !recent.is_empty() {
        ui.add_space(8.0);
        ui.label(RichText::new("Recently").size(13.0).color(FAINT));
    }
    for path in recent {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ui.link(RichText::new(name).size(14.0)).on_hover_text(path.display().to_string()).clicked() {
            picked = Some(path.clone());
        }
    }
    if let Some(path) = picked {
        viewer.requests.push(Request::Open(path));
    }
}

fn same_file(a: &PathBuf, b: &PathBuf) -> bool {
    a == b || std::path::absolute(a).is_ok_and(|a| a == *b)
}
