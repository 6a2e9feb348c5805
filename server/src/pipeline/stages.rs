//! How long each stage of the pipeline takes on a photo: for whoever measures, not for the server.

use super::look::Look;
use super::{Format, codes, exif, picture, preview};
use std::time::{Duration, Instant};

/// Takes a photo through all stages in this process, and says how long each took; after a stage that
/// fails there are no more. The last is a thumbnail alone, without the others.
#[must_use]
pub fn stages(bytes: &[u8]) -> Vec<(&'static str, Duration)> {
    let mut watch = Watch { since: Instant::now(), stages: Vec::new() };
    let format = Format::sniff(bytes);
    let turn = exif::read(bytes).map_or(1, |exif| exif.orientation);
    watch.lap("EXIF");
    let Ok(picture) = picture::decode(format, bytes) else { return watch.stages };
    watch.lap("decode");
    let grey = picture.luma();
    watch.lap("grey");
    _ = std::hint::black_box(codes::read(&grey));
    watch.lap("codes");
    _ = std::hint::black_box(Look::at(&grey, turn));
    watch.lap("look");
    _ = std::hint::black_box(preview::draw(&picture, turn));
    watch.lap("previews");
    drop(picture);
    watch.since = Instant::now();
    _ = std::hint::black_box(preview::thumbnail(format, bytes, turn));
    watch.lap("a thumbnail alone");
    watch.stages
}

struct Watch {
    since: Instant,
    stages: Vec<(&'static str, Duration)>,
}

impl Watch {
    fn lap(&mut self, name: &'static str) {
        self.stages.push((name, self.since.elapsed()));
        self.since = Instant::now();
    }
}
