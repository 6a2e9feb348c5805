import type { ListedBuilding } from "@shared/api/types";
import { bounds, outline } from "./shapes";
import { share } from "@shared/ui/figures";

/** The street as a flat plan, for browsers that draw no third dimension. */
export function Plan({ buildings, open }: { buildings: ListedBuilding[]; open: (building: string) => void }) {
  const [[west, south], [east, north]] = bounds(buildings);
  // A degree of longitude is shorter than one of latitude.
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const width = Math.max((east - west) * squeeze, 1e-6);
  const height = Math.max(north - south, 1e-6);
  const at = ([x, y]: [number, number]) => [((x - west) * squeeze * 1000) / width, ((north - y) * 1000) / width];
  return (
    <svg className="plan" viewBox={`-40 -40 1080 ${(1000 * height) / width + 90}`} role="list">
      {buildings.map((building) => {
        const ring = outline(building);
        if (!ring) return null;
        const points = ring.map((point) => at(point).join(",")).join(" ");
        const [x, y] = at(ring[0] ?? [west, south]);
        const rate = building.metrics.coverage_rate;
        const shut = (building.counts["locked"] ?? 0) + (building.counts["blocked"] ?? 0) > 0;
        const tone = rate.part === rate.whole ? "covered" : shut ? "locked" : "unvisited";
        return (
          <g
            key={building.building_id}
            role="listitem"
            tabIndex={0}
            onClick={() => open(building.building_id)}
            onKeyDown={(event) => event.key === "Enter" && open(building.building_id)}
          >
            <polygon points={points} style={{ fill: `var(--${tone})` }} />
            <text x={x} y={(y ?? 0) + 18}>
              {building.attributes.name} {share(rate)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
