//! How much of a face is shown.

use std::path::PathBuf;

use egui::{TextEdit, Ui};
use visavis_codec::expression::{PRESETS, Preset, Region};

use super::widgets::{choice, fader, hint, percent, switch, times};
use crate::model::Viewer;
use crate::model::actions::Action;
use crate::model::stage::Arrangement;

/// The largest gain of a slider; files may say more.
const MAX_GAIN: f32 = 2.0;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    if !viewer.tuning.is_possible() {
        hint(ui, "This face has no named units, so nobody knows what to show more or less of.");
        return;
    }
    if let Some(preset) = choice(ui, viewer.tuning.preset(), &PRESETS, preset_name) {
        viewer.tuning.take_preset(preset);
    }
    let mut intensity = viewer.tuning.profile().intensity();
    if fader(ui, "Everything", &mut intensity, 0.0..=2.0, 1.0, percent).changed() {
        viewer.tuning.set_intensity(intensity);
    }
    ui.add_space(2.0);
    for region in Region::ALL {
        let mut gain = viewer.tuning.gain(region);
        if fader(ui, region_name(region), &mut gain, 0.0..=MAX_GAIN, 1.0, times).changed() {
            viewer.tuning.set_gain(region, gain);
        }
    }
    ui.add_space(2.0);
    let is_split = viewer.arrangement == Arrangement::Split;
    if switch(ui, "As I am | tuned", is_split, "Both beside each other") {
        viewer.act(Action::Split);
    }
    profile(ui, viewer);
}

/// Saving and loading.
fn profile(ui: &mut Ui, viewer: &mut Viewer) {
    let name = viewer.tuning.profile().name();
    let of = if name.is_empty() { "Profile".to_owned() } else { format!("Profile: {name}") };
    hint(ui, of);
    let field = TextEdit::singleline(&mut viewer.overlays.profile).desired_width(f32::INFINITY);
    ui.add(field).on_hover_text("Where the profile is kept; `visavis render --profile` takes the same file");
    let path = PathBuf::from(viewer.overlays.profile.trim());
    ui.horizontal(|ui| {
        let width = ((ui.available_width() - ui.spacing().item_spacing.x) / 2.0).max(1.0);
        let size = [width, 26.0];
        if ui.add_sized(size, egui::Button::new("Save")).clicked() {
            match viewer.tuning.save(&path) {
                Ok(()) => viewer.notices.done("The profile is saved", Some(path.clone())),
                Err(error) => viewer.notices.problem(format!("{error:#}")),
            }
        }
        if ui.add_sized(size, egui::Button::new("Load")).clicked() {
            match viewer.tuning.load(&path) {
                Ok(()) => viewer.notices.done("The profile is loaded", Some(path.clone())),
                Err(error) => viewer.notices.problem(format!("{error:#}")),
            }
        }
    });
}

const fn preset_name(preset: Preset) -> &'static str {
    match preset {
        Preset::AsIAm => "as I am",
        Preset::Warmer => "warmer",
        Preset::Lively => "lively",
        Preset::Calm => "calm",
    }
}

/// A region's name as a heading.
pub(super) const fn region_name(region: Region) -> &'static str {
    match region {
        Region::Brows => "Brows",
        Region::Eyes => "Lids",
        Region::Gaze => "Gaze",
        Region::Nose => "Nose",
        Region::Cheeks => "Cheeks",
        Region::Mouth => "Mouth",
        Region::Lips => "Lips",
        Region::Jaw => "Jaw",
        Region::Tongue => "Tongue",
    }
}
