import { put } from "@shared/api/client";
import type { ListedBuilding } from "@shared/api/types";
import { number, share } from "@shared/ui/figures";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { DropItem } from "react-aria-components";
import { Button, GridList, GridListItem, isTextDropItem, useDragAndDrop } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";
import { isRunning, managing } from "./asking";
import type { Assignment, Team } from "./types";

/** What a dragged building is called between the lists. */
const BUILDING = "application/x-saolou-building";

/** A change of who works where, and how it is taken back. */
interface Change {
  assignment: Assignment;
  ended: boolean;
}

const store = ({ assignment, ended }: Change): Promise<unknown> => {
  const { assignment_id, round_id, building_id, team_id } = assignment;
  return put(`/assignments/${assignment_id}`, { round_id, building_id, team_id, ended });
};

/** Which team works on which building: assigned by dragging, by keys, or by choosing from a list. */
export function Teams({ unit }: { unit: string }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const rounds = useQuery(managing.rounds(unit));
  const teams = useQuery(managing.teams(unit));
  const assignments = useQuery(managing.assignments(unit));
  const buildings = useQuery(asking.buildings(unit));
  const [done, setDone] = useState<{ changes: Change[]; told: string } | null>(null);
  const changing = useMutation({
    mutationFn: async ({ changes }: { changes: Change[]; told: string; isUndo?: boolean }) => {
      for (const change of changes) await store(change);
    },
    onSuccess: async (_, { changes, told, isUndo }) => {
      setDone(isUndo ? null : { changes, told });
      await questions.invalidateQueries({ queryKey: ["unit", unit, "assignments"] });
    },
  });
  const error = rounds.error ?? teams.error ?? assignments.error ?? buildings.error;
  if (error) return <Failed error={error} again={() => void questions.invalidateQueries({ queryKey: ["unit", unit] })} />;
  if (!rounds.data || !teams.data || !assignments.data || !buildings.data) return <Loading />;
  const round = rounds.data.find((of) => isRunning(of.status));
  if (!round) return <p className="panel empty">{t("manage.teams.noRound")}</p>;
  if (teams.data.length === 0) return <p className="panel empty">{t("manage.teams.none")}</p>;
  const standing = assignments.data.filter((of) => of.round_id === round.round_id);
  const nameOf = (id: string) => buildings.data.find((of) => of.building_id === id)?.attributes.name ?? id;
  const assign = (team: Team, ids: string[]) => {
    const has = new Set(standing.filter((of) => of.team_id === team.team_id).map((of) => of.building_id));
    const changes = ids
      .filter((id) => !has.has(id))
      .map((building_id) => {
        const assignment_id = crypto.randomUUID();
        return { assignment: { assignment_id, round_id: round.round_id, building_id, team_id: team.team_id, from_ms: 0 }, ended: false };
      });
    if (changes.length === 0) return;
    const told = t("manage.teams.assigned", { team: team.name, buildings: changes.map((of) => nameOf(of.assignment.building_id)).join("、") });
    changing.mutate({ changes, told });
  };
  const end = (assignment: Assignment, team: Team) => {
    const told = t("manage.teams.ended", { team: team.name, buildings: nameOf(assignment.building_id) });
    changing.mutate({ changes: [{ assignment, ended: true }], told });
  };
  return (
    <>
      <p className="hint">{t("manage.teams.hint", { number: round.number })}</p>
      <div className="told" role="status">
        {done && (
          <>
            {done.told}{" "}
            <Button
              className="quiet"
              isDisabled={changing.isPending}
              onPress={() =>
                changing.mutate({ ...done, changes: done.changes.map((of) => ({ ...of, ended: !of.ended })), isUndo: true })
              }
            >
              {t("decide.undo")}
            </Button>
          </>
        )}
      </div>
      {changing.error && <Failed error={changing.error} />}
      <div className="board">
        <Pool buildings={buildings.data} standing={standing} teams={teams.data} assign={assign} />
        <div className="crews">
          {teams.data.map((team) => (
            <Crew
              key={team.team_id}
              team={team}
              buildings={buildings.data}
              standing={standing.filter((of) => of.team_id === team.team_id)}
              assign={(ids) => assign(team, ids)}
              end={(assignment) => end(assignment, team)}
            />
          ))}
        </div>
      </div>
    </>
  );
}

interface PoolProps {
  buildings: ListedBuilding[];
  standing: Assignment[];
  teams: Team[];
  assign: (team: Team, ids: string[]) => void;
}

