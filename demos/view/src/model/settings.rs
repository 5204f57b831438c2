//! What the viewer remembers from one time to the next.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::backdrop::Backdrop;

/// Files that are remembered.
const MAX_RECENT: usize = 8;
/// Settings are a page of text; a larger file is something else.
const MAX_BYTES: u64 = 1 << 18;

/// Everything that is remembered. Fields that a file doesn't have are as by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Width and height, points.
    pub(crate) window: [f32; 2],
    pub(crate) is_maximized: bool,
    /// The newest first.
    pub(crate) recent: Vec<PathBuf>,
    pub(crate) side_panel: bool,
    pub(crate) statistics: bool,
    pub(crate) backdrop: Backdrop,
    /// Between the eyes of the stereo preview, millimetres.
    pub(crate) eyes_apart_mm: f32,
    pub(crate) is_alive: bool,
    pub(crate) follows: bool,
    pub(crate) loops: bool,
    /// Ports of Live Link Face and of VMC.
    pub(crate) ports: [u16; 2],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: [1280.0, 800.0],
            is_maximized: false,
            recent: Vec::new(),
            side_panel: true,
            statistics: false,
            backdrop: Backdrop::default(),
            eyes_apart_mm: 63.0,
            is_alive: true,
            follows: false,
            loops: true,
            ports: visavis_codec::drive::live::LiveProtocol::ALL.map(|protocol| protocol.usual_port()),
        }
    }
}

impl Settings {
    /// Puts a file in front of the recent ones.
    pub(crate) fn remember(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(MAX_RECENT);
    }

    /// Numbers that somebody wrote into the file by hand come back into their ranges.
    fn in_range(mut self) -> Self {
        let usual = Self::default();
        for (size, usual) in self.window.iter_mut().zip(usual.window) {
            *size = if size.is_finite() { size.clamp(320.0, 8192.0) } else { usual };
        }
        let apart = self.eyes_apart_mm;
        self.eyes_apart_mm = if apart.is_finite() { apart.clamp(0.0, 120.0) } else { usual.eyes_apart_mm };
        for (port, usual) in self.ports.iter_mut().zip(usual.ports) {
            *port = if *port == 0 { usual } else { *port };
        }
        self.recent.truncate(MAX_RECENT);
        self
    }
}

/// The file that settings are kept in.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: Option<PathBuf>,
    /// What the file holds.
    saved: Option<Settings>,
}

impl Store {
    /// Opens the file in a folder, or in the platform's own. What can't be read is set aside and said.
    pub(crate) fn open(folder: Option<&Path>) -> (Self, Settings, Option<String>) {
        let folder = folder.map(Path::to_owned).or_else(super::files::settings_folder);
        let Some(path) = folder.map(|folder| folder.join("view.json")) else {
            return (Self { path: None, saved: None }, Settings::default(), None);
        };
        match read(&path) {
            Ok(Some(settings)) => (Self { path: Some(path), saved: Some(settings.clone()) }, settings, None),
            Ok(None) => (Self { path: Some(path), saved: None }, Settings::default(), None),
            Err(problem) => {
                let aside = path.with_extension("json.bad");
                let outcome = match std::fs::rename(&path, &aside) {
                    Ok(()) => format!("kept as {}", aside.display()),
                    Err(error) => format!("and couldn't be set aside: {error}"),
                };
                let message = format!(
                    "Your settings couldn't be read ({problem}); they are new now. The old ones are {outcome}"
                );
                (Self { path: Some(path), saved: None }, Settings::default(), Some(message))
            }
        }
    }

    /// Writes what has changed. That a disk is full costs the settings, not the session.
    pub(crate) fn save(&mut self, settings: &Settings) {
        let Some(path) = &self.path else { return };
        if self.saved.as_ref() == Some(settings) {
            return;
        }
        let text = serde_json::to_string_pretty(settings).unwrap_or_default();
        match super::files::write(path, text.as_bytes()) {
            Ok(()) => self.saved = Some(settings.clone()),
            Err(error) => tracing::warn!("{}: settings can't be written: {error}", path.display()),
        }
    }
}

fn read(path: &Path) -> Result<Option<Settings>, String> {
    use std::io::Read as _;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let settings: Settings = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(Some(settings.in_range()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back() {
        let folder = crate::testing::folder();
        let (mut store, mut settings, problem) = Store::open(Some(&*folder));
        assert_eq!((&settings, problem), (&Settings::default(), None));
        settings.window = [900.0, 700.0];
        settings.remember(Path::new("/a.avatar"));
        settings.remember(Path::new("/b.avatar"));
        settings.remember(Path::new("/a.avatar"));
        store.save(&settings);
        let (_, back, problem) = Store::open(Some(&*folder));
        assert_eq!((&back, problem), (&settings, None));
        assert_eq!(back.recent, [Path::new("/a.avatar"), Path::new("/b.avatar")]);
    }

    #[test]
    fn broken_settings_are_set_aside_and_said() {
        let folder = crate::testing::folder();
        for text in ["", "{", "[7]", "{\"window\": \"large\"}", "\u{0}\u{1}"] {
            std::fs::write(folder.join("view.json"), text).unwrap();
            let (mut store, settings, problem) = Store::open(Some(&*folder));
            assert_eq!(settings, Settings::default(), "{text:?}");
            assert!(problem.unwrap().contains("view.json.bad"), "{text:?}");
            assert_eq!(std::fs::read_to_string(folder.join("view.json.bad")).unwrap(), text);
            store.save(&settings);
            assert_eq!(Store::open(Some(&*folder)).2, None);
        }
    }

    #[test]
    fn odd_numbers_come_back_into_range_and_new_fields_are_no_trouble() {
        let folder = crate::testing::folder();
        let text = r#"{"window": [1e9, 0], "eyes_apart_mm": -4, "ports": [0, 7], "something": "else"}"#;
        std::fs::write(folder.join("view.json"), text).unwrap();
        let (_, settings, problem) = Store::open(Some(&*folder));
        assert_eq!(problem, None);
        assert_eq!((settings.window, settings.eyes_apart_mm), ([8192.0, 320.0], 0.0));
        assert_eq!(settings.ports, [11_111, 7]);
    }

    #[test]
    fn without_a_place_nothing_is_remembered_and_nothing_breaks() {
        let mut store = Store { path: Some(PathBuf::from("/dev/null/x/view.json")), saved: None };
        store.save(&Settings::default());
    }
}
