//! One picture of a game: what a host without a window needs.
//!
//! `cargo run --package visavis-game --example picture -- ROOM.glb LEFT RIGHT SECONDS PICTURE.png [WIDTHxHEIGHT [player|close]]`

use std::path::Path;
use std::sync::Arc;

use visavis::headless::{Headless, HeadlessOptions};
use visavis_codec::Avatar;
use visavis_codec::expression::{FaceRange, Preset, Tuner};
use visavis_game::Booth;
use visavis_game::face::Features;
use visavis_game::play::{Options, Side};
use visavis_game::show::{Camera, Character, Player, Show};
use visavis_scene::{Cartoon, Scene};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [room, left, right, seconds, picture, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: picture ROOM.glb LEFT RIGHT SECONDS PICTURE.png [WIDTHxHEIGHT [player|close]]".into()
        );
    };
    let (width, height) = rest.first().and_then(|size| size.split_once('x')).unwrap_or(("1280", "720"));
    let size = [width.parse()?, height.parse()?];
    let scene = Scene::read(Path::new(room))?;
    let mut players = Vec::new();
    let mut cast = Vec::new();
    for file in [left, right] {
        if file.ends_with(".glb") {
            let cartoon = Cartoon::read(Path::new(file))?;
            let player = Player::Cartoon(Arc::new(cartoon));
            let name = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
            cast.push(Character {
                name: name.unwrap_or_default(),
                sinks_m: player.sinks_m(),
                ..Character::default()
            });
            players.push(player);
            continue;
        }
        let avatar = Avatar::read(&std::fs::read(file)?)?;
        let range = FaceRange::of_avatar(&avatar)?;
        cast.push(Character {
            name: avatar.manifest.name.clone(),
            features: Features::of(&avatar),
            tuner: Some(Tuner::new(&Preset::Lively.profile(), &range)),
            range: Some(range),
            sinks_m: 0.0,
        });
        players.push(Player::Photoreal(Arc::new(avatar)));
    }
    let cast: [Character; 2] = cast.try_into().map_err(|_| "two play")?;
    let players: [Player; 2] = players.try_into().map_err(|_| "two play")?;

    let mut show = Show::new(Options { seed: 4, ..Options::default() }, cast);
    if let Some(camera) = rest.get(1) {
        show.set_camera(match camera.as_str() {
            "player" => Camera::Player(Side::Left),
            "close" => Camera::Close(Side::Right),
            _ => Camera::Spectator,
        });
    }
    for _ in 0..(seconds.parse::<f32>()? * 60.0) as usize {
        show.advance(1.0 / 60.0);
    }
    let headless = Headless::new(&HeadlessOptions::default())?;
    let mut booth = Booth::new(headless.engine(), &scene, &players, size, true)?;
    let rgba = booth.paint(&show)?;
    image::save_buffer(picture, rgba, size[0], size[1], image::ColorType::Rgba8)?;
    Ok(())
}
