// The morning list, without a page.
import { expect, it } from "vitest";
import type { DrilledRow, OpenFloor } from "@shared/api/types";
import { byBuilding, linesOf } from "./lines";

const floor = (building_id: string, floor_id: string) =>
  ({ building_id, building: building_id, floor_id, label: floor_id, section: "-", locked: [], unvisited: [] }) as unknown as OpenFloor;
const row = (building_id: string, floor_id: string, label: string) =>
  ({ building_id, building: building_id, floor_id, floor: floor_id, room: { label } }) as unknown as DrilledRow;

it("a floor has one line, whatever is open on it, and one that only lacks a photo has one, too", () => {
  const lines = linesOf([floor("A", "3F"), floor("B", "1F")], [row("A", "3F", "303")], [row("A", "3F", "305"), row("A", "2F", "201")]);
  const said = lines.map((of) => [of.label, of.section, of.partial.length, of.photos.map(({ room }) => room?.label)]);
  expect(said).toEqual([
    ["3F", "", 1, ["305"]],
    ["1F", "", 0, []],
    ["2F", "", 0, ["201"]],
  ]);
  expect(byBuilding(lines).map((of) => of.map(({ label }) => label))).toEqual([["3F", "2F"], ["1F"]]);
});
