// Moving through the floor stack by the arrow keys: along a floor, and to the room above or below that
// lies nearest.

export function step(place: HTMLElement, from: HTMLElement, key: string): HTMLElement | null {
  const room = from.closest<HTMLElement>("[data-office]");
  const row = room?.closest<HTMLElement>("[role=row]");
  if (!room || !row) return null;
  const rooms = (of: Element) => [...of.querySelectorAll<HTMLElement>("[data-office]")];
  const own = rooms(row);
  const at = own.indexOf(room);
  switch (key) {
    case "ArrowRight":
      return own[at + 1] ?? null;
    case "ArrowLeft":
      return own[at - 1] ?? null;
    case "Home":
      return own[0] ?? null;
    case "End":
      return own.at(-1) ?? null;
    case "ArrowDown":
    case "ArrowUp": {
      const rows = [...place.querySelectorAll("[role=row]")].filter((of) => rooms(of).length > 0);
      const next = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
      if (!next) return null;
      const middle = (of: HTMLElement) => of.getBoundingClientRect().left + of.offsetWidth / 2;
      const away = (of: HTMLElement) => Math.abs(middle(of) - middle(room));
      return rooms(next).toSorted((a, b) => away(a) - away(b))[0] ?? null;
    }
    default:
      return null;
  }
}
