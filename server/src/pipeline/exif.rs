//! What the camera wrote into a photo (Exif 2.3): when, where, with what. It may be wrong or made up,
//! and is shown to nobody but who looks at a finding.

use exif::{Exif as Fields, In, Reader, Tag, Value};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::io::Cursor;

/// Characters of a name that are kept.
const CHARS_MAX: usize = 64;
/// China has one time; a camera that names no zone is set to it.
const ZONE_MINUTES: i64 = 8 * 60;

/// What the camera wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exif {
    /// What must be done to see it upright, 1 to 8; 1 is nothing.
    pub orientation: u8,
    /// When it was taken, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_ms: Option<Millis>,
    /// Whether the camera said in which time zone; else that of China was assumed.
    #[serde(default)]
    pub is_zone_known: bool,
    /// Where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Who made the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Which camera it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A place by satellite, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees, north of the equator.
    pub latitude: f64,
    /// Degrees, east of Greenwich.
    pub longitude: f64,
    /// How far off that may be, in metres, where the camera said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// Reads what there is; `None` where there is nothing, or nothing that can be read.
pub(super) fn read(bytes: &[u8]) -> Option<Exif> {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_from_container(&mut Cursor::new(bytes));
    let fields = read.or_else(|error| error.distill_partial_result(|_| ())).ok()?;
    let orientation = number(&fields, Tag::Orientation).and_then(|number| number.try_into().ok());
    let zone = text(&fields, Tag::OffsetTimeOriginal).and_then(|zone| zone_minutes(&zone));
    let taken = text(&fields, Tag::DateTimeOriginal).or_else(|| text(&fields, Tag::DateTime));
    Some(Exif {
        orientation: orientation.filter(|turn| (1..=8).contains(turn)).unwrap_or(1),
        taken_ms: taken.and_then(|taken| taken_ms(&taken, zone.unwrap_or(ZONE_MINUTES))),
        is_zone_known: zone.is_some(),
        place: place(&fields),
        make: text(&fields, Tag::Make),
        model: text(&fields, Tag::Model),
    })
}

fn number(fields: &Fields, tag: Tag) -> Option<u32> {
    fields.get_field(tag, In::PRIMARY)?.value.get_uint(0)
}

fn text(fields: &Fields, tag: Tag) -> Option<String> {
    let Value::Ascii(lines) = &fields.get_field(tag, In::PRIMARY)?.value else { return None };
    let line = String::from_utf8_lossy(lines.first()?);
    let line = line.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    (!line.is_empty()).then(|| line.chars().take(CHARS_MAX).collect())
}

fn place(fields: &Fields) -> Option<Place> {
    let latitude = degrees(fields, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S")?;
    let longitude = degrees(fields, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W")?;
    let is_on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    // What is not known is written as nothing at all, and read as the gulf of Guinea.
    let is_known = latitude != 0.0 || longitude != 0.0;
    let accuracy_m = rationals(fields, Tag::GPSHPositioningError).first().copied();
    (is_on_earth && is_known).then_some(Place { latitude, longitude, accuracy_m })
}

fn degrees(fields: &Fields, tag: Tag, side: Tag, below: &str) -> Option<f64> {
    let parts = rationals(fields, tag);
    let [degrees, minutes, seconds] = *parts.first_chunk()?;
    let degrees = degrees + minutes / 60.0 + seconds / 3600.0;
    let is_below = text(fields, side)?.eq_ignore_ascii_case(below);
    Some(if is_below { -degrees } else { degrees })
}

fn rationals(fields: &Fields, tag: Tag) -> Vec<f64> {
    let field = fields.get_field(tag, In::PRIMARY).map(|field| &field.value);
    let Some(Value::Rational(parts)) = field else { return Vec::new() };
    let parts: Vec<f64> = parts.iter().map(exif::Rational::to_f64).collect();
    if parts.iter().all(|part| part.is_finite()) { parts } else { Vec::new() }
}

/// `+08:00`, in minutes.
fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    match sign {
        "+" => Some(minutes),
        "-" => Some(-minutes),
        _ => None,
    }
}

/// `2026:11:23 10:15:00`, in a zone so many minutes east of Greenwich.
fn taken_ms(taken: &str, zone_minutes: i64) -> Option<Millis> {
    let numbers: Vec<i64> =
        taken.split([':', ' ']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second] = *numbers.as_slice() else { return None };
    let is_a_time = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !is_a_time {
        return None;
    }
    // Days since 1970 of the proleptic Gregorian calendar; the year begins in March, so that the
    // leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468;
    let minutes = (days * 24 + hour) * 60 + minute - zone_minutes;
    Some((minutes * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::{taken_ms, zone_minutes};

    #[test]
    fn times_are_read_in_their_zone() {
        assert_eq!(taken_ms("1970:01:01 08:00:00", 480), Some(0));
        assert_eq!(taken_ms("2026:11:23 08:00:00", 480), Some(1_795_392_000_000));
        assert_eq!(taken_ms("2024:02:29 23:59:59", 0), Some(1_709_251_199_000));
        assert_eq!(taken_ms("2026:11:23 01:00:00", 60), Some(1_795_392_000_000));
        for odd in ["", "0000:00:00 00:00:00", "2026-11-23", "2026:13:01 00:00:00", "a:b:c d:e:f"] {
            assert_eq!(taken_ms(odd, 480), None, "{odd}");
        }
        assert_eq!(zone_minutes("+08:00"), Some(480));
        assert_eq!(zone_minutes("-03:30"), Some(-210));
        assert_eq!(zone_minutes(""), None);
        assert_eq!(zone_minutes("中8"), None);
    }
}
