// The ranking of communities (RP02): by coverage, then by inspections in person, then by refusals;
// equals share a rank. Fractions are compared as fractions, so that nothing is rounded.
import type { Millis, Progress, Rate, Unit, UnitCoverage } from "../api/types";

const DAY_MS = 86_400_000;
/** China is eight hours ahead of UTC, all year. */
const OFFSET_MS = 8 * 3_600_000;
const day = (at: Millis) => Math.floor((at + OFFSET_MS) / DAY_MS);
/** Day 0, 1970-01-01, was a Thursday. */
const isWorkday = (of: number) => (((of + 3) % 7) + 7) % 7 < 5;

/** Mondays to Fridays from one moment's day to another's, both included. */
export function workdays(from: Millis, to: Millis): number {
  let count = 0;
  for (let of = day(from); of <= day(to); of += 1) count += isWorkday(of) ? 1 : 0;
  return count;
}

/** The midnight that ends the working day so many working days after a moment's. */
export function afterWorkdays(at: Millis, days: number): Millis {
  let of = day(at);
  for (let left = days; left > 0; ) {
    of += 1;
    if (isWorkday(of)) left -= 1;
  }
  return of * DAY_MS - OFFSET_MS;
}

export interface Ranked {
  of: UnitCoverage;
  rank: number;
  /** Rooms covered since the last midnight; unknown where the course does not tell. */
  since: number | undefined;
  /** Rooms covered a working day so far, in tenths. */
  mean: number;
  /** The day on which all is covered at that pace; none where nothing moves. */
  finish: Millis | undefined;
}

/** Below nothing everything else: a unit without rooms comes last. */
const above = (a: Rate, b: Rate) => (b.whole === 0 ? -1 : 0) - (a.whole === 0 ? -1 : 0) || b.part * a.whole - a.part * b.whole;
const blocked = (of: UnitCoverage) => of.counts["blocked"] ?? 0;
const order = (a: UnitCoverage, b: UnitCoverage) =>
  above(a.metrics.coverage_rate, b.metrics.coverage_rate) ||
  above(a.metrics.inspection_rate, b.metrics.inspection_rate) ||
  blocked(a) - blocked(b);

/** The units right below another, ranked; `where` says in which of them a building lies. */
export function ranking(
  children: UnitCoverage[],
  progress: Progress | undefined,
  where: (building: string) => string | undefined,
  at: Millis,
): Ranked[] {
  const sorted = children.toSorted((a, b) => order(a, b) || a.unit.code.localeCompare(b.unit.code));
  const before = coveredBefore(progress, where, day(at) * DAY_MS - OFFSET_MS);
  const ranks: number[] = [];
  return sorted.map((of, place) => {
    const former = sorted[place - 1];
    const rank = former && order(former, of) === 0 ? (ranks[place - 1] ?? place) : place + 1;
    ranks.push(rank);
    const { part, whole } = of.metrics.coverage_rate;
    const days = progress ? Math.max(workdays(progress.from_ms, at), 1) : 1;
    const mean = Math.floor((part * 10) / days);
    const finish = part === whole || mean === 0 ? undefined : afterWorkdays(at, Math.ceil(((whole - part) * days) / part));
    return { of, rank, since: before && part - (before.get(of.unit.unit_id) ?? 0), mean, finish };
  });
}

/** What was covered in each unit by a moment. */
function coveredBefore(
  progress: Progress | undefined,
  where: (building: string) => string | undefined,
  at: Millis,
): Map<string, number> | undefined {
  if (!progress) return undefined;
  const step = progress.steps.findLastIndex((of) => of.at_ms <= at);
  const covered = new Map<string, number>();
  for (const { building_id, steps } of progress.buildings) {
    const unit = where(building_id);
    if (unit) covered.set(unit, (covered.get(unit) ?? 0) + (steps[step]?.covered ?? 0));
  }
  return covered;
}

/** The unit right below `top` that a unit is, or lies in. */
export function childOf(units: Unit[], top: string): (unit: string) => string | undefined {
  const parents = new Map(units.map((of) => [of.unit_id, of.parent_id]));
  return (unit) => {
    for (let at: string | null | undefined = unit; at; at = parents.get(at)) {
      if (parents.get(at) === top) return at;
    }
    return undefined;
  };
}
