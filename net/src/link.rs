//! Join links: where a call is, and the secret that opens it.
//!
//! `visavis://HOST:PORT/CALL?pin=SHA256#SECRET` leads to a peer whose certificate has that SHA-256 fingerprint (without a
//! pin, one that the system's authorities vouch for); `visavis://HOST:PORT/CALL?relay=1&path=PREFIX&token=TOKEN#SECRET` to
//! a relay. The secret stands in the fragment alone, which no URL library sends anywhere. The grammar is in
//! `net/CRYPTO.md`.
//!
//! ```
//! use visavis_net::link::JoinLink;
//! use visavis_net::seal::CallSecret;
//!
//! let link = JoinLink::to_peer("192.0.2.7", 4433, Some([7; 32]), CallSecret::random())?;
//! let text = link.to_string();
//! let again: JoinLink = text.parse()?;
//! assert_eq!(again.call_id(), link.call_id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::hex::{Hex, bytes_of_hex};
use crate::seal::{CallId, CallSecret};

/// The longest link that is read, in bytes.
pub const MAX_LINK_BYTES: usize = 4096;
/// The longest path prefix or relay token, in bytes.
const MAX_PARAMETER_BYTES: usize = 2048;
const SCHEME: &str = "visavis://";
/// QUIC's port where a link names none.
pub const DEFAULT_PORT: u16 = 4433;

/// Where a call is, and the secret that opens it. `Display` gives the whole link, the secret included: show it to those
/// who are invited. `Debug` hides secret and token.
#[derive(Clone)]
pub struct JoinLink {
    host: String,
    port: u16,
    via: Via,
    secret: CallSecret,
}

/// What is at the link's address.
#[derive(Clone, PartialEq, Eq)]
pub enum Via {
    /// A peer that hosts the call.
    Peer {
        /// SHA-256 of its certificate (DER). `None`: an authority that the system trusts vouches for the host's name.
        pin: Option<[u8; 32]>,
    },
    /// A MoQ relay.
    Relay {
        /// SHA-256 of its certificate, as for a peer.
        pin: Option<[u8; 32]>,
        /// What comes before the call's own path there, without slashes at its ends; may be empty.
        path: String,
        /// What the relay asks for before it lets somebody in; may be empty.
        token: String,
    },
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |pin: &Option<[u8; 32]>| pin.map(|pin| Hex(&pin).to_string());
        match self {
            Self::Peer { pin } => f.debug_struct("Peer").field("pin", &shown(pin)).finish(),
            Self::Relay { pin, path, token: _ } => {
                f.debug_struct("Relay").field("pin", &shown(pin)).field("path", path).finish_non_exhaustive()
            }
        }
    }
}

/// Why text is no join link. What it says never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// Another scheme, or none.
    #[error("a join link begins with `{SCHEME}`")]
    Scheme,
    /// Longer than any link.
    #[error("a join link has at most {MAX_LINK_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The host isn't a name or an address.
    #[error("the link's host isn't a name, an IPv4 address or an IPv6 address in brackets")]
    Host,
    /// The port isn't a number from 1 to 65535.
    #[error("the link's port isn't a number from 1 to 65535")]
    Port,
    /// The path isn't a call's number.
    #[error("the link's path isn't a call: 16 hexadecimal digits")]
    Call,
    /// A parameter is unknown, stands twice, or has a value that it can't have.
    #[error("the link's parameter `{name}` {problem}")]
    Parameter {
        /// Its name, as far as it is a known one.
        name: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is no secret behind `#`.
    #[error("the link has no secret behind `#`: it was cut off; copy all of it")]
    NoSecret,
    /// The secret isn't 43 characters of URL-safe base64.
    #[error("the link's secret isn't 43 letters, digits, `-` and `_`: copy the link again")]
    Secret,
    /// The secret is another call's.
    #[error("the link's secret is not this call's: parts of two links, or a letter was changed")]
    OtherCall,
}

impl JoinLink {
    /// To a peer that hosts the call, known by its certificate's fingerprint or, without one, by its name.
    ///
    /// # Errors
    /// If the host isn't a name or an address, or the port is 0.
    pub fn to_peer(
        host: &str,
        port: u16,
        pin: Option<[u8; 32]>,
        secret: CallSecret,
    ) -> Result<Self, InvalidLink> {
        Self::new(host, port, Via::Peer { pin }, secret)
    }

