// The words of what surrounds every view.
import type { Words } from "../words";

export const frame = {
  product: "Saolou",
  slogan: "Every door of every tower",
  language: "中文",
  theme: { label: "Appearance", light: "Light", dark: "Dark" },
  signIn: {
    title: "Sign in",
    username: "User name",
    password: "Password",
    submit: "Sign in",
    busy: "Signing in…",
    out: "Sign out",
    need: "Sign in first.",
  },
  ways: "Main places",
  line: { live: "Live", lost: "Connection lost, reconnecting…" },
  crumbs: { street: "Street", building: "Building" },
  past: {
    label: "Look back",
    now: "Now",
    at: "As of {{when}}",
    back: "Back to now",
    play: "Replay",
    pause: "Pause",
    hint: "By the time at which the server received it",
  },
  freshness: { asOf: "As of {{when}}", received: "counted when the server received it" },
  problem: { noCoverage: "Your account does not read coverage; if your work needs it, ask the street supervisor for the right.", retry: "Try again", loading: "Loading…", empty: "Nothing here.", lost: "There is no such page.", home: "Back to the start" },
  user: { menu: "Account" },
} satisfies Pick<Words, "product" | "ways" | "slogan" | "language" | "theme" | "signIn" | "line" | "crumbs" | "past" | "freshness" | "problem" | "user">;
