import { get, post, query } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Value } from "./Conflicts";
import { BuildingChoice, RoomChoice } from "./Places";
import { Reasoned } from "./Reasoned";
import type { Held } from "./types";

/** What was sent and may not count by itself; nothing of it is lost, whatever is decided. */
export function Quarantine({ unit, isAll }: { unit: string; isAll: boolean }) {
  const { t } = useTranslation();
  const list = useQuery({
    queryKey: ["unit", unit, "quarantine", isAll],
    queryFn: async () => (await get<{ items: Held[] }>(`/quarantine${query({ unit, all: isAll || undefined })}`)).items,
  });
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  return (
    <section className="desk-list" aria-label={t("desk.quarantine")}>
      <nav className="parts" aria-label={t("desk.quarantine")}>
        {([false, true] as const).map((all) => (
          <Link
            key={String(all)}
            to="/desk/$unit"
            params={{ unit }}
            search={{ tab: "quarantine", kind: all ? "all" : undefined }}
            replace
            activeOptions={{ exact: true }}
            className={all === isAll ? "chosen" : ""}
          >
            {t(all ? "desk.decidedToo" : "desk.waiting")}
          </Link>
        ))}
      </nav>
      {list.data.length === 0 && <p className="panel empty">{t("desk.noQuarantine")}</p>}
      <Rows
        items={list.data}
        keyOf={(item) => item.quarantine_id}
        label={t("desk.quarantine")}
        height={200}
        isTall
        row={(item) => <Card item={item} unit={unit} />}
      />
    </section>
  );
}

/** What the desk made of it, where it has decided. */
const DECIDED = ["released", "attached", "discarded"] as const;

function Card({ item, unit }: { item: Held; unit: string }) {
  const { t, i18n } = useTranslation();
  const decide = (decision: string) => (reason: string) =>
    post(`/quarantine/${item.quarantine_id}`, { decision, reason });
  const content = item.content as { body?: Record<string, unknown> } | string;
  const decided = DECIDED.find((state) => state === item.state);
  const known = item.kind && i18n.exists(`kind.${item.kind}`) ? item.kind : "other";
  return (
    <div className="panel card">
      <header>
        <h3>{t(`kind.${known}` as "kind.visit")}</h3>
        <p className="when">
          <span>{item.author ?? item.sender}</span>
          <time>{moment(item.corrected_ms, i18n.language)}</time>
          <small>{t("office.received", { when: moment(item.received_ms, i18n.language) })}</small>
        </p>
      </header>
      <p>{language() === "zh" ? item.reason.zh : item.reason.en}</p>
      {item.sender && item.sender !== item.author && <p className="said">{t("desk.sentBy", { name: item.sender })}</p>}
      <details>
        <summary>{t("desk.content")}</summary>
        <Value of={typeof content === "string" ? content : (content.body ?? content)} />
      </details>
      {item.diff && item.diff.length > 0 && (
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
                <th scope="row">{of.path}</th>
                <td>{JSON.stringify(of.stored)}</td>
                <td>{JSON.stringify(of.sent)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <footer>
        {decided && (
          <p className="said">
            <b>{t(`desk.state.${decided}`)}</b> {item.decided_ms !== undefined && moment(item.decided_ms, i18n.language)}{" "}
            {item.note}
          </p>
        )}
        {decided !== "released" && decided !== "attached" && (
          <>
            <Reasoned name={decided ? t("desk.releaseAfterAll") : t("desk.release")} act={decide("release")} />
            <Attach item={item} unit={unit} />
          </>
        )}
        {!decided && <Reasoned name={t("desk.discard")} act={decide("discard")} isGrave />}
      </footer>
    </div>
  );
}

/** Lets it count in another place: another building, and for a visit the room there. */
function Attach({ item, unit }: { item: Held; unit: string }) {
  const { t } = useTranslation();
  const [building, setBuilding] = useState(item.building_id ?? "");
  const isVisit = item.kind === "visit";
  return (
    <Reasoned
      name={t("desk.attach")}
      act={(reason, form) => {
        const office = form.get("office");
        return post(`/quarantine/${item.quarantine_id}`, {
          decision: "attach",
          reason,
          building_id: building,
          office_ids: office === null ? [] : [String(office)],
        });
      }}
    >
      <p className="said">{t("desk.attachHint")}</p>
      <BuildingChoice unit={unit} chosen={building} choose={setBuilding} />
      {isVisit && building !== "" && (
        <RoomChoice key={building} name="office" label={t("desk.room")} building={building} />
      )}
    </Reasoned>
  );
}
