import type { FloorStack, Unit } from "@shared/api/types";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { Metric } from "../frame/Metric";
import { Failed, Loading } from "../frame/Notices";
import { TimeTravel } from "../frame/TimeTravel";
import { OfficePanel } from "../office/OfficePanel";
import { building as route } from "../routes";
import { Drill } from "../street/Drill";
import { Decide } from "../decide/Decide";
import { moment } from "@shared/ui/figures";
import { useCallback, useEffect, useState } from "react";
import { Legend } from "./Legend";
import { Stack } from "./Stack";

const CONDITIONS = [
  "floors_confirmed",
  "something_in_scope",
  "all_covered",
  "evidence_in",
  "no_open_conflict",
  "no_open_case",
  "unlicensed_dealt_with",
] as const;

const METRICS = ["coverage_rate", "visited_rate", "inspection_rate", "locked_rate", "floors_done", "three_clear_rate", "photo_rate"] as const;

/** One building, floor by floor. */
export function BuildingPage() {
  const { building } = route.useParams();
  const asked = route.useSearch();
  const { t } = useTranslation();
  const go = useNavigate({ from: route.fullPath });
  const stack = useQuery(asking.stack(building, asked.as_of));
  const units = useQuery(asking.units());
  const me = useQuery(asking.me());
  // Whose figures are read: those of its street, else of what it lies in, as far as one may.
  const seen = me.data?.may.includes("read_units") ? above(units.data ?? [], stack.data?.unit_id) : [];
  const street = seen.find((unit) => unit.level === "street") ?? seen[0];
  const progress = useQuery({
    ...asking.progress(street?.unit_id ?? ""),
    enabled: street !== undefined,
  });
  const unit = street?.unit_id ?? stack.data?.unit_id ?? undefined;
  const open = useCallback(
    (office: string) => void go({ search: (before) => ({ ...before, office }), resetScroll: false }),
    [go],
  );
  if (stack.isPending) return <Loading />;
  if (stack.error) return <Failed error={stack.error} again={() => void stack.refetch()} />;
  const of = stack.data;
  const look = (change: { as_of?: number | undefined; office?: string | undefined }) =>
    void go({ search: (before) => ({ ...before, ...change }), replace: "as_of" in change, resetScroll: false });
  return (
    <div className={asked.office ? "building with-office" : "building"}>
      <Crumbs>
        {street ? (
          <Link to="/street/$unit" params={{ unit: street.unit_id }} search={{ as_of: asked.as_of }}>
            {street.name}
          </Link>
        ) : (
          <Link to="/assigned">{t("street.assigned")}</Link>
        )}
        <span aria-hidden="true">/</span>
        <span>{of.attributes.name}</span>
      </Crumbs>
      <section className="headline panel" aria-label={of.attributes.name}>
        <div className="title">
          <h1>
            {of.attributes.name} <small>{of.attributes.code}</small>
          </h1>
          <p className="fresh">{of.attributes.address}</p>
          <span className={`state ${of.state}`}>{t(`building.${of.state}`)}</span>
        </div>
        {METRICS.map((name) => (
          <Metric
            key={name}
            name={name}
            rate={of.metrics[name]}
            large={name === "coverage_rate"}
            opens={{ isOpen: asked.metric === name }}
          />
        ))}
        {progress.data && (
          <TimeTravel progress={progress.data} asOf={asked.as_of} change={(as_of) => look({ as_of })} />
        )}
      </section>
      {asked.metric !== undefined && unit && (
        <Drill unit={unit} building={building} metric={asked.metric} part={asked.part} asOf={asked.as_of} />
      )}
      <section className="elevation panel" aria-labelledby="elevation">
        <header>
          <h2 id="elevation">{t("stack.title")}</h2>
          <small className="hint">{t("stack.hint")}</small>
          <Button className="quiet" onPress={() => print()}>
            {t("stack.print")}
          </Button>
        </header>
        <Stack stack={of} chosen={asked.office} choose={open} />
        <Legend />
        <Printed asOf={asked.as_of} />
      </section>
      <Acceptance stack={of} asOf={asked.as_of} />
      {asked.office && (
        <OfficePanel
          building={building}
          office={asked.office}
          asOf={asked.as_of}
          stack={of}
          unit={street?.unit_id}
          close={() => look({ office: undefined })}
        />
      )}
    </div>
  );
}

/** The units that a building lies in, as far as they are told: its own first. */
function above(units: Unit[], own: string | null | undefined): Unit[] {
  const found = units.find((unit) => unit.unit_id === own);
  return found ? [found, ...above(units, found.parent_id)] : [];
}

/** On paper: of when the figures are, and what they count. */
function Printed({ asOf }: { asOf: number | undefined }) {
  const { t, i18n } = useTranslation();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const look = () => setNow(Date.now());
    addEventListener("beforeprint", look);
    return () => removeEventListener("beforeprint", look);
  }, []);
  return <p className="printed">{t("stack.printed", { when: moment(asOf ?? now, i18n.language) })}</p>;
}

/** The seven conditions of full coverage, and which are met. */
function Acceptance({ stack, asOf }: { stack: FloorStack; asOf: number | undefined }) {
  const { t } = useTranslation();
  return (
    <section className="acceptance panel" aria-labelledby="acceptance">
      <h2 id="acceptance">{t("stack.acceptance")}</h2>
      <ol>
        {CONDITIONS.map((condition) => {
          const isMet = !stack.unmet.includes(condition);
          return (
            <li key={condition} className={isMet ? "met" : "unmet"}>
              <i aria-hidden="true">{isMet ? "✓" : "✗"}</i>
              {t(`condition.${condition}`)}
            </li>
          );
        })}
      </ol>
      {asOf === undefined && (
        <Decide
          isOffered={stack.state === "covered_pending_acceptance"}
          building={stack.building_id}
          name={t("stack.accept")}
          decision={{ building_accept: { round_id: stack.round_id } }}
          seen={[]}
        />
      )}
    </section>
  );
}
