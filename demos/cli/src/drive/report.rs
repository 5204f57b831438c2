//! What driving did, for people and for `--json`.

use anyhow::Result;
use serde_json::{Value, json};
use visavis_codec::drive::{ClockCounts, Driver, DriverCounts, Neutral, Notes};
use visavis_codec::latent::FaceUnit;

use super::capture::{self, Driven};
use super::input::Kind;
use super::recorder::{Recorded, Recorder};
use super::video::Video;

/// What came in and what was done with it.
#[derive(Debug)]
pub(crate) struct Report {
    input: String,
    kind: Kind,
    interval: f64,
    counts: DriverCounts,
    neutral: Neutral,
    notes: Notes,
    /// Of a capture: frames whose residual comes from their own pictures.
    encoded: Option<u64>,
    /// Of a live source: datagrams that came.
    pub(crate) datagrams: Option<u64>,
}

impl Report {
    pub(crate) fn new(input: String, kind: Kind, driver: &Driver, notes: Notes) -> Self {
        let (counts, neutral, interval) = (driver.counts(), driver.neutral().clone(), driver.interval());
        Self { input, kind, interval, counts, neutral, notes, encoded: None, datagrams: None }
    }

    pub(crate) fn of_capture(input: String, driven: Driven) -> Self {
        let counts =
            DriverCounts { frames: driven.frames, tracked: driven.frames, ..DriverCounts::default() };
        let (interval, neutral) = (1.0 / capture::FRAMES_A_SECOND, Neutral::NONE);
        let (kind, encoded) = (Kind::Capture, Some(driven.encoded));
        Self { input, kind, interval, counts, neutral, notes: Notes::default(), encoded, datagrams: None }
    }

    /// Says on stderr what was survived.
    pub(crate) fn tell(&self) {
        let Self { input, counts, notes, neutral, .. } = self;
        for note in &notes.first {
            eprintln!("visavis: {input}: {note}");
        }
        let said = notes.first.len() as u64;
        if notes.malformed + notes.ignored > said {
            eprintln!(
                "visavis: {input}: … {} malformed and {} ignored in all",
                notes.malformed, notes.ignored
            );
        }
        let ClockCounts { wraps, jumps, backwards, duplicates, late } = counts.clock;
        for (count, what) in [
            (wraps, "passages over midnight"),
            (jumps, "jumps of the clock forward, passed over"),
            (backwards, "jumps of the clock backwards, passed over"),
            (duplicates, "repeated times, skipped"),
            (late, "samples that came too late, skipped"),
        ] {
            if count > 0 {
                eprintln!("visavis: {input}: {count} {what}");
            }
        }
        if !neutral.left_out.is_empty() {
            let names: Vec<_> = neutral.left_out.iter().map(|unit| unit.name()).collect();
            eprintln!(
                "visavis: {input}: too active for a resting face, not calibrated: {}",
                names.join(", ")
            );
        }
    }

    /// Completes the call, renders the video if one was asked for, and reports.
    pub(crate) fn finish(self, recorder: Recorder, video: Option<Video>) -> Result<Value> {
        let output = recorder.output().map(|path| path.display().to_string());
        let Recorded { temporary, frames, face_bytes, seconds } = recorder.finish()?;
        let Self { input, kind, interval, counts, neutral, notes, encoded, datagrams } = self;
        let DriverCounts {
            frames: _,
            tracked,
            dropouts,
            gaps,
            gap_seconds,
            spikes,
            clock,
            delay_frames_mean,
            delay_frames_max,
        } = counts;
        let ClockCounts { wraps, jumps, backwards, duplicates, late } = clock;
        eprintln!(
            "{input}: {frames} frames, {seconds:.2} s at {:.1} a second; {gaps} gaps ({gap_seconds:.2} s), {spikes} spikes, {} malformed",
            1.0 / interval,
            notes.malformed
        );
        let rest: serde_json::Map<_, _> = FaceUnit::ALL
            .iter()
            .filter(|&&unit| neutral.units[unit as usize] > 0.005)
            .map(|&unit| (unit.name().to_owned(), json!(neutral.units[unit as usize])))
            .collect();
        // Times that no datagram or row came for.
        let expected = (seconds / interval).round() as u64 + 1;
        let missing = expected.saturating_sub(tracked + dropouts);
        let mut report = json!({
            "input": input, "kind": kind.name(), "frames": frames, "seconds": seconds, "rate_hz": 1.0 / interval,
            "tracked": tracked, "dropouts": dropouts, "missing": missing, "gaps": gaps, "gap_seconds": gap_seconds,
            "spikes": spikes, "malformed": notes.malformed, "ignored": notes.ignored, "notes": notes.first,
            "clock": {
                "wraps": wraps, "jumps": jumps, "backwards": backwards, "duplicates": duplicates, "late": late,
            },
            "delay_added_frames": { "mean": delay_frames_mean, "max": delay_frames_max },
            "delay_added_ms": {
                "mean": delay_frames_mean * interval * 1e3, "max": delay_frames_max * interval * 1e3,
            },
            "neutral": { "units": rest, "head_rotation": neutral.head.rotation_vector().to_array(),
                "left_out": neutral.left_out.iter().map(|unit| unit.name()).collect::<Vec<_>>() },
            "face_kbit_per_s": face_bytes as f64 * 8e-3 / seconds.max(interval),
            "outputs": output.into_iter().collect::<Vec<_>>(),
        });
        if let Some(encoded) = encoded {
            report["encoded"] = json!(encoded);
        }
        if let Some(datagrams) = datagrams {
            report["datagrams"] = json!(datagrams);
        }
        if let Some(video) = video {
            let rendered = video.render()?;
            report["outputs"] = rendered["outputs"].clone();
            report["render"] = rendered;
        }
        // Only now: the video is made of it.
        drop(temporary);
        Ok(report)
    }
}
