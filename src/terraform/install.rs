//! Fetching the pinned terraform release into the user's cache, checked against a checksum that is compiled in.
//!
//! The archive is held in memory (about 27 MB) until its checksum is right, so no unchecked byte is ever written; the program alone is
//! taken out of it, under a name of ours, into a temporary file that is renamed into place. Two installs at once are harmless.

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use semver::Version;

use super::binary::{Engine, cached_binary};
use crate::base::digest::sha256_hex;
use crate::host::{files, names};

/// The release that aksight fetches when it is asked to.
pub const PINNED: Version = Version::new(1, 11, 4);

/// Where releases come from unless a mirror is configured. A mirror has the same layout.
pub const OFFICIAL_BASE: &str = "https://releases.hashicorp.com";

/// SHA-256 of the release archives of [`PINNED`], as published in its `SHA256SUMS`.
const CHECKSUMS: [(&str, &str); 5] = [
    ("linux_amd64", "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc"),
    ("linux_arm64", "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633"),
    ("darwin_amd64", "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b"),
    ("darwin_arm64", "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18"),
    ("windows_amd64", "4e1dc85419dda723f2bb3afdf63a0d282a2de858588d56dd57d2e4e4c4c83f2b"),
];

/// No archive is larger than this, in bytes.
const ARCHIVE_LIMIT: u64 = 128 * 1024 * 1024;
/// No program is larger than this, in bytes.
const PROGRAM_LIMIT: u64 = 512 * 1024 * 1024;

/// Why a release could not be installed. Nothing has been changed then.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// No checksum is known for this platform, so nothing can be trusted.
    #[error("no terraform release is pinned for `{platform}`")]
    UnknownPlatform {
        /// `os_arch` in the spelling of the releases.
        platform: String,
    },
    /// The request or the transfer failed.
    #[error("download `{url}`")]
    Transfer {
        /// What was asked for.
        url: String,
        /// Why it failed.
        source: reqwest::Error,
    },
    /// The server does not have it.
    #[error("`{url}` answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer is larger than any release.
    #[error("`{url}` is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for, or the file inside it.
        url: String,
        /// The bound, in bytes.
        limit: u64,
    },
    /// It is not the release that this aksight knows. Remedy: check the mirror, or install terraform yourself.
    #[error("`{url}` has checksum {found}, expected {expected}")]
    Checksum {
        /// What was asked for.
        url: String,
        /// Compiled in, lower-case hex.
        expected: String,
        /// Of what came, lower-case hex.
        found: String,
    },
    /// The archive cannot be read.
    #[error("`{url}` is not a readable archive")]
    Archive {
        /// What was asked for.
        url: String,
        /// Where reading stopped.
        source: zip::result::ZipError,
    },
    /// A name in the archive leads out of it.
    #[error("`{url}` contains the unsafe name `{name}`")]
    UnsafeName {
        /// What was asked for.
        url: String,
        /// The name.
        name: String,
    },
    /// The archive does not contain the program.
    #[error("`{url}` does not contain `terraform`")]
    NoProgram {
        /// What was asked for.
        url: String,
    },
    /// The cache cannot be written.
    #[error("write `{}`", .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// One release for one platform, with the checksum that its archive must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    version: Version,
    platform: String,
    sha256: String,
}

impl Release {
    /// The pinned release for the machine that this program was built for.
    pub fn pinned() -> Result<Self, InstallError> {
        Self::pinned_for(&names::platform())
    }

    fn pinned_for(platform: &str) -> Result<Self, InstallError> {
        let known = CHECKSUMS.iter().find(|(name, _)| *name == platform);
        let (_, sha256) = known.ok_or_else(|| InstallError::UnknownPlatform { platform: platform.to_owned() })?;
        Ok(Self { version: PINNED, platform: platform.to_owned(), sha256: (*sha256).to_owned() })
    }

    fn url(&self, base: &str) -> String {
        let (base, version, platform) = (base.trim_end_matches('/'), &self.version, &self.platform);
        format!("{base}/terraform/{version}/terraform_{version}_{platform}.zip")
    }
}

/// How far a download is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Received so far.
    pub received: u64,
    /// All there is, if the server said so.
    pub total: Option<u64>,
}

