//! The exchange of RFC 7677, verifiers of PostgreSQL 15, and what is refused.

use std::num::NonZeroU32;

use super::verifier::random;
use super::*;
use crate::error::Result;

/// RFC 7677, section 3: user "user", password "pencil".
const SALT: [u8; 16] = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const OWN_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// `CREATE ROLE … PASSWORD …; SELECT rolpassword FROM pg_authid` on PostgreSQL 15: SASLprep composes the umlaut, takes the
/// soft hyphen away, writes the numeral in letters and makes the space an ordinary one.
const POSTGRESQL_15: &[(&str, &str)] = &[
    (
        "pencil",
        "SCRAM-SHA-256$4096:uaEa+kOfcP4fi7adydOFjw==$LvR6OIKdmUo2ZZuq8eh0FTs0Td1NR+jbcJFsYrrm8Hw=:YDrOkayS/RBTajmT3XPW65ePxxGL80pNjmSnhcCNurM=",
    ),
    (
        "u\u{308}ber",
        "SCRAM-SHA-256$4096:TWPljqvBqlReUWsvR8h9cg==$grvNcg0rqdvhzEa0LtGU9z4WhuSDv9q1FGvN3TmGK5g=:oLBh2J49NzKJgARDR30+ZoO5N/tcjN7a6+vwbsb9QOI=",
    ),
    (
        "I\u{ad}X",
        "SCRAM-SHA-256$4096:MfCm0hTJgOgVaOUIpa39/A==$N/wu4x0L5F989ihuXTTcFB3QX3GOtBmu3CrjGq+LOMU=:4/ummRZ+dE41fPnqpzOD1omJpcF79b8pMBOpKmBJ9rc=",
    ),
    (
        "\u{2168} x",
        "SCRAM-SHA-256$4096:PoHvZoVna55FB/i5KBWlDA==$1nxtbezGYDmtATuh1NeVpEIXJryyeyWcxm5aRFdHzHY=:PaVFgbFQqdehBAxttMEf5e+uxCJtRScCgtyiyI/TkJ8=",
    ),
    (
        "p\u{e4}ss\u{a0}w\u{f6}rd",
        "SCRAM-SHA-256$4096:X2hVB+wZ2iFWLjZQgL8qPw==$HXw+bluht7W2R0Jg+SKfU39iW6CeFTtTJup/KdwwWJY=:keQex2fuxBYO9MZZRF9nC2jtbt52ROnenioPt2HDXZk=",
    ),
];

fn pencil() -> Verifier {
    Verifier::salted("pencil", &SALT, NonZeroU32::new(4096).unwrap())
}

fn begun(client_first: &str) -> Exchange {
    Exchange::begin(pencil(), Mechanism::Plain, None, client_first, OWN_NONCE).unwrap().0
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("none", |error| error.state().code())
}

#[test]
fn the_exchange_is_that_of_the_rfc() {
    let (exchange, answer) = Exchange::begin(pencil(), Mechanism::Plain, None, CLIENT_FIRST, OWN_NONCE).unwrap();
    assert_eq!(answer, SERVER_FIRST);
    assert!(exchange.finish(CLIENT_FINAL).unwrap() == Verdict::Proven(SERVER_FINAL.to_owned()));
}

#[test]
fn another_password_or_message_proves_nothing() {
    let other = Verifier::salted("pencils", &SALT, NonZeroU32::new(4096).unwrap());
    for verifier in [other, Verifier::mock("user", &[7; SECRET_BYTES])] {
        let (exchange, _) = Exchange::begin(verifier, Mechanism::Plain, None, CLIENT_FIRST, OWN_NONCE).unwrap();
        assert!(exchange.finish(CLIENT_FINAL).unwrap() == Verdict::Wrong);
    }
    // The proof covers the name that the client gave.
    let renamed = begun("n,,n=User,r=rOprNGfwEbeRWgbNEkqO");
    assert!(renamed.finish(CLIENT_FINAL).unwrap() == Verdict::Wrong);
}

#[test]
fn verifiers_of_postgresql_are_understood() {
    for (password, text) in POSTGRESQL_15 {
        let verifier = Verifier::parse(text).unwrap();
        assert_eq!(verifier.to_text(), *text);
        assert!(Verifier::salted(password, &verifier.salt, verifier.iterations) == verifier, "{password}");
    }
    for broken in [
        "",
        "pencil",
        "SCRAM-SHA-256$4096:c2FsdA==$x:y",
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    ] {
        assert!(Verifier::parse(broken).is_none(), "{broken}");
    }
    assert!(is_md5("md5c4a4e4d2ba2c0a4f0e5b5b3d8e1f0a92"));
    assert!(!is_md5("md5c4a4"));
}

