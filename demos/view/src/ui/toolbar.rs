//! The bar at the top: who is shown, and what one does most.

use egui::{Align, Layout, RichText, Ui};

use super::icons::Icon;
use super::keys::key_of;
use super::theme::{ALERT, BRIGHT, FAINT};
use super::widgets::icon_button;
use crate::model::Viewer;
use crate::model::actions::Action;
use crate::model::stage::Arrangement;
use crate::model::transport::clock;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    ui.horizontal_centered(|ui| {
        button(ui, viewer, Icon::Open, "Open a file", Action::Open, false);
        ui.add_space(4.0);
        match &viewer.shown {
            Some(shown) => {
                ui.label(RichText::new(&shown.name).size(16.0).color(BRIGHT));
                ui.label(RichText::new(viewer.driver()).size(13.0).color(FAINT));
            }
            None => {
                ui.label(RichText::new("vis-à-vis").size(16.0).color(BRIGHT));
            }
        }
        if viewer.loading.is_some() {
            ui.spinner();
            ui.label(RichText::new("reading…").size(13.0).color(FAINT));
        }
        if let Some(filming) = &viewer.filming {
            ui.label(RichText::new("●").color(ALERT));
            ui.label(RichText::new(clock(filming.seconds)).monospace().color(ALERT));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            button(ui, viewer, Icon::Help, "Keys and mouse", Action::Help, viewer.overlays.help);
            if viewer.shown.is_none() {
                return;
            }
            let (panel, plots) = (viewer.settings.side_panel, viewer.settings.statistics);
            button(ui, viewer, Icon::Panel, "Side panel", Action::Panel, panel);
            button(ui, viewer, Icon::Plot, "Statistics", Action::Statistics, plots);
            ui.add_space(8.0);
            let is_filming = viewer.filming.is_some();
            button(ui, viewer, Icon::Record, "Film", Action::Record, is_filming);
            button(ui, viewer, Icon::Camera, "Screenshot", Action::Screenshot, false);
            ui.add_space(8.0);
            button(ui, viewer, Icon::Backdrop, "Another backdrop", Action::Backdrop, false);
            let arrangement = viewer.arrangement;
            let is_stereo = arrangement == Arrangement::Stereo;
            button(ui, viewer, Icon::Stereo, "Stereo preview", Action::Stereo, is_stereo);
            let is_split = arrangement == Arrangement::Split;
            button(ui, viewer, Icon::Split, "As I am beside tuned", Action::Split, is_split);
            if viewer.is_by_hand() {
                let follows = viewer.puppet.follows;
                button(ui, viewer, Icon::Eye, "Eyes follow the pointer", Action::Follow, follows);
            }
        });
    });
}

fn button(ui: &mut Ui, viewer: &mut Viewer, icon: Icon, name: &str, action: Action, is_on: bool) {
    if icon_button(ui, icon, name, key_of(action), is_on).clicked() {
        viewer.act(action);
    }
}
