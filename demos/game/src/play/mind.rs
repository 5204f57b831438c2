//! A player whom the computer plays: sees late, reads roughly, and doesn't always hit what it aims at.

use glam::{Vec2, Vec3};

use super::hand::meeting_from_here;
use super::paddle::{Paddle, Wish, home, swing};
use super::random::Random;
use super::table::{HALF_LENGTH_M, HALF_WIDTH_M, Side};
use super::{Ball, Rally};

/// How well somebody plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skill {
    /// From a stroke of the other side until it is seen where it goes, seconds. People take about 0.2.
    pub reaction_s: f32,
    /// How far off the ball is thought to come before it has bounced, metres (a deviation); a quarter of it after.
    pub reading_m: f32,
    /// How far off strokes are, a share of their speed (a deviation); twice as much at full stretch.
    pub sloppiness: f32,
    /// How fast balls are returned, metres per second: from and to.
    pub pace_m_s: [f32; 2],
}

impl Skill {
    /// Who plays for fun.
    pub const CASUAL: Self =
        Self { reaction_s: 0.22, reading_m: 0.06, sloppiness: 0.070, pace_m_s: [2.3, 3.3] };
    /// Who plays every week.
    pub const KEEN: Self =
        Self { reaction_s: 0.19, reading_m: 0.045, sloppiness: 0.056, pace_m_s: [2.5, 3.8] };
    /// Who is hard to beat.
    pub const SHARP: Self =
        Self { reaction_s: 0.16, reading_m: 0.025, sloppiness: 0.034, pace_m_s: [2.8, 4.4] };
}

/// What a player makes of what they see.
#[derive(Clone, Debug)]
pub(crate) struct Mind {
    skill: Skill,
    random: Random,
    /// The stroke that it is about, and when it will be understood; seconds of the game.
    about: u32,
    due_s: f32,
    plan: Option<Plan>,
    has_read_again: bool,
}

/// What to do about a ball.
#[derive(Clone, Copy, Debug)]
struct Plan {
    meet_m: Vec3,
    at_s: f32,
    aim: Vec2,
    pace_m_s: f32,
}

/// What a player sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) side: Side,
    pub(crate) time_s: f32,
    pub(crate) ball: Ball,
    pub(crate) rally: &'a Rally,
    pub(crate) opponent: &'a Paddle,
}

impl Mind {
    pub(crate) const fn new(skill: Skill, random: Random) -> Self {
        Self { skill, random, about: 0, due_s: 0.0, plan: None, has_read_again: false }
    }

    /// Chance of its own.
    pub(crate) const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) const fn skill(&self) -> &Skill {
        &self.skill
    }

    /// A new rally: nothing is known.
    pub(crate) const fn forget(&mut self) {
        (self.about, self.plan, self.has_read_again) = (0, None, false);
    }

    /// Where the paddle is wanted.
    pub(crate) fn wish(&mut self, sight: &Sight<'_>) -> Wish {
        let Sight { side, time_s, rally, .. } = *sight;
        if rally.striker() == side {
            // Its own stroke goes on to its end.
            return self.swing(side, time_s);
        }
        if self.about != rally.strokes() {
            (self.about, self.plan, self.has_read_again) = (rally.strokes(), None, false);
            self.due_s = time_s + self.skill.reaction_s * self.random.within(0.85, 1.2);
        }
        if time_s >= self.due_s {
            if self.plan.is_none() {
                self.plan = self.read(sight, self.skill.reading_m);
            }
            if !self.has_read_again && rally.awaits_return() {
                // Where it bounced tells nearly all; that takes a moment to understand as well.
                self.has_read_again = true;
                self.plan = self.read(sight, 0.25 * self.skill.reading_m);
            }
        }
        self.swing(side, time_s)
    }

    fn swing(&self, side: Side, time_s: f32) -> Wish {
        match self.plan {
            Some(plan) => swing(side, plan.meet_m, 0.9 + 0.35 * plan.pace_m_s, time_s - plan.at_s),
            None => Wish::rest(home(side)),
        }
    }

    /// Where the next stroke goes, and how fast.
    pub(crate) fn aim(&mut self, side: Side, opponent: &Paddle) -> (Vec2, f32) {
        match self.plan {
            Some(plan) => (plan.aim, plan.pace_m_s),
            None => self.choose(side, opponent),
        }
    }

    fn read(&mut self, sight: &Sight<'_>, error_m: f32) -> Option<Plan> {
        let (met, seconds) = meeting_from_here(sight.ball, sight.side, Some(sight.rally))?;
        let off = Vec3::new(0.0, 0.6 * self.random.normal(), self.random.normal()) * error_m;
        let (aim, pace_m_s) = match self.plan {
            Some(plan) => (plan.aim, plan.pace_m_s),
            None => self.choose(sight.side, sight.opponent),
        };
        Some(Plan { meet_m: met.position_m + off, at_s: sight.time_s + seconds, aim, pace_m_s })
    }

    /// Away from the opponent, more often than not.
    fn choose(&mut self, side: Side, opponent: &Paddle) -> (Vec2, f32) {
        let wide = HALF_WIDTH_M - 0.09;
        let away = if opponent.position_m.z > 0.0 { -1.0 } else { 1.0 };
        let corner = if self.random.unit() < 0.62 { away } else { -away };
        let across = corner * wide * self.random.within(0.1, 1.0);
        let depth = HALF_LENGTH_M - self.random.within(0.10, 0.26);
        let [slow, fast] = self.skill.pace_m_s;
        (Vec2::new(-side.sign() * depth, across), self.random.within(slow, fast))
    }
}
