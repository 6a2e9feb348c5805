import { language, switchLanguage } from "@shared/i18n";
import { signOut } from "@shared/api/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Me } from "@shared/api/types";
import { asking } from "../asking";
import { offered } from "../manage/tabs";
import { Loading } from "./Notices";
import { SignIn } from "./SignIn";
import { useLine } from "./live";

/** The bar above every view; whoever is not signed in is asked to. */
export function Frame() {
  const { t } = useTranslation();
  const me = useQuery(asking.me());
  if (me.isPending) return <Loading />;
  if (!me.data) return <SignIn />;
  return (
    <div className="frame">
      <header className="bar">
        <Link to="/" className="brand">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <rect width="32" height="32" rx="7" fill="var(--brand)" />
            <path d="M9 25V9h8v16zM19 25V14h5v11z" fill="#fff" />
            <path d="M13.8 19h1.6v2h-1.6z" fill="#f0a500" />
          </svg>
          <b>{t("product")}</b>
        </Link>
        <div id="crumbs" className="crumbs" />
        <Ways me={me.data} />
        <Tools name={me.data.name} />
      </header>
      <main>
        <Outlet />
      </main>
    </div>
  );
}

/** The ways to the desks: to what waits for a decision, and to what runs a round; each for those whom the server lets work there. */
function Ways({ me }: { me: Me }) {
  const { t } = useTranslation();
  const units = useQuery(asking.units());
  const mine = units.data?.find((of) => me.roles.some((role) => role.unit_id === of.unit_id));
  if (!mine) return null;
  const params = { unit: mine.unit_id };
  return (
    <nav className="ways" aria-label={t("ways")}>
      {me.may.includes("review") && (
        <Link to="/desk/$unit" params={params} search={{ tab: "conflicts" }} activeOptions={{ includeSearch: false }}>
          {t("desk.title")}
        </Link>
      )}
      {offered(me).length > 0 && (
        <Link to="/manage/$unit" params={params} activeOptions={{ includeSearch: false }}>
          {t("manage.title")}
        </Link>
      )}
    </nav>
  );
}

function Tools({ name }: { name: string }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const line = useLine();
  const [dark, setDark] = useState(isDark);
  const leave = async () => {
    await signOut().catch(() => undefined);
    questions.clear();
    location.assign("/");
  };
  return (
    <div className="tools">
      <span className={`line ${line}`} role="status">
        <i aria-hidden="true" />
        {t(`line.${line}`)}
      </span>
      <Button className="quiet" onPress={() => setDark(switchDark())}>
        {dark ? t("theme.light") : t("theme.dark")}
      </Button>
      <Button className="quiet" onPress={() => void switchLanguage()} lang={language() === "zh" ? "en" : "zh-CN"}>
        {t("language")}
      </Button>
      <span className="who">{name}</span>
      <Button className="quiet" onPress={() => void leave()}>
        {t("signIn.out")}
      </Button>
    </div>
  );
}

const THEME = "saolou.theme";

function isDark(): boolean {
  const kept = localStorage.getItem(THEME);
  const dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  return dark;
}

function switchDark(): boolean {
  localStorage.setItem(THEME, isDark() ? "light" : "dark");
  return isDark();
}