/** All buildings, to be dragged onto a team. */
function Pool({ buildings, standing, teams, assign }: PoolProps) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const { dragAndDropHooks } = useDragAndDrop({
    getItems: (keys) =>
      [...keys].map((key) => ({
        [BUILDING]: String(key),
        "text/plain": buildings.find((of) => of.building_id === key)?.attributes.name ?? "",
      })),
    getAllowedDropOperations: () => ["copy"],
  });
  const crews = (building: string) => standing.filter((of) => of.building_id === building).length;
  return (
    <section className="panel pool" aria-labelledby="pool">
      <header>
        <h2 id="pool">{t("manage.teams.buildings")}</h2>
        <label>
          <span className="unseen">{t("manage.teams.sendTo")}</span>
          <select
            value=""
            disabled={chosen.size === 0}
            onChange={(event) => {
              const team = teams.find((of) => of.team_id === event.currentTarget.value);
              if (team) assign(team, [...chosen]);
              setChosen(new Set());
            }}
          >
            <option value="">{t("manage.teams.sendTo")}</option>
            {teams.map((team) => (
              <option key={team.team_id} value={team.team_id}>
                {team.name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <GridList
        aria-label={t("manage.teams.buildings")}
        className="draggable"
        items={buildings}
        selectionMode="multiple"
        selectedKeys={chosen}
        onSelectionChange={(keys) =>
          setChosen(new Set(keys === "all" ? buildings.map((of) => of.building_id) : [...keys].map(String)))
        }
        dragAndDropHooks={dragAndDropHooks}
        dependencies={[standing]}
      >
        {(building) => (
          <GridListItem id={building.building_id} textValue={building.attributes.name ?? ""}>
            <Button slot="drag" className="grip" aria-label={t("manage.teams.drag", { name: building.attributes.name })}>
              ⠿
            </Button>
            <b>{building.attributes.name}</b>
            <small>{building.attributes.code}</small>
            <span>{share(building.metrics.coverage_rate)}</span>
            <small className={crews(building.building_id) === 0 ? "odd" : ""}>
              {crews(building.building_id) === 0
                ? t("manage.teams.nobody")
                : t("manage.teams.crews", { count: crews(building.building_id) })}
            </small>
          </GridListItem>
        )}
      </GridList>
    </section>
  );
}

interface CrewProps {
  team: Team;
  buildings: ListedBuilding[];
  standing: Assignment[];
  assign: (ids: string[]) => void;
  end: (assignment: Assignment) => void;
}

async function dropped(items: DropItem[]): Promise<string[]> {
  return Promise.all(items.filter(isTextDropItem).map((item) => item.getText(BUILDING)));
}

/** A team, who belongs to it, and where it works. */
function Crew({ team, buildings, standing, assign, end }: CrewProps) {
  const { t, i18n } = useTranslation();
  const { dragAndDropHooks } = useDragAndDrop({
    acceptedDragTypes: [BUILDING],
    getDropOperation: () => "copy",
    onRootDrop: ({ items }) => void dropped([...items]).then(assign),
    onInsert: ({ items }) => void dropped([...items]).then(assign),
  });
  const rows = standing.map((assignment) => ({
    id: assignment.assignment_id,
    assignment,
    name: buildings.find((of) => of.building_id === assignment.building_id)?.attributes.name ?? "",
  }));
  const role = (code: string) => (i18n.exists(`manage.function.${code}`) ? t(`manage.function.${code}` as "manage.function.police") : "");
  return (
    <section className="panel crew" aria-label={team.name}>
      <h2>
        {team.name} <small>{t("manage.teams.count", { count: number(rows.length) })}</small>
      </h2>
      <p className="members">
        {team.members.map((of) => (
          <span key={`${of.user_id} ${of.function}`}>
            {of.name} <small>{role(of.function)}</small>
          </span>
        ))}
      </p>
      <GridList
        aria-label={t("manage.teams.of", { team: team.name })}
        className="draggable"
        items={rows}
        dragAndDropHooks={dragAndDropHooks}
        renderEmptyState={() => <p className="empty">{t("manage.teams.dropHere")}</p>}
      >
        {(row) => (
          <GridListItem id={row.id} textValue={row.name}>
            <b>{row.name}</b>
            <Button className="quiet" aria-label={t("manage.teams.endOf", { name: row.name, team: team.name })} onPress={() => end(row.assignment)}>
              {t("manage.teams.end")}
            </Button>
          </GridListItem>
        )}
      </GridList>
    </section>
  );
}
