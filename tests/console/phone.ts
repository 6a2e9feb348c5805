// A phone for the tests of the console: it files what somebody recorded, sealed as phones seal it.
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
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
  const sealed = ({ building, kind, subject, body, seen = [], author }: Recorded) => {
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
    return { ...content, hash };
  };
  /** Files records, all in one request, and gives the ids of their ops when they were taken. */
  const fileAll = async (records: Recorded[]): Promise<string[]> => {
    const ops = records.map(sealed);
    const answer = await user.post("/sync", { device, ops });
    for (const [at, { kind }] of records.entries()) {
      const status = answer.results?.[at]?.status ?? answer;
      expect(TAKEN, `${kind} at ${address()}: ${JSON.stringify(answer).slice(0, 300)}`).toContain(status);
    }
    return ops.map(({ op_id }) => op_id);
  };
  /** Files one record, of its owner or of `author`. */
  const file = async (building: string, kind: string, subject: string, body: object, seen?: string[], author?: string) => {
    const [op] = await fileAll([{ building, kind, subject, body, seen, author }]);
    return op as string;
  };
  /** Answers an invitation with a key of its own, as a phone does that read the picture. */
  const enrol = async (code: string) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = publicKey.export({ format: "jwk" }).x as string;
    const said = `saolou-device-key/v1\nenrol ${code}\ndevice ${device}\nkey ${key}\n`;
    const signature = sign(null, Buffer.from(said), privateKey).toString("base64");
    return user.post("/devices/enrol", { code, device, public_key: key, signature });
  };
  return { device, file, fileAll, enrol };
}

const TAKEN = ["applied", "applied_with_issues", "conflict", "parked", "quarantined"];

/** What somebody records, before it is sealed. */
interface Recorded {
  building: string;
  kind: string;
  subject: string;
  body: object;
  seen?: string[] | undefined;
  author?: string | undefined;
}
