//! Play-out in virtual time: clean, jittery, lossy and broken networks, drifting and jumping clocks, hostile senders.

#[path = "playout/hostile.rs"]
mod hostile;
#[path = "playout/network.rs"]
mod network;
#[path = "bitstream/signals.rs"]
mod signals;
#[path = "playout/speed.rs"]
mod speed;

use std::time::Duration;

use network::{Display, MILLISECOND, Network, SECOND, START, concealed, count, rates, since_start};
use speed::Speed;
use visavis_codec::call::CallReader;
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::UNITS;
use visavis_codec::playout::{
    FrameError, Method, Playout, PlayoutOptions, PlayoutOptionsError, Pushed, RestingFace, Shown, SpeedLimits,
};
use visavis_codec::{FaceFrame, FaceUnit, Gaze, HeadPose, Latent, Timestamp};

const INTERVAL: f64 = 1.0 / 30.0;
const LIDS: [FaceUnit; 2] = [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight];

fn playout() -> Playout {
    Playout::new(PlayoutOptions::default()).unwrap()
}

fn talk(seconds: usize) -> Vec<FaceFrame> {
    signals::talk(7, seconds * 30, 30.0, 0.01)
}

/// What a display of 90 Hz shows of a talking person, from the first frame's arrival to the last.
fn play(network: &Network, seconds: usize) -> (Display, Vec<Shown>) {
    let mut display = Display::new(playout(), network.carry(&talk(seconds)), 90.0);
    let all = display.run_to(seconds as f64);
    (display, all)
}

fn after(all: &[Shown], seconds: f64) -> &[Shown] {
    &all[all.partition_point(|shown| since_start(shown) < seconds)..]
}

fn between(all: &[Shown], from: f64, to: f64) -> &[Shown] {
    let all = after(all, from);
    &all[..all.partition_point(|shown| since_start(shown) < to)]
}

/// That time went on at no other speed than the options allow; the sender's clock mustn't have jumped.
#[track_caller]
fn assert_steady(all: &[Shown]) {
    let (least, most) = rates(all);
    let options = PlayoutOptions::default();
    let allowed = 1.0 - options.slow_down - 1e-6..=1.0 + options.speed_up + 1e-6;
    assert!(allowed.contains(&least) && allowed.contains(&most), "{least} to {most}");
}

/// What a face that only interpolates, goes on, rests and settles doesn't exceed, by what the sender's own motion is.
///
/// A monotone cubic is at most 1.5 times as steep as its chord, and plays 2 % faster; a spring of 11.9/s adds at most half
/// its frequency times the range of an axis (1; what gaze, residual and head can differ by), lids' twice that.
fn allowed(content: Speed) -> Speed {
    let (curve, spring) = (1.53, 5.93);
    Speed {
        unit: content.unit * curve + spring,
        lid: (content.lid * curve + 2.0 * spring).min(30.0),
        gaze: content.gaze * curve + spring * 0.5,
        residual: content.residual * curve + spring * 6.0,
        turn: content.turn * curve + spring * 0.3,
        shift: content.shift * curve + spring * 0.02,
    }
}

#[test]
fn a_clean_network_conceals_nothing() {
    let frames = talk(30);
    let network = Network::default();
    let (display, all) = play(&network, 30);
    let steady = after(&all, 1.0);
    assert_eq!(concealed(&all), 0.0);
    assert_eq!(count(steady, Method::Interpolated), steady.len());
    assert_steady(&all);
    // One frame interval, the margin of 3 ms and a bin of the histogram.
    let delay = after(&all, 5.0).iter().map(|shown| shown.delay.as_secs_f64());
    assert!(delay.clone().all(|delay| (INTERVAL..INTERVAL + 0.0045).contains(&delay)));
    let statistics = display.playout.statistics();
    assert_eq!(
        (statistics.late, statistics.repeats, statistics.clock_jumps, statistics.resyncs),
        (0, 0, 0, 0)
    );
    assert!(statistics.frames >= 898 && statistics.shown > Duration::from_secs(29), "{statistics:?}");
    assert_eq!(statistics.concealed_ratio(), 0.0);

    // Everything shown is between the frames on its two sides.
    for shown in after(&all, 2.0) {
        let capture = shown.capture.unwrap().0 - network.stamp(Timestamp(0)).0;
        let right = frames.partition_point(|frame| frame.time.0 < capture);
        let (a, b) = (&frames[right - 1], &frames[right]);
        for unit in 0..UNITS {
            let [a, b] = [a, b].map(|frame| frame.latent.units[unit]);
            let value = shown.frame.latent.units[unit];
            assert!((a.min(b) - 1e-4..=a.max(b) + 1e-4).contains(&value), "{value} between {a} and {b}");
        }
        let whole = a.head.rotation.angle_between(b.head.rotation);
        let parts = shown.frame.head.rotation.angle_between(a.head.rotation)
            + shown.frame.head.rotation.angle_between(b.head.rotation);
        assert!(parts <= whole + 2e-3, "{parts} is a detour of {whole}");
    }
}

