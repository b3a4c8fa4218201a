/** One environment: its sections from what is set most to what is set least. */
import { ApprovalSection } from './sections/approval.tsx';
import { ImageSection } from './sections/image.tsx';
import { InternetSection } from './sections/internet.tsx';
import { LimitsSection } from './sections/limits.tsx';
import { ScriptsSection } from './sections/scripts.tsx';
import { SecretsSection } from './sections/secrets.tsx';
import { ModelSection } from './sections/model.tsx';
import type { SectionProps } from './sections/section.tsx';
import { VariablesSection } from './sections/variables.tsx';

export function Editor(props: SectionProps) {
  return (
    <>
      <ImageSection {...props} />
      <ScriptsSection {...props} />
      <VariablesSection {...props} />
      <SecretsSection {...props} />
      <InternetSection {...props} />
      <ModelSection {...props} />
      <LimitsSection {...props} />
      <ApprovalSection {...props} />
    </>
  );
}
