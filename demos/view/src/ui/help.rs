//! What keys and mouse do.

use egui::{Context, Frame, Grid, Id, Modal, RichText, Ui};

use super::keys::BINDINGS;
use super::theme::{self, ACCENT, BRIGHT, FAINT, RAISED, TEXT};
use crate::model::Viewer;
use crate::model::actions::Group;

const MOUSE: [(&str, &str); 5] = [
    ("Drag", "turn"),
    ("Right drag", "move"),
    ("Wheel, pinch", "nearer, further"),
    ("Double click", "look at eyes, mouth or head"),
    ("Drop a file", "open it"),
];

pub(super) fn show(context: &Context, viewer: &mut Viewer) {
    let frame = Frame::window(&context.global_style()).inner_margin(24);
    let response = Modal::new(Id::unique("help"))
        .backdrop_color(theme::veil(theme::PANEL, 0.6))
        .frame(frame)
        .show(context, |ui| {
            ui.label(RichText::new("Keys and mouse").size(19.0).color(BRIGHT));
            ui.add_space(8.0);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 36.0;
                ui.vertical(|ui| {
                    group(ui, "Mouse", MOUSE.into_iter());
                    of(ui, Group::Look);
                    of(ui, Group::Face);
                });
                ui.vertical(|ui| {
                    of(ui, Group::Recording);
                    of(ui, Group::Window);
                });
            });
            ui.label(
                RichText::new("Faders: a double click brings one back, Shift makes it fine.").color(FAINT),
            );
        });
    if response.backdrop_response.clicked() {
        viewer.overlays.help = false;
    }
}

fn of(ui: &mut Ui, which: Group) {
    let rows = BINDINGS.iter().filter(|binding| binding.group == which);
    group(ui, which.name(), rows.map(|binding| (binding.keys, binding.text)));
}

fn group<'a>(ui: &mut Ui, name: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    ui.label(RichText::new(name).size(13.0).color(ACCENT));
    Grid::new(name).num_columns(2).spacing([14.0, 5.0]).show(ui, |ui| {
        for (keys, text) in rows {
            let keys = RichText::new(format!(" {keys} ")).monospace().size(12.5).color(BRIGHT);
            ui.label(keys.background_color(RAISED));
            ui.label(RichText::new(text).color(TEXT));
            ui.end_row();
        }
    });
    ui.add_space(8.0);
}
