/** Which names a variable or a secret may have: a shell's, and none that is ours to set. Pure. */

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Set by us in every sandbox, or read by a shell or the loader before a program begins. */
const OURS = new Set([
  ...['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'PWD', 'OLDPWD', 'SHLVL', 'IFS', 'PS4'],
  ...['BASH_ENV', 'ENV', 'SHELLOPTS', 'BASHOPTS', 'UID', 'EUID', 'PPID', '_'],
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_TERMINAL_PROMPT', 'GIT_SSL_CAINFO'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'],
]);
const OUR_PREFIXES = /^(CODEX_|GIT_CONFIG_|BASH_FUNC_|LD_)/i;
const PROXY = /^(https?|all|no)_proxy$/i;

/** What is wrong with a name, to be put behind it in a sentence; null when nothing is. */
export function variableProblem(name: string): string | null {
  if (!NAME.test(name)) return 'is no name for a variable: letters, digits and underlines, no digit first';
  if (OURS.has(name) || OUR_PREFIXES.test(name) || PROXY.test(name)) return 'is set by Codex itself';
  return null;
}
