//! A game, played for people who look at it.

use glam::{Affine3A, Vec3};
use visavis_codec::FaceFrame;
use visavis_codec::expression::{FaceRange, Tuner};

use super::camera::{Camera, View};
use super::moment::{Moment, TRAIL};
use super::replay::{MIN_STROKES, Memory, Replay};
use crate::face::{Cue, Features, Performer, Sway};
use crate::play::ball::Touch;
use crate::play::{Event, Game, Hand, Options, Phase, STEP_S, Side, Why};

/// Who a player is, as far as a show needs to know.
#[derive(Clone, Debug, Default)]
pub struct Character {
    /// On the score board.
    pub name: String,
    /// Where eyes and neck are.
    pub features: Features,
    /// What the face can do; none: anything.
    pub range: Option<FaceRange>,
    /// How much lower than a captured person this one sits, because their bust is shorter; metres.
    pub sinks_m: f32,
    /// An expression profile at work; none: faces are shown as they are played.
    pub tuner: Option<Tuner>,
}

/// What is said over the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Caption {
    /// It is on the person who plays to serve.
    YourServe,
    /// A good serve touched the net.
    Let,
    /// A point; for whom, and why.
    Point(Side, Why),
    /// One more point decides.
    GamePoint,
    /// The game is won.
    Won(Side),
}

/// What is to be heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Seconds of the show.
    pub time_s: f32,
    /// On what the ball sounded; none: on a paddle.
    pub on: Option<Touch>,
    /// 0 to 1.
    pub loudness: f32,
}

/// Shorter steps of faces and seats than this aren't needed, seconds.
const FACE_STEP_S: f32 = 1.0 / 60.0;
/// The ball's trail: from one place to the next, seconds.
const TRAIL_S: f32 = 1.0 / 110.0;
/// After a won game the computer plays another one, seconds.
const NEXT_GAME_S: f32 = 7.0;

/// A game with faces, cameras and replays. It is told how time passes, and knows nothing of clocks, windows or pixels.
#[derive(Clone, Debug)]
pub struct Show {
    game: Game,
    names: [String; 2],
    sinks_m: [f32; 2],
    performers: [Performer; 2],
    sways: [Sway; 2],
    camera: Camera,
    shows_replays: bool,
    moment: Moment,
    memory: Memory,
    /// Of the last point, to be shown once it has been played on a little.
    due: Option<Replay>,
    replay: Option<(Replay, Moment)>,
    passed_s: f32,
    carry_s: f32,
    trail_s: f32,
    trail_m: [Vec3; TRAIL],
    point_to: Option<Side>,
    caption: Option<(Caption, f32)>,
    won_s: f32,
    sounds: Vec<Sound>,
}

impl Show {
    /// A game that is about to begin.
    pub fn new(options: Options, cast: [Character; 2]) -> Self {
        let game = Game::new(options);
        let ball_m = game.ball().position_m;
        let names = [cast[0].name.clone(), cast[1].name.clone()];
        let sinks_m = [cast[0].sinks_m, cast[1].sinks_m];
        let mut sides = Side::BOTH.into_iter();
        let performers = cast.map(|Character { features, range, tuner, name: _, sinks_m: _ }| {
            // Two of two.
            Performer::new(sides.next().unwrap_or(Side::Right), features, range, tuner, options.seed)
        });
        let moment = Moment {
            time_s: 0.0,
            phase: game.phase(),
            score: game.score(),
            ball_m,
            trail_m: [ball_m; TRAIL],
            paddles: game.paddles(),
            seats: Side::BOTH.map(crate::face::seat),
            people: Side::BOTH.map(crate::face::seat),
            faces: [FaceFrame::default(); 2],
        };
        Self {
            names,
            sinks_m,
            performers,
            sways: Side::BOTH.map(Sway::new),
            camera: options.person.map_or(Camera::Spectator, Camera::Player),
            shows_replays: true,
            moment,
            memory: Memory::default(),
            due: None,
            replay: None,
            passed_s: 0.0,
            carry_s: 0.0,
            trail_s: 0.0,
            trail_m: [ball_m; TRAIL],
            point_to: None,
            caption: None,
            won_s: 0.0,
            sounds: Vec::new(),
            game,
        }
    }

