import { post } from "@shared/api/client";
import { moment, number } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Reasoned } from "./Reasoned";
import type { Device } from "./types";

/** The phones: when each was heard of, what it still holds, and taking back its trust. */
export function Devices({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const list = useQuery(asking.devices(unit));
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  if (list.data.length === 0) return <p className="panel empty">{t("desk.noDevices")}</p>;
  return (
    <section className="panel devices">
      <Rows
        items={list.data}
        keyOf={(device) => device.device}
        label={t("desk.devices")}
        columns={COLUMNS.map((column) => t(`device.${column}`))}
        height={44}
        isTall
        row={(device) => <Row device={device} />}
      />
    </section>
  );
}

const COLUMNS = ["user", "synced", "pending", "clock", "key", "gaps", "act"] as const;

/** A clock further off than this is told of, in milliseconds (domain §2.8). */
const SKEW_MS = 5 * 60_000;

function Row({ device }: { device: Device }) {
  const { t, i18n } = useTranslation();
  const { pending, skew_ms, key, revoked } = device;
  const isOff = skew_ms !== undefined && Math.abs(skew_ms) > SKEW_MS;
  // On a phone each cell says what it is, beside it.
  const cell = (column: (typeof COLUMNS)[number], isOdd = false) => ({
    role: "cell",
    "data-name": t(`device.${column}`),
    className: isOdd ? "odd" : revoked ? "idle" : "",
  });
  return (
    <>
      <span role="rowheader" className={revoked ? "idle" : ""}>
        <b>{device.name}</b> <code>{device.device.slice(0, 8)}</code>
      </span>
      <span {...cell("synced")}>{device.synced_ms === undefined ? t("device.never") : moment(device.synced_ms, i18n.language)}</span>
      <span {...cell("pending")}>
        {pending
          ? t("device.holds", { records: number(pending.records), photos: number(pending.photos) })
          : t("device.unknown")}
      </span>
      <span {...cell("clock", isOff)}>
        {skew_ms === undefined ? t("device.unknown") : t("device.skew", { minutes: Math.round(skew_ms / 60_000) })}
      </span>
      <span {...cell("key")}>{key ? <code title={key.fingerprint}>{key.fingerprint.slice(0, 12)}…</code> : t("device.noKey")}</span>
      <span {...cell("gaps", device.manifests_missing > 0)}>{device.manifests_missing}</span>
      <span role="cell" className="act">
        {revoked ? (
          t("device.revoked", { when: moment(revoked.at_ms, i18n.language) })
        ) : (
          <Reasoned name={t("device.revoke")} act={(reason) => post(`/devices/${device.device}/revoke`, { reason })} isGrave />
        )}
      </span>
    </>
  );
}
