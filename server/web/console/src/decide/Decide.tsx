import { post } from "@shared/api/client";
import { language } from "@shared/i18n";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Dialog, Form, Heading, Label, Modal, ModalOverlay, TextArea, TextField } from "react-aria-components";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Failed } from "../frame/Notices";

interface Props {
  building: string;
  /** What is decided, in words. */
  name: string;
  /** What is decided, as the server reads it. */
  decision: Record<string, unknown>;
  /** The ops that were on the screen: a fact that was not opens the decision again. */
  seen: string[];
  /** Whether there is something to decide; what was decided stays on the screen all the same. */
  isOffered: boolean;
}

interface Decided {
  status: "filed" | "refused";
  op_id?: string;
  reason?: { code: string; zh: string; en: string };
  unmet?: string[];
}

/** A decision with its reason, offered to those whom the server lets review. Whether it may be taken, and whether it would hold, the server says. */
export function Decide({ building, name, decision, seen, isOffered }: Props) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const questions = useQueryClient();
  const mayReview = useQuery(asking.me()).data?.may.includes("review");
  const again = () => questions.invalidateQueries({ queryKey: ["building", building] });
  const deciding = useMutation({
    mutationFn: (reason: string) =>
      post<Decided>(`/buildings/${building}/decisions`, { reason, seen, decision }),
    onSuccess: again,
  });
  const undoing = useMutation({
    mutationFn: (op: string) =>
      post<unknown>("/conflicts/undo", { building_id: building, ops: [op], reason: t("decide.undoReason") }),
    onSuccess: again,
  });
  const told = deciding.data;
  const filed = told?.status === "filed" ? told.op_id : undefined;
  return (
    <>
      {isOffered && mayReview && (
        <Button
          className="quiet decide"
          onPress={() => {
            deciding.reset();
            undoing.reset();
            setOpen(true);
          }}
        >
          {name}
        </Button>
      )}
      <ModalOverlay className="overlay" isDismissable isOpen={isOpen} onOpenChange={setOpen}>
        <Modal className="viewer narrow">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  deciding.mutate(String(new FormData(event.currentTarget).get("reason")));
                }}
              >
                <Heading slot="title">{name}</Heading>
                <TextField name="reason" isRequired autoFocus isReadOnly={filed !== undefined}>
                  <Label>{t("decide.reason")}</Label>
                  <TextArea placeholder={t("decide.reasonHint")} rows={3} maxLength={500} />
                </TextField>
                {told?.reason && (
                  <p className="notice failed" role="alert">
                    {language() === "zh" ? told.reason.zh : told.reason.en}
                  </p>
                )}
                {told?.unmet?.map((condition) => (
                  <p key={condition}>✗ {t(`condition.${condition}` as "condition.all_covered")}</p>
                ))}
                {deciding.error && <Failed error={deciding.error} />}
                {undoing.error && <Failed error={undoing.error} />}
                {filed && <p role="status">{undoing.isSuccess ? t("decide.undone") : t("decide.done")}</p>}
                <div className="choices">
                  <Button className="quiet" onPress={close}>
                    {filed ? t("office.close") : t("decide.cancel")}
                  </Button>
                  {filed && !undoing.isSuccess && (
                    <Button className="quiet" isDisabled={undoing.isPending} onPress={() => undoing.mutate(filed)}>
                      {t("decide.undo")}
                    </Button>
                  )}
                  {!filed && (
                    <Button type="submit" className="main" isDisabled={deciding.isPending}>
                      {deciding.isPending ? t("decide.filing") : t("decide.file")}
                    </Button>
                  )}
                </div>
              </Form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}
