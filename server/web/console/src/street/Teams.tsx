import { moment, number } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed } from "../frame/Notices";

const COLUMNS = ["people", "days", "visits", "met", "shut", "partial", "photos"] as const;

/** What the teams did (RP14): visits and what came of them. In no order but that of their names. */
export function Teams({ unit, asOf }: { unit: string; asOf: number | undefined }) {
  const { t, i18n } = useTranslation();
  const list = useQuery(asking.workload(unit, asOf));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  return (
    <section className="teams panel wide" aria-labelledby="teams">
      <h2 id="teams">{t("team.title")}</h2>
      <p className="said">{t("team.hint")}</p>
      {list.data?.length === 0 && <p className="empty">{t("team.none")}</p>}
      {list.data && list.data.length > 0 && (
        <div className="sideways" role="region" aria-labelledby="teams" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {(["team", ...COLUMNS, "rooms", "span"] as const).map((column) => (
                  <th key={column} scope="col">
                    {t(`team.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {list.data.map((team) => (
                <tr key={team.team_id ?? ""}>
                  <th scope="row">{team.name ?? t("team.nobody")}</th>
                  {COLUMNS.map((column) => (
                    <td key={column}>{number(team[column])}</td>
                  ))}
                  <td>
                    <b>{number(team.rooms_covered)}</b>/{number(team.rooms)}
                  </td>
                  <td>
                    {moment(team.first_ms, i18n.language)} – {moment(team.last_ms, i18n.language)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
