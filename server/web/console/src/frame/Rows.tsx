// Long lists: only what can be seen is on the page, and yet every row knows its place.
import { defaultRangeExtractor, useVirtualizer, type Range } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";

/** Shorter lists are on the page whole. */
const WHOLE_MAX = 60;

interface Props<T> {
  items: T[];
  keyOf: (item: T) => string;
  row: (item: T) => ReactNode;
  /** How high a row is about, in pixels. */
  height: number;
  /** What the list is called. */
  label: string;
  /** How many rows there are, where more than are here will come. */
  total?: number;
  /** Asks for more, when the last row that is here comes into sight. */
  more?: (() => void) | undefined;
  /** Cards: the box is as high as the window. */
  isTall?: boolean;
  /** The names of the columns: then it is a table, and a row gives its cells. */
  columns?: string[];
}

/** Rows in a box that scrolls. Arrow keys go from row to row, Home and End to the first and last. */
export function Rows<T>({ items, keyOf, row, height, label, total, more, isTall, columns }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(-1);
  const isWhole = items.length <= WHOLE_MAX && more === undefined;
  // What has the focus stays on the page, wherever it is scrolled to.
  const rangeExtractor = useCallback(
    (range: Range) => {
      const seen = defaultRangeExtractor(range);
      if (focused < 0 || focused >= range.count || seen.includes(focused)) return seen;
      return [...seen, focused].toSorted((a, b) => a - b);
    },
    [focused],
  );
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    getItemKey: (at) => {
      const item = items[at];
      return item === undefined ? at : keyOf(item);
    },
    overscan: 12,
    rangeExtractor,
    enabled: !isWhole,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= items.length - 1) more();
  }, [more, last, items.length]);

  const focusOn = (at: number) => {
    if (at < 0 || at >= items.length) return;
    if (!isWhole) rows.scrollToIndex(at);
    setFocused(at);
    const reach = (tries: number) => {
      const of = box.current?.querySelector<HTMLElement>(`[data-index="${at}"] :is(a, button)`);
      if (of) of.focus();
      else if (tries > 0) requestAnimationFrame(() => reach(tries - 1));
    };
    requestAnimationFrame(() => reach(5));
  };
  const keys = (event: KeyboardEvent) => {
    const at = Number((event.target as HTMLElement).closest("[data-index]")?.getAttribute("data-index") ?? -1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    focusOn(to);
  };

  const placed = isWhole ? items.map((_, index) => ({ index, start: undefined })) : shown;
  const count = total ?? items.length;
  const [List, Item] = columns ? (["div", "div"] as const) : (["ol", "li"] as const);
  const list = (
    <List
      {...(columns ? { role: "rowgroup" } : { "aria-label": label })}
      style={isWhole ? undefined : { height: rows.getTotalSize() }}
      className={isWhole ? "" : "virtual"}
    >
      {placed.map(({ index, start }) => {
        const item = items[index];
        if (item === undefined) return null;
        return (
          <Item
            key={keyOf(item)}
            data-index={index}
            ref={isWhole ? undefined : rows.measureElement}
            {...(columns ? { role: "row", "aria-rowindex": index + 2 } : { "aria-setsize": count, "aria-posinset": index + 1 })}
            style={start === undefined ? undefined : { transform: `translateY(${start}px)` }}
            onFocus={() => setFocused(index)}
          >
            {row(item)}
          </Item>
        );
      })}
    </List>
  );
  return (
    <div
      className={isTall ? (isWhole ? "rows tall whole" : "rows tall") : "rows"}
      ref={box}
      onKeyDown={keys}
      {...(columns && { role: "table", "aria-label": label, "aria-rowcount": count + 1 })}
    >
      {columns && (
        <div role="rowgroup" className="columns">
          <div role="row" aria-rowindex={1}>
            {columns.map((name) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
        </div>
      )}
      {list}
    </div>
  );
}
