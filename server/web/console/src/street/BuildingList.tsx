import type { ListedBuilding } from "@shared/api/types";
import { number, share } from "@shared/ui/figures";
import { byCode, matches, worstFirst } from "@shared/ui/order";
import { Link } from "@tanstack/react-router";
import { Rows } from "../frame/Rows";
import { Button, Input, Label, SearchField } from "react-aria-components";
import { useTranslation } from "react-i18next";

interface Asked {
  as_of?: number | undefined;
  q?: string | undefined;
  sort?: "code" | undefined;
}

interface Props {
  buildings: ListedBuilding[];
  asked: Asked;
  change: (asked: Asked) => void;
}

/** The buildings, the worst first. */
export function BuildingList({ buildings, asked, change }: Props) {
  const { t } = useTranslation();
  const order = asked.sort === "code" ? byCode : worstFirst;
  const listed = buildings.filter((building) => matches(building, asked.q ?? "")).toSorted(order);
  return (
    <section className="buildings panel" aria-labelledby="buildings">
      <header>
        <h2 id="buildings">
          {t("street.buildings")} <small>{buildings.length}</small>
        </h2>
        <SearchField value={asked.q ?? ""} onChange={(q) => change({ q: q || undefined })}>
          <Label className="unseen">{t("street.search")}</Label>
          <Input placeholder={t("street.search")} />
        </SearchField>
        <Button className="quiet" onPress={() => change({ sort: asked.sort ? undefined : "code" })}>
          {asked.sort === "code" ? t("street.byCode") : t("street.worstFirst")}
        </Button>
      </header>
      {listed.length === 0 && <p className="empty">{t("street.none")}</p>}
      <Rows
        items={listed}
        keyOf={(building) => building.building_id}
        label={t("street.buildings")}
        height={76}
        row={(building) => <Row building={building} asOf={asked.as_of} />}
      />
    </section>
  );
}

function Row({ building, asOf }: { building: ListedBuilding; asOf: number | undefined }) {
  const { t } = useTranslation();
  const { attributes, counts, metrics, state } = building;
  const count = (name: string) => counts[name] ?? 0;
  const rate = metrics.coverage_rate;
  const badges = [
    ["locked", count("locked") + count("blocked"), t("street.locked")],
    ["unvisited", count("unvisited") + count("attempted"), t("street.unvisited")],
    ["evidence", count("evidence_pending"), t("street.evidence")],
  ] as const;
  return (
    <Link
      to="/building/$building"
      params={{ building: building.building_id }}
      search={{ as_of: asOf }}
      className="row"
    >
      <span className="where">
        <b>{attributes.name}</b>
        <small>
          {attributes.code} · {t(`building.${state}`)}
        </small>
      </span>
      <span className="bar-of" aria-hidden="true">
        <i className="done" style={{ width: `${(100 * rate.part) / Math.max(rate.whole, 1)}%` }} />
        <i
          className="shut"
          style={{ width: `${(100 * (count("locked") + count("blocked"))) / Math.max(rate.whole, 1)}%` }}
        />
      </span>
      <span className="rate">
        <b>{share(rate)}</b>
        <small>
          {number(rate.part)}/{number(rate.whole)}
        </small>
      </span>
      <span className="badges">
        {badges
          .filter(([, n]) => n > 0)
          .map(([kind, n, name]) => (
            <span key={kind} className={`badge ${kind}`}>
              {name} {n}
            </span>
          ))}
      </span>
    </Link>
  );
}
