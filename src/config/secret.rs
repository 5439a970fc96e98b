//! Secrets: named in the configuration, never written there, never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Result, message};

/// Where a secret is: `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretConfig {
    /// A variable of the environment.
    Env(String),
    /// A file that only its owner may read; spaces and line ends around the secret are no part of it.
    File(PathBuf),
}

/// A secret itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// For who needs it: to sign, or to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

impl SecretConfig {
    /// Reads the secret; a relative path counts from `base`.
    ///
    /// Errors: F0000 for a variable that is not set, a file that cannot be read or that others may read, and for nothing.
    pub fn read(&self, base: &Path) -> Result<Secret> {
        let (found, place) = match self {
            Self::Env(name) => {
                let place = format!("environment variable \"{name}\"");
                let found = std::env::var(name).map_err(|error| message::secret_missing(&place, &error))?;
                (found, place)
            }
            Self::File(path) => {
                let path = base.join(path);
                let place = format!("file \"{}\"", path.display());
                refuse_shared(&path, &place)?;
                let found = std::fs::read_to_string(&path).map_err(|error| message::secret_missing(&place, &error))?;
                (found, place)
            }
        };
        match found.trim() {
            "" => Err(message::secret_missing(&place, &"It is empty.")),
            secret => Ok(Secret(secret.to_owned())),
        }
    }
}

#[cfg(unix)]
fn refuse_shared(path: &Path, place: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(|error| message::secret_missing(place, &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(message::secret_shared(path));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_path: &Path, _place: &str) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, " open sesame\n").unwrap();
        let config = SecretConfig::File(PathBuf::from("secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
            let refused = config.read(folder.path()).unwrap_err();
            assert_eq!(refused.state(), crate::error::SqlState::ConfigFileError);
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let secret = config.read(folder.path()).unwrap();
        assert_eq!(secret.reveal(), "open sesame");
        assert_eq!(format!("{secret:?}"), "********");
        std::fs::write(&path, "\n").unwrap();
        assert!(config.read(folder.path()).is_err());
        assert!(SecretConfig::Env("REGULARS_NO_SUCH_SECRET".into()).read(folder.path()).is_err());
    }
}
