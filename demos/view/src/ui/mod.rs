//! Panels round the picture, and what lies over it.

mod expression;
mod face;
mod help;
mod icons;
pub(crate) mod keys;
mod notices;
mod open;
mod picture;
mod side;
mod stage;
mod statistics;
pub(crate) mod theme;
mod timeline;
mod toolbar;
mod trackers;
mod welcome;
mod widgets;

#[cfg(test)]
mod tests;

pub(crate) use picture::software_line;

use egui::{CentralPanel, Frame, Margin, Panel, Rect, Ui};
use glam::Vec2;

use crate::model::Viewer;

/// Windows smaller than this, points, show the person and leave panels away.
const MIN_WIDTH_WITH_PANEL: f32 = 620.0;
const MIN_HEIGHT_WITH_STATISTICS: f32 = 460.0;

/// Where the picture is, and the pointer in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StageArea {
    /// Points.
    pub(crate) rect: Rect,
    /// In heights of the picture from its middle, right and up; where pictures stand beside each other, of the one that the
    /// pointer is over.
    pub(crate) pointer: Option<Vec2>,
}

/// Shows everything but the picture itself, and lets people change it.
pub(crate) fn show(ui: &mut Ui, viewer: &mut Viewer) -> StageArea {
    keys::handle(ui.ctx(), viewer);
    let bar = Frame::new().fill(theme::PANEL).inner_margin(Margin::symmetric(10, 6));
    let side = Frame::new().fill(theme::PANEL).inner_margin(Margin::symmetric(12, 8));
    Panel::top("toolbar")
        .exact_size(42.0)
        .resizable(false)
        .frame(bar)
        .show(ui, |ui| toolbar::show(ui, viewer));
    let has_somebody = viewer.shown.is_some();
    // In a small window the person comes first.
    let room = ui.available_size();
    let has_width = room.x >= MIN_WIDTH_WITH_PANEL;
    let mut is_open = has_somebody && has_width && viewer.settings.side_panel;
    Panel::right("side").default_size(304.0).size_range(250.0..=460.0).frame(side).show_collapsible(
        ui,
        &mut is_open,
        |ui| side::show(ui, viewer),
    );
    if has_somebody && has_width {
        viewer.settings.side_panel = is_open;
    }
    if viewer.player.is_some() && viewer.live.is_none() {
        Panel::bottom("timeline")
            .exact_size(76.0)
            .resizable(false)
            .frame(bar)
            .show(ui, |ui| timeline::show(ui, viewer));
    }
    if has_somebody && viewer.settings.statistics && room.y >= MIN_HEIGHT_WITH_STATISTICS {
        Panel::bottom("statistics")
            .exact_size(150.0)
            .resizable(false)
            .frame(bar)
            .show(ui, |ui| statistics::show(ui, viewer));
    }
    let area = CentralPanel::no_frame().show(ui, |ui| stage::show(ui, viewer)).inner;
    notices::show(ui.ctx(), area.rect, viewer);
    if viewer.overlays.open {
        open::show(ui.ctx(), viewer);
    }
    if viewer.overlays.help {
        help::show(ui.ctx(), viewer);
    }
    area
}
