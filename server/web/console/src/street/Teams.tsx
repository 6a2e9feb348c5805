import type { TeamFigure, TeamVisit, TeamWork } from "@shared/api/types";
import { moment, number } from "@shared/ui/figures";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";

export const FIGURES = ["people", "days", "visits", "met", "shut", "partial", "photos", "rooms", "rooms_covered"] as const;
const COLUMNS = ["people", "days", "visits", "met", "shut", "partial", "photos"] as const;
/** Figures that count the visits themselves. */
const VISITS: TeamFigure[] = ["visits", "met", "shut", "partial"];
/** In the address, whose figure it is where no team is named. */
const NOBODY = "none";

/** A figure of a team that is open. */
interface Opened {
  team: string;
  figure: TeamFigure;
}

interface Props {
  unit: string;
  asOf: number | undefined;
  opened: Opened | undefined;
}

/** What the teams did (RP14): visits and what came of them. In no order but that of their names. */
export function Teams({ unit, asOf, opened }: Props) {
  const { t, i18n } = useTranslation();
  const list = useQuery(asking.workload(unit, asOf));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  return (
    <section className="teams panel wide" aria-labelledby="teams">
      <h2 id="teams">{t("team.title")}</h2>
      <p className="said">{t("team.hint")}</p>
      {list.data?.length === 0 && <p className="empty">{t("team.none")}</p>}
      {list.data && list.data.length > 0 && (
        <div className="sideways" role="region" aria-labelledby="teams" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {(["team", ...COLUMNS, "rooms", "span"] as const).map((column) => (
                  <th key={column} scope="col">
                    {t(`team.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {list.data.map((team) => (
                <tr key={team.team_id ?? ""}>
                  <th scope="row">{team.name ?? t("team.nobody")}</th>
                  {COLUMNS.map((column) => (
                    <td key={column}>
                      <Opens team={team} figure={column} opened={opened} />
                    </td>
                  ))}
                  <td>
                    <b>
                      <Opens team={team} figure="rooms_covered" opened={opened} />
                    </b>
                    /<Opens team={team} figure="rooms" opened={opened} />
                  </td>
                  <td>
                    {moment(team.first_ms, i18n.language)} – {moment(team.last_ms, i18n.language)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {opened && <Visits unit={unit} asOf={asOf} opened={opened} />}
    </section>
  );
}

/** A figure of a team; it opens to the visits that it comes from. */
function Opens({ team, figure, opened }: { team: TeamWork; figure: TeamFigure; opened: Opened | undefined }) {
  const { t } = useTranslation();
  const id = team.team_id ?? NOBODY;
  const isOpen = opened?.team === id && opened.figure === figure;
  return (
    <Link
      to="."
      search={(before) => ({ ...before, team: isOpen ? undefined : id, work: isOpen ? undefined : figure })}
      replace
      resetScroll={false}
      className={isOpen ? "opens chosen" : "opens"}
      aria-expanded={isOpen}
      aria-label={`${team.name ?? t("team.nobody")} ${t(`team.of.${figure}`)} ${number(team[figure])}`}
    >
      {number(team[figure])}
    </Link>
  );
}

/** The visits behind a figure, the latest first. */
function Visits({ unit, asOf, opened: { team, figure } }: { unit: string; asOf: number | undefined; opened: Opened }) {
  const { t } = useTranslation();
  const list = useInfiniteQuery(asking.visits(unit, team === NOBODY ? undefined : team, figure, asOf));
  const place = useRef<HTMLElement>(null);
  const first = list.data?.pages[0];
  const isThere = first !== undefined;
  useEffect(() => {
    if (isThere) place.current?.scrollIntoView({ block: "nearest" });
  }, [team, figure, isThere]);
  return (
    <section className="drill" ref={place} aria-labelledby="visits">
      <header>
        <h3 id="visits">
          {first && (first.name ?? t("team.nobody"))} {t(`team.of.${figure}`)}
        </h3>
        <Link
          to="."
          search={(before) => ({ ...before, team: undefined, work: undefined })}
          replace
          resetScroll={false}
          className="quiet close"
        >
          {t("office.close")}
        </Link>
      </header>
      {list.error && <Failed error={list.error} again={() => void list.refetch()} />}
      {!first && !list.error && <Loading />}
      {first && (
        <>
          <p className="sum" role="status">
            {t(`team.sum.${figure}`, { n: number(first.amount) })}
            {!VISITS.includes(figure) && ` · ${t("team.sum.behind", { n: number(first.total) })}`}
          </p>
          {first.total > 0 && (
            <Rows
              key={`${team} ${figure}`}
              label={t(`team.of.${figure}`)}
              items={list.data?.pages.flatMap((page) => page.visits) ?? []}
              total={first.total}
              keyOf={(visit) => visit.op_id}
              height={53}
              row={(visit) => <Visit visit={visit} asOf={asOf} />}
              more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
            />
          )}
        </>
      )}
    </section>
  );
}

function Visit({ visit, asOf }: { visit: TeamVisit; asOf: number | undefined }) {
  const { t, i18n } = useTranslation();
  const [room] = visit.rooms;
  const outcome = i18n.exists(`outcome.${visit.outcome}`) ? visit.outcome : "other";
  return (
    <Link
      to="/building/$building"
      params={{ building: visit.building_id }}
      search={{ as_of: asOf, office: room?.office_id }}
      className="record"
    >
      <span className="doorway">
        <b>
          {room?.floor} {visit.rooms.map((of) => of.label).join("、")}
        </b>
        <small>{visit.building}</small>
      </span>
      <span className="badge">{t(`outcome.${outcome}` as "outcome.locked")}</span>
      <span className="tried">
        {moment(visit.at_ms, i18n.language)} {visit.by}
        {visit.photos > 0 && <small>{t("team.sum.photos", { n: number(visit.photos) })}</small>}
      </span>
      <span className={visit.rooms.every((of) => of.is_covered) && room ? "adds done" : "adds"}>
        {room && visit.rooms.every((of) => of.is_covered) && (
          <>
            <i aria-hidden="true">✓</i>
            <span className="unseen">{t("team.isCovered")}</span>
          </>
        )}
      </span>
    </Link>
  );
}
