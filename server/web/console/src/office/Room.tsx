import type { RoomTold, Shown, Timeline, TimelineItem } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

const SIX = ["q1_identity", "q2_people", "q3_history", "c1_id_check", "c2_licence", "c3_ledger"] as const;

interface Props {
  timeline: Timeline;
  round: string;
  building: string;
  unit: string | undefined;
  asOf: number | undefined;
}

/** What follows from all records of a room: elements, companies, descent, what is disputed. */
export function Room({ timeline, round, building, unit, asOf }: Props) {
  const { room } = timeline;
  return (
    <>
      <Waiting timeline={timeline} unit={unit} />
      <Elements timeline={timeline} round={round} />
      <Companies timeline={timeline} />
      <Descent timeline={timeline} building={building} asOf={asOf} />
      <Before room={room} round={round} />
    </>
  );
}

const itemOf = (timeline: Timeline, op: string) => timeline.items.find((item) => item.op_id === op);

/** Who said it, and when. */
function By({ item }: { item: TimelineItem | undefined }) {
  const { i18n } = useTranslation();
  if (!item) return null;
  return (
    <small className="by">
      {item.author} <time dateTime={new Date(item.corrected_ms).toISOString()}>{moment(item.corrected_ms, i18n.language)}</time>
    </small>
  );
}

/** The six elements, each with the visit that obtained it. */
function Elements({ timeline, round }: { timeline: Timeline; round: string }) {
  const { t } = useTranslation();
  const found = timeline.room.obtained.find((of) => of.round_id === round)?.elements;
  if (!found) return null;
  return (
    <section>
      <h3>{found.length === SIX.length ? t("office.nothingMissing") : t("office.obtained")}</h3>
      <ul className="elements">
        {SIX.map((element) => {
          const from = found.find((of) => of.element === element);
          return (
            <li key={element} className={from ? "met" : "unmet"}>
              <i aria-hidden="true">{from ? "✓" : "✗"}</i>
              <span>{t(`element.${element}`)}</span>
              {from ? <By item={itemOf(timeline, from.op_id)} /> : <small className="by">{t("office.notObtained")}</small>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The companies, each value with its source. */
function Companies({ timeline }: { timeline: Timeline }) {
  const { t, i18n } = useTranslation();
  if (timeline.tenants.length === 0) return null;
  const when = (at: number) => moment(at, i18n.language);
  return (
    <section>
      <h3>{t("office.occupants")}</h3>
      <ul className="tenants">
        {timeline.tenants.map((tenant, at) => (
          <li key={at}>
            <p className="what">
              <b>{tenant.name?.value ?? tenant.signage?.value ?? tenant.uscc?.value}</b>
              <span className={`badge ${tenant.stay}`}>{t(`stay.${tenant.stay}`)}</span>
              {!tenant.physical && <span className="badge">{t("office.onlyRegistered")}</span>}
            </p>
            <dl>
              <Value name={t("office.name")} of={tenant.name} timeline={timeline} />
              <Value name={t("office.code")} of={tenant.uscc} timeline={timeline} isCode />
              <Value name={t("office.signage")} of={tenant.signage} timeline={timeline} />
            </dl>
            {tenant.first_seen_ms !== undefined && tenant.last_seen_ms !== undefined && (
              <small>{t("office.seen", { first: when(tenant.first_seen_ms), last: when(tenant.last_seen_ms) })}</small>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Value({ name, of, timeline, isCode }: { name: string; of: Shown | undefined; timeline: Timeline; isCode?: boolean }) {
  const { t } = useTranslation();
  if (!of) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {isCode ? <code>{of.value}</code> : of.value}
        <small className="by">{t(`source.${of.source}` as "source.signage")}</small>
        <By item={itemOf(timeline, of.op_id)} />
        {of.others && <small className="odd">{t("office.others", { values: of.others.join("、") })}</small>}
      </dd>
    </div>
  );
}

/** What the room was made from, what it became, which numbers it had. */
function Descent({ timeline, building, asOf }: { timeline: Timeline; building: string; asOf: number | undefined }) {
  const { t } = useTranslation();
  const { room, items } = timeline;
  const renames = items.filter((item) => item.kind === "office_rename");
  const links = items.filter((item) => item.kind === "same_as" || item.kind === "not_same_as");
  if (room.changes.length + room.aliases.length + renames.length + links.length === 0) return null;
  const door = (of: { office_id: string; label: string }) => (
    <Link key={of.office_id} to="/building/$building" params={{ building }} search={{ office: of.office_id, as_of: asOf }}>
      {of.label}
    </Link>
  );
  return (
    <section>
      <h3>{t("office.descent")}</h3>
      <ul className="descent">
        {room.changes.map((change) => (
          <li key={change.op_id}>
            <span>{change.parents.map(door)}</span>
            <i>{change.children.length > 1 ? t("office.splitInto") : t("office.mergedInto")}</i>
            <span>{change.children.map(door)}</span>
            <By item={itemOf(timeline, change.op_id)} />
          </li>
        ))}
        {renames.map((item) => (
          <li key={item.op_id}>
            <span>{t("office.renamed", { label: String(item.body["label"] ?? "") })}</span>
            <By item={item} />
          </li>
        ))}
        {links.map((item) => (
          <li key={item.op_id}>
            <span>{t(`kind.${item.kind as "same_as"}`)}</span>
            <By item={item} />
          </li>
        ))}
        {room.aliases.length > 0 && (
          <li>
            <span>{t("office.aliases", { labels: room.aliases.map((of) => of.label).join("、") })}</span>
          </li>
        )}
      </ul>
    </section>
  );
}

/** Disagreements and doubts about photos, with the way to where they are settled. */
function Waiting({ timeline, unit }: { timeline: Timeline; unit: string | undefined }) {
  const { t, i18n } = useTranslation();
  const findings = timeline.items.flatMap((item) => item.findings ?? []).filter((of) => !of.closed);
  const { conflicts } = timeline.room;
  if (conflicts.length + findings.length === 0) return null;
  const said = (code: string) => (i18n.exists(`finding.${code}`) ? t(`finding.${code as "unreadable"}`) : t("finding.other"));
  return (
    <ul className="waiting">
      {conflicts.map((conflict) => (
        <li key={conflict.conflict_id}>
          <span>{t(`disputed.${conflict.code}` as "disputed.field")}</span>
          {unit && (
            <Link to="/desk/$unit" params={{ unit }} search={{ tab: "conflicts", id: conflict.conflict_id }}>
              {t("office.settle")}
            </Link>
          )}
        </li>
      ))}
      {findings.map(({ finding_id, code }) => (
        <li key={finding_id}>
          <span>{said(code)}</span>
          {unit && (
            <Link to="/desk/$unit" params={{ unit }} search={{ tab: "findings", id: finding_id }}>
              {t("office.check")}
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Where the room stood in other rounds. */
function Before({ room, round }: { room: RoomTold; round: string }) {
  const { t } = useTranslation();
  const others = (room.rounds ?? []).filter((of) => of.round_id !== round && of.visits > 0);
  if (others.length === 0) return null;
  return (
    <section>
      <h3>{t("office.otherRounds")}</h3>
      <ul className="descent">
        {others.map((of) => (
          <li key={of.round_id}>
            <b>{of.reason && of.state === "covered" ? t(`reason.${of.reason}` as "reason.vacant") : t(`state.${of.state}`)}</b>
            <small>{t("office.visitsOf", { count: of.visits })}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
