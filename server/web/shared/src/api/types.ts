// What the server answers, as far as the pages read it. Times are milliseconds since 1970.

export type Millis = number;
export type Id = string;

export interface Rate {
  part: number;
  whole: number;
  /** Floored tenths of a percent; null where there is no whole. */
  permille: number | null;
}

export type MetricName =
  | "coverage_rate"
  | "visited_rate"
  | "inspection_rate"
  | "locked_rate"
  | "floors_done"
  | "recheck_success"
  | "three_clear_rate"
  | "photo_rate";

export type Metrics = Record<MetricName, Rate>;
/** Zeros are left out. */
export type Counts = Partial<Record<string, number>>;

export type BuildingState =
  | "not_started"
  | "in_progress"
  | "covered_pending_acceptance"
  | "full_coverage"
  | "challenged";

export type FloorState =
  | "unsurveyed"
  | "not_applicable"
  | "not_started"
  | "in_progress"
  | "evidence_pending"
  | "complete";

export type RoomState =
  | "unvisited"
  | "attempted"
  | "locked"
  | "blocked"
  | "partial"
  | "exclusion_pending"
  | "covered"
  | "excluded";

export interface Me {
  user_id: Id;
  name: string;
  roles: { role: string; unit_id: Id }[];
  /** What of the console some role leads to: what a page offers. */
  may: ("review" | "manage_registry" | "import_roster" | "read_units" | "read_assigned")[];
}

export interface Unit {
  unit_id: Id;
  parent_id: Id | null;
  code: string;
  level: string;
  name: string;
}

export interface Round {
  round_id: Id;
  street_id: Id;
  number: number;
  kind: string;
  status: string;
  from_ms: Millis;
  until_ms: Millis;
}

export interface Attributes {
  name?: string;
  code?: string;
  address?: string;
  aliases?: string[];
  footprint?: [number, number][];
  latitude?: number;
  longitude?: number;
  property_manager?: string;
}

export interface ListedFloor {
  floor_id: Id;
  section_id: Id;
  label: string;
  sort_order_milli: number;
  state: FloorState;
  has_locked: boolean;
  has_unvisited: boolean;
}

export interface ListedBuilding {
  building_id: Id;
  unit_id: Id;
  attributes: Attributes;
  state: BuildingState;
  unmet: string[];
  counts: Counts;
  metrics: Metrics;
  floors?: ListedFloor[];
  last_try_ms?: Millis;
}

export interface UnitCoverage {
  unit: Unit;
  counts: Counts;
  metrics: Metrics;
  buildings_by_state: Partial<Record<BuildingState, number>>;
}

export interface RollUp extends UnitCoverage {
  children: UnitCoverage[];
}

/** A room or floor behind a figure, and what it adds. */
export interface DrilledRow {
  building_id: Id;
  building: string;
  floor_id: Id;
  floor: string;
  floor_state: FloorState;
  room?: {
    office_id: Id;
    label: string;
    state: RoomState;
    reason?: string;
    missing?: string[];
    attempts: number;
    visits: number;
    last_try_ms?: Millis;
    last_outcome?: string;
    last_by?: string;
  };
  part: number;
  whole: number;
}

export type Part = "numerator" | "rest" | "whole";

export interface Drilled {
  metric: string;
  part: Part;
  at_ms: Millis;
  figure: Rate;
  amount: number;
  total: number;
  rows: DrilledRow[];
  cursor?: Id;
}

export interface OpenFloor {
  building_id: Id;
  building: string;
  section: string;
  floor_id: Id;
  label: string;
  state: FloorState;
  in_scope: number;
  covered: number;
  locked: (OpenOffice & { suggested?: string[] })[];
  unvisited: OpenOffice[];
}

export interface TeamWork {
  team_id: Id | null;
  name: string | null;
  people: number;
  days: number;
  visits: number;
  met: number;
  shut: number;
  partial: number;
  photos: number;
  rooms: number;
  rooms_covered: number;
  first_ms: Millis;
  last_ms: Millis;
}

/** A figure of a team's work, and the visits behind it. */
export interface TeamVisits {
  team_id: Id | null;
  name: string | null;
  figure: TeamFigure;
  amount: number;
  total: number;
  visits: TeamVisit[];
  cursor?: Id;
}

export type TeamFigure = "people" | "days" | "visits" | "met" | "shut" | "partial" | "photos" | "rooms" | "rooms_covered";

export interface TeamVisit {
  op_id: Id;
  at_ms: Millis;
  outcome: string;
  photos: number;
  building_id: Id;
  building: string;
  rooms: { office_id: Id; floor: string; label: string; is_covered: boolean }[];
  by?: string;
}

