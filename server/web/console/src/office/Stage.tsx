import { useCallback, useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";

/** How often a picture can be enlarged, and by how much at a time. */
const ZOOM_MAX = 8;
const STEP = 1.5;
/** How far a key moves the picture, in pixels. */
const MOVE_PX = 80;

interface View {
  zoom: number;
  x: number;
  y: number;
}

const WHOLE: View = { zoom: 1, x: 0, y: 0 };

/** Enlarged about a point, given from the middle of the stage; what lies there stays there. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }): View {
  const zoom = Math.min(ZOOM_MAX, Math.max(1, view.zoom * factor));
  if (zoom === 1) return WHOLE;
  const by = zoom / view.zoom;
  return { zoom, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

interface Props {
  url: string;
  name: string;
  failed: () => void;
}

/** A picture that wheel, fingers, buttons and keys enlarge and move. */
export function Stage({ url, name, failed }: Props) {
  const { t } = useTranslation();
  const [view, setView] = useState(WHOLE);
  const place = useRef<HTMLDivElement>(null);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const enlarge = useCallback((factor: number, at = { x: 0, y: 0 }) => setView((of) => zoomed(of, factor, at)), []);
  const move = (x: number, y: number) => setView((of) => (of.zoom === 1 ? of : { ...of, x: of.x + x, y: of.y + y }));
  const fromMiddle = useCallback((clientX: number, clientY: number) => {
    const box = place.current?.getBoundingClientRect();
    return box ? { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 } : { x: 0, y: 0 };
  }, []);
  useEffect(() => {
    const stage = place.current;
    // React listens to wheels passively, where the page cannot be kept from scrolling.
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      enlarge(event.deltaY < 0 ? 1.2 : 1 / 1.2, fromMiddle(event.clientX, event.clientY));
    };
    stage?.addEventListener("wheel", turn, { passive: false });
    return () => stage?.removeEventListener("wheel", turn);
  }, [enlarge, fromMiddle]);
  const drag = (event: React.PointerEvent) => {
    const before = fingers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (of: { x: number; y: number }) => Math.hypot(of.x - other.x, of.y - other.y);
      const middle = fromMiddle((now.x + other.x) / 2, (now.y + other.y) / 2);
      enlarge(apart(now) / Math.max(apart(before), 1), middle);
    } else move(now.x - before.x, now.y - before.y);
    fingers.current.set(event.pointerId, now);
  };
  const lift = (event: React.PointerEvent) => fingers.current.delete(event.pointerId);
  const press = (event: React.KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      "+": () => enlarge(STEP),
      "=": () => enlarge(STEP),
      "-": () => enlarge(1 / STEP),
      "0": () => setView(WHOLE),
      ...(event.shiftKey && {
        ArrowLeft: () => move(MOVE_PX, 0),
        ArrowRight: () => move(-MOVE_PX, 0),
        ArrowUp: () => move(0, MOVE_PX),
        ArrowDown: () => move(0, -MOVE_PX),
      }),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <div className="viewing" onKeyDown={press}>
      <div
        ref={place}
        className={view.zoom > 1 ? "stage moved" : "stage"}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
        }}
        onPointerMove={drag}
        onPointerUp={lift}
        onPointerCancel={lift}
        onDoubleClick={(event) => enlarge(view.zoom > 1 ? 0 : 2, fromMiddle(event.clientX, event.clientY))}
      >
        <img
          src={url}
          alt={name}
          draggable={false}
          onError={failed}
          style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` }}
        />
      </div>
      <div className="zooms" role="group" aria-label={t("viewer.zoom")}>
        <Button className="quiet" aria-label={t("viewer.smaller")} isDisabled={view.zoom === 1} onPress={() => enlarge(1 / STEP)}>
          −
        </Button>
        <output>{Math.round(view.zoom * 100)}%</output>
        <Button className="quiet" aria-label={t("viewer.larger")} isDisabled={view.zoom === ZOOM_MAX} onPress={() => enlarge(STEP)}>
          ＋
        </Button>
        <Button className="quiet" onPress={() => setView(WHOLE)}>
          {t("viewer.whole")}
        </Button>
        <small>{t("viewer.keys")}</small>
      </div>
    </div>
  );
}
