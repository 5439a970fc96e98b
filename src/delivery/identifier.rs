//! What members are reached by: what is valid, and how ad platforms want it hashed.
//!
//! Sources of the rules: Meta, "Customer Information Parameters" of its Conversions API (email: trimmed, lower case; phone:
//! digits with the country code, without symbols and leading zeros); Google Ads Help, "Format your customer data file"
//! (email: trimmed, lower case; phone: E.164, with its `+`). Both take SHA-256 in hexadecimal.

use sha2::{Digest, Sha256};

use crate::config::{Identifier, Platform};

/// Digits of an E.164 number: at most 15; shorter ones than 7 are no subscriber's.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

impl Identifier {
    /// The column of `members` that holds it.
    pub fn column(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::LineUserId => "line_user_id",
        }
    }

    /// The head of its column in a file for this platform, or as it is.
    pub fn heading(self, platform: Option<Platform>) -> &'static str {
        match (self, platform) {
            (Self::Email, Some(Platform::Google)) => "Email",
            (Self::Phone, Some(Platform::Google)) => "Phone",
            _ => self.column(),
        }
    }

    /// The value as it is sent; `None` for one that cannot be right.
    ///
    /// An email is trimmed. A phone number must have its country code (`+46 70-123 45 67`) and loses its punctuation.
    pub fn sent(self, value: &str) -> Option<String> {
        match self {
            Self::Email => email(value).map(str::to_owned),
            Self::Phone => phone(value),
            Self::LineUserId => line_user_id(value).map(str::to_owned),
        }
    }

    /// The value as a platform wants it; `None` for one that cannot be right. One that is hashed already is left as it is.
    pub fn hashed(self, value: &str, platform: Platform) -> Option<String> {
        let value = value.trim();
        if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(value.to_ascii_lowercase());
        }
        let sent = self.sent(value)?;
        let normal = match (self, platform) {
            (Self::Email, _) => sent.to_lowercase(),
            (Self::Phone, Platform::Meta) => sent.trim_start_matches('+').to_owned(),
            (Self::Phone, Platform::Google) | (Self::LineUserId, _) => sent,
        };
        Some(sha256(normal.as_bytes()))
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn email(value: &str) -> Option<&str> {
    let value = value.trim();
    let (local, domain) = value.rsplit_once('@')?;
    let is_plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (is_plain(local) && is_plain(domain) && !local.contains('@')).then_some(value)
}

/// E.164, as in `+46701234567`.
pub fn phone(value: &str) -> Option<String> {
    let digits = value.trim().strip_prefix('+')?;
    let mut number = String::from("+");
    for character in digits.chars() {
        match character {
            '0'..='9' => number.push(character),
            ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    let is_right = PHONE_DIGITS.contains(&(number.len() - 1)) && !number.starts_with("+0");
    is_right.then_some(number)
}

/// `U` and 32 hexadecimal digits.
fn line_user_id(value: &str) -> Option<&str> {
    let value = value.trim();
    let digits = value.strip_prefix('U')?;
    let is_right = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_right.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that Meta publishes in "Customer Information Parameters" of its Conversions API.
    #[test]
    fn meta_hashes_as_meta_publishes() {
        assert_eq!(
            Identifier::Email.hashed(" John_Smith@gmail.com ", Platform::Meta).as_deref(),
            Some("62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f")
        );
        assert_eq!(
            Identifier::Phone.hashed("+1 (650)555-1212", Platform::Meta).as_deref(),
            Some("e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176")
        );
    }

    /// Google publishes the rule, not the hash: the expected values are those of `printf … | sha256sum`.
    #[test]
    fn google_hashes_phones_with_their_plus() {
        assert_eq!(
            Identifier::Phone.hashed("+1 800-555-0100", Platform::Google).as_deref(),
            Some("fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30")
        );
        assert_eq!(
            Identifier::Phone.hashed("+1 800-555-0100", Platform::Meta).as_deref(),
            Some("92cfdc5fbcd4a20fbe5d3857af6c1aba31762105bba7f21a17155e920653046c")
        );
        assert_eq!(
            Identifier::Email.hashed("Test@Example.COM", Platform::Google).as_deref(),
            Some("973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b")
        );
    }

    #[test]
    fn what_is_hashed_already_passes() {
        let hashed = "62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F";
        for identifier in [Identifier::Email, Identifier::Phone] {
            assert_eq!(identifier.hashed(hashed, Platform::Meta), Some(hashed.to_lowercase()));
        }
    }

    #[test]
    fn what_cannot_be_right_is_none() {
        for (identifier, value) in [
            (Identifier::Email, "nobody"),
            (Identifier::Email, "@example.com"),
            (Identifier::Email, "a b@example.com"),
            (Identifier::Email, "a@b@example.com"),
            (Identifier::Phone, "0701234567"),
            (Identifier::Phone, "+0701234567"),
            (Identifier::Phone, "+46"),
            (Identifier::Phone, "+4670123456789012"),
            (Identifier::Phone, "+46 70 CALL ME"),
            (Identifier::LineUserId, "U123"),
            (Identifier::LineUserId, "C0123456789abcdef0123456789abcdef"),
        ] {
            assert_eq!(identifier.sent(value), None, "{value}");
        }
        assert_eq!(Identifier::Phone.sent("+46 (70) 123.45-67").as_deref(), Some("+46701234567"));
        let line = "U0123456789abcdef0123456789abcdef";
        assert_eq!(Identifier::LineUserId.sent(line).as_deref(), Some(line));
    }
}
