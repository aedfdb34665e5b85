use tokio::net::UnixStream;

use super::*;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("grid-socket-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_socket_knows_its_peer_and_leaves_no_file_behind() {
    let folder = folder("peer");
    let path = folder.join("grid.sock");
    let socket = Socket::bind(&path, 0o600).unwrap();
    assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (client, accepted) = tokio::join!(UnixStream::connect(&path), Accept::accept(&socket));
    let (_client, (_, origin)) = (client.unwrap(), accepted.unwrap());
    let me = fs::metadata(&folder).unwrap().uid();
    assert!(matches!(origin, Origin::Local(peer) if peer.uid == me && peer.pid == Some(std::process::id() as i32)));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the draft is gone");
    drop(socket);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn only_a_socket_that_nobody_serves_is_put_aside() {
    let folder = folder("stale");
    let path = folder.join("grid.sock");
    let first = Socket::bind(&path, 0o600).unwrap();
    assert_eq!(Socket::bind(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(first);
    // What a killed process leaves.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(Socket::bind(&path, 0o660).unwrap());

    fs::write(&path, "somebody's").unwrap();
    assert_eq!(Socket::bind(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    fs::remove_file(&path).unwrap();
    fs::write(folder.join("other"), "").unwrap();
    std::os::unix::fs::symlink(folder.join("other"), &path).unwrap();
    assert_eq!(Socket::bind(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(path.symlink_metadata().unwrap().is_symlink());
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_socket_of_another_is_not_taken_away() {
    let folder = folder("other");
    let path = folder.join("grid.sock");
    let first = Socket::bind(&path, 0o600).unwrap();
    fs::remove_file(&path).unwrap();
    let second = Socket::bind(&path, 0o600).unwrap();
    drop(first);
    assert!(UnixStream::connect(&path).await.is_ok());
    drop(second);
    fs::remove_dir_all(&folder).unwrap();
}
