/** Pictures that a person sent along, small; their bytes come from the backend when they are shown. */
import { useEffect } from 'preact/hooks';
import type { Attachment } from '../../protocol/events.ts';
import { bytes } from '../format.ts';
import { Icon } from '../ui/index.tsx';

export interface Pictures {
  /** By hash: an address that has the picture in it; empty when it is not to be had. */
  known: Readonly<Record<string, string>>;
  ask: (image: Attachment) => void;
}

export function PromptImages({ images, pictures }: { images: readonly Attachment[]; pictures: Pictures }) {
  return (
    <div class="pictures">
      {images.map((image) => (
        <Picture key={image.sha256} image={image} src={pictures.known[image.sha256]} ask={pictures.ask} />
      ))}
    </div>
  );
}

function Picture({
  image,
  src,
  ask,
}: {
  image: Attachment;
  src: string | undefined;
  ask: (image: Attachment) => void;
}) {
  useEffect(() => {
    if (src === undefined) ask(image);
  }, [image.sha256]);
  const title = `${image.name} · ${bytes(image.bytes)}`;
  if (src) return <img src={src} alt={image.name} title={title} />;
  return (
    <span class="chip" title={title}>
      <Icon name="file-media" />
      <span>{image.name}</span>
    </span>
  );
}
