import { post } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment, number } from "@shared/ui/figures";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Photos } from "../office/Photos";
import { BuildingChoice, RoomChoice } from "./Places";
import { Reasoned } from "./Reasoned";
import { Said, Value } from "./Said";
import { waiting } from "./asking";
import type { Held } from "./types";

type Decision = "release" | "attach" | "discard";

/** What was decided last, and where it counts now. */
interface Done {
  decision: Decision;
  items: Held[];
}

interface Props {
  unit: string;
  /** `all`: what was decided, too; otherwise a reason. */
  kind: string | undefined;
  /** Only this one. */
  id: string | undefined;
}

/** What was sent and may not count by itself; nothing of it is lost, whatever is decided. */
export function Quarantine({ unit, kind, id }: Props) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Done>();
  const list = useQuery(waiting.quarantine(unit, kind === "all" || id !== undefined));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const isShown = (item: Held) => {
    if (id !== undefined) return item.quarantine_id === id;
    return kind === undefined || kind === "all" || item.reason.code === kind;
  };
  const listed = list.data.filter(isShown);
  const isOneReason = new Set(listed.map((item) => item.reason.code)).size === 1;
  return (
    <section className="desk-list" aria-label={t("desk.quarantine")}>
      {done && <Told done={done} forget={() => setDone(undefined)} />}
      <header className="many">
        {id === undefined && <Reasons unit={unit} items={list.data} kind={kind} />}
        {(["release", "discard"] as const).map((decision) => (
          <Many
            key={decision}
            decision={decision}
            items={kind !== "all" && isOneReason && listed.length > 1 ? listed : undefined}
            decided={setDone}
          />
        ))}
      </header>
      {listed.length === 0 && <p className="panel empty">{t("desk.noQuarantine")}</p>}
      <Rows
        items={listed}
        keyOf={(item) => item.quarantine_id}
        label={t("desk.quarantine")}
        height={200}
        isTall
        row={(item) => <Card item={item} unit={unit} decided={setDone} />}
      />
    </section>
  );
}

/** What waits, all of it or for one reason; and what was decided. */
function Reasons({ unit, items, kind }: { unit: string; items: Held[]; kind: string | undefined }) {
  const { t, i18n } = useTranslation();
  const open = items.filter((item) => item.state === "waiting");
  const codes = [...new Set(open.map((item) => item.reason.code))].toSorted();
  const name = (code: string) => t((i18n.exists(`held.${code}`) ? `held.${code}` : "held.other") as "held.other");
  const count = (code: string) => open.filter((item) => item.reason.code === code).length;
  const kinds = kind === "all" || codes.length < 2 ? [] : codes;
  return (
    <nav className="parts" aria-label={t("desk.quarantine")}>
      {[undefined, ...kinds, "all"].map((of) => (
        <Link
          key={of ?? ""}
          to="/desk/$unit"
          params={{ unit }}
          search={{ tab: "quarantine", kind: of }}
          replace
          activeOptions={{ exact: true }}
          className={of === kind ? "chosen" : ""}
        >
          {of === undefined ? t("desk.waiting") : of === "all" ? t("desk.decidedToo") : name(of)}
          {of !== undefined && of !== "all" && <b> {number(count(of))}</b>}
        </Link>
      ))}
    </nav>
  );
}

const decide = (item: Held, decision: Decision, reason: string, more: object = {}) =>
  post<Held>(`/quarantine/${item.quarantine_id}`, { decision, reason, ...more });

interface ManyProps {
  decision: "release" | "discard";
  /** What it can be offered for now. */
  items: Held[] | undefined;
  decided: (done: Done) => void;
}

