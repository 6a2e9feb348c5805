import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { asking } from "../asking";
import { Failed, Loading, Lost } from "./Notices";

/** The highest unit that the caller sees: for a supervisor, his street. */
export function Start() {
  const units = useQuery(asking.units());
  if (units.isPending) return <Loading />;
  if (units.error) return <Failed error={units.error} again={() => void units.refetch()} />;
  const known = new Set(units.data.map((unit) => unit.unit_id));
  const first = units.data.find((unit) => !unit.parent_id || !known.has(unit.parent_id));
  return first ? <Navigate to="/street/$unit" params={{ unit: first.unit_id }} replace /> : <Lost />;
}
