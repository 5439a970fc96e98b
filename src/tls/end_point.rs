//! The hash of a certificate to which a sign-in is bound: `tls-server-end-point` of RFC 5929.
//!
//! It is made with the hash function of the certificate's own signature, so that has to be found in the certificate: the
//! second of three parts, of which only the object identifier is read. That is less than what a parser of certificates
//! brings along, and the certificate is the operator's own.

use ring::digest::{self, Algorithm, SHA256, SHA384, SHA512};

/// Of a certificate in DER; `None` where the signature has no one hash function, as with Ed25519.
pub(super) fn hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = hash_function(signature_algorithm(certificate)?)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// SHA-256 in place of MD5 and SHA-1, as the RFC wants it.
fn hash_function(signature: &[u8]) -> Option<&'static Algorithm> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    match (signature.strip_prefix(RSA), signature.strip_prefix(ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(&SHA256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(&SHA384),
        (Some([13]), _) | (_, Some([3, 4])) => Some(&SHA512),
        _ => None,
    }
}

/// The object identifier of the algorithm with which a certificate is signed.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (parts, _) = element(certificate, SEQUENCE)?;
    let (_to_be_signed, rest) = element(parts, SEQUENCE)?;
    let (algorithm, _signature) = element(rest, SEQUENCE)?;
    element(algorithm, OBJECT_IDENTIFIER).map(|(identifier, _parameters)| identifier)
}

/// The content of the first element, which must be of this type, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first().filter(|(first, _)| **first == tag).map(|(_, rest)| rest.split_first())??;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_hash() {
        for der in
            [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x31, 0], &[0x30, 2, 0x30, 0]]
        {
            assert!(hash(der).is_none(), "{der:?}");
        }
    }
}
