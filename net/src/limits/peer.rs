//! One participant's meters.

use visavis_codec::Timestamp;

use super::{Limits, Meter};
use crate::seal::TrackId;

/// Why an object of a participant isn't looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// An object is larger than any of its track.
    #[error("an object of {found} bytes on the track `{}`: at most {allowed} are allowed", .track.name())]
    ObjectBytes {
        /// The track.
        track: TrackId,
        /// Its size.
        found: usize,
        /// How large it may be.
        allowed: usize,
    },
    /// More objects than a participant may send.
    #[error("too many objects on the track `{}`", .0.name())]
    Objects(TrackId),
    /// More bytes than a participant may send.
    #[error("too many bytes on the track `{}`", .0.name())]
    Bytes(TrackId),
    /// More tracks than a participant may announce.
    #[error("{found} tracks: at most {allowed} are allowed")]
    Tracks {
        /// How many.
        found: usize,
        /// How many may be.
        allowed: usize,
    },
    /// A larger avatar than is fetched.
    #[error("an avatar of {found} bytes: at most {allowed} are allowed")]
    AvatarBytes {
        /// Its size.
        found: u64,
        /// How large it may be.
        allowed: usize,
    },
    /// More to decompress than a participant may ask for.
    #[error("too much to decompress")]
    Decompressed,
}

/// Whether a participant is worth going on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Good,
    /// It goes on sending what is refused: drop its broadcast, and don't take this participant again.
    CutOff,
    /// Nothing that opens came in time (a slow loris): drop its broadcast.
    Silent,
}

/// Holds one participant to its limits.
#[derive(Clone, Debug)]
pub struct PeerMeter {
    announced: Timestamp,
    live: [Meter; 2],
    control: [Meter; 2],
    avatar_bytes: Meter,
    decompressed: Meter,
    refused: Meter,
    limits: Limits,
    has_spoken: bool,
    is_cut_off: bool,
}

impl PeerMeter {
    /// Of a participant that was announced now.
    pub fn new(limits: &Limits, announced: Timestamp) -> Self {
        let avatar = super::Rate::new(limits.avatar_bytes as f64 / 4.0, 2.0 * limits.avatar_bytes as f64);
        Self {
            announced,
            live: [limits.live_objects, limits.live_bytes].map(Meter::new),
            control: [limits.control_objects, limits.control_bytes].map(Meter::new),
            avatar_bytes: Meter::new(avatar),
            decompressed: Meter::new(limits.decompressed_bytes),
            refused: Meter::new(limits.refused),
            limits: limits.clone(),
            has_spoken: false,
            is_cut_off: false,
        }
    }

    /// Asks for an object as it came, sealed, before it is opened.
    ///
    /// # Errors
    /// If the participant is beyond its limits: the object is to be dropped unseen.
    pub fn admit(&mut self, track: TrackId, bytes: usize, now: Timestamp) -> Result<(), Exceeded> {
        let result = self.try_admit(track, bytes, now);
        if result.is_err() {
            self.refuse(now);
        }
        result
    }

    fn try_admit(&mut self, track: TrackId, bytes: usize, now: Timestamp) -> Result<(), Exceeded> {
        let allowed = Limits::object_bytes(track);
        if bytes > allowed {
            return Err(Exceeded::ObjectBytes { track, found: bytes, allowed });
        }
        let [objects, sizes] = match track {
            TrackId::Face | TrackId::Audio | TrackId::FaceGroups | TrackId::AudioGroups => &mut self.live,
            TrackId::Catalogue | TrackId::Needs | TrackId::Proof => &mut self.control,
            // Bounded by what was asked for; the meter catches who sends chunks again and again.
            TrackId::Avatar => {
                let is_there = self.avatar_bytes.take(bytes, now);
                return if is_there { Ok(()) } else { Err(Exceeded::Bytes(track)) };
            }
        };
        if !objects.take(1, now) {
            return Err(Exceeded::Objects(track));
        }
        if !sizes.take(bytes, now) {
            return Err(Exceeded::Bytes(track));
        }
        Ok(())
    }

    /// Asks whether a participant may announce so many tracks.
    ///
    /// # Errors
    /// If it may not.
    pub fn tracks(&mut self, found: usize, now: Timestamp) -> Result<(), Exceeded> {
        let allowed = self.limits.tracks;
        if found <= allowed {
            return Ok(());
        }
        self.refuse(now);
        Err(Exceeded::Tracks { found, allowed })
    }