    /// The game.
    pub fn game(&self) -> &Game {
        &self.game
    }

    /// The players' names, left and right.
    pub fn names(&self) -> &[String; 2] {
        &self.names
    }

    /// What to draw.
    pub fn moment(&self) -> &Moment {
        self.replay.as_ref().map_or(&self.moment, |(_, moment)| moment)
    }

    /// Whether a point is being shown again.
    pub fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// Ends what is being shown again.
    pub fn skip_replay(&mut self) {
        self.replay = None;
    }

    /// Whether points are shown again.
    pub fn set_replays(&mut self, shows: bool) {
        self.shows_replays = shows;
        if !shows {
            (self.due, self.replay) = (None, None);
        }
    }

    /// From where it is seen, replays aside.
    pub fn set_camera(&mut self, camera: Camera) {
        self.camera = camera;
    }

    /// From where it is seen now.
    pub fn camera(&self) -> Camera {
        self.replay.as_ref().map_or(self.camera, |(replay, _)| replay.camera)
    }

    /// The view, for pictures of this shape (width over height).
    pub fn view(&self, aspect: f32) -> View {
        self.camera().view(self.passed_s, self.moment().ball_m, aspect)
    }

    /// What the person who plays does.
    pub fn set_hand(&mut self, hand: Hand) {
        self.game.set_hand(hand);
    }

    /// Another game, of another seed.
    pub fn restart(&mut self) {
        let options = *self.game.options();
        self.game = Game::new(Options { seed: options.seed.wrapping_add(1), ..options });
        (self.due, self.replay, self.caption, self.point_to) = (None, None, None, None);
        self.memory = Memory::default();
        self.won_s = 0.0;
    }

    /// What is said at present, and how clearly, 0 to 1.
    pub fn caption(&self) -> Option<(Caption, f32)> {
        if self.is_replay() {
            return None;
        }
        let server = self.game.score().server();
        if matches!(self.game.phase(), Phase::Ready(_)) && self.game.options().person == Some(server) {
            return Some((Caption::YourServe, 1.0));
        }
        let (caption, since) = self.caption?;
        let age = self.moment.time_s - since;
        let lasts = if matches!(caption, Caption::Won(_)) { 60.0 } else { 1.7 };
        let clear = (age / 0.15).min((lasts - age) / 0.3).clamp(0.0, 1.0);
        (clear > 0.0).then_some((caption, clear))
    }

    /// What was to be heard since it was last asked, in order.
    pub fn take_sounds(&mut self) -> Vec<Sound> {
        std::mem::take(&mut self.sounds)
    }

    /// Lets time pass. While a point is shown again, the game waits.
    pub fn advance(&mut self, seconds: f32) {
        let seconds = seconds.clamp(0.0, 0.25);
        self.passed_s += seconds;
        if let Some((replay, _)) = &mut self.replay {
            let mut replay = *replay;
            self.replay = replay.step(seconds, &self.memory).map(|moment| (replay, moment));
            return;
        }
        self.carry_s += seconds;
        while self.carry_s >= FACE_STEP_S {
            self.carry_s -= FACE_STEP_S;
            self.play(FACE_STEP_S, self.carry_s);
        }
        let time_s = self.game.time_s();
        if let Some(due) = self.due.take_if(|due| due.is_recorded(time_s)) {
            self.replay = self.memory_starts(due);
        }
        if let Phase::Won(_) = self.game.phase() {
            self.won_s += seconds;
            if self.won_s > NEXT_GAME_S && self.game.options().person.is_none() {
                self.restart();
            }
        }
    }

