//! What a hand, a keyboard or a scanner makes of a number: full-width digits, stray spaces,
//! a dozen kinds of dash. Undone here once, for codes and room labels alike.

use unicode_normalization::UnicodeNormalization;

/// Tells whether `c` leaves no ink: spaces of every width, controls, zero-width marks and the
/// selectors that pasted text carries along.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{2069}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
        )
}

/// Tells whether `c` is drawn as a dash, after NFKC: hyphens, en and em dashes, the minus
/// sign, the box-drawing line and the wave that Chinese uses for "to".
pub(crate) fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '~' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{223c}'
                | '\u{2500}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{301c}'
                | '\u{30fc}'
    )
}

/// Gives the text in NFKC without blanks, dashes left as they are.
pub(crate) fn without_blanks(typed: &str) -> String {
    typed.nfkc().filter(|c| !is_blank(*c)).collect()
}

/// Gives a code as it would be printed: NFKC, ASCII capitals, no blanks, no dashes.
pub(crate) fn bare_code(typed: &str) -> String {
    typed.nfkc().filter(|c| !is_blank(*c) && !is_dash(*c)).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::{bare_code, without_blanks};

    #[test]
    fn a_code_loses_width_case_blanks_and_dashes() {
        assert_eq!(bare_code("９１ab－\u{3000}c\u{200b}–1\n"), "91ABC1");
        assert_eq!(bare_code(""), "");
    }

    #[test]
    fn dashes_survive_where_they_carry_meaning() {
        assert_eq!(without_blanks("０１０ - 123"), "010-123");
    }
}
