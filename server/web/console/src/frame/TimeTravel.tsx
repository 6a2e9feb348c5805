import type { Progress } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { useIsFetching } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Button, Label, Slider, SliderOutput, SliderThumb, SliderTrack } from "react-aria-components";
import { useTranslation } from "react-i18next";

/** While the thumb moves, the server is not asked about every time that it passes, in milliseconds. */
const SETTLES_MS = 150;
/** How long each stop is on the screen while the round replays, once it is there, in milliseconds. */
const STOP_MS = 900;

interface Props {
  progress: Progress;
  asOf: number | undefined;
  change: (asOf: number | undefined) => void;
}

/** Looks back over the round: one stop at the end of every step, and now; dragged, or played. */
export function TimeTravel({ progress, asOf, change }: Props) {
  const { t, i18n } = useTranslation();
  const stops = progress.steps.map((step) => step.at_ms);
  const last = stops.length - 1;
  const found = asOf === undefined ? last : stops.findIndex((stop) => stop >= asOf);
  const at = found < 0 ? last : found;
  const [held, setHeld] = useState<number>();
  const [isPlaying, setPlaying] = useState(false);
  const go = (stop: number) => {
    setHeld(undefined);
    change(stop >= last ? undefined : stops[stop]);
  };
  useEffect(() => {
    if (held === undefined) return;
    const timer = setTimeout(() => go(held), SETTLES_MS);
    return () => clearTimeout(timer);
  });
  const isLoading = useIsFetching() > 0;
  useEffect(() => {
    if (!isPlaying || isLoading) return;
    const timer = setTimeout(() => {
      go(at + 1);
      if (at + 1 >= last) setPlaying(false);
    }, STOP_MS);
    return () => clearTimeout(timer);
  });
  const play = () => {
    if (!isPlaying && at === last) go(0);
    setPlaying(!isPlaying);
  };
  const when = (stop: number) => (stop === last ? t("past.now") : moment(stops[stop] ?? 0, i18n.language));
  const shown = held ?? at;
  return (
    <div className={asOf === undefined ? "travel" : "travel past"}>
      <Button className="quiet play" onPress={play} isDisabled={last < 1}>
        <span aria-hidden="true">{isPlaying ? "❚❚" : "▶"}</span> {isPlaying ? t("past.pause") : t("past.play")}
      </Button>
      <Slider
        minValue={0}
        maxValue={Math.max(last, 1)}
        value={shown}
        onChange={(stop) => {
          setPlaying(false);
          setHeld(stop as number);
        }}
        onChangeEnd={(stop) => go(stop as number)}
      >
        <Label>{t("past.label")}</Label>
        <SliderTrack>
          <SliderThumb />
        </SliderTrack>
        <SliderOutput>{when(shown)}</SliderOutput>
      </Slider>
      {asOf !== undefined && (
        <Button
          className="main"
          onPress={() => {
            setPlaying(false);
            change(undefined);
          }}
        >
          {t("past.back")}
        </Button>
      )}
    </div>
  );
}
