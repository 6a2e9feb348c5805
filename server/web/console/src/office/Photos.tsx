import { Refused, post } from "@shared/api/client";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Failed, Loading } from "../frame/Notices";

interface Promised {
  photo_id: string;
  kind?: string;
  sha256?: string;
}

/** The photos that a record promises; opened one by one, and each opening is noted by the server. */
export function Photos({ body }: { body: Record<string, unknown> }) {
  const { t, i18n } = useTranslation();
  const photos = Array.isArray(body["photos"]) ? (body["photos"] as Promised[]) : [];
  if (photos.length === 0) return null;
  return (
    <ul className="photos">
      {photos.map((photo) => {
        const kind = photo.kind && i18n.exists(`photo.${photo.kind}`) ? photo.kind : "other";
        const name = t(`photo.${kind}` as "photo.other");
        return (
          <li key={photo.photo_id}>
            <DialogTrigger>
              <Button className="quiet photo">◫ {name}</Button>
              <ModalOverlay className="overlay" isDismissable>
                <Modal className="viewer">
                  <Dialog>
                    {({ close }) => (
                      <>
                        <header>
                          <Heading slot="title">{name}</Heading>
                          <Button className="quiet" onPress={close}>
                            {t("office.close")}
                          </Button>
                        </header>
                        <Picture photo={photo} name={name} />
                      </>
                    )}
                  </Dialog>
                </Modal>
              </ModalOverlay>
            </DialogTrigger>
          </li>
        );
      })}
    </ul>
  );
}

const linked = ({ photo_id, sha256 }: Promised, reason: string | undefined, variant: "original" | "1600") =>
  post<{ url: string }>(`/photos/${photo_id}/link`, { variant, sha256, reason });

/** Whether the server wants to know why somebody looks: then persons or papers are to be seen. */
const wantsReason = (error: Error | null) =>
  error instanceof Refused && error.problem.code === "invalid" && error.problem.cause?.startsWith("reason");

function Picture({ photo, name }: { photo: Promised; name: string }) {
  const { t } = useTranslation();
  const [isLarge, setLarge] = useState(false);
  const [hasPreview, setPreview] = useState(true);
  const [reason, setReason] = useState<string>();
  const link = useQuery({
    queryKey: ["photo", photo.photo_id, isLarge || !hasPreview, reason],
    // At first a preview without what the camera noted; the original, to the pixel, on asking.
    queryFn: () => linked(photo, reason, isLarge || !hasPreview ? "original" : "1600").catch(() => linked(photo, reason, "original")),
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
      <button type="button" className={isLarge ? "zoom large" : "zoom"} onClick={() => setLarge(!isLarge)}>
        {/* A photo that came a moment ago has no preview yet. */}
        <img src={link.data.url} alt={name} onError={() => setPreview(false)} />
      </button>
      <figcaption>
        {photo.sha256 && (
          <span>
            {t("office.original")} <code>{photo.sha256}</code>
          </span>
        )}
        <a href={`/api/v1/evidence/photos/${photo.photo_id}/bundle`} download>
          {t("office.evidence")}
        </a>
      </figcaption>
    </figure>
  );
}
