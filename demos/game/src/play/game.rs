//! A game from the first serve to the last point.

use glam::{Vec2, Vec3};

use super::STEP_S;
use super::aim;
use super::ball::{Ball, GRAVITY_M_S2, Touched};
use super::hand::Hand;
use super::mind::{Mind, Sight, Skill};
use super::paddle::{BLADE_RADIUS_M, Paddle, Wish, home, swing};
use super::random::Random;
use super::rules::{Rally, Score, Verdict, Why};
use super::table::{BALL_RADIUS_M, HALF_LENGTH_M, HALF_WIDTH_M, Side, TOP_M};

/// Who plays, and from which seed chance comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Equal seeds and hands give equal games.
    pub seed: u64,
    /// How well the computer plays each side.
    pub skills: [Skill; 2],
    /// The side that a person plays; none: the computer plays both.
    pub person: Option<Side>,
    /// Who serves first.
    pub first: Side,
}

impl Default for Options {
    /// The computer against itself, keen both.
    fn default() -> Self {
        Self { seed: 1, skills: [Skill::KEEN; 2], person: None, first: Side::Left }
    }
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// The server has the ball, until this time of the game if the computer serves, seconds.
    Ready(f32),
    /// The ball is thrown up.
    Toss,
    /// It is played.
    Rally,
    /// A point was made, or a let; until this time, seconds.
    Over(f32),
    /// The game is won.
    Won(Side),
}

/// What has just happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A side gets ready to serve.
    Ready(Side),
    /// The server throws the ball up.
    Toss(Side),
    /// A paddle has met the ball.
    Stroke {
        /// Whose.
        by: Side,
        /// The ball's speed after it, metres per second.
        speed_m_s: f32,
        /// How hard it was to get, 0 to 1.
        effort: f32,
        /// Where, metres.
        at_m: Vec3,
    },
    /// The ball has touched something else.
    Touch(Touched),
    /// A good serve touched the net: again.
    Let,
    /// A point.
    Point {
        /// For whom.
        to: Side,
        /// Why.
        why: Why,
        /// How often the ball was struck.
        strokes: u32,
    },
    /// The game is won.
    Won(Side),
}

/// After a point, seconds; after the last one nothing more comes.
const OVER_S: f32 = 1.9;
/// How high over the table the server holds the ball, and how fast it goes up, metres (per second).
const HELD_M: f32 = 0.20;
const TOSS_M_S: f32 = 1.9;

/// A game.
#[derive(Clone, Debug)]
pub struct Game {
    options: Options,
    steps: u64,
    ball: Ball,
    paddles: [Paddle; 2],
    minds: [Mind; 2],
    hand: Hand,
    score: Score,
    rally: Option<Rally>,
    phase: Phase,
    serve_at_s: f32,
    bounce_ahead: Option<Vec3>,
    events: Vec<Event>,
}

impl Game {
    /// The first server has the ball.
    pub fn new(options: Options) -> Self {
        let mut random = Random::new(options.seed);
        let mut mind = |side: Side| Mind::new(options.skills[side.index()], Random::new(random.bits()));
        let mut game = Self {
            options,
            steps: 0,
            ball: Ball { position_m: Vec3::ZERO, velocity_m_s: Vec3::ZERO },
            paddles: Side::BOTH.map(Paddle::new),
            minds: [mind(Side::Left), mind(Side::Right)],
            hand: Hand::default(),
            score: Score::new(options.first),
            rally: None,
            phase: Phase::Toss,
            serve_at_s: 0.0,
            bounce_ahead: None,
            events: Vec::new(),
        };
        game.get_ready(1.0);
        game
    }

    /// Seconds since it began.
    pub fn time_s(&self) -> f32 {
        self.steps as f32 * STEP_S
    }

    /// What is going on.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Who has how many points.
    pub fn score(&self) -> Score {
        self.score
    }

    /// The ball.
    pub fn ball(&self) -> Ball {
        self.ball
    }

    /// The left and the right side's.
    pub fn paddles(&self) -> [Paddle; 2] {
        self.paddles
    }

    /// Who struck last, of the rally that is on.
    pub fn striker(&self) -> Option<Side> {
        self.rally.as_ref().filter(|_| self.phase == Phase::Rally).map(Rally::striker)
    }

    /// How often the ball was struck since the serve.
    pub fn strokes(&self) -> u32 {
        self.rally.as_ref().map_or(0, Rally::strokes)
    }

