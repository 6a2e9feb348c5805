//! The bug zoo: mistakes that somebody could make in this code, planted on purpose, so that it can be
//! shown that the simulation finds each of them.
//!
//! Planting is for tests alone, behind the feature `faults`, and holds for the thread that asked for
//! it. Without the feature [`is_planted`] is a constant, and nothing is left of any of this.

macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// A mistake that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defect { $($(#[doc = $doc])+ $name),+ }

        impl Defect {
            /// All of them, by the part that they are planted in.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in tables and commands.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// What is wrong, in a sentence.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

defects! {
    // The merge of a building.
    /// A room that became an alias leaves its floor, but not the floor's counts.
    AliasKeepsCounts = "alias-keeps-counts",
    /// The building adds what an office counts anew and never subtracts what it counted before.
    BuildingOnlyAdds = "building-only-adds",
    /// The digest of a bucket adds a changed row and does not subtract the old one.
    DigestNotSubtracted = "digest-not-subtracted",
    /// A withdrawal that comes before the op it withdraws is lost.
    KillBeforeTarget = "kill-before-target",
    /// A void that comes before its visit is lost.
    VoidBeforeVisit = "void-before-visit",
    /// A rename overrules only what was written under the same office id, not under its aliases.
    KillWithinOneOffice = "kill-within-one-office",
    /// Of the revisions of a visit the one that arrived last counts, not the highest.
    LastByArrival = "last-by-arrival",
    /// The ops of a group take effect one by one as they come.
    GroupPiecemeal = "group-piecemeal",
    /// When a group is complete only its last op takes effect.
    GroupMembersDropped = "group-members-dropped",
    /// A conflict that ends stays open.
    ConflictNeverClosed = "conflict-never-closed",
    /// Coverage dates visits with their receipt.
    ReceiptTime = "receipt-time",
    /// A void shows only after something else happens to the office.
    VoidTouchesNothing = "void-touches-nothing",
    /// A photo that arrives leaves its visit's evidence pending.
    EvidenceNeverClears = "evidence-never-clears",

    // The server's core.
    /// A repeated op is answered anew instead of with its first answer.
    AnsweredAnew = "answered-anew",
    /// A repeated op is dated anew.
    DatedAnew = "dated-anew",
    /// One op for quarantine puts off the rest of its batch.
    BadOpDelays = "bad-op-delays",
    /// An op that somebody else sent in quarantine answers for its author, too.
    ThiefBlocksAuthor = "thief-blocks-author",
    /// Other content under a known op id replaces what is stored.
    ReuseReplaces = "reuse-replaces",
    /// Counters that never arrived count as held when a later one has.
    HolesHeld = "holes-held",
    /// A capture is dated with the server's time that its phone last heard.
    ElapsedForgotten = "elapsed-forgotten",
    /// The server goes on where a phone was before it left a bucket.
    LeftKeepsCursor = "left-keeps-cursor",
    /// A phone is told once that it must leave a bucket.
    LeaveToldOnce = "leave-told-once",
    /// What is out of scope drops from the cursor, and nobody is told to leave it.
    LostDropsFromCursor = "lost-drops-from-cursor",
    /// A row that did not fit into a page counts as read.
    UnsentRowRead = "unsent-row-read",

    // The shell around it, as the simulation has it.
    /// A push is answered before its commit, and lost when the server dies in between.
    AnsweredBeforeCommit = "answered-before-commit",
    /// The first number of a change is the last one of the change before.
    NumberTwice = "number-twice",
    /// A suspended user's push is refused whole.
    SuspendedRefused = "suspended-refused",
    /// What a revoked device sends is answered and dropped.
    RevokedDropped = "revoked-dropped",
    /// An op that the desk releases is dated with its release.
    ReleaseDatesAnew = "release-dates-anew",
    /// Whoever once had a building may read it for ever.
    ScopeNeverLost = "scope-never-lost",
    /// A push that names a building out of scope is refused whole.
    LostScopeRefused = "lost-scope-refused",
    /// An op of a later version is answered and dropped.
    ParkedDropped = "parked-dropped",
    /// The server says that it holds what it held before it went back.
    OldHeldTold = "old-held-told",
    /// A restored server goes on in its old epoch.
    RestoredInOldEpoch = "restored-in-old-epoch",

    // The phone.
    /// An op leaves the phone when its counter is held, answered or not.
    ReleasedByCounter = "released-by-counter",
    /// After a start counters go on from what the server holds, not from the last that was minted.
    CountersReused = "counters-reused",
    /// A full phone takes counters for what it does not save.
    FullTakesCounters = "full-takes-counters",
    /// A bucket is purged before its ops are pushed.
    PurgedUnpushed = "purged-unpushed",
    /// Nothing is sent after an op that is in review.
    StopsAtReview = "stops-at-review",
    /// A repair drops the pending ops of its bucket.
    RepairDropsPending = "repair-drops-pending",
    /// A base that is wrong is never repaired.
    NeverRepairs = "never-repairs",
    /// A bucket that was left is never confirmed.
    LeftUnconfirmed = "left-unconfirmed",
    /// Batches are as large as before the server said its limits.
    BeyondLimits = "beyond-limits",
    /// A page counts as the last one though more is to come.
    MoreIsAll = "more-is-all",
    /// An anchor of an earlier boot dates captures of this one.
    AnchorAcrossBoots = "anchor-across-boots",
    /// A page is applied wherever it begins.
    PageAnywhere = "page-anywhere",
    /// What is held only ever grows for the phone: it does not see what the server lost.
    HeldNeverBack = "held-never-back",
    /// What was answered in another epoch is not sent again.
    EpochIgnored = "epoch-ignored",
    /// An op leaves the phone as soon as the server has confirmed it, restores or not.
    ReleasedAtOnce = "released-at-once",
    /// An answer counts although its op was found to be lost after the request was made.
    LateAnswerCounts = "late-answer-counts",
    /// A phone keeps the checkpoint that it was shown last, not the one with the most entries.
    CheckpointForgotten = "checkpoint-forgotten",

    // The handset that shifts share.
    /// Whoever signs in goes on with the phone of the shift before.
    ShiftKeepsPhone = "shift-keeps-phone",
    /// What the shift before has left goes into the outbox of whoever signs in.
    OutboxesMixed = "outboxes-mixed",
    /// All shifts count under one device incarnation.
    ShiftsShareDevice = "shifts-share-device",
    /// Signing out drops what waits.
    SignOutForgets = "sign-out-forgets",
    /// A request that is under way bears the session of whoever is signed in when it goes out.
    SessionOfWhoIsIn = "session-of-who-is-in",
}

#[cfg(feature = "faults")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect in all that this thread does from now on, or takes the planted one away.
#[cfg(feature = "faults")]
pub fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

/// Whether this thread has to make that mistake.
#[cfg(feature = "faults")]
#[must_use]
pub fn is_planted(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Whether this thread has to make that mistake: never.
#[cfg(not(feature = "faults"))]
#[must_use]
pub const fn is_planted(_: Defect) -> bool {
    false
}
