import { get, post, query } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Value } from "./Conflicts";
import { Reasoned } from "./Reasoned";
import type { Held } from "./types";

/** What was sent and may not count by itself; nothing of it is lost, whatever is decided. */
export function Quarantine({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const list = useQuery({
    queryKey: ["unit", unit, "quarantine"],
    queryFn: async () => (await get<{ items: Held[] }>(`/quarantine${query({ unit })}`)).items,
  });
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  if (list.data.length === 0) return <p className="panel empty">{t("desk.noQuarantine")}</p>;
  return (
    <ul className="cards">
      {list.data.map((item) => (
        <Card key={item.quarantine_id} item={item} />
      ))}
    </ul>
  );
}

function Card({ item }: { item: Held }) {
  const { t, i18n } = useTranslation();
  const decide = (decision: string) => (reason: string) =>
    post(`/quarantine/${item.quarantine_id}`, { decision, reason });
  const content = item.content as { body?: Record<string, unknown> } | string;
  const known = item.kind && i18n.exists(`kind.${item.kind}`) ? item.kind : "other";
  return (
    <li className="panel card">
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
        <Reasoned name={t("desk.release")} act={decide("release")} />
        <Reasoned name={t("desk.discard")} act={decide("discard")} isGrave />
      </footer>
    </li>
  );
}
