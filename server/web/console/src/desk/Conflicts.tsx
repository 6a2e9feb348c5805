import { post } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Photos } from "../office/Photos";
import { RoomChoice } from "./Places";
import { Reasoned } from "./Reasoned";
import { Said, Value, differing } from "./Said";
import { waiting } from "./asking";
import { type Resolved, left, opsOf, settle, settleAll } from "./settle";
import type { Conflict, Sibling } from "./types";

interface Props {
  unit: string;
  /** Only conflicts of this code. */
  kind: string | undefined;
  /** Only this one. */
  id?: string | undefined;
}

/** Disagreements, with all sides beside each other. */
export function Conflicts({ unit, kind, id }: Props) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Resolved>();
  const list = useQuery(waiting.conflicts(unit));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const { conflicts, total } = list.data;
  const listed = conflicts.filter((of) => (id === undefined ? kind === undefined || of.code === kind : of.conflict_id === id));
  const fields = listed.filter((of) => of.code === "field");
  return (
    <section className="desk-list" aria-label={t("desk.conflicts")}>
      {done && opsOf(done).size > 0 && <Undo done={done} forget={() => setDone(undefined)} />}
      {id === undefined && (
        <header className="many">
          <Kinds unit={unit} conflicts={conflicts} total={total} kind={kind} />
          {(["desk", "latest", "displayed"] as const).map((rule) => (
            <Many key={rule} rule={rule} conflicts={fields} settled={setDone} />
          ))}
        </header>
      )}
      {listed.length === 0 && <p className="panel empty">{t(id === undefined ? "desk.noConflicts" : "desk.settledMeanwhile")}</p>}
      <Rows
        items={listed}
        total={kind === undefined && id === undefined ? total : listed.length}
        keyOf={(conflict) => conflict.conflict_id}
        label={t("desk.conflicts")}
        height={260}
        isTall
        row={(conflict) => <Card conflict={conflict} settled={setDone} />}
      />
    </section>
  );
}

interface KindsProps {
  unit: string;
  kind: string | undefined;
  conflicts: Conflict[];
  total: number;
}

/** The kinds that there are, with their numbers. */
function Kinds({ unit, conflicts, total, kind }: KindsProps) {
  const { t, i18n } = useTranslation();
  const kinds = [...new Set(conflicts.map(({ code }) => code))].toSorted();
  if (kinds.length < 2 && kind === undefined) return null;
  const name = (code: string) => (i18n.exists(`conflict.${code}`) ? t(`conflict.${code}` as "conflict.field") : code);
  return (
    <nav className="parts" aria-label={t("desk.conflicts")}>
      {[undefined, ...kinds].map((code) => (
        <Link
          key={code ?? ""}
          to="/desk/$unit"
          params={{ unit }}
          search={{ tab: "conflicts", kind: code }}
          replace
          activeOptions={{ exact: true }}
          className={code === kind ? "chosen" : ""}
        >
          {code ? name(code) : t("desk.all")}{" "}
          <b>{code ? conflicts.filter((of) => of.code === code).length : total}</b>
        </Link>
      ))}
    </nav>
  );
}

/** Settles all of a list by a rule, and tells how far it is: those that it named when it was chosen, while the list grows shorter behind it. */
function Many({ rule, conflicts, settled }: { rule: "desk" | "latest" | "displayed"; conflicts: Conflict[]; settled: (done: Resolved) => void }) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Resolved["results"]>([]);
  const [chosen, choose] = useState<Conflict[]>();
  const meant = chosen ?? conflicts;
  if (meant.length < 2 && !chosen) return null;
  return (
    <Reasoned
      name={t(`desk.rule.${rule}`, { count: meant.length })}
      progress={{ done: done.length, of: meant.length }}
      onOpen={(is) => {
        setDone([]);
        choose(is ? conflicts : undefined);
      }}
      refusal={(answer) => {
        const some = left(answer);
        return some && t("desk.someLeft", some);
      }}
      act={async (reason) => {
        // Where it is tried again, only what is left.
        const before = done.filter(({ status }) => status === "resolved");
        const settledBefore = new Set(before.map((of) => of.conflict_id));
        const rest = meant.filter((of) => !settledBefore.has(of.conflict_id));
        return settleAll(rest, rule, reason, ({ results }) => {
          const all = [...before, ...results];
          setDone(all);
          settled({ results: all });
        });
      }}
    />
  );
}

