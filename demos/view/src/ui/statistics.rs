//! What pictures cost, as plots.

use egui::{RichText, Ui, vec2};
use egui_plot::{Line, Plot, PlotPoints};
use visavis_codec::playout::PlayoutStatistics;

use super::theme::{ACCENT, ALERT, FAINT, WARM};
use crate::model::Viewer;
use crate::model::statistics::Sample;

pub(super) fn show(ui: &mut Ui, viewer: &Viewer) {
    let statistics = &viewer.statistics;
    let on_cpu = viewer.device.on_cpu;
    let frame = statistics.median(|sample| sample.frame_ms);
    let has_network = viewer.playout().is_some();
    let columns = if has_network { 3 } else { 2 };
    let width = ((ui.available_width() - 12.0 * (columns - 1) as f32) / columns as f32).max(1.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        ui.allocate_ui(vec2(width, ui.available_height()), |ui| {
            ui.vertical(|ui| {
                let (first, second) =
                    if on_cpu { ("decode", "raster") } else { ("", "recording of the GPU's work") };
                title(ui, "Drawing", |ui| {
                    let median = |column: fn(&Sample) -> f64| statistics.median(column).unwrap_or(0.0);
                    if on_cpu {
                        let decode = median(|sample| sample.decode_ms);
                        ui.label(RichText::new(format!("{first} {decode:.1} ms")).size(12.5).color(WARM));
                    }
                    let raster = median(|sample| sample.raster_ms);
                    ui.label(RichText::new(format!("{second} {raster:.1} ms")).size(12.5).color(ACCENT));
                });
                let mut lines = vec![("raster", ACCENT, column(viewer, |sample| sample.raster_ms))];
                if on_cpu {
                    lines.push(("decode", WARM, column(viewer, |sample| sample.decode_ms)));
                }
                plot(ui, "drawing", lines);
            });
        });
        ui.allocate_ui(vec2(width, ui.available_height()), |ui| {
            ui.vertical(|ui| {
                title(ui, "Picture to picture", |ui| {
                    let text = frame.map_or_else(
                        || "none yet".to_owned(),
                        |frame| format!("{frame:.0} ms, {:.0} a second", 1000.0 / frame.max(0.1)),
                    );
                    ui.label(RichText::new(text).size(12.5).color(ALERT));
                    let scale = viewer.detail.scale();
                    if scale < 1.0 {
                        let text = format!("at {:.0} % of the size", scale * 100.0);
                        ui.label(RichText::new(text).size(12.5).color(FAINT));
                    }
                });
                plot(ui, "frame", vec![("frame", ALERT, column(viewer, |sample| sample.frame_ms))]);
            });
        });
        if let Some(playout) = viewer.playout() {
            ui.allocate_ui(vec2(width, ui.available_height()), |ui| {
                ui.vertical(|ui| network(ui, viewer, &playout.statistics()));
            });
        }
    });
}

fn network(ui: &mut Ui, viewer: &Viewer, playout: &PlayoutStatistics) {
    title(ui, "Tracker to picture", |ui| {
        let delay = playout.delay.as_secs_f64() * 1e3;
        let text = format!("{delay:.0} ms, {} faces, {} late", playout.frames, playout.late);
        ui.label(RichText::new(text).size(12.5).color(ACCENT));
    });
    plot(ui, "network", vec![("delay", ACCENT, column(viewer, |sample| sample.delay_ms))]);
}

fn title(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).size(13.0));
        add(ui);
    });
}

fn column(viewer: &Viewer, of: impl Fn(&Sample) -> f64) -> Vec<[f64; 2]> {
    viewer.statistics.samples().enumerate().map(|(n, sample)| [n as f64, of(sample)]).collect()
}

fn plot(ui: &mut Ui, id: &str, lines: Vec<(&'static str, egui::Color32, Vec<[f64; 2]>)>) {
    // One slow picture in fifty shall not flatten all others.
    let mut values: Vec<f64> = lines.iter().flat_map(|line| &line.2).map(|point| point[1]).collect();
    values.sort_by(f64::total_cmp);
    let top = values.get(values.len().saturating_sub(1) * 49 / 50).copied().unwrap_or(1.0);
    Plot::new(id)
        .height((ui.available_height() - 2.0).max(1.0))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_axes([false, true])
        .show_grid([false, true])
        .show_background(false)
        .include_x(0.0)
        .include_x(300.0)
        .include_y(0.0)
        .y_axis_formatter(|mark, _| format!("{:.0}", mark.value))
        .show(ui, |ui| {
            ui.set_plot_bounds_y(0.0..=top.max(1.0) * 1.15);
            for (name, color, points) in lines {
                ui.line(Line::new(name, PlotPoints::from(points)).color(color).width(1.5));
            }
        });
}
