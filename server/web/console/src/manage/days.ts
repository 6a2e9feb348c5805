// Days of a round, in China: what a form says, and what the server is told.

export const DAY_MS = 86_400_000;
/** China is eight hours ahead of UTC, all year. */
const AHEAD_MS = 8 * 3_600_000;

/** The first moment of a day, which is written `2026-12-14`. */
export const midnight = (day: string): number => Date.parse(`${day}T00:00:00Z`) - AHEAD_MS;

/** The day in which a moment lies. */
export const dayOf = (at_ms: number): string => new Date(at_ms + AHEAD_MS).toISOString().slice(0, 10);
