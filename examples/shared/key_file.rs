//! The keys of a server whose grants outlive it, in one file that nobody else may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use regrant::jwt::{SigningAlgorithm, SigningKey, SigningKeyError};
use regrant::{Key, RootSecret};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// More than a key file has.
const MAX_BYTES: u64 = 64 * 1_024;
/// What names a root secret that is in the file, and one that is computed since there is none.
const ROOT_ID: u8 = 1;
const DERIVED_ROOT_ID: u8 = 0;

/// The keys that a server needs.
pub(crate) struct Keys {
    /// Of the tokens that the engine makes itself.
    pub(crate) token: Key,
    /// Of JWTs.
    pub(crate) signing: SigningKey,
    /// Of what a page carries, and of the ids of clients that register themselves.
    pub(crate) root: RootSecret,
}

/// The file's content.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeyFile {
    key_id: u8,
    /// 32 bytes as base64url without padding.
    key: String,
    /// PKCS #8 as PEM.
    signing_key: String,
    /// 32 bytes as base64url without padding. A file from before there was one goes on without.
    #[serde(default)]
    root_secret: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("cannot read the key file {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot make the key file {path}: {error}")]
    Make { path: PathBuf, error: io::Error },
    #[error("others can read the key file {0}; `chmod 600` it, and if somebody else may have read it, make new keys")]
    Exposed(PathBuf),
    #[error(
        "the key file {0} is not one: it is JSON with key_id, key (32 bytes, base64url), signing_key (PKCS #8, \
         PEM) and, where it is newer, root_secret (32 bytes, base64url)"
    )]
    Malformed(PathBuf),
    #[error("no key can be made: {0}")]
    Signing(#[from] SigningKeyError),
}

impl Keys {
    /// Keys that are void with the process.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Result<Self, KeyFileError> {
        Ok(Self {
            token: Key::generate(1),
            signing: SigningKey::generate(algorithm)?.0,
            root: RootSecret::generate(ROOT_ID),
        })
    }

    /// Those of the file, which is made if there is none.
    pub(crate) fn read_or_make(path: &Path, algorithm: SigningAlgorithm) -> Result<Self, KeyFileError> {
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path, algorithm)?;
                let file = File::open(path).map_err(|error| KeyFileError::Read { path: path.into(), error })?;
                Self::read(path, file)
            }
            Err(error) => Err(KeyFileError::Read { path: path.into(), error }),
        }
    }

    fn read(path: &Path, file: File) -> Result<Self, KeyFileError> {
        if is_exposed(&file).map_err(|error| KeyFileError::Read { path: path.into(), error })? {
            return Err(KeyFileError::Exposed(path.into()));
        }
        let mut json = Zeroizing::new(String::new());
        file.take(MAX_BYTES)
            .read_to_string(&mut json)
            .map_err(|error| KeyFileError::Read { path: path.into(), error })?;
        // Why it cannot be read is not said: it might show a part of a key.
        let malformed = || KeyFileError::Malformed(path.into());
        let file: KeyFile = serde_json::from_str(&json).map_err(|_| malformed())?;
        let key = bytes(&file.key).ok_or_else(malformed)?;
        let signing = SigningKey::from_pkcs8_pem(&file.signing_key).map_err(|_| malformed())?;
        let root = match &file.root_secret {
            Some(text) => RootSecret::from_bytes(ROOT_ID, &*bytes(text).ok_or_else(malformed)?),
            None => derived_root(&key),
        };
        Ok(Self { token: Key::from_bytes(file.key_id, &key), signing, root })
    }
}

/// 32 bytes from base64url without padding.
fn bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    decoded.as_slice().try_into().ok().map(Zeroizing::new)
}

/// The root secret of a file from before there was one. Computed, and not added to the file: that may be one which nobody can
/// write to, or which two servers read at once. It has another id, so that the two are told apart.
fn derived_root(key: &[u8; 32]) -> RootSecret {
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(b"regrant example server: root secret");
    RootSecret::from_bytes(DERIVED_ROOT_ID, &Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// Writes new keys beside the path, then gives the file its name: so there is a whole one or none, and of two servers that
/// start at once both go on with the same.
fn make(path: &Path, algorithm: SigningAlgorithm) -> Result<(), KeyFileError> {
    let (_, pem) = SigningKey::generate(algorithm)?;
    let random = || URL_SAFE_NO_PAD.encode(*Zeroizing::new(rand::random::<[u8; 32]>()));
    let signing_key = pem.reveal().to_owned();
    let file = KeyFile { key_id: 1, key: random(), signing_key, root_secret: Some(random()) };
    let json = Zeroizing::new(serde_json::to_string_pretty(&file).unwrap_or_default());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{:016x}", rand::random::<u64>()));
    let beside = PathBuf::from(beside);
    let made = write_private(&beside, json.as_bytes()).and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    });
    let _ = std::fs::remove_file(&beside);
    made.map_err(|error| KeyFileError::Make { path: path.into(), error })
}

/// A new file that its owner alone may read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// The name is on disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &File) -> io::Result<bool> {
    Ok(false)
}
