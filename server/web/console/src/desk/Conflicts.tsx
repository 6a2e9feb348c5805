import { get, post, query } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Reasoned } from "./Reasoned";
import type { Conflict, Sibling } from "./types";

interface Resolved {
  results: { status: string; reason?: { zh: string; en: string } }[];
}

/** Why the first of what was asked for was not done. */
const refusal = (answer: unknown) => {
  const reason = (answer as Resolved).results[0]?.reason;
  return reason && (language() === "zh" ? reason.zh : reason.en);
};

/** Disagreements, with all sides beside each other. */
export function Conflicts({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const list = useQuery({
    queryKey: ["unit", unit, "conflicts"],
    queryFn: () => get<{ conflicts: Conflict[]; total: number }>(`/conflicts${query({ unit })}`),
  });
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const { conflicts, total } = list.data;
  if (conflicts.length === 0) return <p className="panel empty">{t("desk.noConflicts")}</p>;
  const fields = conflicts.filter((of) => of.code === "field");
  return (
    <section>
      <header className="many">
        <h2>
          {t("desk.conflicts")} <small>{total}</small>
        </h2>
        {fields.length > 1 &&
          (["desk", "latest", "displayed"] as const).map((rule) => (
            <Reasoned
              key={rule}
              name={t(`desk.rule.${rule}`, { count: fields.length })}
              refusal={refusal}
              act={(reason) =>
                post("/conflicts/resolve", {
                  reason,
                  rule,
                  conflicts: fields.map(({ building_id, conflict_id }) => ({ building_id, conflict_id })),
                })
              }
            />
          ))}
      </header>
      <ul className="cards">
        {conflicts.map((conflict) => (
          <Card key={conflict.conflict_id} conflict={conflict} />
        ))}
      </ul>
    </section>
  );
}

function Card({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation();
  const { building_id, conflict_id } = conflict;
  const settle = (choice: unknown) => (reason: string) =>
    post("/conflicts/resolve", { reason, items: [{ building_id, conflict_id, choice }] });
  const choices = CHOICES[conflict.code] ?? [];
  return (
    <li className="panel card">
      <header>
        <h3>
          <Link
            to="/building/$building"
            params={{ building: building_id }}
            search={{ office: conflict.offices[0]?.office_id }}
          >
            {conflict.building} {conflict.offices.map((of) => `${of.floor} ${of.label}`).join("、")}
          </Link>
        </h3>
        {conflict.blocks_acceptance && <span className="badge locked">{t("desk.blocks")}</span>}
      </header>
      <p>{language() === "zh" ? conflict.zh : conflict.en}</p>
      <div className="sides">
        {conflict.siblings.map((side) => (
          <Side key={side.op_id} side={side}>
            {conflict.code === "field" && (
              <Reasoned name={t("desk.take")} refusal={refusal} act={settle({ take: side.op_id })} />
            )}
            {conflict.code === "structure_disputed" && (
              <Reasoned name={t("desk.keep")} refusal={refusal} act={settle({ keep: side.op_id })} />
            )}
            {["structure_disputed", "lineage_cycle", "alias_contradicted"].includes(conflict.code) && (
              <Reasoned name={t("desk.reject")} refusal={refusal} act={settle({ reject: [side.op_id] })} isGrave />
            )}
          </Side>
        ))}
      </div>
      <footer>
        {choices.map((choice) => (
          <Reasoned key={choice} name={t(`desk.choice.${choice}`)} refusal={refusal} act={settle(choice)} />
        ))}
        {conflict.code === "needs_reassignment" && <p className="said">{t("desk.reassign")}</p>}
      </footer>
    </li>
  );
}

/** What can be chosen about a conflict as a whole. */
const CHOICES: Record<string, ("same_as" | "not_same_as" | "void" | "unvoid")[]> = {
  duplicate_key: ["same_as", "not_same_as"],
  void_review: ["void", "unvoid"],
};

function Side({ side, children }: { side: Sibling; children: React.ReactNode }) {
  const { t, i18n } = useTranslation();
  const known = i18n.exists(`kind.${side.kind}`) ? side.kind : "other";
  const outcome = typeof side.body["outcome"] === "string" ? side.body["outcome"] : undefined;
  return (
    <article className={side.displayed ? "side displayed" : "side"}>
      <p className="what">
        <b>{side.value === undefined ? t(`kind.${known}` as "kind.visit") : <Value of={side.value} />}</b>
        {outcome && <span className="outcome">{t(`outcome.${outcome}` as "outcome.other")}</span>}
        {side.displayed && <small>{t("desk.displayed")}</small>}
      </p>
      <p className="when">
        <span>{side.author}</span>
        <time>{moment(side.corrected_ms, i18n.language)}</time>
        <small>{t("office.received", { when: moment(side.received_ms, i18n.language) })}</small>
      </p>
      {children}
    </article>
  );
}

/** A value that somebody wrote: a text as it is, anything else member by member. */
export function Value({ of }: { of: unknown }) {
  if (of === null || typeof of !== "object") return <>{String(of)}</>;
  return (
    <dl className="value">
      {Object.entries(of).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
