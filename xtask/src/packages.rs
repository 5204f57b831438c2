//! The system's package manager: what our requirements are called there, and how to install them.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{Failure, command_line, run};
use crate::requirements::Requirement;

/// A package manager that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, RHEL.
    Dnf,
    /// Arch.
    Pacman,
    /// openSUSE.
    Zypper,
    /// Alpine.
    Apk,
    /// macOS; refuses to run as root.
    Brew,
}

impl Manager {
    const ALL: [Self; 6] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Zypper, Self::Apk, Self::Brew];

    /// The first one that is on this machine.
    pub(crate) fn find() -> Option<Self> {
        Self::ALL.into_iter().find(|manager| find_program(manager.program()).is_some())
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    /// What `requirement` is called here; nothing where the system itself brings it.
    pub(crate) const fn packages(self, requirement: Requirement) -> &'static [&'static str] {
        match (self, requirement) {
            (Self::Apt, Requirement::Vulkan | Requirement::SoftwareVulkan) => {
                &["libvulkan1", "mesa-vulkan-drivers"]
            }
            (Self::Apt | Self::Zypper, Requirement::ValidationLayer) => &["vulkan-validationlayers"],
            (Self::Dnf | Self::Pacman | Self::Apk, Requirement::ValidationLayer) => {
                &["vulkan-validation-layers"]
            }
            (Self::Apt, Requirement::CppCompiler) => &["g++"],
            (Self::Apt, Requirement::CCompiler) => &["gcc", "libc6-dev"],
            (Self::Dnf | Self::Pacman | Self::Zypper, Requirement::CCompiler) => &["gcc"],
            (Self::Apk, Requirement::CCompiler) => &["gcc", "musl-dev"],
            (Self::Dnf, Requirement::Vulkan | Requirement::SoftwareVulkan) => {
                &["vulkan-loader", "mesa-vulkan-drivers"]
            }
            (Self::Dnf, Requirement::CppCompiler) => &["gcc-c++"],
            // Fedora's own build; it encodes H.264 with OpenH264.
            (Self::Dnf, Requirement::Ffmpeg) => &["ffmpeg-free"],
            (Self::Pacman, Requirement::Vulkan | Requirement::SoftwareVulkan) => {
                &["vulkan-icd-loader", "vulkan-swrast"]
            }
            (Self::Pacman, Requirement::CppCompiler) => &["gcc"],
            (Self::Zypper, Requirement::Vulkan | Requirement::SoftwareVulkan) => {
                &["libvulkan1", "libvulkan_lvp"]
            }
            (Self::Zypper, Requirement::CppCompiler) => &["gcc-c++"],
            (Self::Apk, Requirement::Vulkan | Requirement::SoftwareVulkan) => {
                &["vulkan-loader", "mesa-vulkan-swrast"]
            }
            (Self::Apk, Requirement::CppCompiler) => &["g++"],
            (
                Self::Brew,
                Requirement::Vulkan
                | Requirement::SoftwareVulkan
                | Requirement::ValidationLayer
                | Requirement::CppCompiler
                | Requirement::CCompiler
                | Requirement::SoundHeaders,
            ) => &[],
            (Self::Apt, Requirement::SoundHeaders) => &["libasound2-dev", "pkg-config"],
            (Self::Dnf, Requirement::SoundHeaders) => &["alsa-lib-devel", "pkgconf-pkg-config"],
            (Self::Pacman, Requirement::SoundHeaders) => &["alsa-lib", "pkgconf"],
            (Self::Zypper, Requirement::SoundHeaders) => &["alsa-devel", "pkg-config"],
            (Self::Apk, Requirement::SoundHeaders) => &["alsa-lib-dev", "pkgconf"],
            (_, Requirement::Ffmpeg) => &["ffmpeg"],
            (_, Requirement::Cmake) => &["cmake"],
        }
    }

    /// The commands that install `packages`, each as words.
    pub(crate) fn commands(self, packages: &[&'static str]) -> Vec<Vec<&'static str>> {
        let with = |words: &[&'static str]| words.iter().chain(packages).copied().collect::<Vec<_>>();
        match self {
            // A new machine has no lists of packages, or old ones that name files which are gone.
            Self::Apt => vec![
                vec!["apt-get", "update"],
                with(&[
                    "env",
                    "DEBIAN_FRONTEND=noninteractive",
                    "apt-get",
                    "install",
                    "-y",
                    "--no-install-recommends",
                    // A new machine updates itself when it starts, and holds the lock meanwhile.
                    "-o",
                    "DPkg::Lock::Timeout=300",
                ]),
            ],
            Self::Dnf => vec![with(&["dnf", "install", "-y"])],
            Self::Pacman => vec![with(&["pacman", "-Sy", "--needed", "--noconfirm"])],
            Self::Zypper => vec![with(&["zypper", "--non-interactive", "install"])],
            Self::Apk => vec![with(&["apk", "add"])],
            Self::Brew => vec![with(&["brew", "install"])],
        }
    }

    /// Installs what is missing, as root, or through sudo for an ordinary user.
    pub(crate) fn install(self, missing: &[Requirement], may_install: bool) -> Result<(), Failure> {
        let mut packages: Vec<&'static str> =
            missing.iter().flat_map(|&requirement| self.packages(requirement)).copied().collect();
        packages.sort_unstable();
        packages.dedup();
        let names = missing.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ");
        if packages.is_empty() {
            return Err(Failure(format!(
                "missing: {names}; {} has no package for it, please install it by hand",
                self.program()
            )));
        }
        let become_root: &[&str] = if self == Self::Brew || is_root() { &[] } else { sudo() };
        let commands: Vec<Command> = self
            .commands(&packages)
            .iter()
            .map(|words| {
                let mut all = become_root.iter().copied().chain(words.iter().copied());
                let mut command = Command::new(all.next().unwrap_or_default());
                command.args(all);
                command
            })
            .collect();
        let by_hand =
            commands.iter().map(command_line).collect::<Vec<_>>().join(" && ").replace("sudo -n ", "sudo ");
        if !may_install {
            return Err(Failure(format!("missing: {names}. To install:\n  {by_hand}")));
        }
        for mut command in commands {
            run(&format!("install {names} ({})", packages.join(", ")), &mut command).map_err(|failure| {
                Failure(format!("{failure}\nPlease run this yourself, then try again:\n  {by_hand}"))
            })?;
        }
        Ok(())
    }
}

/// How an ordinary user becomes root: sudo may ask for a password only where somebody can answer.
fn sudo() -> &'static [&'static str] {
    let somebody_there = std::io::stdin().is_terminal() && std::env::var_os("CI").is_none();
    if somebody_there { &["sudo"] } else { &["sudo", "-n"] }
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").output();
    answer.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Where a program lies in the search path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linux_manager_knows_every_requirement() {
        for manager in Manager::ALL.into_iter().filter(|&m| m != Manager::Brew) {
            for requirement in Requirement::ALL {
                assert!(!manager.packages(requirement).is_empty(), "{manager:?} {requirement:?}");
            }
        }
    }

    #[test]
    fn apt_refreshes_its_lists_before_it_installs() {
        let commands = Manager::Apt.commands(&["ffmpeg"]);
        assert_eq!(commands[0], ["apt-get", "update"]);
        assert_eq!(commands[1].last(), Some(&"ffmpeg"));
    }

    #[test]
    fn without_leave_to_install_the_command_is_told() {
        let failure =
            Manager::Apt.install(&[Requirement::Ffmpeg], false).expect_err("nothing may be installed");
        assert!(
            failure
                .0
                .contains("apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 ffmpeg"),
            "{failure}"
        );
    }
}
