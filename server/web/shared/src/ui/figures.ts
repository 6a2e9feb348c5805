// Figures as people read them. Shares are floored, as the server floors them: 100.0% appears only
// where nothing is left, and nothing of nothing is a dash.
import type { Millis, Rate } from "../api/types";

export function share(rate: Rate): string {
  if (rate.permille === null) return "—";
  return `${Math.floor(rate.permille / 10)}.${rate.permille % 10}%`;
}

export const number = (value: number): string => value.toLocaleString("en-US").replaceAll(",", "\u2009");

const ZONE = "Asia/Shanghai";
const WEEKDAYS: Record<string, string[]> = {
  zh: ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
  en: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
};

const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});

/** A moment in China: `11-23 周一 15:30`. */
export function moment(at: Millis, language: string): string {
  const of = Object.fromEntries(parts.formatToParts(at).map((part) => [part.type, part.value]));
  // China is eight hours ahead of UTC, all year.
  const weekday = WEEKDAYS[language === "en" ? "en" : "zh"]?.[new Date(at + 8 * 3_600_000).getUTCDay()];
  return `${of["month"]}-${of["day"]} ${weekday} ${of["hour"]}:${of["minute"]}`;
}

/** A day in China: `11-23 周一`. */
export const day = (at: Millis, language: string): string => moment(at, language).slice(0, -6);