    /// To a relay, with what comes before the call's path there and what the relay asks for; either may be empty.
    ///
    /// # Errors
    /// If the host isn't a name or an address, the port is 0, or a parameter holds what a link can't.
    pub fn to_relay(
        host: &str,
        port: u16,
        pin: Option<[u8; 32]>,
        path: &str,
        token: &str,
        secret: CallSecret,
    ) -> Result<Self, InvalidLink> {
        let (path, token) = (path.trim_matches('/').to_owned(), token.to_owned());
        Self::new(host, port, Via::Relay { pin, path, token }, secret)
    }

    fn new(host: &str, port: u16, via: Via, secret: CallSecret) -> Result<Self, InvalidLink> {
        if port == 0 {
            return Err(InvalidLink::Port);
        }
        if let Via::Relay { path, token, .. } = &via {
            check_text("path", path, is_path_character)?;
            check_text("token", token, |byte| byte.is_ascii_graphic())?;
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if !is_host(host) {
            return Err(InvalidLink::Host);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, via, secret })
    }

    /// A name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// UDP's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is there.
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// SHA-256 of the certificate that must be shown there; `None` if an authority vouches for it.
    pub fn pin(&self) -> Option<[u8; 32]> {
        let (Via::Peer { pin } | Via::Relay { pin, .. }) = &self.via;
        *pin
    }

    /// The call's public name.
    pub fn call_id(&self) -> CallId {
        self.secret.call_id()
    }

    /// What opens the call.
    pub fn secret(&self) -> &CallSecret {
        &self.secret
    }
}

impl fmt::Debug for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, via, secret: _ } = self;
        let mut link = f.debug_struct("JoinLink");
        link.field("host", host).field("port", port).field("via", via).finish_non_exhaustive()
    }
}

impl fmt::Display for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        write!(f, ":{}/{}", self.port, self.call_id())?;
        let mut separator = '?';
        let mut parameter = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let between = std::mem::replace(&mut separator, '&');
            write!(f, "{between}{name}={value}")
        };
        if let Some(pin) = self.pin() {
            parameter(f, "pin", &Hex(&pin))?;
        }
        if let Via::Relay { pin: _, path, token } = &self.via {
            parameter(f, "relay", &1)?;
            if !path.is_empty() {
                parameter(f, "path", path)?;
            }
            if !token.is_empty() {
                parameter(f, "token", &Escaped(token))?;
            }
        }
        let secret = Zeroizing::new(base64_of(self.secret.as_bytes()));
        write!(f, "#{}", secret.as_str())
    }
}

impl FromStr for JoinLink {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        let text = text.trim();
        if text.len() > MAX_LINK_BYTES {
            return Err(InvalidLink::TooLong(text.len()));
        }
        let scheme = text.get(..SCHEME.len()).ok_or(InvalidLink::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(InvalidLink::Scheme);
        }
        let rest = &text[SCHEME.len()..];
        let (rest, secret) = rest.split_once('#').ok_or(InvalidLink::NoSecret)?;
        if secret.is_empty() {
            return Err(InvalidLink::NoSecret);
        }
        let secret = secret_of(secret).ok_or(InvalidLink::Secret)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, call) = rest.split_once('/').ok_or(InvalidLink::Call)?;
        let (host, port) = authority_of(authority)?;
        let digits: [u8; 8] = bytes_of_hex(call).ok_or(InvalidLink::Call)?;
        if secret.call_id().0[..8] != digits {
            return Err(InvalidLink::OtherCall);
        }
        Self::new(host, port, via_of(query)?, secret)
    }
}

fn authority_of(authority: &str) -> Result<(&str, u16), InvalidLink> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidLink::Host)?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or(InvalidLink::Port)?),
            };
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(InvalidLink::Host);
            }
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) if is_number(port) => port.parse().map_err(|_| InvalidLink::Port)?,
        Some(_) => return Err(InvalidLink::Port),
    };
    Ok((host, port))
}

