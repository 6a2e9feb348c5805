//! The certificate of a bundle: what a court wants to read beside a photo (电子数据取证说明): format,
//! size, integrity value, time, place, method, persons, where it is kept.

use crate::store::{LoggedRow, PhotoFacts};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde_json::Value;

/// What the certificate tells of.
pub(super) struct Certificate<'a> {
    pub(super) photo_id: PhotoId,
    pub(super) sha256: Hash,
    pub(super) bytes: u64,
    pub(super) media_type: &'a str,
    pub(super) facts: &'a PhotoFacts,
    /// Who takes the bundle out.
    pub(super) by: Option<&'a str>,
    pub(super) at_ms: Millis,
    pub(super) origin: String,
    pub(super) logged: &'a [LoggedRow],
}

/// Media type by the first bytes.
pub(super) fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', ..] => "image/heic",
        _ => "application/octet-stream",
    }
}

/// A time as it is read in China, whose clocks all show UTC+8.
pub(crate) fn in_china(at_ms: Millis) -> String {
    const DAY_S: i64 = 24 * 3600;
    let local_s = at_ms.div_euclid(1000) + 8 * 3600;
    let (days, of_day) = (local_s.div_euclid(DAY_S), local_s.rem_euclid(DAY_S));
    // Days from 0000-03-01, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year + era * 400 + i64::from(month >= 10), (month + 2) % 12 + 1);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} (UTC+8)")
}

impl Certificate<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        let Self { photo_id, sha256, bytes, media_type, facts, origin, .. } = self;
        let manifest = facts.manifest.as_deref().and_then(|bytes| {
            let value: Value = serde_json::from_slice(bytes).ok()?;
            Manifest::read(value.as_object()?)
        });
        let captured = manifest.as_ref().and_then(|manifest| manifest.captured.as_ref());
        let captured = captured.map_or_else(
            || "无拍摄清单，以服务器接收时间为准".to_owned(),
            |captured| format!("{}（设备时钟）", in_china(captured.wall_ms)),
        );
        let building = facts.building.as_deref().and_then(name_of);
        let building = building.unwrap_or_else(|| facts.building_id.to_string());
        let place = manifest.as_ref().and_then(|manifest| manifest.location).map_or_else(
            || "未附定位".to_owned(),
            |at| {
                format!(
                    "北纬 {:.6}，东经 {:.6}，精度 {:.0} 米",
                    at.latitude, at.longitude, at.accuracy_m
                )
            },
        );
        let author = facts.author.clone().unwrap_or_else(|| facts.author_id.to_string());
        let (received, made) = (in_china(facts.received_ms), in_china(self.at_ms));
        let by = self.by.unwrap_or("系统管理员（命令行）");
        let storage = self.storage();
        let at_the_phone = match manifest.as_ref().map(|manifest| manifest.signature.is_some()) {
            Some(true) => "移动终端拍摄后计算 SHA-256，并以设备密钥对拍摄清单签名",
            Some(false) => "移动终端拍摄后计算 SHA-256 并制作拍摄清单，清单未签名",
            None => "移动终端上传时申报 SHA-256，无拍摄清单",
        };
        format!(
            "电子数据固定说明\n================\n\
             照片编号：{photo_id}\n\
             数据格式：{media_type}\n\
             数据大小：{bytes} 字节\n\
             完整性校验值（SHA-256）：{sha256}\n\
             拍摄时间：{captured}\n\
             接收时间：{received}（服务器时钟）\n\
             地点：{building}；{place}\n\
             拍摄人员：{author}\n\
             调取人员：{by}\n\
             调取时间：{made}\n\
             固定方法：{at_the_phone}；服务器接收后复核校验值，\
             原件只写一次、以校验值命名保存，并将事件写入可公开核验的只增日志（RFC 6962 默克尔树，日志名称 {origin}）。\n\
             存储位置：{storage}\n\
             核验方法：saolou evidence verify bundle <本文件> --key <另行取得的日志公钥>\n\n\
             本说明由系统自动生成，为文字说明，其内容以日志条目及其证明为准；\
             其中姓名、地点文字取自业务数据库，不在日志证明范围之内。\n"
        )
    }

    fn storage(&self) -> String {
        let archived = self.logged.iter().filter_map(|row| match Entry::read(&row.body)?.event {
            Event::Archived { bucket, key, mode, .. } => {
                Some(format!("归档 {bucket}/{key}（锁定方式：{mode}）"))
            }
            _ => None,
        });
        let count = |name: fn(&Event) -> bool| {
            let read = self.logged.iter().filter_map(|row| Entry::read(&row.body));
            read.filter(|entry| name(&entry.event)).count()
        };
        let (on, off) = (
            count(|event| matches!(event, Event::HoldOn { .. })),
            count(|event| matches!(event, Event::HoldOff { .. })),
        );
        let removed = self.logged.iter().find_map(|row| {
            let entry = Entry::read(&row.body)?;
            matches!(entry.event, Event::Removed { .. }).then_some((row.leaf_index, entry.at_ms))
        });
        let mut places = vec![match removed {
            Some((leaf_index, at_ms)) => format!(
                "原件已于 {} 保存期满后由两人共同移除（日志第 {leaf_index} 条），本证据包不含原件，\
                 他处如有副本，可凭校验值比对",
                in_china(at_ms)
            ),
            None => format!("服务器数据目录 photos/sha256/（{}）", self.sha256),
        }];
        places.extend(archived);
        if on > 0 {
            places.push(format!("依法冻结 {on} 次，解除 {off} 次"));
        }
        places.join("；")
    }
}

/// The name of a building as served.
fn name_of(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    Some(value.get("attributes")?.get("name")?.as_str()?.to_owned())
}