#[test]
fn jitter_reordering_and_duplicates_conceal_nothing() {
    // More than a frame interval of jitter: one frame in five overtakes another.
    let network = Network { jitter: 45.0, duplicates: 0.1, ..Network::default() };
    let (display, all) = play(&network, 120);
    let steady = after(&all, 20.0);
    assert_eq!(concealed(steady), 0.0);
    assert_eq!(count(steady, Method::Interpolated), steady.len());
    assert_steady(&all);
    let statistics = display.playout.statistics();
    assert!(statistics.repeats > 200, "{statistics:?}");
    let delay = statistics.delay.as_secs_f64();
    assert!((delay - (0.045 + INTERVAL + 0.003)).abs() < 0.003, "{delay}");
    assert_eq!((statistics.clock_jumps, statistics.resyncs), (0, 0));
}

#[test]
fn the_delay_is_the_quantile_and_one_frame() {
    let network = Network { tail: 12.0, jitter: 5.0, ..Network::default() };
    let deliveries = network.carry(&talk(60));
    let mut lates: Vec<u64> =
        deliveries.iter().map(|d| d.arrival - START - d.index as u64 * SECOND / 30).collect();
    lates.sort_unstable();
    for quantile in [0.5, 0.8, 0.95, 0.99] {
        let options = PlayoutOptions { quantile, concealed_budget: 1.0, ..PlayoutOptions::default() };
        let mut display = Display::new(Playout::new(options).unwrap(), deliveries.clone(), 60.0);
        display.run_to(60.0);
        let covered = lates[(lates.len() as f64 * quantile) as usize] - lates[0];
        let expected = covered as f64 * 1e-9 + INTERVAL + 0.003;
        let delay = display.playout.statistics().delay.as_secs_f64();
        assert!((delay - expected).abs() < 0.004, "{delay} for {quantile}, not {expected}");
    }
}

#[test]
fn drift_is_found_and_followed() {
    for drift in [-200.0, 200.0, 37.0] {
        let network = Network { drift, jitter: 15.0, seed: 3, ..Network::default() };
        let (display, all) = play(&network, 300);
        let found = display.playout.statistics().drift_ppm.unwrap();
        assert!((found - drift).abs() < 15.0, "{found} ppm, not {drift}");
        assert_eq!(concealed(after(&all, 20.0)), 0.0, "at {drift} ppm");
        assert_steady(&all);
        // 200 ppm of 280 s are 56 ms.
        let (early, late) = (between(&all, 20.0, 21.0)[0].delay, after(&all, 299.0)[0].delay);
        assert!((early.as_secs_f64() - late.as_secs_f64()).abs() < 0.004, "{early:?}, then {late:?}");
    }
}

