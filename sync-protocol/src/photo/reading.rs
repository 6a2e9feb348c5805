//! What reading its bytes gave of a photo, and of two photos that look alike: facts that only the
//! server can know, because it has the bytes.
//!
//! Of a QR code only that is told which the findings need: the code of a company where it is one of a
//! licence, otherwise that there was one. What else stood in it, a number to call or a network's
//! password, stays where the photo is.

use crate::body::Body;
use crate::canonical::Hash;
use crate::codes::codes;
use crate::identifiers::licence_qr::{claimed, is_of_another_use};
use crate::ids::{BuildingId, PhotoId};
use crate::issue::Issues;
use crate::location::Location;
use crate::time::Millis;
use serde_json::{Value, json};

codes! {
    /// Why a photo could not be decoded. The original is kept all the same.
    pub enum Undecodable {
        /// It begins like no picture that is known.
        NotImage = "not_image",
        /// It is a picture that nothing here can decode.
        PreviewUnavailable = "preview_unavailable",
        /// It breaks off, or breaks its format's rules.
        Corrupt = "corrupt",
        /// It claims more pixels than a camera has.
        TooLarge = "too_large",
        /// It took more memory than a photo may.
        OutOfMemory = "out_of_memory",
        /// It took more time than a photo may.
        TooSlow = "too_slow",
        /// The decoder did not survive it.
        Crashed = "crashed",
    }
}

/// Companies' codes that are told of one photo, and characters of each.
const CODES_MAX: usize = 16;
const CODE_CHARS_MAX: usize = 64;

/// What reading its bytes gave of a photo: the body of `photo_read`.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoReading {
    /// The photo.
    pub photo: PhotoId,
    /// SHA-256 of the bytes that were read.
    pub sha256: Hash,
    /// The version of the program that read them: of two readings the later version's counts.
    pub reader: i64,
    /// Why there is nothing else, where that is so.
    pub undecodable: Option<Undecodable>,
    /// Its long side, in pixels; 0 where that is not known.
    pub long_side_px: i64,
    /// Variance of the Laplacian, rounded; 0 where it was not decoded.
    pub sharpness: i64,
    /// Small print cannot be read in it.
    pub is_smeared: bool,
    /// What its QR codes are.
    pub codes: Codes,
    /// When it was taken, as the camera wrote.
    pub taken_ms: Option<Millis>,
    /// Where it was taken, as the camera wrote.
    pub place: Option<Location>,
}

/// What the QR codes in a photo are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// Codes of companies in links into the national register, right or wrong.
    pub licences: Vec<String>,
    /// There are codes, and all of them are surely of something else than a licence.
    pub is_all_of_another_use: bool,
    /// There is a code at all.
    pub is_any: bool,
}

impl Codes {
    /// Looks at the texts of codes.
    #[must_use]
    pub fn of(texts: &[String]) -> Self {
        let licences = texts.iter().filter_map(|text| claimed(text)).take(CODES_MAX);
        let cut = |code: &str| code.chars().take(CODE_CHARS_MAX).collect();
        Self {
            licences: licences.map(cut).collect(),
            is_all_of_another_use: !texts.is_empty()
                && texts.iter().all(|text| is_of_another_use(text)),
            is_any: !texts.is_empty(),
        }
    }
}

impl PhotoReading {
    /// Reads the body of `photo_read`.
    #[must_use]
    pub fn read(body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        let is = |name: &str| body.raw(name) == Some(&Value::Bool(true));
        Some(Self {
            photo: body.id("photo_id", issues)?,
            sha256: Hash::parse(body.text("sha256", issues)?)?,
            reader: body.integer("reader", issues).unwrap_or(0),
            undecodable: body.code("undecodable", issues, Undecodable::parse, Undecodable::Crashed),
            long_side_px: body.integer("long_side_px", issues).unwrap_or(0),
            sharpness: body.integer("sharpness", issues).unwrap_or(0),
            is_smeared: is("is_smeared"),
            codes: Codes {
                licences: texts(body.list("licence_codes", issues)),
                is_all_of_another_use: is("is_code_of_another_use"),
                is_any: is("is_code_there"),
            },
            taken_ms: body.integer("taken_ms", issues),
            place: Location::read(body, issues),
        })
    }

    /// The body of `photo_read`.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "photo_id": self.photo, "sha256": self.sha256, "reader": self.reader,
            "long_side_px": self.long_side_px, "sharpness": self.sharpness,
            "is_smeared": self.is_smeared, "licence_codes": self.codes.licences,
            "is_code_of_another_use": self.codes.is_all_of_another_use,
            "is_code_there": self.codes.is_any,
        });
        if let Some(why) = self.undecodable {
            body["undecodable"] = json!(why);
        }
        if let Some(taken_ms) = self.taken_ms {
            body["taken_ms"] = json!(taken_ms);
        }
        if let Some(place) = &self.place {
            body["location"] = json!({
                "lat": place.latitude, "lon": place.longitude, "datum": place.datum,
                "accuracy": place.accuracy_m,
            });
        }
        body
    }
}

fn texts(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).take(CODES_MAX).map(str::to_owned).collect()
}

/// One of two photos that look alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alike {
    /// The photo.
    pub photo: PhotoId,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// The building that it was taken for.
    pub building: BuildingId,
    /// The codes of companies that stand in it, and those that its record says it shows, as far as
    /// whoever tells of it knew them.
    pub licences: Vec<String>,
}

/// Two photos that are the same or look alike: the body of `photo_alike`. It says the same whichever of
/// them came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resemblance {
    /// The two, the smaller id first.
    pub photos: [Alike; 2],
    /// In how many bits the hashes of their looks differ, of 64 and of 256; `None` where their bytes
    /// are the same.
    pub bits: Option<(i64, i64)>,
}

impl Resemblance {
    /// Two photos, in whatever order.
    #[must_use]
    pub fn of(one: Alike, other: Alike, bits: Option<(i64, i64)>) -> Self {
        let mut photos = [one, other];
        photos.sort();
        Self { photos, bits }
    }

    /// Reads the body of `photo_alike`.
    #[must_use]
    pub fn read(body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        let mut photos = body.objects("photos", issues).into_iter();
        let mut next = || {
            let photo = photos.next()?;
            Some(Alike {
                photo: photo.id("photo_id", issues)?,
                sha256: Hash::parse(photo.text("sha256", issues)?)?,
                building: photo.id("building_id", issues)?,
                licences: texts(photo.list("licence_codes", issues)),
            })
        };
        let (one, other) = (next()?, next()?);
        let bits = body.integer("bits_of_64", issues).zip(body.integer("bits_of_256", issues));
        Some(Self::of(one, other, bits))
    }

    /// The body of `photo_alike`.
    #[must_use]
    pub fn body(&self) -> Value {
        let photos = self.photos.each_ref().map(|alike| {
            json!({
                "photo_id": alike.photo, "sha256": alike.sha256,
                "building_id": alike.building, "licence_codes": alike.licences,
            })
        });
        let mut body = json!({ "photos": photos });
        if let Some((of_64, of_256)) = self.bits {
            body["bits_of_64"] = json!(of_64);
            body["bits_of_256"] = json!(of_256);
        }
        body
    }
}
