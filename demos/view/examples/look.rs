//! The viewer opened by a program of one's own: `cargo run -p visavis-view --example look NAME.avatar|CALL.mcap [AVATAR]`.
//!
//! `visavis view` does the same and writes films too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use visavis_codec::call::{CallReader, Timeline};
use visavis_codec::{Avatar, Latent};
use visavis_view::{Call, Film, Host, Opened, Options};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let options = Options { open: arguments.next(), ..Options::default() };
    visavis_view::run(options, Arc::new(Files { avatar: arguments.next() }))?;
    Ok(())
}

/// Files, without any checks but the formats' own.
struct Files {
    avatar: Option<PathBuf>,
}

impl Host for Files {
    fn open(&self, path: &Path) -> Result<Opened> {
        let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
        let bytes = read(path)?;
        if !bytes.starts_with(b"\x89MCAP") {
            let avatar =
                Avatar::read(&bytes).with_context(|| format!("{}: not a usable avatar", path.display()))?;
            return Ok(Opened { avatar, avatar_path: path.to_owned(), call: None });
        }
        let reader =
            CallReader::new(&bytes).with_context(|| format!("{}: not a usable call", path.display()))?;
        let (id, sender) = reader.senders().next().context("nobody is in this call")?;
        let avatar_path = self.avatar.clone().context("say which avatar: look CALL.mcap NAME.avatar")?;
        let avatar = Avatar::read(&read(&avatar_path)?)?;
        let mut frames = reader.faces(id)?;
        for frame in &mut frames {
            frame.latent.residual = Latent::NEUTRAL.residual; // it may be another avatar's
        }
        let timeline = Timeline::new(frames);
        let (start, end) = timeline.span().context("no face in this call")?;
        let seconds = end.as_seconds() - start.as_seconds();
        let call = Call { sender: sender.name.clone(), timeline, start, seconds };
        Ok(Opened { avatar, avatar_path, call: Some(call) })
    }

    fn film(&self, _: &Path, _: [u32; 2], _: f64) -> Result<Box<dyn Film>> {
        bail!("this program writes no films; `visavis view` does")
    }
}
