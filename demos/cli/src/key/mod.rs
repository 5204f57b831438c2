//! `visavis key`: an owner's key, what it signs, and taking it back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::{AnyAvatar, FileSignature, MAX_FILE_BYTES, SignatureError};
use visavis_net::identity::{OwnerKey, PublicKey, Revocation, UnixSeconds};

use crate::avatar_file::{hex, read_bounded};

/// Makes an owner's key, signs avatars with it, and takes it back
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An avatar is its owner's: in a call nobody is shown who can't prove to hold the key that signed
their avatar. Keep the key file to yourself, and a copy of it somewhere safe: who has it can speak as you.

Examples:
  visavis key new                                   a key, in your configuration folder
  visavis key sign wren.avatar -o mine.avatar       an avatar that is yours
  visavis key verify mine.avatar                    whose it is
  visavis key revoke                                the key was stolen: nobody believes it any more"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Makes a new key in a file that only you may read
    New {
        /// Where to keep it [default: visavis/owner.key in your configuration folder]
        key: Option<PathBuf>,
    },
    /// Shows the public half of a key
    Show {
        /// The key file [default: as for `new`]
        key: Option<PathBuf>,
    },
    /// Signs an avatar: from then on it names you as its owner
    Sign {
        /// The avatar
        avatar: PathBuf,
        /// Where to write the signed one [default: in its place]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The key file [default: as for `new`]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Sign although the avatar names another owner
        #[arg(long)]
        replace: bool,
    },
    /// Checks who signed an avatar, and that it wasn't changed since
    Verify {
        /// The avatar
        avatar: PathBuf,
    },
    /// Takes a key back, for good: writes a revocation, to be given to everybody
    Revoke {
        /// The key file [default: as for `new`]
        key: Option<PathBuf>,
        /// Where to write the revocation [default: revoked/KEY.revocation beside your own key, where calls look]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The public key that you have now, 64 hexadecimal digits: told to people, believed by no program
        #[arg(long, value_name = "KEY")]
        successor: Option<PublicKey>,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    match &arguments.command {
        Command::New { key } => new(&key_path(key.as_deref())?),
        Command::Show { key } => show(&key_path(key.as_deref())?),
        Command::Sign { avatar, output, key, replace } => {
            sign(avatar, output.as_deref().unwrap_or(avatar), &key_path(key.as_deref())?, *replace)
        }
        Command::Verify { avatar } => verify(avatar),
        Command::Revoke { key, output, successor, yes } => {
            revoke(&key_path(key.as_deref())?, output.as_deref(), *successor, *yes)
        }
    }
}

/// Where revocations lie that every command looks at; none without a configuration folder.
pub(crate) fn revoked_folder() -> Option<PathBuf> {
    Some(configuration_folder()?.join("revoked"))
}

/// A key file: this one, or the usual one.
pub(crate) fn key_path(given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => configuration_folder()
            .map(|folder| folder.join("owner.key"))
            .context("there is no configuration folder here (HOME isn't set): name the key file"),
    }
}

/// Reads a key.
pub(crate) fn load(path: &Path) -> Result<OwnerKey> {
    OwnerKey::load(path).with_context(|| format!("{}: `visavis key new` makes a key", path.display()))
}

fn configuration_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_CONFIG_HOME")
        .or_else(|| variable("APPDATA"))
        .or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("visavis"))
}

fn new(path: &Path) -> Result<Value> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
    }
    let key = OwnerKey::generate();
    key.save(path).with_context(|| path.display().to_string())?;
    eprintln!("{}: a new key; keep it to yourself, and a copy somewhere safe", path.display());
    eprintln!("  public key {}", key.public());
    Ok(json!({"path": path, "public_key": key.public().to_string()}))
}

fn show(path: &Path) -> Result<Value> {
    let public = load(path)?.public();
    eprintln!("{}: the key of {public}", path.display());
    Ok(json!({"path": path, "public_key": public.to_string()}))
}

