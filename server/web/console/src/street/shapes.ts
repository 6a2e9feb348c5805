// Footprints and storeys as shapes for the map: pure, so that it can be tested without one.
import type { ListedBuilding, ListedFloor } from "@shared/api/types";
import type { Feature, FeatureCollection, Polygon } from "geojson";

/** A storey on the map, in metres, and the gap that lets one see where it ends. */
const STOREY_M = 5;
const GAP_M = 0.9;
/** A building whose outline nobody knows, in degrees. */
const SIDE_DEG = 0.0002;

/** What colour a floor has: its worst news first. */
export function colourOf(floor: Pick<ListedFloor, "state" | "has_locked" | "has_unvisited">): string {
  if (floor.state === "not_applicable") return "thin";
  if (floor.state === "unsurveyed") return "unsurveyed";
  if (floor.has_locked) return "locked";
  if (floor.state === "complete") return "covered";
  if (floor.state === "evidence_pending") return "absent";
  return floor.state === "not_started" ? "unvisited" : "partial";
}

export function outline({ attributes }: ListedBuilding): [number, number][] | null {
  const { footprint, longitude, latitude } = attributes;
  if (footprint && footprint.length >= 4) return footprint;
  if (longitude === undefined || latitude === undefined) return null;
  const [w, e] = [longitude - SIDE_DEG, longitude + SIDE_DEG];
  const [s, n] = [latitude - SIDE_DEG, latitude + SIDE_DEG];
  return [[w, s], [e, s], [e, n], [w, n], [w, s]];
}

export function bounds(buildings: ListedBuilding[]): [[number, number], [number, number]] {
  const points = buildings.flatMap((building) => outline(building) ?? []);
  if (points.length === 0) return [[119.89, 38.69], [119.91, 38.71]];
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [[Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)]];
}

const polygon = (ring: [number, number][], properties: Record<string, unknown>): Feature<Polygon> => ({
  type: "Feature",
  geometry: { type: "Polygon", coordinates: [ring] },
  properties,
});

export function footprints(buildings: ListedBuilding[]): FeatureCollection<Polygon> {
  const features = buildings.flatMap((building) => {
    const ring = outline(building);
    return ring ? [polygon(ring, { building: building.building_id })] : [];
  });
  return { type: "FeatureCollection", features };
}

/** A prism for each floor above ground; sections of one building share its outline. */
export function floorShapes(
  buildings: ListedBuilding[],
  colour: (name: string) => string,
): FeatureCollection<Polygon> {
  const features = buildings.flatMap((building) => {
    const ring = outline(building);
    if (!ring) return [];
    const above = (building.floors ?? []).filter((floor) => floor.sort_order_milli > 0);
    const levels = [...new Set(above.map((floor) => floor.sort_order_milli))].toSorted((a, b) => a - b);
    return levels.map((level, at) => {
      const floors = above.filter((floor) => floor.sort_order_milli === level);
      const worst = floors.toSorted((a, b) => rank(a) - rank(b))[0];
      return polygon(ring, {
        building: building.building_id,
        colour: colour(worst ? colourOf(worst) : "unvisited"),
        base: at * STOREY_M,
        top: (at + 1) * STOREY_M - GAP_M,
      });
    });
  });
  return { type: "FeatureCollection", features };
}

const WORST = ["locked", "unvisited", "unsurveyed", "partial", "absent", "covered", "thin"];
const rank = (floor: ListedFloor) => WORST.indexOf(colourOf(floor));
