import { post } from "@shared/api/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { encode } from "uqr";
import { Failed } from "../frame/Notices";
import { managing } from "./asking";
import type { Invited, Team } from "./types";

/** Invites a phone: a picture that it reads from the screen, once, within its time. */
export function Invite({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const [person, setPerson] = useState("");
  const teams = useQuery(managing.teams(unit));
  const inviting = useMutation({
    mutationFn: () =>
      post<Invited>("/enrolments", {
        street_id: unit,
        server: location.origin,
        ...(person === "" ? {} : { user_id: person }),
      }),
  });
  return (
    <section className="panel invite" aria-labelledby="invite">
      <h2 id="invite">{t("manage.phones.invite")}</h2>
      <p className="hint">{t("manage.phones.hint")}</p>
      <div className="many">
        <label>
          {t("manage.phones.for")}{" "}
          <select value={person} onChange={(event) => setPerson(event.currentTarget.value)}>
            <option value="">{t("manage.phones.anybody")}</option>
            {people(teams.data ?? []).map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Button className="main" isDisabled={inviting.isPending} onPress={() => inviting.mutate()}>
          {inviting.data ? t("manage.phones.another") : t("manage.phones.show")}
        </Button>
      </div>
      {inviting.error && <Failed error={inviting.error} />}
      {inviting.data && <Code key={inviting.data.enrolment_id} invited={inviting.data} unit={unit} />}
    </section>
  );
}

/** Who belongs to a team, each once. */
function people(teams: Team[]): [string, string][] {
  return [...new Map(teams.flatMap((team) => team.members.map((of) => [of.user_id, of.name] as [string, string])))];
}

function Code({ invited, unit }: { invited: Invited; unit: string }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const fate = useQuery(managing.fate(invited.enrolment_id));
  const left = useLeft(fate.data?.left_ms, fate.dataUpdatedAt);
  const state = fate.data?.state ?? "open";
  useEffect(() => {
    if (state === "used") void questions.invalidateQueries({ queryKey: ["unit", unit, "devices"] });
  }, [state, questions, unit]);
  return (
    <div className={`code ${state}`}>
      {state === "open" && <Picture text={invited.text} label={t("manage.phones.picture")} />}
      <div>
        <p className="fate" role="status">
          {state === "open" && t("manage.phones.waiting")}
          {state === "used" && t("manage.phones.used", { device: fate.data?.device?.slice(0, 8) ?? "" })}
          {state === "expired" && t("manage.phones.expired")}
        </p>
        {state === "open" && (
          <>
            {left !== undefined && (
              <p className="left" role="timer">
                {t("manage.phones.left", { minutes: Math.floor(left / 60), seconds: String(left % 60).padStart(2, "0") })}
              </p>
            )}
            <p>{t("manage.phones.byHand")}</p>
            <code>{invited.code}</code>
          </>
        )}
      </div>
    </div>
  );
}

/** Whole seconds that are left of what was left when it was told, counted down each second. */
function useLeft(left_ms: number | undefined, told_at: number): number | undefined {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return left_ms === undefined ? undefined : Math.max(0, Math.floor((left_ms - Math.max(0, now - told_at)) / 1_000));
}

/** The quiet zone that cameras need around the picture, in modules. */
const QUIET = 4;

/** A QR code, black on white in the dark as well: cameras need it so. */
function Picture({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const { data, size: modules } = encode(text, { ecc: "M", border: 0 });
    const cells = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : [])));
    return { size: modules + 2 * QUIET, path: cells.join("") };
  }, [text]);
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
