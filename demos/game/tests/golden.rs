//! The game's picture, with a made-up person and a cartoon in it, against the one it made when somebody last looked.
//!
//! `VISAVIS_UPDATE_GOLDEN=1` writes a new one: look at it before committing. On failure the found picture and the difference
//! are put beside each other in the target's `tmp` folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use visavis::Executor;
use visavis::headless::{AdapterChoice, Headless, HeadlessOptions};
use visavis_codec::testing::{Preset, synthetic_avatar};
use visavis_game::play::{Options, Side};
use visavis_game::show::{Camera, Character, Player, Show};
use visavis_game::{Booth, GameError};
use visavis_scene::{Cartoon, Scene};

const SIZE: [u32; 2] = [192, 108];
/// No golden file is larger.
const MAX_BYTES: u64 = 60_000;
/// The most that drivers may differ, mean ꟻLIP.
const FLIP: f32 = 0.03;

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

/// A software device with no more than the downlevel limits. Fails loudly where there is none.
fn software() -> Headless {
    let options = HeadlessOptions {
        adapter: AdapterChoice::Software,
        executor: Executor::Cpu,
        downlevel: true,
        ..Default::default()
    };
    let headless = Headless::new(&options).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("adapter: {}", headless.adapter().name);
    headless
}

fn players() -> [Player; 2] {
    let cartoon = Cartoon::read(&assets().join("cartoons/mia.glb")).expect("a good cartoon");
    [Player::Photoreal(Arc::new(synthetic_avatar(3, Preset::Tiny))), Player::Cartoon(Arc::new(cartoon))]
}

#[test]
fn the_game_looks_as_it_did() {
    let headless = software();
    let scene = Scene::read(&assets().join("scenes/game_room.glb")).expect("a good scene");
    assert!(scene.warnings.is_empty(), "{:?}", scene.warnings);
    let cast = ["synth", "mia"].map(|name| Character { name: name.to_owned(), ..Character::default() });
    let mut show = Show::new(Options { seed: 4, ..Options::default() }, cast);
    for _ in 0..180 {
        show.advance(1.0 / 60.0);
    }
    let mut booth = Booth::new(headless.engine(), &scene, &players(), SIZE, true).expect("on the device");
    let rgba = booth.paint(&show).expect("drawn").to_vec();
    let found = image::RgbaImage::from_raw(SIZE[0], SIZE[1], rgba).expect("it has its size");
    let found = image::DynamicImage::ImageRgba8(found).into_rgb8();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/game.png");
    if std::env::var_os("VISAVIS_UPDATE_GOLDEN").is_some() {
        found.save(&path).expect("the golden image is written");
    }
    let bytes = std::fs::metadata(&path).expect("the golden image is there").len();
    assert!(bytes <= MAX_BYTES, "{} has {bytes} bytes", path.display());
    let expected = image::open(&path).expect("the golden image is an image").to_rgb8();
    assert_eq!(expected.dimensions(), found.dimensions());
    let flip = |image: &image::RgbImage| nv_flip::FlipImageRgb8::with_data(SIZE[0], SIZE[1], image);
    let map = nv_flip::flip(flip(&expected), flip(&found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    let apart = nv_flip::FlipPool::from_image(&map).mean();
    if apart > FLIP {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        found.save(folder.join("game.png")).expect("the found picture is written");
        let map = map.apply_color_lut(&nv_flip::magma_lut()).to_vec();
        let map = image::RgbImage::from_raw(SIZE[0], SIZE[1], map).expect("it has its size");
        map.save(folder.join("difference-game.png")).expect("the difference is written");
        panic!("mean ꟻLIP {apart}; see {}", folder.display());
    }
    // The ball moves, and so does the picture; shadows and all.
    for _ in 0..12 {
        show.advance(1.0 / 60.0);
    }
    let next = booth.paint(&show).expect("drawn again");
    let changed = next.chunks_exact(4).zip(found.pixels()).filter(|(a, b)| a[..3] != b.0).count();
    assert!(changed > 500, "{changed} pixels changed");
    // Near the cartoon: the photoreal player is beside the picture, and lit all the same.
    show.set_camera(Camera::Close(Side::Right));
    booth.paint(&show).expect("drawn with nobody photoreal in sight");
}

#[test]
fn other_rooms_are_refused_by_name() {
    let headless = software();
    let scene = Scene::read(&assets().join("scenes/cartoon_table.glb")).expect("a good scene");
    let error = Booth::new(headless.engine(), &scene, &players(), SIZE, false).expect_err("no ball there");
    assert!(matches!(&error, GameError::NoNode { node, .. } if node == "ball"), "{error}");
    assert!(error.to_string().contains("game_room.glb"), "{error}");
}
