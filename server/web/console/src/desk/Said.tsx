// What somebody wrote, in words: members by their names, ids left to where they lead.
import { useTranslation } from "react-i18next";
import { moment } from "@shared/ui/figures";

type Body = Record<string, unknown>;

const textOf = (of: unknown): string | undefined => (typeof of === "string" && of !== "" ? of : undefined);
const labelsOf = (of: unknown): string[] =>
  Array.isArray(of) ? of.flatMap((one: { label?: unknown }) => textOf(one?.label) ?? []) : [];

/** A record in a line: how a visit ended and whom it met, what a room becomes. */
export function Said({ kind, body }: { kind: string; body: Body }) {
  const { t, i18n } = useTranslation();
  const outcome = textOf(body["outcome"]);
  const company = body["company"] as { name?: unknown; signage_name?: unknown } | undefined;
  const child = body["child"] as { label?: unknown } | undefined;
  const parts = labelsOf(body["children"]);
  const said = [
    outcome && t((i18n.exists(`outcome.${outcome}`) ? `outcome.${outcome}` : "outcome.other") as "outcome.other"),
    textOf(company?.name) ?? textOf(company?.signage_name),
    kind === "office_split" && parts.length > 0 && t("desk.splitInto", { labels: parts.join("、") }),
    kind === "office_merge" && textOf(child?.label) && t("desk.mergedInto", { label: textOf(child?.label) }),
    textOf(body["label"]) && t("desk.number", { label: textOf(body["label"]) }),
    textOf(body["note"]) ?? textOf(body["reason"]),
  ].filter(Boolean);
  if (said.length === 0) return null;
  return (
    <p className="said-of">
      {said.map((one, at) => (
        <span key={at}>{one}</span>
      ))}
    </p>
  );
}

/** Members that have a name for people; of the others only machines make sense. */
const NAMED = [
  "name", "code", "address", "aliases", "property_manager", "latitude", "longitude", "footprint", "label", "kind", "sharing",
  "outcome", "company", "note", "reason", "observed_at", "revision", "photos", "notice_given",
] as const;
type Named = (typeof NAMED)[number];

const isNamed = (name: string): name is Named => (NAMED as readonly string[]).includes(name);

/** A value that somebody wrote: a text as it is, anything else member by member. `only` names the members that are shown. */
export function Value({ of, only }: { of: unknown; only?: Set<string> | undefined }) {
  const { t } = useTranslation();
  if (of === null || typeof of !== "object") return <Word of={of} />;
  const members = Object.entries(of).filter(([name]) => only === undefined || only.has(name));
  const named = members.filter(([name]) => isNamed(name));
  const others = members.filter(([name]) => !isNamed(name));
  return (
    <>
      <dl className="value">
        {named.map(([name, value]) => (
          <div key={name}>
            <dt>{t(`member.${name as Named}`)}</dt>
            <dd>
              <Word name={name} of={value} />
            </dd>
          </div>
        ))}
      </dl>
      {others.length > 0 && (
        <details className="raw">
          <summary>{t("desk.raw", { count: others.length })}</summary>
          <code>{JSON.stringify(Object.fromEntries(others), null, 1)}</code>
        </details>
      )}
    </>
  );
}

function Word({ name, of }: { name?: string; of: unknown }) {
  return <>{useWord(name, of)}</>;
}

/** A value as people say it. */
function useWord(name: string | undefined, of: unknown): string {
  const { t, i18n } = useTranslation();
  const known = (group: string, code: string) => i18n.exists(`${group}.${code}`);
  if (of === null || of === undefined || of === "") return "—";
  if (name === "photos" && Array.isArray(of)) return t("desk.photoCount", { count: of.length });
  if (name === "footprint" && Array.isArray(of)) return t("desk.corners", { count: of.length });
  if (typeof of === "boolean") return t(of ? "desk.yes" : "desk.no");
  if (typeof of === "number" && name === "observed_at") return moment(of, i18n.language);
  if (typeof of === "object") {
    const texts = Object.values(of).flatMap((one) => (typeof one === "string" || typeof one === "number" ? [String(one)] : []));
    return texts.join("、") || "—";
  }
  const code = String(of);
  if (name === "outcome" && known("outcome", code)) return t(`outcome.${code}` as "outcome.other");
  if ((name === "kind" || name === "sharing") && known("kindOf", code)) return t(`kindOf.${code}` as "kindOf.office");
  return code;
}

/** The members that do not say the same on all sides. */
export function differing(values: unknown[]): Set<string> | undefined {
  const objects = values.filter((of): of is Body => of !== null && typeof of === "object" && !Array.isArray(of));
  if (objects.length < 2 || objects.length !== values.length) return undefined;
  const names = new Set(objects.flatMap((of) => Object.keys(of)));
  const differs = (name: string) => new Set(objects.map((of) => JSON.stringify(of[name]))).size > 1;
  return new Set([...names].filter(differs));
}
