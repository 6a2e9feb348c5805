import type { Progress } from "@shared/api/types";
import { day, number, share } from "@shared/ui/figures";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** How many rooms were covered by when, and what the rest needs. */
export function Pace({ progress, asOf }: { progress: Progress; asOf: number | undefined }) {
  const { t, i18n } = useTranslation();
  const { pace, steps } = progress;
  const shown = asOf === undefined ? steps : steps.filter((step) => step.at_ms <= asOf);
  return (
    <section className="pace panel" aria-labelledby="pace">
      <h2 id="pace">{t("street.pace")}</h2>
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
      <Chart progress={progress} shown={shown.length} />
      <div className="unseen">
      <table>
        <tbody>
          {shown.map((step) => (
            <tr key={step.at_ms}>
              <th scope="row">{day(step.at_ms, i18n.language)}</th>
              <td>{share(step.metrics.coverage_rate)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      </div>
    </section>
  );
}

function Chart({ progress, shown }: { progress: Progress; shown: number }) {
  const { i18n } = useTranslation();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const { from_ms, until_ms, steps } = progress;
    const last = steps.at(-1);
    const times = [from_ms, ...steps.map((step) => step.at_ms), until_ms];
    const covered = [0, ...steps.map((step) => step.counts["covered"] ?? 0), null];
    const known = covered.map((value, at) => (at <= shown ? value : null));
    // From where it stands to everything, at the end of the round.
    const need = times.map((at) => {
      if (!last || at < last.at_ms) return null;
      return at === until_ms ? (last.counts["in_scope"] ?? 0) : (last.counts["covered"] ?? 0);
    });
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, font: "11px sans-serif" };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: 150,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          { ...axis, space: 90, values: (_, at) => at.map((ms) => day(ms, i18n.language)) },
          { ...axis, size: 44 },
        ],
        series: [
          {},
          { stroke: colour("--covered"), width: 2.5, fill: `${colour("--covered")}22`, points: { show: false } },
          { stroke: colour("--brand"), width: 1.5, dash: [6, 5], points: { show: false } },
        ],
      },
      [times, known, need],
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 150 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [progress, shown, i18n.language]);
  return <div ref={place} className="chart" aria-hidden="true" />;
}
