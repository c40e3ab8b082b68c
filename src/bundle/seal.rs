//! Encryption to somebody's key, in the format of age (age-encryption.org/v1), with X25519 keys.

use std::io::{Read as _, Write as _};
use std::str::FromStr;

use super::Error;
use crate::base::Secret;

/// How an encrypted file begins.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// The longest head of an encrypted file: some hundred recipients.
const LONGEST_HEAD: usize = 64 * 1024;

/// Whom a plan is encrypted to: a public key, `age1…`.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.trim().to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(Error::Key(
                "this is a secret key; the public one begins with `age1`. Make a new pair: this one was shown",
            ));
        }
        text.trim().parse().map(Self).map_err(|_| Error::Key("no public key of age's for X25519 (`age1…`, from `age-keygen`)"))
    }
}

/// Keys that open what was encrypted to them.
pub struct Identities(Vec<age::x25519::Identity>);

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl Identities {
    /// Reads what `age-keygen` writes: a key on each line, comments with `#`.
    ///
    /// # Errors
    /// [`Error::Key`] when a line is neither, or when there is no key. The message does not repeat it.
    pub fn read(text: &Secret) -> Result<Self, Error> {
        let lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let wrong = |_| Error::Key("a line is no identity of age's for X25519 (`AGE-SECRET-KEY-1…`, from `age-keygen`)");
        let keys = lines.map(|line| line.parse().map_err(wrong)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(Error::Key("there is no identity in it")) } else { Ok(Self(keys)) }
    }
}

/// Whether these are the bytes of something encrypted.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Encrypts to every recipient.
pub(super) fn seal(plain: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, Error> {
    let failed = |error: age::EncryptError| Error::Seal(std::io::Error::other(error.to_string()));
    let encryptor =
        age::Encryptor::with_recipients(recipients.iter().map(|one| &one.0 as &dyn age::Recipient)).map_err(failed)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(Error::Seal)?;
    writer.write_all(plain).and_then(|()| writer.finish().map(drop)).map_err(Error::Seal)?;
    Ok(sealed)
}

/// Decrypts with whichever key fits. What comes out is never longer than what went in.
pub(super) fn open(sealed: &[u8], identities: Option<&Identities>) -> Result<Vec<u8>, Error> {
    let reach = &sealed[..sealed.len().min(LONGEST_HEAD)];
    // age reads a head byte by byte, as long as it goes on.
    if !reach.windows(5).any(|window| window == b"\n--- ") {
        return Err(Error::Damaged);
    }
    let decryptor = age::Decryptor::new(sealed).map_err(|_| Error::Damaged)?;
    let identities = identities.ok_or(Error::NoIdentity)?;
    let keys = identities.0.iter().map(|key| key as &dyn age::Identity);
    let mut reader = decryptor.decrypt(keys).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => Error::WrongIdentity,
        _ => Error::Damaged,
    })?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|_| Error::Damaged)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;
    use proptest::prelude::*;

    use super::*;

    fn pair() -> (Recipient, Identities) {
        let key = age::x25519::Identity::generate();
        let text = format!("# created: today\n{}\n", key.to_string().expose_secret());
        (key.to_public().to_string().parse().unwrap(), Identities::read(&Secret::new(text)).unwrap())
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let (ours, theirs, strangers) = (pair(), pair(), pair());
        let sealed = seal(b"plan", &[ours.0, theirs.0]).unwrap();
        assert!(is_sealed(&sealed) && !sealed.windows(4).any(|window| window == b"plan"));
        assert_eq!(open(&sealed, Some(&ours.1)).unwrap(), b"plan");
        assert_eq!(open(&sealed, Some(&theirs.1)).unwrap(), b"plan");
        assert!(matches!(open(&sealed, Some(&strangers.1)), Err(Error::WrongIdentity)));
        assert!(matches!(open(&sealed, None), Err(Error::NoIdentity)));
    }

    #[test]
    fn every_shorter_one_is_refused() {
        let (recipient, identity) = pair();
        let sealed = seal(b"plan", &[recipient]).unwrap();
        for end in 0..sealed.len() {
            assert!(open(&sealed[..end], Some(&identity)).is_err(), "{end}");
        }
    }

    #[test]
    fn keys_are_told_apart_and_never_repeated() {
        let key = age::x25519::Identity::generate();
        let secret = key.to_string().expose_secret().to_owned();
        let said = secret.parse::<Recipient>().unwrap_err().to_string();
        assert!(said.contains("secret key") && !said.contains(&secret), "{said}");
        assert!("age1nonsense".parse::<Recipient>().is_err());
        for text in ["", "# only a comment", "AGE-SECRET-KEY-1NONSENSE", &key.to_public().to_string()] {
            let said = Identities::read(&Secret::new(text.to_owned())).unwrap_err().to_string();
            assert!(!said.contains("NONSENSE"), "{said}");
        }
        assert!(!format!("{:?}", Identities::read(&Secret::new(secret.clone())).unwrap()).contains(&secret));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (_, identity) = pair();
            prop_assert!(open(&[MAGIC, &bytes[..], b"\n--- x\n"].concat(), Some(&identity)).is_err());
        }
    }
}
