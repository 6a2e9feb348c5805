import { get } from "@shared/api/client";
import type { PhotoTold } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { useQuery } from "@tanstack/react-query";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";

interface Props {
  photo: string;
  /** The hash that the record gave of the photo. */
  promised: string | undefined;
  /** Where the original is, once somebody asked for it. */
  original: string | undefined;
  askOriginal: () => void;
}

const SIGNATURES = ["valid", "invalid", "absent", "unknown_key"];

/** Where a photo is from, what happened to it, and that its bytes are those that were promised. */
export function Provenance({ photo, promised, original, askOriginal }: Props) {
  const { t, i18n } = useTranslation();
  const told = useQuery({
    queryKey: ["photo", photo, "told"],
    queryFn: () => get<PhotoTold>(`/evidence/photos/${photo}`),
    gcTime: 0,
    retry: false,
  });
  const sha256 = promised ?? told.data?.sha256;
  const when = (at: number) => moment(at, i18n.language);
  const stated = told.data?.stated;
  const signature = told.data?.entries.find((entry) => entry.event === "received")?.signature ?? "absent";
  return (
    <dl className="provenance">
      {sha256 && (
        <div>
          <dt>{t("office.original")}</dt>
          <dd>
            <code>{sha256}</code>{" "}
            {original ? (
              <Checked url={original} sha256={sha256} />
            ) : (
              <Button className="quiet" onPress={askOriginal}>
                {t("viewer.check")}
              </Button>
            )}
          </dd>
        </div>
      )}
      {told.data && (
        <>
          <div>
            <dt>{t("viewer.taken")}</dt>
            <dd>
              {told.data.author}
              {stated?.captured_wall_ms !== undefined && <span>{t("office.device", { when: when(stated.captured_wall_ms) })}</span>}
              {stated?.latitude !== undefined && stated.longitude !== undefined && (
                <span>
                  {stated.latitude.toFixed(5)}, {stated.longitude.toFixed(5)} ±{Math.round(stated.accuracy_m ?? 0)} m
                </span>
              )}
              {!stated && <span>{t("viewer.noManifest")}</span>}
            </dd>
          </div>
          <div>
            <dt>{t("viewer.signature")}</dt>
            <dd className={`signed ${signature}`}>
              {t(`signature.${SIGNATURES.includes(signature) ? signature : "unknown_key"}` as "signature.valid")}
            </dd>
          </div>
          <div>
            <dt>{t("viewer.log")}</dt>
            <dd>
              <ol className="entries">
                {told.data.entries.toSorted((a, b) => a.at_ms - b.at_ms || a.leaf_index - b.leaf_index).map((entry) => (
                  <li key={entry.leaf_index}>
                    <code>#{entry.leaf_index}</code>
                    <span>{i18n.exists(`event.${entry.event}`) ? t(`event.${entry.event}` as "event.received") : t("event.other")}</span>
                    <time dateTime={new Date(entry.at_ms).toISOString()}>{when(entry.at_ms)}</time>
                    {entry.mode && <small>{t(`lock.${entry.mode}` as "lock.none")}</small>}
                  </li>
                ))}
              </ol>
              <small>{t("viewer.checkpoint", { size: told.data.checkpoint_size })}</small>
            </dd>
          </div>
        </>
      )}
      <div>
        <dt>{t("viewer.proof")}</dt>
        <dd>
          <a href={`/api/v1/evidence/photos/${photo}/bundle`} download>
            {t("office.evidence")}
          </a>
        </dd>
      </div>
    </dl>
  );
}

const hex = (bytes: ArrayBuffer) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The hash of the bytes that came, computed here and compared with the one that was promised. */
function Checked({ url, sha256 }: { url: string; sha256: string }) {
  const { t } = useTranslation();
  const hash = useQuery({
    queryKey: ["hash", url],
    queryFn: async () => hex(await crypto.subtle.digest("SHA-256", await (await fetch(url)).arrayBuffer())),
    gcTime: 0,
    retry: false,
  });
  if (hash.isPending) return <small role="status">{t("viewer.checking")}</small>;
  const isSame = hash.data === sha256;
  return (
    <b role="status" className={isSame ? "same" : "differs"}>
      {isSame ? t("viewer.same") : t("viewer.differs")}
    </b>
  );
}
