//! Newest request wins: a phone that comes back to an upload finds its earlier request, which it
//! has given up long ago, ended within moments instead of after a lock's time-out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedMutexGuard, watch};
use uuid::Uuid;

/// Which requests are at work on which upload.
#[derive(Clone, Default)]
pub(crate) struct Fence(Arc<Mutex<HashMap<Uuid, Gate>>>);

struct Gate {
    /// Kept so that it goes when a newer request comes.
    _newest: watch::Sender<()>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The right to work on an upload, until a newer request comes.
pub(crate) struct Hold {
    upload: Uuid,
    fence: Fence,
    newest: watch::Receiver<()>,
    _turn: OwnedMutexGuard<()>,
}

impl Fence {
    /// Ends whatever is at work on an upload and waits until it has stopped. `None` where a still
    /// newer request came meanwhile.
    pub(crate) async fn hold(&self, upload: Uuid) -> Option<Hold> {
        let (sender, newest) = watch::channel(());
        let turn = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let before = gates.get(&upload).map(|gate| Arc::clone(&gate.turn));
            let turn = before.unwrap_or_default();
            gates.insert(upload, Gate { _newest: sender, turn: Arc::clone(&turn) });
            turn
        };
        let turn = turn.lock_owned().await;
        let fence = self.clone();
        let hold = Hold { upload, fence, newest, _turn: turn };
        hold.is_newest().then_some(hold)
    }
}

impl Hold {
    /// Done when a newer request has come.
    pub(crate) async fn superseded(&mut self) {
        while self.newest.changed().await.is_ok() {}
    }

    fn is_newest(&self) -> bool {
        self.newest.has_changed().is_ok()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut gates = self.fence.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_newest() {
            gates.remove(&self.upload);
        }
    }
}
