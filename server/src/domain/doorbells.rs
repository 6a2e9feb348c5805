//! Doorbells: whoever listens is told which heads have moved, also by servers that share the
//! database. They carry heads only: what changed is pulled or read, so a lost one is harmless.
//!
//! To other servers they travel after the commit and outside its transaction, coalesced: while one
//! message is under way, all heads that move meanwhile wait for the next, each with its last number.

use crate::store::bells::{Ear, Line};
use crate::store::{Result, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// Doorbells that a slow listener may fall behind.
const BEHIND_MAX: usize = 1024;
/// Heads in one message; the database takes 8000 bytes.
const HEADS_MAX: usize = 100;
/// How long to wait before a line that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often a server that has nothing to say says so. It hears that itself.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// How long a line may be silent until it counts as broken.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// What a listener is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doorbell {
    /// There is something to read in this bucket.
    Head { building: Uuid, seq: i64 },
    /// Some were missed: look at everything.
    Missed,
}

/// All doorbells of a server.
#[derive(Clone)]
pub(crate) struct Doorbells {
    listeners: broadcast::Sender<Doorbell>,
    /// What other servers have not been told, where there may be others.
    untold: Arc<Mutex<BTreeMap<Uuid, i64>>>,
    some_untold: Arc<Notify>,
    is_shared: bool,
}

/// What servers tell each other.
#[derive(Serialize, Deserialize)]
struct Message {
    from: Uuid,
    heads: Vec<(Uuid, i64)>,
}

impl Doorbells {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            listeners: broadcast::channel(BEHIND_MAX).0,
            untold: Arc::default(),
            some_untold: Arc::default(),
            is_shared: matches!(store, Store::Postgres(..)),
        }
    }

    /// Rings: the head of a building moved here, and that is committed.
    pub(crate) fn ring(&self, building: Uuid, seq: i64) {
        self.tell(Doorbell::Head { building, seq });
        if self.is_shared {
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            let last = untold.entry(building).or_insert(seq);
            *last = seq.max(*last);
            self.some_untold.notify_one();
        }
    }

    /// Listens.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Doorbell> {
        self.listeners.subscribe()
    }

    fn tell(&self, bell: Doorbell) {
        // Nobody listening is no failure: the next pull sees it.
        drop(self.listeners.send(bell));
    }

    /// Tells other servers of what rings here, and rings here for what they tell. `me` is this
    /// server. Where its database is its own there is nobody to tell, and it ends at once.
    pub(crate) async fn share(self, store: Store, me: Uuid) {
        loop {
            match store.line().await {
                Ok(Some((ear, line))) => {
                    // Whatever was rung while nobody here could hear it.
                    self.tell(Doorbell::Missed);
                    let ended = tokio::select! {
                        ended = self.hear(ear, me) => ended,
                        ended = self.speak(line, me) => ended,
                    };
                    tracing::warn!(error = ?ended.err(), "no doorbells from other servers");
                }
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "no doorbells from other servers"),
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Ends when the line does.
    async fn hear(&self, mut ear: Ear, me: Uuid) -> Result<()> {
        while let Some(text) = in_time(ear.hear()).await? {
            match serde_json::from_str::<Message>(&text) {
                Ok(message) if message.from == me => {}
                Ok(Message { heads, .. }) => {
                    for (building, seq) in heads {
                        self.tell(Doorbell::Head { building, seq });
                    }
                }
                // A later version says it otherwise.
                Err(_) => self.tell(Doorbell::Missed),
            }
        }
        Ok(())
    }

    async fn speak(&self, line: Line, me: Uuid) -> Result<()> {
        loop {
            if self.untold(1).is_empty() {
                drop(tokio::time::timeout(SIGN_OF_LIFE, self.some_untold.notified()).await);
            }
            let heads = self.untold(HEADS_MAX);
            let text = serde_json::to_string(&Message { from: me, heads: heads.clone() });
            in_time(line.say(&text.expect("ids and numbers"))).await?;
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            for (building, seq) in heads {
                // It may have moved on while this was said.
                if untold.get(&building) == Some(&seq) {
                    untold.remove(&building);
                }
            }
        }
    }

    fn untold(&self, heads_max: usize) -> Vec<(Uuid, i64)> {
        let untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        untold.iter().take(heads_max).map(|(building, seq)| (*building, *seq)).collect()
    }
}

/// What comes over a line, or its failure where nothing does: a machine that lost its power does not
/// say that it is gone.
async fn in_time<T>(line: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    tokio::time::timeout(SILENCE_MAX, line).await.map_err(|_| silent())?
}