    /// Asks whether an avatar of this size is fetched.
    ///
    /// # Errors
    /// If it is not.
    pub fn avatar(&mut self, found: u64, now: Timestamp) -> Result<(), Exceeded> {
        let allowed = self.limits.avatar_bytes;
        if found <= allowed as u64 {
            return Ok(());
        }
        self.refuse(now);
        Err(Exceeded::AvatarBytes { found, allowed })
    }

    /// Asks for so many bytes out of a decoder.
    ///
    /// # Errors
    /// If that is more than a participant may ask for.
    pub fn decompress(&mut self, bytes: usize, now: Timestamp) -> Result<(), Exceeded> {
        if self.decompressed.take(bytes, now) {
            return Ok(());
        }
        self.refuse(now);
        Err(Exceeded::Decompressed)
    }

    /// Notes that an object was no good: it didn't open, didn't parse, contradicted a checkpoint.
    pub fn refuse(&mut self, now: Timestamp) {
        if !self.refused.take(1, now) {
            self.is_cut_off = true;
        }
    }

    /// Notes a frame or a sound that opened and decoded.
    pub fn spoke(&mut self) {
        self.has_spoken = true;
    }

    /// Whether to go on with this participant. Being cut off is for good.
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        if self.is_cut_off {
            return Verdict::CutOff;
        }
        let waited = u128::from(now.0.saturating_sub(self.announced.0));
        match !self.has_spoken && waited > self.limits.first_frame.as_nanos() {
            true => Verdict::Silent,
            false => Verdict::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp(5_000_000_000 + (seconds * 1e9) as u64)
    }

    #[test]
    fn an_honest_peer_passes_for_an_hour() {
        let mut peer = PeerMeter::new(&Limits::default(), at(0.0));
        for i in 0..3600 * 30 {
            let now = at(f64::from(i) / 30.0);
            peer.admit(TrackId::Face, 300, now).unwrap();
            peer.admit(TrackId::Audio, 120, now).unwrap();
            peer.decompress(24_000, now).unwrap();
            if i % 15 == 0 {
                peer.admit(TrackId::Proof, 400, now).unwrap();
                peer.admit(TrackId::Catalogue, 1000, now).unwrap();
            }
            peer.spoke();
            assert_eq!(peer.verdict(now), Verdict::Good);
        }
        for _ in 0..1000 {
            peer.admit(TrackId::Avatar, 65_600, at(3600.0)).unwrap();
        }
    }

    #[test]
    fn a_flood_is_refused_and_then_cut_off_for_good() {
        let mut peer = PeerMeter::new(&Limits::default(), at(0.0));
        peer.spoke();
        let passed = (0..10_000).filter(|_| peer.admit(TrackId::Face, 100, at(1.0)).is_ok()).count();
        assert_eq!(passed, 600);
        assert_eq!(peer.verdict(at(1.0)), Verdict::CutOff);
        assert_eq!(peer.verdict(at(1e6)), Verdict::CutOff);
    }

    #[test]
    fn every_limit_is_kept() {
        let limits = Limits::default();
        for track in TrackId::ALL {
            let mut peer = PeerMeter::new(&limits, at(0.0));
            let allowed = Limits::object_bytes(track);
            assert_eq!(peer.admit(track, allowed, at(0.0)), Ok(()));
            let found = allowed + 1;
            let error = Exceeded::ObjectBytes { track, found, allowed };
            assert_eq!(peer.admit(track, found, at(0.0)), Err(error));
            assert_eq!(peer.verdict(at(0.0)), Verdict::Good, "one mistake is forgiven");
            let mut bytes = 0usize;
            while peer.admit(track, allowed, at(0.0)).is_ok() {
                bytes += allowed;
                assert!(bytes <= 2 * limits.avatar_bytes);
            }
        }
        let mut peer = PeerMeter::new(&limits, at(0.0));
        assert_eq!(peer.tracks(17, at(0.0)), Err(Exceeded::Tracks { found: 17, allowed: 16 }));
        assert!(peer.avatar(u64::MAX, at(0.0)).is_err() && peer.avatar(64 << 20, at(0.0)).is_ok());
        assert_eq!(peer.decompress(usize::MAX, at(0.0)), Err(Exceeded::Decompressed));
    }

    #[test]
    fn who_says_nothing_is_dropped_in_time() {
        let mut peer = PeerMeter::new(&Limits::default(), at(0.0));
        assert_eq!(peer.verdict(at(20.0)), Verdict::Good);
        assert_eq!(peer.verdict(at(20.1)), Verdict::Silent);
        peer.spoke();
        assert_eq!(peer.verdict(at(1000.0)), Verdict::Good);
    }
}
