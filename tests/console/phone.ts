// A phone for the tests of the console: it files what somebody recorded, sealed as phones seal it.
import { createHash, randomUUID } from "node:crypto";
import { type APIRequestContext, expect } from "@playwright/test";
import { address, ask } from "./console";

/** Canonical JSON (RFC 8785), as far as texts and whole numbers go. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, of]) => `${JSON.stringify(name)}:${canonical(of)}`).join(",")}}`;
}

/** A new phone of an account. */
export async function phoneOf(request: APIRequestContext, username: string) {
  const user = await ask(request, username);
  const { user_id } = await user.get("/me");
  const device = randomUUID();
  let n = 0;
  /** Files one record, of its owner or of `author`, and gives the id of its op when it was taken. */
  const file = async (building: string, kind: string, subject: string, body: object, seen: string[] = [], author?: string) => {
    n += 1;
    const now = Date.now();
    const content = {
      op_id: randomUUID(),
      device,
      n,
      author: author ?? (user_id as string),
      kind,
      subject: { type: kind.split("_")[0], id: subject },
      bucket: building,
      schema: `${kind}/1`,
      captured: { wall_ms: now, utc_offset_min: 480, anchor: { server_ms: now, elapsed_ms: 0 } },
      seen,
      body,
    };
    const hash = createHash("sha256").update(canonical(content)).digest("hex");
    const answer = await user.post("/sync", { device, ops: [{ ...content, hash }] });
    const status = answer.results?.[0]?.status ?? answer;
    expect(["applied", "applied_with_issues", "conflict", "parked", "quarantined"], `${kind} at ${address()}: ${JSON.stringify(answer).slice(0, 300)}`).toContain(status);
    return content.op_id;
  };
  return { file };
}
