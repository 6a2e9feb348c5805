// The words of the pages, view by view.
import type { Words } from "../words";
import { desk } from "./desk";
import { domain } from "./domain";
import { frame } from "./frame";
import { manage } from "./manage";
import { street } from "./street";
import { tower } from "./tower";

export const en = { ...frame, ...domain, ...street, ...tower, ...desk, ...manage } satisfies Words;
