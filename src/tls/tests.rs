//! Certificates made here; the hash to which sign-ins are bound as OpenSSL computes it.

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm,
};

use super::*;

/// The PEM texts of a self-signed certificate for `localhost` and of its key.
pub(crate) fn self_signed(algorithm: &'static SignatureAlgorithm) -> (String, String) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Files {
    _folder: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new((certificate, key): &(String, String)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            certificate: folder.path().join("server.crt"),
            key: folder.path().join("server.key"),
            _folder: folder,
        };
        files.write(certificate, key);
        files
    }

    fn write(&self, certificate: &str, key: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(&self.certificate, certificate).unwrap();
        std::fs::write(&self.key, key).unwrap();
        std::fs::set_permissions(&self.key, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn open(&self) -> Result<Tls> {
        Tls::open(self.certificate.clone(), self.key.clone())
    }
}

/// Opened, for tests of the wire.
pub(crate) fn opened(pair: &(String, String)) -> Arc<Tls> {
    Arc::new(Files::new(pair).open().unwrap())
}

#[test]
fn bad_files_are_named_and_never_replace_good_ones() {
    let good = self_signed(&PKCS_ECDSA_P256_SHA256);
    let files = Files::new(&good);
    let tls = files.open().unwrap();
    let before = tls.current();
    let other = self_signed(&PKCS_ECDSA_P256_SHA256);
    for (certificate, key, named) in [
        ("", good.1.as_str(), "server.crt"),
        ("nonsense", &good.1, "server.crt"),
        (&good.0, "", "server.key"),
        (&good.0, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "server.crt"),
        (&good.0, &other.1, "server.crt"),
    ] {
        files.write(certificate, key);
        let refused = tls.reload().unwrap_err();
        assert_eq!(refused.state().code(), "F0000");
        assert!(refused.message().contains(named), "{refused}");
        assert!(Arc::ptr_eq(&before, &tls.current()));
        assert!(files.open().is_err());
    }
    std::fs::remove_file(&files.certificate).unwrap();
    assert!(tls.reload().is_err());
    files.write(&other.0, &other.1);
    tls.reload().unwrap();
    assert_ne!(before.end_point, tls.current().end_point);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new(&self_signed(&PKCS_ECDSA_P256_SHA256));
    for mode in [0o604, 0o622, 0o666] {
        std::fs::set_permissions(&files.key, PermissionsExt::from_mode(mode)).unwrap();
        assert!(files.open().unwrap_err().message().contains("server.key"));
    }
}

#[test]
fn the_hash_is_made_as_the_certificate_is_signed() {
    for (algorithm, function) in [
        (&PKCS_ECDSA_P256_SHA256, Some(&::ring::digest::SHA256)),
        (&PKCS_ECDSA_P384_SHA384, Some(&::ring::digest::SHA384)),
        (&PKCS_ED25519, None),
    ] {
        let (certificate, _) = self_signed(algorithm);
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let expected = function.map(|function| ::ring::digest::digest(function, &der).as_ref().to_vec());
        assert_eq!(end_point::hash(&der), expected);
    }
}
