// What waits for the desk: each list is asked for once, by its tab and by what counts it.
import { get, query } from "@shared/api/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Conflict, Finding, Held } from "./types";

export const waiting = {
  conflicts: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "conflicts"],
      queryFn: () => get<{ conflicts: Conflict[]; total: number }>(`/conflicts${query({ unit })}`),
    }),
  /** What is in quarantine: what waits, or what was decided, too. */
  quarantine: (unit: string, isAll: boolean) =>
    queryOptions({
      queryKey: ["unit", unit, "quarantine", isAll],
      queryFn: async () => (await get<{ items: Held[] }>(`/quarantine${query({ unit, all: isAll || undefined })}`)).items,
      // No bell rings for what has no effect yet.
      refetchInterval: 30_000,
    }),
  /** The total is of all pages, and on each. */
  findings: (unit: string) =>
    infiniteQueryOptions({
      queryKey: ["unit", unit, "findings"],
      queryFn: ({ pageParam }) =>
        get<{ findings: Finding[]; total: number; cursor?: string }>(`/findings${query({ unit, cursor: pageParam })}`),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.cursor,
    }),
};
