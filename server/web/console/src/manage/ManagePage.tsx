import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { Loading } from "../frame/Notices";
import { manage } from "../routes";
import { Phones } from "./Phones";
import { Roster } from "./Roster";
import { Rounds } from "./Rounds";
import { Teams } from "./Teams";
import type { ManageTab } from "./tabs";
import { offered } from "./tabs";

/** The desk that runs a round: its rounds, who works where, the room lists, the phones. */
export function ManagePage() {
  const { unit } = manage.useParams();
  const asked = manage.useSearch();
  const { t } = useTranslation();
  const me = useQuery(asking.me());
  const units = useQuery(asking.units());
  if (!me.data || !units.data) return <Loading />;
  const tabs = offered(me.data);
  const tab: ManageTab | undefined = tabs.find((of) => of === asked.tab) ?? tabs[0];
  const name = units.data.find((of) => of.unit_id === unit)?.name;
  return (
    <div className="desk manage">
      <Crumbs>
        <Link to="/street/$unit" params={{ unit }}>
          {name}
        </Link>
        <span aria-hidden="true">/</span>
        <span>{t("manage.title")}</span>
      </Crumbs>
      <h1 className="unseen">{t("manage.title")}</h1>
      <nav className="tabs" aria-label={t("manage.title")}>
        {tabs.map((of) => (
          <Link key={of} to="/manage/$unit" params={{ unit }} search={{ tab: of }} aria-current={of === tab ? "page" : undefined}>
            {t(`manage.${of}.title`)}
          </Link>
        ))}
      </nav>
      {tab === undefined && <p className="panel empty">{t("manage.nothing")}</p>}
      {tab === "rounds" && <Rounds unit={unit} />}
      {tab === "teams" && <Teams unit={unit} />}
      {tab === "roster" && <Roster unit={unit} />}
      {tab === "phones" && <Phones unit={unit} />}
    </div>
  );
}
