import type { ListedBuilding } from "@shared/api/types";
import { share } from "@shared/ui/figures";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { BuildingCard, MapLegend, labelOf } from "./BuildingCard";
import { bounds, outline } from "./shapes";

/** The street as a flat plan, for browsers that draw no third dimension. */
export function Plan({ buildings, open }: { buildings: ListedBuilding[]; open: (building: string) => void }) {
  const { t } = useTranslation();
  const [told, setTold] = useState<string>();
  const [[west, south], [east, north]] = bounds(buildings);
  // A degree of longitude is shorter than one of latitude.
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const width = Math.max((east - west) * squeeze, 1e-6);
  const height = Math.max(north - south, 1e-6);
  const at = ([x, y]: [number, number]) => [((x - west) * squeeze * 1000) / width, ((north - y) * 1000) / width];
  const shown = buildings.find((of) => of.building_id === told);
  return (
    <>
    <svg className="plan" viewBox={`-40 -40 1080 ${(1000 * height) / width + 90}`} role="group">
      {buildings.map((building) => {
        const ring = outline(building);
        if (!ring) return null;
        const points = ring.map((point) => at(point).join(",")).join(" ");
        const [x, y] = at(ring[0] ?? [west, south]);
        const rate = building.metrics.coverage_rate;
        const shut = (building.counts["locked"] ?? 0) + (building.counts["blocked"] ?? 0) > 0;
        const isBegun = building.metrics.visited_rate.part > 0;
        const tone = rate.part === rate.whole ? "covered" : shut ? "locked" : isBegun ? "partial" : "unvisited";
        return (
          <g
            key={building.building_id}
            role="button"
            tabIndex={0}
            aria-label={labelOf(building, t)}
            onMouseEnter={() => setTold(building.building_id)}
            onMouseLeave={() => setTold(undefined)}
            onFocus={() => setTold(building.building_id)}
            onBlur={() => setTold(undefined)}
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
    {shown && <BuildingCard building={shown} />}
    <MapLegend />
    </>
  );
}