    /// Where the ball will touch something next, as good eyes see from its flight; metres. None while nobody has struck it.
    pub fn bounce_ahead(&self) -> Option<Vec3> {
        self.bounce_ahead.filter(|_| self.phase == Phase::Rally)
    }

    /// Who plays, and the seed.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the person who plays does, from the next step on.
    pub fn set_hand(&mut self, hand: Hand) {
        self.hand = hand;
    }

    /// One step; what happened in it, in order.
    pub fn step(&mut self) -> &[Event] {
        self.steps += 1;
        self.events.clear();
        let time_s = self.time_s();
        match self.phase {
            Phase::Ready(until) => {
                let server = self.score.server();
                let is_due =
                    if self.options.person == Some(server) { self.hand.serves } else { time_s >= until };
                if is_due {
                    self.toss(server, time_s);
                }
            }
            Phase::Over(until) if time_s >= until => match self.score.winner() {
                Some(side) => {
                    self.phase = Phase::Won(side);
                    self.events.push(Event::Won(side));
                }
                None => {
                    let pause = self.minds[self.score.server().index()].random().within(0.9, 1.5);
                    self.get_ready(pause);
                }
            },
            _ => {}
        }
        let before = self.paddles;
        for side in Side::BOTH {
            let wish = self.wish(side, time_s);
            self.paddles[side.index()].step(side, wish, STEP_S);
        }
        if !matches!(self.phase, Phase::Ready(_)) {
            self.fly(&before, time_s);
        }
        &self.events
    }

    fn get_ready(&mut self, pause_s: f32) {
        let server = self.score.server();
        self.phase = Phase::Ready(self.time_s() + pause_s);
        self.rally = None;
        self.bounce_ahead = None;
        let held = Vec3::new(server.sign() * (HALF_LENGTH_M + 0.14), TOP_M + HELD_M, 0.02);
        self.ball = Ball { position_m: held, velocity_m_s: Vec3::ZERO };
        self.minds.iter_mut().for_each(Mind::forget);
        self.events.push(Event::Ready(server));
    }

    fn toss(&mut self, server: Side, time_s: f32) {
        self.phase = Phase::Toss;
        self.ball.velocity_m_s = Vec3::Y * TOSS_M_S;
        // It is struck where it was thrown from.
        self.serve_at_s = time_s + 2.0 * TOSS_M_S / GRAVITY_M_S2;
        self.events.push(Event::Toss(server));
    }

    fn wish(&mut self, side: Side, time_s: f32) -> Wish {
        let server = self.score.server();
        match (self.phase, &self.rally) {
            (Phase::Toss, _) if side == server => {
                let held = Vec3::new(self.ball.position_m.x, TOP_M + HELD_M, self.ball.position_m.z);
                swing(side, held, 1.4, time_s - self.serve_at_s)
            }
            (_, rally) if self.options.person == Some(side) => {
                let rally = rally.as_ref().filter(|_| self.phase == Phase::Rally);
                self.hand.wish(side, self.ball, rally)
            }
            (Phase::Rally | Phase::Over(_), Some(rally)) => {
                let opponent = &self.paddles[side.other().index()];
                let sight = Sight { side, time_s, ball: self.ball, rally, opponent };
                self.minds[side.index()].wish(&sight)
            }
            _ => Wish::rest(home(side)),
        }
    }

