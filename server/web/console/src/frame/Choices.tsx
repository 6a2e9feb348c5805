import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";

/** How a form in a dialog ends: it is left, or filed. */
export function Choices({ isPending, onCancel }: { isPending: boolean; onCancel: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="choices">
      <Button className="quiet" onPress={onCancel}>
        {t("decide.cancel")}
      </Button>
      <Button type="submit" className="main" isDisabled={isPending}>
        {isPending ? t("decide.filing") : t("decide.file")}
      </Button>
    </div>
  );
}
