import { put } from "@shared/api/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Dialog, FieldError, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Choices } from "../frame/Choices";
import { Failed } from "../frame/Notices";
import { managing } from "./asking";
import { DAY_MS, midnight } from "./days";
import type { StandingRound } from "./types";

const KINDS = ["full_sweep", "revisit_only", "key_targets", "random_sample", "sector_check", "continuous"] as const;
/** Makes the next round, as a draft that nobody sees until it is published or opened. */
export function NewRound({ unit, rounds }: { unit: string; rounds: StandingRound[] }) {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const campaigns = useQuery(managing.campaigns());
  const last = Math.max(0, ...rounds.map((round) => round.number));
  const making = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "");
      const campaign = campaigns.data?.find((of) => of.campaign_id === text("campaign"));
      const until_ms = midnight(text("until")) + DAY_MS;
      return put(`/rounds/${crypto.randomUUID()}`, {
        campaign_id: campaign?.campaign_id,
        street_id: campaign?.street_id,
        number: last + 1,
        kind: text("kind"),
        status: "draft",
        from_ms: midnight(text("from")),
        until_ms,
        grace_until_ms: until_ms + Number(text("grace")) * DAY_MS,
      });
    },
    onSuccess: async () => {
      setOpen(false);
      await questions.invalidateQueries({ queryKey: ["unit", unit, "rounds"] });
    },
  });
  if (!campaigns.data || campaigns.data.length === 0) return null;
  return (
    <div className="many">
      <Button
        className="main"
        onPress={() => {
          making.reset();
          setOpen(true);
        }}
      >
        {t("manage.rounds.make", { number: last + 1 })}
      </Button>
      <ModalOverlay className="overlay" isDismissable isOpen={isOpen} onOpenChange={setOpen}>
        <Modal className="viewer narrow">
          <Dialog>
            <Form
              className="filled"
              onSubmit={(event) => {
                event.preventDefault();
                making.mutate(new FormData(event.currentTarget));
              }}
            >
              <Heading slot="title">{t("manage.rounds.make", { number: last + 1 })}</Heading>
              <label>
                {t("manage.rounds.campaign")}
                <select name="campaign">
                  {campaigns.data.map((of) => (
                    <option key={of.campaign_id} value={of.campaign_id}>
                      {of.name}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                {t("manage.rounds.kind")}
                <select name="kind">
                  {KINDS.map((kind) => (
                    <option key={kind} value={kind}>
                      {t(`manage.kind.${kind}`)}
                    </option>
                  ))}
                </select>
              </label>
              {(["from", "until"] as const).map((name) => (
                <TextField key={name} name={name} type="date" isRequired>
                  <Label>{t(`manage.rounds.${name}`)}</Label>
                  <Input />
                  <FieldError />
                </TextField>
              ))}
              <TextField name="grace" type="number" defaultValue="3" isRequired>
                <Label>{t("manage.rounds.graceDays")}</Label>
                <Input min={0} max={30} />
                <FieldError />
              </TextField>
              {making.error && <Failed error={making.error} />}
              <Choices isPending={making.isPending} onCancel={() => setOpen(false)} />
            </Form>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </div>
  );
}
