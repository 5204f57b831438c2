//! C programs, compiled against the header and run against the library that this very build made.
//!
//! By hand, from the workspace's root, with the checkers for memory and undefined behaviour of gcc or clang (what they find
//! leaked at the end, some hundred bytes from "unknown module", is the Vulkan driver's, which is unloaded by then):
//! ```text
//! cargo build -p visavis-capi
//! cc -std=c11 -g -fsanitize=address,undefined -Icapi/include capi/tests/misuse.c -Ltarget/debug -lvisavis_capi -lm -o misuse
//! LD_LIBRARY_PATH=target/debug ./misuse assets/avatars/wren.avatar
//! ```
#![cfg(unix)] // elsewhere compilers take other words

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use visavis_codec::testing::{Preset, synthetic_avatar};

/// The folder of this test's own program is where cargo puts the libraries that it was built with.
fn library_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a program");
    let folder = program.parent().expect("in a folder").to_owned();
    let name = format!("{}visavis_capi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    assert!(folder.join(&name).is_file(), "{name} is not in {}", folder.display());
    folder
}

/// Compiles `source` (from this crate's root) with every warning an error.
fn compile(source: &str, into: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = library_folder();
    let program = into.join("program");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler)
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg("-I")
        .arg(root.join("include"))
        .arg(root.join(source))
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(["-lvisavis_capi", "-lm", "-o"])
        .arg(&program)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "no C compiler ({}: {error}): `cargo xtask setup` installs one, or set CC",
                compiler.display()
            )
        });
    assert!(output.status.success(), "{source} doesn't compile:\n{}", text(&output));
    program
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn run(program: &Path, arguments: &[&Path]) -> Output {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{}", text(&output));
    output
}

/// A binary PPM's size and pixels.
fn read_ppm(path: &Path) -> ([usize; 2], Vec<u8>) {
    let bytes = std::fs::read(path).expect("a picture was written");
    let mut lines = bytes.splitn(4, |&byte| byte == b'\n');
    let mut line = || std::str::from_utf8(lines.next().expect("a line")).expect("text");
    assert_eq!(line(), "P6");
    let size: Vec<usize> = line().split(' ').map(|number| number.parse().expect("a number")).collect();
    assert_eq!(line(), "255");
    let pixels = lines.next().expect("pixels").to_owned();
    assert_eq!(pixels.len(), size[0] * size[1] * 3);
    ([size[0], size[1]], pixels)
}

#[test]
fn the_example_shows_a_smile() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile("examples/still.c", folder.path());
    let avatar = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/avatars/wren.avatar");
    let picture = |smile: &str| {
        let out = folder.path().join(format!("{smile}.ppm"));
        run(&program, &[&avatar, &out, Path::new(smile)]);
        read_ppm(&out)
    };
    let (size, neutral) = picture("0");
    let (_, smiling) = picture("1");
    let luma = |pixel: &[u8]| pixel.iter().map(|&channel| u32::from(channel)).sum::<u32>() / 3;
    let background = &neutral[..3];
    let covered = neutral.chunks_exact(3).filter(|pixel| *pixel != background).count();
    assert!(
        covered * 4 > size[0] * size[1],
        "the person fills a quarter of the picture, not {covered} pixels"
    );
    let changed = neutral
        .chunks_exact(3)
        .zip(smiling.chunks_exact(3))
        .filter(|(a, b)| luma(a).abs_diff(luma(b)) > 8)
        .count();
    // Mouth and cheeks, not the whole picture.
    assert!(
        (size[0] * size[1] / 200..size[0] * size[1] / 4).contains(&changed),
        "a smile changes {changed} pixels"
    );
}

#[test]
fn misuse_is_answered_with_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile("tests/misuse.c", folder.path());
    let avatar = folder.path().join("tiny.avatar");
    let bytes = synthetic_avatar(1, Preset::Tiny).write().expect("a valid avatar");
    std::fs::write(&avatar, bytes).expect("written");
    let output = run(&program, &[&avatar]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(" checks passed"), "{}", text(&output));
}
