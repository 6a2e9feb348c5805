//! The handset: one installation on one device, shared by the users of several shifts.

use super::Phone;
use crate::ids::{DeviceId, UserId};
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
        self.signed_in = Some(user);
        let phone = self.phones.entry(user).or_insert_with(|| Phone::new(user, fresh));
        phone.signed_in();
        phone
    }

    /// Signs out. Nothing of the user is lost, whatever waits (SY-8).
    pub fn sign_out(&mut self) {
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
