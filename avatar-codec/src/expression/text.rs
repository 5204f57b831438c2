//! Profiles as TOML.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::latent::FaceUnit;
use crate::quoted::quoted;

use super::profile::{MAX_NAME, OutOfRange, Profile, Scope, Setting};
use super::region::{Region, Side, pair, stem};

/// The longest profile that is read; one that sets everything is a tenth of it.
pub const MAX_PROFILE_BYTES: usize = 1 << 16;

/// Why a text is no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParseProfileError {
    /// Longer than [`MAX_PROFILE_BYTES`].
    #[error("{bytes} bytes; a profile has at most {MAX_PROFILE_BYTES}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Something in it is wrong.
    #[error("line {line}: {}{problem}", if key.is_empty() { String::new() } else { format!("`{key}`: ") })]
    At {
        /// Counted from 1.
        line: usize,
        /// The key with its tables, as `unit.mouthSmile.gain`; empty where the text is no TOML and no key is at fault.
        key: String,
        /// What is wrong.
        problem: ProfileProblem,
    },
}

/// What is wrong with a key or its value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProfileProblem {
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// Not TOML; duplicate keys are such a case.
    #[error("{0}")]
    Syntax(String),
    /// Nothing that a profile has there.
    #[error("unknown; there is {expected}")]
    Unknown {
        /// What may stand there.
        expected: String,
    },
    /// Another type of value.
    #[error("must be {expected}")]
    WrongType {
        /// What it should be.
        expected: &'static str,
    },
    /// A number that isn't allowed.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No version or another one.
    #[error("must be {}, the version that this program reads", Profile::VERSION)]
    Version,
    /// A name too long or with control characters.
    #[error("must have at most {MAX_NAME} bytes and no control characters")]
    Name,
}

impl Profile {
    /// Reads a profile: TOML as EXPRESSION.md says, at most [`MAX_PROFILE_BYTES`].
    ///
    /// # Errors
    /// If the text is too long, no TOML, or says something that a profile can't: with the line and the key.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseProfileError> {
        if bytes.len() > MAX_PROFILE_BYTES {
            return Err(ParseProfileError::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
            ParseProfileError::At { line, key: String::new(), problem: ProfileProblem::NotText }
        })?;
        let root = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            // Of a duplicate key it is the key that is marked.
            let marked = text.get(span.clone()).unwrap_or("");
            let is_key = marked.len() <= 64 && marked.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            ParseProfileError::At {
                line: line(text, span.start),
                key: if is_key { marked.to_owned() } else { String::new() },
                problem: ProfileProblem::Syntax(quoted(&error.message())),
            }
        })?;
        Reader { text, profile: Self::default() }.read(root.get_ref())
    }

    /// The profile as text, which [`parse`](Self::parse) reads to the same profile.
    pub fn to_toml(&self) -> String {
        let Self { name, intensity, regions: _, units: _ } = self;
        let mut out = format!("version = {}\n", Self::VERSION);
        if !name.is_empty() {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(out, "name = \"{escaped}\"");
        }
        if *intensity != 1.0 {
            let _ = writeln!(out, "intensity = {intensity:?}");
        }
        for region in Region::ALL {
            self.write_table(&mut out, "region", region.name(), Scope::Region(region));
        }
        for unit in FaceUnit::ALL {
            match stem(unit).and_then(|(stem, side)| Some((stem, side, pair(stem)?))) {
                // Where both sides are set alike, one table speaks of both.
                Some((stem, side, [left, right]))
                    if self.units[left as usize] == self.units[right as usize] =>
                {
                    if side == Side::Left {
                        self.write_table(&mut out, "unit", stem, Scope::Unit(unit));
                    }
                }
                _ => self.write_table(&mut out, "unit", unit.name(), Scope::Unit(unit)),
            }
        }
        out
    }

    fn write_table(&self, out: &mut String, kind: &str, name: &str, scope: Scope) {
        let set = Setting::ALL.map(|setting| (setting, self.get(scope, setting)));
        if set.iter().all(|(_, value)| value.is_none()) {
            return;
        }
        let _ = writeln!(out, "\n[{kind}.{name}]");
        for (setting, value) in set {
            if let Some(value) = value {
                // `{:?}` is the shortest decimal that reads back as the same number, always with a point.
                let _ = writeln!(out, "{} = {value:?}", setting.name());
            }
        }
    }
}

/// The line of a byte, counted from 1.
fn line(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

struct Reader<'t> {
    text: &'t str,
    profile: Profile,
}

type Entry<'a, 't> = (&'a Spanned<std::borrow::Cow<'t, str>>, &'a Spanned<DeValue<'t>>);

