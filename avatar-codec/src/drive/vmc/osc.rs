//! OSC datagrams taken apart.
//!
//! `rosc` reads messages. It follows bundles in bundles, and arrays in arrays, by recursion as deep as a datagram says,
//! which a hostile one of 64 KB makes deep enough to overflow a stack: so bundles are unpacked here, and a message
//! with an array in it isn't read.

use rosc::{OscPacket, OscType};

/// Longer datagrams are refused: a face and all bones of a body take some 8 KB.
pub const MAX_DATAGRAM_BYTES: usize = 16 << 10;
/// A longer message is none of this protocol's.
const MAX_MESSAGE_BYTES: usize = 512;
/// Bundles in bundles.
const MAX_DEPTH: usize = 8;
/// What comes before a bundle's time tag.
const BUNDLE: &[u8] = b"#bundle\0";
/// What our messages begin with.
const PREFIX: &[u8] = b"/VMC/Ext/";

/// A message of the protocol.
pub(super) struct Message {
    pub(super) address: String,
    pub(super) arguments: Vec<OscType>,
}

/// Why a datagram can't be read, or not to its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OscProblem {
    /// Longer than any.
    #[error("{0} bytes; at most {MAX_DATAGRAM_BYTES} are read")]
    TooLong(usize),
    /// Bundles in bundles.
    #[error("bundles are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// A bundle is cut off, or an element reaches past its end.
    #[error("a bundle ends within its field `{0}`")]
    Cut(&'static str),
    /// Neither a message nor a bundle.
    #[error("it begins neither with `/` nor with `#bundle`")]
    Neither,
    /// A message can't be read.
    #[error("a message can't be read: {0}")]
    Message(String),
}

/// The messages of a datagram that are this protocol's, and the first time tag that says a time, in seconds. What comes
/// before a problem is read.
pub(super) fn messages(
    datagram: &[u8],
    messages: &mut Vec<Message>,
    tag: &mut Option<f64>,
) -> Result<(), OscProblem> {
    if datagram.len() > MAX_DATAGRAM_BYTES {
        return Err(OscProblem::TooLong(datagram.len()));
    }
    // What is left of the bundles that we are in, the innermost last. The datagram is the only element of the first.
    let mut open: Vec<&[u8]> = Vec::with_capacity(MAX_DEPTH);
    let mut element = datagram;
    let mut problem = Ok(());
    loop {
        if element.starts_with(BUNDLE) {
            let (head, rest) = element.split_at_checked(16).ok_or(OscProblem::Cut("time tag"))?;
            tag.get_or_insert_with(|| seconds_of_tag(&head[8..]).unwrap_or(f64::NAN));
            if open.len() == MAX_DEPTH {
                return Err(OscProblem::TooDeep);
            }
            open.push(rest);
        } else if element.starts_with(b"/") {
            match read_message(element) {
                Ok(message) => messages.extend(message),
                Err(error) => problem = Err(error),
            }
        } else {
            return Err(OscProblem::Neither);
        }
        while open.last().is_some_and(|rest| rest.is_empty()) {
            open.pop();
        }
        let Some(rest) = open.last_mut() else { break };
        let (size, after) = rest.split_first_chunk::<4>().ok_or(OscProblem::Cut("size"))?;
        let size = u32::from_be_bytes(*size) as usize;
        let (inner, after) = after.split_at_checked(size).ok_or(OscProblem::Cut("element"))?;
        *rest = after;
        element = inner;
    }
    *tag = tag.filter(|tag| tag.is_finite());
    problem
}

fn read_message(bytes: &[u8]) -> Result<Option<Message>, OscProblem> {
    if !bytes.starts_with(PREFIX) {
        return Ok(None);
    }
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(OscProblem::Message(format!(
            "{} bytes; at most {MAX_MESSAGE_BYTES} are read",
            bytes.len()
        )));
    }
    if bytes.contains(&b'[') {
        return Err(OscProblem::Message("an array is nothing of the VMC protocol".to_owned()));
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, OscPacket::Message(message))) => {
            Ok(Some(Message { address: message.addr, arguments: message.args }))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(OscProblem::Message(error.to_string())),
    }
}

/// Seconds of a time tag (since 1900, in 2⁻³² s); `None` for "at once".
fn seconds_of_tag(bytes: &[u8]) -> Option<f64> {
    let tag = u64::from_be_bytes(bytes.try_into().ok()?);
    (tag > 1 << 32).then(|| tag as f64 / 4_294_967_296.0)
}
