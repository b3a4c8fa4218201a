/**
 * What each kind of test needs from the machine, and how it comes there.
 *
 * A test file needs what its path says here; a file whose need is missing is skipped, with the reason
 * in the last lines of the run.
 */
import { run } from '../setup/common.mjs';
import { ensureBubblewrap } from '../setup/bubblewrap.mjs';
import { ensureChromium } from '../setup/chromium.mjs';
import { ensureCodeServer } from '../setup/code-server.mjs';
import { ensureDebootstrap } from '../setup/debootstrap.mjs';
import { ensureDocker } from '../setup/docker.mjs';
import { ensureGithubOpenapi } from '../setup/github-openapi.mjs';
import { ensureNamespaces } from '../setup/namespaces.mjs';
import { ensurePostgres } from '../setup/postgres.mjs';
import { ensureBaseImage } from './base-image.mjs';
import { ensureInHostSuite } from './in-host-suite.mjs';
import { ensureInHostRunner, ensureVsix } from './vsix.mjs';

/** Each ends with `{ ok, detail | reason }`; run one after the other, and only those that are needed. */
const STEPS = {
  git: checkGit,
  bubblewrap: ensureBubblewrap,
  namespaces: ensureNamespaces,
  docker: ensureDocker,
  // Only where no image registry can be reached; the image's own build says so if it is missing.
  debootstrap: ensureDebootstrap,
  baseImage: ensureBaseImage,
  postgres: ensurePostgres,
  chromium: ensureChromium,
  codeServer: ensureCodeServer,
  githubOpenapi: ensureGithubOpenapi,
  vsix: ensureVsix,
  inHostRunner: ensureInHostRunner,
  inHostSuite: ensureInHostSuite,
};

/** A step that makes no sense without another. */
const DEPENDS = { baseImage: ['docker'] };

const SANDBOX = ['docker', 'debootstrap', 'baseImage'];
/** Path patterns, each with its needs; every pattern that matches counts. */
const NEEDS = [
  [/^test\/(integration|attacks|faults|load|e2e|peers|nightly)\//, ['git']],
  [/^test\/integration\/(sandbox|cli|pipeline|backend)\//, [...SANDBOX, 'bubblewrap']],
  [/^test\/(attacks|faults)\//, [...SANDBOX, 'bubblewrap']],
  [/^test\/load\//, SANDBOX],
  [/^test\/.*postgres/, ['postgres']],
  [/^test\/attacks\/egress\//, ['namespaces']],
  [/^test\/e2e\//, ['chromium', 'codeServer', 'vsix']],
  [/^test\/e2e\/in-host/, ['inHostRunner', 'inHostSuite']],
  [/^test\/e2e\/specs\//, SANDBOX],
  [/^test\/(?!unit\/).*\b(forges?|pull-requests?)\b/, ['githubOpenapi']],
  [/^test\/nightly\//, ['docker', 'debootstrap']],
  [/^test\/nightly\/kills/, SANDBOX],
];

export function needsOf(file) {
  return NEEDS.filter(([pattern]) => pattern.test(file)).flatMap(([, needs]) => needs);
}

/**
 * Makes sure of what these files need. The answer maps each need to its path or detail, or to why it
 * is missing.
 */
export async function ensureNeeds(files, print) {
  const wanted = new Set(files.flatMap(needsOf));
  const found = new Map();
  const missing = new Map();
  for (const [name, step] of Object.entries(STEPS)) {
    if (!wanted.has(name)) continue;
    const lacks = DEPENDS[name]?.find((other) => missing.has(other));
    const result = lacks ? { ok: false, reason: missing.get(lacks) } : await step(print);
    if (name === 'debootstrap') continue;
    if (result.ok) found.set(name, result.path ?? result.detail);
    else missing.set(name, result.reason);
    print(`${name}: ${result.ok ? result.detail : result.reason}`);
  }
  return { found, missing };
}

async function checkGit() {
  const { code, out } = await run('git', ['--version']);
  return code === 0 ? { ok: true, detail: out.trim() } : { ok: false, reason: 'Install git.' };
}
