import type { ListedBuilding, Progress, Rate, RollUp } from "@shared/api/types";
import { day, number, share } from "@shared/ui/figures";
import { childOf, ranking } from "@shared/ui/ranking";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";

interface Props {
  rollUp: RollUp;
  buildings: ListedBuilding[];
  progress: Progress | undefined;
  /** The time that is looked at. */
  at: number;
  asOf: number | undefined;
}

const COLUMNS = ["rank", "community", "coverage", "since", "inspection", "visited", "shut", "unvisited", "floors", "buildings", "mean", "finish"] as const;

/** The communities in order (RP02); every figure with its numerator and denominator. */
export function Ranking({ rollUp, buildings, progress, at, asOf }: Props) {
  const { t, i18n } = useTranslation();
  const units = useQuery(asking.units());
  const child = childOf(units.data ?? [], rollUp.unit.unit_id);
  const home = new Map(buildings.map((of) => [of.building_id, child(of.unit_id)]));
  const ranked = ranking(rollUp.children, progress, (building) => home.get(building), at);
  return (
    <section className="ranking panel wide" aria-labelledby="ranking">
      <h2 id="ranking">{t("rank.title")}</h2>
      <p className="said">{t("rank.order")}</p>
      <div className="sideways" role="region" aria-labelledby="ranking" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {t(`rank.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ranked.map(({ of, rank, since, mean, finish }) => {
              const { unit, counts, metrics } = of;
              const opens = (metric: string): Opens => ({
                to: "/street/$unit",
                params: { unit: unit.unit_id },
                search: { as_of: asOf, metric },
              });
              return (
                <tr key={unit.unit_id}>
                  <td className="rank">{rank}</td>
                  <th scope="row">
                    <Link to="/street/$unit" params={{ unit: unit.unit_id }} search={{ as_of: asOf }}>
                      {unit.name}
                    </Link>
                  </th>
                  <Of rate={metrics.coverage_rate} opens={opens("coverage_rate")} />
                  <td className={since ? "up" : ""}>{since === undefined ? "—" : since > 0 ? `+${since}` : since}</td>
                  <Of rate={metrics.inspection_rate} opens={opens("inspection_rate")} />
                  <Of rate={metrics.visited_rate} opens={opens("visited_rate")} />
                  <td>
                    <Link {...opens("locked")}>
                      <b>{number(counts["locked"] ?? 0)}</b>
                    </Link>{" "}
                    / <Link {...opens("blocked")}>{number(counts["blocked"] ?? 0)}</Link>
                  </td>
                  <td>
                    <Link {...opens("unvisited")}>{number(counts["unvisited"] ?? 0)}</Link>
                  </td>
                  <td>
                    <Link {...opens("floors_done")}>
                      {number(metrics.floors_done.part)}/{number(metrics.floors_done.whole)}
                    </Link>
                  </td>
                  <td>
                    {number(counts["buildings_full"] ?? 0)}/{number(counts["buildings"] ?? 0)}
                  </td>
                  <td>{(mean / 10).toFixed(1)}</td>
                  <td>
                    {metrics.coverage_rate.part === metrics.coverage_rate.whole
                      ? t("rank.done")
                      : finish === undefined
                        ? "—"
                        : day(finish, i18n.language)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The way to the records behind a figure. */
interface Opens {
  to: "/street/$unit";
  params: { unit: string };
  search: { as_of: number | undefined; metric: string };
}

function Of({ rate, opens }: { rate: Rate; opens: Opens }) {
  return (
    <td>
      <Link {...opens}>
        <b>{share(rate)}</b>{" "}
        <small>
          {number(rate.part)}/{number(rate.whole)}
        </small>
      </Link>
    </td>
  );
}
