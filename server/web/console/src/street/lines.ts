// The lines of the morning list, one a floor: what is shut or unvisited, beside what has to be
// supplemented and which photos are missing. Pure, so that it can be tested without a page.
import type { DrilledRow, OpenFloor } from "@shared/api/types";

export interface Line extends Pick<OpenFloor, "building_id" | "building" | "section" | "floor_id" | "label" | "locked" | "unvisited"> {
  partial: DrilledRow[];
  photos: DrilledRow[];
}

/** A section that has no name of its own. */
const NAMELESS = "-";

export function linesOf(floors: OpenFloor[], partial: DrilledRow[], photos: DrilledRow[]): Line[] {
  const lines = new Map<string, Line>();
  for (const of of floors) {
    const { building_id, building, floor_id, label, locked, unvisited } = of;
    const section = of.section === NAMELESS ? "" : of.section;
    lines.set(floor_id, { building_id, building, section, floor_id, label, locked, unvisited, partial: [], photos: [] });
  }
  const line = ({ building_id, building, floor_id, floor }: DrilledRow): Line => {
    const known = lines.get(floor_id);
    if (known) return known;
    const made = { building_id, building, section: "", floor_id, label: floor, locked: [], unvisited: [], partial: [], photos: [] };
    lines.set(floor_id, made);
    return made;
  };
  for (const row of partial) line(row).partial.push(row);
  for (const row of photos) line(row).photos.push(row);
  return [...lines.values()];
}

/** The lines of each building, buildings in the order in which they come first. */
export function byBuilding(lines: Line[]): [Line, ...Line[]][] {
  const found = new Map<string, [Line, ...Line[]]>();
  for (const line of lines) {
    const known = found.get(line.building_id);
    if (known) known.push(line);
    else found.set(line.building_id, [line]);
  }
  return [...found.values()];
}
