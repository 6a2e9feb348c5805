//! The network: requests and replies under way, and what becomes of them.

use super::World;
use crate::backend::{Backend, Reply};
use crate::check::{self, Broken};
use crate::plan::Fault;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{DeviceId, OpId};
use saolou_protocol::phone::reply::{Response, Step};
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Failure;
use saolou_protocol::time::Millis;
use std::collections::BTreeSet;

/// A request or its reply, under way.
pub(super) struct Flight {
    pub(super) hand: usize,
    pub(super) asked: Asked,
    pub(super) sent_ms: Millis,
    pub(super) body: Vec<u8>,
    /// The reply, once there is one.
    pub(super) reply: Option<Reply>,
}

impl<B: Backend> World<'_, B> {
    /// Sends a request; several may be under way.
    pub(super) fn send(&mut self, hand: usize) {
        let under_way = self.flights.iter().any(|flight| flight.hand == hand);
        let twice = self.fails(Fault::TwoSyncs) || self.fails(Fault::TwoSyncs);
        if under_way && !twice {
            return;
        }
        let clock = self.clock(hand);
        let (request, asked) = self.hands[hand].phone.request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        self.tell(format_args!("{hand} sends {} ops", asked.ops.len()));
        self.flights.push(Flight { hand, asked, sent_ms: self.now_ms, body, reply: None });
    }

    /// Something under way goes on: to the server, or back to its phone.
    pub(super) fn travel(&mut self) -> Result<(), Broken> {
        if self.flights.is_empty() {
            return Ok(());
        }
        let reordered = self.fails(Fault::Reordered);
        let which = if reordered { self.dice.below(self.flights.len()) } else { 0 };
        let flight = self.flights.remove(which);
        if flight.reply.is_none() { self.arrive(flight) } else { self.come_back(flight) }
    }

    fn arrive(&mut self, mut flight: Flight) -> Result<(), Broken> {
        let hand = flight.hand;
        if self.fails(Fault::RequestLost) {
            self.tell(format_args!("{hand} request lost"));
            let failure = Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return Ok(());
        }
        if self.now_ms - flight.sent_ms > check::PROMPT_MS {
            self.ledger.slow.extend(&flight.asked.ops);
        }
        if self.fails(Fault::Cut) {
            flight.body.truncate(self.dice.below(flight.body.len()));
        }
        let (busy, signed_out) = (self.fails(Fault::Busy), self.fails(Fault::SignedOut));
        let (dies, committed) = (self.fails(Fault::ServerKilled), self.dice.permille(500));
        let (portal, twice) = (self.fails(Fault::Portal), self.fails(Fault::Duplicated));
        let person = self.hands[hand].person;
        let now_ms = self.now_ms;
        let reply = if portal {
            Reply { status: 200, body: b"<html>Welcome to the mall</html>".to_vec() }
        } else if busy {
            Reply { status: 503, body: b"{}".to_vec() }
        } else if signed_out || self.hands[hand].signed_out {
            self.hands[hand].signed_out = true;
            Reply { status: 401, body: b"{}".to_vec() }
        } else if dies {
            self.server.sync_and_die(person, &flight.body, now_ms, committed);
            self.tell(format_args!("{hand} server dies, committed={committed}"));
            let failure = Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return check::server(self.server, &mut self.ledger);
        } else {
            self.server.sync(person, &flight.body, now_ms)
        };
        if twice {
            let again = self.server.sync(person, &flight.body, now_ms + 1);
            check::answers(self.server, &mut self.ledger, (person, &flight.asked), &again)?;
        }
        self.tell(format_args!("{hand} answered {} {}", reply.status, Hash::of(&reply.body)));
        check::answers(self.server, &mut self.ledger, (person, &flight.asked), &reply)?;
        flight.reply = Some(reply);
        self.flights.push(flight);
        Ok(())
    }

    fn come_back(&mut self, flight: Flight) -> Result<(), Broken> {
        let hand = flight.hand;
        let Some(reply) = flight.reply else { return Ok(()) };
        if self.fails(Fault::ReplyLost) {
            self.tell(format_args!("{hand} reply lost"));
            let failure = Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return Ok(());
        }
        self.take(hand, flight.asked, &reply)
    }

    fn take(&mut self, hand: usize, asked: Asked, reply: &Reply) -> Result<(), Broken> {
        let clock = self.clock(hand);
        let is_portal = reply.body.starts_with(b"<");
        let response = Response {
            status: reply.status,
            content_type: Some(if is_portal { "text/html" } else { "application/json" }),
            sync_version: Some("1"),
            retry_after: None,
            body: &reply.body,
        };
        let Ok(steps) = self.hands[hand].phone.receive(asked, &clock, &response) else {
            return Ok(());
        };
        for step in steps {
            if self.fails(Fault::PhoneKilled) {
                self.tell(format_args!("{hand} dies before {}", step.name()));
                self.hands[hand].phone.restart();
                return Ok(());
            }
            self.step(hand, step)?;
        }
        let device = DeviceId(self.dice.id());
        if let Some(why) = self.hands[hand].phone.needs_new_device() {
            self.tell(format_args!("{hand} is born anew: {why:?}"));
            self.hands[hand].phone.reincarnate(device);
        }
        Ok(())
    }

    pub(super) fn step(&mut self, hand: usize, step: Step) -> Result<(), Broken> {
        let name = step.name();
        let kept: BTreeSet<OpId> =
            self.hands[hand].phone.stored().outbox().iter().map(|kept| kept.op_id).collect();
        let fitted = self.hands[hand].phone.apply(step);
        self.tell(format_args!("{hand} {name} {fitted}"));
        let left: BTreeSet<OpId> =
            self.hands[hand].phone.stored().outbox().iter().map(|kept| kept.op_id).collect();
        let released = kept.difference(&left).copied().collect::<Vec<OpId>>();
        check::released(self.server, &mut self.ledger, &released, name)?;
        if name == "page" { check::read_own(&self.hands[hand].phone, &self.ledger) } else { Ok(()) }
    }
}
