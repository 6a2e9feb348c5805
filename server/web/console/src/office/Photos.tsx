import { Refused, post } from "@shared/api/client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Dialog, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";
import { Provenance } from "./Provenance";
import { Stage } from "./Stage";

interface Promised {
  photo_id: string;
  kind?: string;
  sha256?: string;
}

/** The photos that a record promises; opened one by one, and each opening is noted by the server. */
export function Photos({ body }: { body: Record<string, unknown> }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState<number>();
  const photos = Array.isArray(body["photos"]) ? (body["photos"] as Promised[]) : [];
  if (photos.length === 0) return null;
  const nameOf = ({ kind }: Promised) => {
    const known = kind && i18n.exists(`photo.${kind}`) ? kind : "other";
    return t(`photo.${known}` as "photo.other");
  };
  const turn = (by: number) => setOpen((at) => (at === undefined ? at : Math.min(photos.length - 1, Math.max(0, at + by))));
  const shown = open === undefined ? undefined : photos[open];
  return (
    <>
      <ul className="photos">
        {photos.map((photo, at) => (
          <li key={photo.photo_id}>
            <Button className="quiet photo" onPress={() => setOpen(at)}>
              ◫ {nameOf(photo)}
            </Button>
          </li>
        ))}
      </ul>
      <ModalOverlay className="overlay" isDismissable isOpen={shown !== undefined} onOpenChange={() => setOpen(undefined)}>
        <Modal className="viewer wide">
          <Dialog>
            {({ close }) => (
              <div
                onKeyDown={(event) => {
                  const isTyping = event.target instanceof HTMLInputElement;
                  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
                  if (by && !event.shiftKey && !isTyping) turn(by);
                }}
              >
                <header>
                  <Heading slot="title">{shown && nameOf(shown)}</Heading>
                  {photos.length > 1 && open !== undefined && (
                    <span className="turn">
                      <Button className="quiet" aria-label={t("viewer.before")} isDisabled={open === 0} onPress={() => turn(-1)}>
                        ‹
                      </Button>
                      <output>{`${open + 1} / ${photos.length}`}</output>
                      <Button
                        className="quiet"
                        aria-label={t("viewer.next")}
                        isDisabled={open === photos.length - 1}
                        onPress={() => turn(1)}
                      >
                        ›
                      </Button>
                    </span>
                  )}
                  <Button className="quiet" autoFocus onPress={close}>
                    {t("office.close")}
                  </Button>
                </header>
                {shown && <Picture key={shown.photo_id} photo={shown} name={nameOf(shown)} />}
              </div>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}

const linked = ({ photo_id, sha256 }: Promised, reason: string | undefined, variant: "original" | "1600") =>
  post<{ url: string }>(`/photos/${photo_id}/link`, { variant, sha256, reason });

/** Whether the server wants to know why somebody looks: then persons or papers are to be seen. */
const wantsReason = (error: Error | null) =>
  error instanceof Refused && error.problem.code === "invalid" && error.problem.cause?.startsWith("reason");

function Picture({ photo, name }: { photo: Promised; name: string }) {
  const { t } = useTranslation();
  const [isOriginal, setOriginal] = useState(false);
  const [reason, setReason] = useState<string>();
  const link = useQuery({
    queryKey: ["photo", photo.photo_id, isOriginal, reason],
    // At first a preview without what the camera noted; the original, to the pixel, on asking.
    queryFn: () => linked(photo, reason, isOriginal ? "original" : "1600").catch(() => linked(photo, reason, "original")),
    // What is told of the photo stays in place while its original is on the way.
    placeholderData: keepPreviousData,
    gcTime: 0,
    retry: false,
  });
  if (link.isPending) return <Loading />;
  if (wantsReason(link.error)) {
    return (
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          setReason(String(new FormData(event.currentTarget).get("reason")));
        }}
      >
        <p>{t("photoReason.why")}</p>
        <TextField name="reason" isRequired autoFocus>
          <Label>{t("photoReason.label")}</Label>
          <Input />
        </TextField>
        <Button type="submit" className="main">
          {t("photoReason.look")}
        </Button>
      </Form>
    );
  }
  if (link.error) return <Failed error={link.error} />;
  return (
    <figure>
      {/* A photo that came a moment ago has no preview yet. */}
      <Stage url={link.data.url} name={name} failed={() => setOriginal(true)} />
      <figcaption>
        <Provenance
          photo={photo.photo_id}
          promised={photo.sha256}
          original={isOriginal && !link.isPlaceholderData ? link.data.url : undefined}
          askOriginal={() => setOriginal(true)}
        />
      </figcaption>
    </figure>
  );
}
