import type { FloorStack, Timeline, TimelineItem } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Decide } from "../decide/Decide";
import { lookOf } from "../building/look";
import { Failed, Loading } from "../frame/Notices";
import { Photos } from "./Photos";
import { Room } from "./Room";

interface Props {
  building: string;
  office: string;
  asOf: number | undefined;
  stack: FloorStack;
  /** The street, whose desk settles what is disputed. */
  unit: string | undefined;
  close: () => void;
}

/** One room: where it stands, and everything that anybody filed about it. */
export function OfficePanel({ building, office, asOf, stack, unit, close }: Props) {
  const { t } = useTranslation();
  const timeline = useQuery(asking.timeline(building, office, asOf));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [office]);
  const cell = stack.sections.flatMap((of) => of.floors).flatMap((floor) => floor.offices).find((of) => of.office_id === office);
  // A room that was split or merged is not on the stack any more.
  const label = cell?.label ?? timeline.data?.room.label ?? "";
  return (
    <aside
      className="office panel"
      aria-label={t("office.title", { label })}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <header>
        <h2 tabIndex={-1} ref={heading}>
          {t("office.title", { label })}
        </h2>
        <Button className="quiet" onPress={close}>
          {t("office.close")}
        </Button>
      </header>
      {cell && (
        <div className="standing">
          <span className={`room ${lookOf(cell).tone}`} aria-hidden="true">
            {t(`sign.${lookOf(cell).sign}` as "sign.locked")}
          </span>
          <div>
            <b>{cell.reason && cell.state === "covered" ? t(`reason.${cell.reason}` as "reason.vacant") : t(`state.${cell.state}`)}</b>
            {cell.missing && cell.missing.length > 0 && (
              <p className="missing">
                {t("office.missing")}：{cell.missing.map((of) => t(`element.${of}` as "element.photo")).join("、")}
              </p>
            )}
            {[...(cell.flags ?? []), ...(cell.open ?? [])].map((flag) => (
              <span key={flag} className="badge">
                {t(`badge.${flag}` as "badge.case")}
              </span>
            ))}
          </div>
        </div>
      )}
      {timeline.isPending && <Loading />}
      {timeline.error && <Failed error={timeline.error} again={() => void timeline.refetch()} />}
      {timeline.data && (
        <>
          {asOf === undefined && cell && (
            <div className="decisions">
              <Decide
                isOffered={cell.state === "exclusion_pending"}
                building={building}
                name={t("decide.approve")}
                decision={{ exclusion_approve: { office_id: office, round_id: stack.round_id } }}
                seen={timeline.data.items.map((of) => of.op_id)}
              />
              <Decide
                isOffered={cell.state === "exclusion_pending"}
                building={building}
                name={t("decide.reject")}
                decision={{ exclusion_reject: { office_id: office } }}
                seen={timeline.data.items.filter((of) => of.class === "X" || of.kind === "office_remove").map((of) => of.op_id)}
              />
            </div>
          )}
          {!cell && timeline.data.room.status !== "live" && <p className="missing">{t("office.replaced")}</p>}
          <Room timeline={timeline.data} round={stack.round_id} building={building} unit={unit} asOf={asOf} />
          <h3>{t("office.timeline")}</h3>
          <ol className="timeline">
            {timeline.data.items.toReversed().map((item) => (
              <Entry key={item.op_id} item={item} building={building} seen={revisionsOf(timeline.data, item)} isChange={isChange(timeline.data, item)} asOf={asOf} />
            ))}
          </ol>
        </>
      )}
    </aside>
  );
}

/** All revisions of the visit that an op is one of: what whoever voids it must have seen. */
const revisionsOf = (timeline: Timeline, item: TimelineItem) =>
  timeline.items.filter((of) => of.visit_id !== undefined && of.visit_id === item.visit_id).map((of) => of.op_id);

const CHANGES = ["office_rename", "office_reclassify", "same_as", "not_same_as"];

/** Whether it is a change of the room that may be taken back: of splits and mergers those in force. */
const isChange = ({ room }: Timeline, item: TimelineItem) =>
  CHANGES.includes(item.kind) || room.changes.some((change) => change.op_id === item.op_id);

interface EntryProps {
  item: TimelineItem;
  building: string;
  seen: string[];
  isChange: boolean;
  asOf: number | undefined;
}

/** One op: what, by whom, when it happened and when it came. */
function Entry({ item, building, seen, isChange, asOf }: EntryProps) {
  const { t, i18n } = useTranslation();
  const { body } = item;
  const known = i18n.exists(`kind.${item.kind}`) ? item.kind : "other";
  const outcome = typeof body["outcome"] === "string" ? body["outcome"] : undefined;
  const company = body["company"] as { name?: string; uscc?: string } | undefined;
  const note = typeof body["note"] === "string" ? body["note"] : typeof body["reason"] === "string" ? body["reason"] : undefined;
  const isVisit = item.visit_id !== undefined;
  const counts = !isVisit || (item.effective && !item.voided);
  return (
    <li className={counts ? "" : "idle"}>
      <p className="what">
        <b>{t(`kind.${known}` as "kind.visit")}</b>
        {outcome && <span className="outcome">{t(`outcome.${outcome}` as "outcome.other")}</span>}
        {item.voided && <em>{t("office.voided")}</em>}
        {isVisit && !item.effective && !item.voided && <em>{t("office.superseded")}</em>}
      </p>
      <p className="when">
        <time dateTime={new Date(item.corrected_ms).toISOString()}>{moment(item.corrected_ms, i18n.language)}</time>
        {item.author && <span>{item.author}</span>}
        <small>{t("office.received", { when: moment(item.received_ms, i18n.language) })}</small>
        {item.issues.includes("clock_skew") && (
          <small className="odd">{t("office.device", { when: moment(item.captured_wall_ms, i18n.language) })}</small>
        )}
      </p>
      {company?.name && (
        <p className="company">
          {company.name} {company.uscc && <code>{company.uscc}</code>}
        </p>
      )}
      {note && <p className="said">{note}</p>}
      {item.missing && item.missing.length > 0 && (
        <p className="missing">
          {t("office.missing")}：{item.missing.map((of) => t(`element.${of}` as "element.photo")).join("、")}
        </p>
      )}
      <Photos body={body} />
      {asOf === undefined && item.visit_id && (
        <Decide isOffered={item.effective === true && !item.voided} building={building} name={t("decide.void")} decision={{ visit_void: { visit_id: item.visit_id } }} seen={seen} />
      )}
      {asOf === undefined && (
        <Decide isOffered={isChange} building={building} name={t("decide.takeBack")} decision={{ structure_reject: { op_id: item.op_id } }} seen={[]} />
      )}
    </li>
  );
}
