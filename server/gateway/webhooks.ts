/**
 * Where forges tell what happened: without our token, which no forge has; whoever reads the bytes checks their
 * signature. They are taken whole and as they are, since the signature is over the very bytes.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import { ForgeHost } from '../../protocol/forge.ts';
import { PATHS } from '../../protocol/http.ts';
import { WEBHOOK_BYTES } from '../../protocol/limits.ts';

/** What forges tell by themselves; each message proves by its signature where it is from. */
export interface WebhookRoom {
  /** Throws `CodexError` forgeSignatureWrong, badRequest, limitReached. */
  receive(delivery: {
    host: string;
    event: string | undefined;
    id: string | undefined;
    signature: string | undefined;
    body: Buffer;
  }): Promise<'taken' | 'ignored'>;
}

const OfHost = z.object({ host: ForgeHost });

export function serveWebhooks(
  app: FastifyInstance,
  room: WebhookRoom,
  checkPlace: (headers: IncomingHttpHeaders) => void,
): void {
  app.register((hooks, _options, done) => {
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    hooks.post(PATHS.webhook(':host'), { bodyLimit: WEBHOOK_BYTES }, async (request, reply) => {
      checkPlace(request.headers);
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
        body: request.body,
      });
      return reply.status(202).send({ outcome });
    });
    done();
  });
}
