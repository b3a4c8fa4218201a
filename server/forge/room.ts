/** Connecting forges, as clients ask for it: `forge.list | connect | disconnect | startApp`. */
import { CodexError } from '../../protocol/errors.ts';
import { defaultApiUrl } from '../../protocol/forge-address.ts';
import { PATHS } from '../../protocol/http.ts';
import type { ParamsOf, ResultOf } from '../../protocol/rpc.ts';
import type { AppMaking } from './app-making.ts';
import type { OpenForges } from './forges.ts';
import { apiUrlProblem } from './sites.ts';

type ConnectMethod = 'forge.list' | 'forge.connect' | 'forge.disconnect' | 'forge.startApp';

export type ConnectRoom = {
  [M in ConnectMethod]: (params: ParamsOf<M>, who: string) => Promise<ResultOf<M>>;
};

export interface ConnectRoomOptions {
  forges: OpenForges;
  making: AppMaking;
  /** Where a browser reaches this backend; null: nobody said. */
  url: () => string | null;
}

export function connectRoom({ forges, making, url }: ConnectRoomOptions): ConnectRoom {
  return {
    'forge.list': async ({ check }) => ({ forges: await forges.list(check) }),

    async 'forge.connect'({ host, kind, apiUrl = defaultApiUrl(host, kind), token }, who) {
      const problem = apiUrlProblem(apiUrl);
      if (problem !== null) throw new CodexError('badRequest', { field: 'apiUrl', why: problem });
      const secret = { how: 'token', token } as const;
      const connection = { host, kind, apiUrl: apiUrl.replace(/\/+$/, ''), how: secret.how, secret };
      return { forge: await forges.connect({ ...connection, from: 'client' }, who) };
    },

    async 'forge.disconnect'({ host }) {
      await forges.disconnect(host);
      return {};
    },

    async 'forge.startApp'({ host, organization, answersIssues }, who) {
      const there = await forges.connectionOf(host);
      if (there?.from === 'owner') throw new CodexError('forgeOwned', { host });
      if (there?.kind === 'gitlab') throw new CodexError('badRequest', { field: 'host', why: 'noApps' });
      const at = url();
      if (at === null) throw new CodexError('badRequest', { field: 'publicUrl', why: 'noPublicUrl' });
      const state = making.begin({
        host,
        apiUrl: there?.apiUrl ?? defaultApiUrl(host),
        answersIssues,
        who,
        ...(organization === undefined ? {} : { organization }),
      });
      return { url: `${at}${PATHS.forgeApp(state)}` };
    },
  };
}
