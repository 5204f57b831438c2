//! Faces that come while they are made.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use visavis_codec::FaceFrame;

/// Whose face it is, by whatever number its source gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u64);

/// Something that happened in a room.
#[derive(Clone, Debug)]
pub enum RoomEvent {
    /// A face came. Frames that packets repeat may come again.
    Face {
        /// Whose.
        member: MemberId,
        /// The face, at a time of the member's own clock.
        frame: Box<FaceFrame>,
        /// When it came.
        arrival: Instant,
    },
    /// What the connection is like.
    Network(Network),
}

/// A connection, as the statistics show it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Network {
    /// What comes, kilobits a second.
    pub received_kbps: f64,
    /// There and back, milliseconds.
    pub round_trip_ms: f64,
    /// Share of packets lost, 0..=1.
    pub loss: f64,
}

/// Where a source of faces puts what happens. Cheap to clone; sending never waits. After the viewer has gone, it says so.
#[derive(Clone, Debug)]
pub struct RoomSender(Sender<RoomEvent>);

/// Where the viewer takes it from.
#[derive(Debug)]
pub struct Room(Receiver<RoomEvent>);

/// A room and the way into it.
pub fn room() -> (RoomSender, Room) {
    let (sender, receiver) = channel();
    (RoomSender(sender), Room(receiver))
}

impl RoomSender {
    /// Passes on what happened; `false` once nobody looks any more.
    pub fn send(&self, event: RoomEvent) -> bool {
        self.0.send(event).is_ok()
    }
}

impl Room {
    /// What has happened since the last time.
    pub(crate) fn events(&self) -> impl Iterator<Item = RoomEvent> {
        self.0.try_iter()
    }
}
