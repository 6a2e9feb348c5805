// Settling conflicts, one or many: what was done can be undone, building by building.
import { post } from "@shared/api/client";
import { language } from "@shared/i18n";
import type { Id } from "@shared/api/types";

interface Outcome {
  building_id: Id;
  conflict_id: Id;
  status: string;
  reason?: { zh: string; en: string };
  ops?: Id[];
}

export interface Resolved {
  results: Outcome[];
}

/** Conflicts that one request settles: few enough that one sees it go on. */
const AT_ONCE = 25;

export const settle = (body: object): Promise<Resolved> => post<Resolved>("/conflicts/resolve", body);

/** Settles many by a rule, a few at a time; `told` is given what is settled so far, for one that fails leaves the rest. */
export async function settleAll(
  conflicts: { building_id: Id; conflict_id: Id }[],
  rule: string,
  reason: string,
  told: (done: Resolved) => void,
): Promise<Resolved> {
  const results: Outcome[] = [];
  for (let at = 0; at < conflicts.length; at += AT_ONCE) {
    const named = conflicts.slice(at, at + AT_ONCE).map(({ building_id, conflict_id }) => ({ building_id, conflict_id }));
    results.push(...(await settle({ reason, rule, conflicts: named })).results);
    told({ results: [...results] });
  }
  return { results };
}

/** The ops that settled them, by building. */
export function opsOf({ results }: Resolved): Map<Id, Id[]> {
  const ops = new Map<Id, Id[]>();
  for (const { building_id, ops: settled } of results) {
    if (settled?.length) ops.set(building_id, [...(ops.get(building_id) ?? []), ...settled]);
  }
  return ops;
}

/** How many were not settled, and why the first of them was not. */
export function left(answer: unknown): { count: number; done: number; why: string } | undefined {
  const { results } = answer as Resolved;
  const refused = results.filter(({ status }) => status !== "resolved");
  const reason = refused[0]?.reason;
  if (!reason) return undefined;
  return { count: refused.length, done: results.length - refused.length, why: language() === "zh" ? reason.zh : reason.en };
}
