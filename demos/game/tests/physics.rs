//! The ball against what can be worked out on paper.

use glam::{Vec2, Vec3};
use visavis_game::play::ball::{DRAG_PER_M, GRAVITY_M_S2, Touch, acceleration, bounced};
use visavis_game::play::table::{
    BALL_ON_TABLE_M, BALL_RADIUS_M, HALF_LENGTH_M, HALF_WIDTH_M, NET_M, ROOM_M, TOP_M,
};
use visavis_game::play::{Ball, Random, STEP_S, Side, aim};

fn ball(position: [f32; 3], velocity: [f32; 3]) -> Ball {
    Ball { position_m: position.into(), velocity_m_s: velocity.into() }
}

fn fly(ball: &mut Ball, seconds: f32) -> Vec<Touch> {
    let mut touches = Vec::new();
    for _ in 0..(seconds / STEP_S).round() as usize {
        ball.step(STEP_S, &mut |touched| touches.push(touched.touch));
    }
    touches
}

#[test]
fn falling_with_drag_follows_its_closed_form() {
    // v = w tanh(g t / w), fallen = w² / g · ln cosh(g t / w), w the speed at which drag carries the ball.
    let last = (GRAVITY_M_S2 / DRAG_PER_M).sqrt();
    let mut falling = Ball { position_m: Vec3::ZERO, velocity_m_s: Vec3::ZERO };
    for step in 1..=480u16 {
        falling = falling.flown(STEP_S);
        let x = GRAVITY_M_S2 * f32::from(step) * STEP_S / last;
        let fallen = last * last / GRAVITY_M_S2 * x.cosh().ln();
        assert!((falling.velocity_m_s.y + last * x.tanh()).abs() < 2e-3, "after {step} steps");
        assert!((falling.position_m.y + fallen).abs() < 2e-3, "after {step} steps");
    }
    assert!(acceleration(Vec3::NEG_Y * last).length() < 1e-3, "the final speed is final");
}

#[test]
fn a_slow_ball_flies_a_parabola() {
    // At 0.1 m/s drag is a ten-thousandth of gravity.
    let start = ball([0.0, 2.0, 0.0], [0.1, 0.3, -0.05]);
    let mut flying = start;
    for _ in 0..24 {
        flying = flying.flown(STEP_S);
    }
    let t = 24.0 * STEP_S;
    let there = start.position_m + start.velocity_m_s * t - Vec3::Y * (0.5 * GRAVITY_M_S2 * t * t);
    assert!(flying.position_m.distance(there) < 3e-4);
}

#[test]
fn a_ball_dropped_from_thirty_centimetres_comes_back_as_a_tournaments_does() {
    let mut dropped = ball([0.3, BALL_ON_TABLE_M + 0.30, 0.1], [0.0; 3]);
    let (mut touches, mut highest) = (0, 0.0f32);
    for _ in 0..150 {
        dropped.step(STEP_S, &mut |touched| {
            assert_eq!(touched.touch, Touch::Table(Side::Right));
            assert!((touched.speed_m_s - (2.0 * GRAVITY_M_S2 * 0.30).sqrt()).abs() < 0.05 || touches > 0);
            touches += 1;
        });
        if touches == 1 {
            highest = highest.max(dropped.position_m.y - BALL_ON_TABLE_M);
        }
    }
    assert!(touches >= 1 && (0.235..0.26).contains(&highest), "{highest}");
}

#[test]
fn friction_takes_two_fifths_at_most() {
    let down = Vec3::new(0.5, -3.0, 0.0);
    let after = bounced(down, Vec3::Y, Touch::Table(Side::Left));
    assert!((after.x - 0.3).abs() < 1e-5 && (after.y - 2.79).abs() < 1e-5, "it grips: {after}");
    let flat = Vec3::new(8.0, -0.5, 0.0);
    let after = bounced(flat, Vec3::Y, Touch::Table(Side::Left));
    assert!((after.x - (8.0 - 0.2 * 1.93 * 0.5)).abs() < 1e-4, "it slides: {after}");
    assert_eq!(bounced(Vec3::Y, Vec3::Y, Touch::Floor), Vec3::Y, "what leaves isn't held");
}

#[test]
fn energy_never_grows() {
    let mut random = Random::new(3);
    for _ in 0..200 {
        let mut any = |low: f32, high: f32| random.within(low, high);
        let mut flying = ball(
            [any(-1.5, 1.5), any(0.8, 2.0), any(-0.9, 1.5)],
            [any(-9.0, 9.0), any(-6.0, 4.0), any(-5.0, 5.0)],
        );
        let energy =
            |ball: &Ball| 0.5 * ball.velocity_m_s.length_squared() + GRAVITY_M_S2 * ball.position_m.y;
        let mut before = energy(&flying);
        for _ in 0..600 {
            flying.step(STEP_S, &mut |_| {});
            let after = energy(&flying);
            assert!(after <= before + 0.02, "{before} {after} {flying:?}");
            before = after;
        }
    }
}

