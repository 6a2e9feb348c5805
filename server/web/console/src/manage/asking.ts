// What the views of the desk that runs a round ask.
import { get, query } from "@shared/api/client";
import { queryOptions } from "@tanstack/react-query";
import type { Assignment, Campaign, Fate, StandingRound, Team } from "./types";

export const managing = {
  rounds: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "rounds"],
      queryFn: async () => (await get<{ rounds: StandingRound[] }>(`/coverage/${unit}/rounds`)).rounds,
    }),
  campaigns: () =>
    queryOptions({
      queryKey: ["campaigns"],
      queryFn: async () => (await get<{ campaigns: Campaign[] }>("/campaigns")).campaigns,
    }),
  teams: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "teams"],
      queryFn: async () => (await get<{ teams: Team[] }>(`/teams${query({ unit })}`)).teams,
    }),
  assignments: (unit: string) =>
    queryOptions({
      queryKey: ["unit", unit, "assignments"],
      queryFn: async () => (await get<{ assignments: Assignment[] }>(`/assignments${query({ unit })}`)).assignments,
    }),
  fate: (enrolment: string) =>
    queryOptions({
      queryKey: ["enrolment", enrolment],
      queryFn: () => get<Fate>(`/enrolments/${enrolment}`),
      // Nobody rings for an invitation: it is asked for until a phone has read it or its time is over.
      refetchInterval: ({ state }) => (state.data === undefined || state.data.state === "open" ? 2_000 : false),
    }),
};

/** Whether a round is running: then teams are sent out for it. */
export const isRunning = (status: string): boolean => ["open", "closing", "reopened"].includes(status);
