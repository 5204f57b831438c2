//! The panel at the side: everything that is changed by degrees.

use egui::{ScrollArea, Ui};

use super::widgets::section;
use super::{expression, face, picture, trackers};
use crate::model::Viewer;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        // Room for the scroll bar, so that it lies over nothing.
        ui.set_max_width(ui.available_width() - 8.0);
        section(ui, "Expressiveness", true, |ui| expression::show(ui, viewer));
        if viewer.is_by_hand() {
            section(ui, "Face", true, |ui| face::show(ui, viewer));
        }
        section(ui, "Trackers", false, |ui| trackers::show(ui, viewer));
        section(ui, "Light", true, |ui| picture::light(ui, viewer));
        section(ui, "Picture", false, |ui| picture::show(ui, viewer));
        section(ui, "About", false, |ui| picture::about(ui, viewer));
    });
}
