import { post } from "@shared/api/client";
import { moment, number } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
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
    <section className="panel wide">
      <table>
        <thead>
          <tr>
            {(["user", "synced", "pending", "clock", "key", "gaps", "act"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`device.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.data.map((device) => (
            <Row key={device.device} device={device} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** A clock further off than this is told of, in milliseconds (domain §2.8). */
const SKEW_MS = 5 * 60_000;

function Row({ device }: { device: Device }) {
  const { t, i18n } = useTranslation();
  const { pending, skew_ms, key, revoked } = device;
  const isOff = skew_ms !== undefined && Math.abs(skew_ms) > SKEW_MS;
  return (
    <tr className={revoked ? "idle" : ""}>
      <th scope="row">
        <b>{device.name}</b> <code>{device.device.slice(0, 8)}</code>
      </th>
      <td>{device.synced_ms === undefined ? t("device.never") : moment(device.synced_ms, i18n.language)}</td>
      <td>
        {pending
          ? t("device.holds", { records: number(pending.records), photos: number(pending.photos) })
          : t("device.unknown")}
      </td>
      <td className={isOff ? "odd" : ""}>
        {skew_ms === undefined ? t("device.unknown") : t("device.skew", { minutes: Math.round(skew_ms / 60_000) })}
      </td>
      <td>{key ? <code title={key.fingerprint}>{key.fingerprint.slice(0, 12)}…</code> : t("device.noKey")}</td>
      <td className={device.manifests_missing > 0 ? "odd" : ""}>{device.manifests_missing}</td>
      <td>
        {revoked ? (
          <span>{t("device.revoked", { when: moment(revoked.at_ms, i18n.language) })}</span>
        ) : (
          <Reasoned
            name={t("device.revoke")}
            act={(reason) => post(`/devices/${device.device}/revoke`, { reason })}
            isGrave
          />
        )}
      </td>
    </tr>
  );
}
