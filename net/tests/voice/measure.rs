//! How far one sound is from another.

/// Samples of a frame that is judged: 20 ms at 48 kHz.
const FRAME: usize = 960;
/// Frequencies that are compared, Hz: where speech is understood.
const BANDS: usize = 24;
const LOWEST: f32 = 150.0;
const HIGHEST: f32 = 3_800.0;

fn loudness(frame: &[f32], frequency: f32) -> f32 {
    let (mut cosine, mut sine) = (0.0f32, 0.0f32);
    for (n, &sample) in frame.iter().enumerate() {
        let window = 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / FRAME as f32).cos();
        let phase = std::f32::consts::TAU * frequency * n as f32 / 48_000.0;
        cosine += window * sample * phase.cos();
        sine += window * sample * phase.sin();
    }
    10.0 * (cosine * cosine + sine * sine).max(1e-4).log10()
}

/// The log-spectral distance, dB, mean over the frames in which `wanted` speaks: root mean square of the differences in 24
/// frequencies from 150 Hz to 3.8 kHz, evenly in their logarithm.
pub(crate) fn spectral_distance_db(wanted: &[f32], heard: &[f32]) -> f32 {
    let (mut sum, mut count) = (0.0, 0u16);
    for (wanted, heard) in wanted.chunks_exact(FRAME).zip(heard.chunks_exact(FRAME)) {
        if wanted.iter().map(|s| s * s).sum::<f32>() < 1e-4 * FRAME as f32 {
            continue;
        }
        let squares = (0..BANDS).map(|band| {
            let frequency = LOWEST * (HIGHEST / LOWEST).powf(band as f32 / (BANDS - 1) as f32);
            let difference = loudness(wanted, frequency) - loudness(heard, frequency);
            difference * difference
        });
        sum += (squares.sum::<f32>() / BANDS as f32).sqrt();
        count += 1;
    }
    assert!(count > 100, "too little speech to judge: {count} frames");
    sum / f32::from(count)
}

/// Segmental signal-to-noise ratio, dB: the mean over frames in which `wanted` speaks, each within −10..=35.
pub(crate) fn segmental_snr_db(wanted: &[f32], heard: &[f32]) -> f32 {
    let (mut sum, mut count) = (0.0, 0u16);
    for (wanted, heard) in wanted.chunks_exact(FRAME).zip(heard.chunks_exact(FRAME)) {
        let signal: f32 = wanted.iter().map(|s| s * s).sum();
        if signal < 1e-4 * FRAME as f32 {
            continue;
        }
        let noise: f32 = wanted.iter().zip(heard).map(|(a, b)| (a - b) * (a - b)).sum();
        sum += (10.0 * (signal / noise.max(1e-9)).log10()).clamp(-10.0, 35.0);
        count += 1;
    }
    sum / f32::from(count)
}

/// The lag, samples, at which `heard` is most like `wanted` (positive: later), within ±`most`, and how much alike: −1..=1.
pub(crate) fn best_lag(wanted: &[f32], heard: &[f32], most: i64) -> (i64, f32) {
    let length = wanted.len().min(heard.len());
    let likeness = |lag: i64| {
        let (mut product, mut a2, mut b2) = (0.0f64, 1e-9f64, 1e-9f64);
        for n in (most as usize..length - most as usize).step_by(3) {
            let (a, b) = (f64::from(wanted[n]), f64::from(heard[(n as i64 + lag) as usize]));
            product += a * b;
            a2 += a * a;
            b2 += b * b;
        }
        (product / (a2 * b2).sqrt()) as f32
    };
    (-most..=most).map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

/// The largest step from one sample to the next.
pub(crate) fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}