/** Decides about all of a list in one way, one by one, and tells how far it is: those that it named when it was chosen, while the list grows shorter behind it. */
function Many({ decision, items, decided }: ManyProps) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Held[]>([]);
  const [chosen, choose] = useState<Held[]>();
  const meant = chosen ?? items;
  if (!meant) return null;
  return (
    <Reasoned
      name={t(`desk.many.${decision}`, { count: meant.length })}
      progress={{ done: done.length, of: meant.length }}
      isGrave={decision === "discard"}
      onOpen={(is) => {
        setDone([]);
        choose(is ? items : undefined);
      }}
      act={async (reason) => {
        const settled = [...done];
        for (const item of meant.slice(done.length)) {
          settled.push(await decide(item, decision, reason));
          setDone([...settled]);
          decided({ decision, items: [...settled] });
        }
      }}
    />
  );
}

/** What was decided last, and how it is taken back: what was discarded can still be released, what counts is voided where it stands. */
function Told({ done, forget }: { done: Done; forget: () => void }) {
  const { t } = useTranslation();
  const { decision, items } = done;
  const [first] = items;
  const count = items.length;
  return (
    <div className="panel undo">
      <span role="status">{t(`desk.told.${decision}`, { count })}</span>
      {decision === "discard" ? (
        <>
          <small>{t("desk.told.discardHint")}</small>
          <Release items={items} forget={forget} />
        </>
      ) : (
        <>
          <small>{t("desk.told.countsHint")}</small>
          {count === 1 && first && <Where item={first} />}
        </>
      )}
      <Button className="quiet" onPress={forget}>
        {t("office.close")}
      </Button>
    </div>
  );
}

/** Lets what was discarded a moment ago take effect after all. */
function Release({ items, forget }: { items: Held[]; forget: () => void }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const [at, setAt] = useState(0);
  return (
    <Reasoned
      name={t("desk.releaseAfterAll")}
      progress={{ done: at, of: items.length }}
      act={async (reason) => {
        for (const [place, item] of items.entries()) {
          if (place < at) continue;
          await decide(item, "release", reason);
          setAt(place + 1);
        }
        forget();
        await questions.invalidateQueries({ queryKey: ["unit"] });
      }}
    />
  );
}

/** The room in which it counts; there it can be voided or taken back. */
function Where({ item }: { item: Held }) {
  const { t } = useTranslation();
  const { body } = recordOf(item);
  const offices = body["office_ids"];
  const office = Array.isArray(offices) && typeof offices[0] === "string" ? offices[0] : undefined;
  if (!item.building_id || item.state === "attached") return null;
  return (
    <Link to="/building/$building" params={{ building: item.building_id }} search={{ office }}>
      {t("desk.toRoom")}
    </Link>
  );
}

/** What was sent: a record, or a text that is none. */
function recordOf(item: Held): { body: Record<string, unknown>; text?: string } {
  if (typeof item.content === "string") return { body: {}, text: item.content };
  const content = item.content as { body?: Record<string, unknown> };
  return { body: content.body ?? (content as Record<string, unknown>) };
}

/** What the desk made of it, where it has decided. */
const DECIDED = ["released", "attached", "discarded", "settled"] as const;

