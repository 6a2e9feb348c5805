//! Single-valued fields: every write is kept, a write kills what its author had seen, and what is
//! not killed is live. More than one distinct live value is a conflict.
//!
//! No version numbers and no timestamps decide who wins: an honest phone that sends late or out of
//! order neither loses its value nor raises a false conflict (protocol §1).

use crate::codes::codes;
use crate::ids::OpId;
use crate::time::Millis;

codes! {
    /// Where a value comes from, best first (domain §2.5).
    pub enum Source {
        /// 二维码核验.
        LicenceQrVerified = "licence_qr_verified",
        /// 公示系统核对.
        DeskVerified = "desk_verified",
        /// 执照照片录入.
        LicencePhotoTyped = "licence_photo_typed",
        /// 电子执照.
        ELicenceShown = "e_licence_shown",
        /// 口述.
        StatedOrally = "stated_orally",
        /// 招牌/门牌.
        Signage = "signage",
        /// 楼层水牌.
        DirectoryBoard = "directory_board",
        /// 导入清单.
        ImportedList = "imported_list",
    }
}

/// One value that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<V> {
    /// The op that wrote it.
    pub op: OpId,
    /// The value.
    pub value: V,
    /// Where it comes from.
    pub source: Source,
    /// Corrected time.
    pub at_ms: Millis,
}

/// All writes to one field of one subject, best live one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<V> {
    /// Writes that nobody overruled; the first is displayed.
    pub live: Vec<Write<V>>,
    /// Writes whose op is in the `seen` of a later write; readable for ever.
    pub overruled: Vec<Write<V>>,
}

impl<V> Field<V> {
    /// Sorts writes into live and overruled. The order of `writes` does not matter.
    #[must_use]
    pub fn of(writes: Vec<Write<V>>, killed: impl Fn(OpId) -> bool) -> Self {
        let (mut overruled, mut live): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|write| killed(write.op));
        let best_first =
            |a: &Write<V>, b: &Write<V>| (a.source, b.at_ms, b.op).cmp(&(b.source, a.at_ms, a.op));
        live.sort_by(best_first);
        overruled.sort_by(best_first);
        Self { live, overruled }
    }

    /// The displayed value: by source, then latest corrected time, then largest op id. Where every
    /// write is overruled (two writes that each saw the other), the best of those.
    #[must_use]
    pub fn displayed(&self) -> Option<&Write<V>> {
        self.live.first().or_else(|| self.overruled.first())
    }

    /// The op ids of the live writes, where they disagree under `key`; otherwise none.
    #[must_use]
    pub fn siblings<K: PartialEq>(&self, key: impl Fn(&V) -> K) -> Vec<OpId> {
        let Some(first) = self.live.first().map(|write| key(&write.value)) else {
            return Vec::new();
        };
        if self.live.iter().all(|write| key(&write.value) == first) {
            return Vec::new();
        }
        self.live.iter().map(|write| write.op).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn op(n: u128) -> OpId {
        OpId(Uuid::from_u128(n))
    }

    fn write(n: u128, value: &'static str, source: Source, at_ms: Millis) -> Write<&'static str> {
        Write { op: op(n), value, source, at_ms }
    }

    #[test]
    fn a_write_that_saw_the_old_value_replaces_it_without_a_conflict() {
        let writes =
            vec![write(1, "1207", Source::ImportedList, 1), write(2, "1208", Source::Signage, 2)];
        let field = Field::of(writes, |killed| killed == op(1));
        assert_eq!(field.displayed().map(|write| write.value), Some("1208"));
        assert!(field.siblings(|value| *value).is_empty());
        assert_eq!(field.overruled.len(), 1, "the losing value stays readable");
    }

    #[test]
    fn writes_that_did_not_see_each_other_are_siblings_and_the_better_source_is_displayed() {
        let writes = vec![
            write(2, "late sign", Source::Signage, 9),
            write(1, "register", Source::DeskVerified, 1),
        ];
        let field = Field::of(writes, |_| false);
        assert_eq!(field.displayed().map(|write| write.value), Some("register"));
        assert_eq!(field.siblings(|value| *value), [op(1), op(2)]);
    }

    #[test]
    fn within_a_source_the_later_corrected_time_is_displayed() {
        let writes = vec![write(1, "b", Source::Signage, 5), write(2, "a", Source::Signage, 4)];
        assert_eq!(Field::of(writes, |_| false).displayed().map(|write| write.value), Some("b"));
    }
}
