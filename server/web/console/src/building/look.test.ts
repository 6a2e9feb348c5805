import { expect, it } from "vitest";
import { lookOf } from "./look";

it("every state has a sign of its own, so that no colour is needed", () => {
  const states = ["unvisited", "attempted", "locked", "blocked", "partial", "exclusion_pending", "excluded"] as const;
  const signs = states.map((state) => lookOf({ state }).sign);
  const reasons = ["inspected", "enforced", "vacant", "moved_out", "under_renovation"];
  const covered = reasons.map((reason) => lookOf({ state: "covered", reason }).sign);
  expect(new Set([...signs, ...covered]).size).toBe(states.length + reasons.length);
});

it("a badge is shown once, however many flags call for it", () => {
  const { badges } = lookOf({ state: "blocked", flags: ["exclusion_defeated", "evidence_pending"], open: ["case"] });
  expect(badges.toSorted()).toEqual(["!", "◎"]);
});