fn via_of(query: &str) -> Result<Via, InvalidLink> {
    let wrong = |name, problem| InvalidLink::Parameter { name, problem };
    let (mut pin, mut relay, mut path, mut token) = (None, None, None, None);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, slot) = match name {
            "pin" => ("pin", &mut pin),
            "relay" => ("relay", &mut relay),
            "path" => ("path", &mut path),
            "token" => ("token", &mut token),
            // A newer program's parameter may change what the link means.
            _ => return Err(wrong("?", "is not one that this program knows: is a newer one needed?")),
        };
        let value = unescaped(value).ok_or(wrong(name, "isn't escaped as URLs are"))?;
        if slot.replace(value).is_some() {
            return Err(wrong(name, "stands twice"));
        }
    }
    let pin = match pin {
        None => None,
        Some(digits) => Some(bytes_of_hex(&digits).ok_or(wrong("pin", "isn't 64 hexadecimal digits"))?),
    };
    match relay.as_deref() {
        None if path.is_some() => Err(wrong("path", "is for relays: add relay=1")),
        None if token.is_some() => Err(wrong("token", "is for relays: add relay=1")),
        None => Ok(Via::Peer { pin }),
        Some("1") => {
            let path = path.unwrap_or_default().trim_matches('/').to_owned();
            Ok(Via::Relay { pin, path, token: token.unwrap_or_default() })
        }
        Some(_) => Err(wrong("relay", "is 1 or isn't there")),
    }
}

/// An address, or a name as RFC 1123 has it.
fn is_host(host: &str) -> bool {
    if host.parse::<Ipv6Addr>().is_ok() || host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits would be a broken address.
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

fn check_text(name: &'static str, text: &str, is_allowed: fn(u8) -> bool) -> Result<(), InvalidLink> {
    let wrong = |problem| Err(InvalidLink::Parameter { name, problem });
    if text.len() > MAX_PARAMETER_BYTES {
        return wrong("is longer than 2048 bytes");
    }
    if !text.bytes().all(is_allowed) {
        return wrong("holds characters that it can't");
    }
    Ok(())
}

/// Text as it stands in a query: everything but letters, digits, `-`, `.`, `_` and `~` as `%XX`.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte)),
            byte => write!(f, "%{byte:02X}"),
        })
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? * 16 + digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// 32 bytes in URL-safe base64 (RFC 4648, section 5), without padding.
const SECRET_CHARACTERS: usize = 43;

fn base64_of(secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(secret)
}

