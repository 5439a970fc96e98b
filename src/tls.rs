//! TLS: the server's certificate and key, read from files, read again when they change.
//!
//! rustls with ring: TLS 1.2 and 1.3. A connection keeps what it was set up with; the next one gets what is there then.
//! Files that cannot be used never replace ones that could: the old stay, and the log says why.
//!
//! Not here: when a connection is encrypted (`wire/encryption.rs`).

mod end_point;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsConfig;
use crate::error::{Result, message};

/// What clients name in the handshake when they speak our protocol in it.
pub const ALPN: &[u8] = b"postgresql";
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How connections of a server are protected.
#[derive(Debug, Clone, Default)]
pub struct Encryption {
    /// `None` where there is no certificate: everything is in the clear.
    pub tls: Option<Arc<Tls>>,
    /// Connections from this machine must be encrypted too; those from elsewhere must be in any case.
    pub is_required_on_loopback: bool,
}

impl Encryption {
    /// As configured. Errors: F0000 for files that cannot be used.
    pub fn of(config: Option<&TlsConfig>, base: &Path) -> Result<Self> {
        let Some(config) = config else { return Ok(Self::default()) };
        let tls = Tls::open(base.join(&config.certificate), base.join(&config.key))?;
        Ok(Self { tls: Some(Arc::new(tls)), is_required_on_loopback: config.required_on_loopback })
    }
}

/// A certificate in use, and where it came from.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<Loaded>>,
    /// Of the files as they were last read.
    stamp: Mutex<[Option<(SystemTime, u64)>; 2]>,
}

/// What a connection is set up with.
pub struct Loaded {
    pub config: Arc<ServerConfig>,
    /// The hash of the certificate to which a proof of a password is bound; `None` for a certificate whose signature has
    /// no hash of its own, to which nothing can be bound.
    pub end_point: Option<Vec<u8>>,
}

impl Tls {
    /// Errors: F0000 for files that are missing, damaged, readable by others, or do not belong together.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self> {
        let stamp = Mutex::new(stamp(&certificate, &key));
        let current = RwLock::new(Arc::new(load(&certificate, &key)?));
        Ok(Self { certificate, key, current, stamp })
    }

    /// What the next connection is set up with.
    pub fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read())
    }

    /// Reads the files again. Errors as of [`Self::open`]; then the old ones stay in use.
    pub fn reload(&self) -> Result<()> {
        *self.stamp.lock() = stamp(&self.certificate, &self.key);
        let loaded = load(&self.certificate, &self.key)?;
        *self.current.write() = Arc::new(loaded);
        Ok(())
    }

    /// Reads the files again when they have changed, or when the process is told to by SIGHUP. For ever.
    pub async fn watch(&self) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hang_up = match signal(SignalKind::hangup()) {
            Ok(hang_up) => Some(hang_up),
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be heard; certificates are read again when their files change");
                None
            }
        };
        loop {
            let told = async {
                match &mut hang_up {
                    Some(hang_up) => hang_up.recv().await,
                    None => std::future::pending().await,
                }
            };
            let is_told = tokio::select! {
                _ = told => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            if !is_told && stamp(&self.certificate, &self.key) == *self.stamp.lock() {
                continue;
            }
            match self.reload() {
                Ok(()) => tracing::info!(certificate = %self.certificate.display(), "certificate read again"),
                Err(error) => tracing::error!("the old certificate stays in use: {error}"),
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// When each file was changed and how long it is; `None` for one that is not there.
fn stamp(certificate: &Path, key: &Path) -> [Option<(SystemTime, u64)>; 2] {
    [certificate, key].map(|path| {
        let metadata = path.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn load(certificate: &Path, key: &Path) -> Result<Loaded> {
    let unusable = |path: &Path, why: &dyn fmt::Display| message::tls_file_unusable(path, why);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(certificate, &error))?;
    let first = chain.first().ok_or_else(|| unusable(certificate, &"there is no certificate in it"))?;
    let end_point = end_point::hash(first);
    refuse_readable_by_others(key)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let config = server_config(chain, private).map_err(|error| unusable(certificate, &error))?;
    Ok(Loaded { config: Arc::new(config), end_point })
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // As in PostgreSQL no session is resumed: connections are few and long, and each is to see today's certificate.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Like PostgreSQL: nobody else may read the key, but a group may when it is root's.
fn refuse_readable_by_others(key: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let metadata = key.metadata().map_err(|error| message::tls_file_unusable(key, &error))?;
    let forbidden = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if metadata.permissions().mode() & forbidden != 0 {
        return Err(message::tls_key_exposed(key));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
