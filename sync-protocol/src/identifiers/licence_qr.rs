//! The QR code on a business licence 营业执照: a link to the national publicity system that
//! carries the company's code, or something only its issuer can read.
//!
//! A valid code proves what the sticker says and nothing more: anybody can print a sticker.
//! The link is never followed. What cannot be read is kept raw by the caller.

use super::uscc::Uscc;

/// Host of the national enterprise credit publicity system.
const REGISTER_HOST: &str = "gsxt.gov.cn";

/// What a scanned text gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LicenceQr {
    /// A link into the publicity system with a code whose check character is right.
    Uscc(Uscc),
    /// Anything else: local systems, the opaque token of the newer 企业码, a poster.
    Opaque,
}

/// Reads the text of a scanned code.
///
/// Only `http` and `https` links count, with `gsxt.gov.cn` or a host under it, no user
/// name before the host, and exactly one value of `uniscid`.
pub fn read(raw: &str) -> LicenceQr {
    let code = claimed(raw).and_then(|code| Uscc::parse(code).ok());
    code.map_or(LicenceQr::Opaque, LicenceQr::Uscc)
}

/// What a link into the publicity system gives as the company's code, whether or not its check
/// character is right.
pub fn claimed(raw: &str) -> Option<&str> {
    code_in(raw.trim())
}

/// Whether the text of a code is surely none of a licence: what pays, what signs into a network, what
/// makes friends. Anything else may be a local register's.
#[must_use]
pub fn is_of_another_use(text: &str) -> bool {
    const BEGIN: [&str; 12] = [
        "wxp://",
        "https://qr.alipay.com/",
        "https://qr.95516.com/",
        "https://u.wechat.com/",
        "http://weixin.qq.com/",
        "https://weixin.qq.com/",
        "wifi:",
        "begin:vcard",
        "mecard:",
        "tel:",
        "mailto:",
        "smsto:",
    ];
    let text = text.trim().to_ascii_lowercase();
    BEGIN.iter().any(|begin| text.starts_with(begin))
}

fn code_in(link: &str) -> Option<&str> {
    // Programs differ on blanks and backslashes inside a link; none belongs in this one.
    if link.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = link.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host_end);
    if !is_register(authority) {
        return None;
    }
    let (path, _) = path.split_once('#').unwrap_or((path, ""));
    let (_, query) = path.split_once('?')?;
    let mut codes = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("uniscid"))
        .map(|(_, value)| value);
    let code = codes.next()?;
    if codes.any(|other| other != code) {
        return None;
    }
    Some(code)
}

/// `authority` is `host` or `host:port`; an `@` is no letter of a host and fails here.
fn is_register(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let host = host.to_ascii_lowercase();
    let Some(below) = host.strip_suffix(REGISTER_HOST) else {
        return false;
    };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    below.is_empty() || below.strip_suffix('.').is_some_and(|names| names.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::{LicenceQr, read};

    fn code(link: &str) -> Option<String> {
        match read(link) {
            LicenceQr::Uscc(uscc) => Some(uscc.to_string()),
            LicenceQr::Opaque => None,
        }
    }

    #[test]
    fn the_register_and_its_provincial_hosts_are_read() {
        for link in [
            "https://www.gsxt.gov.cn/index.html?uniscid=91990101MADEMA0198",
            "HTTP://GSXT.GOV.CN?uniscid=91990101madema0198",
            " http://sn.gsxt.gov.cn:80/a/b?x=1&uniscid=91990101MADEMA0198#top\r\n",
        ] {
            assert_eq!(code(link).as_deref(), Some("91990101MADEMA0198"), "{link}");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_the_register_is_opaque() {
        for host in [
            "evilgsxt.gov.cn",
            "gsxt.gov.cn.evil.com",
            "www.gsxt.gov.cn@evil.com",
            "evil.com#www.gsxt.gov.cn",
            "evil.com/www.gsxt.gov.cn",
            "evil.com?www.gsxt.gov.cn",
            "evil.com\\.gsxt.gov.cn",
            "user:pass@www.gsxt.gov.cn",
            "www.gsxt.gov.cn:80@evil.com",
            "-evil.com%2egsxt.gov.cn",
            ".gsxt.gov.cn",
            "..gsxt.gov.cn",
            "www.gsxt.gov.cn.",
            "www.ｇｓｘｔ.gov.cn",
            "evil.com .gsxt.gov.cn",
            "",
        ] {
            let link = format!("https://{host}/index.html?uniscid=91990101MADEMA0198");
            assert_eq!(code(&link), None, "{link}");
        }
    }

    #[test]
    fn a_link_without_one_valid_code_is_opaque() {
        for link in [
            "https://www.gsxt.gov.cn/index.html",
            "https://www.gsxt.gov.cn/index.html?uniscid=91990101MADEMA0199",
            "https://www.gsxt.gov.cn/?uniscid=91990101MADEMA0198&uniscid=91990101MADEMA0273",
            "https://www.gsxt.gov.cn/#?uniscid=91990101MADEMA0198",
            "ftp://www.gsxt.gov.cn/?uniscid=91990101MADEMA0198",
            "www.gsxt.gov.cn/?uniscid=91990101MADEMA0198",
            "91990101MADEMA0198",
            "",
            "\u{1f4f7}",
        ] {
            assert_eq!(code(link), None, "{link}");
        }
    }
}
