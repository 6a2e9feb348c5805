// The street from above: footprints, floors extruded and coloured by state. No tiles, no glyphs, no
// server but ours. Where the browser has no WebGL, the plan is drawn flat.
import type { ListedBuilding } from "@shared/api/types";
import { type GeoJSONSource, Map as GlMap, Marker, NavigationControl, setWorkerUrl } from "maplibre-gl";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { bounds, floorShapes, footprints } from "./shapes";
import { Plan } from "./Plan";

interface Props {
  buildings: ListedBuilding[];
  open: (building: string) => void;
}

// The worker is a file of ours, as the policy of the page demands.
setWorkerUrl(worker);

const EMPTY = { type: "FeatureCollection" as const, features: [] };

export default function StreetMap(props: Props) {
  const { t } = useTranslation();
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
        style: { version: 8, sources: {}, layers: [] },
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
    made.on("mouseenter", "floors", () => (made.getCanvas().style.cursor = "pointer"));
    made.on("mouseleave", "floors", () => (made.getCanvas().style.cursor = ""));
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
    const markers = buildings.flatMap((building) => marker(made, building, () => open.current(building.building_id)));
    return () => markers.forEach((of) => of.remove());
  }, [buildings, isReady]);

  if (isFlat) return <Plan buildings={buildings} open={props.open} />;
  return (
    <>
      <div ref={place} className="gl" />
      <p className="hint">{t("street.mapHint")}</p>
    </>
  );
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

function marker(map: GlMap, building: ListedBuilding, open: () => void): Marker[] {
  const { longitude, latitude, name, code } = building.attributes;
  if (longitude === undefined || latitude === undefined) return [];
  const label = document.createElement("button");
  label.type = "button";
  label.className = "map-label";
  // On a phone there is room for the code alone.
  label.append(code ?? name ?? "", Object.assign(document.createElement("span"), { textContent: ` ${name ?? ""}` }));
  label.ariaLabel = `${code ?? ""} ${name ?? ""}`;
  label.addEventListener("click", open);
  return [new Marker({ element: label, anchor: "top" }).setLngLat([longitude, latitude]).addTo(map)];
}
