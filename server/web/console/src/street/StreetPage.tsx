import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { Metric } from "../frame/Metric";
import { Failed, Loading } from "../frame/Notices";
import { TimeTravel } from "../frame/TimeTravel";
import { street } from "../routes";
import { BuildingList } from "./BuildingList";
import { Drill } from "./Drill";
import { Pace } from "./Pace";
import { Plan } from "./Plan";
import { Ranking } from "./Ranking";
import { Tally } from "./Tally";
import { Teams } from "./Teams";
import { Todo } from "./Todo";
import { moment, number } from "@shared/ui/figures";
import type { BuildingState, MetricName, RollUp } from "@shared/api/types";

// Where the map does not arrive, the plan that came with the page takes its place.
const StreetMap = lazy(() => import("./StreetMap").catch(() => ({ default: Plan })));

/** The shares, the headline first; each opens to its records. */
const METRICS: MetricName[] = [
  "coverage_rate",
  "visited_rate",
  "inspection_rate",
  "locked_rate",
  "floors_done",
  "recheck_success",
  "three_clear_rate",
  "photo_rate",
];

/** Where a street, or a part of one, stands. */
export function StreetPage() {
  const { unit } = street.useParams();
  const asked = street.useSearch();
  const { t, i18n } = useTranslation();
  const go = useNavigate({ from: street.fullPath });
  const coverage = useQuery(asking.rollUp(unit, asked.as_of));
  const buildings = useQuery(asking.buildings(unit, asked.as_of));
  const progress = useQuery(asking.progress(unit));
  const todo = useQuery(asking.todo(unit, asked.as_of, asked.todo));
  const error = coverage.error ?? buildings.error;
  if (error) return <Failed error={error} again={() => void Promise.all([coverage.refetch(), buildings.refetch()])} />;
  const rollUp = coverage.data;
  if (!rollUp || !buildings.data) return <Loading />;
  const when = asked.as_of ?? todo.data?.at_ms;
  return (
    <div className="street">
      <Crumbs>
        <span>{rollUp.unit.name}</span>
      </Crumbs>
      <section className="headline panel" aria-label={rollUp.unit.name}>
        <div className="title">
          <h1>{rollUp.unit.name}</h1>
          <p className="fresh">
            {when !== undefined && t("freshness.asOf", { when: moment(when, i18n.language) })}
            <span> · {t("freshness.received")}</span>
          </p>
          <States rollUp={rollUp} />
        </div>
        {METRICS.map((name) => (
          <Metric
            key={name}
            name={name}
            rate={rollUp.metrics[name]}
            large={name === "coverage_rate"}
            opens={{ isOpen: asked.metric === name }}
          />
        ))}
        <Tally unit={unit} counts={rollUp.counts} open={asked.metric} />
        {asked.as_of === undefined && <Phones unit={unit} />}
        {progress.data && (
          <TimeTravel
            progress={progress.data}
            asOf={asked.as_of}
            change={(as_of) => void go({ search: (before) => ({ ...before, as_of }), replace: true })}
          />
        )}
      </section>
      {asked.metric !== undefined && (
        <Drill unit={unit} metric={asked.metric} part={asked.part} asOf={asked.as_of} />
      )}
      <section className="map panel" aria-label={t("street.map")}>
        <Suspense fallback={<Loading />}>
          <StreetMap
            buildings={buildings.data}
            open={(building) =>
              void go({ to: "/building/$building", params: { building }, search: { as_of: asked.as_of } })
            }
          />
        </Suspense>
      </section>
      <BuildingList
        buildings={buildings.data}
        asked={asked}
        change={(search) => void go({ search: (before) => ({ ...before, ...search }), replace: true })}
      />
      {todo.data && (
        <Todo board={todo.data} asOf={asked.as_of} kind={asked.todo} unit={unit} />
      )}
      {progress.data && (
        <Pace progress={progress.data} unit={unit} asOf={asked.as_of} isTable={asked.trend === "table"} />
      )}
      {rollUp.children.length > 0 && when !== undefined && (
        <Ranking
          rollUp={rollUp}
          buildings={buildings.data}
          progress={progress.data}
          at={when}
          asOf={asked.as_of}
        />
      )}
      <Teams
        unit={unit}
        asOf={asked.as_of}
        opened={asked.team && asked.work ? { team: asked.team, figure: asked.work } : undefined}
      />
    </div>
  );
}

/** How long ago a phone must have been heard of to be in the field, in milliseconds. */
const IN_FIELD_MS = 12 * 3_600_000;

/** How fresh the figures are: which phones were heard of, and what they say they still hold. */
function Phones({ unit }: { unit: string }) {
  const { t, i18n } = useTranslation();
  const list = useQuery(asking.devices(unit));
  const todo = useQuery(asking.todo(unit));
  const now = todo.data?.at_ms;
  if (!list.data || now === undefined) return null;
  const heard = list.data.filter((of) => !of.revoked && of.synced_ms !== undefined && now - of.synced_ms < IN_FIELD_MS);
  const holding = list.data.filter((of) => (of.pending?.records ?? 0) + (of.pending?.photos ?? 0) > 0);
  const sum = (what: "records" | "photos") => holding.reduce((n, of) => n + (of.pending?.[what] ?? 0), 0);
  const last = Math.max(...list.data.map((of) => of.synced_ms ?? 0));
  return (
    <p className="phones">
      <span>
        {t("fresh.field")} <b>{heard.length}</b>/{list.data.length}
      </span>
      {last > 0 && <span>{t("fresh.last", { when: moment(last, i18n.language) })}</span>}
      <span>
        {holding.length === 0
          ? t("fresh.nothing")
          : t("fresh.holding", { phones: holding.length, records: number(sum("records")), photos: number(sum("photos")) })}
      </span>
      <Link to="/manage/$unit" params={{ unit }} search={{ tab: "phones" }}>
        {t("desk.devices")}
      </Link>
    </p>
  );
}

const STATES: BuildingState[] = [
  "challenged",
  "not_started",
  "in_progress",
  "covered_pending_acceptance",
  "full_coverage",
];

function States({ rollUp }: { rollUp: RollUp }) {
  const { t } = useTranslation();
  return (
    <ul className="states">
      {STATES.filter((state) => rollUp.buildings_by_state[state]).map((state) => (
        <li key={state} className={`state ${state}`}>
          {t(`building.${state}`)} <b>{rollUp.buildings_by_state[state]}</b>
        </li>
      ))}
    </ul>
  );
}
