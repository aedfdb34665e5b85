//! A Unix socket: who connects is known by the kernel's word. Its file is there only while somebody serves on it, and
//! nothing but a socket that nobody serves is ever put aside for it.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use grid_core::envelope::LocalPeer;
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use crate::accept::{Accept, Origin};

/// Connections that wait to be taken.
const BACKLOG: u32 = 1_024;

/// A socket that is listened on. Its file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Socket {
    /// Listens at `path`; its file has `mode` from its first moment.
    ///
    /// # Errors
    /// Something that is no socket stands there, somebody serves there, or the file cannot be made.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        clear(path)?;
        // Made under another name, because a file is made with more rights than wanted; nobody can connect yet.
        let draft = path.with_file_name(format!(".grid-{}", std::process::id()));
        let _ = fs::remove_file(&draft);
        let socket = UnixSocket::new_stream()?;
        socket.bind(&draft)?;
        let placed = fs::set_permissions(&draft, fs::Permissions::from_mode(mode))
            // Unlike a rename it fails where something has come to be there.
            .and_then(|()| fs::hard_link(&draft, path))
            .and_then(|()| fs::symlink_metadata(path));
        let _ = fs::remove_file(&draft);
        let inode = placed?.ino();
        Ok(Self { listener: socket.listen(BACKLOG)?, path: path.to_owned(), inode })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another host may have put its own there meanwhile.
        if fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Puts aside a socket that nobody serves.
fn clear(path: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !meta.file_type().is_socket() {
        let why = "something that is no socket stands there, and is left alone";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves there")),
        Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(fault) => Err(fault),
    }
}

impl Accept for Socket {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Origin)> {
        let (stream, _) = self.listener.accept().await?;
        let gone = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        let peer = stream.peer_cred().map_err(gone)?;
        Ok((stream, Origin::Local(LocalPeer { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() })))
    }
}

#[cfg(test)]
mod tests;
