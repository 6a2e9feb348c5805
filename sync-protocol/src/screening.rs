//! Keyword screening 关键词筛查: which words of a list a name, a licensed scope, a sign or an
//! advertisement uses, and where.
//!
//! A hit suggests and a person decides. Scopes of lawful firms end with a disclaimer
//! 「不得从事……贷款……」, so what a clause forbids or excepts is cut before looking:
//!
//! - 不得 and 禁止 cut to the end of their clause; 未禁止 does not.
//! - 未经 before 不得 or 禁止 cuts from 未经 on, also across a comma.
//! - 除外 cuts its clause from the start.
//!
//! A clause ends at a comma; a bracket inside it belongs to it, and the text in a bracket has
//! clauses of its own. A full stop, a semicolon or a new line ends everything, even a bracket
//! left open: one missing mark must not hide the rest of a text. 、 ends nothing. 不含 is not a
//! negation, because 「不含手续费的贷款」 is a loan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::identifiers::typed::is_blank;

/// Characters of the text shown on either side of a hit.
const CONTEXT_CHARS: usize = 12;

/// Words to look for, published as one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeywordSet {
    /// Grows with every edition, so that a verdict can be read against its list.
    pub version: u32,
    /// The words, in any order; width, case and blanks do not count.
    pub words: Vec<String>,
}

impl KeywordSet {
    /// Gives the list a new deployment starts from: the words of the two public plans and the
    /// usual local additions.
    pub fn seed() -> Self {
        let names = ["资产管理", "金融服务", "信息咨询"];
        let patrol = ["投资", "理财", "贷款", "APP开发", "放贷", "催收"];
        let advertisements =
            ["无抵押贷款", "车辆抵押贷款", "房屋抵押贷款", "无风险投资", "高收益投资"];
        let modes = ["车贷", "房贷", "信用空放"];
        // Of data services only those that bring borrowers count, hence 获客.
        let local = [
            "金融信息服务",
            "财富管理",
            "债务重组",
            "代偿",
            "垫资",
            "过桥",
            "助贷",
            "法务咨询",
            "信用修复",
            "获客",
            "养老投资",
            "预付卡",
        ];
        let words = names.iter().chain(&patrol).chain(&advertisements).chain(&modes).chain(&local);
        Self { version: 1, words: words.map(|word| (*word).to_owned()).collect() }
    }
}

/// One place where a word stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit<'a> {
    /// The word as the list has it.
    pub word: &'a str,
    /// Its first character, counted in Unicode characters of the text from 0.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// The text around it, for the person who judges.
    pub context: &'a str,
}

/// Gives the places of the words outside negated clauses, in the order of the text.
///
/// Longer words come first: inside 车辆抵押贷款 there is no second hit for 贷款, but elsewhere
/// there is. Places never overlap.
pub fn hits<'a>(text: &'a str, set: &'a KeywordSet) -> Vec<Hit<'a>> {
    let letters = letters(text);
    let cut = negated(&letters);
    let places = longest_first(matches(&letters, &cut, set), letters.len());

    let mut bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
    let chars = bytes.len();
    bytes.push(text.len());
    places
        .into_iter()
        .map(|place| {
            let start = letters[place.from].at;
            let end = letters[place.to - 1].at + 1;
            let context_from = bytes[start.saturating_sub(CONTEXT_CHARS)];
            let context_to = bytes[chars.min(end + CONTEXT_CHARS)];
            Hit {
                word: &set.words[place.word],
                start,
                end,
                context: &text[context_from..context_to],
            }
        })
        .collect()
}

/// A character as compared, and the character of the text that it came from.
struct Letter {
    c: char,
    at: usize,
}

/// The text in one width and case, without blanks; new lines stay, they end clauses.
fn letters(text: &str) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(text.len() / 3 + 1);
    for (at, typed) in text.chars().enumerate() {
        if matches!(typed, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
            letters.push(Letter { c: '\n', at });
            continue;
        }
        let folded = std::iter::once(typed).nfkd().flat_map(char::to_uppercase);
        letters.extend(folded.filter(|c| !is_blank(*c)).map(|c| Letter { c, at }));
    }
    letters
}

