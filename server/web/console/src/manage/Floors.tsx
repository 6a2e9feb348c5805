import { post } from "@shared/api/client";
import type { Floor } from "@shared/api/types";
import { language } from "@shared/i18n";
import { number } from "@shared/ui/figures";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading } from "../frame/Notices";

const METHODS = ["walked", "list", "plan"] as const;
type Method = (typeof METHODS)[number];

interface Decided {
  status: "filed" | "refused";
  op_id?: string;
  reason?: { code: string; zh: string; en: string };
}

/** The floors of a building, confirmed one by one: somebody stands for it that the list is complete. */
export function Floors({ building }: { building: string }) {
  const { t } = useTranslation();
  const stack = useQuery(asking.stack(building));
  if (stack.error) return <Failed error={stack.error} again={() => void stack.refetch()} />;
  if (!stack.data) return <Loading />;
  const floors = stack.data.sections.flatMap((section) => section.floors.map((floor) => ({ section: section.name, floor })));
  const open = floors.filter(({ floor }) => floor.roster_status !== "confirmed").length;
  return (
    <section className="panel wide" aria-labelledby="floors">
      <h2 id="floors">
        {t("manage.floors.title")} <small>{t("manage.floors.open", { open, count: floors.length })}</small>
      </h2>
      <p className="hint">{t("manage.floors.hint")}</p>
      <table>
        <thead>
          <tr>
            {(["floor", "rooms", "status", "act"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`manage.floors.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {floors.map(({ section, floor }) => (
            <Row key={floor.floor_id} building={building} section={section} floor={floor} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ building, section, floor }: { building: string; section: string; floor: Floor }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  // What a community confirmed, its street takes back.
  const mayUndo = useQuery(asking.me()).data?.may.includes("review");
  const [by, setBy] = useState<Method>("walked");
  const again = () => questions.invalidateQueries({ queryKey: ["building", building] });
  const confirming = useMutation({
    mutationFn: (method: Method) =>
      post<Decided>(`/buildings/${building}/decisions`, {
        reason: t(`manage.floors.${method}`),
        seen: floor.offices.flatMap((office) => office.made_by),
        decision: { floor_confirm: { floor_id: floor.floor_id, method } },
      }),
    onSuccess: again,
  });
  const undoing = useMutation({
    mutationFn: (op: string) =>
      post<unknown>("/conflicts/undo", { building_id: building, ops: [op], reason: t("decide.undoReason") }),
    onSuccess: async () => {
      confirming.reset();
      await again();
    },
  });
  const name = section === "-" ? floor.label : `${section} ${floor.label}`;
  const isConfirmed = floor.roster_status === "confirmed";
  const refused = confirming.data?.reason;
  const filed = confirming.data?.op_id;
  const status = (["unsurveyed", "imported", "confirmed"] as const).find((of) => of === floor.roster_status) ?? "imported";
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{number(floor.offices.length)}</td>
      <td>
        <span className={`verdict ${isConfirmed ? "accepted" : "linked"}`}>{t(`manage.floors.${status}`)}</span>
      </td>
      <td>
        {!isConfirmed && (
          <span className="confirming">
            <select
              aria-label={t("manage.floors.how", { floor: name })}
              value={by}
              onChange={(event) => setBy(METHODS.find((of) => of === event.currentTarget.value) ?? "walked")}
            >
              {METHODS.map((of) => (
                <option key={of} value={of}>
                  {t(`manage.floors.${of}`)}
                </option>
              ))}
            </select>
            <Button
              className="quiet"
              aria-label={t("manage.floors.confirmOf", { floor: name })}
              isDisabled={confirming.isPending}
              onPress={() => confirming.mutate(by)}
            >
              {t("manage.floors.confirm")}
            </Button>
          </span>
        )}
        {isConfirmed && filed && mayUndo && (
          <Button className="quiet" isDisabled={undoing.isPending} onPress={() => undoing.mutate(filed)}>
            {t("decide.undo")}
          </Button>
        )}
        {refused && <span role="alert">{language() === "zh" ? refused.zh : refused.en}</span>}
        {confirming.error && <Failed error={confirming.error} />}
        {undoing.error && <Failed error={undoing.error} />}
      </td>
    </tr>
  );
}
