// The parts of the desk that runs a round, and what the server must allow for each to be offered.
import type { Me } from "@shared/api/types";

const NEEDS = {
  rounds: "manage_registry",
  teams: "manage_registry",
  roster: "import_roster",
  phones: "review",
} as const;

export type ManageTab = keyof typeof NEEDS;
export const MANAGE_TABS = Object.keys(NEEDS) as ManageTab[];

/** The parts that are offered to somebody; what is asked there the server allows or refuses. */
export const offered = (me: Me): ManageTab[] => MANAGE_TABS.filter((tab) => me.may.includes(NEEDS[tab]));
