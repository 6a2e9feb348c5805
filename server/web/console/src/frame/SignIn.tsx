import { signIn } from "@shared/api/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button, FieldError, Form, Input, Label, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { switchLanguage } from "@shared/i18n";
import { Failed } from "./Notices";

export function SignIn() {
  const { t } = useTranslation();
  const questions = useQueryClient();
  const signing = useMutation({
    mutationFn: (form: FormData) => signIn(String(form.get("username")), String(form.get("password"))),
    onSuccess: () => questions.resetQueries(),
  });
  return (
    <main className="door">
      <Form
        className="panel"
        onSubmit={(event) => {
          event.preventDefault();
          signing.mutate(new FormData(event.currentTarget));
        }}
      >
        <h1>
          {t("product")} <small>{t("slogan")}</small>
        </h1>
        <TextField name="username" isRequired autoFocus autoComplete="username">
          <Label>{t("signIn.username")}</Label>
          <Input />
          <FieldError />
        </TextField>
        <TextField name="password" type="password" isRequired autoComplete="current-password">
          <Label>{t("signIn.password")}</Label>
          <Input />
          <FieldError />
        </TextField>
        {signing.error && <Failed error={signing.error} />}
        <Button type="submit" className="main" isDisabled={signing.isPending}>
          {signing.isPending ? t("signIn.busy") : t("signIn.submit")}
        </Button>
        <Button className="quiet" onPress={() => void switchLanguage()}>
          {t("language")}
        </Button>
      </Form>
    </main>
  );
}
