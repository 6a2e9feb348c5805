import { number } from "@shared/ui/figures";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { desk } from "../routes";
import { Conflicts } from "./Conflicts";
import { Findings } from "./Findings";
import { Quarantine } from "./Quarantine";
import { waiting } from "./asking";

export const TABS = ["conflicts", "quarantine", "findings"] as const;
export type Tab = (typeof TABS)[number];

/** What waits for somebody to decide: disagreements, what may not count by itself, photos. The phones are where they are invited. */
export function DeskPage() {
  const { unit } = desk.useParams();
  const { tab, kind, id } = desk.useSearch();
  const { t } = useTranslation();
  const units = useQuery(asking.units());
  const name = units.data?.find((of) => of.unit_id === unit)?.name;
  const counts: Record<Tab, number | undefined> = {
    conflicts: useQuery(waiting.conflicts(unit)).data?.total,
    quarantine: useQuery(waiting.quarantine(unit, false)).data?.length,
    findings: useInfiniteQuery(waiting.findings(unit)).data?.pages[0]?.total,
  };
  return (
    <div className="desk">
      <Crumbs>
        <Link to="/street/$unit" params={{ unit }}>
          {name}
        </Link>
        <span aria-hidden="true">/</span>
        <span>{t("desk.title")}</span>
      </Crumbs>
      <h1 className="unseen">{t("desk.title")}</h1>
      <nav className="tabs" aria-label={t("desk.title")}>
        {TABS.map((of) => (
          <Link key={of} to="/desk/$unit" params={{ unit }} search={{ tab: of }} aria-current={of === tab ? "page" : undefined}>
            {t(`desk.${of}`)}
            {counts[of] ? <b className="count"> {number(counts[of])}</b> : null}
          </Link>
        ))}
        <Link to="/manage/$unit" params={{ unit }} search={{ tab: "phones" }}>
          {t("desk.devices")}
        </Link>
      </nav>
      {id !== undefined && (
        <p className="only">
          {t("desk.only")}{" "}
          <Link to="/desk/$unit" params={{ unit }} search={{ tab }}>
            {t("desk.showAll")}
          </Link>
        </p>
      )}
      {tab === "conflicts" && <Conflicts unit={unit} kind={kind} id={id} />}
      {tab === "quarantine" && <Quarantine unit={unit} kind={kind} id={id} />}
      {tab === "findings" && <Findings unit={unit} id={id} />}
    </div>
  );
}
