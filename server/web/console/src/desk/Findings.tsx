import { post } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Photos } from "../office/Photos";
import { Reasoned } from "./Reasoned";
import { waiting } from "./asking";
import type { Finding } from "./types";

/** What should be looked at about photos, with the records beside each other: never a verdict. */
export function Findings({ unit, id }: { unit: string; id: string | undefined }) {
  const { t } = useTranslation();
  const list = useInfiniteQuery(waiting.findings(unit));
  const findings = list.data?.pages.flatMap((page) => page.findings) ?? [];
  const listed = findings.filter((of) => id === undefined || of.finding_id === id);
  // A link may name one that is on none of the pages that are here.
  const isSought = id !== undefined && listed.length === 0 && list.hasNextPage;
  const { fetchNextPage, isFetching } = list;
  useEffect(() => {
    if (isSought && !isFetching) void fetchNextPage();
  }, [isSought, isFetching, fetchNextPage]);
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data || isSought) return <Loading />;
  if (listed.length === 0) return <p className="panel empty">{t(id === undefined ? "desk.noFindings" : "desk.settledMeanwhile")}</p>;
  return (
    <section aria-label={t("desk.findings")}>
      <Rows
        items={listed}
        total={id === undefined ? (list.data.pages[0]?.total ?? listed.length) : listed.length}
        keyOf={(finding) => finding.finding_id}
        label={t("desk.findings")}
        height={260}
        isTall
        row={(finding) => <Card finding={finding} />}
        more={id === undefined && list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
      />
    </section>
  );
}

function Card({ finding }: { finding: Finding }) {
  const { t, i18n } = useTranslation();
  return (
    <div className="panel card">
      <header>
        <h3>{language() === "zh" ? finding.zh : finding.en}</h3>
      </header>
      <div className="sides">
        {finding.sides.map((side) => (
          <article key={`${side.photo_id} ${side.building_id}`} className="side">
            <p className="what">
              <Link
                to="/building/$building"
                params={{ building: side.building_id }}
                search={{ office: side.offices[0]?.office_id }}
              >
                <b>
                  {side.building} {side.offices.map((of) => `${of.floor} ${of.label}`).join("、")}
                </b>
              </Link>
            </p>
            <p className="when">
              <span>{side.author}</span>
              <time>{moment(side.corrected_ms, i18n.language)}</time>
            </p>
            <Photos body={{ photos: [{ photo_id: side.photo_id, kind: side.kind }] }} />
          </article>
        ))}
      </div>
      <footer>
        <Reasoned
          name={t("desk.close")}
          act={(reason) =>
            post("/findings/close", { reason, building_id: finding.building_id, findings: [finding.finding_id] })
          }
        />
      </footer>
    </div>
  );
}
