// One line to the server for the whole page. A doorbell makes stale what is shown of its building and
// of the units above it; what is looked back at never changes.
import { listen, type Line } from "@shared/api/live";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

/** Bells that come together are answered together, in milliseconds. */
const TOGETHER_MS = 150;

export function useLine(): Line {
  const questions = useQueryClient();
  const [line, setLine] = useState<Line>("live");
  useEffect(() => {
    const rung = new Set<string>();
    let everything = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = () => {
      timer = undefined;
      const isDue = ([of, id]: readonly unknown[]) =>
        everything || of === "unit" || (of === "building" && rung.has(String(id)));
      void questions.invalidateQueries({ predicate: ({ queryKey }) => isDue(queryKey) });
      rung.clear();
      everything = false;
    };
    const stop = listen({
      line: setLine,
      changed: (building) => {
        if (building) rung.add(building);
        else everything = true;
        timer ??= setTimeout(answer, TOGETHER_MS);
      },
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [questions]);
  return line;
}
