//! The statistics of a link, in virtual time.

use std::time::Duration;

use visavis_impair::{Impairment, Link, Loss, RateLimit};

const MS: Duration = Duration::from_millis(1);

/// Sends packets at a steady rate: for each, how long it took each of its copies.
fn run(
    impairment: Impairment,
    seed: u64,
    packets: u32,
    interval: Duration,
    bytes: usize,
) -> Vec<Vec<Duration>> {
    let mut link = Link::new(impairment, seed);
    let mut taken = vec![Vec::new(); packets as usize];
    let mut order = Vec::new();
    for i in 0..packets {
        let now = interval * i;
        link.send(now, bytes, i);
        while link.next().is_some_and(|next| next <= now) {
            let arrival = link.next().unwrap();
            order.push((link.receive(arrival).unwrap(), arrival));
        }
    }
    while let Some(arrival) = link.next() {
        order.push((link.receive(arrival).unwrap(), arrival));
    }
    assert!(
        order.is_sorted_by_key(|&(_, arrival)| arrival),
        "packets come out in the order of their arrival"
    );
    for (i, arrival) in order {
        taken[i as usize].push(arrival - interval * i);
    }
    let statistics = link.statistics();
    assert_eq!(
        statistics.sent + statistics.duplicated,
        statistics.arrived + statistics.lost + statistics.dropped,
        "every packet is counted once"
    );
    taken
}

fn lost_share(taken: &[Vec<Duration>]) -> f64 {
    taken.iter().filter(|copies| copies.is_empty()).count() as f64 / taken.len() as f64
}

/// Lengths of the runs of lost packets.
fn bursts(taken: &[Vec<Duration>]) -> Vec<usize> {
    taken
        .chunk_by(|a, b| a.is_empty() == b.is_empty())
        .filter(|run| run[0].is_empty())
        .map(<[_]>::len)
        .collect()
}

#[test]
fn a_perfect_link_only_delays() {
    let taken = run(Impairment { delay: 20 * MS, ..Impairment::default() }, 1, 1000, 5 * MS, 100);
    assert!(taken.iter().all(|copies| copies == &[20 * MS]));
}

#[test]
fn jitter_is_even_around_the_delay() {
    let bad = Impairment { delay: 40 * MS, jitter: 15 * MS, ..Impairment::default() };
    let taken = run(bad, 2, 20_000, 33 * MS, 100);
    let mut ms: Vec<f64> = taken.iter().flatten().map(|taken| taken.as_secs_f64() * 1e3).collect();
    ms.sort_by(f64::total_cmp);
    assert_eq!(ms.len(), 20_000);
    assert!(ms[0] >= 25.0 && ms[0] < 25.1 && ms[19_999] <= 55.0 && ms[19_999] > 54.9);
    for (quantile, expected) in [(0.05, 26.5), (0.25, 32.5), (0.5, 40.0), (0.75, 47.5), (0.95, 53.5)] {
        let got = ms[(quantile * 20_000.0) as usize];
        assert!((got - expected).abs() < 0.4, "the {quantile} quantile is {got} ms instead of {expected}");
    }
}

#[test]
fn random_loss_has_its_rate_and_no_memory() {
    let taken = run(Impairment { loss: Loss::Random(0.1), ..Impairment::default() }, 3, 100_000, MS, 100);
    assert!((lost_share(&taken) - 0.1).abs() < 0.004, "{}", lost_share(&taken));
    let runs = bursts(&taken);
    let mean = runs.iter().sum::<usize>() as f64 / runs.len() as f64;
    assert!((mean - 1.0 / 0.9).abs() < 0.02, "independent losses come in runs of 1.11, these in {mean}");
}

