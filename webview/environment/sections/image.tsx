/** In what a task runs: the image, the versions it is told, the folder. */
import { LANGUAGES, OWN_IMAGES } from '../../../protocol/environment.ts';
import { Select, TextField } from '../../ui/fields.tsx';
import { t } from '../../words.ts';
import { fieldWords, LANGUAGE_NAMES } from '../words.ts';
import { Section, type SectionProps } from './section.tsx';

const DEFAULT_IMAGE = 'base';
const OTHER = 'other';

export function ImageSection({ form, problems, file, actions }: SectionProps) {
  const unset = file.image
    ? t('{image} (repository)', { image: file.image })
    : t('{image} (default)', { image: DEFAULT_IMAGE });
  const own = {
    base: t('base: small, with git, Python and Node.js'),
    universal: t('universal: the common languages and tools'),
  } satisfies Record<(typeof OWN_IMAGES)[number], string>;
  const choose = (chosen: string) => {
    if (chosen === OTHER) actions.set({ imageKind: 'other', image: '' });
    else actions.set({ imageKind: 'own', image: chosen });
  };
  return (
    <Section id="image" title={t('Image and versions')}>
      <div class="grid wide">
        <Select
          id="image-kind"
          label={t('Image')}
          value={form.imageKind === 'other' ? OTHER : form.image}
          options={[
            { value: '', label: unset },
            ...OWN_IMAGES.map((name) => ({ value: name, label: own[name] })),
            { value: OTHER, label: t('another image …') },
          ]}
          onChange={choose}
        />
        {form.imageKind === 'other' && (
          <TextField
            id="image-name"
            label={t('Name of the image')}
            hint={t('Linux with glibc, bash and git, such as ghcr.io/openai/codex-universal:latest.')}
            problem={problems.get('image')}
            value={form.image}
            placeholder="debian:13"
            mono
            onInput={(image) => actions.set({ image })}
          />
        )}
      </div>
      <fieldset>
        <legend>{fieldWords('versions')}</legend>
        <p class="field-hint" id="versions-hint">
          {t('The image “universal” switches to them; others get them as CODEX_ENV_…_VERSION.')}
        </p>
        <div class="grid">
          {LANGUAGES.map((name) => (
            <TextField
              key={name}
              id={`version-${name}`}
              label={LANGUAGE_NAMES[name]}
              problem={problems.get(`versions.${name}`)}
              value={form.versions[name]}
              placeholder={
                file.versions?.[name]
                  ? t('{value} (repository)', { value: file.versions[name] ?? '' })
                  : t('the image’s own')
              }
              onInput={(version) => actions.set({ versions: { ...form.versions, [name]: version } })}
            />
          ))}
        </div>
      </fieldset>
      <div class="grid wide">
        <TextField
          id="workdir"
          label={fieldWords('workdir')}
          hint={t('Below the root of the repository. Setup and maintenance begin there.')}
          problem={problems.get('workdir')}
          value={form.workdir}
          placeholder={
            file.workdir
              ? t('{value} (repository)', { value: file.workdir })
              : t('the root of the repository')
          }
          mono
          onInput={(workdir) => actions.set({ workdir })}
        />
      </div>
    </Section>
  );
}
