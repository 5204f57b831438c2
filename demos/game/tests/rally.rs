//! Whole games, by the computer.

use glam::Vec2;
use visavis_game::play::{Event, Game, Hand, Options, Phase, Side, Skill};

/// Plays for some time; everything that happened.
fn play(game: &mut Game, seconds: f32) -> Vec<Event> {
    let mut events = Vec::new();
    while game.time_s() < seconds {
        events.extend_from_slice(game.step());
    }
    events
}

fn rallies(events: &[Event]) -> Vec<u32> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Point { strokes, .. } => Some(*strokes),
            _ => None,
        })
        .collect()
}

#[test]
fn a_rally_happens() {
    let mut all = Vec::new();
    for seed in 0..8 {
        let mut game = Game::new(Options { seed, ..Options::default() });
        let events = play(&mut game, 90.0);
        all.extend(rallies(&events));
        assert!(events.iter().any(|event| matches!(event, Event::Point { .. })), "seed {seed}: no point");
    }
    all.sort_unstable();
    let (median, longest) = (all[all.len() / 2], *all.last().unwrap());
    let points: u32 = all.len() as u32;
    eprintln!("{points} points; strokes: median {median}, longest {longest}; {all:?}");
    assert!((3..=9).contains(&median), "median {median}");
    assert!(longest >= 10, "longest {longest}");
}

#[test]
fn a_game_comes_to_its_end_by_the_rules() {
    let mut game = Game::new(Options { seed: 11, ..Options::default() });
    let mut last = game.score();
    for _ in 0..240 * 600 {
        let events = game.step().to_vec();
        for event in events {
            if let Event::Point { to, .. } = event {
                let mut next = last;
                next.add(to);
                assert_eq!(game.score(), next);
                last = next;
            }
        }
        if let Phase::Won(side) = game.phase() {
            assert_eq!(last.winner(), Some(side));
            return;
        }
    }
    panic!("no end after ten minutes: {:?}", game.score());
}

#[test]
fn equal_seeds_play_equal_games() {
    let run = |seed| {
        let mut game = Game::new(Options { seed, ..Options::default() });
        let events = play(&mut game, 25.0);
        let ball = game.ball();
        (events, ball.position_m.to_array().map(f32::to_bits), ball.velocity_m_s.to_array().map(f32::to_bits))
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).1, run(6).1);
}

#[test]
fn who_plays_better_wins() {
    let mut points = [0u32; 2];
    for seed in 0..6 {
        let skills = [Skill::SHARP, Skill::CASUAL];
        let mut game = Game::new(Options { seed, skills, ..Options::default() });
        play(&mut game, 120.0);
        for (sum, one) in points.iter_mut().zip(game.score().points) {
            *sum += one;
        }
    }
    eprintln!("sharp {}, casual {}", points[0], points[1]);
    assert!(points[0] > points[1] + points[1] / 3, "{points:?}");
}

/// A person who moves the paddle to where the ball comes returns most balls.
#[test]
fn a_person_can_play() {
    let options = Options { person: Some(Side::Left), seed: 2, ..Options::default() };
    let mut game = Game::new(options);
    let (mut strokes, mut chances) = (0, 0);
    let mut last = None;
    while game.time_s() < 90.0 {
        let ball = game.ball();
        // A hand that follows the ball on the screen, a tenth of a second late.
        let seen = ball.position_m - 0.1 * ball.velocity_m_s;
        let serves = matches!(game.phase(), Phase::Ready(_)) && game.time_s() % 3.0 > 2.0;
        game.set_hand(Hand { across_and_up_m: Vec2::new(seen.z, seen.y), serves });
        for event in game.step() {
            match event {
                Event::Stroke { by, .. } => {
                    chances += u32::from(*by == Side::Right);
                    strokes += u32::from(*by == Side::Left && last == Some(Side::Right));
                    last = Some(*by);
                }
                Event::Point { .. } => last = None,
                _ => {}
            }
        }
    }
    eprintln!("{strokes} returns of {chances}");
    assert!(chances > 15 && strokes * 2 > chances, "{strokes} of {chances}");
}

/// A paddle that nobody moves returns little, and the game goes on.
#[test]
fn who_does_nothing_loses() {
    let options = Options { person: Some(Side::Right), seed: 2, first: Side::Left, ..Options::default() };
    let mut game = Game::new(options);
    game.set_hand(Hand { across_and_up_m: Vec2::new(-0.5, 1.2), serves: true });
    play(&mut game, 100.0);
    let [left, right] = game.score().points;
    assert!(left > right, "{left} to {right}");
}
