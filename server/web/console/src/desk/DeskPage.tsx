import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { desk } from "../routes";
import { Conflicts } from "./Conflicts";
import { Findings } from "./Findings";
import { Quarantine } from "./Quarantine";

export const TABS = ["conflicts", "quarantine", "findings"] as const;
export type Tab = (typeof TABS)[number];

/** What waits for somebody to decide: disagreements, what may not count by itself, photos. The phones are where they are invited. */
export function DeskPage() {
  const { unit } = desk.useParams();
  const { tab, kind } = desk.useSearch();
  const { t } = useTranslation();
  const units = useQuery(asking.units());
  const name = units.data?.find((of) => of.unit_id === unit)?.name;
  return (
    <div className="desk">
      <Crumbs>
        <Link to="/street/$unit" params={{ unit }}>
          {name}
        </Link>
        <span aria-hidden="true">/</span>
        <span>{t("desk.title")}</span>
      </Crumbs>
      <nav className="tabs" aria-label={t("desk.title")}>
        {TABS.map((of) => (
          <Link key={of} to="/desk/$unit" params={{ unit }} search={{ tab: of }} aria-current={of === tab ? "page" : undefined}>
            {t(`desk.${of}`)}
          </Link>
        ))}
        <Link to="/manage/$unit" params={{ unit }} search={{ tab: "phones" }}>
          {t("desk.devices")}
        </Link>
      </nav>
      {tab === "conflicts" && <Conflicts unit={unit} kind={kind} />}
      {tab === "quarantine" && <Quarantine unit={unit} isAll={kind === "all"} />}
      {tab === "findings" && <Findings unit={unit} />}
    </div>
  );
}
