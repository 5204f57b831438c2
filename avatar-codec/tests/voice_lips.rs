//! Lips driven from the voice of the shipped call against the lips that it was recorded with.

use visavis_codec::call::{CallReader, Voice};
use visavis_codec::drive::voice::VoiceLips;
use visavis_codec::{FaceUnit, Timestamp};

/// How much alike two series are, −1..=1, the second one looked at `lag` places later.
fn correlation(a: &[f32], b: &[f32], lag: usize) -> f32 {
    let count = a.len() - lag;
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (a, b) = (&a[..count], &b[lag..]);
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut a2, mut b2) = (0.0, 1e-9, 1e-9);
    for (a, b) in a.iter().zip(b) {
        product += (a - mean_a) * (b - mean_b);
        a2 += (a - mean_a) * (a - mean_a);
        b2 += (b - mean_b) * (b - mean_b);
    }
    product / f32::sqrt(a2 * b2)
}

#[test]
fn the_jaw_follows_the_voice_of_the_shipped_call() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/calls/hello.mcap")).unwrap();
    let call = CallReader::new(&bytes).unwrap();
    let (id, sender) = call.senders().next().unwrap();
    let rate = sender.audio.sample_rate;
    let mut sound = call.sound(rate, &[Voice { sender: id, shift: 0 }]).unwrap();
    let (start, end) = sound.span().unwrap();
    let mut samples = vec![0i16; ((end.0 - start.0) as f64 * 1e-9 * f64::from(rate)) as usize];
    sound.read(start, 0, &mut samples).unwrap();
    let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();

    let mut voice = VoiceLips::new(rate);
    let (mut heard, mut recorded, mut taken) = (Vec::new(), Vec::new(), 0);
    for frame in call.faces(id).unwrap() {
        let until = ((frame.time.0.saturating_sub(start.0)) as f64 * 1e-9 * f64::from(rate)) as usize;
        let until = until.clamp(taken, samples.len());
        voice.push(&samples[taken..until]);
        taken = until;
        heard.push(voice.lips().jaw_open);
        recorded.push(frame.latent.unit(FaceUnit::JawOpen));
    }
    assert!(recorded.len() > 300 && Timestamp::default() < end);
    let best =
        (0..=4).map(|lag| (lag, correlation(&recorded, &heard, lag))).max_by(|a, b| a.1.total_cmp(&b.1));
    let (lag, likeness) = best.unwrap();
    let shuffled: Vec<f32> = heard.iter().cycle().skip(120).take(heard.len()).copied().collect();
    println!("jaw of the voice and of the recording: correlation {likeness:.2}, {lag} frames later");
    assert!(likeness > 0.45, "{likeness}");
    // Not just any talk: another second's voice doesn't do.
    assert!(correlation(&recorded, &shuffled, lag) < 0.5 * likeness);
    let most = heard.iter().copied().fold(0.0, f32::max);
    assert!((0.2..=1.0).contains(&most), "{most}");
}
