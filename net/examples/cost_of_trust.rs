//! What sealing and proving cost, in bytes and microseconds: `cargo run --release -p visavis-net --example cost_of_trust`.
//! One JSON object on stdout.

#![allow(clippy::print_stdout)] // its report

use std::time::Instant;

use visavis_codec::Timestamp;
use visavis_net::identity::{
    Challenger, CheckpointReader, CheckpointWriter, EphemeralKey, OwnerKey, Proof, ProofPolicy, Prover,
    Revocations, UnixSeconds,
};
use visavis_net::seal::{CallSecret, JoinSeals, Opener, ParticipantId, TrackId};

const ROUNDS: u32 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = CallSecret::random();
    let mut lines = Vec::new();
    for (name, track) in [("face", TrackId::Face), ("needs", TrackId::Needs)] {
        let mut seals = JoinSeals::new(&secret);
        let mut sealer = seals.sealer(track)?;
        let mut opener = Opener::new(&secret, seals.join(), track);
        let payload = [7u8; 60];
        let mut sealed = vec![Vec::new(); ROUNDS as usize];
        let seal_us = median_us(&mut sealed, |sealed| sealer.seal(&payload, sealed).is_ok());
        let mut opened = Vec::new();
        let open_us = median_us(&mut sealed, |sealed| opener.open(sealed, &mut opened).is_ok());
        let bytes = track.overhead(18_000);
        lines.push(format!(
            r#""{name}": {{"overhead_bytes": {bytes}, "seal_us": {seal_us:.2}, "open_us": {open_us:.2}}}"#
        ));
    }

    let mut writer = CheckpointWriter::new(EphemeralKey::generate(), Timestamp(0));
    let mut reader = CheckpointReader::new(writer.public());
    let mut counter = 0;
    let (mut note_us, mut sign_us, mut check_us, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS / 4 {
        let now = Timestamp(600_000_000_000 + u64::from(round) * 500_000_000);
        let start = Instant::now();
        for i in 0..28 {
            let track = if i < 15 { TrackId::Face } else { TrackId::Audio };
            writer.note(track, counter + i % 15, &[7; 60], now);
        }
        note_us.push(start.elapsed().as_secs_f64() * 1e6 / 28.0);
        for i in 0..28 {
            let track = if i < 15 { TrackId::Face } else { TrackId::Audio };
            reader.note(track, counter + i % 15, &[7; 60], now);
        }
        counter += 15;
        let start = Instant::now();
        let checkpoint = writer.checkpoint(now).ok_or("nothing to sign for")?;
        sign_us.push(start.elapsed().as_secs_f64() * 1e6);
        bytes = checkpoint.len();
        let start = Instant::now();
        let judged = reader.accept(&checkpoint, now)?;
        check_us.push(start.elapsed().as_secs_f64() * 1e6);
        assert_eq!((judged.covered, judged.contradicted), (28, 0));
    }
    lines.push(format!(
        r#""checkpoint": {{"objects": 28, "bytes": {bytes}, "note_us": {:.2}, "sign_us": {:.1}, "verify_us": {:.1}}}"#,
        middle(note_us),
        middle(sign_us),
        middle(check_us)
    ));

    let owner = OwnerKey::generate();
    let (mut make_us, mut accept_us, mut sizes) = (Vec::new(), Vec::new(), [0; 2]);
    for (size, receivers) in sizes.iter_mut().zip([1, 20]) {
        for _ in 0..ROUNDS / 20 {
            let seals = JoinSeals::new(&secret);
            let mut prover =
                Prover::new(owner.clone(), secret.call_id(), *seals.join(), [1; 32], Timestamp(0));
            let challenger = Challenger::new(Timestamp(0));
            for _ in 0..receivers {
                prover.heard(ParticipantId::random(), challenger.nonce(), Timestamp(0));
            }
            let start = Instant::now();
            let statement = prover.poll(Timestamp(0), UnixSeconds(0)).ok_or("no statement")?;
            make_us.push(start.elapsed().as_secs_f64() * 1e6);
            let mut proof = Proof::new(secret.call_id(), *seals.join(), ProofPolicy::default(), Timestamp(0));
            let start = Instant::now();
            proof.accept(&statement, &challenger, &Revocations::default(), Timestamp(0), UnixSeconds(0))?;
            accept_us.push(start.elapsed().as_secs_f64() * 1e6);
            *size = statement.len();
        }
    }
    lines.push(format!(
        r#""statement": {{"bytes": {}, "bytes_for_20": {}, "sign_us": {:.1}, "verify_us": {:.1}}}"#,
        sizes[0],
        sizes[1],
        middle(make_us),
        middle(accept_us)
    ));
    println!("{{{}}}", lines.join(", "));
    Ok(())
}

/// The median time of an action over items, in microseconds. Every action has to succeed.
fn median_us<T>(items: &mut [T], mut action: impl FnMut(&mut T) -> bool) -> f64 {
    let times = items.iter_mut().map(|item| {
        let start = Instant::now();
        assert!(action(item), "an object wasn't sealed or opened");
        start.elapsed().as_secs_f64() * 1e6
    });
    middle(times.collect())
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
