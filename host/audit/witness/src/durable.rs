//! Files that are whole and on the disk before anybody is told of them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{}`: {source}", path.display())]
pub struct Fault {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
    /// What is on the disk now is not known: the operating system may have dropped pages, or half of a change.
    pub(crate) is_unclear: bool,
}

fn fault<'a>(what: &'static str, path: &'a Path, is_unclear: bool) -> impl Fn(io::Error) -> Fault + 'a {
    move |source| Fault { what, path: path.to_owned(), source, is_unclear }
}

/// Puts `bytes` in place of what `path` held; one writer at a time. After an error that is not unclear the old
/// content is still there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&draft)
        .map_err(fault("make", &draft, false))?;
    file.write_all(bytes).map_err(fault("write", &draft, false))?;
    // A sync that failed once may succeed the next time without having written anything.
    file.sync_all().map_err(fault("sync", &draft, true))?;
    fs::rename(&draft, path).map_err(fault("rename into", path, true))?;
    sync_folder_of(path)
}

/// Makes a file that was not there, for its owner alone.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let mut file = made.map_err(fault("make", path, false))?;
    file.write_all(bytes).map_err(fault("write", path, true))?;
    file.sync_all().map_err(fault("sync", path, true))?;
    sync_folder_of(path)
}

/// Makes a folder for its owner alone, and those above it that are missing.
pub(crate) fn create_folder(path: &Path) -> Result<(), Fault> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        create_folder(above)?;
    }
    fs::DirBuilder::new().mode(0o700).create(path).map_err(fault("make the folder", path, false))?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> Result<(), Fault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault("sync the folder", folder, true))
}
