//! Tells an avatar that was trained before there was relighting what lit its capture, and what was learnt of the ways of that
//! light since. The avatar is written anew, unsigned, and its driver with it.
//!
//! ```sh
//! PYTHONPATH=avatar-codec/train python -m visavis_train.transport PREPARED assets/avatars/wren.avatar transport.safetensors
//! cargo run -p visavis-codec --features train,encoder --example relightable -- \
//!     assets/avatars/wren.avatar CAPTURE transport.safetensors [assets/avatars/wren.driver]
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use visavis_codec::avatar::{Avatar, LightTransport, Material, Owner, PIXEL_OUTPUTS};
use visavis_codec::encoder::Driver;
use visavis_codec::train::Capture;

/// The outputs of the pixel decoder that tilt the normal.
const NORMAL_OFFSET: std::ops::Range<usize> = 6..8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [avatar_path, capture, transport, driver @ ..] = &arguments[..] else {
        return Err("usage: relightable AVATAR CAPTURE TRANSPORT [DRIVER]".into());
    };
    let mut avatar = Avatar::read(&fs::read(avatar_path)?)?;
    let (light, names) =
        Capture::read(Path::new(capture))?.light().ok_or("the capture doesn't say what lit it")?;
    let bytes = fs::read(transport)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let numbers = |name: &str| -> Result<Vec<f32>, Box<dyn Error>> {
        let (numbers, _) = file.tensor(name)?.data().as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    };
    // Strands have no relief to tilt normals by (visavis_train.transport.smooth_strands).
    let hidden = avatar.pixel.hidden;
    let first = Material::Hair as usize * PIXEL_OUTPUTS + NORMAL_OFFSET.start;
    avatar.pixel.w3[first * hidden..][..NORMAL_OFFSET.len() * hidden].fill(0.0);
    avatar.pixel.b3[first..][..NORMAL_OFFSET.len()].fill(0.0);
    avatar.transport = Some(LightTransport { w: numbers("transport.w")?, b: numbers("transport.b")? });
    avatar.manifest.capture_light = Some(light);
    avatar.manifest.owner = Owner { public_key: String::new(), signature: "0".repeat(128) };
    let file = avatar.write()?;
    fs::write(avatar_path, &file)?;
    eprintln!("{avatar_path}: {} bytes, lit by {}", file.len(), names.join(", "));
    for path in driver {
        let driver = Driver::read(&fs::read(path)?)?.for_root(Avatar::root_hash(&file)?);
        fs::write(path, driver.write()?)?;
        eprintln!("{path}: belongs to it");
    }
    Ok(())
}
