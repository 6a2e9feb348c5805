import type { Progress } from "@shared/api/types";
import { moment } from "@shared/ui/figures";
import { Button, Label, Slider, SliderOutput, SliderThumb, SliderTrack } from "react-aria-components";
import { useTranslation } from "react-i18next";

interface Props {
  progress: Progress;
  asOf: number | undefined;
  change: (asOf: number | undefined) => void;
}

/** Looks back over the round: one stop at the end of every step, and now. */
export function TimeTravel({ progress, asOf, change }: Props) {
  const { t, i18n } = useTranslation();
  const stops = progress.steps.map((step) => step.at_ms);
  const last = stops.length - 1;
  const found = asOf === undefined ? last : stops.findIndex((stop) => stop >= asOf);
  const at = found < 0 ? last : found;
  const when = (stop: number) =>
    stop === last ? t("past.now") : moment(stops[stop] ?? 0, i18n.language);
  return (
    <div className={asOf === undefined ? "travel" : "travel past"}>
      <Slider
        minValue={0}
        maxValue={Math.max(last, 1)}
        value={at}
        onChange={(stop) => change(stop === last ? undefined : stops[stop as number])}
      >
        <Label>{t("past.label")}</Label>
        <SliderTrack>
          <SliderThumb />
        </SliderTrack>
        <SliderOutput>{when(at)}</SliderOutput>
      </Slider>
      {asOf !== undefined && (
        <Button className="main" onPress={() => change(undefined)}>
          {t("past.back")}
        </Button>
      )}
    </div>
  );
}
