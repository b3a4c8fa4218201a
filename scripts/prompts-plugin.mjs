/** For esbuild: the prompts' texts in place of the module that reads them, so that one file ships. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const prompts = {
  name: 'prompts',
  setup(building) {
    building.onLoad({ filter: /[\\/]agent[\\/]prompts[\\/]files\.ts$/ }, async ({ path }) => {
      const folder = dirname(path);
      const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
      const files = names.map((name) => join(folder, name));
      const texts = await Promise.all(
        names.map(async (name, at) => [name.slice(0, -'.md'.length), await readFile(files[at], 'utf8')]),
      );
      const contents = `export const PROMPTS = ${JSON.stringify(Object.fromEntries(texts))};`;
      return { contents, loader: 'js', watchFiles: files, watchDirs: [folder] };
    });
  },
};