    fn fly(&mut self, paddles_before: &[Paddle; 2], time_s: f32) {
        let before = self.ball;
        let mut touches = [None; 4];
        let mut count = 0;
        self.ball.step(STEP_S, &mut |touched| {
            if let Some(place) = touches.get_mut(count) {
                *place = Some(touched);
                count += 1;
            }
        });
        for touched in touches.into_iter().flatten() {
            self.events.push(Event::Touch(touched));
            if self.phase == Phase::Rally {
                let verdict = self.rally.as_mut().and_then(|rally| rally.touch(touched.touch));
                self.judge(verdict, time_s);
            }
        }
        match self.phase {
            Phase::Toss if time_s >= self.serve_at_s => self.serve(),
            Phase::Rally => {
                for side in Side::BOTH {
                    if self.meets(side, before, &paddles_before[side.index()]) {
                        self.strike(side, time_s);
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether the ball went through a blade, which faces the table: relative to it, from before it to behind.
    fn meets(&self, side: Side, before: Ball, paddle_before: &Paddle) -> bool {
        if self.rally.as_ref().is_none_or(|rally| rally.striker() == side) {
            return false;
        }
        let paddle = &self.paddles[side.index()];
        let from = before.position_m - paddle_before.position_m;
        let to = self.ball.position_m - paddle.position_m;
        let (was, is) = (-from.x * side.sign(), -to.x * side.sign());
        if was < 0.0 || is >= 0.0 {
            return false;
        }
        let at = from.lerp(to, was / (was - is).max(1e-9));
        Vec2::new(at.y, at.z).length() <= BLADE_RADIUS_M + BALL_RADIUS_M
    }

    fn serve(&mut self) {
        let by = self.score.server();
        let from = self.ball.position_m;
        let mind = &mut self.minds[by.index()];
        let wide = HALF_WIDTH_M - 0.10;
        let (aim, slip) = if self.options.person == Some(by) {
            let (aim, _) = Hand::aim(by, &self.paddles[by.index()]);
            (Vec2::new(-by.sign() * 0.40, aim.y), 0.0)
        } else {
            let depth = mind.random().within(0.32, 0.48);
            (Vec2::new(-by.sign() * depth, mind.random().within(-wide, wide)), 0.3 * mind.skill().sloppiness)
        };
        let velocity = aim::serve(from, by, aim).unwrap_or(Vec3::new(-by.sign() * 2.4, -0.6, 0.0));
        self.ball = Ball { position_m: from, velocity_m_s: self.slipped(by, velocity, slip) };
        self.rally = Some(Rally::served(by));
        self.phase = Phase::Rally;
        self.struck(by, 0.15);
    }

    fn strike(&mut self, by: Side, time_s: f32) {
        let over_table = self.ball.position_m.x.abs() < HALF_LENGTH_M
            && self.ball.position_m.z.abs() < HALF_WIDTH_M
            && self.ball.position_m.y > TOP_M;
        let verdict = self.rally.as_mut().and_then(|rally| rally.stroke(by, over_table));
        let paddle = self.paddles[by.index()];
        let opponent = self.paddles[by.other().index()];
        // At full stretch: the arm is fast across, and far out.
        let across = Vec2::new(paddle.velocity_m_s.y, paddle.velocity_m_s.z).length();
        let stretch = (across / 3.0 + (paddle.position_m.z.abs() - 0.25).max(0.0)).clamp(0.0, 1.0);
        let is_person = self.options.person == Some(by);
        let (aim, pace) =
            if is_person { Hand::aim(by, &paddle) } else { self.minds[by.index()].aim(by, &opponent) };
        let slip = if is_person { 0.012 } else { self.minds[by.index()].skill().sloppiness };
        let from = self.ball.position_m;
        let wanted = aim::stroke(from, aim, pace)
            .or_else(|| aim::stroke(from, Vec2::new(-by.sign() * 0.3, 0.0), 1.8))
            .unwrap_or(Vec3::new(-by.sign() * 1.6, 2.4, 0.0));
        self.ball.velocity_m_s = self.slipped(by, wanted, slip * (1.0 + stretch));
        self.struck(by, (0.25 + 0.5 * stretch + 0.12 * (pace - 2.4)).clamp(0.0, 1.0));
        self.judge(verdict, time_s);
    }

    /// Not quite as it was meant.
    fn slipped(&mut self, by: Side, velocity: Vec3, share: f32) -> Vec3 {
        let random = self.minds[by.index()].random();
        let off = Vec3::new(random.normal(), random.normal(), random.normal());
        velocity + off * (velocity.length() * share)
    }

    fn struck(&mut self, by: Side, effort: f32) {
        let Ball { position_m: at_m, velocity_m_s } = self.ball;
        self.events.push(Event::Stroke { by, speed_m_s: velocity_m_s.length(), effort, at_m });
        self.bounce_ahead = aim::landing(self.ball).map(|landing| landing.ball.position_m);
    }

    fn judge(&mut self, verdict: Option<Verdict>, time_s: f32) {
        let Some(verdict) = verdict else { return };
        match verdict {
            Verdict::Let => {
                self.events.push(Event::Let);
                self.phase = Phase::Over(time_s + 0.6 * OVER_S);
            }
            Verdict::Point(to, why) => {
                self.score.add(to);
                self.events.push(Event::Point { to, why, strokes: self.strokes() });
                self.phase = Phase::Over(time_s + OVER_S);
            }
        }
    }
}