function Card({ item, unit, decided }: { item: Held; unit: string; decided: (done: Done) => void }) {
  const { t, i18n } = useTranslation();
  const by = (decision: Decision) => async (reason: string) =>
    decided({ decision, items: [await decide(item, decision, reason)] });
  const { body, text } = recordOf(item);
  const state = DECIDED.find((of) => of === item.state);
  const counts = state === "released" || state === "attached" || state === "settled";
  const known = item.kind && i18n.exists(`kind.${item.kind}`) ? item.kind : "other";
  return (
    <div className="panel card">
      <header>
        <h3>
          {t(`kind.${known}` as "kind.visit")} <Place item={item} unit={unit} />
        </h3>
        <p className="when">
          <span>{item.author ?? item.sender}</span>
          <time>{moment(item.corrected_ms, i18n.language)}</time>
          <small>{t("office.received", { when: moment(item.received_ms, i18n.language) })}</small>
        </p>
      </header>
      {item.kind && <Said kind={item.kind} body={body} />}
      <p>{language() === "zh" ? item.reason.zh : item.reason.en}</p>
      {item.sender && item.sender !== item.author && <p className="said">{t("desk.sentBy", { name: item.sender })}</p>}
      <Photos body={body} />
      <details>
        <summary>{t("desk.content")}</summary>
        {text === undefined ? <Value of={body} /> : <code>{text}</code>}
      </details>
      <Differences item={item} />
      <footer>
        {state && (
          <p className="said">
            <b>{t(`desk.state.${state}`)}</b> {item.decided_ms !== undefined && moment(item.decided_ms, i18n.language)}{" "}
            {item.note} {counts && <Where item={item} />}
          </p>
        )}
        {!counts && (
          <>
            <Reasoned name={state ? t("desk.releaseAfterAll") : t("desk.release")} act={by("release")} />
            <Attach item={item} unit={unit} decided={decided} />
          </>
        )}
        {!state && <Reasoned name={t("desk.discard")} act={by("discard")} isGrave />}
      </footer>
    </div>
  );
}

/** The building and the rooms that it speaks of, as far as they are known here. */
function Place({ item, unit }: { item: Held; unit: string }) {
  const building = item.building_id ?? "";
  const buildings = useQuery(asking.buildings(unit));
  const known = buildings.data?.find((of) => of.building_id === building);
  const stack = useQuery({ ...asking.stack(building), enabled: known !== undefined });
  if (!known) return null;
  const named = recordOf(item).body["office_ids"];
  const ids = new Set(Array.isArray(named) ? named : []);
  const floors = stack.data?.sections.flatMap((section) => section.floors) ?? [];
  const rooms = floors.flatMap((floor) =>
    floor.offices.filter((of) => ids.has(of.office_id)).map((of) => `${floor.label} ${of.label}`),
  );
  return (
    <small>
      {known.attributes.name} {rooms.join("、")}
    </small>
  );
}

/** Where it differs from the record that has its id. */
function Differences({ item }: { item: Held }) {
  const { t } = useTranslation();
  if (!item.diff || item.diff.length === 0) return null;
  return (
    <div className="sideways">
      <table>
        <thead>
          <tr>
            <th scope="col">{t("desk.member")}</th>
            <th scope="col">{t("desk.stored")}</th>
            <th scope="col">{t("desk.sent")}</th>
          </tr>
        </thead>
        <tbody>
          {item.diff.map((of) => (
            <tr key={of.path}>
              <th scope="row">
                <Member path={of.path} />
              </th>
              <td>{JSON.stringify(of.stored)}</td>
              <td>{JSON.stringify(of.sent)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A member by its name, and where it lies. */
function Member({ path }: { path: string }) {
  const { t, i18n } = useTranslation();
  const name = path.split("/").at(-1) ?? "";
  const known = i18n.exists(`member.${name}`);
  return (
    <>
      {known ? t(`member.${name}` as "member.name") : t("desk.otherMember")} <code>{path}</code>
    </>
  );
}

/** Lets it count in another place: another building, and for a visit the room there. */
function Attach({ item, unit, decided }: { item: Held; unit: string; decided: (done: Done) => void }) {
  const { t } = useTranslation();
  const [building, setBuilding] = useState(item.building_id ?? "");
  const isVisit = item.kind === "visit";
  return (
    <Reasoned
      name={t("desk.attach")}
      act={async (reason, form) => {
        const office = form.get("office");
        const more = { building_id: building, office_ids: office === null ? [] : [String(office)] };
        decided({ decision: "attach", items: [await decide(item, "attach", reason, more)] });
      }}
    >
      <p className="said">{t("desk.attachHint")}</p>
      <BuildingChoice unit={unit} chosen={building} choose={setBuilding} />
      {isVisit && building !== "" && <RoomChoice key={building} name="office" label={t("desk.room")} building={building} />}
    </Reasoned>
  );
}
