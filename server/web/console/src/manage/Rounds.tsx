import { put } from "@shared/api/client";
import { day, moment, number, share } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Reasoned } from "../desk/Reasoned";
import { NewRound } from "./NewRound";
import { managing } from "./asking";
import { DAY_MS, dayOf, midnight } from "./days";
import type { StandingRound, Step } from "./types";

/** The rounds of a street: window, status, figures, and what the supervisor may do next with each. */
export function Rounds({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const list = useQuery(managing.rounds(unit));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  return (
    <>
      <NewRound unit={unit} rounds={list.data} />
      {list.data.length === 0 && <p className="panel empty">{t("manage.rounds.none")}</p>}
      <ul className="cards">
        {list.data.map((round) => (
          <Card key={round.round_id} round={round} />
        ))}
      </ul>
    </>
  );
}

/** What may follow on which status. */
const NEXT: Record<string, ("published" | "open" | "closing" | "closed" | "reopened")[]> = {
  draft: ["published", "open"],
  published: ["open"],
  open: ["closing", "closed"],
  reopened: ["closing", "closed"],
  closing: ["closed", "reopened"],
  closed: ["reopened"],
};

/** With these steps it is said until when phones may send what they captured in time. */
const TAKES_GRACE = ["closing", "reopened"];

function Card({ round }: { round: StandingRound }) {
  const { t, i18n } = useTranslation();
  const { number: no, kind, status, from_ms, until_ms, grace_until_ms, metrics, counts } = round;
  const closing = round.steps.findLast((step) => step.metrics);
  const known = (of: string, group: string) => (i18n.exists(`${group}.${of}`) ? `${group}.${of}` : `${group}.other`);
  const buildings = Object.values(round.buildings_by_state).reduce((sum, of) => sum + (of ?? 0), 0);
  const become = (next: string) => (reason: string, form: FormData) => {
    const { campaign_id, street_id } = round;
    const chosen = form.get("grace");
    const grace = typeof chosen === "string" && chosen !== "" ? midnight(chosen) + DAY_MS : grace_until_ms;
    const body = { campaign_id, street_id, number: no, kind, status: next, from_ms, until_ms, grace_until_ms: grace, reason };
    return put(`/rounds/${round.round_id}`, body);
  };
  return (
    <li className="panel card round" aria-label={t("manage.rounds.name", { number: no })}>
      <header>
        <h2>
          {t("manage.rounds.name", { number: no })} <small>{t(known(kind, "manage.kind") as "manage.kind.other")}</small>
        </h2>
        <span className={`state status-${status}`}>{t(known(status, "manage.status") as "manage.status.other")}</span>
      </header>
      <dl className="facts">
        <div>
          <dt>{t("manage.rounds.window")}</dt>
          <dd>
            {dayOf(from_ms).slice(0, 5)}
            {day(from_ms, i18n.language)} – {dayOf(from_ms).slice(0, 4) !== dayOf(until_ms - 1).slice(0, 4) && dayOf(until_ms - 1).slice(0, 5)}
            {day(until_ms - 1, i18n.language)}
          </dd>
        </div>
        <div>
          <dt>{t("manage.rounds.grace")}</dt>
          <dd>{moment(grace_until_ms, i18n.language)}</dd>
        </div>
        <div>
          <dt>{t("manage.rounds.buildings")}</dt>
          <dd>{number(buildings)}</dd>
        </div>
        <div>
          <dt>{t("metric.coverage_rate")}</dt>
          <dd>
            <b>{share(metrics.coverage_rate)}</b>{" "}
            <small>
              {number(counts["covered"] ?? 0)}/{number(counts["in_scope"] ?? 0)}
            </small>
          </dd>
        </div>
      </dl>
      {closing?.metrics && (
        <p className="amended">
          {t("manage.rounds.snapshot", { share: share(closing.metrics.coverage_rate) })}
          {changed(closing, round) && t("manage.rounds.amended", { share: share(metrics.coverage_rate) })}
          <small> {t("manage.rounds.cut", { when: moment(closing.at_ms, i18n.language) })}</small>
        </p>
      )}
      <Steps steps={round.steps} />
      <footer>
        {(NEXT[status] ?? []).map((next) => (
          <Reasoned key={next} name={t(`manage.become.${next}`)} act={become(next)} isGrave={next === "closed"}>
            {TAKES_GRACE.includes(next) ? (
              <label className="grace">
                {t("manage.rounds.graceUntil")}
                <input type="date" name="grace" min={dayOf(until_ms - 1)} defaultValue={dayOf(grace_until_ms - 1)} required />
              </label>
            ) : undefined}
          </Reasoned>
        ))}
      </footer>
    </li>
  );
}

/** Whether what came after the closing changed anything of what is told. */
const changed = (closing: Step, round: StandingRound): boolean =>
  ["covered", "in_scope"].some((of) => closing.counts?.[of] !== round.counts[of]);

function Steps({ steps }: { steps: Step[] }) {
  const { t, i18n } = useTranslation();
  if (steps.length === 0) return null;
  return (
    <details>
      <summary>{t("manage.rounds.steps", { count: steps.length })}</summary>
      <ol className="steps">
        {steps.toReversed().map((step) => (
          <li key={`${step.at_ms} ${step.status}`}>
            <time>{moment(step.at_ms, i18n.language)}</time>
            <b>
              {t((i18n.exists(`manage.status.${step.status}`) ? `manage.status.${step.status}` : "manage.status.other") as "manage.status.other")}
            </b>
            <span>{step.author}</span>
            {step.reason && <q>{step.reason}</q>}
            {step.metrics && <span>{share(step.metrics.coverage_rate)}</span>}
          </li>
        ))}
      </ol>
    </details>
  );
}
