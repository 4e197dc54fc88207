//! The body of a token response, in either style.

use std::time::{Duration, SystemTime};

use super::style::ResponseStyle;

/// What a token response says.
pub(crate) struct TokenAnswer<'a> {
    /// base64url text.
    pub(crate) access_token: &'a [u8],
    /// base64url text; `None` where the client may not refresh.
    pub(crate) refresh_token: Option<&'a [u8]>,
    /// Tokens with one space between; scope tokens need no escaping in JSON.
    pub(crate) scope: &'a str,
    pub(crate) id_token: Option<&'a str>,
    /// The host's members as JSON, without braces.
    pub(crate) fields: &'a str,
    /// When the refresh token ends, as JSON, without braces.
    pub(crate) expiry: &'a str,
    pub(crate) lifetime_secs: u32,
    pub(crate) issued_at_secs: u64,
    /// Whether its use takes a proof of possession (RFC 9449 section 5).
    pub(crate) is_dpop: bool,
}

impl TokenAnswer<'_> {
    /// Writes the body: one allocation, sized before.
    pub(crate) fn write(&self, style: ResponseStyle) -> Vec<u8> {
        match style {
            ResponseStyle::Rfc6749 => self.write_rfc6749(),
            ResponseStyle::Katana => self.write_katana(),
        }
    }

    fn write_rfc6749(&self) -> Vec<u8> {
        let mut out = self.begin(96 + self.scope.len());
        if let Some(refresh_token) = self.refresh_token {
            out.extend_from_slice(b"\",\"refresh_token\":\"");
            out.extend_from_slice(refresh_token);
        }
        if !self.scope.is_empty() {
            out.extend_from_slice(b"\",\"scope\":\"");
            out.extend_from_slice(self.scope.as_bytes());
        }
        if let Some(id_token) = self.id_token {
            out.extend_from_slice(b"\",\"id_token\":\"");
            out.extend_from_slice(id_token.as_bytes());
        }
        out.extend_from_slice(if self.is_dpop {
            &b"\",\"token_type\":\"DPoP\",\"expires_in\":"[..]
        } else {
            b"\",\"token_type\":\"Bearer\",\"expires_in\":"
        });
        out.extend_from_slice(itoa::Buffer::new().format(self.lifetime_secs).as_bytes());
        self.push_fields(&mut out);
        out.push(b'}');
        out
    }

    fn write_katana(&self) -> Vec<u8> {
        let scopes = self.scope.bytes().filter(|&byte| byte == b' ').count() + self.scope.len();
        let mut out = self.begin(200 + scopes);
        out.extend_from_slice(if self.is_dpop {
            &b"\",\"token_type\":\"DPoP\",\"expires_in\":"[..]
        } else {
            b"\",\"token_type\":\"bearer\",\"expires_in\":"
        });
        // Katana cuts the seconds after it has set the expiry a moment earlier, so its clients see one less.
        out.extend_from_slice(itoa::Buffer::new().format(self.lifetime_secs.saturating_sub(1)).as_bytes());
        if let Some(refresh_token) = self.refresh_token {
            out.extend_from_slice(b",\"refresh_token\":\"");
            out.extend_from_slice(refresh_token);
            out.push(b'"');
        }
        if let Some(id_token) = self.id_token {
            out.extend_from_slice(b",\"id_token\":\"");
            out.extend_from_slice(id_token.as_bytes());
            out.push(b'"');
        }
        self.push_fields(&mut out);
        out.extend_from_slice(b",\"scopes\":\"");
        for (at, token) in self.scope.split(' ').enumerate() {
            out.extend_from_slice(if at == 0 { b"" } else { b", " });
            out.extend_from_slice(token.as_bytes());
        }
        out.extend_from_slice(b"\",\".issued\":\"");
        push_date(&mut out, self.issued_at_secs);
        out.extend_from_slice(b"\",\".expires\":\"");
        push_date(&mut out, self.issued_at_secs + u64::from(self.lifetime_secs));
        out.extend_from_slice(b"\"}");
        out
    }

    /// The access token, which all styles begin with, in a buffer that holds the rest too.
    #[inline]
    fn begin(&self, style_len: usize) -> Vec<u8> {
        let id_token = self.id_token.map_or(0, |id_token| 16 + id_token.len());
        let tokens = self.access_token.len() + self.refresh_token.map_or(0, <[u8]>::len) + id_token;
        let mut out = Vec::with_capacity(40 + tokens + self.fields.len() + self.expiry.len() + style_len);
        out.extend_from_slice(b"{\"access_token\":\"");
        out.extend_from_slice(self.access_token);
        out
    }

    fn push_fields(&self, out: &mut Vec<u8>) {
        for members in [self.expiry, self.fields] {
            if !members.is_empty() {
                out.push(b',');
                out.extend_from_slice(members.as_bytes());
            }
        }
    }
}

/// An HTTP date (RFC 9110 section 5.6.7), which is an RFC 1123 one.
fn push_date(out: &mut Vec<u8>, secs: u64) {
    use std::io::Write as _;
    // The library's dates end with the year 9999, and panic beyond.
    let secs = secs.min(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{}", httpdate::HttpDate::from(time));
}
