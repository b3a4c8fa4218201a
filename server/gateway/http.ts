/**
 * The HTTP side: health, proof, patches and logs as bytes, and git for clients. Everything but health,
 * proof and `openRoutes` wants the token. Errors are a `WireError` as JSON; query strings and headers are never logged.
 */
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CodexError, toWireError, type ErrorCode } from '../../protocol/errors.ts';
import { PATHS } from '../../protocol/http.ts';
import { ATTEMPTS_MOST } from '../../protocol/limits.ts';
import { imageTypeOf } from '../../protocol/images.ts';
import type { Repos } from '../repos/repos.ts';
import { authorize, checkPlace, proofOf, type Access } from './auth.ts';

export interface Downloads {
  /** The patch of a turn from the task's base, or from the result of the turn `from`. */
  patch(taskId: string, turn: number, attempt: number, from: number | null): Promise<Uint8Array>;
  /** Of that same patch, the bytes of a file's old or new side. Throws notFound for every other id. */
  file(taskId: string, turn: number, attempt: number, from: number | null, oid: string): Promise<Uint8Array>;
  /** Every command of the turn with all of its kept output, as text, piece by piece. */
  log(taskId: string, turn: number, attempt: number): Promise<AsyncIterable<string> | Iterable<string>>;
  /** What the task asked the internet for, one JSON object a line, page by page. */
  egress(taskId: string): Promise<AsyncIterable<string>>;
}

/** Pictures by the hash of their bytes. */
export interface BlobRoom {
  put(sha256: string, bytes: Uint8Array, who: string): Promise<void>;
  get(sha256: string): Promise<Buffer>;
}

export interface HttpParts {
  access: Access;
  repos: Repos;
  downloads: Downloads;
  blobs: BlobRoom;
  maxBlobBytes: number;
  /** Those that need no token. */
  openRoutes: readonly ((app: FastifyInstance) => void)[];
  log: (line: string) => void;
}

const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbiddenOrigin: 403,
  notFound: 404,
  repoUnknown: 404,
  unknownMethod: 404,
  limitReached: 429,
  badRequest: 400,
  conflict: 409,
  patchTooLarge: 413,
  pushTooLarge: 413,
  frameTooLarge: 413,
  attachmentTooLarge: 413,
  attachmentUnreadable: 400,
  attachmentMissing: 404,
  forgeSignatureWrong: 401,
  notBuilt: 501,
  shuttingDown: 503,
  diskFull: 507,
};

/** Every client asks once when it finds the backend; whoever asks more wants to find something out. */
const PROOFS_PER_SECOND = 50;

const OfAttempt = z.object({
  id: z.string().regex(/^[a-z0-9]{8,40}$/),
  turn: z.coerce.number().int().min(1).max(100_000),
  attempt: z.coerce.number().int().min(1).max(ATTEMPTS_MOST),
});
const OfTask = OfAttempt.pick({ id: true });
const PatchQuery = z.object({ from: z.coerce.number().int().min(1).max(100_000).optional() });
const OfFile = OfAttempt.extend({ oid: z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/) });
const ProofQuery = z.object({ nonce: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/) });
const BLOB = '/api/v1/blobs/:sha256';
const OfBlob = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const OfRepo = z.object({ repoId: z.string().regex(/^[a-z0-9]{8,64}$/) });

