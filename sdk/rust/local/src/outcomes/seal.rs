//! Encryption of the outcome log: AES-256-GCM under a key of each segment's own, which is made of the log's key and the
//! salt in the segment's header (HKDF-SHA256). The nonce is the place of the frame, so no frame can stand elsewhere; a
//! segment is written by one process only, so no nonce is used twice.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::{SecureRandom as _, SystemRandom},
};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"GRIDOUT1";
const INFO: &[u8] = b"grid/outcome-log/v1";

/// Magic, number of the segment (big-endian), salt.
pub(crate) const HEADER: usize = 48;

/// Bytes that a frame has before its ciphertext.
pub(crate) const LENGTH: usize = 4;

/// The key of a log. Never shown.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn generate() -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *key).ok()?;
        Some(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.0
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// Seals and opens the frames of one segment.
pub(crate) struct Seal {
    key: LessSafeKey,
    header: [u8; HEADER],
}

impl Seal {
    /// Of a new segment.
    pub(crate) fn new(key: &Key, number: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        let (magic, rest) = header.split_at_mut(MAGIC.len());
        let (place, salt) = rest.split_at_mut(8);
        magic.copy_from_slice(MAGIC);
        place.copy_from_slice(&number.to_be_bytes());
        SystemRandom::new().fill(salt).ok()?;
        Self::of(key, header, number)
    }

    /// Of a segment whose header was read.
    pub(crate) fn of(key: &Key, header: [u8; HEADER], number: u64) -> Option<Self> {
        let (magic, rest) = header.split_at(MAGIC.len());
        let (place, salt) = rest.split_at(8);
        if magic != MAGIC || place != number.to_be_bytes() {
            return None;
        }
        let mut own = Zeroizing::new([0; 32]);
        let prk = Salt::new(HKDF_SHA256, salt).extract(key.bytes());
        prk.expand(&[INFO], Bytes32).and_then(|okm| okm.fill(&mut *own)).ok()?;
        let key = UnboundKey::new(&AES_256_GCM, &*own).ok()?;
        Some(Self { key: LessSafeKey::new(key), header })
    }

    pub(crate) const fn header(&self) -> &[u8; HEADER] {
        &self.header
    }

    /// Appends the frame of `plain` to `out`.
    pub(crate) fn seal(&self, place: u64, plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut sealed = plain.to_vec();
        self.key.seal_in_place_append_tag(nonce(place), Aad::from(self.header), &mut sealed).ok()?;
        let length = u32::try_from(sealed.len()).ok()?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&sealed);
        Some(())
    }

    /// What is in a frame's ciphertext; nothing where one bit of it is another.
    pub(crate) fn open(&self, place: u64, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let length = self.key.open_in_place(nonce(place), Aad::from(self.header), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}

fn nonce(place: u64) -> Nonce {
    let mut nonce = [0; 12];
    let (_, low) = nonce.split_at_mut(4);
    low.copy_from_slice(&place.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_frame_can_change_and_no_frame_can_move() {
        let key = Key::generate().unwrap();
        let seal = Seal::new(&key, 7).unwrap();
        let mut frame = Vec::new();
        seal.seal(3, b"content", &mut frame).unwrap();
        let sealed = &frame[LENGTH..];
        assert!(!frame.windows(7).any(|bytes| bytes == b"content"));
        assert_eq!(seal.open(3, sealed.to_vec()).unwrap(), b"content");
        assert!(seal.open(4, sealed.to_vec()).is_none(), "another place");
        let other = Seal::new(&key, 7).unwrap();
        assert!(other.open(3, sealed.to_vec()).is_none(), "another segment of that number");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(seal.open(3, changed).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_header_of_another_number_or_kind_opens_nothing() {
        let key = Key::generate().unwrap();
        let header = *Seal::new(&key, 7).unwrap().header();
        assert!(Seal::of(&key, header, 7).is_some());
        assert!(Seal::of(&key, header, 8).is_none());
        let mut other = header;
        other[0] = b'X';
        assert!(Seal::of(&key, other, 7).is_none());
    }
}
