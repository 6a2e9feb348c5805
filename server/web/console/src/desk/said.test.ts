import { expect, it } from "vitest";
import { differing } from "./Said";

it("of several sides only the members that differ are shown, those that one side lacks included", () => {
  const old = { name: "老供销大楼", address: "老街1号", code: "B12" };
  const now = { name: "老供销大楼", address: "老街2号", code: "B12", property_manager: "某物业" };
  expect(differing([old, now])).toEqual(new Set(["address", "property_manager"]));
  expect(differing([old, old])).toEqual(new Set());
});

it("texts are shown as they are", () => {
  expect(differing(["101", "109"])).toBeUndefined();
  expect(differing([{ name: "甲" }, "乙"])).toBeUndefined();
  expect(differing([{ name: "甲" }])).toBeUndefined();
});
