import type { MetricName, Rate } from "@shared/api/types";
import { number, share } from "@shared/ui/figures";
import { useTranslation } from "react-i18next";

/** A share with its numerator and denominator, and what they are. */
export function Metric({ name, rate, large }: { name: MetricName; rate: Rate; large?: boolean }) {
  const { t } = useTranslation();
  return (
    <div className={large ? "metric large" : "metric"} title={t(`metricOf.${name}`)}>
      <span className="name">{t(`metric.${name}`)}</span>
      <b>{share(rate)}</b>
      <span className="of">
        {number(rate.part)} / {number(rate.whole)}
      </span>
      {large && <span className="hint">{t(`metricOf.${name}`)}</span>}
    </div>
  );
}
