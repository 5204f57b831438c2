//! The window as a person uses it: on an X server without a screen, with keys and a mouse that X itself delivers.

#![cfg(all(target_os = "linux", feature = "view"))]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use visavis_codec::testing::{Preset, synthetic_avatar};

/// Loaded machines start windows slowly; what is waited for comes in seconds on others.
const PATIENCE: Duration = Duration::from_secs(60);

/// An X server that ends with the test.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "900x700x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb (package xvfb); `cargo xtask setup` installs it");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { server, display: format!(":{}", line.trim()) }
    }

    /// Tells X what hands do.
    fn hands(&self, words: &[&str]) -> Output {
        let mut command = Command::new("xdotool");
        command.args(words).env("DISPLAY", &self.display);
        command.output().expect("xdotool (package xdotool); `cargo xtask setup` installs it")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The program with its window, in a home of its own.
struct Viewer<'s> {
    screen: &'s Screen,
    program: Child,
    home: PathBuf,
}

impl<'s> Viewer<'s> {
    fn open(screen: &'s Screen, home: &Path, file: &Path) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_visavis"))
            .args(["--json", "view"])
            .arg(file)
            .env("DISPLAY", &screen.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .current_dir(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { screen, program, home: home.to_owned() }
    }

    fn window(&self, title: &str) -> String {
        let start = Instant::now();
        loop {
            let found = self.screen.hands(&["search", "--name", title]);
            let id = String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned);
            match id {
                Some(id) => return id,
                None if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(100)),
                None => panic!("no window is called `{title}`"),
            }
        }
    }

    /// Presses a key until a file is there; windows that are still busy with something else may miss the first.
    fn until(&self, key: &str, file: &str) -> Vec<u8> {
        let path = self.home.join("Pictures").join(file);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.screen.hands(&["key", key]);
            for _ in 0..30 {
                std::thread::sleep(Duration::from_millis(100));
                if let Ok(bytes) = std::fs::read(&path) {
                    return bytes;
                }
            }
        }
        panic!("{} never came", path.display());
    }

    fn close(self, window: &str) -> serde_json::Value {
        self.screen.hands(&["windowquit", window]);
        let output = self.program.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

#[test]
fn a_window_opens_shows_a_person_and_closes() {
    let screen = Screen::start();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("Pictures")).unwrap();
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    avatar.manifest.name = "nobody".to_owned();
    let file = home.path().join("nobody.avatar");
    std::fs::write(&file, avatar.write().unwrap()).unwrap();

    let viewer = Viewer::open(&screen, home.path(), &file);
    let window = viewer.window("nobody");
    screen.hands(&["windowfocus", "--sync", &window]);
    // A drag over the picture turns the head, and both are seen in what is kept.
    let before = viewer.until("p", "nobody-1.png");
    screen.hands(&["mousemove", "--window", &window, "200", "300"]);
    screen.hands(&["mousedown", "1"]);
    screen.hands(&["mousemove", "--window", &window, "340", "320"]);
    screen.hands(&["mouseup", "1"]);
    let after = viewer.until("p", "nobody-2.png");
    let picture = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
    let (before, after) = (picture(&before), picture(&after));
    assert_eq!(before.dimensions(), after.dimensions());
    assert_ne!(before, after, "nothing moved");

    let report = viewer.close(&window);
    assert!(report["frames"].as_u64().unwrap() > 2, "{report}");
    assert!(report["written"].as_array().unwrap().len() >= 2, "{report}");
    let settings = std::fs::read_to_string(home.path().join("config/visavis/view.json")).unwrap();
    assert!(settings.contains("nobody.avatar"), "{settings}");
}
