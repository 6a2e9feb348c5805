import type { Progress } from "@shared/api/types";
import { day, moment, number, share } from "@shared/ui/figures";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Props {
  progress: Progress;
  unit: string;
  asOf: number | undefined;
  isTable: boolean;
}

type Step = Progress["steps"][number];

/** What the lines are: each has a colour and a stroke of its own. */
const LINES = [
  { name: "covered", tone: "--covered", dash: [], of: ({ counts }: Step) => counts["covered"] ?? 0 },
  { name: "visited", tone: "--brand", dash: [2, 3], of: ({ metrics }: Step) => metrics.visited_rate.part },
  { name: "shut", tone: "--blocked", dash: [8, 4], of: ({ metrics }: Step) => metrics.locked_rate.part },
] as const;

/** How many rooms were covered, visited and locked by when, and what the rest needs. */
export function Pace({ progress, unit, asOf, isTable }: Props) {
  const { t, i18n } = useTranslation();
  const { pace, steps } = progress;
  const shown = asOf === undefined ? steps : steps.filter((step) => step.at_ms <= asOf);
  return (
    <section className="pace panel" aria-labelledby="pace">
      <header>
        <h2 id="pace">{t("street.pace")}</h2>
        <Link
          to="/street/$unit"
          params={{ unit }}
          search={(before) => ({ ...before, trend: isTable ? undefined : "table" })}
          replace
          resetScroll={false}
          className="quiet"
        >
          {isTable ? t("trend.chart") : t("trend.table")}
        </Link>
      </header>
      <p className="need">
        {pace.remaining === 0 ? (
          <b>{t("street.paceDone")}</b>
        ) : pace.needed_per_day === null ? (
          <b>{t("street.paceOver", { remaining: number(pace.remaining) })}</b>
        ) : (
          <>
            <b>{t("street.paceNeed", { count: pace.needed_per_day })}</b>
            <span>{t("street.paceLeft", { remaining: number(pace.remaining), days: pace.workdays_left })}</span>
          </>
        )}
      </p>
      {isTable ? (
        <div className="sideways" role="region" aria-labelledby="pace" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("trend.at")}</th>
                <th scope="col">{t("metric.coverage_rate")}</th>
                {LINES.map(({ name }) => (
                  <th key={name} scope="col">
                    {t(`trend.${name}`)}
                  </th>
                ))}
                <th scope="col">{t("trend.scope")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.toReversed().map((step) => (
                <tr key={step.at_ms}>
                  <th scope="row">{moment(step.at_ms, i18n.language)}</th>
                  <td>
                    <b>{share(step.metrics.coverage_rate)}</b>
                  </td>
                  {LINES.map(({ name, of }) => (
                    <td key={name}>{number(of(step))}</td>
                  ))}
                  <td>{number(step.counts["in_scope"] ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <>
          <Chart progress={progress} shown={shown.length} />
          <ul className="lines">
            {LINES.map(({ name, tone, dash, of }) => {
              const last = shown.at(-1);
              return (
                <li key={name}>
                  <svg width="28" height="8" aria-hidden="true">
                    <line x1="0" y1="4" x2="28" y2="4" stroke={`var(${tone})`} strokeWidth="2.5" strokeDasharray={dash.join(" ")} />
                  </svg>
                  {t(`trend.${name}`)} <b>{last ? number(of(last)) : "—"}</b>
                </li>
              );
            })}
            <li>
              <svg width="28" height="8" aria-hidden="true">
                <line x1="0" y1="4" x2="28" y2="4" stroke="var(--quiet)" strokeWidth="1.5" strokeDasharray="6 5" />
              </svg>
              {t("trend.need")}
            </li>
          </ul>
        </>
      )}
    </section>
  );
}

function Chart({ progress, shown }: { progress: Progress; shown: number }) {
  const { i18n } = useTranslation();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = chart(element, progress, shown, i18n.language);
    };
    draw();
    const watch = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    // A canvas does not follow the colours of the page by itself.
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      watch.disconnect();
      theme.disconnect();
      plot?.destroy();
    };
  }, [progress, shown, i18n.language]);
  return <div ref={place} className="chart" aria-hidden="true" />;
}

const HEIGHT = 170;

function chart(element: HTMLElement, progress: Progress, shown: number, language: string): uPlot {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const { from_ms, until_ms, steps } = progress;
  const last = steps.at(-1);
  const times = [from_ms, ...steps.map((step) => step.at_ms), until_ms];
  const known = LINES.map(({ of }) => [0, ...steps.map((step, at) => (at < shown ? of(step) : null)), null]);
  // From where it stands to everything, at the end of the round.
  const need = times.map((at) => {
    if (!last || at < last.at_ms) return null;
    return at === until_ms ? (last.counts["in_scope"] ?? 0) : (last.counts["covered"] ?? 0);
  });
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, font: "11px sans-serif" };
  return new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, space: 90, values: (_, at) => at.map((ms) => day(ms, language)) },
        { ...axis, size: 44, values: (_, at) => at.map((n) => number(n)) },
      ],
      series: [
        {},
        ...LINES.map(({ name, tone, dash }) => ({
          stroke: colour(tone),
          width: 2.5,
          dash: [...dash],
          points: { show: false },
          ...(name === "covered" ? { fill: `${colour(tone)}22` } : {}),
        })),
        { stroke: colour("--quiet"), width: 1.5, dash: [6, 5], points: { show: false } },
      ],
    },
    [times, ...known, need] as uPlot.AlignedData,
    element,
  );
}
