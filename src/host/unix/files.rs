//! Modes and symbolic links.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

pub(in crate::host) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(in crate::host) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

pub(in crate::host) fn close_to_others(path: &Path) -> io::Result<()> {
    let mode = if std::fs::metadata(path)?.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

pub(in crate::host) fn open_to_all(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.mode() & 0o004 != 0)
}

pub(in crate::host) fn canonical(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

pub(in crate::host) fn mark(about: &Metadata) -> (u64, u64, i64, i64) {
    (about.size(), about.ino(), about.mtime(), about.mtime_nsec())
}

pub(in crate::host) fn create_program(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path)?;
    // Whatever the user's mask takes away, or the file had before.
    file.set_permissions(Permissions::from_mode(0o755))?;
    Ok(file)
}

pub(in crate::host) fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.mode() & 0o111 != 0)
}

pub(in crate::host) fn link_program(program: &Path, link: &Path) -> io::Result<()> {
    match std::fs::read_link(link) {
        Ok(target) if target == program => return Ok(()),
        Ok(_) => std::fs::remove_file(link)?,
        Err(_) => {}
    }
    symlink(program, link)
}

pub(in crate::host) fn nameless(path: &Path) -> io::Result<(File, File)> {
    // Whoever had this process id before us may have died between the two lines below.
    let write = File::options().append(true).create(true).mode(0o600).open(path)?;
    let read = File::open(path);
    std::fs::remove_file(path)?;
    write.set_len(0)?;
    Ok((write, read?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn modes_say_whose_a_file_is() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        make_private_dir(&at("deep/er")).unwrap();
        private(OpenOptions::new().write(true).create(true)).open(at("deep/er/file")).unwrap();
        assert_eq!([at("deep"), at("deep/er"), at("deep/er/file")].map(|path| mode(&path)), [0o700, 0o700, 0o600]);
        create_program(&at("program")).unwrap();
        assert_eq!(mode(&at("program")), 0o755);
        assert!(is_program(&at("program")) && open_to_all(&at("program")));
        close_to_others(&at("program")).unwrap();
        assert_eq!(mode(&at("program")), 0o600);
        assert!(!is_program(&at("program")) && !open_to_all(&at("program")));
        let (write, _read) = nameless(&at("output")).unwrap();
        assert_eq!(write.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