    fn memory_starts(&self, mut replay: Replay) -> Option<(Replay, Moment)> {
        replay.step(0.0, &self.memory).map(|moment| (replay, moment))
    }

    /// One step of faces, several of the game.
    fn play(&mut self, seconds: f32, left_s: f32) {
        let steps = (seconds / STEP_S).round().max(1.0) as usize;
        for _ in 0..steps {
            let events: Vec<Event> = self.game.step().to_vec();
            let time_s = self.game.time_s();
            for event in &events {
                for performer in &mut self.performers {
                    performer.notice(event, time_s);
                }
                for sway in &mut self.sways {
                    sway.notice(event, time_s);
                }
                self.notice(event, time_s, left_s);
            }
            self.trail_s += STEP_S;
            if self.trail_s >= TRAIL_S {
                self.trail_s -= TRAIL_S;
                self.trail_m.rotate_right(1);
                self.trail_m[0] = self.game.ball().position_m;
            }
        }
        self.look(seconds);
        self.memory.keep(self.moment);
    }

    fn look(&mut self, seconds: f32) {
        let game = &self.game;
        let (time_s, phase) = (game.time_s(), game.phase());
        let paddles = game.paddles();
        // A held ball hovers.
        let held = if matches!(phase, Phase::Ready(_)) { 0.008 * (4.0 * time_s).sin() } else { 0.0 };
        let ball_m = game.ball().position_m + Vec3::Y * held;
        if matches!(phase, Phase::Ready(_)) {
            self.trail_m = [ball_m; TRAIL];
        }
        let mut seats = self.moment.seats;
        for side in Side::BOTH {
            let i = side.index();
            seats[i] = self.sways[i].step(seconds, time_s, phase, &paddles[i]);
        }
        let people =
            std::array::from_fn(|i| seats[i] * Affine3A::from_translation(Vec3::NEG_Y * self.sinks_m[i]));
        let watcher_m = self.camera.view(self.passed_s, ball_m, 1.0).eye();
        let mut faces = self.moment.faces;
        for side in Side::BOTH {
            let i = side.index();
            let cue = Cue {
                time_s,
                phase,
                striker: game.striker(),
                strokes: game.strokes(),
                point_to: self.point_to,
                ball_m,
                bounce_m: game.bounce_ahead(),
                opponent_m: people[side.other().index()].translation.into(),
                watcher_m,
                world_from_rest: people[i],
            };
            faces[i] = self.performers[i].perform(seconds, &cue);
        }
        let (score, trail_m) = (game.score(), self.trail_m);
        self.moment = Moment { time_s, phase, score, ball_m, trail_m, paddles, seats, people, faces };
    }

    fn notice(&mut self, event: &Event, time_s: f32, left_s: f32) {
        let heard_s = self.passed_s - left_s;
        match *event {
            Event::Ready(_) => {
                self.point_to = None;
                if self.game.score().is_game_point() {
                    self.caption = Some((Caption::GamePoint, time_s));
                }
            }
            Event::Stroke { speed_m_s, .. } => {
                let loudness = (0.35 + 0.11 * speed_m_s).min(1.0);
                self.sounds.push(Sound { time_s: heard_s, on: None, loudness });
            }
            Event::Touch(touched) => {
                let loudness = (0.30 * touched.speed_m_s).min(1.0);
                if loudness > 0.03 {
                    self.sounds.push(Sound { time_s: heard_s, on: Some(touched.touch), loudness });
                }
            }
            Event::Let => self.caption = Some((Caption::Let, time_s)),
            Event::Point { to, why, strokes } => {
                self.point_to = Some(to);
                self.caption = Some((Caption::Point(to, why), time_s));
                let is_worth_it = strokes >= MIN_STROKES && self.shows_replays;
                self.due = is_worth_it.then(|| Replay::of(time_s, to.other()));
            }
            Event::Won(side) => self.caption = Some((Caption::Won(side), time_s)),
            Event::Toss(_) => {}
        }
    }
}
