import assert from 'node:assert/strict';
import { test } from 'node:test';
import { templateOf } from '../../../server/agent/pull-request-template.ts';
import { findTemplate } from '../../../server/pipeline/pull-request-template.ts';

const SHA = 'a'.repeat(40);

function repository(files: Record<string, string>) {
  return {
    listTree: async (_repoId: string, _sha: string, folder: string) =>
      Object.keys(files)
        .filter((path) => path.slice(0, Math.max(0, path.lastIndexOf('/'))) === folder)
        .map((path) => path.slice(path.lastIndexOf('/') + 1)),
    readFile: async (_repoId: string, _sha: string, path: string) => Buffer.from(files[path] ?? ''),
  };
}
const found = (files: Record<string, string>) =>
  findTemplate(repository(files), { repoId: 'abcdefgh', sha: SHA }).then((template) => template?.path);

test('the template is found where forges look for it, in any case', async () => {
  assert.equal(await found({ 'README.md': 'x' }), undefined);
  assert.equal(
    await found({ '.github/PULL_REQUEST_TEMPLATE.md': '# What' }),
    '.github/PULL_REQUEST_TEMPLATE.md',
  );
  assert.equal(await found({ 'pull_request_template.md': '# What' }), 'pull_request_template.md');
  assert.equal(await found({ 'docs/Pull_Request_Template.txt': '# What' }), 'docs/Pull_Request_Template.txt');
  assert.equal(
    await found({ '.gitlab/merge_request_templates/Default.md': '# What' }),
    '.gitlab/merge_request_templates/Default.md',
  );
  const both = { 'pull_request_template.md': '1', '.github/pull_request_template.md': '2' };
  assert.equal(await found(both), '.github/pull_request_template.md');
  assert.equal(await found({ '.github/pull_request_template.md': '  \n' }), undefined);
});

test('a repository that can’t be read has no template', async () => {
  const broken = {
    listTree: async () => Promise.reject(new Error('gone')),
    readFile: async () => Promise.reject(new Error('gone')),
  };
  assert.equal(await findTemplate(broken, { repoId: 'abcdefgh', sha: SHA }), null);
  const link = { ...repository({ 'pull_request_template.md': 'x' }), readFile: broken.readFile };
  assert.equal(await findTemplate(link, { repoId: 'abcdefgh', sha: SHA }), null);
});

test('a long template is cut with a mark, at a whole character', () => {
  const template = templateOf('docs/pull_request_template.md', Buffer.from('€'.repeat(4_000)));
  assert.equal(template?.cut?.keptBytes, 8_190);
  assert.match(template?.text ?? '', /€\n\[… docs\/pull_request_template\.md is cut here/);
});
