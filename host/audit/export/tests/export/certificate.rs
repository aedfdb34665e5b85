//! A certificate for 127.0.0.1 and the time of a test: the least of X.509 that a verifier wants to see.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

const SEQUENCE: u8 = 0x30;
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The certificate and its key (PKCS #8), both in DER.
pub fn own() -> (Vec<u8>, Vec<u8>) {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref()).unwrap();
    let algorithm = der(SEQUENCE, &[&der(6, &[ECDSA_WITH_SHA256])]);
    let name = der(SEQUENCE, &[&der(0x31, &[&der(SEQUENCE, &[&der(6, &[COMMON_NAME]), &der(12, &[b"a sink"])])])]);
    let validity = der(SEQUENCE, &[&der(23, &[b"200101000000Z"]), &der(23, &[b"491231235959Z"])]);
    let point = der(3, &[&[0], pair.public_key().as_ref()]);
    let public = der(SEQUENCE, &[&der(SEQUENCE, &[&der(6, &[EC_PUBLIC_KEY]), &der(6, &[P256])]), &point]);
    let names = der(SEQUENCE, &[&der(0x87, &[&[127, 0, 0, 1]])]);
    let extension = der(SEQUENCE, &[&der(6, &[SUBJECT_ALT_NAME]), &der(4, &[&names])]);
    let extensions = der(0xa3, &[&der(SEQUENCE, &[&extension])]);
    let version = der(0xa0, &[&der(2, &[&[2]])]);
    let serial = der(2, &[&[1]]);
    let parts: [&[u8]; 8] = [&version, &serial, &algorithm, &name, &validity, &name, &public, &extensions];
    let signed = der(SEQUENCE, &parts);
    let signature = pair.sign(&random, &signed).unwrap();
    let certificate = der(SEQUENCE, &[&signed, &algorithm, &der(3, &[&[0], signature.as_ref()])]);
    (certificate, key.as_ref().to_vec())
}

pub fn pem(certificate: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for chunk in certificate.chunks(48) {
        for three in chunk.chunks(3) {
            let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for at in 0..4 {
                let sign = SIGNS[(bits >> (18 - 6 * at) & 63) as usize] as char;
                text.push(if at <= three.len() { sign } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match length {
        0..128 => out.push(length as u8),
        128..256 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(parts.concat());
    out
}
