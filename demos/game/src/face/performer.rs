//! One player's face.

use glam::{Affine3A, EulerRot, Quat, Vec3};
use visavis_codec::expression::{FaceRange, Tuner};
use visavis_codec::latent::{MAX_RESIDUAL, UNITS};
use visavis_codec::{FaceFrame, FaceUnit, HeadPose, Latent, Timestamp};

use super::act::{Act, Kind};
use super::attention::Attention;
use super::blink::Blink;
use super::eyes::{Eyes, angles, lids_of};
use super::features::Features;
use super::spring::Spring;
use crate::play::{Event, Phase, Random, Side, Why};

/// What a player perceives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cue {
    /// Seconds of the game.
    pub time_s: f32,
    /// What is going on.
    pub phase: Phase,
    /// Who struck last in the rally that is on, and how often it was struck.
    pub striker: Option<Side>,
    /// See [`striker`](Self::striker).
    pub strokes: u32,
    /// Who got the last point.
    pub point_to: Option<Side>,
    /// The ball, and where it will touch something next; world, metres.
    pub ball_m: Vec3,
    /// See [`ball_m`](Self::ball_m).
    pub bounce_m: Option<Vec3>,
    /// Between the opponent's eyes, and the spectator's; world, metres.
    pub opponent_m: Vec3,
    /// See [`opponent_m`](Self::opponent_m).
    pub watcher_m: Vec3,
    /// From the player's rest frame to the world.
    pub world_from_rest: Affine3A,
}

/// How quickly the mouth and jaw, and brows and cheeks, get where an act wants them, radians per second.
const MOUTH: f32 = 34.0;
const UPPER: f32 = 20.0;
/// The head's.
const HEAD: f32 = 8.5;
/// The share of the way that the head goes with the eyes, and the most that it turns, radians.
const HEAD_SHARE: f32 = 0.47;
const MAX_TURN: f32 = 0.55;
const MAX_NOD: f32 = 0.24;
/// No act takes a unit further than this share of what the avatar has shown.
const REACH: f32 = 0.92;

/// Plays one player's face.
#[derive(Clone, Debug)]
pub struct Performer {
    side: Side,
    features: Features,
    random: Random,
    range: Option<FaceRange>,
    tuner: Option<Tuner>,
    acts: Vec<Act>,
    units: [Spring; UNITS],
    head: [Spring; 3],
    attention: Attention,
    eyes: Eyes,
    blink: Blink,
}

impl Performer {
    /// A face at rest. `range` is the avatar's: acts stay inside it; `tuner` applies an expression profile after that.
    pub fn new(
        side: Side,
        features: Features,
        range: Option<FaceRange>,
        tuner: Option<Tuner>,
        seed: u64,
    ) -> Self {
        let mut random = Random::new(seed ^ (0x5eed << side.index()));
        Self {
            side,
            features,
            range,
            tuner,
            acts: Vec::new(),
            units: [Spring::default(); UNITS],
            head: [Spring::default(); 3],
            attention: Attention::new(),
            eyes: Eyes::new(),
            blink: Blink::new(&mut random),
            random,
        }
    }

    /// Where this player's eyes and neck are.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Something happened; `time_s` is the game's.
    pub fn notice(&mut self, event: &Event, time_s: f32) {
        let me = self.side;
        let mut act = |kind, strength, delay: f32, lasts_s| {
            let seed = self.random.bits();
            self.acts.push(Act::new(kind, strength, time_s + delay, lasts_s, seed));
        };
        match *event {
            Event::Ready(server) => {
                if server == me {
                    act(Kind::Smile, 0.5, 0.1, [0.3, 0.3, 0.4]);
                }
            }
            Event::Toss(_) => act(Kind::Focus, 0.8, 0.0, [0.25, 0.5, 0.3]),
            Event::Stroke { by, effort, .. } => {
                if by == me {
                    act(Kind::Effort, 0.30 + 0.70 * effort, 0.0, [0.06, 0.10, 0.22]);
                    self.head[1].speed -= 0.5 + 0.9 * effort;
                    self.head[2].speed += me.sign() * 0.6 * effort;
                } else {
                    act(Kind::Focus, 0.9, 0.12, [0.14, 0.30, 0.25]);
                    if effort > 0.75 {
                        act(Kind::Surprise, 0.45, 0.15, [0.12, 0.10, 0.25]);
                    }
                }
            }
            Event::Touch(_) => {}
            Event::Let => act(Kind::Surprise, 0.6, 0.12, [0.14, 0.25, 0.4]),
            Event::Point { to, why, strokes } => {
                // The longer it was, the more it is worth.
                let worth = (0.55 + 0.08 * strokes as f32).min(1.0);
                if to == me {
                    match why {
                        Why::NotReturned | Why::Volley => act(Kind::Joy, worth, 0.16, [0.18, 0.55, 0.55]),
                        _ => act(Kind::Smirk, 0.9, 0.25, [0.25, 0.6, 0.5]),
                    }
                    if strokes >= 5 {
                        act(Kind::Laugh, worth, 0.55, [0.25, 0.6, 0.5]);
                    } else {
                        act(Kind::Talk, 0.8, 1.0, [0.15, 0.7, 0.25]);
                    }
                    self.head[1].speed += 0.9 * worth;
                } else {
                    act(Kind::Dismay, worth, 0.14, [0.14, 0.35, 0.45]);
                    act(Kind::Chagrin, 0.9, 0.65, [0.30, 0.5, 0.5]);
                    self.head[1].speed -= 1.1 * worth;
                }
            }
            Event::Won(side) => {
                if side == me {
                    act(Kind::Laugh, 1.0, 0.2, [0.2, 2.2, 0.8]);
                    act(Kind::Joy, 0.9, 0.2, [0.2, 4.5, 1.2]);
                } else {
                    act(Kind::Chagrin, 1.0, 0.1, [0.2, 1.0, 0.6]);
                    act(Kind::Smile, 0.9, 1.6, [0.6, 2.0, 1.0]);
                }
            }
        }
    }