#[test]
fn ten_per_cent_loss_is_repaired_by_three_repeats() {
    let network = Network { loss: 0.1, jitter: 30.0, repeats: 3, seed: 5, ..Network::default() };
    let (display, all) = play(&network, 600);
    let statistics = display.playout.statistics();
    let ratio = statistics.concealed_ratio();
    assert!(ratio <= 0.001, "{ratio}");
    assert_steady(&all);
    // Jitter and one frame interval; the repeats come three intervals later at most.
    let most = all.iter().map(|shown| shown.delay).max().unwrap();
    assert!(most.as_secs_f64() <= 0.030 + 4.0 * INTERVAL + 0.006, "{most:?}");
    assert_eq!((statistics.clock_jumps, statistics.resyncs), (0, 0));
    // Without repeats it is twice the loss: each frame that is missing takes both its intervals.
    let (display, _) = play(&Network { repeats: 0, ..network }, 60);
    let ratio = display.playout.statistics().concealed_ratio();
    assert!((0.15..0.21).contains(&ratio), "{ratio}");
    eprintln!(
        "concealed {:.4} % with repeats, {:.1} % without; delay {most:?}",
        100.0 * statistics.concealed_ratio(),
        100.0 * ratio
    );
}

#[test]
fn bursts_and_cuts_never_pop() {
    let content = Speed::of(&talk(60));
    let cuts = [0.03, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5].into_iter().enumerate();
    let cuts = cuts.map(|(i, length)| (5.0 + 5.0 * i as f64, 5.0 + 5.0 * i as f64 + length)).collect();
    let networks = [
        Network { cuts, ..Network::default() },
        // 30 % lost in bursts of 100 ms, with and without repeats.
        Network { burst: (0.14, 0.33), jitter: 10.0, repeats: 3, ..Network::default() },
        Network { burst: (0.14, 0.33), jitter: 10.0, seed: 2, ..Network::default() },
        Network { burst: (0.05, 0.07), jitter: 40.0, duplicates: 0.2, seed: 4, ..Network::default() },
        Network { cuts: vec![(10.0, 30.0)], jitter: 15.0, ..Network::default() },
        Network { longer: Some((20.0, 120.0)), jitter: 15.0, ..Network::default() },
    ];
    for network in networks {
        let (display, all) = play(&network, 60);
        let shown = Speed::of(all.iter().map(|shown| &shown.frame));
        let unconcealed = concealed(after(&all, 1.0));
        eprintln!("concealed {unconcealed:.3}: {shown:?}, sent: {content:?}");
        assert!(shown.is_within(&allowed(content)), "{shown:?}, sent: {content:?}, {network:?}");
        if network.longer.is_none() {
            assert_steady(&all);
        }
        assert!(rates(&all).0 >= 0.0, "time went back");
        assert_eq!(display.playout.statistics().resyncs, 0);
        assert!(unconcealed > 0.0 || network.longer.is_some());
        // It all ends well.
        assert!(count(after(&all, 50.0), Method::Resting) < 200, "{network:?}");
    }
}

#[test]
fn a_cut_ends_in_a_living_face_and_is_over_at_once() {
    let (display, all) = play(&Network { cuts: vec![(10.0, 30.0)], jitter: 15.0, ..Network::default() }, 40);
    // 0.1 s of extrapolation, 0.5 s of ease, beside the delay.
    let rest = between(&all, 10.8, 30.0);
    assert_eq!(count(rest, Method::Resting), rest.len());
    assert_eq!(concealed(rest), 1.0);
    assert!(blinks(rest) >= 3, "{} blinks", blinks(rest));
    // Never frozen: the head moves in every tenth of a second.
    for part in rest.chunks_exact(9) {
        let moved: f32 = part.windows(2).map(|pair| head_motion(&pair[0], &pair[1])).sum();
        assert!(moved > 1e-5, "frozen at {} s", since_start(&part[0]));
    }
    // Nothing but lids and gaze is active.
    let jaw = rest.iter().map(|shown| shown.frame.latent.unit(FaceUnit::JawOpen)).fold(0.0, f32::max);
    assert!(jaw < 1e-3, "{jaw}");
    // Back within the delay and half a second, and no frame is missing from then on.
    let back = after(&all, 30.7);
    assert_eq!(count(back, Method::Interpolated), back.len());
    assert_eq!(concealed(back), 0.0);
    assert!(count(between(&all, 30.0, 30.7), Method::Returning) > 10);
    let statistics = display.playout.statistics();
    assert!((statistics.concealed.as_secs_f64() - 20.0).abs() < 0.15, "{statistics:?}");
}

fn head_motion(a: &Shown, b: &Shown) -> f32 {
    Speed::of([&a.frame, &b.frame]).turn * 0.01
}

