//! What is known where a photo arrives: what came under its id before, where its building lies, in
//! which streets its sender files. Photos that arrive at the same time ask together.

use crate::domain::access::Caller;
use crate::domain::gather::Gather;
use crate::error::Result;
use crate::store::{Head, PhotoRow, Store};
use uuid::Uuid;

/// An arrival.
pub(super) struct Question {
    pub(super) photo: Uuid,
    pub(super) building: Uuid,
    pub(super) caller: Caller,
}

/// What is known of it.
pub(super) struct Standing {
    /// What came under the photo's id, from whomever, the earliest first.
    pub(super) known: Vec<PhotoRow>,
    /// The head of the building, where that is registered or has facts.
    pub(super) head: Option<Head>,
    /// The streets in which the sender may file.
    pub(super) streets: Vec<Uuid>,
}

/// Starts what answers for all that ask at the same time, from one snapshot.
pub(super) fn start(store: Store) -> Gather<Question, Standing> {
    Gather::start(move |questions| {
        let store = store.clone();
        async move { answer(&store, questions).await }
    })
}

async fn answer(store: &Store, questions: Vec<Question>) -> Result<Vec<Standing>> {
    let ids = |of: fn(&Question) -> Uuid| {
        let mut ids: Vec<Uuid> = questions.iter().map(of).filter(|id| !id.is_nil()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut tx = store.read().await?;
    let photos = tx.photos_under(&ids(|question| question.photo)).await?;
    let heads = tx.heads(&ids(|question| question.building)).await?;
    let streets = tx.streets_of_users(&ids(|question| question.caller.user_id)).await?;
    drop(tx);
    let of = |question: Question| {
        let known = photos.iter().filter(|row| row.photo_id == question.photo).cloned();
        let user = question.caller.user_id;
        let own = streets.iter().filter(|(of, ..)| *of == user);
        let own = own.map(|(_, role, unit, street)| (role.clone(), *unit, *street));
        let head = heads.iter().find(|head| head.building_id == question.building);
        Standing {
            known: known.collect(),
            head: head.cloned(),
            streets: Caller::streets_among(own.collect()),
        }
    };
    Ok(questions.into_iter().map(of).collect())
}
