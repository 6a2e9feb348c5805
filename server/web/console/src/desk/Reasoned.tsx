import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Dialog, Form, Heading, Label, Modal, ModalOverlay, TextArea, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Failed } from "../frame/Notices";

interface Props {
  /** What is done, in words. */
  name: string;
  act: (reason: string) => Promise<unknown>;
  /** What the server answered where it did not do it. */
  refusal?: (answer: unknown) => string | undefined;
  isGrave?: boolean;
}

/** Something that takes a reason. When it is done, what waits for the desk is asked for again. */
export function Reasoned({ name, act, refusal, isGrave }: Props) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const questions = useQueryClient();
  const acting = useMutation({
    mutationFn: act,
    onSuccess: async (answer) => {
      if (refusal?.(answer)) return;
      setOpen(false);
      await questions.invalidateQueries({ queryKey: ["unit"] });
    },
  });
  const refused = acting.data === undefined ? undefined : refusal?.(acting.data);
  return (
    <>
      <Button
        className={isGrave ? "quiet decide grave" : "quiet decide"}
        onPress={() => {
          acting.reset();
          setOpen(true);
        }}
      >
        {name}
      </Button>
      <ModalOverlay className="overlay" isDismissable isOpen={isOpen} onOpenChange={setOpen}>
        <Modal className="viewer narrow">
          <Dialog>
            <Form
              onSubmit={(event) => {
                event.preventDefault();
                acting.mutate(String(new FormData(event.currentTarget).get("reason")));
              }}
            >
              <Heading slot="title">{name}</Heading>
              <TextField name="reason" isRequired autoFocus>
                <Label>{t("decide.reason")}</Label>
                <TextArea placeholder={t("decide.reasonHint")} rows={3} maxLength={500} />
              </TextField>
              {refused && (
                <p className="notice failed" role="alert">
                  {refused}
                </p>
              )}
              {acting.error && <Failed error={acting.error} />}
              <div className="choices">
                <Button className="quiet" onPress={() => setOpen(false)}>
                  {t("decide.cancel")}
                </Button>
                <Button type="submit" className="main" isDisabled={acting.isPending}>
                  {acting.isPending ? t("decide.filing") : t("decide.file")}
                </Button>
              </div>
            </Form>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}