    /// The face `seconds` after the last one.
    pub fn perform(&mut self, seconds: f32, cue: &Cue) -> FaceFrame {
        let seconds = seconds.clamp(0.0, 0.25);
        let rest_from_world = cue.world_from_rest.inverse();
        let target = self.attention.step(seconds, self.side, cue, &mut self.random);
        let target = rest_from_world.transform_point3(target);

        let rotation = self.turn(seconds, target, cue.time_s);
        let (gaze, jumped) = self.eyes.step(seconds, target, rotation, &self.features, &mut self.random);
        let is_coming = cue.striker == Some(self.side.other());
        let wants = jumped > 0.30 && self.random.unit() < 0.6;
        let closed = self.blink.step(seconds, is_coming || cue.phase == Phase::Toss, wants, &mut self.random);

        let mut units = self.act(seconds, cue.time_s);
        lids_of(gaze, &mut units);
        for unit in [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight] {
            let place = &mut units[unit as usize];
            *place = place.max(closed);
        }
        // Closed lids aren't wide.
        for unit in
            [FaceUnit::EyeWideLeft, FaceUnit::EyeWideRight, FaceUnit::EyeSquintLeft, FaceUnit::EyeSquintRight]
        {
            units[unit as usize] *= 1.0 - closed;
        }
        let latent = Latent { units, gaze, residual: [0.0; MAX_RESIDUAL] };
        let time = Timestamp::from_seconds(f64::from(cue.time_s));
        let latent = match &mut self.tuner {
            Some(tuner) => tuner.apply(&latent, time),
            None => latent,
        };
        // People breathe.
        let breath = 0.0015 * (1.6 * cue.time_s + self.side.sign()).sin();
        let head = HeadPose { rotation, translation: Vec3::Y * breath };
        FaceFrame { time, latent, head }
    }

    fn turn(&mut self, seconds: f32, target: Vec3, time_s: f32) -> Quat {
        let [yaw, pitch] = angles(target - 0.5 * (self.features.eyes[0] + self.features.eyes[1]));
        // A head is never quite still.
        let sway = |rate: f32, phase: f32| (rate * time_s + phase + 2.1 * self.side.sign()).sin();
        let goals = [
            (HEAD_SHARE * yaw).clamp(-MAX_TURN, MAX_TURN) + 0.012 * sway(0.9, 0.0),
            (0.55 * pitch).clamp(-MAX_NOD, MAX_NOD) + 0.010 * sway(1.3, 1.0),
            -0.12 * yaw.clamp(-0.6, 0.6) + 0.010 * sway(0.7, 2.0),
        ];
        let [yaw, pitch, roll] =
            std::array::from_fn(|i| self.head[i].step(goals[i], HEAD, seconds).clamp(-0.7, 0.7));
        Quat::from_euler(EulerRot::YXZ, yaw, pitch, roll).normalize()
    }

    fn act(&mut self, seconds: f32, time_s: f32) -> [f32; UNITS] {
        self.acts.retain(|act| !act.is_over(time_s));
        let mut wanted = [0.0; UNITS];
        for act in &self.acts {
            act.add(time_s, &mut wanted);
        }
        std::array::from_fn(|u| {
            let unit = FaceUnit::ALL[u];
            let is_upper = matches!(unit.name().get(..3), Some("bro" | "che" | "eye" | "nos"));
            let value = self.units[u].step(wanted[u], if is_upper { UPPER } else { MOUTH }, seconds);
            let most = self.range.as_ref().map_or(1.0, |range| range.unit(unit)[1]) * REACH;
            soft_limit(value.max(0.0), most)
        })
    }
}

/// At most so much, without a kink: the identity to a part in a thousand below 0.4 of it.
fn soft_limit(value: f32, most: f32) -> f32 {
    if most <= 0.0 {
        return 0.0;
    }
    value / (1.0 + (value / most).powi(8)).powf(0.125)
}
