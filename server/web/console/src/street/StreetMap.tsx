// The street from above: footprints, floors extruded and coloured by state. No tiles, no glyphs, no
// server but ours, unless a style of one's own is set. Where the browser has no WebGL, the plan is drawn flat.
import type { ListedBuilding } from "@shared/api/types";
import { useQuery } from "@tanstack/react-query";
import {
  type GeoJSONSource,
  Map as GlMap,
  Marker,
  NavigationControl,
  type StyleSpecification,
  setWorkerUrl,
} from "maplibre-gl";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Loading } from "../frame/Notices";
import { BuildingCard, MapLegend, labelOf } from "./BuildingCard";
import { Plan } from "./Plan";
import { bounds, floorShapes, footprints } from "./shapes";

interface Props {
  buildings: ListedBuilding[];
  open: (building: string) => void;
}

/** A style of one's own, where one is set and can be had; else no ground at all. */
const NO_GROUND: StyleSpecification = { version: 8, sources: {}, layers: [] };

async function ground(url: string): Promise<StyleSpecification> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()) as StyleSpecification;
}

// The worker is a file of ours, as the policy of the page demands.
setWorkerUrl(worker);

const EMPTY = { type: "FeatureCollection" as const, features: [] };

/** The map, once it is known what it is drawn on. */
export default function StreetMap(props: Props) {
  const { t } = useTranslation();
  const url = useQuery(asking.map());
  const style = useQuery({
    queryKey: ["map", "style", url.data],
    queryFn: () => ground(url.data ?? ""),
    enabled: typeof url.data === "string",
    retry: 1,
  });
  const isWaiting = url.isPending || (typeof url.data === "string" && style.isPending);
  if (isWaiting) return <Loading />;
  return (
    <>
      <Drawn {...props} ground={style.data ?? NO_GROUND} />
      {style.isError && (
        <p className="hint failed" role="status">
          {t("street.noGround")}
        </p>
      )}
    </>
  );
}

function Drawn(props: Props & { ground: StyleSpecification }) {
  const { t } = useTranslation();
  const [told, setTold] = useState<string>();
  const place = useRef<HTMLDivElement>(null);
  const map = useRef<GlMap | null>(null);
  const [isFlat, setFlat] = useState(false);
  const [isReady, setReady] = useState(false);
  const open = useRef(props.open);
  open.current = props.open;
  const { buildings } = props;

  useEffect(() => {
    const element = place.current;
    if (!element || isFlat) return;
    let made: GlMap;
    try {
      made = new GlMap({
        container: element,
        style: props.ground,
        bounds: bounds(buildings),
        fitBoundsOptions: { padding: { top: 110, bottom: 40, left: 40, right: 60 }, pitch: 52, bearing: -18 },
        pitch: 52,
        bearing: -18,
        attributionControl: false,
        localIdeographFontFamily: '"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif',
      });
    } catch {
      setFlat(true);
      return;
    }
    map.current = made;
    made.addControl(new NavigationControl({ visualizePitch: true }));
    made.on("load", () => {
      draw(made, element);
      setReady(true);
    });
    made.on("click", "floors", (event) => {
      const id: unknown = event.features?.[0]?.properties["building"];
      if (typeof id === "string") open.current(id);
    });
    made.on("mousemove", "floors", (event) => {
      made.getCanvas().style.cursor = "pointer";
      const id: unknown = event.features?.[0]?.properties["building"];
      if (typeof id === "string") setTold(id);
    });
    made.on("mouseleave", "floors", () => {
      made.getCanvas().style.cursor = "";
      setTold(undefined);
    });
    made.on("idle", () => (element.dataset["idle"] = "true"));
    return () => {
      map.current = null;
      setReady(false);
      made.remove();
    };
    // The map is made once; what it shows is set below.
    // eslint-disable-next-line
  }, [isFlat]);

  useEffect(() => {
    const made = map.current;
    const element = place.current;
    if (!made || !element || !isReady) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    (made.getSource("floors") as GeoJSONSource | undefined)?.setData(floorShapes(buildings, colour));
    (made.getSource("ground") as GeoJSONSource | undefined)?.setData(footprints(buildings));
    const markers = buildings.flatMap((building) => marker(made, building, labelOf(building, t), () => open.current(building.building_id), setTold));
    const labels = markers.map((of) => of.getElement());
    const clear = () => declutter(labels);
    made.on("idle", clear);
    return () => {
      made.off("idle", clear);
      markers.forEach((of) => of.remove());
    };
  }, [buildings, isReady, t]);

  if (isFlat) return <Plan buildings={buildings} open={props.open} />;
  const shown = buildings.find((of) => of.building_id === told);
  return (
    <>
      <div ref={place} className="gl" />
      {shown && <BuildingCard building={shown} />}
      <MapLegend />
    </>
  );
}

/** Of labels that would cover one another all but the first say no more than their code. */
function declutter(labels: HTMLElement[]): void {
  labels.forEach((label) => label.classList.remove("short"));
  const kept: DOMRect[] = [];
  for (const label of labels) {
    const box = label.getBoundingClientRect();
    const covers = (of: DOMRect) => box.left < of.right && of.left < box.right && box.top < of.bottom && of.top < box.bottom;
    if (kept.some(covers)) label.classList.add("short");
    kept.push(label.getBoundingClientRect());
  }
}

function draw(map: GlMap, element: HTMLElement): void {
  const style = getComputedStyle(element);
  const line = style.getPropertyValue("--line").trim();
  map.addSource("ground", { type: "geojson", data: EMPTY });
  map.addSource("floors", { type: "geojson", data: EMPTY });
  map.addLayer({ id: "ground", type: "fill", source: "ground", paint: { "fill-color": line } });
  map.addLayer({
    id: "floors",
    type: "fill-extrusion",
    source: "floors",
    paint: {
      "fill-extrusion-color": ["get", "colour"],
      "fill-extrusion-base": ["get", "base"],
      "fill-extrusion-height": ["get", "top"],
      "fill-extrusion-opacity": 0.96,
      "fill-extrusion-vertical-gradient": true,
    },
  });
}

function marker(
  map: GlMap,
  building: ListedBuilding,
  said: string,
  open: () => void,
  tell: (building: string | undefined) => void,
): Marker[] {
  const { longitude, latitude, name, code } = building.attributes;
  if (longitude === undefined || latitude === undefined) return [];
  const label = document.createElement("button");
  label.type = "button";
  label.className = "map-label";
  // On a phone there is room for the code alone.
  label.append(code ?? name ?? "", Object.assign(document.createElement("span"), { textContent: ` ${name ?? ""}` }));
  label.ariaLabel = said;
  label.addEventListener("click", open);
  for (const begins of ["mouseenter", "focus"]) label.addEventListener(begins, () => tell(building.building_id));
  for (const ends of ["mouseleave", "blur"]) label.addEventListener(ends, () => tell(undefined));
  return [new Marker({ element: label, anchor: "top" }).setLngLat([longitude, latitude]).addTo(map)];
}
