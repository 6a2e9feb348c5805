// The words of the pages, view by view.
import { desk } from "./desk";
import { domain } from "./domain";
import { frame } from "./frame";
import { manage } from "./manage";
import { street } from "./street";
import { tower } from "./tower";

export const zh = { ...frame, ...domain, ...street, ...tower, ...desk, ...manage } as const;
