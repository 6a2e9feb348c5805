//! The handset: one installation on one device, shared by the users of several shifts.

use super::Phone;
use super::outbox::{Kept, Standing};
use crate::ids::{DeviceId, UserId};
use crate::zoo::{Defect, is_planted};
use std::collections::BTreeMap;

/// All phones of an installation, one for each user who ever signed in on it. Each has an incarnation,
/// an outbox, a base and a cursor of its own; nobody sends what is another's (OP-4).
#[derive(Clone, Debug, Default)]
pub struct Handset {
    phones: BTreeMap<UserId, Phone>,
    signed_in: Option<UserId>,
}

impl Handset {
    /// Signs a user in. `fresh` becomes the device incarnation of one who was never here; one who
    /// comes back finds all that was left, under the incarnation it had.
    pub fn sign_in(&mut self, user: UserId, fresh: DeviceId) -> &mut Phone {
        let user = self.planted_user(user);
        let fresh = self.planted_device(fresh);
        self.signed_in = Some(user);
        let left = self.planted_leftovers(user);
        let phone = self.phones.entry(user).or_insert_with(|| Phone::new(user, fresh));
        phone.signed_in();
        left.into_iter().for_each(|kept| phone.stored.outbox.put(kept));
        phone
    }

    /// Signs out. Nothing of the user is lost, whatever waits (SY-8).
    pub fn sign_out(&mut self) {
        if is_planted(Defect::SignOutForgets)
            && let Some(phone) = self.phone_mut()
        {
            phone.stored.outbox.retain(|kept| kept.standing != Standing::Waiting);
        }
        self.signed_in = None;
    }

    /// The phone of the user who is signed in.
    #[must_use]
    pub fn phone(&self) -> Option<&Phone> {
        self.phones.get(&self.signed_in?)
    }

    /// The same, to be worked with.
    pub fn phone_mut(&mut self) -> Option<&mut Phone> {
        self.phones.get_mut(&self.signed_in?)
    }

    /// All phones, whoever is signed in.
    pub fn phones(&self) -> impl Iterator<Item = &Phone> {
        self.phones.values()
    }

    fn planted_user(&self, user: UserId) -> UserId {
        let first = self.phones.keys().next().filter(|_| is_planted(Defect::ShiftKeepsPhone));
        first.copied().unwrap_or(user)
    }

    fn planted_device(&self, fresh: DeviceId) -> DeviceId {
        let first = self.phones.values().next().filter(|_| is_planted(Defect::ShiftsShareDevice));
        first.map_or(fresh, |phone| phone.stored.device)
    }

    fn planted_leftovers(&mut self, user: UserId) -> Vec<Kept> {
        if !is_planted(Defect::OutboxesMixed) {
            return Vec::new();
        }
        let others = self.phones.iter_mut().filter(|(other, _)| **other != user);
        let taken =
            others.flat_map(|(_, phone)| std::mem::take(&mut phone.stored.outbox).into_kept());
        taken.collect()
    }

    /// Starts again: who was signed in still is, and everything volatile is gone.
    pub fn restart(&mut self) {
        self.phones.values_mut().for_each(Phone::restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_user_who_comes_back_finds_the_incarnation_that_was_left() {
        let (first, second) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let device = |number| DeviceId(Uuid::from_u128(number));
        let mut handset = Handset::default();
        assert_eq!(handset.sign_in(first, device(10)).stored().device(), device(10));
        handset.sign_out();
        assert!(handset.phone().is_none());
        assert_eq!(handset.sign_in(second, device(11)).stored().device(), device(11));
        assert_eq!(handset.sign_in(first, device(12)).stored().device(), device(10));
        assert_eq!(handset.phones().count(), 2);
    }
}