fn blinks(all: &[Shown]) -> usize {
    let closed = |shown: &Shown| LIDS.iter().all(|&lid| shown.frame.latent.unit(lid) > 0.5);
    all.windows(2).filter(|pair| !closed(&pair[0]) && closed(&pair[1])).count()
}

#[test]
fn a_blink_is_finished() {
    // The lids at the last frames that arrive: closing, nearly closed, closed, opening, nearly open.
    for lids in [[0.0, 0.4], [0.4, 0.95], [1.0, 1.0], [1.0, 0.6], [0.5, 0.2], [0.0, 0.1]] {
        let frames: Vec<FaceFrame> = (0..60u64)
            .map(|i| {
                let mut frame = FaceFrame { time: Timestamp(i * SECOND / 30), ..FaceFrame::default() };
                let lid = match i {
                    0..58 => 0.0,
                    _ => lids[i as usize - 58],
                };
                for unit in LIDS {
                    *frame.latent.unit_mut(unit) = lid;
                }
                frame
            })
            .collect();
        let mut display = Display::new(playout(), Network::default().carry(&frames), 90.0);
        let all = display.run_to(4.0);
        let half = |shown: &&Shown| (0.15..0.85).contains(&shown.frame.latent.unit(LIDS[0]));
        // From the last frame on, ten refreshes (0.11 s) to close and twenty to open at the most.
        let from = frames[59].time.as_seconds();
        let lingering = between(&all, from, from + 1.2).iter().filter(half).count();
        assert!(lingering <= 30, "{lingering} refreshes half closed from {lids:?}");
        let open = between(&all, from + 0.6, from + 0.65);
        assert!(open.iter().all(|shown| shown.frame.latent.unit(LIDS[0]) < 0.05), "from {lids:?}");
        if lids[1] > lids[0] + 0.2 {
            let most =
                after(&all, from).iter().map(|shown| shown.frame.latent.unit(LIDS[0])).fold(0.0, f32::max);
            assert!(most > 0.95, "closed to {most} from {lids:?}");
        }
    }
}

#[test]
fn a_jump_of_the_senders_clock_is_absorbed() {
    let content = Speed::of(&talk(40));
    for jump in [3600.0, -3600.0, 0.4, -0.4, 0.06, -0.06, 1e9, -9e5] {
        for repeats in [0, 3] {
            let network = Network { jumps: vec![(20.0, jump)], jitter: 10.0, repeats, ..Network::default() };
            let (display, all) = play(&network, 40);
            let shown = Speed::of(all.iter().map(|shown| &shown.frame));
            assert!(shown.is_within(&allowed(content)), "{shown:?} at a jump of {jump} s, sent: {content:?}");
            // Found within 0.4 s, and within 0.8 where the clock says times again that it has said already, as after −0.4;
            // what was concealed has faded in half a second more.
            assert_eq!(concealed(between(&all, 20.8, 40.0)), 0.0, "after a jump of {jump} s");
            let good = between(&all, 21.3, 40.0);
            assert_eq!(count(good, Method::Interpolated), good.len(), "after a jump of {jump} s");
            assert_steady(between(&all, 0.0, 20.0));
            assert_steady(good);
            let statistics = display.playout.statistics();
            assert!(statistics.clock_jumps <= 1 && statistics.resyncs == 0, "{statistics:?}");
            // What is shown is as old as before.
            let last = all.last().unwrap();
            let age =
                network.stamp(Timestamp(last.frame.time.0 - START)).0 as f64 - last.capture.unwrap().0 as f64;
            assert!((0.02..0.02 + 0.4).contains(&(age * 1e-9)), "{age} ns after a jump of {jump} s");
        }
    }
}