/** What was decided last, while it can still be taken back here. */
function Undo({ done, forget }: { done: Resolved; forget: () => void }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const undoing = useMutation({
    mutationFn: async () => {
      for (const [building_id, ops] of opsOf(done)) {
        await post("/conflicts/undo", { building_id, ops, reason: t("decide.undoReason") });
      }
    },
    onSuccess: async () => {
      forget();
      await questions.invalidateQueries({ queryKey: ["unit"] });
    },
  });
  const count = done.results.filter(({ status }) => status === "resolved").length;
  return (
    <div className="panel undo">
      <span role="status">{t("desk.settled", { count })}</span>
      <Button className="quiet" isDisabled={undoing.isPending} onPress={() => undoing.mutate()}>
        {t("decide.undo")}
      </Button>
      <Button className="quiet" onPress={forget}>
        {t("office.close")}
      </Button>
      {undoing.error && <Failed error={undoing.error} />}
    </div>
  );
}

/** Why the one that was to be settled was not. */
const refusal = (answer: unknown) => left(answer)?.why;

function Card({ conflict, settled }: { conflict: Conflict; settled: (done: Resolved) => void }) {
  const { t } = useTranslation();
  const { building_id, conflict_id } = conflict;
  const by = (choice: unknown) => async (reason: string) => {
    const answer = await settle({ reason, items: [{ building_id, conflict_id, choice }] });
    settled(answer);
    return answer;
  };
  const choices = CHOICES[conflict.code] ?? [];
  const only = differing(conflict.siblings.map((side) => side.value));
  return (
    <div className="panel card">
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
          <Side key={side.op_id} side={side} only={only}>
            {conflict.code === "field" && (
              <Reasoned name={t("desk.take")} refusal={refusal} act={by({ take: side.op_id })} />
            )}
            {conflict.code === "structure_disputed" && (
              <Reasoned name={t("desk.keep")} refusal={refusal} act={by({ keep: side.op_id })} />
            )}
            {["structure_disputed", "lineage_cycle", "alias_contradicted"].includes(conflict.code) && (
              <Reasoned name={t("desk.reject")} refusal={refusal} act={by({ reject: [side.op_id] })} isGrave />
            )}
          </Side>
        ))}
      </div>
      <footer>
        {choices.map((choice) => (
          <Reasoned key={choice} name={t(`desk.choice.${choice}`)} refusal={refusal} act={by(choice)} />
        ))}
        {conflict.code === "needs_reassignment" && (
          <Reasoned
            name={t("desk.reassign")}
            refusal={refusal}
            act={(reason, form) => {
              const placed = conflict.siblings.map(({ op_id }) => [op_id, String(form.get(op_id))]);
              return by({ offices: Object.fromEntries(placed) })(reason);
            }}
          >
            {conflict.siblings.map((side) => (
              <RoomChoice
                key={side.op_id}
                name={side.op_id}
                label={t("desk.belongsTo", { author: side.author ?? "", when: moment(side.corrected_ms, language()) })}
                building={building_id}
                first={conflict.offices[0]?.floor}
              />
            ))}
          </Reasoned>
        )}
      </footer>
    </div>
  );
}

/** What can be chosen about a conflict as a whole. */
const CHOICES: Record<string, ("same_as" | "not_same_as" | "void" | "unvoid")[]> = {
  duplicate_key: ["same_as", "not_same_as"],
  void_review: ["void", "unvoid"],
};

function Side({ side, only, children }: { side: Sibling; only: Set<string> | undefined; children: React.ReactNode }) {
  const { t, i18n } = useTranslation();
  const known = i18n.exists(`kind.${side.kind}`) ? side.kind : "other";
  const role = side.roles.find((of) => i18n.exists(`role.${of}`));
  const missing = side.photos.filter((photo) => !photo.arrived).length;
  return (
    <article className={side.displayed ? "side displayed" : "side"}>
      <div className="what">
        <b>{t(`kind.${known}` as "kind.visit")}</b>
        {side.displayed && <small>{t("desk.displayed")}</small>}
      </div>
      {side.value === undefined ? <Said kind={side.kind} body={side.body} /> : <div className="wrote"><Value of={side.value} only={only} /></div>}
      {side.source && <small>{t(`source.${side.source}` as "source.signage")}</small>}
      <p className="when">
        <span>
          {side.author} {role && <small>{t(`role.${role}` as "role.inspector")}</small>}
        </span>
        <time>{moment(side.corrected_ms, i18n.language)}</time>
        <small>{t("office.received", { when: moment(side.received_ms, i18n.language) })}</small>
      </p>
      <Photos body={{ photos: side.photos.filter((photo) => photo.arrived) }} />
      {missing > 0 && <p className="missing">{t("desk.photosMissing", { count: missing })}</p>}
      <div className="acts">{children}</div>
    </article>
  );
}
