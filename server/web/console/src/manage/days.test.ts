import { expect, it } from "vitest";
import { DAY_MS, dayOf, midnight } from "./days";

it("the last moment of a day in China lies in that day, and the next one in the next", () => {
  const end = midnight("2026-12-14") + DAY_MS;
  expect(new Date(end).toISOString()).toBe("2026-12-14T16:00:00.000Z");
  expect([dayOf(end - 1), dayOf(end)]).toEqual(["2026-12-14", "2026-12-15"]);
});