impl<'t> Reader<'t> {
    fn read(mut self, root: &DeTable<'t>) -> Result<Profile, ParseProfileError> {
        let mut version = false;
        for entry @ (key, value) in root {
            match key.get_ref().as_ref() {
                "version" => {
                    version = matches!(value.get_ref(), DeValue::Integer(n) if n.to_string() == Profile::VERSION.to_string());
                    if !version {
                        return Err(self.error(entry, "", ProfileProblem::Version));
                    }
                }
                "name" => {
                    let wrong = ProfileProblem::WrongType { expected: "a text in quotes" };
                    let name = value.get_ref().as_str().ok_or_else(|| self.error(entry, "", wrong))?;
                    self.profile.set_name(name);
                    if self.profile.name != name {
                        return Err(self.error(entry, "", ProfileProblem::Name));
                    }
                }
                "intensity" => {
                    let number = self.number(entry, "")?;
                    self.profile
                        .set_intensity(number)
                        .map_err(|error| self.error(entry, "", error.into()))?;
                }
                "region" => self.regions(entry)?,
                "unit" => self.units(entry)?,
                _ => {
                    let expected = "version, name, intensity, region and unit".to_owned();
                    return Err(self.error(entry, "", ProfileProblem::Unknown { expected }));
                }
            }
        }
        if !version {
            let problem = ProfileProblem::Version;
            return Err(ParseProfileError::At { line: 1, key: "version".to_owned(), problem });
        }
        Ok(self.profile)
    }

    fn regions(&mut self, regions: Entry<'_, 't>) -> Result<(), ParseProfileError> {
        for entry @ (key, _) in self.table(regions, "")? {
            let Some(region) = Region::from_name(key.get_ref()) else {
                let expected = Region::ALL.map(Region::name).join(", ");
                return Err(self.error(entry, "region.", ProfileProblem::Unknown { expected }));
            };
            self.settings(entry, "region.", &[Scope::Region(region)])?;
        }
        Ok(())
    }

    fn units(&mut self, units: Entry<'_, 't>) -> Result<(), ParseProfileError> {
        // First what speaks of both sides, whatever the order in the file: a side's own table goes before it.
        let table = self.table(units, "")?;
        for entry @ (key, _) in table {
            if let Some(both) = pair(key.get_ref()) {
                self.settings(entry, "unit.", &both.map(Scope::Unit))?;
            }
        }
        for entry @ (key, _) in table {
            if pair(key.get_ref()).is_some() {
                continue;
            }
            let Some(unit) = FaceUnit::from_name(key.get_ref()) else {
                let expected = "every face unit by ARKit's name, as jawOpen or mouthSmileLeft, and mouthSmile for both sides";
                let expected = expected.to_owned();
                return Err(self.error(entry, "unit.", ProfileProblem::Unknown { expected }));
            };
            self.settings(entry, "unit.", &[Scope::Unit(unit)])?;
        }
        Ok(())
    }

    fn settings(
        &mut self,
        table: Entry<'_, 't>,
        path: &str,
        scopes: &[Scope],
    ) -> Result<(), ParseProfileError> {
        let inside = format!("{path}{}.", quoted(table.0.get_ref()));
        for entry @ (key, _) in self.table(table, path)? {
            let Some(setting) = Setting::from_name(key.get_ref()) else {
                let expected = Setting::ALL.map(Setting::name).join(", ");
                return Err(self.error(entry, &inside, ProfileProblem::Unknown { expected }));
            };
            let number = self.number(entry, &inside)?;
            for &scope in scopes {
                self.profile
                    .set(scope, setting, Some(number))
                    .map_err(|error| self.error(entry, &inside, error.into()))?;
            }
        }
        Ok(())
    }

    fn table<'a>(&self, entry: Entry<'a, 't>, path: &str) -> Result<&'a DeTable<'t>, ParseProfileError> {
        let wrong = ProfileProblem::WrongType { expected: "a table" };
        entry.1.get_ref().as_table().ok_or_else(|| self.error(entry, path, wrong))
    }

    fn number(&self, entry: Entry<'_, 't>, path: &str) -> Result<f32, ParseProfileError> {
        let number = match entry.1.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        let wrong = ProfileProblem::WrongType { expected: "a number" };
        number.ok_or_else(|| self.error(entry, path, wrong))
    }

    fn error(&self, (key, _): Entry<'_, 't>, path: &str, problem: ProfileProblem) -> ParseProfileError {
        let line = line(self.text, key.span().start);
        ParseProfileError::At { line, key: format!("{path}{}", quoted(key.get_ref())), problem }
    }
}
