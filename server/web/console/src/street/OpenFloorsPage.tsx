import type { DrilledRow, OpenFloor, OpenOffice } from "@shared/api/types";
import { moment, number } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { Failed, Loading } from "../frame/Notices";
import { openFloors as route } from "../routes";
import { byBuilding, type Line, linesOf } from "./lines";

const COLUMNS = ["floor", "unvisited", "locked", "blocked", "partial", "photos", "slots"] as const;

/** Floors still locked or unvisited (RP05): what teams take along in the morning. */
export function OpenFloorsPage() {
  const { unit } = route.useParams();
  const { as_of } = route.useSearch();
  const { t, i18n } = useTranslation();
  const units = useQuery(asking.units());
  const floors = useQuery(asking.openFloors(unit, as_of));
  const partial = useQuery(asking.rooms(unit, "partial", as_of));
  const pending = useQuery(asking.rooms(unit, "evidence_pending", as_of));
  const [isCopied, setCopied] = useState(false);
  const say = useSay();
  const name = units.data?.find((of) => of.unit_id === unit)?.name ?? "";
  const error = floors.error ?? partial.error ?? pending.error;
  if (error) return <Failed error={error} again={() => void Promise.all([floors.refetch(), partial.refetch(), pending.refetch()])} />;
  if (!floors.data || !partial.data || !pending.data) return <Loading />;
  const lines = linesOf(floors.data, partial.data.rows, pending.data.rows);
  const when = moment(as_of ?? partial.data.at_ms, i18n.language);
  const copy = async () => {
    const head = [t("openFloors.building"), ...COLUMNS.map((column) => t(`openFloors.${column}`))];
    const rows = lines.map((line) => [line.building, ...COLUMNS.map((column) => say(column, line))]);
    await navigator.clipboard.writeText([head, ...rows].map((row) => row.join("\t")).join("\n"));
    setCopied(true);
  };
  return (
    <div className="sheet">
      <Crumbs>
        <Link to="/street/$unit" params={{ unit }} search={{ as_of }}>
          {name}
        </Link>
        <span aria-hidden="true">/</span>
        <span>{t("openFloors.title")}</span>
      </Crumbs>
      <header className="panel">
        <h1>
          {name} {t("openFloors.title")}
        </h1>
        <p className="fresh">
          {t("freshness.asOf", { when })} · {t("freshness.received")} ·{" "}
          {t("openFloors.sum", { floors: number(lines.length), buildings: byBuilding(lines).length })}
        </p>
        <p className="does">
          <Button className="main" onPress={() => print()}>
            {t("openFloors.print")}
          </Button>
          <Button className="quiet" onPress={() => void copy()}>
            {t("openFloors.copy")}
          </Button>
          <span role="status">{isCopied && t("openFloors.copied")}</span>
        </p>
      </header>
      {lines.length === 0 && <p className="panel empty">{t("openFloors.none")}</p>}
      {byBuilding(lines).map(([first, ...more]) => (
        <Building key={first.building_id} lines={[first, ...more]} asOf={as_of} />
      ))}
    </div>
  );
}

function Building({ lines, asOf }: { lines: [Line, ...Line[]]; asOf: number | undefined }) {
  const { t } = useTranslation();
  const say = useSay();
  const [{ building, building_id }] = lines;
  return (
    <section className="panel" aria-labelledby={building_id}>
      <h2 id={building_id}>
        <Link to="/building/$building" params={{ building: building_id }} search={{ as_of: asOf }}>
          {building}
        </Link>{" "}
        <small>{t("openFloors.floors", { count: lines.length })}</small>
      </h2>
      <div className="sideways" role="region" aria-labelledby={building_id} tabIndex={0}>
        <table role="table">
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map((column) => (
                <th key={column} role="columnheader" scope="col" className={`of-${column}`}>
                  {t(`openFloors.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {lines.map((line) => (
              <tr key={line.floor_id} role="row">
                {COLUMNS.map((column) =>
                  column === "floor" ? (
                    <th key={column} role="rowheader" scope="row">
                      {say(column, line)}
                    </th>
                  ) : (
                    <td key={column} role="cell" data-name={t(`openFloors.${column}`)} className={`of-${column}`}>
                      {say(column, line) || <span className="nothing">—</span>}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What stands in a cell: the same on the page, on paper and in what is copied. */
function useSay() {
  const { t, i18n } = useTranslation();
  const tried = ({ label, attempts, last_try_ms }: OpenOffice) => {
    const when = last_try_ms === null ? "" : moment(last_try_ms, i18n.language);
    return `${label}${t("openFloors.tried", { count: attempts, when })}`;
  };
  const lacks = ({ room }: DrilledRow) => {
    const what = room?.missing?.map((of) => t(`element.${of}` as "element.photo")).join("、") ?? "";
    return `${room?.label ?? ""}${what && t("openFloors.lacks", { what })}`;
  };
  return (column: (typeof COLUMNS)[number], line: Line): string => {
    const shut = (is: string) => line.locked.filter(({ state }) => state === is);
    switch (column) {
      case "floor":
        return [line.section, line.label].filter(Boolean).join(" ");
      case "unvisited":
        return line.unvisited.map(({ label }) => label).join("、");
      case "locked":
        return shut("locked").map(tried).join("；");
      case "blocked":
        return shut("blocked").map(tried).join("；");
      case "partial":
        return line.partial.map(lacks).join("；");
      case "photos":
        return line.photos.map(({ room }) => room?.label ?? "").join("、");
      case "slots":
        return slots(line.locked).map((slot) => t(`slot.${slot}` as "slot.morning")).join(" / ");
    }
  };
}

/** When some locked door of the floor has not been tried yet. */
function slots(locked: OpenFloor["locked"]): string[] {
  const wanted = new Set(locked.flatMap(({ suggested }) => suggested ?? []));
  return ["morning", "afternoon", "evening"].filter((slot) => wanted.has(slot));
}
