//! Where a configured path leads, and which Parquet files lie there at this moment.
//!
//! A path is a file, a folder (all `*.parquet` below it), a glob, or the same as the URL of an object store
//! (`s3://`, `gs://`, `az://`, `http(s)://`; over HTTP only single files, for it cannot list). Credentials of object stores come from the environment.
//! Names that begin with `.` or `_` inside a folder are skipped: unfinished writes and marker files are named so.

mod put;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use crate::error::{Error, Result, message};

/// Folders below folders, at most; symbolic links that form a circle end here.
const DEPTH_MAX: usize = 32;

/// The characters that make a path a glob.
const GLOB_CHARACTERS: [char; 3] = ['*', '?', '['];

/// A configured path, understood.
#[derive(Clone)]
pub struct Location {
    /// As the configuration writes it; messages show this.
    written: String,
    store_url: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// An absolute path of this machine, perhaps a glob.
    Local(PathBuf),
    /// A key or prefix inside the store, perhaps a glob.
    Remote { key: String, lists: bool },
}

impl Location {
    /// Understands `written`; a relative path counts from `base`. The object store of a URL is made and registered
    /// with `runtime` unless it is there already.
    ///
    /// # Errors
    /// F0000 when a URL cannot be read or its store cannot be set up.
    pub fn parse(written: &str, base: &Path, runtime: &RuntimeEnv) -> Result<Self> {
        match Url::parse(written) {
            Ok(url) if written.contains("://") && url.scheme() != "file" => Self::remote(written, &url, runtime),
            Ok(url) if written.starts_with("file://") => {
                let path =
                    url.to_file_path().map_err(|()| message::unusable_url(written, "It is not a local path."))?;
                Self::local(written, &path, runtime)
            }
            _ => Self::local(written, &base.join(written), runtime),
        }
    }

    /// The path of the same place with `name` below it.
    pub fn join(&self, name: &str) -> Self {
        let mut child = self.clone();
        child.written = format!("{}/{name}", self.written.trim_end_matches('/'));
        match &mut child.place {
            Place::Local(path) => path.push(name),
            Place::Remote { key, .. } => {
                *key = if key.is_empty() { name.to_owned() } else { format!("{}/{name}", key.trim_end_matches('/')) }
            }
        }
        child
    }

    pub fn written(&self) -> &str {
        &self.written
    }

