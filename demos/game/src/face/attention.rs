//! What a player looks at.

use glam::Vec3;

use crate::play::table::{BALL_ON_TABLE_M, Side};
use crate::play::{Phase, Random};

use super::performer::Cue;

/// Who or what draws the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draws {
    Ball,
    /// Where the ball will touch the table.
    Ahead,
    Opponent,
    /// The table before them.
    Table,
    /// Who watches.
    Watcher,
}

/// One player's attention.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    draws: Draws,
    left_s: f32,
    /// About which stroke the eyes have decided.
    about: u32,
}

impl Attention {
    pub(crate) const fn new() -> Self {
        Self { draws: Draws::Ball, left_s: 0.0, about: 0 }
    }

    /// Where to look, in the world, metres.
    pub(crate) fn step(&mut self, seconds: f32, side: Side, cue: &Cue, random: &mut Random) -> Vec3 {
        self.left_s -= seconds;
        let is_coming = cue.striker == Some(side.other());
        match cue.phase {
            Phase::Toss => self.draws = Draws::Ball,
            Phase::Rally => {
                if self.about != cue.strokes {
                    self.about = cue.strokes;
                    // Good players look to where the ball will bounce before it is there.
                    self.draws = if is_coming && random.unit() < 0.45 { Draws::Ahead } else { Draws::Ball };
                    self.left_s = random.within(0.12, 0.22);
                }
                if self.left_s <= 0.0 {
                    self.draws = Draws::Ball;
                }
            }
            Phase::Ready(_) => {
                if self.left_s <= 0.0 {
                    let choices = [Draws::Opponent, Draws::Ball, Draws::Opponent, Draws::Table];
                    self.draws = choices[(random.bits() % 4) as usize];
                    self.left_s = random.within(0.45, 1.1);
                }
            }
            Phase::Over(_) => {
                if self.about != 0 {
                    // The ball, to its end; then the other.
                    self.about = 0;
                    self.draws = Draws::Ball;
                    self.left_s = random.within(0.35, 0.6);
                }
                if self.left_s <= 0.0 {
                    let lost = cue.point_to == Some(side.other());
                    self.draws = match random.unit() {
                        x if lost && x < 0.5 => Draws::Table,
                        x if !lost && x < 0.2 => Draws::Watcher,
                        _ => Draws::Opponent,
                    };
                    self.left_s = random.within(0.5, 1.0);
                }
            }
            Phase::Won(winner) => {
                if self.left_s <= 0.0 {
                    let proud = winner == side && random.unit() < 0.6;
                    self.draws = if proud { Draws::Watcher } else { Draws::Opponent };
                    self.left_s = random.within(0.8, 1.8);
                }
            }
        }
        match self.draws {
            Draws::Ball => cue.ball_m,
            Draws::Ahead => cue.bounce_m.unwrap_or(cue.ball_m),
            Draws::Opponent => cue.opponent_m,
            Draws::Table => Vec3::new(side.sign() * 0.25, BALL_ON_TABLE_M, 0.1),
            Draws::Watcher => cue.watcher_m,
        }
    }
}
