// What waits for the desk, as the server lists it.
import type { Id, Millis } from "@shared/api/types";

export interface Door {
  office_id: Id;
  label: string;
  floor: string;
}

export interface Sibling {
  op_id: Id;
  kind: string;
  author: string | null;
  roles: string[];
  corrected_ms: Millis;
  received_ms: Millis;
  value?: unknown;
  source?: string;
  displayed: boolean;
  body: Record<string, unknown>;
  photos: { photo_id: Id; kind: string | null; arrived: boolean }[];
}

export interface Conflict {
  conflict_id: Id;
  code: string;
  zh: string;
  en: string;
  severity: string;
  blocks_acceptance: boolean;
  building_id: Id;
  building: string;
  offices: Door[];
  field?: string;
  siblings: Sibling[];
}

export interface Held {
  quarantine_id: Id;
  building_id: Id | null;
  kind: string | null;
  author: string | null;
  sender: string | null;
  reason: { code: string; zh: string; en: string };
  corrected_ms: Millis;
  received_ms: Millis;
  state: string;
  note?: string;
  decided_ms?: Millis;
  content: unknown;
  diff?: { path: string; stored: unknown; sent: unknown }[];
}

export interface Finding {
  finding_id: Id;
  code: string;
  zh: string;
  en: string;
  photo_id: Id;
  detail: Record<string, unknown>;
  building_id: Id;
  building: string;
  sides: {
    photo_id: Id;
    kind: string;
    building_id: Id;
    building: string;
    offices: Door[];
    author: string | null;
    corrected_ms: Millis;
  }[];
}

export interface Device {
  device: Id;
  user_id: Id;
  name: string;
  first_ms: Millis;
  synced_ms?: Millis;
  pending?: { records: number; photos: number };
  skew_ms?: Millis;
  revoked?: { at_ms: Millis; reason: string };
  key?: { fingerprint: string; algorithm: string; from_ms: Millis };
  manifests_missing: number;
}