    pub fn store_url(&self) -> &ObjectStoreUrl {
        &self.store_url
    }

    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The file or folder of this machine that it is; `None` for a glob, and for an object store.
    pub fn watched(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(path) if !path.to_string_lossy().contains(GLOB_CHARACTERS) => Some(path),
            _ => None,
        }
    }

    /// A file of this place as people name it: an absolute path, or a URL.
    pub fn file_name(&self, file: &StorePath) -> String {
        match &self.place {
            Place::Local(_) => format!("/{file}"),
            Place::Remote { .. } => format!("{}{file}", self.store_url.as_str()),
        }
    }

    /// Whether anything is there.
    pub async fn exists(&self) -> Result<bool> {
        match self.list().await {
            Ok(files) => Ok(!files.is_empty()),
            Err(error) if error.state() == crate::error::SqlState::UndefinedFile => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The files that lie here now, by name. Empty when the folder is there but holds none.
    ///
    /// # Errors
    /// 58P01 when the path does not exist, 58030 when it cannot be read.
    pub async fn list(&self) -> Result<Vec<ObjectMeta>> {
        let mut files = match &self.place {
            Place::Local(path) => {
                let (path, written) = (path.clone(), self.written.clone());
                tokio::task::spawn_blocking(move || list_local(&path, &written))
                    .await
                    .map_err(|error| message::unreadable_path(&self.written, error.to_string()))??
            }
            Place::Remote { key, lists } => self.list_remote(key, *lists).await?,
        };
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    fn local(written: &str, path: &Path, runtime: &RuntimeEnv) -> Result<Self> {
        let store_url = ObjectStoreUrl::local_filesystem();
        let store = match runtime.object_store(&store_url) {
            Ok(store) => store,
            Err(_) => {
                let store: Arc<dyn ObjectStore> = Arc::new(object_store::local::LocalFileSystem::new());
                runtime.register_object_store(store_url.as_ref(), Arc::clone(&store));
                store
            }
        };
        let path = std::path::absolute(path).map_err(|error| message::unreadable_path(written, error.to_string()))?;
        Ok(Self { written: written.to_owned(), store_url, store, place: Place::Local(path) })
    }

    fn remote(written: &str, url: &Url, runtime: &RuntimeEnv) -> Result<Self> {
        let unusable = |detail: String| message::unusable_url(written, &detail);
        let store_url =
            ObjectStoreUrl::parse(&url[..url::Position::BeforePath]).map_err(|e| unusable(e.to_string()))?;
        let store = match runtime.object_store(&store_url) {
            Ok(store) => store,
            Err(_) => {
                let (store, _) =
                    object_store::parse_url_opts(url, environment()).map_err(|error| unusable(error.to_string()))?;
                let store: Arc<dyn ObjectStore> = Arc::from(store);
                runtime.register_object_store(store_url.as_ref(), Arc::clone(&store));
                store
            }
        };
        // Globs may hold `?`, which a URL takes for the start of a query.
        let mut key = url.path().trim_start_matches('/').to_owned();
        if let Some(query) = url.query() {
            key = format!("{key}?{query}");
        }
        let lists = !matches!(url.scheme(), "http" | "https");
        Ok(Self { written: written.to_owned(), store_url, store, place: Place::Remote { key, lists } })
    }

    async fn list_remote(&self, key: &str, lists: bool) -> Result<Vec<ObjectMeta>> {
        let failed = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => message::missing_path(&self.written, None),
            other => message::unreadable_path(&self.written, other.to_string()),
        };
        let at = |key: &str| {
            StorePath::from_url_path(key).map_err(|error| message::unusable_url(&self.written, &error.to_string()))
        };
        let is_glob = key.contains(GLOB_CHARACTERS);
        if !is_glob && (!lists || key.ends_with(".parquet")) {
            match self.store.head(&at(key)?).await {
                Ok(file) => return Ok(vec![file]),
                // Some writers make a folder that is named like a file.
                Err(object_store::Error::NotFound { .. }) if lists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if !lists {
            return Err(message::unusable_url(
                &self.written,
                "Over HTTP only single files can be read, not folders or globs.",
            ));
        }
        let prefix = fixed_part(key);
        let pattern = is_glob.then(|| glob::Pattern::new(key)).transpose();
        let pattern = pattern.map_err(|error| message::unusable_url(&self.written, &error.to_string()))?;
        let prefix = at(prefix)?;
        let found: Vec<ObjectMeta> = self.store.list(Some(&prefix)).try_collect().await.map_err(failed)?;
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let files: Vec<ObjectMeta> = found
            .into_iter()
            .filter(|file| match &pattern {
                Some(pattern) => pattern.matches_with(file.location.as_ref(), options),
                None => is_data_file(file.location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or_default()),
            })
            .collect();
        if files.is_empty() { Err(message::missing_path(&self.written, None)) } else { Ok(files) }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location").field("written", &self.written).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Settings of object stores from the environment, such as AWS_ACCESS_KEY_ID. Only what is meant for them.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| key.starts_with(prefix)))
        .collect()
}

/// The folders of a key before its first glob character.
fn fixed_part(key: &str) -> &str {
    match key.find(GLOB_CHARACTERS) {
        None => key,
        Some(at) => key[..at].rfind('/').map_or("", |slash| &key[..slash]),
    }
}

/// Whether a path below a mapped folder names data.
fn is_data_file(below: &str) -> bool {
    let is_parquet = Path::new(below).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    is_parquet && !below.split('/').any(is_hidden)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn list_local(path: &Path, written: &str) -> Result<Vec<ObjectMeta>> {
    let text = path.to_string_lossy();
    let mut files = Vec::new();
    if !path.exists() && text.contains(GLOB_CHARACTERS) {
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let matches =
            glob::glob_with(&text, options).map_err(|error| message::unusable_url(written, &error.to_string()))?;
        for found in matches {
            let found = found.map_err(|error| message::unreadable_path(written, error.to_string()))?;
            add_local(&found, written, 0, &mut files)?;
        }
        if files.is_empty() {
            return Err(message::missing_path(written, Some(&text)));
        }
        return Ok(files);
    }
    // Without dots and links, for object stores take neither.
    let path = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => message::missing_path(written, Some(&text)),
        _ => message::unreadable_path(written, error.to_string()),
    })?;
    add_local(&path, written, 0, &mut files)?;
    Ok(files)
}

/// Adds a file, or the data files below a folder.
fn add_local(path: &Path, written: &str, depth: usize, files: &mut Vec<ObjectMeta>) -> Result<()> {
    let unreadable = |error: std::io::Error| message::unreadable_path(written, error.to_string());
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        // Gone since the folder was read, or a link that leads nowhere.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && depth > 0 => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    if metadata.is_file() {
        let path = if depth == 0 { path.canonicalize().map_err(unreadable)? } else { path.to_owned() };
        files.push(object_meta(&path, &metadata, written)?);
        return Ok(());
    }
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let child = entry.path();
        if is_data_file(name) || (!is_hidden(name) && child.is_dir()) {
            add_local(&child, written, depth + 1, files)?;
        }
    }
    Ok(())
}

fn object_meta(path: &Path, metadata: &std::fs::Metadata, written: &str) -> Result<ObjectMeta> {
    let unreadable = |detail: String| -> Error { message::unreadable_path(written, detail) };
    let location = StorePath::from_absolute_path(path).map_err(|error| unreadable(error.to_string()))?;
    let modified = metadata.modified().map_err(|error| unreadable(error.to_string()))?;
    Ok(ObjectMeta {
        location,
        last_modified: DateTime::<Utc>::from(modified),
        size: metadata.len(),
        e_tag: Some(identity(metadata)),
        version: None,
    })
}

/// Tells a file that took another's place even if size and time are the same.
#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{:x}-{:x}", metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_metadata: &std::fs::Metadata) -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[ObjectMeta]) -> Vec<String> {
        files.iter().map(|file| file.location.filename().unwrap_or_default().to_owned()).collect()
    }

    #[tokio::test]
    async fn folder_glob_and_file_list_what_is_there_now() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("2025/_temporary")).unwrap();
        for name in ["b.parquet", "a.PARQUET", "notes.txt", ".c.parquet", "2025/d.parquet", "2025/_temporary/e.parquet"]
        {
            std::fs::write(at(name), "x").unwrap();
        }
        let runtime = RuntimeEnv::default();
        let list = async |written: &str| Location::parse(written, folder.path(), &runtime).unwrap().list().await;
        assert_eq!(names(&list(".").await.unwrap()), ["d.parquet", "a.PARQUET", "b.parquet"]);
        assert_eq!(names(&list("*.parquet").await.unwrap()), [".c.parquet", "b.parquet"]);
        assert_eq!(names(&list("2025/../b.parquet").await.unwrap()), ["b.parquet"]);
        std::fs::write(at("z.parquet"), "x").unwrap();
        assert_eq!(list(".").await.unwrap().len(), 4);
        let missing = list("gone.parquet").await.unwrap_err();
        assert_eq!(missing.state().code(), "58P01");
        assert!(missing.message().contains("gone.parquet"), "{missing}");
    }

    #[tokio::test]
    async fn object_stores_list_folders_and_globs() {
        let store: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        for key in
            ["shop/lines/2024/a.parquet", "shop/lines/2025/b.parquet", "shop/lines/_SUCCESS", "shop/other.parquet"]
        {
            store.put(&StorePath::from(key), "x".into()).await.unwrap();
        }
        let runtime = RuntimeEnv::default();
        runtime.register_object_store(&Url::parse("s3://bucket").unwrap(), store);
        let list = async |written: &str| Location::parse(written, Path::new(""), &runtime).unwrap().list().await;
        assert_eq!(names(&list("s3://bucket/shop/lines").await.unwrap()), ["a.parquet", "b.parquet"]);
        assert_eq!(names(&list("s3://bucket/shop/lines/*/b*.parquet").await.unwrap()), ["b.parquet"]);
        assert_eq!(names(&list("s3://bucket/shop/lines/202?/*").await.unwrap()), ["a.parquet", "b.parquet"]);
        assert_eq!(names(&list("s3://bucket/shop/other.parquet").await.unwrap()), ["other.parquet"]);
        assert_eq!(list("s3://bucket/none").await.unwrap_err().state().code(), "58P01");
    }
}
