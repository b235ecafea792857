//! Unix sockets: files that weir makes, guards and removes again.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Whoever may write to the socket may send: weir's user and group.
const MODE: u32 = 0o660;

/// The file of a socket. It goes with this, unless another one has taken its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device, inode, and when it was made: an inode is soon used again.
type Identity = (u64, u64, i64, i64);

/// Listens on a path. What a weir that ended badly has left there is removed first.
///
/// # Errors
/// If somebody listens there, if another file is in the way, or if it cannot be made.
pub(super) async fn bind(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    clear(path).await?;
    let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "its directory does not exist".to_owned(),
        _ => error.to_string().to_lowercase(),
    })?;
    let file = SocketFile::of(path).map_err(|error| error.to_string().to_lowercase())?;
    // Until this is done the socket is weir's alone, as the process's umask has it.
    fs::set_permissions(path, Permissions::from_mode(MODE))
        .map_err(|error| format!("its mode cannot be set: {}", error.to_string().to_lowercase()))?;
    Ok((listener, file))
}

/// Removes a socket on which nobody listens.
async fn clear(path: &Path) -> Result<(), String> {
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
    if !there.file_type().is_socket() {
        return Err("there is a file that is no socket; weir does not remove it".to_owned());
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err("another process listens on it (is another collector running?)".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|error| format!("the socket that was left there cannot be removed: {error}")),
        Err(error) => Err(format!("there is a socket that cannot be looked at: {error}")),
    }
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(SocketFile { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // If it cannot be removed, the next start does it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let there = fs::symlink_metadata(path)?;
    Ok((there.dev(), there.ino(), there.mtime(), there.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_there_for_user_and_group_and_goes_with_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("otlp.sock");
        let (listener, file) = bind(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
        let taken = bind(&path).await.unwrap_err();
        assert_eq!(taken, "another process listens on it (is another collector running?)");
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_that_was_left_is_replaced_and_the_next_one_is_not_taken_away() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("otlp.sock");
        let (listener, former) = bind(&path).await.unwrap();
        drop(listener);
        let (_listener, _file) = bind(&path).await.unwrap();
        drop(former);
        assert!(path.exists(), "it is the next one's");
    }

    #[tokio::test]
    async fn another_file_is_left_alone_and_a_missing_directory_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes");
        fs::write(&path, "precious").unwrap();
        assert!(bind(&path).await.unwrap_err().contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let error = bind(&home.path().join("none/otlp.sock")).await.unwrap_err();
        assert_eq!(error, "its directory does not exist");
    }
}
