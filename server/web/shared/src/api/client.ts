// Asking the server. A browser's session lies in cookies: what has run out is renewed once, and then
// the question is asked again.

import type { Me, Problem } from "./types";

const ROOT = "/api/v1";
const SESSION = `${ROOT}/session/browser`;

/** The server said no, or said nothing. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** What is shown where no server answered. */
const SILENCE: Problem = {
  status: 0,
  code: "offline",
  title: "连接不上服务器",
  detail: "请检查网络；恢复后页面会自动更新。",
  title_en: "The server cannot be reached",
  detail_en: "Check the network; the page goes on by itself when it is back.",
};

async function ask(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: "same-origin", ...init });
  } catch {
    throw new Refused(SILENCE);
  }
}

async function read<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const problem = body as Problem | null;
  throw new Refused(problem?.code ? problem : { ...SILENCE, status: response.status });
}

/** Whether somebody signed in here: cookies cannot be asked. */
const HINT = "saolou.signed-in";

let renewing: Promise<boolean> | null = null;

/** Renews the session; questions that find it ended together renew it once. */
function renew(): Promise<boolean> {
  if (!localStorage.getItem(HINT)) return Promise.resolve(false);
  renewing ??= ask(SESSION, { method: "PUT" })
    .then((response) => response.ok)
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await ask(ROOT + path, init);
  if (response.status !== 401 || !(await renew())) return read<T>(response);
  return read<T>(await ask(ROOT + path, init));
}

const sending = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const get = <T>(path: string): Promise<T> => request<T>(path);
export const post = <T>(path: string, body: unknown): Promise<T> =>
  request<T>(path, sending("POST", body));
/** Sends a file as it is. */
export const postFile = <T>(path: string, file: Blob): Promise<T> =>
  request<T>(path, { method: "POST", body: file });
export const put = <T>(path: string, body: unknown): Promise<T> =>
  request<T>(path, sending("PUT", body));

export const signIn = async (username: string, password: string): Promise<Me> => {
  const response = await ask(SESSION, sending("POST", { username, password }));
  const { user } = await read<{ user: Me }>(response);
  localStorage.setItem(HINT, "yes");
  return user;
};

export const signOut = async (): Promise<void> => {
  localStorage.removeItem(HINT);
  await read<void>(await ask(SESSION, { method: "DELETE" }));
};

/** Who is signed in; nobody, without asking, where nobody ever was. */
export const whoAmI = (): Promise<Me> =>
  localStorage.getItem(HINT) ? get<Me>("/me") : Promise.reject(new Refused({ ...SILENCE, code: "unauthenticated", status: 401 }));

/** A query string of what is there. */
export function query(members: Record<string, string | number | boolean | undefined>): string {
  const there = Object.entries(members).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(there.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}