#[test]
fn each_password_has_a_salt_of_its_own_and_each_unknown_name_a_lasting_one() {
    let (one, other) = (Verifier::of_password("x").unwrap(), Verifier::of_password("x").unwrap());
    assert!(one != other);
    let secret = [3; SECRET_BYTES];
    assert!(Verifier::mock("ada", &secret) == Verifier::mock("ada", &secret));
    assert_ne!(Verifier::mock("ada", &secret).salt, Verifier::mock("bo", &secret).salt);
    assert_ne!(Verifier::mock("ada", &secret).salt, Verifier::mock("ada", &[4; SECRET_BYTES]).salt);
    let mut two = [[0; 8]; 2];
    two.iter_mut().for_each(|bytes| random(bytes).unwrap());
    assert_ne!(two[0], two[1]);
}

#[test]
fn nothing_secret_is_printed() {
    let shown = format!("{:?} {:?}", pencil(), begun(CLIENT_FIRST));
    assert_eq!(shown, "Verifier { .. } Exchange { .. }");
}

#[test]
fn first_messages_are_refused_as_by_postgresql() {
    for (mechanism, certificate, first, state) in [
        (Mechanism::Plain, None, "", "08P01"),
        (Mechanism::Plain, None, "n", "08P01"),
        (Mechanism::Plain, None, "x,,n=,r=abc", "08P01"),
        (Mechanism::Plain, None, "n,a=bo,n=,r=abc", "0A000"),
        (Mechanism::Plain, None, "n,,m=ext,n=,r=abc", "0A000"),
        (Mechanism::Plain, None, "n,,r=abc", "08P01"),
        (Mechanism::Plain, None, "n,,n=,r=", "08P01"),
        (Mechanism::Plain, None, "n,,n=,r=a b", "08P01"),
        (Mechanism::Plain, None, "n,,n=,r=å", "08P01"),
        (Mechanism::Plain, None, "p=tls-server-end-point,,n=,r=abc", "08P01"),
        (Mechanism::Plain, None, "y,,n=,r=abc", "none"),
        (Mechanism::Plain, Some(&b"hash"[..]), "n,,n=,r=abc", "none"),
        // The client binds, and was told that we do not.
        (Mechanism::Plain, Some(b"hash"), "y,,n=,r=abc", "28000"),
        (Mechanism::Plus, Some(b"hash"), "y,,n=,r=abc", "08P01"),
        (Mechanism::Plus, Some(b"hash"), "n,,n=,r=abc", "08P01"),
        (Mechanism::Plus, Some(b"hash"), "p=tls-unique,,n=,r=abc", "08P01"),
        (Mechanism::Plus, Some(b"hash"), "p=tls-server-end-point,,n=,r=abc", "none"),
    ] {
        let begun = Exchange::begin(pencil(), mechanism, certificate, first, OWN_NONCE);
        assert_eq!(code(begun), state, "{first}");
    }
}

#[test]
fn last_messages_are_refused_as_by_postgresql() {
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for (last, state) in [
        (String::new(), "08P01"),
        (format!("c=biws,r={nonce}"), "08P01"),
        (format!("r={nonce},p={proof}"), "08P01"),
        (format!("c=biws,p={proof}"), "08P01"),
        (format!("c=eSws,r={nonce},p={proof}"), "08P01"),
        (format!("c=biws,r={nonce}x,p={proof}"), "08P01"),
        (format!("c=biws,r={nonce},p=AAAA"), "08P01"),
        (format!("c=biws,r={nonce},p=?"), "08P01"),
        (format!("c=biws,r={nonce},p={proof}"), "none"),
    ] {
        assert_eq!(code(begun(CLIENT_FIRST).finish(&last)), state, "{last}");
    }
}

#[test]
fn a_proof_is_good_for_one_certificate() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let bound = |hash: &[u8]| STANDARD.encode([b"p=tls-server-end-point,,", hash].concat());
    let last = |binding: String| format!("c={binding},r=abc{OWN_NONCE},p={}", STANDARD.encode([0; 32]));
    let begun = || {
        let first = "p=tls-server-end-point,,n=,r=abc";
        Exchange::begin(pencil(), Mechanism::Plus, Some(b"ours"), first, OWN_NONCE).unwrap().0
    };
    assert_eq!(code(begun().finish(&last(bound(b"theirs")))), "28000");
    assert_eq!(code(begun().finish(&last("biws".to_owned()))), "28000");
    assert!(begun().finish(&last(bound(b"ours"))).unwrap() == Verdict::Wrong);
}
