//! The street map under the buildings: a style of one's own, from one's own server or another.

use axum::http::Uri;
use clap::Args;
use std::str::FromStr;

/// The map of the console. / 地图
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Map / 地图")]
pub struct MapSettings {
    /// Address of a map style (version 8) that is drawn under the buildings: `https://…/style.json`, or a
    /// path of this server; left out, there is no ground and no other server is asked. What the style
    /// names (tiles, glyphs, sprites) has to come from the same origin. / 底图样式地址；不填则不用底图
    #[arg(long, env = "SAOLOU_MAP_STYLE")]
    pub map_style: Option<MapStyle>,
}

/// The address of a style, and the origin that pages may ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapStyle {
    /// As it was given.
    pub url: String,
    /// `https://host:port`; none for a path of this server.
    pub origin: Option<String>,
}

impl FromStr for MapStyle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected https://host/… or /path";
        let uri: Uri = text.parse().map_err(|_| expected.to_owned())?;
        // What follows goes into a header, where a space or a semicolon would end it.
        let is_plain = |host: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            !host.is_empty() && host.chars().all(plain)
        };
        let origin = match (uri.scheme_str(), uri.authority()) {
            (None, None) if text.starts_with('/') && !text.starts_with("//") => None,
            (Some(scheme @ ("https" | "http")), Some(host)) if is_plain(host.as_str()) => {
                Some(format!("{scheme}://{host}"))
            }
            _ => return Err(expected.to_owned()),
        };
        Ok(Self { url: text.to_owned(), origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_names_one_origin_or_none() {
        let origin = |text: &str| text.parse::<MapStyle>().map(|style| style.origin);
        assert_eq!(
            origin("https://maps.example.cn:8443/gov/style.json?k=1"),
            Ok(Some("https://maps.example.cn:8443".to_owned()))
        );
        assert_eq!(origin("/maps/style.json"), Ok(None));
        for wrong in ["style.json", "ftp://x/y", "https://u@host/s", "https://a;b/s", "//h/s", ""] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
