//! The content of a session, sealed with a key that is made of its id: only the browser that holds the cookie brings the key along.
//!
//! There are ID tokens in it, which the provider wants to see at log-out.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use tower_sessions::session::Id;

use crate::error::StoreError;

/// What the key is for, so that nothing else made of the same id can be it.
const PURPOSE: &[&[u8]] = &[b"windfirm session content, version 1"];

fn key(id: &Id) -> Option<RandomizedNonceKey> {
    let secret = Salt::new(HKDF_SHA256, &[]).extract(&id.0.to_le_bytes());
    let mut key = [0; 32];
    secret.expand(PURPOSE, &AES_256_GCM).ok()?.fill(&mut key).ok()?;
    RandomizedNonceKey::new(&AES_256_GCM, &key).ok()
}

/// As text, for a document.
pub(super) fn seal(id: &Id, mut content: Vec<u8>) -> Result<String, StoreError> {
    let failed = || StoreError::unreadable(super::TABLE, "a session cannot be sealed");
    let nonce = key(id).ok_or_else(failed)?.seal_in_place_append_tag(Aad::empty(), &mut content).map_err(|_| failed())?;
    let mut sealed = nonce.as_ref().to_vec();
    sealed.append(&mut content);
    Ok(STANDARD_NO_PAD.encode(sealed))
}

/// What was sealed; `None` when it was not sealed with this id, or was changed.
pub(super) fn open(id: &Id, sealed: &str) -> Option<Vec<u8>> {
    let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
    let (nonce, content) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut content = content.to_vec();
    let opened = key(id)?.open_in_place(nonce, Aad::empty(), &mut content).ok()?.len();
    content.truncate(opened);
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_opens_it_and_only_unchanged() {
        let (id, other) = (Id(7), Id(8));
        let sealed = seal(&id, b"id token".to_vec()).unwrap();
        assert_eq!(open(&id, &sealed).as_deref(), Some(b"id token".as_slice()));
        assert_eq!(open(&other, &sealed), None);
        assert_ne!(seal(&id, b"id token".to_vec()).unwrap(), sealed, "another nonce each time");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&id, std::str::from_utf8(&changed).unwrap()), None, "place {place}");
        }
        for broken in ["", "AAAA", "not base 64!"] {
            assert_eq!(open(&id, broken), None);
        }
    }
}
