import { useTranslation } from "react-i18next";

const STATES = ["unvisited", "attempted", "locked", "blocked", "partial", "exclusion_pending", "excluded"] as const;
const REASONS = ["inspected", "enforced", "vacant", "moved_out", "under_renovation"] as const;
const TONES: Record<string, string> = { inspected: "covered", enforced: "enforced" };

export function Legend() {
  const { t } = useTranslation();
  return (
    <ul className="legend" aria-label={t("stack.legend")}>
      {REASONS.map((reason) => (
        <li key={reason}>
          <i className={`room ${TONES[reason] ?? "absent"}`} aria-hidden="true">
            {t(`sign.${reason}`)}
          </i>
          {t(`reason.${reason}`)}
        </li>
      ))}
      {STATES.map((state) => (
        <li key={state}>
          <i className={`room ${state}`} aria-hidden="true">
            {t(`sign.${state}`)}
          </i>
          {t(`state.${state}`)}
        </li>
      ))}
    </ul>
  );
}
