//! How it looks: calm and dark, so that the person is what is bright.

use egui::{
    Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme, Vec2, Visuals,
};

/// Our colour: what is chosen, playing, or moved by hand.
pub(crate) const ACCENT: Color32 = Color32::from_rgb(0x7a, 0xd3, 0xbf);
/// What was recorded, and what went wrong.
pub(crate) const ALERT: Color32 = Color32::from_rgb(0xf0, 0x7a, 0x6a);
/// What is good to know.
pub(crate) const WARM: Color32 = Color32::from_rgb(0xe8, 0xc0, 0x7d);
pub(crate) const PANEL: Color32 = Color32::from_rgb(0x17, 0x19, 0x1d);
/// Over panels: cards, tracks of sliders.
pub(crate) const RAISED: Color32 = Color32::from_rgb(0x21, 0x24, 0x2a);
pub(crate) const HOVERED: Color32 = Color32::from_rgb(0x2b, 0x2f, 0x37);
pub(crate) const LINE: Color32 = Color32::from_rgb(0x2c, 0x30, 0x37);
pub(crate) const TEXT: Color32 = Color32::from_rgb(0xd6, 0xda, 0xdf);
pub(crate) const BRIGHT: Color32 = Color32::from_rgb(0xf4, 0xf6, 0xf8);
pub(crate) const FAINT: Color32 = Color32::from_rgb(0x8c, 0x93, 0x9d);

/// Corners of what can be pressed, and of cards.
pub(crate) const RADIUS: u8 = 6;
/// From one thing to the next, points; larger distances are multiples.
pub(crate) const GAP: f32 = 6.0;

/// A colour that lets some of what is behind it through, 0..=1.
pub(crate) fn veil(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// Dresses a context.
pub(crate) fn apply(context: &egui::Context) {
    context.set_theme(Theme::Dark);
    context.all_styles_mut(dress);
}

fn dress(style: &mut Style) {
    let font = |size| FontId::new(size, FontFamily::Proportional);
    style.text_styles = [
        (TextStyle::Heading, font(19.0)),
        (TextStyle::Body, font(14.0)),
        (TextStyle::Button, font(14.0)),
        (TextStyle::Small, font(12.0)),
        (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(GAP, GAP);
    spacing.button_padding = Vec2::new(10.0, 5.0);
    spacing.interact_size = Vec2::new(40.0, 26.0);
    spacing.icon_width = 16.0;
    spacing.icon_spacing = 8.0;
    spacing.menu_margin = Margin::same(8);
    spacing.window_margin = Margin::same(16);
    style.interaction.tooltip_delay = 0.35;
    style.interaction.selectable_labels = false;
    style.animation_time = 0.14;
    style.visuals = visuals();
}

fn visuals() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = PANEL;
    visuals.window_fill = PANEL;
    visuals.window_stroke = Stroke::new(1.0, LINE);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.extreme_bg_color = Color32::from_rgb(0x0f, 0x11, 0x14);
    visuals.faint_bg_color = RAISED;
    visuals.code_bg_color = RAISED;
    visuals.selection.bg_fill = veil(ACCENT, 0.28);
    visuals.selection.stroke = Stroke::new(1.0, BRIGHT);
    visuals.hyperlink_color = ACCENT;
    visuals.warn_fg_color = WARM;
    visuals.error_fg_color = ALERT;
    visuals.weak_text_color = Some(FAINT);
    visuals.slider_trailing_fill = true;
    visuals.indent_has_left_vline = false;
    let radius = CornerRadius::same(RADIUS);
    let states = [
        (&mut visuals.widgets.noninteractive, PANEL, TEXT, LINE),
        (&mut visuals.widgets.inactive, RAISED, TEXT, Color32::TRANSPARENT),
        (&mut visuals.widgets.hovered, HOVERED, BRIGHT, Color32::TRANSPARENT),
        (&mut visuals.widgets.active, HOVERED, BRIGHT, veil(ACCENT, 0.6)),
        (&mut visuals.widgets.open, HOVERED, BRIGHT, Color32::TRANSPARENT),
    ];
    for (state, fill, text, line) in states {
        (state.bg_fill, state.weak_bg_fill) = (fill, fill);
        state.fg_stroke = Stroke::new(1.0, text);
        state.bg_stroke = Stroke::new(1.0, line);
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
    visuals
}
