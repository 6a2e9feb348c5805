import type { ReactNode } from "react";
import { useEffect, useState } from "react";
import { createPortal } from "react-dom";

/** What a view puts into the bar: where one is. */
export function Crumbs({ children }: { children: ReactNode }) {
  const [place, setPlace] = useState<HTMLElement | null>(null);
  useEffect(() => setPlace(document.getElementById("crumbs")), []);
  return place && createPortal(children, place);
}