fn sign(avatar: &Path, output: &Path, key: &Path, replace: bool) -> Result<Value> {
    let key = load(key)?;
    let file = read_bounded(avatar, MAX_FILE_BYTES)?;
    let named = AnyAvatar::read(&file)
        .with_context(|| format!("{}: not a usable avatar", avatar.display()))?
        .manifest()
        .owner
        .public_key
        .clone();
    ensure!(
        replace || named.is_empty() || named.eq_ignore_ascii_case(&key.public().to_string()),
        "{}: `owner.public_key` names another owner, {named}: --replace signs it as yours",
        avatar.display()
    );
    let signed = Avatar::sign_file(&file, &key.public().0, |root| key.sign_root(root))
        .with_context(|| format!("{}: can't be signed", avatar.display()))?;
    let root = Avatar::root_hash(&signed)?;
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("{}: can't be written", output.display()))?;
    temporary.write_all(&signed).with_context(|| format!("{}: can't be written", output.display()))?;
    // A temporary file is its maker's alone; an avatar is for others too.
    let permissions = std::fs::metadata(avatar).map(|metadata| metadata.permissions());
    permissions
        .and_then(|permissions| temporary.as_file().set_permissions(permissions))
        .with_context(|| format!("{}: can't be written", output.display()))?;
    temporary.persist(output).with_context(|| format!("{}: can't be written", output.display()))?;
    eprintln!("{}: signed by {}", output.display(), key.public());
    eprintln!("  root hash {}", hex(&root));
    Ok(json!({
        "path": output, "public_key": key.public().to_string(), "root_hash_blake3": hex(&root), "bytes": signed.len(),
    }))
}

fn verify(path: &Path) -> Result<Value> {
    let file = read_bounded(path, MAX_FILE_BYTES)?;
    AnyAvatar::read(&file).with_context(|| format!("{}: not a usable avatar", path.display()))?;
    let owner = match Avatar::verify_signature(&file) {
        Ok(FileSignature::Valid(key)) => PublicKey(key),
        Ok(FileSignature::None) => {
            bail!("{}: names no owner and is not signed: `visavis key sign` makes it yours", path.display())
        }
        Err(error @ SignatureError::Wrong) => return Err(error).with_context(|| path.display().to_string()),
        Err(error) => return Err(error).with_context(|| format!("{}: its signature", path.display())),
    };
    if let Some(folder) = revoked_folder() {
        let mut revocations = visavis_net::identity::Revocations::default();
        revocations.load(&folder).with_context(|| format!("{}: revocations", folder.display()))?;
        ensure!(
            revocations.get(&owner).is_none(),
            "{}: signed by {owner}, which was revoked: its owner has to sign it with a new key",
            path.display()
        );
    }
    let root = Avatar::root_hash(&file)?;
    eprintln!("{}: signed by its owner, {owner}", path.display());
    Ok(json!({"path": path, "public_key": owner.to_string(), "root_hash_blake3": hex(&root), "valid": true}))
}

fn revoke(path: &Path, output: Option<&Path>, successor: Option<PublicKey>, yes: bool) -> Result<Value> {
    let key = load(path)?;
    let public = key.public();
    ensure!(yes, "{public} would never be believed again, and there is no way back: add --yes");
    ensure!(successor != Some(public), "--successor: is the key that is taken back");
    let output = match output {
        Some(output) => output.to_owned(),
        None => revoked_folder()
            .map(|folder| folder.join(format!("{public}.revocation")))
            .context("there is no configuration folder here (HOME isn't set): use -o")?,
    };
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
    }
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock stands before 1970")?;
    let signed = Revocation::sign(&key, UnixSeconds(now.as_secs()), successor);
    std::fs::write(&output, Revocation::to_text(&signed))
        .with_context(|| format!("{}: can't be written", output.display()))?;
    eprintln!("{}: {public} is revoked", output.display());
    eprintln!(
        "  give this file to everybody who meets you in calls: into the folder `revoked` beside their key"
    );
    Ok(
        json!({"path": output, "public_key": public.to_string(), "successor": successor.map(|key| key.to_string())}),
    )
}
