//! Ops that the server files: for people at a desk, and for what it verified itself.

use super::writer::Writer;
use crate::error::{Error, Result};
use saolou_protocol::building::settle::Ruling;
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::Fact;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use serde_json::{Value, json};
use uuid::Uuid;

/// Ops that one push of the desk may hold; larger registrations are cut.
const DESK_OPS_MAX: usize = 1000;

/// Seals an op that was made here and now. The desk has no outbox: `n` is 0.
#[expect(clippy::too_many_arguments, reason = "an op has these parts")]
pub(crate) fn op(
    op_id: Uuid,
    author: Uuid,
    now_ms: Millis,
    building: Uuid,
    kind: &str,
    subject: Uuid,
    seen: &[Uuid],
    body: Value,
) -> Result<Op> {
    seal(content(op_id, author, now_ms, building, kind, subject, seen, body))
}

/// Seals a decision that settles a conflict; beside what it says it tells which one, and why.
pub(crate) fn settling(
    op_id: Uuid,
    author: Uuid,
    now_ms: Millis,
    building: Uuid,
    ruling: Ruling,
    settles: Value,
) -> Result<Op> {
    let Ruling { kind, subject, seen, body } = ruling;
    let seen: Vec<Uuid> = seen.into_iter().map(|op| op.0).collect();
    let mut content = content(op_id, author, now_ms, building, kind, subject, &seen, body);
    content["settles"] = settles;
    seal(content)
}

fn seal(content: Value) -> Result<Op> {
    let Value::Object(content) = content else {
        return Err(Error::Internal("an op is an object".into()));
    };
    let sealed = Op::seal(content);
    Ok(sealed.map_err(|refusal| Error::Invalid(refusal.detail))?.0)
}

#[expect(clippy::too_many_arguments, reason = "an op has these parts")]
fn content(
    op_id: Uuid,
    author: Uuid,
    now_ms: Millis,
    building: Uuid,
    kind: &str,
    subject: Uuid,
    seen: &[Uuid],
    body: Value,
) -> Value {
    let subject_type = kind.split('_').next().unwrap_or(kind);
    let mut content = json!({
        "op_id": op_id,
        "device": Uuid::nil(),
        "n": 0,
        "author": author,
        "kind": kind,
        "subject": { "type": subject_type, "id": subject },
        "bucket": building,
        "schema": format!("{kind}/1"),
        "captured": { "wall_ms": now_ms, "utc_offset_min": 480 },
        "seen": seen,
    });
    content["body"] = body;
    content
}

/// An op of the desk, ready for the writer: its clock is the server's.
pub(crate) fn judged(op: Op, street: Uuid, now_ms: Millis) -> Judged {
    let stamp = Stamp { corrected_ms: now_ms, received_ms: now_ms, quality: TimeQuality::Anchored };
    let (fact, issues) = Fact::read(&op, stamp);
    let verdict = Verdict::Merge(Box::new(fact));
    Judged { sender: op.author, op, stamp, street, issues, verdict }
}

/// Files ops of the desk, in runs that one commit can take.
pub(crate) async fn file(writer: &Writer, ops: Vec<Judged>) -> Result<()> {
    let mut ops = ops.into_iter().peekable();
    while ops.peek().is_some() {
        writer.push(ops.by_ref().take(DESK_OPS_MAX).collect()).await?;
    }
    Ok(())
}
