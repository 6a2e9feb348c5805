//! The order in which people read door labels: numbers by value, so that 603B stands before 605 and
//! 9 before 10.

/// A part of a label: a run of digits by value, or a run of anything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Digits, without leading zeros: shorter is smaller, then by text.
    Number(usize, String),
    /// Anything else.
    Text(String),
}

/// A key that sorts labels as people read them; labels that read alike sort by their text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DoorOrder(Vec<Part>, String);

impl DoorOrder {
    /// The key of a label.
    #[must_use]
    pub fn of(label: &str) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for c in label.chars() {
            match (c.is_ascii_digit(), parts.last_mut()) {
                (true, Some(Part::Number(_, digits))) => digits.push(c),
                (true, _) => parts.push(Part::Number(0, c.into())),
                (false, Some(Part::Text(text))) => text.push(c),
                (false, _) => parts.push(Part::Text(c.into())),
            }
        }
        for part in &mut parts {
            if let Part::Number(len, digits) = part {
                let significant = digits.trim_start_matches('0').to_owned();
                (*len, *digits) = (significant.len(), significant);
            }
        }
        Self(parts, label.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_sort_as_people_read_them() {
        let mut labels = ["1001", "605", "603B", "603A", "0604", "B1-10", "B1-9", "603", "会议室"];
        labels.sort_by_cached_key(|label| DoorOrder::of(label));
        assert_eq!(
            labels,
            ["603", "603A", "603B", "0604", "605", "1001", "B1-9", "B1-10", "会议室"]
        );
    }
}
