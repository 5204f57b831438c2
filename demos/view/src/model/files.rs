//! Files that we write: settings, profiles, pictures.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a file under another name first, so that its own never stands for half of it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = std::fs::File::create(&new)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // What is left of it is of no use; that it can't be removed is the smaller trouble.
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// `NAME-1.png`, or the next number that is free in the folder. Characters that no file's name should have are left out.
pub(crate) fn next_free(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let name: String = name.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).take(40).collect();
    let name = if name.is_empty() { "avatar" } else { &name };
    (1u32..)
        .map(|n| folder.join(format!("{name}-{n}.{extension}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| folder.join(format!("{name}.{extension}")))
}

/// Where pictures go: the user's own folder for them, or where the program was started.
pub(crate) fn pictures() -> PathBuf {
    let own = std::env::home_dir().map(|home| home.join("Pictures")).filter(|folder| folder.is_dir());
    own.or_else(|| std::env::current_dir().ok()).unwrap_or_default()
}

/// The platform's folder for settings, and ours in it.
pub(crate) fn settings_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    let folder = if let Some(folder) = variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute()) {
        Some(folder)
    } else if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        home().map(|home| home.join(".config"))
    };
    folder.map(|folder| folder.join("visavis"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free_and_harmless() {
        let folder = crate::testing::folder();
        assert_eq!(next_free(&folder, "../wren", "png"), folder.join("wren-1.png"));
        write(&folder.join("wren-1.png"), b"x").unwrap();
        assert_eq!(next_free(&folder, "wren", "png"), folder.join("wren-2.png"));
        assert_eq!(next_free(&folder, "///", "png"), folder.join("avatar-1.png"));
        assert_eq!(std::fs::read_dir(&*folder).unwrap().count(), 1, "something temporary is left");
    }
}
