/** Pictures for a task: from a file, the clipboard, or dropped; made small for showing. */

export interface Attachable {
  name: string;
  /** Base64. */
  data: string;
  /** An address that has a small picture in it; empty when the browser can't read it. */
  thumbnail: string;
}

/** On its longer side. */
const THUMBNAIL_PX = 96;

/** Those of what was pasted or dropped; text beside them is not ours. */
export function imagesIn(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])].filter(({ type }) => type.startsWith('image/'));
}

export async function readImage(file: File): Promise<Attachable> {
  const [data, thumbnail] = await Promise.all([base64(file), small(file).catch(() => '')]);
  return { name: file.name, data, thumbnail };
}

function base64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'));
    reader.onload = () =>
      resolve(typeof reader.result === 'string' ? reader.result.replace(/^[^,]*,/, '') : '');
    reader.readAsDataURL(file);
  });
}

async function small(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, THUMBNAIL_PX / Math.max(picture.width, picture.height, 1));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return canvas.toDataURL('image/png');
}
