import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed, Loading, Lost } from "./Notices";

/** Where the caller's work is: for a supervisor his street, for an inspector the buildings of his teams. */
export function Start() {
  const { t } = useTranslation();
  const me = useQuery(asking.me());
  if (!me.data) return <Loading />;
  if (me.data.may.includes("read_units")) return <Highest />;
  if (me.data.may.includes("read_assigned")) return <Navigate to="/assigned" replace />;
  return <p className="notice">{t("problem.noCoverage")}</p>;
}

/** The highest unit that the caller sees. */
function Highest() {
  const units = useQuery(asking.units());
  if (units.isPending) return <Loading />;
  if (units.error) return <Failed error={units.error} again={() => void units.refetch()} />;
  const known = new Set(units.data.map((unit) => unit.unit_id));
  const first = units.data.find((unit) => !unit.parent_id || !known.has(unit.parent_id));
  return first ? <Navigate to="/street/$unit" params={{ unit: first.unit_id }} replace /> : <Lost />;
}
