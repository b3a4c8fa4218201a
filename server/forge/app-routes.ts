/** The two pages as routes. They have no token, since a browser has none: the state in their address guards them. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { CodexError, toWireError } from '../../protocol/errors.ts';
import { PATHS } from '../../protocol/http.ts';
import type { AppMaking } from './app-making.ts';
import { connectedPage, handoverPage, problemPage, type Page } from './app-pages.ts';

const OfState = z.object({ state: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
const Returned = z.object({
  code: z.string().regex(/^[A-Za-z0-9_-]{1,200}$/),
  /** GitHub gives back what it was given. */
  state: z.string().max(200).optional(),
});

export function appRoutes(making: AppMaking): (app: FastifyInstance) => void {
  return (app) => {
    app.get(PATHS.forgeApp(':state'), (request, reply) =>
      answer(reply, async () => {
        const { state } = known(OfState, request.params);
        const made = making.made(state);
        if (made) return connectedPage(await made);
        return handoverPage(making.handover(state, `${request.protocol}://${request.headers.host ?? ''}`));
      }),
    );
    app.get(PATHS.forgeAppDone(':state'), (request, reply) =>
      answer(reply, async () => {
        const { state } = known(OfState, request.params);
        const returned = known(Returned, request.query);
        if (returned.state !== undefined && returned.state !== state)
          throw new CodexError('forgeAppUnfinished');
        return connectedPage(await making.finish(state, returned.code));
      }),
    );
  };
}

function known<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new CodexError('forgeAppUnfinished');
  return parsed.data;
}

async function answer(reply: FastifyReply, make: () => Promise<Page>): Promise<FastifyReply> {
  let page: Page;
  try {
    page = await make();
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    page = problemPage(toWireError(error));
    reply.status(error.code === 'forgeAppUnfinished' ? 404 : 502);
  }
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', page.csp)
    .header('referrer-policy', 'no-referrer')
    .send(page.html);
}
