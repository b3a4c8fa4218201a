/**
 * Where forges tell what happened: without our token, which no forge has; whoever reads the bytes checks their
 * signature. They are taken whole and as they are, since the signature is over the very bytes.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import { ForgeHost } from '../../protocol/forge.ts';
import { PATHS } from '../../protocol/http.ts';
import { WEBHOOK_BYTES } from '../../protocol/limits.ts';
import type { Webhooks } from './webhooks.ts';

const OfHost = z.object({ host: ForgeHost });

/** For an instance of its own: it reads bodies as nothing else does. */
export const webhookRoutes =
  (room: Webhooks) =>
  (hooks: FastifyInstance): void => {
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    hooks.post(PATHS.webhook(':host'), { bodyLimit: WEBHOOK_BYTES }, async (request, reply) => {
      const { host } = OfHost.parse(request.params);
      if (!Buffer.isBuffer(request.body)) throw new CodexError('badRequest', { field: 'body' });
      const header = (name: string) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : undefined;
      };
      const outcome = await room.receive({
        host,
        event: header('x-github-event'),
        id: header('x-github-delivery'),
        signature: header('x-hub-signature-256'),
        type: header('content-type'),
        body: request.body,
      });
      return reply.status(202).send({ outcome });
    });
  };
