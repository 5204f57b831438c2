//! The seats that carry the players: they hover, go along with the paddle, and hop for joy.

use glam::{Affine3A, EulerRot, Quat, Vec3};

use super::spring::Spring;
use crate::play::{Event, Paddle, Phase, Side};

/// Between the eyes of who sits at rest: behind the end of the table, and above the floor, metres.
const BACK_M: f32 = 0.88;
const EYES_M: f32 = 1.13;
/// How far seats are turned towards whoever watches, radians.
const TURN: f32 = 0.74;
/// The share of the paddle's way that a seat goes along, and the most, metres.
const ALONG: f32 = 0.55;
const MAX_ALONG_M: f32 = 0.20;

/// Where the rest frame of a player is while nothing moves.
pub fn seat(side: Side) -> Affine3A {
    // The rest frame looks along −Z: turned to +X by −90°, to −X by +90°, then towards +Z.
    let yaw = side.sign() * (std::f32::consts::FRAC_PI_2 + TURN);
    Affine3A::from_rotation_translation(
        Quat::from_rotation_y(yaw),
        Vec3::new(side.sign() * BACK_M, EYES_M, -0.02),
    )
}

/// One seat's motion.
#[derive(Clone, Debug)]
pub struct Sway {
    side: Side,
    /// Along X (towards the table), Y, Z, metres.
    shift: [Spring; 3],
    /// Yaw, pitch, roll, radians.
    turn: [Spring; 3],
    /// Hops to come: game time.
    hops: [Option<f32>; 3],
    sad_until_s: f32,
}

impl Sway {
    /// At rest.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            shift: [Spring::default(); 3],
            turn: [Spring::default(); 3],
            hops: [None; 3],
            sad_until_s: 0.0,
        }
    }

    /// Something happened.
    pub fn notice(&mut self, event: &Event, time_s: f32) {
        match *event {
            Event::Stroke { by, effort, .. } if by == self.side => {
                self.shift[0].speed += 0.25 + 0.45 * effort;
                self.turn[1].speed -= 0.25 + 0.5 * effort;
                self.turn[0].speed += self.side.sign() * 0.5 * effort;
            }
            Event::Point { to, strokes, .. } => {
                if to == self.side {
                    self.hops[0] = Some(time_s + 0.15);
                    if strokes >= 5 {
                        self.hops[1] = Some(time_s + 0.52);
                    }
                } else {
                    self.sad_until_s = time_s + 1.3;
                }
            }
            Event::Won(side) if side == self.side => {
                self.hops = [0.2, 0.6, 1.0].map(|delay| Some(time_s + delay));
            }
            _ => {}
        }
    }

    /// Where the player's rest frame is, `seconds` after it was last asked.
    pub fn step(&mut self, seconds: f32, time_s: f32, phase: Phase, paddle: &Paddle) -> Affine3A {
        let seconds = seconds.clamp(0.0, 0.25);
        for hop in &mut self.hops {
            if hop.is_some_and(|at| time_s >= at) {
                *hop = None;
                self.shift[1].speed += 1.5;
                self.turn[1].speed += 0.5;
            }
        }
        let plays = matches!(phase, Phase::Rally | Phase::Toss);
        let sad = if time_s < self.sad_until_s { 1.0 } else { 0.0 };
        let along = (ALONG * (paddle.position_m.z - 0.1)).clamp(-MAX_ALONG_M, MAX_ALONG_M);
        let hover = 0.006 * (2.3 * time_s + 1.3 * self.side.sign()).sin();
        let forward = if plays { 0.035 } else { 0.0 };
        let across = self.shift[2].speed;
        let goals = [forward - 0.02 * sad, hover - 0.035 * sad, if plays { along } else { 0.0 }];
        let [x, y, z] = std::array::from_fn(|i| self.shift[i].step(goals[i], [9.0, 10.0, 7.0][i], seconds));
        // It banks as it slides, like everything that hovers.
        let bank = (0.22 * across * self.side.sign()).clamp(-0.12, 0.12);
        let goals = [0.0, if plays { -0.05 } else { 0.0 } - 0.05 * sad, bank];
        let [yaw, pitch, roll] = std::array::from_fn(|i| self.turn[i].step(goals[i], 8.0, seconds));
        let base = seat(self.side);
        let shift = Vec3::new(-self.side.sign() * x, y, z);
        let turn = Quat::from_euler(EulerRot::YXZ, yaw, pitch.clamp(-0.2, 0.2), roll.clamp(-0.2, 0.2));
        // Seats turn about their own middle, a hand's breadth below the eyes and behind.
        let middle = Vec3::new(0.0, -0.35, 0.08);
        Affine3A::from_translation(shift)
            * base
            * Affine3A::from_translation(middle)
            * Affine3A::from_quat(turn)
            * Affine3A::from_translation(-middle)
    }
}
