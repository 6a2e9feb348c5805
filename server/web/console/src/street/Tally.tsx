import type { Counts } from "@shared/api/types";
import { number } from "@shared/ui/figures";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

/** The numbers that are looked for most, in the order of domain §3.7; zeros are not shown. */
const SHOWN = [
  "in_scope",
  "covered",
  "locked",
  "blocked",
  "partial",
  "attempted",
  "unvisited",
  "exclusion_pending",
  "evidence_pending",
  "cases_open",
  "unlicensed_open",
  "added_on_site",
  "excluded",
  "floors_unsurveyed",
] as const;

/** The counts of a unit; each opens to its records. */
export function Tally({ unit, counts, open }: { unit: string; counts: Counts; open: string | undefined }) {
  const { t } = useTranslation();
  return (
    <ul className="tally" aria-label={t("drill.counts")}>
      {SHOWN.filter((name) => (counts[name] ?? 0) > 0).map((name) => (
        <li key={name}>
          <Link
            to="/street/$unit"
            params={{ unit }}
            search={(before) => ({ ...before, metric: open === name ? undefined : name, part: undefined })}
            replace
            resetScroll={false}
            aria-expanded={open === name}
          >
            <i className={name} aria-hidden="true" />
            {t(`count.${name}`)} <b>{number(counts[name] ?? 0)}</b>
          </Link>
        </li>
      ))}
    </ul>
  );
}
