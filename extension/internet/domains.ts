/**
 * A first look at what a person writes into a list of domains, so that most mistakes are named while
 * they type. What counts is the backend's own reading; its answer is shown where this one is too kind
 * (it knows the public suffixes). Pure.
 */
import type { RuleProblem } from '../../protocol/egress.ts';

export type DomainList = 'allow' | 'deny';

const LABEL = /^(?!-)[\p{L}\p{M}\p{N}_-]{1,63}(?<!-)$/u;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const MAX_NAME_CHARS = 253;
const MAX_PORT = 65_535;

/** Pasted lists come with commas, semicolons or line breaks. */
export function splitDomains(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((entry) => entry !== ''))];
}

/** What is wrong with one entry, or null. */
export function domainProblem(entry: string, list: DomainList): RuleProblem | null {
  if (entry.trim() === '') return 'empty';
  if (/^[=*.]*\*[=*.]*(?::.*)?$/.test(entry)) return list === 'deny' ? 'starInDeny' : 'starAlone';
  const match = /^(=|\*\.)?(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(entry);
  if (!match) return 'notAName';
  const [, mark, name = '', port] = match;
  if (name.includes('*')) return 'wildcardInside';
  if (port !== undefined && !isPort(port)) return port.startsWith('//') ? 'notAName' : 'badPort';
  return nameProblem(name, mark === '*.');
}

function nameProblem(name: string, below: boolean): RuleProblem | null {
  if (name.startsWith('[')) {
    if (!/^\[[\da-f:.]*:[\da-f:.]*\]$/i.test(name)) return 'notAName';
    return below ? 'wildcardInside' : null;
  }
  const plain = name.endsWith('.') ? name.slice(0, -1) : name;
  const labels = plain.split('.');
  if (plain.length > MAX_NAME_CHARS || !labels.every((label) => LABEL.test(label))) return 'notAName';
  if (/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? '')) {
    if (!IPV4.test(plain)) return 'oddAddress';
    return below ? 'wildcardInside' : null;
  }
  return null;
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= MAX_PORT;
}
