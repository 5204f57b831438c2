//! What stands over the picture: score, captions, keys.

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Vec2};
use visavis::wgpu;

use crate::play::{Phase, Side, Why};
use crate::show::{Caption, Show};

/// The colours of the left and the right side; the room's seats have them too.
pub const COLORS: [Color32; 2] = [Color32::from_rgb(0xff, 0x6b, 0x5a), Color32::from_rgb(0x2f, 0xc4, 0xb2)];
const INK: Color32 = Color32::from_rgb(0x1b, 0x1d, 0x2b);
const PAPER: Color32 = Color32::from_rgb(0xff, 0xf8, 0xec);
const GOLD: Color32 = Color32::from_rgb(0xff, 0xc8, 0x4a);
const PLATE: f32 = 0.86;

/// What is over the whole picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The game waits.
    Paused,
    /// Keys and mouse.
    Help,
}

/// What is written beside the score.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// Over everything.
    pub overlay: Overlay,
    /// A line at the lower edge: a hint, or what went wrong.
    pub line: &'a str,
}

/// Keys and mouse, as the overlay and `--help` say them.
pub const KEYS: [(&str, &str); 9] = [
    ("mouse, arrows", "move your paddle"),
    ("click, space", "serve; skip a replay"),
    ("C", "another camera"),
    ("R", "replays on and off"),
    ("N", "new game"),
    ("P, Esc", "pause"),
    ("F11, F", "full screen"),
    ("H, ?", "this help"),
    ("Q", "leave"),
];

/// Draws it with egui, into a texture of one format.
pub struct Hud {
    context: egui::Context,
    renderer: egui_wgpu::Renderer,
}

impl std::fmt::Debug for Hud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hud").finish_non_exhaustive()
    }
}

impl Hud {
    /// Gets ready to draw over textures of this format.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        Self {
            context: egui::Context::default(),
            renderer: egui_wgpu::Renderer::new(device, format, Default::default()),
        }
    }

    /// Records the score and all else over what `output`, a view of `size` pixels, holds. What has to be submitted before the
    /// encoder comes back.
    pub fn record(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        size: [u32; 2],
        output: &wgpu::TextureView,
        show: &Show,
        words: &Words<'_>,
    ) -> Vec<wgpu::CommandBuffer> {
        let [width, height] = size.map(|side| side.max(1) as f32);
        let rect = Rect::from_min_size(Pos2::ZERO, Vec2::new(width, height));
        let input = egui::RawInput { screen_rect: Some(rect), ..Default::default() };
        let mut drawn = self.context.run_ui(input, |ui| {
            let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("hud"));
            let page =
                Page { painter: ui.ctx().layer_painter(layer), rect, unit: height.min(width * 0.75) / 720.0 };
            page.everything(show, words);
        });
        for (id, deltas) in &drawn.textures_delta.set {
            for delta in deltas {
                self.renderer.update_texture(device, queue, *id, delta);
            }
        }
        let freed = std::mem::take(&mut drawn.textures_delta.free);
        drawn.textures_delta.clear();
        let points = drawn.pixels_per_point;
        let jobs = self.context.tessellate(drawn.shapes, points);
        let screen = egui_wgpu::ScreenDescriptor { size_in_pixels: size, pixels_per_point: points };
        let buffers = self.renderer.update_buffers(device, queue, encoder, &jobs, &screen);
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("game hud"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: output,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations { load: wgpu::LoadOp::Load, store: wgpu::StoreOp::Store },
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            self.renderer.render(&mut pass, &jobs, &screen);
        }
        for id in &freed {
            self.renderer.free_texture(id);
        }
        buffers
    }
}

/// A picture to write on; lengths in 720ths of its height.
struct Page {
    painter: Painter,
    rect: Rect,
    unit: f32,
}

impl Page {
    fn everything(&self, show: &Show, words: &Words<'_>) {
        self.score(show);
        if show.is_replay() {
            self.replay(show);
        }
        if let Some((caption, clear)) = show.caption() {
            self.caption(show, caption, clear);
        }
        if !words.line.is_empty() {
            let at = Pos2::new(self.rect.center().x, self.rect.bottom() - 30.0 * self.unit);
            self.label(at, words.line, 17.0, PAPER, INK.gamma_multiply(0.72), 1.0);
        }
        match words.overlay {
            Overlay::None => {}
            Overlay::Paused => {
                self.painter.rect_filled(self.rect, CornerRadius::ZERO, INK.gamma_multiply(0.45));
                self.bold(self.rect.center(), Align2::CENTER_CENTER, "Paused", 58.0, PAPER);
                let below = self.rect.center() + Vec2::new(0.0, 52.0 * self.unit);
                self.text(below, Align2::CENTER_CENTER, "P goes on, H shows the keys", 20.0, PAPER);
            }
            Overlay::Help => self.help(),
        }
    }

