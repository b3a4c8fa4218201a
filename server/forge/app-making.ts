/**
 * Making an app of one's own at GitHub, in a browser: a page of ours hands the manifest over, GitHub asks the
 * person, and sends the browser back with a code that is exchanged for the app's key.
 *
 * What guards our two pages is a state: random, good for one app, for some minutes, and in this process alone.
 */
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import type { ForgeView } from '../../protocol/forge.ts';
import { PATHS } from '../../protocol/http.ts';
import { FORGE_APPS_MOST, FORGE_APP_MS } from '../../protocol/limits.ts';
import type { OpenForges } from './forges.ts';
import { GitHubApi } from './github/api.ts';
import { appConnection, appManifest, manifestTarget } from './github/manifest.ts';
import { ConversionAnswer } from './github/schemas.ts';
import { webUrl } from './sites.ts';

export interface AppMakingOptions {
  forges: Pick<OpenForges, 'connect'>;
  /** Whether the forge may be on this machine. */
  loopback: boolean;
  /** Where others reach this backend. */
  publicUrl?: string;
  now?: () => number;
}

export interface Wanted {
  host: string;
  apiUrl: string;
  organization?: string;
  /** What is chosen on the page at first: whether it may write below issues, too. */
  answersIssues: boolean;
  who: string;
}

export interface Handover {
  host: string;
  /** Where the form goes, and what its one field can be. */
  target: string;
  manifests: { json: string; answersIssues: boolean; isChosen: boolean }[];
}

type App = z.infer<typeof ConversionAnswer>;

interface Begun extends Wanted {
  until: number;
  /** What GitHub has handed over and is not kept yet: nobody else has its key, and there is no second one. */
  app: App | null;
  /** Its code is good once, so whoever comes again is told how that went. */
  made: Promise<ForgeView> | null;
}

/** What a server says of an app that another server of the forge has just made. */
const UNKNOWN_YET: ReadonlySet<ErrorCode> = new Set(['forgeUnauthorized', 'forgeRepoUnknown']);

export class AppMaking {
  readonly #options: AppMakingOptions;
  readonly #now: () => number;
  readonly #begun = new Map<string, Begun>();

  constructor(options: AppMakingOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** The state. */
  begin(wanted: Wanted): string {
    for (const [state, { until }] of this.#begun) if (until <= this.#now()) this.#begun.delete(state);
    const [oldest] = this.#begun.keys();
    if (this.#begun.size >= FORGE_APPS_MOST && oldest !== undefined) this.#begun.delete(oldest);
    const state = randomBytes(32).toString('base64url');
    this.#begun.set(state, { ...wanted, until: this.#now() + FORGE_APP_MS, app: null, made: null });
    return state;
  }

  /** `base`: under which this browser has reached us. Throws forgeAppUnfinished. */
  handover(state: string, base: string): Handover {
    const { host, apiUrl, organization, answersIssues: chosen } = this.#known(state);
    const { publicUrl } = this.#options;
    const parts = {
      suffix: randomBytes(3).toString('hex'),
      redirectUrl: `${publicUrl ?? base}${PATHS.forgeAppDone(state)}`,
      homepage: publicUrl ?? base,
      ...(publicUrl === undefined ? {} : { webhookUrl: `${publicUrl}${PATHS.webhook(host)}` }),
    };
    return {
      host,
      target: manifestTarget(webUrl(host, apiUrl), state, organization),
      manifests: [false, true].map((answersIssues) => ({
        json: JSON.stringify(appManifest({ ...parts, answersIssues })),
        answersIssues,
        isChosen: answersIssues === chosen,
      })),
    };
  }

  /** Null: it is still to be made. Throws as `finish` does. */
  made(state: string): Promise<ForgeView> | null {
    return this.#known(state).made;
  }

  /** Throws forgeAppUnfinished, and what asking GitHub can throw; after that the page can be loaded again. */
  async finish(state: string, code: string): Promise<ForgeView> {
    const begun = this.#known(state);
    const making = (begun.made ??= this.#make(begun, code));
    try {
      return await making;
    } catch (error) {
      if (begun.made === making) begun.made = null;
      const isRetryable = error instanceof CodexError && error.wire.retryable;
      if (begun.app === null && !isRetryable) this.#begun.delete(state);
      throw error;
    }
  }

  async #make(begun: Begun, code: string): Promise<ForgeView> {
    const { host, apiUrl, who } = begun;
    const app = (begun.app ??= await this.#handedOver(begun, code));
    try {
      const view = await this.#options.forges.connect(appConnection({ host, apiUrl }, app), who);
      begun.app = null;
      return view;
    } catch (error) {
      const isUnknownYet = error instanceof CodexError && UNKNOWN_YET.has(error.code);
      if (!isUnknownYet) throw error;
      throw new CodexError('forgeUnavailable', { host }, { detail: error.message });
    }
  }

  #handedOver({ host, apiUrl }: Begun, code: string): Promise<App> {
    const { loopback } = this.#options;
    const api = new GitHubApi({ host, apiUrl, loopback, hide: (text) => text.replaceAll(code, '…') });
    return api.json(ConversionAnswer, {
      method: 'POST',
      path: `app-manifests/${encodeURIComponent(code)}/conversions`,
      auth: null,
    });
  }

  #known(state: string): Begun {
    const begun = this.#begun.get(state);
    if (!begun || begun.until <= this.#now()) throw new CodexError('forgeAppUnfinished');
    return begun;
  }
}
