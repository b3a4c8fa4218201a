/**
 * What to install when nobody wrote a setup script: by the lock files of the working folder, each with
 * the tool that made it, exactly as it says. A tool that the image does not have is passed over with a
 * line that says so. Pure.
 */

interface Installer {
  /** The first one that is there counts. */
  files: readonly string[];
  /** The program without which nothing can be done, and the commands that install. */
  needs: string;
  commands: readonly string[];
  /** Another one of the same ecosystem that was found before takes this one's place. */
  ecosystem: string;
}

/** Within an ecosystem from the one that says most (a lock file) to the one that says least. */
const INSTALLERS: readonly Installer[] = [
  {
    ecosystem: 'node',
    files: ['pnpm-lock.yaml'],
    needs: 'pnpm',
    commands: ['pnpm install --frozen-lockfile'],
  },
  {
    ecosystem: 'node',
    files: ['yarn.lock'],
    needs: 'yarn',
    // The two generations of yarn call the same wish by different names.
    commands: [
      'case "$(yarn --version)" in 0.*|1.*) yarn install --frozen-lockfile ;; *) yarn install --immutable ;; esac',
    ],
  },
  {
    ecosystem: 'node',
    files: ['package-lock.json', 'npm-shrinkwrap.json'],
    needs: 'npm',
    commands: ['npm ci --no-audit --no-fund'],
  },
  { ecosystem: 'python', files: ['uv.lock'], needs: 'uv', commands: ['uv sync --frozen'] },
  {
    ecosystem: 'python',
    files: ['poetry.lock'],
    needs: 'poetry',
    commands: ['poetry install --no-interaction'],
  },
  { ecosystem: 'python', files: ['Pipfile.lock'], needs: 'pipenv', commands: ['pipenv sync --dev'] },
  {
    ecosystem: 'python',
    files: ['requirements.txt'],
    needs: 'python3',
    // The system's own packages stay as they are: what is installed stands in a folder of its own,
    // which later shells find first.
    commands: [
      '[ -d "$HOME/.venv" ] || python3 -m venv --system-site-packages "$HOME/.venv"',
      '"$HOME/.venv/bin/pip" install --disable-pip-version-check -r requirements.txt',
      `grep -qs '\\.venv/bin' "$HOME/.bashrc" || echo 'export VIRTUAL_ENV="$HOME/.venv" PATH="$HOME/.venv/bin:$PATH"' >> "$HOME/.bashrc"`,
    ],
  },
  { ecosystem: 'go', files: ['go.sum'], needs: 'go', commands: ['go mod download'] },
  { ecosystem: 'rust', files: ['Cargo.lock'], needs: 'cargo', commands: ['cargo fetch --locked'] },
  {
    ecosystem: 'java',
    files: ['gradle.lockfile', 'gradlew'],
    needs: 'java',
    commands: [
      'if [ -x ./gradlew ]; then ./gradlew --no-daemon dependencies; else gradle --no-daemon dependencies; fi',
    ],
  },
  {
    ecosystem: 'java',
    files: ['pom.xml'],
    needs: 'mvn',
    commands: ['mvn --batch-mode --no-transfer-progress dependency:go-offline'],
  },
  { ecosystem: 'ruby', files: ['Gemfile.lock'], needs: 'bundle', commands: ['bundle install'] },
  {
    ecosystem: 'php',
    files: ['composer.lock'],
    needs: 'composer',
    commands: ['composer install --no-interaction --no-progress'],
  },
];

export interface AutomaticSetup {
  script: string;
  /** What it goes by: when one of these changes it has to run again. */
  files: string[];
}

/** `names`: the files of the working folder. Null when there is nothing to install. */
export function automaticSetup(names: readonly string[]): AutomaticSetup | null {
  const there = new Set(names);
  const ecosystems = new Set<string>();
  const files: string[] = [];
  const parts: string[] = [];
  for (const one of INSTALLERS) {
    const file = one.files.find((name) => there.has(name));
    if (file === undefined || ecosystems.has(one.ecosystem)) continue;
    ecosystems.add(one.ecosystem);
    files.push(file);
    parts.push(part(file, one));
  }
  return parts.length === 0 ? null : { script: parts.join('\n'), files };
}

function part(file: string, { needs, commands }: Installer): string {
  const shown = commands.map((command) => `  ${command}`).join('\n');
  return `if command -v ${needs} >/dev/null; then
  echo "Installing by ${file}"
${shown}
else
  echo "${file} is passed over: the image has no ${needs}. Choose the image universal, or install it in a setup script."
fi`;
}
