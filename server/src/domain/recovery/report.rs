//! What recovery found, for whoever runs it.

use super::Forgotten;
use super::traces::Trace;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde::Serialize;

/// Photos that are told one by one.
const TOLD_MAX: usize = 500;

/// What recovery found and did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Recovered {
    /// Whether the evidence log here has all that its copy has.
    is_log_whole: bool,
    /// Whether originals were looked for in an archive, too, and not in this folder alone.
    has_archive: bool,
    /// Photos in their places again, with author and building.
    pub(crate) placed: u64,
    /// Photos that wait for the desk or their record: author or building are not known.
    pub(crate) unclaimed: u64,
    /// Photos that the log names and whose originals are nowhere; a phone that still has one is asked
    /// for it.
    pub(crate) lost: u64,
    /// Removals by two persons that were noted again.
    pub(crate) removals: u64,
    /// Holds that were noted again, under the number of their entry instead of their case.
    pub(crate) holds: u64,
    /// Releases of which nobody knows which hold they lifted: all hold on.
    pub(crate) releases_unmatched: usize,
    /// What cannot be known any more, the first five hundred.
    unknown: Vec<Unknown>,
    /// All of it in words.
    told: Vec<Words>,
}

/// A photo of which not everything is known.
#[derive(Clone, Debug, Serialize)]
struct Unknown {
    photo_id: PhotoId,
    sha256: Hash,
    leaf_index: i64,
    received_ms: Millis,
    zh: &'static str,
    en: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Words {
    zh: String,
    en: String,
}

impl Recovered {
    pub(super) const fn new(is_log_whole: bool, has_archive: bool) -> Self {
        Self {
            is_log_whole,
            has_archive,
            placed: 0,
            unclaimed: 0,
            lost: 0,
            removals: 0,
            holds: 0,
            releases_unmatched: 0,
            unknown: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Whether nothing is missing.
    pub(crate) const fn is_well(&self) -> bool {
        self.is_log_whole && self.lost == 0
    }

    /// With all of it in words.
    pub(crate) fn told(mut self) -> Self {
        let Self { placed, unclaimed, lost, removals, holds, releases_unmatched, .. } = &self;
        let mut told = Vec::new();
        let mut tell = |count: u64, zh: String, en: String| {
            if count > 0 {
                told.push(Words { zh, en });
            }
        };
        tell(
            u64::from(!self.is_log_whole),
            "存证日志尚未从其副本补齐：请先检查数据目录 evidence/，再重新执行".into(),
            "the evidence log is not filled up from its copy: look at evidence/ in the data folder, \
             and run this again"
                .into(),
        );
        tell(
            u64::from(!self.has_archive),
            "未指定归档（--archive），只在本机文件夹中查找了原件".into(),
            "no archive is named (--archive): originals were looked for in this folder alone"
                .into(),
        );
        tell(
            *placed,
            format!("{placed} 张照片已按日志和记录恢复归属"),
            format!("{placed} photos are in their places again"),
        );
        tell(
            *unclaimed,
            format!(
                "{unclaimed} 张照片的拍摄人或楼宇不可知，待记录再次到达或由督导归属，原件已保留"
            ),
            format!(
                "{unclaimed} photos wait: who took them or where is not known until their records \
                 come again or the desk attaches them; their originals are kept"
            ),
        );
        tell(
            *lost,
            format!("{lost} 张照片日志有载而原件不在此处也不在归档，手机若仍保留将被要求补传"),
            format!(
                "{lost} photos are in the log and their originals nowhere; phones that still have \
                 them are asked"
            ),
        );
        tell(
            *removals,
            format!("{removals} 份原件按日志已由双人到期移除，已重新登记"),
            format!("{removals} originals were removed by two persons, and are noted so again"),
        );
        tell(
            *holds,
            format!("{holds} 项冻结已恢复，案号不可知，以日志条目编号代替"),
            format!(
                "{holds} holds are back, under the number of their log entry: no case is known"
            ),
        );
        tell(
            *releases_unmatched as u64,
            format!("{releases_unmatched} 次解除无法对应到具体冻结，均保持冻结，请核对后解除"),
            format!("{releases_unmatched} releases match no hold for certain: all hold on"),
        );
        self.told = told;
        self
    }

    pub(super) fn is_found(&mut self, one: &Forgotten, trace: &Trace) {
        if trace.is_placed() {
            self.placed += 1;
            return;
        }
        self.unclaimed += 1;
        let words = match (trace.author, trace.building.is_nil()) {
            (Some(_), _) => ("所属楼宇不可知", "the building is not known"),
            (None, false) => ("拍摄人不可知", "who took it is not known"),
            (None, true) => ("拍摄人和楼宇均不可知", "neither who took it nor where is known"),
        };
        self.tell(one, words);
    }

    pub(super) fn is_lost(&mut self, one: &Forgotten) {
        self.lost += 1;
        self.tell(one, ("原件不在此处也不在归档", "its original is neither here nor archived"));
    }

    fn tell(&mut self, one: &Forgotten, (zh, en): (&'static str, &'static str)) {
        if self.unknown.len() < TOLD_MAX {
            let Forgotten { photo, sha256, leaf_index, received_ms, .. } = *one;
            self.unknown.push(Unknown { photo_id: photo, sha256, leaf_index, received_ms, zh, en });
        }
    }
}
