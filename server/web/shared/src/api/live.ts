// Doorbells: the server says which building changed, and what is shown of it is asked for again.

import { get } from "./client";

export type Line = "live" | "lost";

interface Doorbell {
  bucket: string;
  seq: number;
}

interface Heard {
  /** A building changed, or (none named) anything may have. */
  changed: (building: string | null) => void;
  line: (line: Line) => void;
}

/** The server is heard every fifteen seconds, whether anything happened or not. */
const SILENCE_MS = 40_000;
/** How long to wait before the line is opened again, in milliseconds: longer each time. */
const WAITS = [500, 1_000, 2_000, 5_000, 10_000];

/** Listens until the returned function is called. */
export function listen({ changed, line }: Heard): () => void {
  const seen = new Map<string, number>();
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  let stopped = false;
  let silence: ReturnType<typeof setTimeout> | undefined;

  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(broken, SILENCE_MS);
  };
  const broken = () => {
    clearTimeout(silence);
    source?.close();
    if (stopped) return;
    line("lost");
    const wait = WAITS[Math.min(tries, WAITS.length - 1)] ?? 10_000;
    tries += 1;
    clearTimeout(timer);
    // An ended session closes the line, too: any question renews it.
    timer = setTimeout(() => void get("/me").catch(() => undefined).finally(() => stopped || open()), wait);
  };
  // The browser knows of some breaks before a line that is only silent does.
  const gone = () => broken();
  const back = () => {
    tries = 0;
    broken();
  };

  const open = () => {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("/api/v1/events");
    heard();
    source.addEventListener("open", () => {
      tries = 0;
      line("live");
    });
    source.addEventListener("doorbell", (event) => {
      heard();
      const { bucket, seq } = JSON.parse(event.data) as Doorbell;
      const before = seen.get(bucket);
      seen.set(bucket, seq);
      // The first bells tell where everything stands: after a break, what was missed.
      if (before !== undefined && before !== seq) changed(bucket);
    });
    source.addEventListener("missed", () => changed(null));
    source.addEventListener("pulse", heard);
    source.addEventListener("error", broken);
  };
  open();
  addEventListener("offline", gone);
  addEventListener("online", back);
  return () => {
    stopped = true;
    removeEventListener("offline", gone);
    removeEventListener("online", back);
    clearTimeout(silence);
    clearTimeout(timer);
    source?.close();
  };
}