/// Installs `release` below `cache_dir` and returns the path of the program; if it is there already, at once.
///
/// `client` decides on roots, proxies and time-outs. `base` is [`OFFICIAL_BASE`] or a mirror. Dropping the future leaves nothing behind.
pub async fn install(
    client: &reqwest::Client,
    base: &str,
    release: &Release,
    cache_dir: &Path,
    on: &(dyn Fn(Transferred) + Send + Sync),
) -> Result<PathBuf, InstallError> {
    let target = cached_binary(cache_dir, Engine::Terraform, &release.version);
    if files::is_program(&target) {
        return Ok(target);
    }
    let url = release.url(base);
    let archive = download(client, &url, on).await?;
    let found = sha256_hex(&archive);
    if found != release.sha256 {
        return Err(InstallError::Checksum { url, expected: release.sha256.clone(), found });
    }
    let path = target.clone();
    let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &url, &path)).await;
    unpacked.unwrap_or_else(|lost| Err(InstallError::Write { path: target.clone(), source: std::io::Error::other(lost) }))?;
    Ok(target)
}

async fn download(
    client: &reqwest::Client,
    url: &str,
    on: &(dyn Fn(Transferred) + Send + Sync),
) -> Result<Vec<u8>, InstallError> {
    let failed = |source: reqwest::Error| InstallError::Transfer { url: url.to_owned(), source: source.without_url() };
    let too_large = || InstallError::TooLarge { url: url.to_owned(), limit: ARCHIVE_LIMIT };
    let mut response = client.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(InstallError::Status { url: url.to_owned(), status: response.status().as_u16() });
    }
    let total = response.content_length();
    if total.is_some_and(|total| total > ARCHIVE_LIMIT) {
        return Err(too_large());
    }
    let mut archive = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        archive.extend_from_slice(&chunk);
        let received = archive.len() as u64;
        if received > ARCHIVE_LIMIT {
            return Err(too_large());
        }
        on(Transferred { received, total });
    }
    Ok(archive)
}

fn unpack(archive: &[u8], url: &str, target: &Path) -> Result<(), InstallError> {
    let unreadable = |source| InstallError::Archive { url: url.to_owned(), source };
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).map_err(unreadable)?;
    for at in 0..zip.len() {
        let file = zip.by_index(at).map_err(unreadable)?;
        if file.enclosed_name().is_none() {
            return Err(InstallError::UnsafeName { url: url.to_owned(), name: file.name().to_owned() });
        }
    }
    let Some(at) = zip.index_for_name(&Engine::Terraform.file()) else {
        return Err(InstallError::NoProgram { url: url.to_owned() });
    };
    let program = zip.by_index(at).map_err(unreadable)?;
    if program.size() > PROGRAM_LIMIT {
        return Err(InstallError::TooLarge { url: format!("{url}#terraform"), limit: PROGRAM_LIMIT });
    }
    let write_failed = |source| InstallError::Write { path: target.to_owned(), source };
    let temporary = temporary_beside(target).map_err(write_failed)?;
    let placed = write_program(program.take(PROGRAM_LIMIT), &temporary).and_then(|()| std::fs::rename(&temporary, target));
    if placed.is_err() {
        // What matters is the first error; a temporary file that cannot be removed harms nobody.
        drop(std::fs::remove_file(&temporary));
    }
    placed.map_err(write_failed)
}

