//! Icons, drawn as lines: they are sharp at every size and need no font.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

/// A picture on a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Play,
    Pause,
    ToStart,
    ToEnd,
    StepBack,
    StepOn,
    Loop,
    Open,
    Split,
    Stereo,
    Camera,
    Record,
    Plot,
    Panel,
    Help,
    Backdrop,
    Close,
    Eye,
}

/// Draws an icon into the middle of a rectangle.
pub(crate) fn paint(painter: &Painter, icon: Icon, rect: Rect, color: Color32) {
    let middle = rect.center();
    let at = |x: f32, y: f32| middle + vec2(x, y);
    let stroke = Stroke::new(1.5, color);
    let line = |points: &[Pos2]| painter.add(Shape::line(points.to_vec(), stroke));
    let frame = |min: Pos2, max: Pos2| {
        painter.rect_stroke(Rect::from_min_max(min, max), 2.0, stroke, StrokeKind::Middle);
    };
    let triangle = |tip: Pos2, height: f32, width: f32| {
        let base = tip - vec2(width, 0.0);
        let points = vec![tip, base + vec2(0.0, height), base - vec2(0.0, height)];
        painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
    };
    let bar = |x: f32, width: f32, height: f32| {
        painter.rect_filled(Rect::from_center_size(at(x, 0.0), vec2(width, height)), 1.0, color);
    };
    match icon {
        Icon::Play => triangle(at(6.0, 0.0), 6.5, 11.0),
        Icon::Pause => [-3.5, 3.5].into_iter().for_each(|x| bar(x, 3.0, 12.0)),
        Icon::ToStart => {
            triangle(at(-4.0, 0.0), 5.0, -8.5);
            bar(-5.5, 2.0, 10.0);
        }
        Icon::ToEnd => {
            triangle(at(4.0, 0.0), 5.0, 8.5);
            bar(5.5, 2.0, 10.0);
        }
        Icon::StepBack => {
            line(&[at(1.0, -4.5), at(-3.5, 0.0), at(1.0, 4.5)]);
            bar(4.0, 1.5, 9.0);
        }
        Icon::StepOn => {
            line(&[at(-1.0, -4.5), at(3.5, 0.0), at(-1.0, 4.5)]);
            bar(-4.0, 1.5, 9.0);
        }
        Icon::Loop => {
            line(&arc(middle, 5.5, -0.5, 4.6));
            let end = middle + 5.5 * Vec2::angled(-0.5);
            line(&[end + vec2(-4.0, -0.8), end, end + vec2(1.2, -4.2)]);
        }
        Icon::Open => {
            line(&[
                at(-6.5, 4.5),
                at(-6.5, -4.5),
                at(-2.0, -4.5),
                at(0.0, -2.5),
                at(5.0, -2.5),
                at(5.0, -0.5),
            ]);
            line(&[at(-6.5, 4.5), at(-4.0, -0.5), at(7.5, -0.5), at(5.0, 4.5), at(-6.5, 4.5)]);
        }
        Icon::Split => {
            frame(at(-7.0, -5.0), at(7.0, 5.0));
            line(&[at(0.0, -5.0), at(0.0, 5.0)]);
            let half = Rect::from_min_max(at(0.0, -5.0), at(7.0, 5.0));
            painter.rect_filled(half, 1.0, color.gamma_multiply(0.45));
        }
        Icon::Stereo => {
            for x in [-4.0, 4.0] {
                painter.circle_stroke(at(x, 0.0), 3.6, stroke);
            }
        }
        Icon::Camera => {
            frame(at(-7.0, -3.5), at(7.0, 5.5));
            line(&[at(-3.0, -3.5), at(-1.8, -5.5), at(1.8, -5.5), at(3.0, -3.5)]);
            painter.circle_stroke(at(0.0, 1.0), 2.6, stroke);
        }
        Icon::Record => {
            painter.circle_stroke(middle, 6.5, stroke);
            painter.circle_filled(middle, 3.4, color);
        }
        Icon::Plot => {
            line(&[at(-6.5, -5.5), at(-6.5, 5.5), at(6.5, 5.5)]);
            line(&[at(-4.0, 2.5), at(-1.0, -1.0), at(1.5, 1.0), at(6.0, -4.5)]);
        }
        Icon::Panel => {
            frame(at(-7.0, -5.5), at(7.0, 5.5));
            line(&[at(2.5, -5.5), at(2.5, 5.5)]);
        }
        Icon::Help => {
            let font = FontId::proportional(18.0);
            painter.text(middle, Align2::CENTER_CENTER, "?", font, color);
        }
        Icon::Backdrop => {
            frame(at(-7.0, -5.5), at(7.0, 5.5));
            line(&[at(-7.0, 3.0), at(-2.5, -1.5), at(1.0, 2.0), at(3.0, 0.0), at(7.0, 4.0)]);
            painter.circle_filled(at(3.0, -2.5), 1.3, color);
        }
        Icon::Close => {
            line(&[at(-4.0, -4.0), at(4.0, 4.0)]);
            line(&[at(-4.0, 4.0), at(4.0, -4.0)]);
        }
        Icon::Eye => {
            let lid = |side: f32| -> Vec<Pos2> {
                (0..=12)
                    .map(|i| {
                        let x = -7.0 + 14.0 * i as f32 / 12.0;
                        at(x, side * 4.5 * (1.0 - (x / 7.0).powi(2)))
                    })
                    .collect()
            };
            line(&lid(-1.0));
            line(&lid(1.0));
            painter.circle_filled(middle, 2.2, color);
        }
    }
}

/// A circle's part from one angle on, radians clockwise from the right.
fn arc(middle: Pos2, radius: f32, from: f32, by: f32) -> Vec<Pos2> {
    (0..=20)
        .map(|i| {
            let direction = Vec2::angled(from + by * i as f32 / 20.0);
            pos2(middle.x + radius * direction.x, middle.y + radius * direction.y)
        })
        .collect()
}
