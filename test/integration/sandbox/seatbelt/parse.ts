/** Rules for Seatbelt as lists of words: what is not well-formed is an error, as for `sandbox-exec`. */

export type Word = { symbol: string } | { text: string } | { pattern: string };
export type Form = Word | Form[];

export function parseRules(source: string): Form[][] {
  const forms: Form[] = [];
  const open: Form[][] = [forms];
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at);
    const [space] = /^(?:\s+|;[^\n]*)/.exec(rest) ?? [];
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const here = open.at(-1);
    if (!here) throw new SyntaxError(`too many ) at ${at}`);
    if (rest.startsWith('(')) {
      const list: Form[] = [];
      here.push(list);
      open.push(list);
      at++;
    } else if (rest.startsWith(')')) {
      open.pop();
      if (open.length === 0) throw new SyntaxError(`too many ) at ${at}`);
      at++;
    } else {
      const [whole, hash, text, symbol] = /^(?:(#?)"((?:[^"\\]|\\[^])*)"|([^\s()";]+))/.exec(rest) ?? [];
      if (whole === undefined) throw new SyntaxError(`nothing that can be read at ${at}`);
      if (symbol !== undefined) here.push({ symbol });
      else if (hash === '#') here.push({ pattern: text ?? '' });
      else here.push({ text: (text ?? '').replace(/\\([^])/g, '$1') });
      at += whole.length;
    }
  }
  if (open.length !== 1) throw new SyntaxError(`${open.length - 1} ( without )`);
  return forms.map((form) => {
    if (!Array.isArray(form)) throw new SyntaxError('a word outside of all lists');
    return form;
  });
}

export interface Rule {
  verdict: 'allow' | 'deny';
  operations: string[];
  filters: Form[];
}

const OPERATIONS = new Set([
  ...['default', 'process-exec', 'process-fork', 'process-info*', 'signal', 'sysctl-read', 'sysctl-write'],
  ...['mach-lookup', 'ipc-posix-sem', 'iokit-open', 'pseudo-tty', 'system-socket'],
  ...['file*', 'file-read*', 'file-read-metadata', 'file-read-data', 'file-write*', 'file-write-data'],
  ...['file-write-unlink', 'file-write-create', 'file-write-setugid', 'file-link', 'file-ioctl'],
  ...['file-map-executable', 'network*', 'network-bind', 'network-inbound', 'network-outbound'],
]);
const FILTERS = new Set([
  ...['subpath', 'literal', 'regex', 'target', 'require-all', 'extension', 'global-name'],
  ...['sysctl-name', 'sysctl-name-prefix', 'local', 'remote', 'socket-domain', 'iokit-registry-entry-class'],
]);

/** Each rule, with operations and filters that macOS has. */
export function rulesOf(source: string): Rule[] {
  const [version, ...forms] = parseRules(source);
  if (JSON.stringify(version) !== JSON.stringify([{ symbol: 'version' }, { symbol: '1' }]))
    throw new SyntaxError('no version');
  return forms.map((form) => {
    const [verdict, ...rest] = form;
    const head = symbolOf(verdict);
    if (head !== 'allow' && head !== 'deny') throw new SyntaxError(`no verdict: ${head}`);
    const operations = rest.filter((one) => !Array.isArray(one)).map(symbolOf);
    const filters = rest.filter((one) => Array.isArray(one));
    if (operations.length === 0) throw new SyntaxError('a rule about nothing');
    for (const operation of operations) {
      if (!OPERATIONS.has(operation)) throw new SyntaxError(`no operation ${operation}`);
    }
    for (const filter of filters) {
      if (!FILTERS.has(symbolOf(filter[0]))) throw new SyntaxError(`no filter ${symbolOf(filter[0])}`);
    }
    return { verdict: head, operations, filters };
  });
}

export function symbolOf(form: Form | undefined): string {
  if (form && 'symbol' in form) return form.symbol;
  throw new SyntaxError('a word was expected');
}

/** The paths of a rule's `(subpath …)` or `(literal …)`. */
export function pathsOf(rule: Rule, filter: 'subpath' | 'literal'): string[] {
  return rule.filters.flatMap((form) => {
    if (!Array.isArray(form) || symbolOf(form[0]) !== filter) return [];
    const [, path] = form;
    if (!path || !('text' in path)) throw new SyntaxError(`${filter} without a path`);
    return [path.text];
  });
}
