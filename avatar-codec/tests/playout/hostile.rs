//! Times and faces as a broken or hostile sender sends them.

use std::time::Duration;

use proptest::prelude::*;
use visavis_codec::playout::{PlayoutOptions, Shown};
use visavis_codec::testing::{random_head, random_latent};
use visavis_codec::{FaceFrame, Timestamp};

use super::network::SECOND;
use super::playout;
use super::speed::Speed;

/// A time as a hostile or broken peer may send it.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 0..5 * SECOND,
        2 => (0..200u64).prop_map(|i| i * SECOND / 30),
        1 => any::<u64>(),
        1 => prop_oneof![Just(0), Just(u64::MAX), Just(u64::MAX - 1), Just(1 << 63), Just(i64::MAX as u64)],
    ]
}

#[derive(Clone, Debug)]
enum Call {
    Push {
        capture: u64,
        arrival: u64,
        seed: u64,
    },
    /// Frames in a row.
    Row {
        capture: u64,
        arrival: u64,
        step: u64,
        count: u64,
    },
    Show {
        display: u64,
    },
    /// Refreshes in a row.
    Run {
        display: u64,
        count: u64,
    },
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (time(), time(), any::<u64>())
            .prop_map(|(capture, arrival, seed)| Call::Push { capture, arrival, seed }),
        3 => (time(), time(), prop_oneof![Just(0), Just(1), Just(SECOND / 30), any::<u64>()], 0..600u64)
            .prop_map(|(capture, arrival, step, count)| Call::Row { capture, arrival, step, count }),
        4 => time().prop_map(|display| Call::Show { display }),
        3 => (time(), 0..200u64).prop_map(|(display, count)| Call::Run { display, count }),
        1 => Just(Call::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_a_face_is_shown(calls in proptest::collection::vec(call(), 1..60)) {
        let mut playout = playout();
        let limits = PlayoutOptions::default().limits;
        let most = Speed {
            unit: limits.unit,
            lid: limits.unit,
            gaze: limits.gaze,
            residual: limits.residual,
            turn: limits.head_rotation,
            shift: limits.head_translation,
        };
        let mut last: Option<Shown> = None;
        let mut look = |shown: Shown| {
            let FaceFrame { latent, head, .. } = shown.frame;
            assert!(latent.is_finite() && head.is_valid(), "{shown:?}");
            assert!(latent.units.iter().all(|unit| (-1e-6..=1.0 + 1e-6).contains(unit)), "{shown:?}");
            if let Some(last) = last.replace(shown) {
                let passed = shown.frame.time.0.saturating_sub(last.frame.time.0);
                // Within rounding of what is shown so soon after.
                if (1_000_000..SECOND).contains(&passed) {
                    let speed = Speed::of([&last.frame, &shown.frame]);
                    assert!(speed.is_within(&Speed { residual: most.residual + 0.1, turn: most.turn + 0.1, ..most }), "{speed:?}");
                }
            }
        };
        for call in calls {
            match call {
                Call::Push { capture, arrival, seed } => {
                    let (latent, head) = (random_latent(seed), random_head(seed));
                    playout.push(&FaceFrame { time: Timestamp(capture), latent, head }, Timestamp(arrival)).unwrap();
                }
                Call::Row { capture, arrival, step, count } => {
                    for i in 0..count {
                        let latent = random_latent(i % 5);
                        let time = Timestamp(capture.wrapping_add(i.wrapping_mul(step)));
                        let frame = FaceFrame { time, latent, head: random_head(i % 3) };
                        playout.push(&frame, Timestamp(arrival.wrapping_add(i.wrapping_mul(step)))).unwrap();
                    }
                }
                Call::Show { display } => look(playout.show(Timestamp(display))),
                Call::Run { display, count } => {
                    for i in 0..count {
                        look(playout.show(Timestamp(display.saturating_add(i * SECOND / 90))));
                    }
                }
                Call::Restart => playout.restart(),
            }
            let statistics = playout.statistics();
            assert!((0.0..=1.0).contains(&statistics.concealed_ratio()), "{statistics:?}");
            assert!(statistics.target_delay <= Duration::from_millis(500), "{statistics:?}");
        }
    }
}
