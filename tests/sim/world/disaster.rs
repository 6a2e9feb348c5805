//! What happens to phones, the server and the world besides the network.

use super::{Hand, World};
use crate::backend::{Backend, Desk};
use crate::check::{self, Broken};
use crate::core::KEEP_MS;
use crate::plan::Fault;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::phone::outbox::Standing;
use saolou_protocol::time::Millis;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl<B: Backend> World<'_, B> {
    /// Something happens to a phone, the server or the world.
    pub(super) fn strike(&mut self) -> Result<(), Broken> {
        let faults = [
            Fault::ClockJump,
            Fault::Reboot,
            Fault::Cloned,
            Fault::PhoneRestored,
            Fault::Rotten,
            Fault::Rotten,
            Fault::ServerRestored,
            Fault::ServerRestored,
            Fault::FailedOver,
            Fault::ShiftChanged,
            Fault::ShiftChanged,
            Fault::Reassigned,
            Fault::Suspended,
            Fault::Revoked,
            Fault::Rubbish,
        ];
        let fault = *self.dice.pick(&faults).expect("there are faults");
        let hand = self.dice.below(self.hands.len());
        // Rare enough by themselves: struck one time in ten events.
        if !self.fails(fault) && !self.fails(fault) {
            return Ok(());
        }
        self.tell(format_args!("{} (phone {hand})", fault.code()));
        match fault {
            Fault::ClockJump => {
                const YEARS_MS: Millis = 10 * 365 * 24 * 3_600_000;
                self.hands[hand].off_ms = self.dice.between(-YEARS_MS, YEARS_MS);
            }
            Fault::Reboot => {
                let boot = u128::from(self.dice.number());
                let (now_ms, hand) = (self.now_ms, &mut self.hands[hand]);
                (hand.boot, hand.booted_ms) = (boot, now_ms);
                hand.handset.restart();
            }
            Fault::Cloned if self.hands.len() < 8 => self.clone_phone(hand),
            Fault::PhoneRestored => self.restore_phone(hand),
            Fault::Rotten => {
                let at = self.dice.number();
                if self.hands[hand].phone_mut().rot(at) {
                    self.hands[hand].phone_mut().recount();
                    self.hands[hand].was_damaged = true;
                }
            }
            Fault::ServerRestored => self.restore_server()?,
            Fault::FailedOver => self.fail_over()?,
            Fault::ShiftChanged => self.change_shift(hand),
            Fault::Rubbish => self.send_rubbish(hand)?,
            _ => self.decide(fault, hand),
        }
        Ok(())
    }

    fn clone_phone(&mut self, hand: usize) {
        let boot = u128::from(self.dice.number());
        let from = &self.hands[hand];
        let mut handset = from.handset.clone();
        handset.restart();
        let clone = Hand {
            person: from.person,
            shifts: from.shifts.clone(),
            handset,
            boot,
            booted_ms: self.now_ms,
            off_ms: 0,
            kept: None,
            signed_out: false,
            lost: from.lost.clone(),
            heard: from.heard.clone(),
            carried: from.carried.clone(),
            was_damaged: from.was_damaged,
        };
        self.ledger.cloned = true;
        self.hands.push(clone);
    }

    fn restore_phone(&mut self, hand: usize) {
        let now = self.hands[hand].handset.clone();
        let Some(mut kept) = self.hands[hand].kept.replace(now.clone()) else { return };
        // What was saved since then and reached nobody is gone with the phone.
        let still: BTreeSet<OpId> = Hand::ops(&kept).map(|op| op.op_id).collect();
        let forgotten = Hand::ops(&now).map(|op| op.op_id).filter(|op| !still.contains(op));
        let forgotten: Vec<OpId> = forgotten.collect();
        for op in &forgotten {
            let mut others = self.hands.iter().enumerate().filter(|(n, _)| *n != hand);
            if !others.any(|(_, other)| other.keeps(*op)) {
                self.ledger.may_be_lost.insert(*op);
            }
        }
        self.ledger.cloned = true;
        self.ledger.phone_went_back(forgotten);
        kept.restart();
        let fresh = DeviceId(self.dice.id());
        let back = &mut self.hands[hand];
        (back.handset, back.lost, back.heard) = (kept, BTreeMap::new(), BTreeMap::new());
        back.carried.clear();
        back.sign_in(back.person, fresh);
        self.flights.retain(|flight| flight.hand != hand);
    }

    /// Whoever holds a phone signs out, and the next shift takes it.
    pub(super) fn change_shift(&mut self, hand: usize) {
        let fresh = DeviceId(self.dice.id());
        let hand = &mut self.hands[hand];
        let next = hand.next_shift();
        hand.handset.sign_out();
        hand.sign_in(next, fresh);
    }

    pub(super) fn back_up(&mut self) {
        if self.server.back_up() {
            self.backed_up_ms = self.now_ms;
            self.ledger.server_was_backed_up();
        }
    }

    fn restore_server(&mut self) -> Result<(), Broken> {
        self.go_back(true)
    }

    /// Another server goes on with an older state and does not know it. All phones come at once, and
    /// often did just before; what is under way still is.
    fn fail_over(&mut self) -> Result<(), Broken> {
        if self.dice.permille(700) {
            self.all_come()?;
        }
        self.go_back(false)?;
        self.all_come()
    }

    fn all_come(&mut self) -> Result<(), Broken> {
        let there = (0..self.hands.len()).filter(|hand| !self.hands[*hand].signed_out);
        there.collect::<Vec<usize>>().into_iter().try_for_each(|hand| self.sync_alone(hand))
    }

    fn go_back(&mut self, knows: bool) -> Result<(), Broken> {
        // Whoever lets an op go relies on backups that are younger than that.
        if self.now_ms - self.backed_up_ms > KEEP_MS {
            return Ok(());
        }
        let before = self.server.dump();
        if if knows { self.server.restore() } else { self.server.fail_over() } {
            let knows_it = if knows { "and knows it" } else { "and does not know it" };
            self.tell(format_args!("the server is as it was at an earlier time, {knows_it}"));
            let gone = before.accepted.keys().copied();
            let gone = gone.chain(before.quarantined.iter().map(|(op, _)| *op));
            let kept = |op: &OpId| self.hands.iter().any(|hand| hand.keeps(*op));
            let gone: Vec<OpId> = gone.filter(|op| !kept(op)).collect();
            self.fell_back |= !knows;
            self.ledger.server_went_back(&gone, &self.server.dump(), knows)?;
            self.hands.iter_mut().for_each(|hand| hand.was_damaged = true);
        }
        check::server(self.server, &mut self.ledger)
    }

    fn decide(&mut self, fault: Fault, hand: usize) {
        let person = self.hands[hand].person;
        let buildings: Vec<BuildingId> = self.talks.keys().copied().collect();
        let building = *self.dice.pick(&buildings).expect("there is a building");
        let yes = self.dice.permille(500);
        if person.is_supervisor {
            self.server.desk(&Desk::ReleaseAll, self.now_ms);
            return;
        }
        let act = match fault {
            Fault::Reassigned => Desk::Assign { user: person.user, building, has: yes },
            Fault::Suspended => Desk::Suspend { user: person.user, is: yes },
            _ => Desk::Revoke { device: self.hands[hand].phone().stored().device() },
        };
        self.ledger.hear(&act);
        self.server.desk(&act, self.now_ms);
    }

    /// A broken client: not JSON, a part of a group, another person's op, the id of another op with other content.
    fn send_rubbish(&mut self, hand: usize) -> Result<(), Broken> {
        let person = self.hands[hand].person;
        let other = self.dice.below(self.hands.len());
        let theirs = self.hands[other].phone().stored().outbox().iter().next().cloned();
        let mut own = self.hands[hand].phone().stored().outbox().iter();
        let half = own.find(|kept| kept.group.is_some() && kept.standing == Standing::Waiting);
        let half = half.map(|kept| kept.sent.text().to_owned());
        let device = DeviceId(self.dice.id());
        let mut ops: Vec<String> = vec!["{\"op_id\": 7}".into(), "[]".into()];
        ops.extend(half);
        if let Some(theirs) = theirs {
            ops.push(theirs.sent.text().to_owned());
            let mut content: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(theirs.sent.text()).expect("it was sealed");
            content.insert("body".into(), json!({ "x": self.dice.number() % 100 }));
            content.insert("n".into(), json!(0));
            let author = content["author"] == json!(person.user);
            if author && let Ok((_, sent)) = saolou_protocol::op::Op::seal(content) {
                ops.push(String::from_utf8(sent).expect("JSON is UTF-8"));
                self.ledger.taken_twice.insert(theirs.op_id);
            }
        }
        let body = format!("{{\"device\":\"{device}\",\"ops\":[{}]}}", ops.join(","));
        let reply = self.server.sync(person, body.as_bytes(), self.now_ms);
        if reply.status == 200 {
            check::server(self.server, &mut self.ledger)
        } else {
            Err(Broken::new("I14", "rubbish was refused whole".into()))
        }
    }
}