/// The decoder refuses what is spare in the last character, so that a link has one form only.
fn secret_of(text: &str) -> Option<CallSecret> {
    if text.len() != SECRET_CHARACTERS {
        return None;
    }
    let mut bytes = Zeroizing::new([0u8; 33]); // as much as the decoder takes room for
    let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
    let secret = bytes.first_chunk::<32>()?;
    (length == secret.len()).then(|| CallSecret::from_bytes(*secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> CallSecret {
        CallSecret::from_bytes(std::array::from_fn(|i| i as u8 * 7))
    }

    #[test]
    fn links_of_every_kind_come_back_as_they_were() {
        let links = [
            JoinLink::to_peer("192.0.2.7", 4433, Some([0xab; 32]), secret()).unwrap(),
            JoinLink::to_peer("[2001:db8::1]", 1, Some([1; 32]), secret()).unwrap(),
            JoinLink::to_peer("Example.org", 65535, None, secret()).unwrap(),
            JoinLink::to_relay("relay.example.org", 443, None, "/anon/", "ey.J0&a+b/c=%#", secret()).unwrap(),
            JoinLink::to_relay("::1", 4443, Some([2; 32]), "", "", secret()).unwrap(),
        ];
        for link in links {
            let text = link.to_string();
            let again: JoinLink = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(again.to_string(), text);
            assert_eq!(again.secret().as_bytes(), secret().as_bytes());
            assert_eq!((again.host(), again.port(), again.via()), (link.host(), link.port(), link.via()));
            let shown = format!("{link:?}");
            assert!(!shown.contains("ey.J0"), "{shown}");
            assert!(!shown.contains(text.split_once('#').unwrap().1), "{shown}");
            // The secret is nowhere but behind the `#`.
            let (before, fragment) = text.split_once('#').unwrap();
            assert!(!before.contains(fragment) && fragment.len() == SECRET_CHARACTERS);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = JoinLink::to_peer("a.example", 4433, None, secret()).unwrap().to_string();
        let (before, fragment) = good.split_once('#').unwrap();
        let call = secret().call_id();
        let with = |text: &str| format!("{text}#{fragment}").parse::<JoinLink>().map(|_| ()).unwrap_err();
        let parameter = |name, problem| InvalidLink::Parameter { name, problem };

        assert_eq!("https://a.example/".parse::<JoinLink>().unwrap_err(), InvalidLink::Scheme);
        assert_eq!("visavi".parse::<JoinLink>().unwrap_err(), InvalidLink::Scheme);
        assert_eq!(before.parse::<JoinLink>().unwrap_err(), InvalidLink::NoSecret);
        assert_eq!(format!("{before}#").parse::<JoinLink>().unwrap_err(), InvalidLink::NoSecret);
        let cut = &good[..good.len() - 1];
        assert_eq!(cut.parse::<JoinLink>().unwrap_err(), InvalidLink::Secret);
        let other = CallSecret::from_bytes([9; 32]);
        let mixed = format!("{before}#{}", base64_of(other.as_bytes()));
        assert_eq!(mixed.parse::<JoinLink>().unwrap_err(), InvalidLink::OtherCall);
        assert_eq!(with("visavis://a.example:4433"), InvalidLink::Call);
        assert_eq!(with("visavis://a.example:4433/xyz"), InvalidLink::Call);
        for port in ["0", "65536", "-1", "+1", "", "1x", "99999999999999999999"] {
            assert_eq!(with(&format!("visavis://a.example:{port}/{call}")), InvalidLink::Port, "{port}");
        }
        for host in ["", "-a", "a..b", "1.2.3", "300.1.1.1", "a b", "[::1", "[nonsense]", "é"] {
            assert_eq!(with(&format!("visavis://{host}/{call}")), InvalidLink::Host, "{host}");
        }
        let query = |query: &str| with(&format!("visavis://a.example/{call}?{query}"));
        assert_eq!(query("pin=ab"), parameter("pin", "isn't 64 hexadecimal digits"));
        assert_eq!(query("relay=2"), parameter("relay", "is 1 or isn't there"));
        assert_eq!(query("relay=1&relay=1"), parameter("relay", "stands twice"));
        assert_eq!(query("path=a"), parameter("path", "is for relays: add relay=1"));
        assert_eq!(query("relay=1&path=a%zz"), parameter("path", "isn't escaped as URLs are"));
        assert_eq!(query("relay=1&path=a%20b"), parameter("path", "holds characters that it can't"));
        assert!(matches!(query("colour=red"), InvalidLink::Parameter { name: "?", .. }));
        let long = format!("{good}{}", "a".repeat(MAX_LINK_BYTES));
        assert!(matches!(long.parse::<JoinLink>(), Err(InvalidLink::TooLong(_))));
    }

    #[test]
    fn the_port_may_be_left_out_and_spaces_around_are_not_the_link() {
        let fragment = base64_of(secret().as_bytes());
        let link: JoinLink =
            format!(" VISAVIS://A.Example/{}#{fragment}\n", secret().call_id()).parse().unwrap();
        assert_eq!((link.host(), link.port()), ("a.example", DEFAULT_PORT));
        let link: JoinLink = format!("visavis://[::1]/{}#{fragment}", secret().call_id()).parse().unwrap();
        assert_eq!((link.host(), link.port()), ("::1", DEFAULT_PORT));
    }

    #[test]
    fn a_letter_of_the_secret_that_is_changed_is_noticed() {
        let good = JoinLink::to_peer("a.example", 4433, None, secret()).unwrap().to_string();
        let start = good.find('#').unwrap() + 1;
        for at in start..good.len() {
            for letter in base64::alphabet::URL_SAFE.as_str().as_bytes() {
                let mut changed = good.clone().into_bytes();
                if changed[at] == *letter {
                    continue;
                }
                changed[at] = *letter;
                let changed = String::from_utf8(changed).unwrap();
                assert!(changed.parse::<JoinLink>().is_err(), "{changed}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_secret_has_one_form(bytes in any::<[u8; 32]>()) {
            let text = base64_of(&bytes);
            prop_assert_eq!(text.len(), SECRET_CHARACTERS);
            prop_assert_eq!(secret_of(&text).map(|secret| *secret.as_bytes()), Some(bytes));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", at in 0usize..120, byte in any::<u8>()) {
            let _ = text.parse::<JoinLink>();
            let _ = format!("visavis://{text}").parse::<JoinLink>();
            let mut link =
                JoinLink::to_relay("a.example", 1, Some([3; 32]), "p", "t", secret()).unwrap().to_string().into_bytes();
            let at = at % link.len();
            link[at] = byte;
            if let Ok(text) = String::from_utf8(link) {
                let _ = text.parse::<JoinLink>();
            }
        }
    }
}
