// The address is the state: which street or building, which round and time, which room is open.
import type { TeamFigure } from "@shared/api/types";
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter } from "@tanstack/react-router";
import { BuildingPage } from "./building/BuildingPage";
import { DeskPage, TABS, type Tab } from "./desk/DeskPage";
import { Frame } from "./frame/Frame";
import { Lost } from "./frame/Notices";
import { Start } from "./frame/Start";
import { AssignedPage } from "./street/AssignedPage";
import { OpenFloorsPage } from "./street/OpenFloorsPage";
import { ManagePage } from "./manage/ManagePage";
import { MANAGE_TABS, type ManageTab } from "./manage/tabs";
import { FIGURES } from "./street/Teams";
import { StreetPage } from "./street/StreetPage";

/** What the street can be asked for: a time to look back to, a search, an order, a kind of to-do. */
interface StreetAsked {
  as_of?: number | undefined;
  q?: string | undefined;
  sort?: "code" | undefined;
  todo?: string | undefined;
  /** The figure that is opened, and which part of it. */
  metric?: string | undefined;
  part?: "numerator" | "rest" | undefined;
  /** The course of the round as a table. */
  trend?: "table" | undefined;
  /** The team whose work is opened, and which figure of it. */
  team?: string | undefined;
  work?: TeamFigure | undefined;
}

/** What a building can be asked for: a time to look back to, and the room that is open. */
interface BuildingAsked {
  as_of?: number | undefined;
  office?: string | undefined;
  /** The figure that is opened, and which part of it. */
  metric?: string | undefined;
  part?: "numerator" | "rest" | undefined;
}

/** What the desk can be asked for: a pile, and of conflicts a kind. */
interface DeskAsked {
  tab: Tab;
  kind?: string | undefined;
  /** The one thing that a link leads to. */
  id?: string | undefined;
}

const time = (value: unknown): number | undefined => {
  const at = Number(value);
  return value !== undefined && Number.isSafeInteger(at) && at > 0 ? at : undefined;
};
const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const part = (value: unknown) => (value === "numerator" || value === "rest" ? value : undefined);

const root = createRootRouteWithContext<{ questions: QueryClient }>()({
  component: Frame,
  notFoundComponent: Lost,
});

const start = createRoute({ getParentRoute: () => root, path: "/", component: Start });

export const street = createRoute({
  getParentRoute: () => root,
  path: "/street/$unit",
  validateSearch: (asked: Record<string, unknown>): StreetAsked => ({
    as_of: time(asked["as_of"]),
    q: text(asked["q"]),
    sort: asked["sort"] === "code" ? "code" : undefined,
    todo: text(asked["todo"]),
    metric: text(asked["metric"]),
    part: part(asked["part"]),
    trend: asked["trend"] === "table" ? "table" : undefined,
    team: text(asked["team"]),
    work: FIGURES.find((figure) => figure === asked["work"]),
  }),
  component: StreetPage,
});

export const assigned = createRoute({
  getParentRoute: () => root,
  path: "/assigned",
  validateSearch: (asked: Record<string, unknown>): Pick<StreetAsked, "q" | "sort"> => ({
    q: text(asked["q"]),
    sort: asked["sort"] === "code" ? "code" : undefined,
  }),
  component: AssignedPage,
});

export const openFloors = createRoute({
  getParentRoute: () => root,
  path: "/street/$unit/open-floors",
  validateSearch: (asked: Record<string, unknown>): { as_of?: number | undefined } => ({ as_of: time(asked["as_of"]) }),
  component: OpenFloorsPage,
});

export const building = createRoute({
  getParentRoute: () => root,
  path: "/building/$building",
  validateSearch: (asked: Record<string, unknown>): BuildingAsked => ({
    as_of: time(asked["as_of"]),
    office: text(asked["office"]),
    metric: text(asked["metric"]),
    part: part(asked["part"]),
  }),
  component: BuildingPage,
});

export const desk = createRoute({
  getParentRoute: () => root,
  path: "/desk/$unit",
  validateSearch: (asked: Record<string, unknown>): DeskAsked => ({
    tab: TABS.find((tab) => tab === asked["tab"]) ?? "conflicts",
    kind: text(asked["kind"]),
    id: text(asked["id"]),
  }),
  component: DeskPage,
});

export const manage = createRoute({
  getParentRoute: () => root,
  path: "/manage/$unit",
  validateSearch: (asked: Record<string, unknown>): { tab?: ManageTab | undefined } => ({
    tab: MANAGE_TABS.find((tab) => tab === asked["tab"]),
  }),
  component: ManagePage,
});

export const router = createRouter({
  routeTree: root.addChildren([start, street, assigned, openFloors, building, desk, manage]),
  context: { questions: undefined as unknown as QueryClient },
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
