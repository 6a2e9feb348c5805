// How a room looks: a colour, a sign that needs no colour, and badges (domain §3.4).
import type { Cell } from "@shared/api/types";

export interface Look {
  /** The colour, by the name of its token. */
  tone: string;
  /** The sign, by the name of its word. */
  sign: string;
  badges: string[];
}

const BADGES: Record<string, string> = {
  evidence_pending: "◎",
  case: "!",
  unlicensed: "!",
  exclusion_defeated: "!",
  existence_contradicted: "!",
  absence_contradicted: "!",
  blocked_after_settlement: "!",
  multi_occupant_suspected: "!",
  revision_fork: "!",
  tenant_changed: "⇄",
};

export function lookOf(cell: Pick<Cell, "state" | "reason" | "flags" | "open">): Look {
  const because = cell.state === "covered" && cell.reason !== undefined && cell.reason !== "inspected";
  const sign = because ? (cell.reason ?? cell.state) : cell.state;
  const absent = ["vacant", "moved_out", "under_renovation"].includes(cell.reason ?? "");
  const tone = cell.state !== "covered" ? cell.state : absent ? "absent" : cell.reason === "enforced" ? "enforced" : "covered";
  const marks = [...(cell.flags ?? []), ...(cell.open ?? [])].flatMap((flag) => BADGES[flag] ?? []);
  return { tone, sign, badges: [...new Set(marks)] };
}
