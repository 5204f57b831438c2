//! Live sources: whichever protocol a tracker speaks, datagrams in, [`Signals`](super::Signals) out.

use super::live_link::{LiveLinkStream, SECONDS_A_DAY};
use super::vmc::VmcReceiver;
use super::{Notes, Received};

/// What a tracker sends over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveProtocol {
    /// Live Link Face, the phone's app.
    LiveLink,
    /// The VMC protocol: OSC messages of blend shapes and bones.
    Vmc,
}

impl LiveProtocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::LiveLink, Self::Vmc];

    /// The port that senders use unless told otherwise.
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::LiveLink => 11_111,
            Self::Vmc => 39_539,
        }
    }

    /// Its name, as people know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LiveLink => "Live Link Face",
            Self::Vmc => "VMC / OSC",
        }
    }
}

/// A reader of one protocol's datagrams.
#[derive(Debug)]
pub struct LiveSource(Reader);

#[derive(Debug)]
enum Reader {
    LiveLink(Box<LiveLinkStream>),
    Vmc(Box<VmcReceiver>),
}

impl LiveSource {
    /// A reader that has heard nothing yet.
    pub fn new(protocol: LiveProtocol) -> Self {
        Self(match protocol {
            LiveProtocol::LiveLink => Reader::LiveLink(Box::default()),
            LiveProtocol::Vmc => Reader::Vmc(Box::default()),
        })
    }

    /// After how many seconds the source's clock begins again, for [`Driver::set_clock`](super::Driver::set_clock).
    pub fn wrap(&self) -> Option<f64> {
        match self.0 {
            Reader::LiveLink(_) => Some(SECONDS_A_DAY),
            Reader::Vmc(_) => None,
        }
    }

    /// Takes a datagram that came at this time on the receiver's clock, seconds. A sample, where it completes one.
    pub fn receive(&mut self, datagram: &[u8], arrival: f64) -> Option<Received> {
        match &mut self.0 {
            Reader::LiveLink(stream) => stream.receive(datagram),
            Reader::Vmc(receiver) => receiver.receive(datagram, arrival),
        }
    }

    /// What was wrong with datagrams so far.
    pub fn notes(&self) -> &Notes {
        match &self.0 {
            Reader::LiveLink(stream) => stream.notes(),
            Reader::Vmc(receiver) => receiver.notes(),
        }
    }
}