    fn score(&self, show: &Show) {
        let u = self.unit;
        let score = show.moment().score;
        let middle = Pos2::new(self.rect.center().x, self.rect.top() + 44.0 * u);
        let (half, tall) = (Vec2::new(222.0, 26.0) * u, CornerRadius::same((26.0 * u).min(255.0) as u8));
        let plate = Rect::from_center_size(middle, half * 2.0);
        self.painter.rect_filled(
            plate.translate(Vec2::new(0.0, 4.0 * u)),
            tall,
            Color32::from_black_alpha(60),
        );
        self.painter.rect_filled(plate, tall, INK.gamma_multiply(PLATE));
        let server = score.server();
        let serves = !matches!(show.moment().phase, Phase::Won(_));
        for side in Side::BOTH {
            let (i, sign) = (side.index(), side.sign());
            // The points on a chip of the side's colour.
            let chip =
                Rect::from_center_size(middle + Vec2::new(sign * 43.0 * u, 0.0), Vec2::new(74.0, 64.0) * u);
            let round = CornerRadius::same((16.0 * u).min(255.0) as u8);
            self.painter.rect_filled(
                chip.translate(Vec2::new(0.0, 3.0 * u)),
                round,
                Color32::from_black_alpha(50),
            );
            self.painter.rect_filled(chip, round, COLORS[i]);
            let points = score.points[i].to_string();
            self.bold(chip.center(), Align2::CENTER_CENTER, &points, 44.0, PAPER);
            let name = short(&show.names()[i]);
            let at = middle + Vec2::new(sign * 98.0 * u, 0.0);
            let align = if sign < 0.0 { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
            self.bold(at, align, &name, 23.0, PAPER);
            if serves && server == side {
                let at = middle + Vec2::new(sign * 200.0 * u, 0.0);
                self.painter.circle_filled(at, 7.0 * u, GOLD);
            }
        }
    }

    fn replay(&self, show: &Show) {
        let u = self.unit;
        let at = Pos2::new(self.rect.left() + 104.0 * u, self.rect.top() + 44.0 * u);
        self.label(at, "REPLAY", 22.0, INK, GOLD, 1.0);
        let strokes = show.game().strokes();
        let line = format!("{strokes} strokes");
        self.label(at + Vec2::new(0.0, 44.0 * u), &line, 16.0, PAPER, INK.gamma_multiply(PLATE), 1.0);
    }

    fn caption(&self, show: &Show, caption: Caption, clear: f32) {
        let u = self.unit;
        // Low, so that no face is behind it.
        let at = Pos2::new(self.rect.center().x, self.rect.bottom() - (84.0 - 8.0 * (1.0 - clear)) * u);
        let name = |side: Side| short(&show.names()[side.index()]);
        let (text, ink, fill) = match caption {
            Caption::YourServe => ("Your serve: click or press space".to_owned(), INK, GOLD),
            Caption::Let => ("Net – once more".to_owned(), INK, PAPER),
            Caption::GamePoint => ("Game point".to_owned(), INK, GOLD),
            Caption::Point(side, why) => {
                let why = match why {
                    Why::NotReturned => "what a shot",
                    Why::Out => "out",
                    Why::Net => "into the net",
                    Why::OwnHalf => "own half",
                    Why::Volley => "touched too early",
                    Why::Fault => "no good serve",
                };
                (format!("Point for {}: {why}", name(side)), PAPER, COLORS[side.index()])
            }
            Caption::Won(side) => (format!("{} wins the game", name(side)), PAPER, COLORS[side.index()]),
        };
        self.label(at, &text, 24.0, ink, fill, clear);
    }

    fn help(&self) {
        let u = self.unit;
        self.painter.rect_filled(self.rect, CornerRadius::ZERO, INK.gamma_multiply(0.6));
        let tall = (KEYS.len() as f32 * 38.0 + 110.0) * u;
        let panel = Rect::from_center_size(self.rect.center(), Vec2::new(560.0 * u, tall));
        self.painter.rect_filled(panel, CornerRadius::same((20.0 * u).min(255.0) as u8), PAPER);
        let top = panel.center_top() + Vec2::new(0.0, 44.0 * u);
        self.bold(top, Align2::CENTER_CENTER, "Table tennis", 30.0, INK);
        for (n, (keys, what)) in KEYS.into_iter().enumerate() {
            let y = (96.0 + 38.0 * n as f32) * u;
            let left = panel.left_top() + Vec2::new(210.0 * u, y);
            self.bold(left, Align2::RIGHT_CENTER, keys, 20.0, COLORS[0]);
            self.text(left + Vec2::new(26.0 * u, 0.0), Align2::LEFT_CENTER, what, 20.0, INK);
        }
    }

    /// Words on a rounded plate.
    fn label(&self, middle: Pos2, text: &str, size: f32, ink: Color32, fill: Color32, clear: f32) {
        let font = FontId::proportional(size * self.unit);
        let ink = ink.gamma_multiply(clear);
        let galley = self.painter.layout_no_wrap(text.to_owned(), font, ink);
        let plate = Rect::from_center_size(middle, galley.size() + Vec2::new(34.0, 16.0) * self.unit);
        let round = CornerRadius::same((0.5 * plate.height()).min(255.0) as u8);
        let shade = Color32::from_black_alpha((50.0 * clear) as u8);
        self.painter.rect_filled(plate.translate(Vec2::new(0.0, 3.0 * self.unit)), round, shade);
        self.painter.rect_filled(plate, round, fill.gamma_multiply(clear));
        self.bold(middle, Align2::CENTER_CENTER, text, size, ink);
    }

    fn text(&self, at: Pos2, align: Align2, text: &str, size: f32, ink: Color32) {
        self.painter.text(at, align, text, FontId::proportional(size * self.unit), ink);
    }

    /// The font that comes with egui is a light one; twice side by side it is bold.
    fn bold(&self, at: Pos2, align: Align2, text: &str, size: f32, ink: Color32) {
        let apart = (0.034 * size * self.unit).max(0.8);
        for shift in [-0.5, 0.0, 0.5] {
            self.text(at + Vec2::new(shift * apart, 0.0), align, text, size, ink);
        }
    }
}

/// A name that fits on the score board.
fn short(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    first + &letters.take(11).collect::<String>()
}