#[test]
fn streams_end_and_begin_again() {
    let mut playout = playout();
    let first = playout.show(Timestamp(START));
    assert_eq!((first.method, first.capture, first.is_concealed), (Method::Resting, None, false));
    let mut display = Display::new(playout, Network::default().carry(&talk(5)), 60.0);
    let mut all = display.run_to(5.05);
    assert_ne!(all.last().unwrap().method, Method::Resting);
    display.playout.restart();
    let before = display.playout.statistics().concealed;
    all.extend(display.run_to(8.0));
    let rest = between(&all, 5.1, 8.0);
    assert_eq!((count(rest, Method::Resting), concealed(rest)), (rest.len(), 0.0));
    assert_eq!(display.playout.statistics().concealed, before);
    // Another sender, on another clock.
    let Display { playout, .. } = display;
    let network = Network { jitter: 10.0, ..Network::default() };
    let mut deliveries = network.carry(&talk(5));
    for delivery in &mut deliveries {
        delivery.arrival += 8 * SECOND;
        delivery.frame.time.0 -= 800_000 * SECOND;
    }
    let mut display = Display::new(playout, deliveries, 60.0);
    all.extend(display.run_to(13.0).into_iter().filter(|shown| since_start(shown) >= 8.0));
    let again = between(&all, 9.0, 13.0);
    assert_eq!((count(again, Method::Interpolated), concealed(again)), (again.len(), 0.0));
    let speed = Speed::of(all.iter().map(|shown| &shown.frame));
    assert!(speed.is_within(&allowed(Speed::of(&talk(5)))), "{speed:?}");
}

#[test]
fn pauses_and_slower_rates_are_followed() {
    // 30 Hz, then 10 Hz, then 60 Hz.
    let is_slow = |frame: &FaceFrame| (20.0..40.0).contains(&frame.time.as_seconds());
    let mut frames = talk(40);
    let mut index = 0;
    frames.retain(|frame| {
        index += 1;
        !is_slow(frame) || index % 3 == 0
    });
    let fast = signals::talk(7, 60 * 60, 60.0, 0.01);
    frames.extend(fast.into_iter().filter(|frame| frame.time.as_seconds() > 40.0));
    let network = Network { jitter: 5.0, ..Network::default() };
    let mut display = Display::new(playout(), network.carry(&frames), 90.0);
    let all = display.run_to(60.0);
    assert_steady(&all);
    for steady in [between(&all, 5.0, 20.0), between(&all, 25.0, 40.0), between(&all, 45.0, 60.0)] {
        assert_eq!(concealed(steady), 0.0, "from {} s", since_start(&steady[0]));
    }
    let intervals = [15.0, 35.0, 59.0].map(|at| after(&all, at)[0].delay.as_secs_f64());
    assert!(intervals[1] > 0.1 && intervals[0] < 0.05 && intervals[2] < 0.06, "{intervals:?}");
}

#[test]
fn real_motion_is_interpolated_well() {
    let call = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/calls/hello.mcap")).unwrap();
    let call = CallReader::new(&call).unwrap();
    let (sender, _) = call.senders().next().unwrap();
    let frames = call.faces(sender).unwrap();
    let start = frames[0].time.0;
    // Every second frame never arrives; what is shown is compared with all of them.
    let half = frames.iter().step_by(2).map(|f| FaceFrame { time: Timestamp(f.time.0 - start), ..*f });
    let network = Network { jitter: 60.0, ..Network::default() };
    let half: Vec<_> = half.collect();
    let mut display = Display::new(playout(), network.carry(&half), 300.0);
    let seconds = half.last().unwrap().time.as_seconds();
    let all = display.run_to(seconds);
    let zero = network.stamp(Timestamp(0)).0;
    let (mut squares, mut held, mut most, mut compared) = (0.0, 0.0, 0.0f32, 0);
    for (i, frame) in frames.iter().enumerate().skip(61).step_by(2) {
        let time = frame.time.0 - start + zero;
        let place = all.partition_point(|shown| shown.capture.is_none_or(|capture| capture.0 < time));
        let Some(shown) = all.get(place).filter(|shown| !shown.is_concealed) else { continue };
        for unit in 0..UNITS {
            let truth = frame.latent.units[unit];
            let error = shown.frame.latent.units[unit] - truth;
            squares += f64::from(error).powi(2);
            held += f64::from(frames[i - 1].latent.units[unit] - truth).powi(2);
            most = most.max(error.abs());
        }
        compared += UNITS;
    }
    let [error, held] = [squares, held].map(|sum| (sum / compared as f64).sqrt());
    eprintln!("rms error {error:.4}, of a face that is held {held:.4}, at most {most:.3}");
    assert!(compared > 100 * UNITS);
    assert!(error < 0.5 * held && error < 0.02, "{error} rms; a face that is held {held}");
}

