import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Button, Dialog, Form, Heading, Label, Modal, ModalOverlay, TextArea, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Choices } from "../frame/Choices";
import { Failed } from "../frame/Notices";

interface Props {
  /** What is done, in words. */
  name: string;
  act: (reason: string, form: FormData) => Promise<unknown>;
  /** What the server answered where it did not do it. */
  refusal?: (answer: unknown) => string | undefined;
  /** What else is to be chosen. */
  children?: ReactNode;
  /** How far it has come, where it takes its time. */
  progress?: { done: number; of: number } | undefined;
  isGrave?: boolean;
  /** Told when the dialog opens and closes: what it is about must not change under it. */
  onOpen?: (isOpen: boolean) => void;
}

/** Something that takes a reason. When it is done, what waits for the desk is asked for again. */
export function Reasoned({ name, act, refusal, children, progress, isGrave, onOpen }: Props) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const open = (is: boolean) => {
    setOpen(is);
    onOpen?.(is);
  };
  const questions = useQueryClient();
  const acting = useMutation({
    mutationFn: (form: FormData) => act(String(form.get("reason")), form),
    onSuccess: (answer) => {
      if (!refusal?.(answer)) open(false);
    },
    // Of many, some may have been done before one failed.
    onSettled: () => questions.invalidateQueries({ queryKey: ["unit"] }),
  });
  const refused = acting.data === undefined ? undefined : refusal?.(acting.data);
  return (
    <>
      <Button
        className={isGrave ? "quiet decide grave" : "quiet decide"}
        onPress={() => {
          acting.reset();
          open(true);
        }}
      >
        {name}
      </Button>
      <ModalOverlay
        className="overlay"
        isDismissable={!acting.isPending}
        isKeyboardDismissDisabled={acting.isPending}
        isOpen={isOpen}
        onOpenChange={open}
      >
        <Modal className="viewer narrow">
          <Dialog>
            <Form
              onSubmit={(event) => {
                event.preventDefault();
                acting.mutate(new FormData(event.currentTarget));
              }}
            >
              <Heading slot="title">{name}</Heading>
              {children}
              <TextField name="reason" isRequired autoFocus={children === undefined}>
                <Label>{t("decide.reason")}</Label>
                <TextArea placeholder={t("decide.reasonHint")} rows={3} maxLength={500} />
              </TextField>
              {acting.isPending && progress && progress.of > 1 && (
                <p className="progress" role="status">
                  <progress value={progress.done} max={progress.of} aria-label={name} />
                  {t("desk.progress", { done: progress.done, of: progress.of })}
                </p>
              )}
              {refused && (
                <p className="notice failed" role="alert">
                  {refused}
                </p>
              )}
              {acting.error && <Failed error={acting.error} />}
              <Choices isPending={acting.isPending} onCancel={() => open(false)} />
            </Form>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}