/// A name in the directory of `target` that no other process and no other call uses. Makes the directory.
fn temporary_beside(target: &Path) -> std::io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let dir = target.parent().unwrap_or(Path::new("."));
    files::make_private_dir(dir)?;
    Ok(dir.join(format!(".terraform.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))))
}

fn write_program(mut program: impl std::io::Read, path: &Path) -> std::io::Result<()> {
    let mut file = files::create_program(path)?;
    std::io::copy(&mut program, &mut file)?;
    file.flush()?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one answer to everybody; returns the base address.
    async fn serve(status: &'static str, length: usize, body: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let mut seen = stream.read(&mut request).await.unwrap_or(0);
                while seen < request.len() && !request[..seen].windows(4).any(|w| w == b"\r\n\r\n") {
                    seen += stream.read(&mut request[seen..]).await.unwrap_or(0);
                }
                let wanted = request.starts_with(b"GET /terraform/1.11.4/terraform_1.11.4_linux_amd64.zip ");
                let status = if wanted { status } else { "400 Unexpected Path" };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok();
                stream.write_all(&body).await.ok();
            }
        });
        format!("http://{address}/")
    }

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
            zip.write_all(format!("#!/bin/sh\n# {name}\n").as_bytes()).expect("its content");
        }
        zip.finish().expect("an archive").into_inner()
    }

    fn release(archive: &[u8]) -> Release {
        Release { version: PINNED, platform: "linux_amd64".into(), sha256: sha256_hex(archive) }
    }

    fn client() -> reqwest::Client {
        // Plain HTTP on the loopback: no roots, no proxy.
        reqwest::Client::builder().tls_certs_only([]).no_proxy().build().expect("a client")
    }

    async fn try_install(base: &str, release: &Release, cache: &Path) -> Result<PathBuf, InstallError> {
        install(&client(), base, release, cache, &|_| ()).await
    }

    /// Every file below `dir`.
    fn below(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).map(|all| all.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>());
        entries.unwrap_or_default().into_iter().flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
    }

    #[tokio::test]
    async fn a_good_archive_becomes_one_executable_file() {
        let program = Engine::Terraform.file();
        let (cache, zip) = (tempfile::tempdir().expect("a cache"), archive(&["LICENSE.txt", &program]));
        let base = serve("200 OK", zip.len(), zip.clone()).await;
        let seen = Mutex::new(Vec::new());
        let hear = |progress| seen.lock().expect("progress").push(progress);
        let path = install(&client(), &base, &release(&zip), cache.path(), &hear).await.expect("installed");
        assert_eq!(below(cache.path()), std::slice::from_ref(&path));
        assert_eq!(fs::read_to_string(&path).expect("the program"), format!("#!/bin/sh\n# {program}\n"));
        assert!(files::is_program(&path));
        let last = seen.lock().expect("progress").last().copied();
        assert_eq!(last, Some(Transferred { received: zip.len() as u64, total: Some(zip.len() as u64) }));
        // It is there now: no server is asked again.
        assert_eq!(try_install("http://127.0.0.1:1", &release(&zip), cache.path()).await.expect("still there"), path);
    }

    #[tokio::test]
    async fn two_installs_at_once_leave_one_whole_file() {
        let (cache, zip) = (tempfile::tempdir().expect("a cache"), archive(&[&Engine::Terraform.file()]));
        let base = serve("200 OK", zip.len(), zip.clone()).await;
        let one = release(&zip);
        let (a, b) = tokio::join!(try_install(&base, &one, cache.path()), try_install(&base, &one, cache.path()));
        assert_eq!(a.expect("first"), b.expect("second"));
        assert_eq!(below(cache.path()).len(), 1);
    }

    #[tokio::test]
    async fn whatever_is_wrong_leaves_the_cache_untouched() {
        let cache = tempfile::tempdir().expect("a cache");
        let good = archive(&[&Engine::Terraform.file()]);
        let expect = |name: &str, result: Result<PathBuf, InstallError>, fits: fn(&InstallError) -> bool| {
            let error = result.expect_err(name);
            assert!(fits(&error), "{name}: {error:?}");
            assert!(below(cache.path()).is_empty(), "{name} left a file");
        };

        let base = serve("200 OK", good.len(), good.clone()).await;
        let wrong = Release { sha256: "0".repeat(64), ..release(&good) };
        expect("checksum", try_install(&base, &wrong, cache.path()).await, |e| matches!(e, InstallError::Checksum { .. }));

        let base = serve("200 OK", good.len() + 10, good.clone()).await;
        let result = try_install(&base, &release(&good), cache.path()).await;
        expect("truncated", result, |e| matches!(e, InstallError::Transfer { .. }));

        let base = serve("404 Not Found", 0, Vec::new()).await;
        let result = try_install(&base, &release(&good), cache.path()).await;
        expect("absent", result, |e| matches!(e, InstallError::Status { status: 404, .. }));

        let base = serve("200 OK", usize::MAX / 2, Vec::new()).await;
        let result = try_install(&base, &release(&good), cache.path()).await;
        expect("huge", result, |e| matches!(e, InstallError::TooLarge { .. }));
    }

    #[tokio::test]
    async fn an_archive_with_the_right_checksum_is_still_not_trusted_blindly() {
        let cache = tempfile::tempdir().expect("a cache");
        let refusal = async |zip: Vec<u8>| {
            let base = serve("200 OK", zip.len(), zip.clone()).await;
            let error = try_install(&base, &release(&zip), cache.path()).await.expect_err("refused");
            assert!(below(cache.path()).is_empty());
            error
        };
        assert!(matches!(refusal(archive(&["LICENSE.txt"])).await, InstallError::NoProgram { .. }));
        assert!(matches!(refusal(archive(&[&Engine::Terraform.file(), "../terraform"])).await, InstallError::UnsafeName { .. }));
        assert!(matches!(refusal(b"no archive".to_vec()).await, InstallError::Archive { .. }));
    }

    #[test]
    fn an_unknown_platform_is_refused() {
        let error = Release::pinned_for("plan9_mips").expect_err("refused");
        insta::assert_snapshot!(error, @"no terraform release is pinned for `plan9_mips`");
        insta::assert_snapshot!(
            Release::pinned_for("linux_arm64").expect("known").url("https://mirror.example/hc/"),
            @"https://mirror.example/hc/terraform/1.11.4/terraform_1.11.4_linux_arm64.zip"
        );
    }
}
