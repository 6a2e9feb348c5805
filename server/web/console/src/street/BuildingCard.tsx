import type { ListedBuilding } from "@shared/api/types";
import { moment, number, share } from "@shared/ui/figures";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

const shutIn = ({ counts }: ListedBuilding) => (counts["locked"] ?? 0) + (counts["blocked"] ?? 0);
const unvisitedIn = ({ counts }: ListedBuilding) => (counts["unvisited"] ?? 0) + (counts["attempted"] ?? 0);

/** What a building on the map is called where it cannot be seen. */
export function labelOf(building: ListedBuilding, t: TFunction): string {
  const { attributes, metrics } = building;
  const { part, whole } = metrics.coverage_rate;
  const said = `${t("metric.coverage_rate")} ${part}/${whole}`;
  const open = `${t("street.locked")} ${shutIn(building)}, ${t("street.unvisited")} ${unvisitedIn(building)}`;
  return `${attributes.code ?? ""} ${attributes.name ?? ""} ${share(metrics.coverage_rate)}: ${said}, ${open}`;
}

/** The figures of the building that is pointed at or has the focus. */
export function BuildingCard({ building }: { building: ListedBuilding }) {
  const { t, i18n } = useTranslation();
  const { attributes, metrics, last_try_ms } = building;
  const rate = metrics.coverage_rate;
  return (
    <div className="card-of" aria-hidden="true">
      <b>{attributes.name}</b>
      <small>
        {attributes.code} · {t(`building.${building.state}`)}
      </small>
      <dl>
        <dt>{t("metric.coverage_rate")}</dt>
        <dd>
          <b>{share(rate)}</b> {number(rate.part)}/{number(rate.whole)}
        </dd>
        <dt>{t("street.locked")}</dt>
        <dd>{number(shutIn(building))}</dd>
        <dt>{t("street.unvisited")}</dt>
        <dd>{number(unvisitedIn(building))}</dd>
        <dt>{t("street.lastVisit")}</dt>
        <dd>{last_try_ms === undefined ? t("street.noVisit") : moment(last_try_ms, i18n.language)}</dd>
      </dl>
    </div>
  );
}

/** The colours of floors, in the order in which they press. */
const TONES = [
  ["locked", "street.tone.locked"],
  ["partial", "street.tone.partial"],
  ["unvisited", "street.tone.unvisited"],
  ["unsurveyed", "street.tone.unsurveyed"],
  ["absent", "street.tone.absent"],
  ["covered", "street.tone.covered"],
] as const;

/** What the colours of the map mean. */
export function MapLegend() {
  const { t } = useTranslation();
  return (
    <ul className="map-legend" aria-label={t("stack.legend")}>
      {TONES.map(([tone, word]) => (
        <li key={tone}>
          <i style={{ background: `var(--${tone})` }} aria-hidden="true" />
          {t(word)}
        </li>
      ))}
    </ul>
  );
}
