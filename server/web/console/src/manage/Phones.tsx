import { useQuery } from "@tanstack/react-query";
import { asking } from "../asking";
import { Devices } from "../desk/Devices";
import { Invite } from "./Invite";

/** The phones of a street, and a way for one more to come. */
export function Phones({ unit }: { unit: string }) {
  const units = useQuery(asking.units());
  const isStreet = units.data?.find((of) => of.unit_id === unit)?.level === "street";
  return (
    <>
      {isStreet && <Invite unit={unit} />}
      <Devices unit={unit} />
    </>
  );
}
