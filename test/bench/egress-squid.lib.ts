/** Squid as a peer: Debian's `squid-openssl`, installed when we are root there, on ports of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeAuthority } from '../../server/egress/authority/certificates.ts';

const BINARY = '/usr/sbin/squid';
const CERTIFICATE_HELPER = '/usr/lib/squid/security_file_certgen';
const START_MS = 15_000;

export interface Squid {
  plainPort: number;
  interceptPort: number;
  /** What its clients have to trust, a PEM file. */
  trust: string;
  end: () => void;
}

export async function startSquid(
  dir: string,
  serverCa: string,
  host: string,
  port: number,
): Promise<Squid | null> {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return null;
  try {
    if (!existsSync(CERTIFICATE_HELPER)) {
      execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'squid-openssl'], {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
        stdio: 'ignore',
        timeout: 180_000,
      });
    }
    const home = join(dir, 'squid');
    mkdirSync(home);
    chmodSync(dir, 0o755);
    const uid = Number(execFileSync('id', ['-u', 'proxy'], { encoding: 'utf8' }));
    chownSync(home, uid, uid);
    const ca = await makeAuthority();
    const trust = join(home, 'ca.pem');
    writeFileSync(trust, ca.certificate);
    writeFileSync(join(home, 'both.pem'), ca.certificate + ca.key);
    const [plainPort, interceptPort] = [20_000 + (process.pid % 10_000), 30_001 + (process.pid % 10_000)];
    const database = join(home, 'certificates');
    execFileSync(CERTIFICATE_HELPER, ['-c', '-s', database, '-M', '4MB'], { stdio: 'ignore' });
    execFileSync('chown', ['-R', 'proxy', home]);
    writeFileSync(join(home, 'hosts'), `127.0.0.1 ${host}\n`);
    const config = [
      `http_port 127.0.0.1:${plainPort}`,
      `http_port 127.0.0.1:${interceptPort} ssl-bump cert=${join(home, 'both.pem')} generate-host-certificates=on`,
      `sslcrtd_program ${CERTIFICATE_HELPER} -s ${database} -M 4MB`,
      `tls_outgoing_options cafile=${serverCa}`,
      `acl bumped myportname ${interceptPort}`,
      `acl bumpport localport ${interceptPort}`,
      'acl step1 at_step SslBump1',
      'ssl_bump peek step1',
      'ssl_bump bump bumpport',
      'ssl_bump splice all',
      `acl target port ${port}`,
      'http_access allow target',
      'http_access deny all',
      `hosts_file ${join(home, 'hosts')}`,
      'cache deny all',
      'cache_mem 8 MB',
      'access_log none',
      `cache_log ${join(home, 'cache.log')}`,
      `pid_filename ${join(home, 'squid.pid')}`,
      `coredump_dir ${home}`,
      'shutdown_lifetime 0 seconds',
      'visible_hostname bench',
    ].filter((line) => !line.startsWith('acl bumped '));
    writeFileSync(join(home, 'squid.conf'), `${config.join('\n')}\n`);
    const child = spawn(BINARY, ['-N', '-f', join(home, 'squid.conf')], { stdio: 'ignore' });
    const squid = { plainPort, interceptPort, trust, end: () => void child.kill() };
    if (await answers(plainPort)) return squid;
    squid.end();
    return null;
  } catch {
    return null;
  }
}

async function answers(port: number): Promise<boolean> {
  for (const until = Date.now() + START_MS; Date.now() < until;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
