//! The network: requests and replies under way, and what becomes of them.

use super::World;
use crate::backend::{Backend, Person, Reply};
use crate::check::standings::{Heard, Standings};
use crate::check::{self, Broken};
use crate::plan::Fault;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::DeviceId;
use saolou_protocol::phone::reply::{Response, Step};
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Failure;
use saolou_protocol::time::Millis;
use saolou_protocol::zoo::{Defect, is_planted};

/// A request or its reply, under way.
pub(super) struct Flight {
    pub(super) hand: usize,
    /// Whose session it bears.
    pub(super) by: Person,
    /// Which request of the run it is.
    made: u64,
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
        let (request, asked) = self.hands[hand].phone().request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        self.made += 1;
        let (by, made, sent_ms) = (self.hands[hand].person, self.made, self.now_ms);
        self.tell(format_args!("phone {hand} sends request {made} with {} ops", asked.ops.len()));
        self.flights.push(Flight { hand, by, made, asked, sent_ms, body, reply: None });
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
        let (hand, made) = (flight.hand, flight.made);
        if self.fails(Fault::RequestLost) {
            self.tell(format_args!("request {made} is lost"));
            self.fail(&flight);
            return Ok(());
        }
        if self.now_ms - flight.sent_ms > check::PROMPT_MS {
            self.ledger.slow.extend(&flight.asked.ops);
        }
        if self.fails(Fault::Cut) {
            self.tell(format_args!("request {made} is cut"));
            flight.body.truncate(self.dice.below(flight.body.len()));
        }
        let (busy, signed_out) = (self.fails(Fault::Busy), self.fails(Fault::SignedOut));
        let (dies, committed) = (self.fails(Fault::ServerKilled), self.dice.permille(500));
        let (portal, twice) = (self.fails(Fault::Portal), self.fails(Fault::Duplicated));
        let is_theirs = !is_planted(Defect::SessionOfWhoIsIn);
        let person = if is_theirs { flight.by } else { self.hands[hand].person };
        let now_ms = self.now_ms;
        if !portal {
            check::session(&self.ledger, person, &flight.asked)?;
        }
        let reply = if portal {
            Reply { status: 200, body: b"<html>Welcome to the mall</html>".to_vec() }
        } else if busy {
            Reply { status: 503, body: b"{}".to_vec() }
        } else if signed_out || self.hands[hand].signed_out {
            self.hands[hand].signed_out = true;
            Reply { status: 401, body: b"{}".to_vec() }
        } else if dies {
            self.server.sync_and_die(person, &flight.body, now_ms, committed);
            let when = if committed { "after" } else { "before" };
            self.tell(format_args!("the server dies {when} it has committed request {made}"));
            self.fail(&flight);
            return check::server(self.server, &mut self.ledger);
        } else {
            self.server.sync(person, &flight.body, now_ms)
        };
        let (of, told) = ((person, &flight.asked), now_ms);
        if twice {
            let again = self.server.sync(person, &flight.body, now_ms + 1);
            check::answers(self.server, &mut self.ledger, of, (&again, told + 1))?;
        }
        check::answers(self.server, &mut self.ledger, of, (&reply, told))?;
        let hash = Hash::of(&reply.body);
        let (status, twice) = (reply.status, if twice { ", which came twice" } else { "" });
        self.tell(format_args!("request {made}{twice} is answered {status} ({hash})"));
        flight.reply = Some(reply);
        self.flights.push(flight);
        Ok(())
    }

    fn come_back(&mut self, flight: Flight) -> Result<(), Broken> {
        let made = flight.made;
        if self.fails(Fault::ReplyLost) {
            self.tell(format_args!("the reply to request {made} is lost"));
            self.fail(&flight);
            return Ok(());
        }
        if self.hands[flight.hand].person != flight.by {
            self.tell(format_args!("the reply to request {made} finds another shift"));
            return Ok(());
        }
        let Some(reply) = flight.reply else { return Ok(()) };
        self.take(flight.hand, made, flight.asked, &reply)
    }

    /// A request brought nothing, as far as who made it is there to notice.
    fn fail(&mut self, flight: &Flight) {
        let hand = &mut self.hands[flight.hand];
        if hand.person == flight.by {
            hand.phone_mut().fail(&flight.asked, Failure::Network);
        }
    }

    fn take(&mut self, hand: usize, made: u64, asked: Asked, reply: &Reply) -> Result<(), Broken> {
        let clock = self.clock(hand);
        let is_portal = reply.body.starts_with(b"<");
        let response = Response {
            status: reply.status,
            content_type: Some(if is_portal { "text/html" } else { "application/json" }),
            sync_version: Some("1"),
            retry_after: None,
            body: &reply.body,
        };
        let heard = Heard::of(made, &asked, reply);
        let Ok(steps) = self.hands[hand].phone_mut().receive(asked, &clock, &response) else {
            return Ok(());
        };
        for step in steps {
            if self.fails(Fault::PhoneKilled) {
                self.tell(format_args!("phone {hand} dies before it {}", in_words(step.name())));
                self.hands[hand].handset.restart();
                return Ok(());
            }
            self.step(hand, &heard, step)?;
        }
        let device = DeviceId(self.dice.id());
        if let Some(why) = self.hands[hand].phone().needs_new_device() {
            self.tell(format_args!("phone {hand} becomes another device: {}", why.code()));
            self.hands[hand].phone_mut().reincarnate(device);
        }
        Ok(())
    }

    /// Applies one step of the reply to a request, and looks at what it did.
    pub(super) fn step(&mut self, hand: usize, heard: &Heard, step: Step) -> Result<(), Broken> {
        let name = step.name();
        let before = Standings::of(self.hands[hand].phone());
        let fitted = self.hands[hand].phone_mut().apply(step);
        let after = Standings::of(self.hands[hand].phone());
        let hears = fitted && name == "hear";
        let fitted = if fitted { "" } else { ", but it is too late for that" };
        self.tell(format_args!("phone {hand} {}{fitted}", in_words(name)));
        check::late_answers(&self.hands[hand].lost, heard.made, (&before, &after))?;
        if hears {
            self.hands[hand].hear(heard)?;
        }
        for op in before.lost(&after) {
            self.hands[hand].lost.insert(op, self.made);
        }
        check::resent(&before, &after)?;
        let released = before.released(&after);
        check::let_go(&released, name)?;
        check::kept_long_enough(&self.ledger, &released, name, self.now_ms)?;
        check::released(self.server, &mut self.ledger, &released, name)?;
        self.hands[hand].carry()?;
        if name == "page" {
            check::read_own(self.hands[hand].phone(), &self.ledger)
        } else {
            Ok(())
        }
    }
}

/// What a step does.
fn in_words(step: &str) -> &str {
    match step {
        "hear" => "hears what the server holds",
        "answers" => "takes the answers",
        "reviews" => "takes what became of its ops",
        "page" => "takes a page",
        "rows" => "replaces rows",
        "compare" => "compares digests",
        "purge" => "purges a building where it may",
        "release" => "lets ops go where it may",
        "carry" => "keeps a checkpoint where it has most entries",
        other => other,
    }
}
