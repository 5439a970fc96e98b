//! Writing a file to a configured place: whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use object_store::buffered::BufWriter;
use object_store::path::Path as StorePath;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

use super::{Location, Place};
use crate::error::{Result, message};
use crate::storage::layout::{private_file, sync_folder};

impl Location {
    /// Copies a file of this machine here, in the place of one that is there; gives its path or URL. Only its owner may
    /// read a local one. After an error nothing is changed.
    ///
    /// Errors: 53100 and 58030.
    pub async fn put(&self, from: &Path) -> Result<String> {
        match &self.place {
            Place::Local(path) => {
                let (path, from) = (path.clone(), from.to_owned());
                let shown = path.display().to_string();
                tokio::task::spawn_blocking(move || put_local(&path, &from))
                    .await
                    .map_err(|error| message::put_failed(&shown, &error))??;
                Ok(shown)
            }
            Place::Remote { key, .. } => {
                let failed = |error: &dyn std::fmt::Display| message::put_failed(&self.written, error);
                let key = StorePath::from_url_path(key).map_err(|error| failed(&error))?;
                let mut file = tokio::fs::File::open(from).await.map_err(|error| failed(&error))?;
                let mut writer = BufWriter::new(Arc::clone(&self.store), key.clone());
                let copied = match tokio::io::copy(&mut file, &mut writer).await {
                    Ok(_bytes) => writer.shutdown().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = copied {
                    // What was uploaded of it costs room until the store sweeps it away; it is never seen.
                    if let Err(error) = writer.abort().await {
                        tracing::warn!("an upload that failed cannot be taken back: {error}");
                    }
                    return Err(failed(&error));
                }
                Ok(self.file_name(&key))
            }
        }
    }
}

/// Names that begin with a point are unfinished: who picks files up leaves them alone.
fn put_local(path: &Path, from: &Path) -> Result<()> {
    let fault = |path: &Path, error| message::file_fault(path, "be written", error);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(message::put_failed(&path.display().to_string(), &"it is no file"));
    };
    fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    let unfinished: PathBuf = folder.join(format!(".{}.part", name.to_string_lossy()));
    let written = (|| {
        let mut out = private_file(&unfinished)?;
        let mut source = File::open(from).map_err(|error| fault(from, error))?;
        out.set_len(0).map_err(|error| fault(&unfinished, error))?;
        std::io::copy(&mut source, &mut out).map_err(|error| fault(&unfinished, error))?;
        out.sync_all().map_err(|error| fault(&unfinished, error))?;
        fs::rename(&unfinished, path).map_err(|error| fault(path, error))
    })();
    if written.is_err() {
        // It is nothing to anybody; the next attempt writes over it.
        let _unfinished_stays = fs::remove_file(&unfinished);
    }
    written?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::runtime_env::RuntimeEnv;

    use super::*;

    #[tokio::test]
    async fn a_file_is_put_whole_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        let place = Location::parse("out/below", folder.path(), &RuntimeEnv::default()).unwrap().join("a.csv");
        for text in ["a longer text", "short"] {
            fs::write(&from, text).unwrap();
            let shown = place.put(&from).await.unwrap();
            assert_eq!(fs::read_to_string(&shown).unwrap(), text);
        }
        let names: Vec<_> = fs::read_dir(folder.path().join("out/below")).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing unfinished is left");
        fs::write(folder.path().join("file"), "").unwrap();
        let below_file = Location::parse("file", folder.path(), &RuntimeEnv::default()).unwrap().join("a.csv");
        assert!(below_file.put(&from).await.is_err());
    }
}
