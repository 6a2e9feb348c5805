// Worst first (domain §3.11): what is blocked or locked, then the lowest coverage; what is done last.
import type { ListedBuilding } from "../api/types";

const RANK: Record<string, number> = {
  challenged: 0,
  in_progress: 1,
  not_started: 1,
  covered_pending_acceptance: 2,
  full_coverage: 3,
};

export function worstFirst(a: ListedBuilding, b: ListedBuilding): number {
  const rank = (of: ListedBuilding) => RANK[of.state] ?? 1;
  // Compared as fractions, so that nothing is rounded.
  const done = (of: ListedBuilding, by: ListedBuilding) =>
    of.metrics.coverage_rate.part * by.metrics.coverage_rate.whole;
  return (
    rank(a) - rank(b) ||
    done(a, b) - done(b, a) ||
    (b.counts["blocked"] ?? 0) - (a.counts["blocked"] ?? 0) ||
    byCode(a, b)
  );
}

export function byCode(a: ListedBuilding, b: ListedBuilding): number {
  const code = (of: ListedBuilding) => of.attributes.code ?? "";
  return code(a).localeCompare(code(b)) || a.building_id.localeCompare(b.building_id);
}

export function matches(building: ListedBuilding, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  const { name, code, address, aliases } = building.attributes;
  const said = [name, code, address, ...(aliases ?? [])];
  return wanted === "" || said.some((of) => of?.toLowerCase().includes(wanted));
}
