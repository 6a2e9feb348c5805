// What the server says of rounds, teams, room lists and invitations.
import type { BuildingState, Counts, Id, Metrics, Millis } from "@shared/api/types";

/** A change of the status of a round; of a closing with the figures of the street as they were then. */
export interface Step {
  status: string;
  reason: string | null;
  author: string;
  at_ms: Millis;
  counts?: Counts;
  metrics?: Metrics;
}

export interface StandingRound {
  round_id: Id;
  campaign_id: Id;
  street_id: Id;
  number: number;
  kind: string;
  status: string;
  from_ms: Millis;
  until_ms: Millis;
  grace_until_ms: Millis;
  steps: Step[];
  counts: Counts;
  metrics: Metrics;
  buildings_by_state: Partial<Record<BuildingState, number>>;
}

export interface Campaign {
  campaign_id: Id;
  street_id: Id;
  name: string;
}

export interface Team {
  team_id: Id;
  name: string;
  leader_id: Id | null;
  members: { user_id: Id; name: string; function: string }[];
}

export interface Assignment {
  assignment_id: Id;
  round_id: Id;
  building_id: Id;
  team_id: Id;
  from_ms: Millis;
  until_ms?: Millis;
}

export interface ReportLine {
  line: number;
  verdict: "accepted" | "linked" | "refused";
  floor?: string;
  room?: string;
  same_as_line?: number;
  reason?: { code: string; zh: string; en: string };
}

export interface Report {
  dry_run: boolean;
  accepted: number;
  linked: number;
  refused: number;
  lines: ReportLine[];
}

export interface Invited {
  enrolment_id: Id;
  code: string;
  /** What the picture says. */
  text: string;
  expires_ms: Millis;
}

export interface Fate {
  state: "open" | "used" | "expired";
  expires_ms: Millis;
  /** By the server's clock; this machine's may differ. */
  left_ms: number;
  device?: Id;
}
