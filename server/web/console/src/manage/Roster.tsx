import { postFile } from "@shared/api/client";
import { language } from "@shared/i18n";
import { number } from "@shared/ui/figures";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button, DropZone, FileTrigger, Text, isFileDropItem } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { Floors } from "./Floors";
import type { Report, ReportLine } from "./types";

/** The room list of a building: chosen, tried, looked at line by line, imported; then its floors. */
export function Roster({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const buildings = useQuery(asking.buildings(unit));
  const [building, setBuilding] = useState("");
  if (buildings.error) return <Failed error={buildings.error} again={() => void buildings.refetch()} />;
  if (!buildings.data) return <Loading />;
  if (buildings.data.length === 0) return <p className="panel empty">{t("manage.roster.noBuildings")}</p>;
  const name = buildings.data.find((of) => of.building_id === building)?.attributes.name ?? "";
  return (
    <>
      <div className="panel choose">
        <label htmlFor="of-building">{t("manage.roster.building")}</label>
        <select id="of-building" value={building} onChange={(event) => setBuilding(event.currentTarget.value)}>
          <option value="">{t("manage.roster.choose")}</option>
          {buildings.data.map((of) => (
            <option key={of.building_id} value={of.building_id}>
              {of.attributes.code} {of.attributes.name}
            </option>
          ))}
        </select>
      </div>
      {building === "" ? (
        <p className="panel empty">{t("manage.roster.first")}</p>
      ) : (
        <>
          <Import key={building} building={building} name={name} />
          <Floors key={`floors ${building}`} building={building} />
        </>
      )}
    </>
  );
}

function Import({ building, name }: { building: string; name: string }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const sending = useMutation({
    mutationFn: ({ file: of, dry }: { file: File; dry: boolean }) =>
      postFile<Report>(`/buildings/${building}/roster${dry ? "?dry_run=true" : ""}`, of),
    onSuccess: async (_, { dry }) => {
      if (dry) return;
      await questions.invalidateQueries({ queryKey: ["building", building] });
      await questions.invalidateQueries({ queryKey: ["unit"] });
    },
  });
  const take = (of: File | undefined) => {
    if (!of) return;
    setFile(of);
    sending.mutate({ file: of, dry: true });
  };
  const report = sending.data;
  return (
    <section className="panel import" aria-labelledby="import">
      <h2 id="import">{t("manage.roster.import", { name })}</h2>
      <DropZone
        className="drop"
        aria-label={t("manage.roster.drop")}
        getDropOperation={(types) => (types.has("text/csv") || [...TABLES].some((type) => types.has(type)) ? "copy" : "cancel")}
        onDrop={({ items }) => void items.find(isFileDropItem)?.getFile().then(take)}
      >
        <Text slot="label">{file ? file.name : t("manage.roster.drop")}</Text>
        <FileTrigger acceptedFileTypes={[".csv", ".xlsx", ...TABLES]} onSelect={(files) => take(files?.[0])}>
          <Button className="quiet">{t("manage.roster.file")}</Button>
        </FileTrigger>
      </DropZone>
      {sending.isPending && <Loading />}
      {sending.error && <Failed error={sending.error} />}
      {report && !sending.isPending && (
        <>
          <Tally report={report} />
          {report.dry_run && file && (
            <div className="choices">
              <Button className="quiet" onPress={() => sending.reset()}>
                {t("decide.cancel")}
              </Button>
              <Button
                className="main"
                isDisabled={report.accepted + report.linked === 0}
                onPress={() => sending.mutate({ file, dry: false })}
              >
                {t("manage.roster.go", { count: report.accepted })}
              </Button>
            </div>
          )}
          <Lines report={report} />
        </>
      )}
    </section>
  );
}

const TABLES = new Set(["text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]);

/** How many lines became what; a trial says so. */
function Tally({ report }: { report: Report }) {
  const { t } = useTranslation();
  return (
    <div className="tally" role="status">
      <b>{report.dry_run ? t("manage.roster.trial") : t("manage.roster.done")}</b>
      <span>{t("manage.roster.lines", { count: report.lines.length })}</span>
      <span className="verdict accepted">{t("manage.roster.accepted", { count: report.accepted })}</span>
      <span className="verdict linked">{t("manage.roster.linked", { count: report.linked })}</span>
      <span className="verdict refused">{t("manage.roster.refused", { count: report.refused })}</span>
    </div>
  );
}

/** What became of each line: first those that somebody should look at. */
function Lines({ report }: { report: Report }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const odd = report.lines.filter((line) => line.verdict !== "accepted");
  const shown = all ? report.lines : odd;
  return (
    <div className="wide">
      <table className="report">
        <caption className="unseen">{t("manage.roster.report")}</caption>
        <thead>
          <tr>
            {(["line", "text", "became", "why"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`manage.roster.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((line) => (
            <Line key={line.line} line={line} />
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p className="empty">{t("manage.roster.nothingOdd")}</p>}
      <Button className="quiet" onPress={() => setAll(!all)}>
        {all ? t("manage.roster.onlyOdd", { count: odd.length }) : t("manage.roster.all", { count: report.lines.length })}
      </Button>
    </div>
  );
}

function Line({ line }: { line: ReportLine }) {
  const { t } = useTranslation();
  const why = line.reason && (language() === "zh" ? line.reason.zh : line.reason.en);
  const same = line.same_as_line === undefined ? t("manage.roster.sameRoom") : t("manage.roster.sameLine", { line: number(line.same_as_line) });
  return (
    <tr>
      <th scope="row">{line.line}</th>
      <td>{[line.floor, line.room].filter(Boolean).join(" · ") || "—"}</td>
      <td>
        <span className={`verdict ${line.verdict}`}>{t(`manage.roster.verdict.${line.verdict}`)}</span>
      </td>
      <td>{why ?? (line.verdict === "linked" ? same : "")}</td>
    </tr>
  );
}
