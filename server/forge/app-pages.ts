/**
 * The two pages of making an app, for a browser. No script, nothing from outside, and the form goes to that forge
 * alone. Pure.
 */
import { createHash } from 'node:crypto';
import type { WireError } from '../../protocol/errors.ts';
import type { ForgeView } from '../../protocol/forge.ts';
import type { Handover } from './app-making.ts';

export interface Page {
  html: string;
  csp: string;
}

const STYLE =
  // Of the root: the canvas behind all of it follows its scheme.
  ':root{color-scheme:light dark}' +
  'body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}h1{font-size:1.4em}' +
  'fieldset{border:0;padding:0;margin:1em 0}legend{padding:0}label{display:block}' +
  'button,a.next{font:inherit;display:inline-block;padding:.4em 1.2em;border:0;border-radius:4px;background:#0a64ad;color:#fff;text-decoration:none}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export function handoverPage({ host, target, manifests }: Handover): Page {
  const choices = manifests.map(
    ({ json, answersIssues, isChosen }) =>
      `<label><input type="radio" name="manifest" value="${escape(json)}"${isChosen ? ' checked' : ''}> ${
        answersIssues ? 'Answers below issues, too, where comments start tasks' : 'Contents and pull requests'
      }</label>`,
  );
  return page(
    `Connect ${host}`,
    `<p>${escape(host)} now asks you to make an app that is yours alone, for the repositories that you give it. It may read issues and checks there. Nothing is written anywhere until you ask for a pull request.</p>
<form method="post" action="${escape(target)}"><fieldset><legend>What may it write?</legend>${choices.join('')}</fieldset><button>Go on at ${escape(host)}</button></form>`,
    new URL(target).origin,
  );
}

export function connectedPage({ host, account = 'The app', installUrl }: ForgeView): Page {
  const next =
    installUrl === undefined
      ? ''
      : `<p><a class="next" rel="noreferrer" href="${escape(installUrl)}">Choose repositories</a></p>`;
  return page(
    `${host} is connected`,
    `<p>${escape(account)} is made. Give it the repositories that tasks may publish to; you can change them later.</p>${next}`,
  );
}

/** A browser has none of our clients' words. */
export function problemPage({ code, retryable }: WireError): Page {
  const text =
    code === 'forgeAppUnfinished'
      ? 'This app was made before, or asked for too long ago, or by another backend. Look whether it is connected, or begin again with Connect.'
      : retryable
        ? 'The forge did not answer as it should. Load this page again.'
        : 'The forge refused to hand over the app. Begin again with Connect.';
  return page('This did not work', `<p>${escape(text)}</p><p><small>${escape(code)}</small></p>`);
}

function page(title: string, content: string, formTarget?: string): Page {
  return {
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style></head><body><h1>${escape(title)}</h1>${content}</body></html>\n`,
    csp: [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      `form-action ${formTarget ?? "'none'"}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

const escape = (text: string): string => text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