/// A clause that is still being read.
#[derive(Default)]
struct Clause {
    start: usize,
    /// Where a prohibition began in it.
    forbidden_from: Option<usize>,
    /// Where 未经 stood, here or before a comma.
    unless_from: Option<usize>,
}

/// Ranges to cut, as steps up and down, so that each costs the same however long it is.
struct Cuts(Vec<i64>);

impl Cuts {
    fn add(&mut self, from: usize, to: usize) {
        self.0[from] += 1;
        self.0[to] -= 1;
    }

    fn end_clause(&mut self, clause: &mut Clause, at: usize) {
        if let Some(from) = clause.forbidden_from.take() {
            self.add(from, at);
        }
        clause.start = at + 1;
    }
}

/// Says of each letter whether a negation covers it.
fn negated(letters: &[Letter]) -> Vec<bool> {
    let mut cuts = Cuts(vec![0; letters.len() + 1]);
    let mut outer: Vec<Clause> = Vec::new();
    let mut clause = Clause::default();
    for (at, letter) in letters.iter().enumerate() {
        match letter.c {
            '。' | ';' | '!' | '?' | '\n' => {
                cuts.end_clause(&mut clause, at);
                for open in &mut outer {
                    cuts.end_clause(open, at);
                }
                outer.clear();
                clause = Clause { start: at + 1, ..Clause::default() };
            }
            ',' => cuts.end_clause(&mut clause, at),
            '(' | '[' | '{' | '【' | '〔' | '〖' => {
                let inner = Clause { start: at + 1, ..Clause::default() };
                outer.push(std::mem::replace(&mut clause, inner));
            }
            ')' | ']' | '}' | '】' | '〕' | '〗' => {
                cuts.end_clause(&mut clause, at);
                if let Some(open) = outer.pop() {
                    clause = open;
                }
            }
            _ => read_marker(letters, at, &mut clause, &mut cuts),
        }
    }
    for open in outer.iter_mut().chain([&mut clause]) {
        cuts.end_clause(open, letters.len());
    }
    let mut depth = 0;
    cuts.0
        .iter()
        .take(letters.len())
        .map(|step| {
            depth += step;
            depth > 0
        })
        .collect()
}

fn read_marker(letters: &[Letter], at: usize, clause: &mut Clause, cuts: &mut Cuts) {
    let Some(next) = letters.get(at + 1) else {
        return;
    };
    match (letters[at].c, next.c) {
        ('未', '经') => {
            clause.unless_from.get_or_insert(at);
        }
        ('禁', '止') if at > 0 && matches!(letters[at - 1].c, '未' | '不' | '非') => {}
        ('不', '得') | ('禁', '止') => {
            let from = clause.unless_from.take().unwrap_or(at);
            clause.forbidden_from.get_or_insert(from);
        }
        ('除', '外') => cuts.add(clause.start, at + 2),
        _ => {}
    }
}

/// A word found at letters `from..to`.
struct Place {
    from: usize,
    to: usize,
    word: usize,
}

/// Every place of every word, by length.
fn matches(letters: &[Letter], cut: &[bool], set: &KeywordSet) -> BTreeMap<usize, Vec<Place>> {
    let mut by_first: BTreeMap<char, Vec<(usize, Vec<char>)>> = BTreeMap::new();
    for (word, text) in set.words.iter().enumerate() {
        let chars: Vec<char> = self::letters(text).into_iter().map(|l| l.c).collect();
        if let Some(first) = chars.first() {
            by_first.entry(*first).or_default().push((word, chars));
        }
    }
    let mut by_length: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
    for (from, letter) in letters.iter().enumerate() {
        for (word, chars) in by_first.get(&letter.c).into_iter().flatten() {
            let to = from + chars.len();
            let found = letters.get(from..to).is_some_and(|here| {
                here.iter().zip(chars).all(|(l, c)| l.c == *c)
                    && cut[from..to].iter().all(|cut| !cut)
            });
            if found {
                let word = *word;
                let places = by_length.entry(chars.len()).or_default();
                places.push(Place { from, to, word });
            }
        }
    }
    by_length
}

