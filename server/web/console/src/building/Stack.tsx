import type { Cell, Floor, FloorStack } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { memo, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { step } from "./keys";
import { lookOf } from "./look";

interface Props {
  stack: FloorStack;
  chosen: string | undefined;
  choose: (office: string) => void;
}

/** The floor stack 楼层立面图: floors top-down, every room a cell with a colour and a sign. */
export function Stack({ stack, chosen, choose }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<Cell | null>(null);
  const cells = useMemo(
    () =>
      new Map(stack.sections.flatMap(({ floors }) => floors.flatMap(({ offices }) => offices.map((of) => [of.office_id, of] as const)))),
    [stack],
  );
  const find = (target: EventTarget) => {
    const id = (target as HTMLElement).closest<HTMLElement>("[data-office]")?.dataset["office"];
    return id ? (cells.get(id) ?? null) : null;
  };
  return (
    <div
      className="stacks"
      ref={place}
      onPointerOver={(event) => setPointed(find(event.target))}
      onFocus={(event) => setPointed(find(event.target))}
      onKeyDown={(event) => {
        const next = place.current && step(place.current, event.target as HTMLElement, event.key);
        if (next) {
          event.preventDefault();
          next.focus();
        }
      }}
    >
      <div className={stack.sections.length > 1 ? "sections several" : "sections"}>
        {stack.sections.map((section) => (
          <div key={section.section_id} className="section" role="grid" aria-label={section.name}>
            {stack.sections.length > 1 && section.name !== "-" && <h3>{section.name}</h3>}
            {section.floors.map((floor) => (
              <Row key={floor.floor_id} floor={floor} chosen={floor.offices.some((of) => of.office_id === chosen) ? chosen : undefined} pick={choose} />
            ))}
          </div>
        ))}
      </div>
      <Told cell={pointed} />
    </div>
  );
}

interface RowProps {
  floor: Floor;
  chosen: string | undefined;
  pick: (office: string) => void;
}

const Row = memo(function Row({ floor, chosen, pick }: RowProps) {
  const { t } = useTranslation();
  const isThin = floor.state === "not_applicable";
  const kind = floor.state === "unsurveyed" ? "storey unsurveyed" : isThin ? "storey thin" : "storey";
  return (
    <div role="row" className={kind}>
      <span role="rowheader" className="floor-label">
        {floor.label}
      </span>
      <span role="gridcell" className="rooms">
        {isThin && <i className="note">{t("stack.noRooms")}</i>}
        {floor.state === "unsurveyed" && <i className="note">{floor.offices.length > 0 ? t("floor.unsurveyed") : t("stack.unsurveyed")}</i>}
        {floor.offices.map((cell) => (
          <Room key={cell.office_id} cell={cell} isChosen={cell.office_id === chosen} pick={pick} />
        ))}
      </span>
      <span role="gridcell" className="sum">
        {!isThin && (
          <b className={floor.state}>
            {floor.counts["covered"] ?? 0}/{floor.counts["in_scope"] ?? 0}
          </b>
        )}
        {!isThin && floor.roster_status !== "confirmed" && floor.state !== "unsurveyed" && (
          <i className="unconfirmed">{t("stack.unconfirmed")}</i>
        )}
      </span>
      <span role="gridcell" className="open">
        {floor.has_locked && (
          <span className="shut">
            {t("stack.lockedRooms")} <Doors rooms={floor.locked} />
          </span>
        )}
        {floor.has_unvisited && (
          <span className="never">
            {t("stack.unvisitedRooms")} <Doors rooms={floor.unvisited} />
          </span>
        )}
        {floor.state === "evidence_pending" && <span className="late">{t("floor.evidence_pending")}</span>}
      </span>
    </div>
  );
});

/** More labels than these say no more than their number. */
const LABELS_MAX = 12;

function Doors({ rooms }: { rooms: Floor["locked"] }) {
  const { t } = useTranslation();
  const named = rooms.length > LABELS_MAX ? rooms.slice(0, LABELS_MAX - 4) : rooms;
  return (
    <>
      {named.map((room) => (
        <b key={room.office_id}>{room.label} </b>
      ))}
      {named.length < rooms.length && t("stack.andMore", { count: rooms.length })}
    </>
  );
}

interface RoomProps {
  cell: Cell;
  isChosen: boolean;
  pick: (office: string) => void;
}

const Room = memo(function Room({ cell, isChosen, pick }: RoomProps) {
  const { t } = useTranslation();
  const look = lookOf(cell);
  const said = cell.reason && cell.state === "covered" ? t(`reason.${cell.reason}` as "reason.vacant") : t(`state.${cell.state}`);
  return (
    <button
      type="button"
      className={`room ${look.tone}`}
      data-office={cell.office_id}
      aria-pressed={isChosen}
      onClick={() => pick(cell.office_id)}
    >
      <span className="label">{cell.label} </span>
      <span className="unseen">{said}</span>
      <span className="sign" aria-hidden="true">
        {t(`sign.${look.sign}` as "sign.locked")}
      </span>
      {look.badges.length > 0 && (
        <span className="marks" aria-hidden="true">
          {look.badges.join("")}
        </span>
      )}
    </button>
  );
});

/** What is known of the room under the pointer or the focus. */
function Told({ cell }: { cell: Cell | null }) {
  const { t, i18n } = useTranslation();
  if (!cell) return <p className="told" aria-live="polite" />;
  const missing = cell.missing?.map((of) => t(`element.${of}` as "element.photo")).join("、");
  const told = [
    cell.reason && cell.state === "covered" ? t(`reason.${cell.reason}` as "reason.vacant") : t(`state.${cell.state}`),
    cell.last_try_ms === undefined
      ? t("stack.never")
      : `${t("stack.lastTry", { when: moment(cell.last_try_ms, i18n.language) })} ${t(`outcome.${cell.last_outcome ?? "other"}` as "outcome.other")}`,
    cell.attempts > 0 && t("stack.attempts_other", { count: cell.attempts }),
    cell.companies && t("stack.companies", { covered: cell.companies.covered, total: cell.companies.total }),
    missing && t("stack.missing", { what: missing }),
    ...[...(cell.flags ?? []), ...(cell.open ?? [])].map((flag) => t(`badge.${flag}` as "badge.case")),
  ];
  return (
    <p className="told" aria-live="polite">
      <b>{cell.label}</b>
      {told.filter(Boolean).map((part, at) => (
        <span key={at}>{part}</span>
      ))}
    </p>
  );
}
