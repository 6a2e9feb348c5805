import type { MetricName, Rate } from "@shared/api/types";
import { number, share } from "@shared/ui/figures";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

interface Props {
  name: MetricName;
  rate: Rate;
  large?: boolean;
  /** It opens to the records that it counts, below it; whether they are open. */
  opens?: { isOpen: boolean };
}

/** A share with its numerator and denominator, and what they are. It opens to what it counts. */
export function Metric({ name, rate, large, opens }: Props) {
  const { t } = useTranslation();
  const said = (
    <>
      <span className="name">{t(`metric.${name}`)}</span>
      <b>{share(rate)}</b>
      <span className="of">
        {number(rate.part)} / {number(rate.whole)}
      </span>
      {large && <span className="hint">{t(`metricOf.${name}`)}</span>}
    </>
  );
  const kind = large ? "metric large" : "metric";
  if (!opens) {
    return (
      <div className={kind} title={t(`metricOf.${name}`)}>
        {said}
      </div>
    );
  }
  return (
    <Link
      to="."
      search={(before) => ({ ...before, metric: opens.isOpen ? undefined : name, part: undefined })}
      replace
      resetScroll={false}
      className={`${kind} opens`}
      title={t(`metricOf.${name}`)}
      aria-expanded={opens.isOpen}
    >
      {said}
    </Link>
  );
}