/// Keeps the longest places that do not overlap, in the order of the text.
fn longest_first(by_length: BTreeMap<usize, Vec<Place>>, letters: usize) -> Vec<Place> {
    let mut taken = vec![false; letters];
    let mut kept: Vec<Option<Place>> = Vec::new();
    kept.resize_with(letters, || None);
    for place in by_length.into_values().rev().flatten() {
        // Whatever is taken is at least as long, so an overlap always covers an end.
        if taken[place.from] || taken[place.to - 1] {
            continue;
        }
        taken[place.from..place.to].fill(true);
        let from = place.from;
        kept[from] = Some(place);
    }
    kept.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{KeywordSet, hits};

    fn words(text: &str) -> Vec<String> {
        let set = KeywordSet::seed();
        hits(text, &set).into_iter().map(|hit| hit.word.to_owned()).collect()
    }

    #[test]
    fn a_prohibition_reaches_to_the_end_of_its_clause() {
        assert_eq!(words("从事投资但不得从事贷款、理财"), ["投资"]);
        assert_eq!(words("不得从事贷款；个人理财"), ["理财"]);
        assert_eq!(words("不得从事贷款，投资"), ["投资"]);
        assert_eq!(words("禁止从事贷款业务。催收"), ["催收"]);
        assert_eq!(words("从事法律未禁止的投资活动"), ["投资"]);
        assert_eq!(words("禁止吸烟\n无抵押贷款"), ["无抵押贷款"]);
    }

    #[test]
    fn a_prohibition_passes_over_a_bracket_inside_it() {
        assert!(words("不得向公众集（融）资、发放贷款").is_empty());
        assert!(words("不得从事（贷款，理财）业务").is_empty());
        assert_eq!(words("投资（不得从事贷款）、理财"), ["投资", "理财"]);
    }

    #[test]
    fn without_approval_no_is_cut_from_its_first_word() {
        assert!(words("未经贷款监管部门批准，不得从事理财").is_empty());
        assert!(words("未经贷款监管部门批准不得从事理财").is_empty());
        assert_eq!(words("未经加工的农产品，贷款"), ["贷款"]);
        assert_eq!(words("未经审批；贷款不得"), ["贷款"]);
    }

    #[test]
    fn an_exception_is_cut_back_to_the_start_of_its_clause() {
        assert_eq!(words("投资管理（贷款、理财除外）"), ["投资"]);
        assert_eq!(words("投资，理财除外，贷款"), ["投资", "贷款"]);
    }

    #[test]
    fn an_open_bracket_hides_nothing_after_the_next_stop() {
        assert_eq!(words("不得从事（理财；投资"), ["投资"]);
        assert_eq!(words("）贷款（"), ["贷款"]);
    }

    #[test]
    fn a_hit_says_where_it_stands_in_the_text_as_typed() {
        let set = KeywordSet::seed();
        let found = hits("软件；ａｐｐ 开发", &set);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].start, found[0].end), (3, 9));
        assert_eq!(found[0].context, "软件；ａｐｐ 开发");
    }

    #[test]
    fn the_longer_word_wins_even_if_it_starts_later() {
        let set = KeywordSet {
            version: 1,
            words: ["甲乙", "乙丙丁", "", " "].map(str::to_owned).to_vec(),
        };
        let found = hits("甲乙丙丁", &set);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].word, "乙丙丁");
    }

    #[test]
    fn a_long_text_of_nothing_but_marks_is_read() {
        let set = KeywordSet::seed();
        for unit in ["贷款", "除外", "未经不得", "（不得", "）", "，", "\u{301}", "🏢", "无抵押"]
        {
            let text = unit.repeat(100_000 / unit.len());
            let found = hits(&text, &set).len();
            assert_eq!(found > 0, unit == "贷款", "{unit}");
        }
    }
}
