import type { zh } from "./zh";

/** Every word that Chinese has, whatever it says. */
type Same<T> = { [K in keyof T]: T[K] extends string ? string : Same<T[K]> };
export type Words = Same<typeof zh>;
