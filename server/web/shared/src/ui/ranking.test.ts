// The ranking of communities, without a page.
import { describe, expect, it } from "vitest";
import type { Progress, Rate, Unit, UnitCoverage } from "../api/types";
import { afterWorkdays, childOf, ranking, workdays } from "./ranking";

const rate = (part: number, whole: number): Rate => ({ part, whole, permille: null });
const community = (code: string, covered: Rate, inspected = rate(0, 1), blocked = 0) =>
  ({
    unit: { unit_id: code, code, name: code },
    counts: { blocked },
    metrics: { coverage_rate: covered, inspection_rate: inspected },
  }) as unknown as UnitCoverage;

const MONDAY = Date.parse("2026-11-23T00:00:00+08:00");
const HOUR = 3_600_000;
const at = (day: number, hour = 0) => MONDAY + (day * 24 + hour) * HOUR;

describe("the ranking", () => {
  it("orders by coverage, then inspections, then refusals, and equals share a rank", () => {
    const ranked = ranking(
      [
        community("empty", rate(0, 0)),
        community("c", rate(1, 3)),
        community("a", rate(2, 3), rate(1, 2)),
        community("b", rate(4, 6), rate(2, 4)),
        community("d", rate(2, 3), rate(2, 3)),
        community("e", rate(2, 3), rate(1, 2), 1),
      ],
      undefined,
      () => undefined,
      MONDAY,
    );
    expect(ranked.map(({ of, rank }) => [of.unit.code, rank])).toEqual([
      ["d", 1],
      ["a", 2],
      ["b", 2],
      ["e", 4],
      ["c", 5],
      ["empty", 6],
    ]);
  });

  it("tells what came since midnight, the daily mean, and the day on which all will be done", () => {
    const progress = {
      from_ms: MONDAY,
      steps: [at(0, 6), at(1, 0), at(1, 12)].map((at_ms) => ({ at_ms })),
      buildings: [
        { building_id: "x", steps: [null, { covered: 4 }, { covered: 9 }] },
        { building_id: "y", steps: [null, { covered: 100 }, { covered: 100 }] },
      ],
    } as unknown as Progress;
    const where = (building: string) => (building === "x" ? "a" : undefined);
    const [first] = ranking([community("a", rate(9, 20))], progress, where, at(1, 15));
    // Two working days, nine rooms: eleven more take three; Wednesday, Thursday, Friday.
    expect(first).toMatchObject({ since: 5, mean: 45, finish: at(4) });
    const [done] = ranking([community("a", rate(20, 20))], progress, where, at(1, 15));
    expect(done?.finish).toBeUndefined();
  });
});

it("working days are Monday to Friday, in China", () => {
  expect([workdays(at(0), at(6, 23)), workdays(at(5), at(6)), workdays(at(0) - 1, at(0))]).toEqual([5, 0, 1]);
  expect(afterWorkdays(at(4, 12), 1)).toBe(at(7));
  expect(afterWorkdays(at(4, 12), 0)).toBe(at(4));
});

it("a building lies in the unit right below, however deep", () => {
  const units = [
    { unit_id: "street", parent_id: "district" },
    { unit_id: "a", parent_id: "street" },
    { unit_id: "grid", parent_id: "a" },
  ] as unknown as Unit[];
  const child = childOf(units, "street");
  expect([child("a"), child("grid"), child("street"), child("elsewhere")]).toEqual(["a", "a", undefined, undefined]);
});
