//! A face by hand: a slider a unit, grouped by region.

use egui::{CollapsingHeader, RichText, TextEdit, Ui};
use visavis_codec::FaceUnit;
use visavis_codec::avatar::LatentModel;
use visavis_codec::expression::Region;

use super::expression::region_name;
use super::theme::{ACCENT, TEXT};
use super::widgets::{degrees, fader, hint, percent, switch};
use crate::model::Viewer;
use crate::model::puppet::{MAX_PITCH, MAX_YAW, Puppet, spoken};

/// How far the head turns by hand, radians.
const MAX_TURN: f32 = 0.5;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    if switch(ui, "Eyes follow the pointer", viewer.puppet.follows, "") {
        viewer.set_follows(!viewer.puppet.follows);
    }
    if switch(ui, "Breathes and blinks", viewer.puppet.is_alive, "") {
        viewer.set_alive(!viewer.puppet.is_alive);
    }
    if !viewer.tuning.is_possible() {
        return;
    }
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 68.0).max(40.0);
        let field = TextEdit::singleline(&mut viewer.overlays.search).hint_text("Search: smile, brow…");
        ui.name_inputs("Search", |ui| ui.add(field.desired_width(width)));
        let is_moved = !viewer.puppet.is_at_rest();
        let rest = egui::Button::new("Rest").min_size(egui::vec2(ui.available_width(), 0.0));
        if ui.add_enabled(is_moved, rest).on_hover_text("All to zero   [N]").clicked() {
            viewer.puppet.rest();
        }
    });
    let search = viewer.overlays.search.trim().to_lowercase();
    let Viewer { puppet, shown, .. } = viewer;
    let Some(model) = shown.as_ref().map(|shown| &shown.model) else { return };
    let mut found = false;
    if fits("gaze eyes look", &search) {
        found = true;
        group(ui, "Gaze", !search.is_empty(), puppet.gaze != [0.0; 2], |ui| {
            let [yaw, pitch] = &mut puppet.gaze;
            fader(ui, "Left, right", yaw, -MAX_YAW..=MAX_YAW, 0.0, degrees);
            fader(ui, "Up, down", pitch, -MAX_PITCH..=MAX_PITCH, 0.0, degrees);
        });
    }
    if fits("head turn nod tilt", &search) {
        found = true;
        group(ui, "Head", !search.is_empty(), puppet.head != [0.0; 3], |ui| {
            for (name, angle) in ["Turn", "Nod", "Tilt"].into_iter().zip(&mut puppet.head) {
                fader(ui, name, angle, -MAX_TURN..=MAX_TURN, 0.0, degrees);
            }
        });
    }
    for region in Region::ALL.into_iter().filter(|&region| region != Region::Gaze) {
        found |= units(ui, region, &search, puppet, model);
    }
    if !found {
        hint(ui, format!("Nothing is called “{search}”."));
    }
}

/// A region's sliders, as far as they fit what is searched for; whether there are any.
fn units(ui: &mut Ui, region: Region, search: &str, puppet: &mut Puppet, model: &LatentModel) -> bool {
    let of_region = |unit: &FaceUnit| Region::of(*unit) == region;
    let name = |unit: FaceUnit| format!("{} {}", region_name(region), spoken(unit)).to_lowercase();
    let found: Vec<FaceUnit> =
        FaceUnit::ALL.into_iter().filter(of_region).filter(|&unit| fits(&name(unit), search)).collect();
    if found.is_empty() {
        return false;
    }
    let is_moved = found.iter().any(|&unit| puppet.units[unit as usize] != 0.0);
    group(ui, region_name(region), !search.is_empty(), is_moved, |ui| {
        for unit in found {
            // As far as the capture went: what lies beyond, no decoder has seen.
            let most = model.axes.get(unit as usize).map_or(1.0, |axis| axis.max.clamp(0.05, 1.0));
            fader(ui, &spoken(unit), &mut puppet.units[unit as usize], 0.0..=most, 0.0, percent);
        }
    });
    true
}

fn group(ui: &mut Ui, name: &str, is_open: bool, is_moved: bool, add: impl FnOnce(&mut Ui)) {
    let color = if is_moved { ACCENT } else { TEXT };
    let header = CollapsingHeader::new(RichText::new(name).color(color)).id_salt(("units", name));
    header.open(is_open.then_some(true)).show_unindented(ui, add);
}

/// Whether every word that is searched for stands in a name.
fn fits(name: &str, search: &str) -> bool {
    search.split_whitespace().all(|word| name.contains(word))
}
