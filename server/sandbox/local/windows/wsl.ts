/**
 * What Windows can be told to do instead: it has nothing that holds a program the way a local sandbox
 * must, but the Linux inside WSL 2 has. Looked up here, so that the refusal names the next step.
 */
import { execFile } from 'node:child_process';
import type { SandboxHealth } from '../../sandbox.ts';

const LIST_TIMEOUT_MS = 10_000;
/** Made by Docker Desktop for itself: no place to work in. */
const NOT_FOR_PEOPLE = /^(?:docker-desktop(?:-data)?|rancher-desktop(?:-data)?|podman-machine-.*)$/;

export interface Distribution {
  name: string;
  version: 1 | 2;
  isDefault: boolean;
}

export async function checkWindows(wsl = 'wsl.exe'): Promise<SandboxHealth> {
  return { ok: false, detail: windowsRefusal(await listDistributions(wsl)) };
}

/** Null where there is no WSL. */
export function listDistributions(wsl: string): Promise<Distribution[] | null> {
  const options = { encoding: 'buffer', timeout: LIST_TIMEOUT_MS, windowsHide: true } as const;
  return new Promise((resolve) => {
    execFile(wsl, ['--list', '--verbose'], options, (error, stdout) => {
      const isMissing = error !== null && error.code === 'ENOENT';
      resolve(isMissing ? null : parseDistributions(stdout));
    });
  });
}

/** A table in UTF-16, or in UTF-8 where WSL_UTF8 is set; its heading is in the person's language. */
export function parseDistributions(bytes: Buffer): Distribution[] {
  const text = bytes.toString(bytes.includes(0) ? 'utf16le' : 'utf8').replace(/^\uFEFF/, '');
  return text.split(/\r?\n/).flatMap((line) => {
    const [, star, name, version] = /^([* ]) (\S.*?)\s{2,}\S.*\s([12])\s*$/.exec(line) ?? [];
    if (name === undefined || NOT_FOR_PEOPLE.test(name)) return [];
    return [{ name, version: version === '1' ? 1 : 2, isDefault: star === '*' }];
  });
}

/** Pure. */
export function windowsRefusal(distributions: Distribution[] | null): string {
  const why = 'Windows has no confinement that the local sandbox can use';
  const modern = distributions?.filter(({ version }) => version === 2) ?? [];
  const chosen = modern.find(({ isDefault }) => isDefault) ?? modern[0];
  if (chosen)
    return (
      `${why}, but ${chosen.name} in WSL 2 has one. Open the folder there (VS Code: “WSL: Reopen Folder in WSL”; ` +
      `command line: wsl -d "${chosen.name}"), or use Docker.`
    );
  const old = distributions?.[0];
  if (old)
    return `${why}, and ${old.name} runs in WSL 1, which has none either. Convert it (wsl --set-version "${old.name}" 2) and open the folder there, or use Docker.`;
  const install = distributions === null ? 'wsl --install' : 'wsl --install -d Debian';
  return `${why}. Install a Linux in WSL 2 (${install}) and open the folder there, or use Docker.`;
}
