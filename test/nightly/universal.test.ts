/**
 * The universal image as a person gets it: named in an environment, built on first use, its own checks run
 * in a sandbox, its versions switched, and what each package manager makes of a lock file.
 *
 * What needs a host that can't be reached from here is printed as left out, with the reason.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Docker from 'dockerode';
import { defaultEnvironment, type Environment } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { isPublic, parseAddress } from '../../server/egress/policy/addresses.ts';
import { readContext } from '../../server/sandbox/docker/contexts.ts';
import { Images } from '../../server/sandbox/docker/images.ts';
import { openWorld, paramsOf, printed, type Ran, type World } from '../integration/pipeline/world.ts';
import { commitAll, initRepository, removeFolder, temporaryFolder, write } from '../support/git.ts';
import * as projects from './projects.ts';

const PUBLIC_NPM = 'https://registry.npmjs.org/';
const MAVEN_CENTRAL = 'repo.maven.apache.org';
/** Where a first build ends that does not come on; it took a quarter of an hour on two busy cores. */
const BUILD_MS = 40 * 60_000;

describe('the image universal', { timeout: BUILD_MS }, () => {
  const docker = new Docker();
  const folders: string[] = [];
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  let world: World;

  before(async () => {
    const host = new URL(registry).hostname;
    world = await openWorld('docker', {
      // Always looked into: the registry's certificate may be one that only this machine trusts.
      owner: { allowPrivate: await privateAddresses(host), intercept: 'always' },
    });
  });
  after(async () => {
    await world.close();
    for (const folder of folders) removeFolder(folder);
  });

  async function run(
    more: Partial<Environment>,
    commands: string[],
    fill: (folder: string) => void = () => {},
  ): Promise<Ran> {
    const folder = temporaryFolder('universal');
    folders.push(folder);
    initRepository(folder);
    write(folder, 'README.md', '# Project\n');
    fill(folder);
    commitAll(folder);
    // A machine with a registry of its own tells it to its tasks, as its owner would.
    const own = { npm_config_registry: registry, COREPACK_NPM_REGISTRY: registry };
    world.memory.environment = {
      ...defaultEnvironment(),
      image: 'universal',
      variables: registry === PUBLIC_NPM ? {} : own,
      ...more,
    };
    world.memory.prepared.clear();
    return world.run(await world.newTask(folder), {
      turn: 1,
      prompt: commands.map((command) => `$ ${command}`).join('\n'),
    });
  }

  function said(ran: Ran): string {
    assert.equal(ran.error, null, tail(ran));
    assert.deepEqual(paramsOf(ran.events, 'warning'), [], tail(ran));
    return printed(ran.events, 'agent');
  }

  test('it is built from a Debian mirror and the npm registry', async () => {
    const { image } = await readContext('universal');
    const there = await docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      );
    const startedAt = Date.now();
    const scratch = temporaryFolder('universal-scratch');
    folders.push(scratch);
    const shows = /^(FAILED|Step |\d+ checks)/;
    await new Images(docker, scratch).ensure('universal', (line) => {
      if (shows.test(line)) console.log(line);
    });
    const { Size } = await docker.getImage(image).inspect();
    const time = there ? 'was there already' : `built in ${Math.round((Date.now() - startedAt) / 1000)} s`;
    console.log(`${image}: ${time}, ${(Size / 1e9).toFixed(2)} GB`);
  });

  test('all that it says it has works in a sandbox, without internet access', async () => {
    const checks = said(await run({ setup: '' }, ['bash /opt/codex/verify.sh']));
    console.log(checks);
    assert.match(checks, /\n\d{2,} checks are good, 0 failed, \d+ tools were left out\.\n/);
    assert.doesNotMatch(checks, /^FAILED/m);
  });

  test('a chosen version is what the setup, the agent and a new shell have', async () => {
    const ran = await run({ versions: { node: '20', java: '25' }, setup: 'node --version; java --version' }, [
      'node --version; java --version | head -1; npm --version; env -i bash --login -c "node --version"; echo $JAVA_HOME',
    ]);
    const agent = said(ran);
    assert.match(printed(ran.events, 'setup'), /node 20\.\d+\.\d+ is in use, and no longer 24\.[^]*\nv20\./);
    assert.match(
      agent,
      /^v20\.\d+\.\d+\nopenjdk 25[^\n]*\n\d+\.\d+\.\d+\nv20\.[^]*\/opt\/codex\/current\/java\n/,
    );
  });

  test('a version of Node that is not in the image comes from the npm registry', async () => {
    const ran = await run({ versions: { node: '22.11.0' }, setup: '' }, ['node --version && npm --version']);
    assert.match(said(ran), /^v22\.11\.0\n\d+\./);
  });

  test('a version that can’t be had ends the setup with a sentence', async () => {
    const { error } = await run({ versions: { node: '0.0.99', ruby: '3' }, setup: '' }, ['true']);
    assert.ok(error instanceof CodexError);
    assert.equal(error.code, 'setupFailed');
    const { tail: last } = error.wire.params;
    assert.match(String(last), /node 0\.0\.99 can’t be had here: npm, asked for node-linux-/);
    assert.match(String(last), /There is 20\.\d+\.\d+, 22\.\d+\.\d+, 24\.\d+\.\d+\./);
  });

  test('npm, pip, go, cargo, gradle, bundler and composer install by their lock files', async () => {
    const agent = await run(
      {},
      [
        `node -p 'require("is-number")("5")'; python -c 'import local; print(local.ANSWER)'`,
        'GOFLAGS=-mod=mod go run . 2>&1; cargo run -q --offline; gradle --offline --no-daemon -q tasks > /tmp/log 2>&1 && echo gradle; bundle check; test -f vendor/autoload.php && echo composer',
      ],
      (folder) => {
        projects.npmProject(folder);
        projects.pipProject(folder);
        projects.goProject(folder);
        projects.rustProject(folder);
        projects.gradleProject(folder);
        projects.bundlerProject(folder);
        projects.composerProject(folder);
      },
    );
    assert.match(
      said(agent),
      /^true\n42\nfrom Go\nfrom Rust\ngradle\nThe Gemfile's dependencies are satisfied\ncomposer\n/,
    );
  });

  test('pnpm in the project’s own version, and poetry', async () => {
    const ran = await run(
      {},
      [`node -p 'require("is-number")("5")'; pnpm --version; poetry env list`],
      (folder) => {
        projects.pnpmProject(folder);
        projects.poetryProject(folder);
      },
    );
    assert.match(said(ran), new RegExp(`^true\n${projects.PNPM_VERSION}\n\\S+-py3\\.\\d+`));
  });

  test('yarn and pipenv', async () => {
    const ran = await run(
      {},
      [`node -p 'require("is-number")("5")'; yarn --version; pipenv --venv`],
      (folder) => {
        projects.yarnProject(folder);
        projects.pipenvProject(folder);
      },
    );
    assert.match(said(ran), /^true\n1\.22\.\d+\n\/root\/\.local\/share\/virtualenvs\//);
  });

  test('yarn of the second generation; uv where the image has it', async () => {
    const ran = await run({}, ['yarn --version; command -v uv'], (folder) => {
      projects.modernYarnProject(folder);
      projects.uvProject(folder);
    });
    assert.match(said(ran), new RegExp(`^${projects.YARN_VERSION}\n`));
    const uv = /^\/.*\/uv$/m.test(printed(ran.events, 'agent'));
    const passedOver = /uv\.lock is passed over: the image has no uv/.test(printed(ran.events, 'setup'));
    assert.equal(uv, !passedOver);
    if (!uv) console.log('Left out: uv, which neither Debian nor npm has; the image was built without it.');
  });

  test('maven, where Maven Central is reachable', async (t) => {
    const reachable = await lookup(MAVEN_CENTRAL).then(
      () => true,
      () => false,
    );
    if (!reachable) {
      console.log('Left out: an install by pom.xml; Maven Central is not reachable from here.');
      t.diagnostic('Maven Central is not reachable: left out');
      return;
    }
    assert.match(said(await run({}, ['mvn -o -q validate && echo good'], projects.mavenProject)), /good/);
  });
});

/** A company's mirror often has a private address: its owner would name it, and only it. */
async function privateAddresses(host: string): Promise<{ host: string; cidr: string }[]> {
  const addresses = await lookup(host, { all: true });
  return addresses.flatMap(({ address }) => {
    const parsed = parseAddress(address);
    return parsed && !isPublic(parsed) ? [{ host, cidr: `${address}/${isIPv6(address) ? 128 : 32}` }] : [];
  });
}

/** What is worth reading when something went wrong. */
function tail(ran: Ran): string {
  const { error } = ran;
  const why = error instanceof CodexError ? JSON.stringify(error.wire) : String(error);
  return `${why}\n${printed(ran.events, 'setup').slice(-3_000)}\n${printed(ran.events, 'agent').slice(-3_000)}`;
}
