import type { DrilledRow, MetricName, Part, Rate } from "@shared/api/types";
import { moment, number, share } from "@shared/ui/figures";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";

/** What is counted in companies or floors; everything else is counted in rooms. */
const UNITS: Record<string, "companies" | "floors"> = {
  three_clear_rate: "companies",
  photo_rate: "companies",
  companies_known: "companies",
  companies_inspected: "companies",
  floors_done: "floors",
  floors_unsurveyed: "floors",
  floors_unconfirmed: "floors",
};

const PARTS: (Part | undefined)[] = [undefined, "numerator", "rest"];

interface Props {
  unit: string;
  /** Only the records of this building. */
  building?: string;
  metric: string;
  part: Part | undefined;
  asOf: number | undefined;
}

/** The records behind a figure: they add up to its numerator and its denominator. */
export function Drill({ unit, building, metric, part, asOf }: Props) {
  const { t, i18n } = useTranslation();
  const list = useInfiniteQuery(asking.drill(unit, metric, part ?? "whole", asOf, building));
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView({ block: "nearest" });
  }, [metric]);
  const first = list.data?.pages[0];
  const isShare = i18n.exists(`metricOf.${metric}`);
  const name = isShare ? t(`metric.${metric as MetricName}`) : t(`count.${metric}` as "count.locked");
  const counted = UNITS[metric] ?? "rooms";
  const amount = (of: Rate, which: Part | undefined) =>
    which === "numerator" ? of.part : which === "rest" ? of.whole - of.part : of.whole;
  return (
    <section className="drill panel" ref={place} aria-labelledby="drill">
      <header>
        <h2 id="drill">
          {name} {first && isShare && <small>{share(first.figure)}</small>}
        </h2>
        {isShare && <p className="said">{t(`metricOf.${metric as MetricName}`)}</p>}
        <Link
          to="."
          search={(before) => ({ ...before, metric: undefined, part: undefined })}
          replace
          resetScroll={false}
          className="quiet close"
        >
          {t("office.close")}
        </Link>
      </header>
      {list.error && <Failed error={list.error} again={() => void list.refetch()} />}
      {!first && !list.error && <Loading />}
      {first && isShare && (
        <nav className="parts" aria-label={name}>
          {PARTS.map((which) => (
            <Link
              key={which ?? "whole"}
              to="."
              search={(before) => ({ ...before, part: which === "whole" ? undefined : which })}
              replace
              resetScroll={false}
              activeOptions={{ exact: true }}
              className={which === part ? "chosen" : ""}
            >
              {t(`drill.${which ?? "whole"}`)} <b>{number(amount(first.figure, which))}</b>
            </Link>
          ))}
        </nav>
      )}
      {first && (
        <>
          <p className="sum" role="status">
            {t(`drill.${counted}`, { n: number(first.amount), rows: number(first.total) })}
          </p>
          {first.total === 0 ? (
            <p className="empty">{t("drill.none")}</p>
          ) : (
            <Rows
              key={`${metric} ${part ?? ""}`}
              label={name}
              items={list.data?.pages.flatMap((page) => page.rows) ?? []}
              total={first.total}
              keyOf={(row) => row.room?.office_id ?? row.floor_id}
              height={53}
              row={(row) => <Record row={row} asOf={asOf} counted={counted} isShare={isShare} isMixed={part === undefined} />}
              more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
            />
          )}
        </>
      )}
    </section>
  );
}

interface RecordProps {
  row: DrilledRow;
  asOf: number | undefined;
  counted: "rooms" | "floors" | "companies";
  isShare: boolean;
  /** What counts stands beside what does not. */
  isMixed: boolean;
}

function Record({ row, asOf, counted, isShare, isMixed }: RecordProps) {
  const { t, i18n } = useTranslation();
  const { room } = row;
  const because = room?.state === "covered" && room.reason ? t(`reason.${room.reason}` as "reason.vacant") : undefined;
  const isDone = row.part === row.whole;
  return (
    <Link
      to="/building/$building"
      params={{ building: row.building_id }}
      search={{ as_of: asOf, office: room?.office_id }}
      className="record"
    >
      <span className="doorway">
        <b>
          {row.floor} {room?.label}
        </b>
        <small>{row.building}</small>
      </span>
      <span className={`badge ${room ? room.state : row.floor_state}`}>
        {room ? (because ?? t(`state.${room.state}`)) : t(`floor.${row.floor_state}`)}
      </span>
      <span className="tried">
        {room &&
          (room.last_try_ms === undefined
            ? t("stack.never")
            : `${moment(room.last_try_ms, i18n.language)} ${room.last_by ?? ""}`)}
        {room && room.attempts > 0 && <small>{t("stack.attempts", { count: room.attempts })}</small>}
      </span>
      <span className={isDone ? "adds done" : "adds"}>
        {counted === "companies" ? (
          isShare ? `${row.part} / ${row.whole}` : row.whole
        ) : isShare && isMixed ? (
          <>
            <i aria-hidden="true">{isDone ? "✓" : "–"}</i>
            <span className="unseen">{t(isDone ? "drill.numerator" : "drill.rest")}</span>
          </>
        ) : null}
      </span>
    </Link>
  );
}
