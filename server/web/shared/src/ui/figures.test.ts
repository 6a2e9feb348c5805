// Figures against the vectors that every implementation reads.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { day, moment, number, share } from "./figures";
import { matches, worstFirst } from "./order";
import type { ListedBuilding, Rate } from "../api/types";

describe("a share", () => {
  it("is floored, a hundred percent only where nothing is left, and a dash of nothing", () => {
    const shown = (part: number, whole: number) =>
      share({ part, whole, permille: whole > 0 ? Math.floor((part * 1000) / whole) : null });
    expect([shown(37, 38), shown(38, 38), shown(0, 38), shown(0, 0), shown(999, 1000), shown(9999, 10000)]).toEqual([
      "97.3%",
      "100.0%",
      "0.0%",
      "—",
      "99.9%",
      "99.9%",
    ]);
  });

  it("is shown as the vectors of the roll-up show it", () => {
    const file = new URL("../../../../../mobile-client-spec/vectors/rollup.json", import.meta.url);
    const { rates } = JSON.parse(readFileSync(file, "utf8")) as { rates: (Rate & { text: string })[] };
    expect(rates.length).toBeGreaterThan(3);
    for (const { part, whole, permille, text } of rates) {
      expect(share({ part, whole, permille }), `${part}/${whole}`).toBe(text);
    }
  });
});

describe("a moment", () => {
  it("is told in China's time with its weekday", () => {
    const at = Date.parse("2026-11-23T15:30:00+08:00");
    expect([moment(at, "zh"), moment(at, "en"), day(at, "zh")]).toEqual([
      "11-23 周一 15:30",
      "11-23 Mon 15:30",
      "11-23 周一",
    ]);
    // A minute before midnight it is Sunday, whatever UTC says.
    expect(day(Date.parse("2026-11-22T23:59:00+08:00"), "zh")).toBe("11-22 周日");
  });
});

it("long numbers have thin gaps", () => expect(number(1_234_567)).toBe("1\u2009234\u2009567"));

const building = (code: string, part: number, whole: number, more: Partial<ListedBuilding> = {}) =>
  ({
    building_id: code,
    attributes: { code, name: `${code}大厦`, aliases: ["旧名"] },
    state: "in_progress",
    counts: {},
    metrics: { coverage_rate: { part, whole, permille: null } },
    ...more,
  }) as unknown as ListedBuilding;

describe("the list of buildings", () => {
  it("has the worst first: by coverage as a fraction, then by refusals; what is accepted last", () => {
    const sorted = [
      building("B4", 9, 9, { state: "full_coverage" }),
      building("B3", 2, 3),
      building("B1", 1, 3),
      building("B2", 333, 1000, { counts: { blocked: 2 } }),
      building("B5", 9, 9, { state: "challenged" }),
    ].toSorted(worstFirst);
    expect(sorted.map((of) => of.building_id)).toEqual(["B5", "B2", "B1", "B3", "B4"]);
  });

  it("is found by name, code and former names", () => {
    const found = (text: string) => matches(building("B7", 0, 1), text);
    expect([found(""), found("b7"), found("大厦"), found("旧名"), found("别处")]).toEqual([true, true, true, true, false]);
  });
});
