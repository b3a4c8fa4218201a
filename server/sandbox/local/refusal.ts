/**
 * Why this machine can't confine a process, as a sentence with what to do; null when it can. No
 * confinement is a refusal, never a weaker run. Pure: see `facts.ts` for where it all comes from.
 */
import type { Facts } from './facts.ts';

/** The first with `--size`, without which shared memory has no end. */
const OLDEST_BUBBLEWRAP = [0, 7] as const;
const PACKAGES: Record<string, string> = {
  mkfifo: 'coreutils',
  cp: 'coreutils',
  rm: 'coreutils',
  chmod: 'coreutils',
  du: 'coreutils',
};

export function refusal(facts: Facts): string | null {
  switch (facts.platform) {
    case 'linux':
      return onLinux(facts);
    default:
      return `There is no local sandbox for ${facts.platform}. Use Docker.`;
  }
}

function onLinux(facts: Facts): string | null {
  if (/Microsoft$/.test(facts.kernel))
    return 'WSL 1 has no namespaces to confine a process with. Convert the distribution (wsl --set-version NAME 2), or use Docker.';
  const missing = [
    ...(facts.bubblewrap === null ? ['bubblewrap'] : []),
    ...new Set(facts.missing.map((name) => PACKAGES[name] ?? name)),
  ];
  if (missing.length > 0)
    return `Missing on this machine: ${missing.join(', ')} (apt-get install ${missing.join(' ')}).`;
  const [major, minor] = (/(\d+)\.(\d+)/.exec(facts.bubblewrap ?? '') ?? []).slice(1).map(Number);
  if (!atLeast([major ?? 0, minor ?? 0], OLDEST_BUBBLEWRAP))
    return `${facts.bubblewrap} is too old: ${OLDEST_BUBBLEWRAP.join('.')} or newer is needed. Update it, or use Docker.`;
  if (facts.arch !== 'x64' && facts.arch !== 'arm64')
    return `There is no system call filter for ${facts.arch} processors. Use Docker.`;
  if (!facts.seccomp)
    return 'This kernel can’t filter system calls (CONFIG_SECCOMP_FILTER). Use Docker, or another kernel.';
  if (facts.maxUserNamespaces === '0')
    return 'User namespaces are switched off here. Allow them (sudo sysctl user.max_user_namespaces=15000), or use Docker.';
  if (facts.unprivileged && facts.usernsClone === '0')
    return 'User namespaces are only for root here. Allow them (sudo sysctl kernel.unprivileged_userns_clone=1), or use Docker.';
  return null;
}

/** After a trial that failed, with what bubblewrap said. */
export function refusalAfterTrial(facts: Facts, said: string): string {
  if (facts.unprivileged && facts.apparmorRestricts === '1')
    return (
      'AppArmor keeps unprivileged programs from making namespaces here, as Ubuntu does since 24.04. ' +
      'Give bubblewrap a profile that allows it (docs/local-sandbox.md has the file), ' +
      `or use Docker. bubblewrap said: ${said}`
    );
  return `bubblewrap can’t make a sandbox here: ${said}. In a container this needs user namespaces and an unmasked /proc; else use Docker.`;
}

function atLeast(version: readonly number[], least: readonly number[]): boolean {
  for (const [index, wanted] of least.entries()) {
    const part = version[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
