// Chinese first. The choice stays in this browser.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";
const KEY = "saolou.language";

function remembered(): Language {
  const kept = localStorage.getItem(KEY);
  return kept === "en" || kept === "zh" ? kept : "zh";
}

export async function startWords(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: remembered(),
    fallbackLng: "zh",
    resources: { zh: { translation: zh }, en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  mark();
}

function mark(): void {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
}

export const language = (): Language => (i18next.language === "en" ? "en" : "zh");

export async function switchLanguage(): Promise<void> {
  const next: Language = language() === "zh" ? "en" : "zh";
  localStorage.setItem(KEY, next);
  await i18next.changeLanguage(next);
  mark();
}
