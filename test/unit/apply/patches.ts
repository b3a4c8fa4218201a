/** Patches written by hand, as git writes them: text as latin1, so that each byte is one character. */
import { deflateSync } from 'node:zlib';
import { encodeLines } from '../../../client/patch/base85.ts';
import { blobId } from '../../../client/patch/index.ts';

export const id = (text: string) => blobId(Buffer.from(text, 'latin1'));
export const NONE = '0'.repeat(40);

const linesOf = (op: string, text: string) => text.replace(/^(?=[^])/gm, op);
const count = (text: string) => text.split('\n').length - 1;

/** Changes the whole text; both end in a newline. */
export const change = (name: string, from: string, to: string) =>
  `diff --git a/${name} b/${name}\nindex ${id(from)}..${id(to)} 100644\n--- a/${name}\n+++ b/${name}\n` +
  `@@ -1,${count(from)} +1,${count(to)} @@\n${linesOf('-', from)}${linesOf('+', to)}`;
export const create = (name: string, text: string, mode = '100644') =>
  `diff --git a/${name} b/${name}\nnew file mode ${mode}\nindex ${NONE}..${id(text)}\n--- /dev/null\n+++ b/${name}\n` +
  `@@ -0,0 +1,${count(text)} @@\n${linesOf('+', text)}`;
export const remove = (name: string, text: string) =>
  `diff --git a/${name} b/${name}\ndeleted file mode 100644\nindex ${id(text)}..${NONE}\n--- a/${name}\n+++ /dev/null\n` +
  `@@ -1,${count(text)} +0,0 @@\n${linesOf('-', text)}`;
export const link = (name: string, target: string) =>
  `diff --git a/${name} b/${name}\nnew file mode 120000\nindex ${NONE}..${id(target)}\n--- /dev/null\n+++ b/${name}\n` +
  `@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`;
export const rename = (from: string, to: string) =>
  `diff --git a/${from} b/${to}\nsimilarity index 100%\nrename from ${from}\nrename to ${to}\n`;
/** Both contents whole, forward and back. */
export const binary = (name: string, from: string, to: string) =>
  `diff --git a/${name} b/${name}\nindex ${id(from)}..${id(to)} 100644\nGIT binary patch\n${literal(to)}${literal(from)}`;
const literal = (text: string) =>
  `literal ${text.length}\n${encodeLines(deflateSync(Buffer.from(text, 'latin1'))).toString('latin1')}`;
