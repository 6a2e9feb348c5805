//! When to try again, and when there is no sense in trying: back-off, and what stops a phone.

use crate::codes::codes;
use crate::time::Millis;

/// The version of the protocol that this client speaks.
pub const SYNC_VERSION: u32 = 1;
/// How often a phone with nothing to send asks for news, at the latest.
pub const TIMER_MS: u64 = 60_000;
/// The window of the first try after a failure.
pub const BACKOFF_MS: u64 = 1_000;
/// The widest window.
pub const BACKOFF_MS_MAX: u64 = 5 * 60_000;
/// A server cannot send a phone to sleep for longer than this.
pub const FLOOR_MS_MAX: u64 = 24 * 3_600_000;

codes! {
    /// What a person has to do something about before another sync makes sense. All ops are kept.
    pub enum Stopped {
        /// The token is not accepted any more (401).
        SignIn = "needs_sign_in",
        /// The server no longer, or not yet, speaks this client's version: the server is older.
        ServerTooOld = "server_too_old",
        /// The server is newer, and wants a newer client (426).
        ServerTooNew = "server_too_new",
    }
}

/// Why a request brought nothing. No op is lost by any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No reply, or one that is not the server's: cut, or a captive portal's.
    Network,
    /// A person has to do something.
    Stopped(Stopped),
    /// The request was too large (413).
    TooLarge,
    /// The server has too much to do (429, 503); it may say for how long.
    Busy(Option<u64>),
    /// The server choked on the request as a whole (400, 500): one of its ops may be why.
    Choked,
}

/// Reads a `Sync-Version` header: versions that the server speaks, divided by commas. One that is
/// absent or unreadable says nothing.
///
/// # Errors
/// [`Stopped::ServerTooOld`] or [`Stopped::ServerTooNew`], where this client's is not among them.
pub fn speaks(header: Option<&str>) -> Result<(), Stopped> {
    let versions: Vec<u32> =
        header.unwrap_or_default().split(',').filter_map(|one| one.trim().parse().ok()).collect();
    match versions.iter().min() {
        None => Ok(()),
        Some(_) if versions.contains(&SYNC_VERSION) => Ok(()),
        Some(least) if *least > SYNC_VERSION => Err(Stopped::ServerTooNew),
        Some(_) => Err(Stopped::ServerTooOld),
    }
}

/// When to try again. Lost when the phone restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    floor_ms: u64,
}

impl Backoff {
    /// A request brought nothing.
    pub(super) fn fail(&mut self, floor_ms: Option<u64>) {
        self.failures = self.failures.saturating_add(1);
        self.floor_ms = floor_ms.unwrap_or_default().min(FLOOR_MS_MAX);
    }

    /// A request brought something; the server may still ask for patience.
    pub(super) fn succeed(&mut self, floor_ms: Option<u64>) {
        *self = Self { failures: 0, floor_ms: floor_ms.unwrap_or_default().min(FLOOR_MS_MAX) };
    }

    /// How long to wait: what the server asked for, and beyond it anything within a window, which
    /// doubles with every failure (full jitter), so that phones that failed together do not come
    /// back together.
    pub(super) fn wait_ms(&self, in_a_hurry: bool, random: u64) -> Millis {
        let window_ms = match self.failures {
            0 if in_a_hurry => self.floor_ms.min(BACKOFF_MS),
            0 => TIMER_MS,
            failures => BACKOFF_MS.saturating_mul(1 << (failures - 1).min(20)).min(BACKOFF_MS_MAX),
        };
        let wait_ms = self.floor_ms + random % (window_ms + 1);
        Millis::try_from(wait_ms).expect("a day and five minutes fit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_with_every_failure_up_to_its_widest() {
        let mut backoff = Backoff::default();
        let mut widest = Vec::new();
        for _ in 0..12 {
            backoff.fail(None);
            let window_ms = (0..30).map(|shift| backoff.wait_ms(true, (1 << shift) - 1)).max();
            widest.push(window_ms.expect("some"));
            assert_eq!(backoff.wait_ms(true, 0), 0);
        }
        assert!(widest.is_sorted());
        assert!(widest[0] <= 1_000 && widest[11] > 150_000 && widest[11] <= 300_000);
    }

    #[test]
    fn what_the_server_asks_for_is_never_undercut() {
        let mut backoff = Backoff::default();
        backoff.fail(Some(7_000));
        assert!((0..100).all(|random| backoff.wait_ms(true, random * 97) >= 7_000));
        backoff.succeed(Some(3_000));
        assert!((0..100).all(|random| backoff.wait_ms(true, random * 97) >= 3_000));
        backoff.fail(Some(u64::MAX));
        assert!(backoff.wait_ms(true, u64::MAX) <= 86_400_000 + 300_000);
    }

    #[test]
    fn a_phone_in_a_hurry_goes_at_once_and_an_idle_one_on_a_timer() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait_ms(true, 59_999), 0);
        assert_eq!(backoff.wait_ms(false, 59_999), 59_999);
    }

    #[test]
    fn a_version_that_the_client_does_not_speak_stops_it() {
        for header in [None, Some("1"), Some("1, 2"), Some("0,1"), Some("soon")] {
            assert_eq!(speaks(header), Ok(()), "{header:?}");
        }
        assert_eq!(speaks(Some("2")), Err(Stopped::ServerTooNew));
        assert_eq!(speaks(Some("0")), Err(Stopped::ServerTooOld));
    }
}