export interface Standing {
  state: BuildingState;
  in_scope: number;
  covered: number;
  locked: number;
  unvisited: number;
  evidence_pending: number;
}

export interface Progress {
  round_id: Id;
  from_ms: Millis;
  until_ms: Millis;
  steps: { at_ms: Millis; counts: Counts; metrics: Metrics }[];
  buildings: { building_id: Id; steps: (Standing | null)[] }[];
  pace: { remaining: number; workdays_left: number; needed_per_day: number | null };
}

export interface TodoRoom {
  floor_id: Id;
  floor: string;
  office_id: Id;
  label: string;
  state: RoomState;
  attempts: number;
  last_try_ms?: Millis;
  missing?: string[];
  suggested?: string[];
}

export interface TodoItem {
  building_id: Id;
  building: string;
  room?: TodoRoom;
  conflict_id?: Id;
  count?: number;
  due_ms?: Millis;
  is_overdue: boolean;
}

export interface TodoPile {
  kind: string;
  zh: string;
  en: string;
  total: number;
  overdue: number;
  items: TodoItem[];
}

export interface Board {
  round_id: Id;
  at_ms: Millis;
  kinds: TodoPile[];
}

export interface Cell {
  office_id: Id;
  label: string;
  made_by: Id[];
  state: RoomState;
  reason?: string;
  flags?: string[];
  missing?: string[];
  open?: string[];
  companies?: { covered: number; total: number };
  attempts: number;
  visits: number;
  last_try_ms?: Millis;
  last_outcome?: string;
}

export interface OpenOffice {
  office_id: Id;
  label: string;
  state: RoomState;
  attempts: number;
  last_try_ms: Millis | null;
}

export interface Floor {
  floor_id: Id;
  label: string;
  sort_order_milli: number;
  kind: string;
  roster_status: string;
  state: FloorState;
  counts: Counts;
  metrics: Metrics;
  has_locked: boolean;
  locked: OpenOffice[];
  has_unvisited: boolean;
  unvisited: OpenOffice[];
  offices: Cell[];
}

export interface FloorStack {
  building_id: Id;
  /** The unit that it lies in. */
  unit_id: Id | null;
  attributes: Attributes;
  round_id: Id;
  state: BuildingState;
  unmet: string[];
  counts: Counts;
  metrics: Metrics;
  sections: { section_id: Id; name: string; floors: Floor[] }[];
}

export interface TimelineItem {
  op_id: Id;
  kind: string;
  author_id: Id;
  author: string | null;
  device: Id;
  captured_wall_ms: Millis;
  corrected_ms: Millis;
  received_ms: Millis;
  quality: string;
  issues: string[];
  seen: Id[];
  body: Record<string, unknown>;
  visit_id?: Id;
  revision?: number;
  effective?: boolean;
  voided?: boolean;
  class?: string;
  missing?: string[];
  findings?: { finding_id: Id; code: string; photo_id: Id; closed: boolean }[];
}

export interface NamedDoor {
  office_id: Id;
  label: string;
}

/** A value, how it became known, and the record that says so. */
export interface Shown {
  value: string;
  source: string;
  op_id: Id;
  others?: string[];
}

export interface Tenant {
  name?: Shown;
  uscc?: Shown;
  signage?: Shown;
  stay: "present" | "moved_out" | "unknown";
  physical: boolean;
  first_seen_ms?: Millis;
  last_seen_ms?: Millis;
}

/** What follows from all records of a room. */
export interface RoomTold {
  label: string;
  status: string;
  becomes?: Id[];
  aliases: NamedDoor[];
  changes: { op_id: Id; parents: NamedDoor[]; children: NamedDoor[] }[];
  obtained: { round_id: Id; elements: { element: string; op_id: Id }[] }[];
  conflicts: { conflict_id: Id; code: string }[];
  rounds?: { round_id: Id; state: RoomState; reason?: string; visits: number }[];
}

export interface Timeline {
  office_id: Id;
  floor: string;
  room: RoomTold;
  tenants: Tenant[];
  items: TimelineItem[];
}

/** What is known of a photo. */
export interface PhotoTold {
  photo_id: Id;
  sha256: string;
  author: string | null;
  received_ms: Millis;
  stated?: {
    captured_wall_ms?: Millis;
    latitude?: number;
    longitude?: number;
    accuracy_m?: number;
    seq?: number;
    is_signed: boolean;
  };
  entries: {
    leaf_index: number;
    at_ms: Millis;
    event: string;
    signature?: string;
    bucket?: string;
    mode?: string;
    retain_until_ms?: Millis;
  }[];
  checkpoint_size: number;
}

/** RFC 9457 problem details, in two languages. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  title_en: string;
  detail_en: string;
  cause?: string;
}
