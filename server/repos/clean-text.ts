/**
 * Text made fit for where it goes: what a forge or a proxy said, for a log and for people, since it may repeat what it
 * was sent; names, as git takes them. Pure.
 */
import type { RemoteRepo } from './remote-types.ts';

/** What a refusal says in a few sentences; the rest would fill a log. */
export const SAID_CHARS = 1024;

const PROXIES = /^(?:https?|all)_proxy$/i;
const COLOURS = /\x1b\[[0-9;]*[A-Za-z]/g;
/** All but the ends of lines. */
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g;

export type Clean = (text: string, most?: number) => string;

/** Takes out the credential and the proxies' passwords, as they are and as they travel, and what is not text. */
export function cleaner(
  credential: RemoteRepo['credential'],
  env: Readonly<Record<string, string | undefined>>,
): Clean {
  const proxies = Object.entries(env).flatMap(([name, value = '']) =>
    PROXIES.test(name) && URL.canParse(value) ? [new URL(value)] : [],
  );
  const hidden = [
    ...(credential ? formsOf(credential.username, credential.password) : []),
    ...proxies.flatMap((url) => formsOf(decode(url.username), decode(url.password))),
  ];
  return (text, most = SAID_CHARS) =>
    hidden
      .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
      .replace(/\/\/[^/@\s]*@/g, '//')
      .replace(COLOURS, '')
      .replace(CONTROLS, '')
      .slice(0, most)
      .trim();
}

/** As HTTP sends it. */
export function basicPair(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function formsOf(username: string, password: string): string[] {
  return password === '' ? [] : [password, encodeURIComponent(password), basicPair(username, password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What git would take off the ends of a name, and refuse to be left with nothing. */
const CRUD = /^[\x00-\x20.,:;<>"\\']+|[\x00-\x20.,:;<>"\\']+$/g;

export const withoutCrud = (text: string): string => text.replace(CRUD, '');