/// However fast: nothing goes through table, net, walls or floor.
#[test]
fn nothing_tunnels() {
    let mut random = Random::new(8);
    for n in 0..4000 {
        let mut any = |low: f32, high: f32| random.within(low, high);
        let side = if n % 2 == 0 { 1.0 } else { -1.0 };
        let start = [side * any(0.1, 1.8), any(TOP_M + 0.03, 1.6), any(-0.34, 0.34)];
        let mut flying = ball(start, [-side * any(0.0, 400.0), any(-400.0, 20.0), any(-30.0, 30.0)]);
        for _ in 0..240 {
            let from = flying.position_m;
            let mut touches = 0;
            flying.step(STEP_S, &mut |_| touches += 1);
            let to = flying.position_m;
            let inside = to.cmpge(ROOM_M[0]).all() && to.cmple(ROOM_M[1]).all();
            assert!(inside && to.is_finite(), "{start:?}: out of the room at {to}");
            let in_table = to.x.abs() < HALF_LENGTH_M
                && to.z.abs() < HALF_WIDTH_M
                && (to.y - TOP_M + 0.015).abs() < 0.015;
            assert!(!in_table, "{start:?}: in the table at {to}");
            if touches == 0 && from.x.signum() != to.x.signum() {
                // It went over the middle untouched: above the net, or beside or under the table.
                let share = from.x / (from.x - to.x);
                let at = from.lerp(to, share);
                let is_free = at.y >= TOP_M + NET_M || at.z.abs() > HALF_WIDTH_M || at.y < TOP_M;
                assert!(is_free, "{start:?}: through the net at {at}");
            }
        }
    }
}

#[test]
fn a_ball_in_a_corner_comes_to_rest_and_time_goes_on() {
    let mut wedged = ball([0.03, BALL_ON_TABLE_M + 0.001, 0.0], [-3.0, -3.0, 0.0]);
    fly(&mut wedged, 4.0);
    assert!(wedged.position_m.is_finite() && wedged.velocity_m_s.length() < 1.0, "{wedged:?}");
}

#[test]
fn velocities_lead_where_they_should() {
    let from = Vec3::new(-0.75, 0.95, 0.2);
    for seconds in [0.2, 0.35, 0.6, 0.9] {
        let to = Vec3::new(0.45, 0.80, -0.2);
        let mut flying = Ball { position_m: from, velocity_m_s: aim::velocity_to(from, to, seconds) };
        let steps = (seconds / STEP_S).ceil();
        for _ in 0..steps as usize {
            flying = flying.flown(seconds / steps);
        }
        assert!(flying.position_m.distance(to) < 1e-3, "{seconds}: {}", flying.position_m);
    }
}

#[test]
fn strokes_from_everywhere_land_where_they_are_aimed() {
    let mut random = Random::new(4);
    let mut found = 0;
    for _ in 0..300 {
        let mut any = |low: f32, high: f32| random.within(low, high);
        let from = Vec3::new(-any(0.5, 0.85), any(0.80, 1.15), any(-0.45, 0.45));
        let target = Vec2::new(any(0.25, 0.52), any(-0.28, 0.28));
        let Some(velocity) = aim::stroke(from, target, any(2.2, 4.5)) else { continue };
        found += 1;
        let landing = aim::landing(Ball { position_m: from, velocity_m_s: velocity }).expect("it lands");
        assert_eq!(landing.touch, Touch::Table(Side::Right), "from {from} to {target}");
        let at = landing.ball.position_m;
        assert!(Vec2::new(at.x, at.z).distance(target) < 0.03, "{at} for {target}");
    }
    assert!(found >= 285, "{found} of 300");
}

#[test]
fn serves_touch_both_halves() {
    let mut random = Random::new(6);
    for n in 0..60 {
        let by = Side::BOTH[n % 2];
        let from = Vec3::new(by.sign() * (HALF_LENGTH_M + 0.14), TOP_M + 0.2, 0.02);
        let target = Vec2::new(-by.sign() * random.within(0.32, 0.48), random.within(-0.26, 0.26));
        let velocity = aim::serve(from, by, target).unwrap_or_else(|| panic!("no serve to {target}"));
        let first = aim::landing(Ball { position_m: from, velocity_m_s: velocity }).expect("it lands");
        let then = aim::landing(first.ball).expect("it lands again");
        assert_eq!([first.touch, then.touch], [by, by.other()].map(Touch::Table));
    }
}

#[test]
fn a_meeting_is_a_place_that_the_ball_comes_to() {
    let from = Vec3::new(-0.75, 0.95, 0.1);
    let velocity = aim::stroke(from, Vec2::new(0.42, -0.15), 3.0).expect("an easy one");
    let mut flying = Ball { position_m: from, velocity_m_s: velocity };
    let (met, seconds) = aim::meeting(flying, Side::Right).expect("it comes");
    assert!(aim::meeting(flying, Side::Left).is_none(), "it doesn't come back");
    let touches = fly(&mut flying, seconds);
    assert_eq!(touches, [Touch::Table(Side::Right)]);
    assert!(flying.position_m.distance(met.position_m) < 2.0 * BALL_RADIUS_M);
    assert!(met.position_m.y > BALL_ON_TABLE_M + 0.03, "a paddle fits under it");
}
