import { get, post, query } from "@shared/api/client";
import { language } from "@shared/i18n";
import { moment } from "@shared/ui/figures";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Rows } from "../frame/Rows";
import { Photos } from "../office/Photos";
import { Reasoned } from "./Reasoned";
import type { Finding } from "./types";

interface Page {
  findings: Finding[];
  /** On all pages. */
  total: number;
  cursor?: string;
}

/** What should be looked at about photos, with the records beside each other: never a verdict. */
export function Findings({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const list = useInfiniteQuery({
    queryKey: ["unit", unit, "findings"],
    queryFn: ({ pageParam }) => get<Page>(`/findings${query({ unit, cursor: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor,
  });
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const findings = list.data.pages.flatMap((page) => page.findings);
  if (findings.length === 0) return <p className="panel empty">{t("desk.noFindings")}</p>;
  return (
    <section aria-label={t("desk.findings")}>
      <Rows
        items={findings}
        total={list.data.pages[0]?.total ?? findings.length}
        keyOf={(finding) => finding.finding_id}
        label={t("desk.findings")}
        height={260}
        isTall
        row={(finding) => <Card finding={finding} />}
        more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
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