#[test]
fn the_resting_face_blinks_as_people_do() {
    let shown = |seed: u64| {
        let resting = RestingFace { seed, ..RestingFace::default() };
        let mut playout = Playout::new(PlayoutOptions { resting, ..PlayoutOptions::default() }).unwrap();
        (0..600 * 60).map(|i| playout.show(Timestamp(START + i * SECOND / 60))).collect::<Vec<_>>()
    };
    let all = shown(1);
    assert_eq!(all, shown(1));
    let closed = |shown: &Shown| shown.frame.latent.unit(LIDS[0]) > 0.5;
    let times: Vec<f64> = (all.windows(2).filter(|pair| !closed(&pair[0]) && closed(&pair[1])))
        .map(|pair| since_start(&pair[1]))
        .collect();
    assert!((148..=152).contains(&times.len()), "{} blinks in 600 s", times.len());
    let mut intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_by(f64::total_cmp);
    assert!(
        intervals[0] > 0.3 && intervals[10] < 2.0 && intervals[intervals.len() - 10] > 6.0,
        "{intervals:?}"
    );
    let speed = Speed::of(all.iter().map(|shown| &shown.frame));
    let most = Speed { lid: 15.0, gaze: 2.0, turn: 0.03, shift: 0.003, ..Speed::default() };
    assert!(speed.is_within(&most), "{speed:?}");
    let most = all.iter().map(|shown| shown.frame.head.translation.length()).fold(0.0, f32::max);
    assert!((0.0005..0.003).contains(&most), "{most} m");
    assert_ne!(all, shown(2));
}

#[test]
fn the_callers_resting_face_and_head_are_used() {
    let mut latent = Latent::NEUTRAL;
    *latent.unit_mut(FaceUnit::MouthSmileLeft) = 0.3;
    latent.gaze = Gaze::from_array([0.1, 0.0, 0.1, 0.0]);
    let head = HeadPose { rotation: Quat::from_rotation_y(0.2), translation: Vec3::new(0.01, 0.0, 0.0) };
    let resting = RestingFace { latent, head: Some(head), idle_motion: 0.0, ..RestingFace::default() };
    let options = PlayoutOptions { resting, ..PlayoutOptions::default() };
    let mut display = Display::new(Playout::new(options).unwrap(), Network::default().carry(&talk(3)), 60.0);
    let all = display.run_to(6.0);
    let last = all.last().unwrap().frame;
    assert!((last.latent.unit(FaceUnit::MouthSmileLeft) - 0.3).abs() < 1e-3);
    assert!((last.latent.gaze.left_yaw - 0.1).abs() < 1e-3);
    assert!(last.head.rotation.angle_between(head.rotation) < 1e-2);
    assert!(last.head.translation.distance(head.translation) < 1e-4);
    // Without one, the head stays where it was.
    let mut display = Display::new(playout(), Network::default().carry(&talk(3)), 60.0);
    let last = display.run_to(6.0).last().unwrap().frame;
    let sent = talk(3).last().unwrap().head.rotation;
    assert!(last.head.rotation.angle_between(sent) < 0.03);
}

