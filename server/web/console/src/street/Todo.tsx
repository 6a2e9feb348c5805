import type { Board, TodoItem } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Rows } from "../frame/Rows";

interface Props {
  board: Board;
  unit: string;
  asOf: number | undefined;
  /** The kind that is opened; otherwise the first few of each are counted. */
  kind: string | undefined;
}

/** What is owed, kind by kind; a kind opens to its doors. */
export function Todo({ board, unit, asOf, kind }: Props) {
  const { t, i18n } = useTranslation();
  const piles = board.kinds.filter((pile) => pile.total > 0 || pile.kind === kind);
  const name = (pile: { zh: string; en: string }) => (i18n.language === "en" ? pile.en : pile.zh);
  return (
    <section className="todo panel" aria-labelledby="todo">
      <header>
        <h2 id="todo">{t("street.todo")}</h2>
        <Link to="/street/$unit/open-floors" params={{ unit }} search={{ as_of: asOf }} className="quiet">
          {t("openFloors.title")}
        </Link>
      </header>
      {piles.length === 0 && <p className="empty">{t("street.noTodo")}</p>}
      <ul>
        {piles.map((pile) => (
          <li key={pile.kind} className={pile.kind === kind ? "opened" : ""}>
            <Link
              to="/street/$unit"
              params={{ unit }}
              search={(before) => ({ ...before, todo: pile.kind === kind ? undefined : pile.kind })}
              replace
              resetScroll={false}
              className="pile"
              aria-expanded={pile.kind === kind}
            >
              <span>{name(pile)}</span>
              {pile.overdue > 0 && <em>{t("street.overdue", { count: pile.overdue })}</em>}
              <b>{pile.total}</b>
            </Link>
            {pile.kind === kind && pile.items.length > 0 && (
              <Rows
                items={pile.items}
                total={pile.total}
                label={name(pile)}
                keyOf={(item) => `${item.building_id} ${item.room?.office_id ?? item.conflict_id ?? ""}`}
                height={54}
                row={(item) => <Owed item={item} unit={unit} asOf={asOf} />}
              />
            )}
            {pile.kind === kind && pile.items.length < pile.total && (
              <p className="said">{t("street.firstOf", { shown: pile.items.length, total: pile.total })}</p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Owed({ item, unit, asOf }: { item: TodoItem; unit: string; asOf: number | undefined }) {
  const { t, i18n } = useTranslation();
  const { room } = item;
  if (item.conflict_id) {
    return (
      <Link to="/desk/$unit" params={{ unit }} search={{ tab: "conflicts", id: item.conflict_id }} className="owed">
        <b>{item.building}</b>
        <small>{t("office.settle")}</small>
      </Link>
    );
  }
  const slots = room?.suggested?.map((slot) => t(`slot.${slot}` as "slot.morning")).join(" / ");
  const missing = room?.missing?.map((of) => t(`element.${of}` as "element.photo")).join("、");
  return (
    <Link
      to="/building/$building"
      params={{ building: item.building_id }}
      search={{ as_of: asOf, office: room?.office_id }}
      className={item.is_overdue ? "owed overdue" : "owed"}
    >
      <b>
        {item.building} {room && `${room.floor} ${room.label}`} {item.count !== undefined && `× ${item.count}`}
      </b>
      <small>
        {room?.last_try_ms !== undefined && t("stack.lastTry", { when: moment(room.last_try_ms, i18n.language) })}
        {slots && ` · ${t("slot.suggest", { slots })}`}
        {missing && ` · ${t("stack.missing", { what: missing })}`}
      </small>
    </Link>
  );
}
