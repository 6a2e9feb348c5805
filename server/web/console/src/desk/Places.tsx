import type { FloorStack } from "@shared/api/types";
import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";

interface RoomProps {
  /** The name under which the form has it. */
  name: string;
  label: string;
  building: string;
  /** The floor that comes first: most likely the room is there. */
  first?: string | undefined;
}

/** Chooses a room of a building, floor by floor. */
export function RoomChoice({ name, label, building, first }: RoomProps) {
  const { t } = useTranslation();
  const id = useId();
  const stack = useQuery(asking.stack(building));
  const floors = stack.data ? floorsOf(stack.data, first) : [];
  return (
    <div className="choice">
      <label htmlFor={id}>{label}</label>
      <select id={id} name={name} required defaultValue="" disabled={!stack.data}>
        <option value="" disabled>
          {stack.data ? t("desk.chooseRoom") : t("problem.loading")}
        </option>
        {floors.map((floor) => (
          <optgroup key={floor.floor_id} label={floor.label}>
            {floor.offices.map((of) => (
              <option key={of.office_id} value={of.office_id}>
                {of.label} · {t(`state.${of.state}`)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </div>
  );
}

function floorsOf(stack: FloorStack, first: string | undefined) {
  const floors = stack.sections.flatMap((section) => section.floors).filter((floor) => floor.offices.length > 0);
  return floors.toSorted((a, b) => Number(b.label === first) - Number(a.label === first));
}

/** Chooses a building of a unit. */
export function BuildingChoice({ unit, chosen, choose }: { unit: string; chosen: string; choose: (building: string) => void }) {
  const { t } = useTranslation();
  const id = useId();
  const buildings = useQuery(asking.buildings(unit));
  return (
    <div className="choice">
      <label htmlFor={id}>{t("crumbs.building")}</label>
      <select id={id} name="building" required value={chosen} onChange={(event) => choose(event.target.value)}>
        <option value="" disabled>
          {t("desk.chooseBuilding")}
        </option>
        {buildings.data?.map(({ building_id, attributes }) => (
          <option key={building_id} value={building_id}>
            {attributes.code} {attributes.name}
          </option>
        ))}
      </select>
    </div>
  );
}
