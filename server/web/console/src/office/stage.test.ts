import { expect, it } from "vitest";
import { zoomed } from "./Stage";

it("what lies under the pointer stays there while the picture grows", () => {
  const before = { zoom: 2, x: 30, y: -10 };
  const at = { x: 100, y: 40 };
  const after = zoomed(before, 1.5, at);
  // The point of the picture, in its own measure.
  const under = (view: typeof before) => [(at.x - view.x) / view.zoom, (at.y - view.y) / view.zoom];
  expect(after.zoom).toBe(3);
  expect(under(after)).toEqual(under(before));
});

it("a picture is never smaller than its stage, nor larger than eight times that", () => {
  expect(zoomed({ zoom: 1.2, x: 50, y: 50 }, 0.5, { x: 9, y: 9 })).toEqual({ zoom: 1, x: 0, y: 0 });
  expect(zoomed({ zoom: 7, x: 0, y: 0 }, 4, { x: 0, y: 0 }).zoom).toBe(8);
});
