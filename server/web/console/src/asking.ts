// What the views ask, each under the name of the building or unit that it is about, so that a
// doorbell finds it.
import { get, query, whoAmI } from "@shared/api/client";
import type {
  Board,
  Drilled,
  FloorStack,
  ListedBuilding,
  OpenFloor,
  Part,
  Progress,
  RollUp,
  TeamFigure,
  TeamVisits,
  TeamWork,
  Timeline,
  Unit,
} from "@shared/api/types";
import type { Device } from "./desk/types";
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

/** Four looks a day at the course of a round. */
const STEP_MS = 6 * 3_600_000;

const kept = { placeholderData: keepPreviousData };

export const asking = {
  me: () => queryOptions({ queryKey: ["me"], queryFn: whoAmI, retry: false }),
  units: () =>
    queryOptions({
      queryKey: ["units"],
      queryFn: async () => (await get<{ units: Unit[] }>("/org-units")).units,
    }),
  rollUp: (unit: string, as_of?: number) =>
    queryOptions({
      queryKey: ["unit", unit, "coverage", as_of],
      queryFn: () => get<RollUp>(`/coverage/${unit}${query({ as_of })}`),
      ...kept,
    }),
  buildings: (unit: string, as_of?: number) =>
    queryOptions({
      queryKey: ["unit", unit, "buildings", as_of],
      queryFn: async () => {
        const asked = query({ unit, as_of, floors: true });
        return (await get<{ buildings: ListedBuilding[] }>(`/buildings${asked}`)).buildings;
      },
      ...kept,
    }),
  /** The buildings that the caller's teams are assigned to. */
  assigned: () =>
    queryOptions({
      queryKey: ["unit", "assigned", "buildings"],
      queryFn: async () => (await get<{ buildings: ListedBuilding[] }>("/buildings")).buildings,
      ...kept,
    }),
  todo: (unit: string, as_of?: number, kind?: string) =>
    queryOptions({
      queryKey: ["unit", unit, "todo", as_of, kind],
      queryFn: () => get<Board>(`/coverage/${unit}/todo${query({ as_of, kind })}`),
      ...kept,
    }),
  /** The records behind a figure, page by page. */
  drill: (unit: string, metric: string, part: Part, as_of?: number, building?: string) =>
    infiniteQueryOptions({
      queryKey: ["unit", unit, "rooms", metric, part, as_of, building],
      queryFn: ({ pageParam }) =>
        get<Drilled>(`/coverage/${unit}/rooms${query({ metric, part, as_of, building, cursor: pageParam })}`),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.cursor,
      ...kept,
    }),
  /** All rooms that one figure counts, on one page. */
  rooms: (unit: string, metric: string, as_of?: number) =>
    queryOptions({
      queryKey: ["unit", unit, "rooms", metric, "all", as_of],
      queryFn: () => get<Drilled>(`/coverage/${unit}/rooms${query({ metric, as_of, limit: 2000 })}`),
      ...kept,
    }),
  openFloors: (unit: string, as_of?: number) =>
    queryOptions({
      queryKey: ["unit", unit, "open-floors", as_of],
      queryFn: async () => (await get<{ floors: OpenFloor[] }>(`/coverage/${unit}/open-floors${query({ as_of })}`)).floors,
      ...kept,
    }),
  /** The visits behind a figure of a team's work, page by page. */
  visits: (unit: string, team: string | undefined, figure: TeamFigure, as_of?: number) =>
    infiniteQueryOptions({
      queryKey: ["workload", unit, "visits", team, figure, as_of],
      queryFn: ({ pageParam }) =>
        get<TeamVisits>(`/coverage/${unit}/workload/visits${query({ team, figure, as_of, cursor: pageParam })}`),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.cursor,
    }),
  workload: (unit: string, as_of?: number) =>
    queryOptions({
      queryKey: ["workload", unit, as_of],
      queryFn: async () => (await get<{ teams: TeamWork[] }>(`/coverage/${unit}/workload${query({ as_of })}`)).teams,
      // A day's work is read at leisure: no doorbell asks for it again.
      refetchInterval: 60_000,
      ...kept,
    }),
  /** What lies under the buildings on the map. */
  map: () =>
    queryOptions({
      queryKey: ["map"],
      queryFn: async () => (await get<{ style: string | null }>("/map")).style,
      retry: false,
    }),
  progress: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "progress"],
      queryFn: () => get<Progress>(`/coverage/${unit}/progress${query({ step_ms: STEP_MS })}`),
      ...kept,
    }),
  devices: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "devices"],
      queryFn: async () => (await get<{ devices: Device[] }>(`/devices${query({ unit })}`)).devices,
      // Doorbells ring for buildings; phones are heard of beside them.
      refetchInterval: 60_000,
      retry: false,
    }),
  stack: (building: string, as_of?: number) =>
    queryOptions({
      queryKey: ["building", building, "stack", as_of],
      queryFn: () => get<FloorStack>(`/buildings/${building}/floors${query({ as_of })}`),
      ...kept,
    }),
  timeline: (building: string, office: string, as_of?: number) =>
    queryOptions({
      queryKey: ["building", building, "office", office, as_of],
      queryFn: () =>
        get<Timeline>(`/buildings/${building}/offices/${office}/timeline${query({ as_of })}`),
    }),
};