#[test]
fn gilbert_and_elliott_lose_in_bursts() {
    let loss = Loss::GilbertElliott { to_bad: 0.05, to_good: 0.25, loss_good: 0.01, loss_bad: 0.8 };
    let taken = run(Impairment { loss, ..Impairment::default() }, 4, 200_000, MS, 100);
    // A sixth of the packets meet the bad state.
    let expected = (5.0 * 0.01 + 0.8) / 6.0;
    assert!((lost_share(&taken) - expected).abs() < 0.006, "{} instead of {expected}", lost_share(&taken));

    let loss = Loss::GilbertElliott { to_bad: 0.05, to_good: 0.25, loss_good: 0.0, loss_bad: 1.0 };
    let runs = bursts(&run(Impairment { loss, ..Impairment::default() }, 5, 200_000, MS, 100));
    let mean = runs.iter().sum::<usize>() as f64 / runs.len() as f64;
    assert!((mean - 4.0).abs() < 0.15, "the bad state lasts four packets, here {mean}");
}

#[test]
fn bursts_have_their_share_and_longest_whatever_the_rate() {
    for interval in [MS, 20 * MS] {
        let loss = Loss::Bursts { share: 0.3, longest: 100 * MS };
        let taken = run(Impairment { loss, ..Impairment::default() }, 6, 200_000, interval, 100);
        assert!((lost_share(&taken) - 0.3).abs() < 0.02, "{}", lost_share(&taken));
        if interval == MS {
            // Two bursts may follow each other closely; a single one has at most 101 packets.
            let runs = bursts(&taken);
            let within = runs.iter().filter(|&&run| run <= 101).count() as f64 / runs.len() as f64;
            assert!(within > 0.98, "{within}");
        }
    }
}

#[test]
fn a_narrow_link_queues_200_ms_and_drops_the_tail() {
    let rate = RateLimit { bits_per_second: 64_000.0, queue: 200 * MS };
    let bad = Impairment { delay: 50 * MS, rate: Some(rate), ..Impairment::default() };
    // 125 bytes take 15.625 ms each; they are sent every 10 ms.
    let taken = run(bad, 7, 10_000, 10 * MS, 125);
    let arrived = taken.iter().flatten().count() as f64;
    assert!((arrived / 6400.0 - 1.0).abs() < 0.01, "64 kbit/s come through: {arrived} of 6400 packets");
    assert!((lost_share(&taken) - 0.36).abs() < 0.01);
    let longest = taken.iter().flatten().max().unwrap();
    assert!(
        *longest > 255 * MS && *longest <= 266 * MS,
        "200 ms of queue, 15.6 of its own, 50 of delay: {longest:?}"
    );
    // What fits goes through with its own time alone.
    let taken = run(bad, 7, 1000, 20 * MS, 125);
    assert!(taken.iter().all(|copies| copies == &[Duration::from_micros(65_625)]));
}

#[test]
fn packets_are_overtaken_and_copied_as_often_as_asked() {
    let bad = Impairment {
        delay: 20 * MS,
        reorder: 0.02,
        reorder_by: 50 * MS,
        duplicate: 0.03,
        ..Impairment::default()
    };
    let taken = run(bad, 8, 50_000, 10 * MS, 100);
    let late = taken.iter().filter(|copies| copies[0] == 70 * MS).count() as f64 / 50_000.0;
    let twice = taken.iter().filter(|copies| copies.len() == 2).count() as f64 / 50_000.0;
    assert!((late - 0.02).abs() < 0.003 && (twice - 0.03).abs() < 0.003, "{late} {twice}");
}

#[test]
fn the_seed_decides_everything() {
    let bad = Impairment {
        delay: 40 * MS,
        jitter: 15 * MS,
        loss: Loss::Random(0.1),
        reorder: 0.1,
        reorder_by: 10 * MS,
        duplicate: 0.1,
        ..Impairment::default()
    };
    assert_eq!(run(bad, 9, 1000, 10 * MS, 100), run(bad, 9, 1000, 10 * MS, 100));
    assert_ne!(run(bad, 9, 1000, 10 * MS, 100), run(bad, 10, 1000, 10 * MS, 100));
}

#[test]
fn a_cut_loses_all_and_comes_back() {
    let mut link = Link::new(Impairment::default(), 1);
    link.set(Impairment { loss: Loss::Everything, ..Impairment::default() });
    link.send(Duration::ZERO, 100, 1);
    assert_eq!(link.next(), None);
    link.set(Impairment::default());
    link.send(MS, 100, 2);
    assert_eq!(link.receive(MS), Some(2));
    assert_eq!(link.statistics().lost, 1);
}