#[test]
fn earlier_display_times_show_the_same_and_a_clock_set_back_is_survived() {
    let network = Network::default();
    let deliveries = network.carry(&talk(20));
    let mut display = Display::new(playout(), deliveries.clone(), 60.0);
    let last = *display.run_to(10.0).last().unwrap();
    let playout = &mut display.playout;
    assert_eq!(playout.show(last.frame.time), last);
    assert_eq!(playout.show(Timestamp(last.frame.time.0 - 30 * MILLISECOND)), last);
    assert_eq!(playout.show(Timestamp(last.frame.time.0 - SECOND)), last);
    // Everything on our clock is 1000 s earlier from now on.
    let mut all = vec![last.frame];
    let step = 1000 * SECOND;
    for tick in 1..600u64 {
        let now = last.frame.time.0 + tick * SECOND / 60;
        let is_new = |d: &&network::Delivery| d.arrival > now - SECOND / 60 && d.arrival <= now;
        for delivery in deliveries.iter().filter(is_new) {
            playout.push(&delivery.frame, Timestamp(delivery.arrival - step)).unwrap();
        }
        let shown = playout.show(Timestamp(now - step));
        if tick > 60 {
            assert_eq!((shown.method, shown.is_concealed), (Method::Interpolated, false), "at {tick}");
        }
        all.push(FaceFrame { time: Timestamp(now), ..shown.frame });
    }
    let speed = Speed::of(&all);
    assert!(speed.is_within(&allowed(Speed::of(&talk(20)))), "{speed:?}");
    assert_eq!(playout.statistics().resyncs, 1);
}

#[test]
fn frames_that_are_no_faces_are_refused() {
    let mut playout = playout();
    let mut frame = FaceFrame::default();
    frame.latent.units[3] = f32::NAN;
    assert!(matches!(playout.push(&frame, Timestamp(0)), Err(FrameError::Latent { axis: 3, .. })));
    frame = FaceFrame::default();
    frame.latent.residual[1] = -1e30;
    let error = playout.push(&frame, Timestamp(0)).unwrap_err();
    assert_eq!(error, FrameError::Latent { axis: 57, value: -1e30, limit: 1000.0 });
    frame = FaceFrame::default();
    frame.head.rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 2.0);
    assert_eq!(playout.push(&frame, Timestamp(0)), Err(FrameError::Head));
    frame = FaceFrame::default();
    assert_eq!(playout.push(&frame, Timestamp(0)), Ok(Pushed::Taken));
    assert_eq!(playout.push(&frame, Timestamp(9)), Ok(Pushed::Repeat));
    assert_eq!((playout.statistics().refused, playout.statistics().frames), (3, 1));
}

#[test]
fn options_out_of_range_are_named() {
    let default = PlayoutOptions::default;
    let refused = |options: PlayoutOptions| Playout::new(options).unwrap_err();
    let error = refused(PlayoutOptions { quantile: 0.2, ..default() });
    assert_eq!(error, PlayoutOptionsError::OutOfRange { field: "quantile", value: 0.2, low: 0.5, high: 1.0 });
    assert_eq!(error.to_string(), "play-out option quantile is 0.2; it must be within 0.5 to 1");
    for options in [
        PlayoutOptions { quantile: f64::NAN, ..default() },
        PlayoutOptions { concealed_budget: -0.1, ..default() },
        PlayoutOptions { repeats: 9, ..default() },
        PlayoutOptions { window: Duration::ZERO, ..default() },
        PlayoutOptions { initial_delay: Duration::MAX, ..default() },
        PlayoutOptions { margin: Duration::from_millis(51), ..default() },
        PlayoutOptions { max_delay: Duration::from_secs(2), ..default() },
        PlayoutOptions { slow_down: 0.0, ..default() },
        PlayoutOptions { speed_up: 1.0, ..default() },
        PlayoutOptions { max_drift_ppm: f64::INFINITY, ..default() },
        PlayoutOptions { extrapolation: Duration::from_millis(101), ..default() },
        PlayoutOptions { ease: Duration::ZERO, ..default() },
        PlayoutOptions { settle: Duration::ZERO, ..default() },
        PlayoutOptions { limits: SpeedLimits { unit: 0.0, ..SpeedLimits::default() }, ..default() },
        PlayoutOptions { resting: RestingFace { idle_motion: 3.0, ..RestingFace::default() }, ..default() },
        PlayoutOptions {
            resting: RestingFace { blink_interval: Duration::ZERO, ..RestingFace::default() },
            ..default()
        },
    ] {
        assert!(matches!(refused(options), PlayoutOptionsError::OutOfRange { .. }));
    }
    let mut resting = RestingFace::default();
    resting.latent.units[0] = f32::INFINITY;
    let error = refused(PlayoutOptions { resting, ..default() });
    assert!(matches!(error, PlayoutOptionsError::Resting(FrameError::Latent { axis: 0, .. })), "{error}");
}