export function createHttp({
  access,
  repos,
  downloads,
  blobs,
  maxBlobBytes,
  openRoutes,
  log,
}: HttpParts): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  let proofs = 0;
  let proofsSince = 0;

  app.addHook('onRequest', (_request, reply, next) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    next();
  });

  app.setErrorHandler((error, request, reply) => {
    const known = ourError(error, request.routeOptions);
    const wire = toWireError(known);
    if (wire.code === 'internal')
      log(`${request.method} ${request.routeOptions.url ?? ''}: ${String(error)}`);
    return reply.status(STATUS_OF[wire.code] ?? refusedByFastify(error) ?? 500).send(wire);
  });
  app.setNotFoundHandler((request, reply) => {
    authorize(request.headers, access);
    return reply.status(404).send(toWireError(new CodexError('notFound')));
  });

  app.get(PATHS.health, (request) => {
    checkPlace(request.headers, access);
    return { ok: true };
  });
  app.get(PATHS.proof, (request) => {
    checkPlace(request.headers, access);
    const now = Date.now();
    if (now - proofsSince >= 1_000) [proofs, proofsSince] = [0, now];
    if (++proofs > PROOFS_PER_SECOND) throw new CodexError('limitReached', { limit: 'proofs' });
    return { proof: proofOf(access.token, ProofQuery.parse(request.query).nonce) };
  });

  app.register((guarded, _options, done) => {
    guarded.addHook('onRequest', (request, _reply, next) => {
      authorize(request.headers, access);
      next();
    });
    guarded.get('/api/v1/tasks/:id/turns/:turn/attempts/:attempt/patch', async (request, reply) => {
      const { id, turn, attempt } = OfAttempt.parse(request.params);
      const bytes = await downloads.patch(id, turn, attempt, PatchQuery.parse(request.query).from ?? null);
      return reply
        .type('application/octet-stream')
        .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    });
    guarded.get('/api/v1/tasks/:id/turns/:turn/attempts/:attempt/blobs/:oid', async (request, reply) => {
      const { id, turn, attempt, oid } = OfFile.parse(request.params);
      const { from = null } = PatchQuery.parse(request.query);
      const bytes = await downloads.file(id, turn, attempt, from, oid);
      return reply
        .type('application/octet-stream')
        .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    });
    guarded.get('/api/v1/tasks/:id/turns/:turn/attempts/:attempt/log', async (request, reply) => {
      const { id, turn, attempt } = OfAttempt.parse(request.params);
      const pieces = await downloads.log(id, turn, attempt);
      return reply.type('text/plain; charset=utf-8').send(Readable.from(pieces));
    });
    guarded.get('/api/v1/tasks/:id/egress', async (request, reply) => {
      const lines = await downloads.egress(OfTask.parse(request.params).id);
      return reply.type('application/x-ndjson').send(Readable.from(lines));
    });
    done();
  });

  app.register((pictures, _options, done) => {
    pictures.removeAllContentTypeParsers();
    pictures.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    pictures.addHook('onRequest', (request, _reply, next) => {
      authorize(request.headers, access);
      next();
    });
    pictures.put(BLOB, { bodyLimit: maxBlobBytes }, async (request, reply) => {
      const { sha256 } = OfBlob.parse(request.params);
      if (!Buffer.isBuffer(request.body)) throw new CodexError('attachmentUnreadable');
      await blobs.put(sha256, request.body, authorize(request.headers, access).id);
      return reply.status(204).send();
    });
    pictures.get(BLOB, async (request, reply) => {
      const bytes = await blobs.get(OfBlob.parse(request.params).sha256);
      return reply.type(imageTypeOf(bytes) ?? 'application/octet-stream').send(bytes);
    });
    done();
  });

  for (const serve of openRoutes) {
    app.register((open, _options, done) => {
      open.addHook('onRequest', (request, _reply, next) => {
        checkPlace(request.headers, access);
        next();
      });
      serve(open);
      done();
    });
  }

  // Git speaks on the raw stream: bodies are packs of any size, compressed or chunked.
  app.register((git, _options, done) => {
    git.removeAllContentTypeParsers();
    git.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    git.addHook('onRequest', (request, _reply, next) => {
      authorize(request.headers, access);
      next();
    });
    git.route({
      method: ['GET', 'POST'],
      url: '/git/:repo/*',
      handler: async (request, reply) => {
        const { repo, '*': rest } = request.params as { repo: string; '*': string };
        const { repoId } = OfRepo.parse({ repoId: repo.replace(/\.git$/, '') });
        if (!(await repos.has(repoId))) throw new CodexError('repoUnknown', { repoId });
        reply.hijack();
        try {
          await repos.handleHttp(repoId, `/${rest}`, request.raw, reply.raw);
        } catch (error) {
          log(`git ${repoId}: ${String(error)}`);
          if (reply.raw.headersSent) reply.raw.destroy();
          else reply.raw.writeHead(STATUS_OF[toWireError(error).code] ?? 500).end();
        }
      },
    });
    done();
  });
  return app;
}

/** What is thrown by a schema, or by Fastify before our handler is asked, as an error of ours. */
function ourError(error: unknown, { url, bodyLimit = 0 }: FastifyRequest['routeOptions']): unknown {
  if (error instanceof z.ZodError) return new CodexError('badRequest');
  if (error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new CodexError(url === BLOB ? 'attachmentTooLarge' : 'frameTooLarge', { maxBytes: bodyLimit });
  return error;
}

/** What Fastify itself refuses (a malformed URL, an unsupported type) has its own 4xx. */
function refusedByFastify(error: unknown): number | undefined {
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : null;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
