import { Refused } from "@shared/api/client";
import { language } from "@shared/i18n";
import { Link } from "@tanstack/react-router";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";

export function Loading() {
  const { t } = useTranslation();
  return (
    <div className="notice" role="status">
      <span className="spinner" aria-hidden="true" />
      {t("problem.loading")}
    </div>
  );
}

/** What went wrong and what to do, in the words of the server. */
export function Failed({ error, again }: { error: Error; again?: () => void }) {
  const { t } = useTranslation();
  const problem = error instanceof Refused ? error.problem : null;
  const zh = language() === "zh";
  return (
    <div className="notice failed" role="alert">
      <b>{problem ? (zh ? problem.title : problem.title_en) : error.message}</b>
      {problem && <p>{zh ? problem.detail : problem.detail_en}</p>}
      {again && <Button onPress={again}>{t("problem.retry")}</Button>}
    </div>
  );
}

export function Lost() {
  const { t } = useTranslation();
  return (
    <div className="notice">
      <p>{t("problem.lost")}</p>
      <Link to="/">{t("problem.home")}</Link>
    </div>
  );
}
